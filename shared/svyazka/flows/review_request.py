"""Asks for a review once after a finished visit, order or deal."""

from __future__ import annotations

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.engine.contracts.flow import Decision, Facts, Flow, FlowContext, Needs
from svyazka.flows.messages import (
    OF_CARD,
    PLACEHOLDERS,
    MessageSettings,
    composer,
    message_steps,
    usual_guards,
    values_of,
)
from svyazka.model.commands import Plan
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType

DONE = frozenset({EventType.ORDER_COMPLETED, EventType.APPOINTMENT_COMPLETED, EventType.DEAL_WON})
"""What "done" is for each kind of source; which vendor status that means, its connection's settings say."""


class ReviewRequestSettings(MessageSettings):
    """`review_request`: `text` may hold {name}, {business}, {review_url} and what the event brings."""

    placeholders = PLACEHOLDERS | {"review_url", OF_CARD}

    review_url: str = Field(pattern=r"^https?://\S+$", description=N_("an address such as https://example.org/review"))


class ReviewRequest(Flow[ReviewRequestSettings]):
    """One message per finished subject, through the first channel that reaches the person."""

    name = "review_request"
    suggested = {
        "text": "{name}, спасибо, что выбрали нас! Оставьте, пожалуйста, отзыв: {review_url}",
        "delay": "30m",
        "quiet_hours": "21:00-10:00",
        "at_most_once_per": "30d",
    }

    def settings_model(self) -> type[ReviewRequestSettings]:
        return ReviewRequestSettings

    def wants(self, settings: ReviewRequestSettings) -> frozenset[EventType]:
        return DONE

    def needs(self, event: Event, settings: ReviewRequestSettings) -> Needs:
        return Needs(reread=True, cards=settings.cards)

    def plan(self, event: Event, facts: Facts, settings: ReviewRequestSettings, context: FlowContext) -> Decision:
        contact = event.contact or Contact()
        if contact.proxy:
            return Decision(reason="an aggregator's one-time number: never messaged")
        trusted = {"business": context.tenant_name, "review_url": settings.review_url}
        values = {**values_of(event, contact), **settings.of_card(facts)}
        compose = composer(settings, values, trusted, contact)
        steps = message_steps("review", context.channels, contact, compose)
        if not steps:
            return Decision(reason="no address that any of its channels reaches")
        guards = usual_guards(settings, event, contact, context.flow, context.timezone)
        fallback_after = settings.fallback_after or settings.expires_after / 2
        return Decision([Plan.of(event.subject, steps, guards, fallback_after)])


FLOW = ReviewRequest()
