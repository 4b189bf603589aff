"""Tells whoever has subscribed that no money comes by their card, with the page where they give another; and that a
subscription is over."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar
from urllib.parse import quote

from pydantic import Field, field_validator

from svyazka.catalogue import N_, _
from svyazka.engine.contracts.flow import Decision, Facts, Flow, FlowContext
from svyazka.flows.messages import (
    PLACEHOLDERS,
    TextSettings,
    after,
    check_template,
    composer,
    message_steps,
    quiet,
    values_of,
)
from svyazka.model.commands import Guards, Plan
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType
from svyazka.model.tenants import Duration, Hours

NEEDED = EventType.SUBSCRIPTION_CARD_NEEDED
OVER = {EventType.SUBSCRIPTION_STOPPED: "stopped", EventType.SUBSCRIPTION_CANCELLED: "cancelled"}


class AnotherCardSettings(TextSettings):
    """`another_card`: `text` holds {link}, the page that asks `POST /ingest/payment` for a link by the subscription's
    id."""

    placeholders: ClassVar[frozenset[str]] = PLACEHOLDERS | {"link"}

    page: str = Field(pattern=r"^https://\S*\{subscription\}\S*$")
    """Such as https://example.org/abo?id={subscription}."""
    stopped: str | None = None
    """What is written when a subscription ends unpaid; nothing where it isn't there."""
    cancelled: str | None = None
    """And when it was cancelled, by whomever."""
    quiet_hours: Hours | None = None
    expires_after: Duration = timedelta(days=3)

    @field_validator("text")
    @classmethod
    def _shows_the_way(cls, value: str) -> str:
        if "{link}" not in value:
            raise ValueError(_("expected {link} in it: without the page nobody can give another card"))
        return value

    @field_validator("stopped", "cancelled")
    @classmethod
    def _known_in_all(cls, value: str | None) -> str | None:
        return check_template(value, cls.placeholders) if value is not None else None


class AnotherCard(Flow[AnotherCardSettings]):
    """One message for each period that isn't paid, and one at the end, by the first channel that reaches the person."""

    name = "another_card"
    suggested = {
        "text": "{name}, не получилось списать {sum} ₽ по подписке {number}. Укажите другую карту: {link}",
        "page": "https://example.org/abo?id={subscription}",
        "quiet_hours": "21:00-10:00",
    }

    def settings_model(self) -> type[AnotherCardSettings]:
        return AnotherCardSettings

    def wants(self, settings: AnotherCardSettings) -> frozenset[EventType]:
        return frozenset({NEEDED, *OVER})

    def plan(self, event: Event, facts: Facts, settings: AnotherCardSettings, context: FlowContext) -> Decision:
        text = settings.text if event.type is NEEDED else getattr(settings, OVER[event.type])
        if text is None:
            return Decision(reason=N_("nothing is to be said of it"))
        person = event.contact or Contact()
        own = (
            settings if event.type is NEEDED else settings.model_copy(update={"text": text, "texts": {}, "html": None})
        )
        link = settings.page.replace("{subscription}", quote(str(event.data.get("subscription")), safe=""))
        trusted = {"business": context.tenant_name, "link": link}
        compose = composer(own, values_of(event, person), trusted, person)
        steps = message_steps(context.flow, context.channels, person, compose)
        if not steps:
            return Decision(reason=N_("nobody is named whom it could be told"))
        guards = Guards(
            expires_at=after(event.received_at, settings.expires_after),
            quiet_hours=quiet(settings.quiet_hours, context.timezone),
        )
        fallback_after = settings.fallback_after or settings.expires_after / 2
        return Decision([Plan.of(f"{event.subject}:{event.id}", steps, guards, fallback_after)])


FLOW = AnotherCard()
