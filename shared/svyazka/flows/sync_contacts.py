"""People are the same in several systems: what is changed in one is changed in the others."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from svyazka.catalogue import _
from svyazka.engine.contracts.flow import Flow, FlowSettings
from svyazka.model.events import EventType
from svyazka.model.in_step import Rules
from svyazka.model.records import RecordKind
from svyazka.model.tenants import Name

BOTH, OFF = "both", "off"

FIELDS: dict[str, str] = {"name": BOTH, "phone": BOTH, "email": BOTH, "birthday": BOTH}
"""What is kept in step where a flow says nothing."""

ONLY = ("tag", "pipeline", "responsible")
"""By what `only` may choose who takes part."""

Delete = Literal["keep", "mirror", "ask"]

CONTACTS = frozenset(
    {
        EventType.CONTACT_CREATED, EventType.CONTACT_CHANGED, EventType.CONTACT_DELETED, EventType.CONTACT_MERGED,
        EventType.LEAD_CREATED,
    }
)  # fmt: skip


class SyncContactsSettings(FlowSettings):
    """`sync_contacts`: which systems, which fields, and who says where they differ."""

    own_connections: ClassVar[tuple[str, ...]] = ("between",)

    between: tuple[Name, ...] = Field(min_length=2, max_length=5)
    mode: Literal["watch", "on"] = "watch"
    fields: dict[str, str] = {}
    create: Literal["none", "all"] | Name | dict[Name, Literal["always"] | dict[Literal["once"], str]] = "none"
    only: dict[Name, dict[str, str]] = {}
    clear: Literal["keep", "mirror", "ask"] = "keep"
    delete: Delete | dict[Name, Delete] = "keep"
    conflicts: Literal["ask", "newest"] | Name = "ask"
    prefer: Name | None = None
    first: Literal["ask", "owner"] = "ask"
    on_doubt: Literal["ask", "create", "skip"] = "ask"

    @field_validator("between")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise ValueError(_("expected different connections, got {name} twice", name=twice[0]))
        return value

    @field_validator("fields", mode="before")
    @classmethod
    def _yes_and_no(cls, value: Any) -> Any:
        """YAML reads a bare `off` as false."""
        if not isinstance(value, dict):
            return value
        return {name: OFF if owner is False else owner for name, owner in value.items()}

    @field_validator("mode", mode="before")
    @classmethod
    def _on(cls, value: Any) -> Any:
        """YAML reads a bare `on` as true."""
        return "on" if value is True else value

    @field_validator("delete")
    @classmethod
    def _deleted_by_people(cls, value: Any) -> Any:
        each = value.values() if isinstance(value, dict) else (value,)
        if "mirror" in each:
            raise ValueError(
                _("expected keep or ask, got mirror: no system lets a person be deleted for another's sake")
            )
        return value

    @model_validator(mode="after")
    def _known_names(self) -> SyncContactsSettings:
        listed = ", ".join(self.between)
        for where, name in self._named():
            if name not in self.between:
                raise ValueError(
                    _("{where}: expected one of {listed}, got {name!r}", where=where, listed=listed, name=name)
                )
        for name, owner in self.fields.items():
            if owner not in (BOTH, OFF, *self.between):
                raise ValueError(
                    _(
                        "fields.{field}: expected both, off or one of {listed}, got {owner!r}",
                        field=name,
                        listed=listed,
                        owner=owner,
                    )
                )
        for connection, wanted in self.only.items():
            for key in wanted:
                if key not in ONLY:
                    raise ValueError(
                        _(
                            "only.{connection}: expected one of {known}, got {key!r}",
                            connection=connection,
                            known=", ".join(ONLY),
                            key=key,
                        )
                    )
        if self.conflicts == "newest" and self.prefer is None:
            raise ValueError(_("prefer: expected a connection: with conflicts: newest times don't always tell"))
        return self

    def _named(self) -> list[tuple[str, str]]:
        """Connections that stand somewhere in the settings."""
        found = [("only", name) for name in self.only]
        found += [("delete", name) for name in self.delete] if isinstance(self.delete, dict) else []
        if isinstance(self.create, dict):
            found += [("create", name) for name in self.create]
        elif self.create not in ("none", "all"):
            found.append(("create", self.create))
        if self.conflicts not in ("ask", "newest"):
            found.append(("conflicts", self.conflicts))
        if self.prefer is not None:
            found.append(("prefer", self.prefer))
        return found

    @property
    def makes(self) -> dict[str, str]:
        """Where people may be made -> `always`, or the kind of event at which."""
        if isinstance(self.create, dict):
            return {name: one if one == "always" else one["once"] for name, one in self.create.items()}
        if self.create == "none":
            return {}
        return dict.fromkeys(self.between if self.create == "all" else (self.create,), "always")

    def rules_of(self, kind: RecordKind, fields: dict[str, str]) -> Rules:
        """The rules for things of a kind."""
        return Rules(
            kind=kind, between=self.between, writes=self.mode == "on", fields=fields, create=self.makes, only=self.only,
            clear=self.clear,
            delete=self.delete if isinstance(self.delete, dict) else dict.fromkeys(self.between, self.delete),
            conflicts=self.conflicts, prefer=self.prefer, first=self.first, on_doubt=self.on_doubt,
        )  # fmt: skip


class SyncContacts(Flow[SyncContactsSettings]):
    """Carried out by `engine/in_step`: an event only says which person is to be looked at."""

    name = "sync_contacts"
    needs_sources = needs_channels = False
    in_step = True
    carries = ("SyncObject",)

    def settings_model(self) -> type[SyncContactsSettings]:
        return SyncContactsSettings

    def wants(self, settings: SyncContactsSettings) -> frozenset[EventType]:
        return CONTACTS

    def rules(self, settings: SyncContactsSettings) -> Rules:
        return settings.rules_of(RecordKind.CONTACT, {**FIELDS, **settings.fields})


FLOW = SyncContacts()
