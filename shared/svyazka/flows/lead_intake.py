"""A lead stands in the CRM once: the person's card, a deal with its source, his words as a note, a task."""

from __future__ import annotations

from pydantic import Field, field_validator

from svyazka.catalogue import _
from svyazka.engine.contracts.flow import Decision, Facts, Flow, FlowContext
from svyazka.flows.leads import CARRIES, LeadSettings, lead_plans
from svyazka.model.events import Event, EventType

TAKEN = frozenset(
    {
        EventType.LEAD_CREATED, EventType.MESSAGE_RECEIVED, EventType.ORDER_CREATED, EventType.CONTACT_CREATED,
        EventType.APPOINTMENT_BOOKED,
    }
)  # fmt: skip
"""What may count as a lead."""


class LeadIntakeSettings(LeadSettings):
    """`lead_intake`: forms and ads as they are; a bot's messages where `events` says so."""

    events: tuple[EventType, ...] = Field(default=(EventType.LEAD_CREATED,), min_length=1)

    @field_validator("events")
    @classmethod
    def _leads(cls, value: tuple[EventType, ...]) -> tuple[EventType, ...]:
        for type_ in value:
            if type_ not in TAKEN:
                listed = ", ".join(sorted(TAKEN))
                raise ValueError(_("expected one of {listed}, got {type}", listed=listed, type=type_.value))
        return value


class LeadIntake(Flow[LeadIntakeSettings]):
    """Each lead to every CRM of `via`: they are copies, not fallbacks. A repeat goes into the person's open deal."""

    name = "lead_intake"
    carries = (CARRIES,)

    def settings_model(self) -> type[LeadIntakeSettings]:
        return LeadIntakeSettings

    def wants(self, settings: LeadIntakeSettings) -> frozenset[EventType]:
        return frozenset(settings.events)

    def plan(self, event: Event, facts: Facts, settings: LeadIntakeSettings, context: FlowContext) -> Decision:
        # Each message is news of its own; an order's or a visit's lead is one, however often it is told of.
        subject = f"event:{event.id}" if event.type is EventType.MESSAGE_RECEIVED else event.subject
        return Decision(lead_plans(event, settings, context, subject))


FLOW = LeadIntake()
