"""What a person does elsewhere shows on his card in the CRM: last order, last visit, what he did in the app."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from svyazka.catalogue import _
from svyazka.engine.contracts.flow import Channel, Decision, Facts, Flow, FlowContext, FlowSettings, Needs
from svyazka.flows.forward import FORWARDABLE
from svyazka.flows.leads import CARRIES, lane_person
from svyazka.flows.messages import PLACEHOLDERS, check_template, fill, safe_value, values_of
from svyazka.flows.notify import WORDS
from svyazka.model.commands import AddNote, AddTask, Plan, PutRecord, Stage
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType
from svyazka.model.records import Link, RecordKind, Target
from svyazka.model.tenants import Duration

OPEN_DEAL = timedelta(days=365)
"""An open deal that isn't older than this is the one that `on: deal` means."""


class EnrichSettings(FlowSettings):
    """`enrich`: at least one of `fields`, `note` and `task`."""

    placeholders: ClassVar[frozenset[str]] = PLACEHOLDERS | {"event", "source", "activity"}

    events: tuple[EventType, ...] = Field(min_length=1)
    activities: tuple[str, ...] | None = None
    """Of what an app tells, only these."""
    fields: dict[str, str] = {}
    """Canonical name -> text with placeholders; written where it differs, left alone where it comes out empty."""
    note: str | None = None
    task: str | None = None
    task_within: Duration = Field(default=timedelta(days=1), gt=timedelta())
    responsible: str | None = None
    on: Literal["contact", "deal"] = "contact"
    """Where notes and tasks go: the person's card, or his open deal."""
    create: bool = False
    """Whether whoever isn't in the CRM yet gets a card there."""

    @field_validator("events")
    @classmethod
    def _tellable(cls, value: tuple[EventType, ...]) -> tuple[EventType, ...]:
        for type_ in value:
            if type_ not in FORWARDABLE:
                raise ValueError(_("expected types such as order.completed, got {type}", type=type_.value))
        return value

    @field_validator("note", "task")
    @classmethod
    def _known_placeholders(cls, value: str | None) -> str | None:
        return check_template(value, cls.placeholders) if value is not None else None

    @field_validator("fields")
    @classmethod
    def _known_in_fields(cls, value: dict[str, str]) -> dict[str, str]:
        return {name: check_template(text, cls.placeholders) for name, text in value.items()}

    @model_validator(mode="after")
    def _something(self) -> EnrichSettings:
        if not (self.fields or self.note or self.task):
            raise ValueError(_("expected fields, note or task: there is nothing to be done"))
        return self


class Enrich(Flow[EnrichSettings]):
    """The card is found by phone, e-mail or chat; who isn't there is left alone, unless `create` says so."""

    name = "enrich"
    carries = (CARRIES,)
    suggested: ClassVar[dict[str, str]] = {"events": "order.completed", "note": "{event}: {number}, {sum}"}

    def settings_model(self) -> type[EnrichSettings]:
        return EnrichSettings

    def wants(self, settings: EnrichSettings) -> frozenset[EventType]:
        return frozenset(settings.events)

    def needs(self, event: Event, settings: EnrichSettings) -> Needs:
        """Many webhooks name nobody."""
        return Needs(reread=event.contact is None)

    def plan(self, event: Event, facts: Facts, settings: EnrichSettings, context: FlowContext) -> Decision:
        activity = event.data.get("activity")
        if settings.activities is not None and activity is not None and activity not in settings.activities:
            return Decision(reason=f"{activity} is none of its activities")
        person = event.contact or Contact()
        if lane_person(person) is None:
            return Decision(reason="nobody is named whose card it could be")
        takers = [channel for channel in context.channels if channel.carries(CARRIES)]
        return Decision([_plan(channel, event, person, settings, context) for channel in takers])


def _plan(channel: Channel, event: Event, person: Contact, settings: EnrichSettings, context: FlowContext) -> Plan:
    values = {**values_of(event, person), "name": safe_value(person.name or "")}
    trusted = {
        "business": context.tenant_name, "event": WORDS.get(event.type, event.type.value), "source": event.connection,
        "activity": safe_value(event.data.get("activity") or ""),
    }  # fmt: skip

    def filled(text: str) -> str:
        return fill(text, values, trusted)

    fields: dict[str, JsonValue] = {name: text for name, rule in settings.fields.items() if (text := filled(rule))}
    card = PutRecord(
        record=RecordKind.CONTACT, person=person, fields=fields, overwrite="differs", create=settings.create
    )  # fmt: skip
    contact = Stage(step=channel.step(context.flow, card, "contact"), person=person)
    stages, on = [contact], Target(kind=RecordKind.CONTACT, to=contact.result())
    if settings.on == "deal" and (settings.note or settings.task):
        put = PutRecord(
            record=RecordKind.DEAL, person=person, attach=OPEN_DEAL, create=False,
            links=(Link(kind=RecordKind.CONTACT, to=contact.result(), main=True),),
        )  # fmt: skip
        deal = Stage(step=channel.step(context.flow, put, "deal"), person=person)
        stages, on = [*stages, deal], Target(kind=RecordKind.DEAL, to=deal.result())
    if settings.note:
        note = AddNote(on=on, text=filled(settings.note), person=person)
        stages.append(Stage(step=channel.step(context.flow, note, "note"), person=person, after=()))
    if settings.task:
        due = event.received_at + settings.task_within
        task = AddTask(
            on=on, text=filled(settings.task), due_at=due, responsible=settings.responsible, person=person
        )  # fmt: skip
        stages.append(Stage(step=channel.step(context.flow, task, "task"), person=person, after=()))
    # The same visit may be told of as booked and as done: each is news.
    return Plan(subject=f"{event.subject}:{event.type.value}", stages=tuple(stages))


FLOW = Enrich()
