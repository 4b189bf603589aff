"""A subscription: money that is taken again and again, as its payer has agreed to, and each period for which it is.

A period has one payment, whose id follows from both: whoever charges, how often, and whenever a process dies, all tries
for one period meet in that one document.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from svyazka.model.agreements import Agreed, Every
from svyazka.model.base import Frozen, Stored, Time
from svyazka.model.contacts import Contact
from svyazka.model.ids import stable_id
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine
from svyazka.model.receipts import Fiscaliser
from svyazka.model.seen import SavedMethod
from svyazka.model.shares import Share


class SubscriptionState(StrEnum):
    ACTIVE = "active"
    """Its next period isn't due yet, or is being paid."""
    RETRYING = "retrying"
    """Declined for now: it is tried again on a later day."""
    NEEDS_CARD = "needs_card"
    """No money comes by the saved method: its payer was asked for another."""
    NEEDS_OWNER = "needs_owner"
    """Somebody of the business decides: see its card."""
    STOPPED = "stopped"
    """A period wasn't paid."""
    CANCELLED = "cancelled"


OVER = frozenset({SubscriptionState.STOPPED, SubscriptionState.CANCELLED})
"""Nobody is charged any more."""


class Why(StrEnum):
    """Why a subscription stands where it does, where that says more than its state."""

    NO_MONEY = "no_money"
    CARD_GONE = "card_gone"
    """The saved method is of no use any more."""
    OTHER_CARD = "other_card"
    NOT_SAVED = "not_saved"
    """Its payer paid by what can't be kept."""
    RISK = "risk"
    SETUP = "setup"
    """Something isn't switched on at the provider."""
    NOT_SENT = "not_sent"
    """The provider could not be reached in time."""
    LATE = "late"
    """Found due only days later: the business decides whether it is still charged."""
    NO_FLOW = "no_flow"
    """Whoever takes payments is gone from the tenant file, or doesn't charge."""
    UNPAID = "unpaid"
    BY_CLIENT = "by_client"
    BY_OWNER = "by_owner"
    FORGOTTEN = "forgotten"


class Method(Stored):
    """What is charged, and where: a saved method is of use to its own provider only."""

    connection: str
    vendor: str
    saved: SavedMethod


class Dunning(Frozen):
    """How a business charges, and what it does about a charge that brings no money."""

    hour: str = "10:00"
    """Of the day on which a period is due, by its own clock."""
    again: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=3), timedelta(days=5))
    """After that time, while there may be money later."""
    card_wait: timedelta = timedelta(days=7)
    """So long another card is waited for."""


class Subscription(Stored):
    """One agreement of one payer. Its document is moved by compare-and-set: of a charge and a cancellation at once, one
    comes first."""

    id: str
    tenant: str
    connection: str
    """The site whose request began it."""
    flow: str
    event: str
    number: str
    """Of the order that was paid first."""
    every: Every
    amount: Money
    description: str = ""
    lines: tuple[OrderLine, ...] = ()
    shares: tuple[Share, ...] = ()
    agreed: Agreed
    person: Contact | None = None
    inn: str | None = None
    receipt: bool = False
    fiscaliser: Fiscaliser | None = None
    """These two are its first payment's: who registers each period's receipt."""
    prepaid: bool = False
    return_url: str | None = None
    first: str
    """The payment by which it began."""
    method: Method | None = None
    """None: the provider hasn't shown it yet, or it is of no use any more."""
    card_gone: bool = False
    """It is of no use any more: what an older document shows of it is charged by nobody."""

    zone: str
    anchor: str
    """The day of the first period by the clock of the business, `2026-01-31`: all others are counted from it."""
    hour: str = "10:00"

    state: SubscriptionState = SubscriptionState.ACTIVE
    why: Why | None = None
    n: int = 2
    """The period that is next, or under way. The first was paid when it began."""
    due_at: Time
    """Of that one."""
    since: Time
    """So long it stands so."""

    wake_at: Time | None = None
    wake_step: int = 0
    created_at: Time
    changed_at: Time
    ended_at: Time | None = None
    people: tuple[str, ...] = ()
    blank_at: Time | None = None
    expire_at: Time | None = None

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    def blanked(self) -> Subscription:
        """Without what it tells of a person, and without what could be charged."""
        gone: dict[str, object] = {
            "person": None, "inn": None, "description": "", "lines": (), "return_url": None, "people": (),
            "method": None, "blank_at": None, "agreed": self.agreed.model_copy(update={"where": ""}),
        }  # fmt: skip
        return self.model_copy(update=gone)


class PeriodState(StrEnum):
    OPEN = "open"
    """To be paid, or being paid."""
    PAID = "paid"
    UNPAID = "unpaid"
    """Given up."""
    SKIPPED = "skipped"
    """Nobody was charged for it: it was over before anybody could be, or the business has said so."""


class Period(Stored):
    """What one payment is for."""

    id: str
    tenant: str
    subscription: str
    n: int = Field(ge=1)
    due_at: Time
    state: PeriodState = PeriodState.OPEN
    payment: str | None = None
    """None: nobody has been charged."""
    judged: int = 0
    """So many charges have ended without money, and it was decided what follows."""
    again_at: Time | None = None
    """When the next charge may be tried; None: not by itself."""
    asked_at: Time | None = None
    """When its payer was asked for another card."""
    since: Time
    """Since when it may be paid: it was begun, or the business has said so late."""
    ended_at: Time | None = None
    expire_at: Time | None = None


def subscription_id(mark: str) -> str:
    """Document id; `mark`: hexadecimal and keyed, so that nobody guesses it: whoever holds it may cancel."""
    return f"sub_{mark[:24]}"


def period_id(subscription: str, n: int) -> str:
    """Document id of a subscription's n-th period."""
    return stable_id("per", subscription, str(n))
