"""Passes events on to the business's own systems: one signed HTTP call an event, to every connection of `via`."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, JsonValue, field_validator

from svyazka.catalogue import _
from svyazka.engine.contracts.flow import Decision, Facts, Flow, FlowContext, FlowSettings
from svyazka.model.commands import Forward, Guards, Plan
from svyazka.model.contacts import Contact, normalize_phone
from svyazka.model.events import Event, EventType
from svyazka.model.tenants import Duration

FORWARDABLE = frozenset(EventType) - {EventType.OTHER, EventType.SEND_REQUESTED}
"""Everything that vendors tell of and that has a type of ours."""


class ForwardSettings(FlowSettings):
    """`forward`: without `events` all of them go."""

    events: tuple[EventType, ...] | None = Field(default=None, min_length=1)
    contact: bool = True
    """Whether the person's name, phone, e-mail and chats go along."""
    expires_after: Duration | None = None

    @field_validator("events")
    @classmethod
    def _forwardable(cls, value: tuple[EventType, ...] | None) -> tuple[EventType, ...] | None:
        for type_ in value or ():
            if type_ not in FORWARDABLE:
                raise ValueError(_("expected types such as order.completed, got {type}", type=type_.value))
        return value


class ForwardFlow(Flow[ForwardSettings]):
    """Every connection of `via` gets every event: they are copies, not fallbacks."""

    name = "forward"
    carries = ("Forward",)

    def settings_model(self) -> type[ForwardSettings]:
        return ForwardSettings

    def wants(self, settings: ForwardSettings) -> frozenset[EventType]:
        return FORWARDABLE if settings.events is None else frozenset(settings.events)

    def plan(self, event: Event, facts: Facts, settings: ForwardSettings, context: FlowContext) -> Decision:
        takers = [channel for channel in context.channels if channel.carries("Forward")]
        if not takers:
            return Decision(reason="none of its connections can forward: expected one of vendor http")
        command = Forward(
            type=event.type.value,
            payload=payload_of(event, with_contact=settings.contact),
            occurred_at=event.occurred_at or event.received_at,
        )
        life: timedelta | None = settings.expires_after
        base = event.received_at if event.origin == "webhook" else (event.occurred_at or event.received_at)
        guards = Guards(expires_at=base + life if life else None)
        # An order has many events, and each is passed on once: the subject is the event, not the order.
        subject = f"event:{event.id}"
        return Decision([Plan.of(subject, [channel.step(self.name, command)], guards) for channel in takers])


def payload_of(event: Event, *, with_contact: bool) -> dict[str, JsonValue]:
    """`data` of the message: what the event is about, in our words."""
    contact = event.contact if with_contact else None
    return {
        "id": event.id,
        "connection": event.connection,
        "vendor": event.vendor,
        "subject": event.subject,
        "received_at": event.received_at.isoformat().replace("+00:00", "Z"),
        "contact": _shown(contact) if contact else None,
        "fields": event.data,
    }


def _shown(contact: Contact) -> JsonValue:
    return {
        "name": contact.name,
        "phone": normalize_phone(contact.phone) or contact.phone,
        "email": contact.email,
        "chats": {**contact.chats},
        "proxy": contact.proxy,
    }


FLOW = ForwardFlow()
