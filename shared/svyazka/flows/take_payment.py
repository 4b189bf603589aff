"""Payments that sites, bots and apps ask for: a link by the first provider that makes one, the next in its place.

What is to be paid is decided by the engine, on the payment's document: this flow says how the link is to be made. What
the business's back end tells of orders, and its requests for refunds, come to the same flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from pydantic import Field, field_validator

from svyazka.catalogue import N_, _
from svyazka.engine.contracts.flow import Channel, Decision, Facts, Flow, FlowContext, FlowSettings
from svyazka.flows.messages import check_template, fill, safe_value
from svyazka.model.base import HTTPS, RETURN_URL
from svyazka.model.commands import Plan
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.events import Event, EventType
from svyazka.model.money import Money
from svyazka.model.paying import MakeLink
from svyazka.model.receipts import Fiscaliser
from svyazka.model.shares import Dividing
from svyazka.model.subscriptions import Dunning
from svyazka.model.tenants import Duration, Name

TOLD = frozenset(
    {EventType.ORDER_CREATED, EventType.ORDER_CHANGED, EventType.ORDER_CANCELLED, EventType.ORDER_COMPLETED}
)


def an_amount(value: str | None) -> str | None:
    """The text, where it is a sum of money. Raises ValueError."""
    if value is not None:
        try:
            Money.read(value)
        except ValueError:
            raise ValueError(_("expected an amount such as 30000.00, in quotes")) from None
    return value


class TakePaymentSettings(FlowSettings):
    """`take_payment`: from a site, via providers in the order in which they are asked."""

    placeholders: ClassVar[frozenset[str]] = frozenset({"number", "business"})

    description: str = "Заказ {number}. {business}"
    """What the payer reads on the provider's page."""
    return_url: str | None = Field(
        default=None, pattern=RETURN_URL, max_length=1000, json_schema_extra={"expected": HTTPS}
    )
    """Where the payer comes back to, unless the request says where."""
    hold: bool = False
    """Hold the money first; it is taken, or let go, in the provider's cabinet."""
    receipt: bool = True
    """A fiscal receipt is registered (54-FZ): by whichever of its connections does nothing else (`atol`), else by the
    provider that takes the money. Never by both."""
    prepaid: bool = False
    """What is paid for is handed over later: the receipt is of an advance, and the settlement's follows then. Needs a
    connection that registers receipts."""
    give_up_after: Duration = timedelta(minutes=30)
    """So long links are tried for when no provider answers."""
    next_after: Duration = timedelta(seconds=10)
    """When the next provider is asked where nobody waits in front of a page; there it is at once."""
    refunds_a_day: str | None = "30000.00"
    """What the site's back end may give back in a day, in all. Without: nothing."""
    operator_refunds_a_day: str | None = "30000.00"
    """The same for each operator at the console. Without: nothing. Its owners have no limit."""

    sellers: dict[Name, Dividing] = {}
    """Among whom payments are divided, by names of ours."""

    charge_at: str = Field(default="10:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    """At what hour of the business's own clock subscriptions are charged."""
    charge_again: tuple[Duration, ...] = Field(
        default=(timedelta(days=1), timedelta(days=3), timedelta(days=5)), max_length=3
    )
    """After that, for whoever had no money: so long after the day on which it was due."""
    card_wait: Duration = Field(default=timedelta(days=7), gt=timedelta())
    """So long another card is waited for before a subscription ends."""

    @field_validator("description")
    @classmethod
    def _known_placeholders(cls, value: str) -> str:
        return check_template(value, cls.placeholders)

    @field_validator("sellers")
    @classmethod
    def _can_be_divided(cls, value: dict[str, Dividing]) -> dict[str, Dividing]:
        for name, one in value.items():
            if not one.accounts or one.part < 0 or not 0 <= one.fee < 100:
                raise ValueError(
                    _("{name}: expected accounts by connection, a part such as 70 and a fee in percent below 100",
                      name=name)
                )  # fmt: skip
        return value

    @field_validator("charge_again")
    @classmethod
    def _one_after_the_other(cls, value: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        if list(value) != sorted(set(value)) or any(one < timedelta(hours=12) for one in value):
            raise ValueError(_("expected days that follow one another, such as [1d, 3d, 5d]"))
        return value

    @field_validator("refunds_a_day", "operator_refunds_a_day")
    @classmethod
    def _an_amount(cls, value: str | None) -> str | None:
        return an_amount(value)


class TakePayment(Flow[TakePaymentSettings]):
    """One order, one payment: however often it is asked for."""

    name = "take_payment"
    of_payments = True
    carries = ("MakeLink", "RegisterReceipt")

    def settings_model(self) -> type[TakePaymentSettings]:
        return TakePaymentSettings

    def gives_back(self, settings: TakePaymentSettings) -> Money | None:
        return Money.read(settings.refunds_a_day or "0")

    def operator_gives_back(self, settings: TakePaymentSettings) -> Money | None:
        return Money.read(settings.operator_refunds_a_day or "0")

    def sellers(self, settings: TakePaymentSettings) -> Mapping[str, Dividing]:
        return settings.sellers

    def charges(self, settings: TakePaymentSettings) -> Dunning:
        return Dunning(hour=settings.charge_at, again=settings.charge_again, card_wait=settings.card_wait)

    def wants(self, settings: TakePaymentSettings) -> frozenset[EventType]:
        return TOLD | {EventType.PAYMENT_REQUESTED, EventType.REFUND_REQUESTED}

    def plan(self, event: Event, facts: Facts, settings: TakePaymentSettings, context: FlowContext) -> Decision:
        if event.type is not EventType.PAYMENT_REQUESTED:
            return Decision()
        providers = [one for one in context.channels if one.carries("MakeLink")]
        if not providers:
            return Decision(reason=N_("none of its connections makes links to pay by"))
        number, person = str(event.data.get("order") or ""), event.contact or Contact()
        addressed = (normalize_email(person.email) or normalize_phone(person.phone)) is not None
        if event.data.get("subscription") is None and settings.receipt and not addressed:
            return Decision(reason=N_("a receipt goes to an e-mail or a phone: one of them is needed before the link"))
        fiscaliser = next((one for one in context.channels if one.carries("RegisterReceipt")), None)
        if not settings.receipt:
            fiscaliser = None
        trusted = {"business": context.tenant_name}
        link = MakeLink(
            payment="", number="", order=number, amount=Money(kopecks=0),
            description=fill(settings.description, {"number": safe_value(number)}, trusted)[:128],
            person=person, inn=_text(event.data.get("inn")), capture=not settings.hold,
            receipt=settings.receipt and fiscaliser is None, fiscaliser=_registers(fiscaliser),
            prepaid=settings.prepaid and fiscaliser is not None,
            return_url=_text(event.data.get("return_url")) or settings.return_url,
            container=_text(event.data.get("container")),
            save=event.data.get("by") == "server" and (_saves(event) or event.data.get("recurring") is not None),
        )  # fmt: skip
        steps = [provider.step(context.flow, link) for provider in providers]
        plan = Plan.of(event.subject, steps, fallback_after=settings.next_after)
        expires = event.received_at + settings.give_up_after
        (stage,) = plan.stages
        guards = stage.guards.model_copy(update={"expires_at": expires})
        stages = (stage.model_copy(update={"guards": guards}),)
        return Decision([plan.model_copy(update={"stages": stages, "expires_at": expires})])


def _saves(event: Event) -> bool:
    return event.data.get("save_card") is True


def _registers(channel: Channel | None) -> Fiscaliser | None:
    return Fiscaliser(connection=channel.connection, vendor=channel.vendor) if channel is not None else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


FLOW = TakePayment()
