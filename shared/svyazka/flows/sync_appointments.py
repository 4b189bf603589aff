"""Visits of a calendar are deals in a CRM: what becomes of the one is seen in the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from svyazka.catalogue import N_, _
from svyazka.engine.comparing.stages import StageTable
from svyazka.engine.contracts.flow import Flow, FlowSettings
from svyazka.flows.messages import check_template, fill
from svyazka.model.errors import ConfigError
from svyazka.model.events import EventType
from svyazka.model.in_step import Rules
from svyazka.model.records import RecordKind
from svyazka.model.tenants import Name

BOTH, OFF = "both", "off"

TITLE_SHOWS = frozenset({"name", "service", "staff", "price", "date", "time"})
"""Placeholders of a deal's title."""

FIELDS = ("status", "starts_at", "ends_at", "title", "price", "service", "staff")
"""What of a visit a deal shows: title and amount in the deal's own, the status as its stage, each of the others in the
field that the CRM's connection names for it (`fields`)."""

MOVED_BY_BOTH = frozenset({"status", "starts_at"})
"""Where the CRM may have a word too; all else is the calendar's."""

EVENTS = frozenset(
    {
        EventType.APPOINTMENT_BOOKED, EventType.APPOINTMENT_CHANGED, EventType.APPOINTMENT_CONFIRMED,
        EventType.APPOINTMENT_CANCELLED, EventType.APPOINTMENT_COMPLETED, EventType.APPOINTMENT_MISSED,
        EventType.DEAL_CREATED, EventType.DEAL_CHANGED, EventType.DEAL_WON, EventType.DEAL_LOST,
    }
)  # fmt: skip


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Stage = Annotated[str, BeforeValidator(_as_text), Field(min_length=1, max_length=60)]
Delete = Literal["keep", "mirror", "ask"]


class SyncAppointmentsSettings(FlowSettings):
    """`sync_appointments`: whose visits are whose deals, and which stage means what."""

    own_connections: ClassVar[tuple[str, ...]] = ("between",)

    between: tuple[Name, ...] = Field(min_length=2, max_length=5)
    shows_as: dict[Name, Literal["deal"]] = Field(alias="as", min_length=1)
    mode: Literal["watch", "on"] = "watch"
    stages: dict[str, Stage | tuple[Stage, ...]] = Field(
        description=N_("{booked: 11, confirmed: 12, completed: 13, cancelled: 14, missed: 15}, by the CRM's stages")
    )
    title: str = "{service}: {name}"
    fields: dict[str, str] = {}
    """Field -> `off`; for `status` and `starts_at` also `both`, or the calendar."""
    per: Literal["visit"] = "visit"
    attach: Literal["open"] | None = None
    attendance: Literal["calendar", "both"] = "calendar"
    delete: Delete | dict[Name, Delete] = {}
    conflicts: Literal["ask"] | Name = "ask"

    @field_validator("title")
    @classmethod
    def _known_placeholders(cls, value: str) -> str:
        return check_template(value, TITLE_SHOWS)

    @field_validator("per", mode="before")
    @classmethod
    def _each_visit(cls, value: Any) -> Any:
        if value == "person":
            raise ValueError(
                _("expected visit: one deal for all visits of a person can't show when each of them is; `attach: open`"
                  " takes a person's open deal for the next visit")
            )  # fmt: skip
        return value

    @field_validator("mode", mode="before")
    @classmethod
    def _on(cls, value: Any) -> Any:
        """YAML reads a bare `on` as true."""
        return "on" if value is True else value

    @field_validator("fields", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        """YAML reads a bare `off` as false."""
        return (
            {name: OFF if owner is False else owner for name, owner in value.items()}
            if isinstance(value, dict)
            else value
        )

    @field_validator("stages")
    @classmethod
    def _each_status(cls, value: dict[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
        try:
            StageTable.of(value)
        except ConfigError as error:
            raise ValueError(str(error).removeprefix("stages: ")) from None
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> SyncAppointmentsSettings:
        listed, calendars = ", ".join(self.between), [name for name in self.between if name not in self.shows_as]
        for where, name in self._named():
            if name not in self.between:
                raise ValueError(
                    _("{where}: expected one of {listed}, got {name!r}", where=where, listed=listed, name=name)
                )
        if len(calendars) != 1 or len(set(self.between)) != len(self.between):
            raise ValueError(
                _("between: expected one calendar, and each CRM once: `as` names those in which a visit is a deal")
            )
        for name, owner in self.fields.items():
            allowed = (BOTH, OFF, *calendars) if name in MOVED_BY_BOTH else (OFF, *calendars)
            if name not in FIELDS or owner not in allowed:
                known = ", ".join(FIELDS) if name not in FIELDS else ", ".join(allowed)
                raise ValueError(_("fields.{field}: expected one of {known}", field=name, known=known))
        mirrored = [name for name in self.shows_as if self.deleted.get(name) == "mirror"]
        if mirrored:
            raise ValueError(
                _("delete.{name}: expected keep or ask: a deal that is deleted cancels no visit", name=mirrored[0])
            )
        return self

    def _named(self) -> list[tuple[str, str]]:
        """Connections that stand somewhere in the settings."""
        found: list[tuple[str, str]] = [("as", name) for name in self.shows_as]
        found += [("delete", name) for name in self.delete] if isinstance(self.delete, dict) else []
        return found + ([("conflicts", self.conflicts)] if self.conflicts != "ask" else [])

    @property
    def calendar(self) -> str:
        """The connection whose visits they are."""
        return next(name for name in self.between if name not in self.shows_as)

    @property
    def deleted(self) -> dict[str, str]:
        """By connection: what follows where something is deleted there. A visit that is gone closes its deal."""
        if isinstance(self.delete, str):
            return dict.fromkeys(self.between, self.delete)
        return {**{name: "keep" if name in self.shows_as else "mirror" for name in self.between}, **self.delete}


class SyncAppointments(Flow[SyncAppointmentsSettings]):
    """Carried out by `engine/in_step`: an event only says which visit, or which deal, is to be looked at."""

    name = "sync_appointments"
    needs_sources = needs_channels = False
    in_step = visits_as_deals = True
    carries = ("SyncObject",)

    def settings_model(self) -> type[SyncAppointmentsSettings]:
        return SyncAppointmentsSettings

    def wants(self, settings: SyncAppointmentsSettings) -> frozenset[EventType]:
        return EVENTS

    def rules(self, settings: SyncAppointmentsSettings) -> Rules:
        calendar = settings.calendar
        fields = {name: BOTH if name == "status" else calendar for name in FIELDS}
        return Rules(
            kind=RecordKind.VISIT, between=settings.between, writes=settings.mode == "on",
            fields={**fields, **settings.fields}, create=dict.fromkeys(settings.shows_as, "always"),
            delete=settings.deleted, conflicts=settings.conflicts, first="owner",
            shows_as=dict.fromkeys(settings.shows_as, RecordKind.DEAL),
            stages={name: (one,) if isinstance(one, str) else one for name, one in settings.stages.items()},
            title=settings.title, attach=settings.attach == "open",
            attendance=settings.attendance == "both",
        )  # fmt: skip

    def titled(self, settings: SyncAppointmentsSettings, values: Mapping[str, str]) -> str:
        return fill(settings.title, {name: values.get(name) for name in TITLE_SHOWS}, {})


FLOW = SyncAppointments()
