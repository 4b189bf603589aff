"""Payments that sites, bots and apps ask for: a link by the first provider that makes one, the next in its place.

What is to be paid is decided by the engine, on the payment's document: this flow says how the link is to be made. What
the business's back end tells of orders, and its requests for refunds, come to the same flow.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field, field_validator

from svyazka.catalogue import N_, _
from svyazka.engine.contracts.flow import Decision, Facts, Flow, FlowContext, FlowSettings
from svyazka.flows.messages import check_template, fill, safe_value
from svyazka.model.commands import Plan
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.events import Event, EventType
from svyazka.model.money import Money
from svyazka.model.paying import MakeLink
from svyazka.model.tenants import Duration

TOLD = frozenset({EventType.ORDER_CREATED, EventType.ORDER_CHANGED, EventType.ORDER_CANCELLED})


class TakePaymentSettings(FlowSettings):
    """`take_payment`: from a site, via providers in the order in which they are asked."""

    placeholders: ClassVar[frozenset[str]] = frozenset({"number", "business"})

    description: str = "Заказ {number}. {business}"
    """What the payer reads on the provider's page."""
    return_url: str | None = Field(default=None, pattern=r"^https://\S+$", max_length=1000)
    """Where the payer comes back to, unless the request says where."""
    hold: bool = False
    """Hold the money first; it is taken, or let go, in the provider's cabinet."""
    receipt: bool = True
    """The provider registers the fiscal receipt (54-FZ)."""
    give_up_after: Duration = timedelta(minutes=30)
    """So long links are tried for when no provider answers."""
    next_after: Duration = timedelta(seconds=10)
    """When the next provider is asked where nobody waits in front of a page; there it is at once."""
    refunds_a_day: str | None = "30000.00"
    """What the site's back end may give back in a day, in all. Without: nothing."""

    @field_validator("description")
    @classmethod
    def _known_placeholders(cls, value: str) -> str:
        return check_template(value, cls.placeholders)

    @field_validator("refunds_a_day")
    @classmethod
    def _an_amount(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                Money.read(value)
            except ValueError:
                raise ValueError(_("expected an amount such as 30000.00, in quotes")) from None
        return value


class TakePayment(Flow[TakePaymentSettings]):
    """One order, one payment: however often it is asked for."""

    name = "take_payment"
    of_payments = True
    carries = ("MakeLink",)

    def settings_model(self) -> type[TakePaymentSettings]:
        return TakePaymentSettings

    def gives_back(self, settings: TakePaymentSettings) -> Money | None:
        return Money.read(settings.refunds_a_day or "0")

    def wants(self, settings: TakePaymentSettings) -> frozenset[EventType]:
        return TOLD | {EventType.PAYMENT_REQUESTED, EventType.REFUND_REQUESTED}

    def plan(self, event: Event, facts: Facts, settings: TakePaymentSettings, context: FlowContext) -> Decision:
        if event.type is not EventType.PAYMENT_REQUESTED:
            return Decision()
        providers = [one for one in context.channels if one.carries("MakeLink")]
        if not providers:
            return Decision(reason=N_("none of its connections makes links to pay by"))
        number, person = str(event.data.get("order") or ""), event.contact or Contact()
        trusted = {"business": context.tenant_name}
        link = MakeLink(
            payment="", number="", order=number, amount=Money(kopecks=0),
            description=fill(settings.description, {"number": safe_value(number)}, trusted)[:128],
            person=person, inn=_text(event.data.get("inn")), capture=not settings.hold,
            receipt=settings.receipt and (normalize_email(person.email) or normalize_phone(person.phone)) is not None,
            return_url=_text(event.data.get("return_url")) or settings.return_url,
            save=event.data.get("by") == "server" and event.data.get("save_card") is True,
        )  # fmt: skip
        if settings.receipt and not link.receipt:
            return Decision(reason=N_("a receipt goes to an e-mail or a phone: one of them is needed before the link"))
        steps = [provider.step(context.flow, link) for provider in providers]
        plan = Plan.of(event.subject, steps, fallback_after=settings.next_after)
        expires = event.received_at + settings.give_up_after
        (stage,) = plan.stages
        guards = stage.guards.model_copy(update={"expires_at": expires})
        stages = (stage.model_copy(update={"guards": guards}),)
        return Decision([plan.model_copy(update={"stages": stages, "expires_at": expires})])


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


FLOW = TakePayment()
