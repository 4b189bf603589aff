"""A payment: what is to be paid, every try at it, and each movement of money with its own status.

The document is the intent and stands before any provider is called. What a provider shows is only ever merged into it
(`engine/rules/paying.py`): nothing becomes failed because time has passed.
"""

from __future__ import annotations

import re
from enum import StrEnum

from svyazka.model.agreements import Wanted
from svyazka.model.base import Stored, Time
from svyazka.model.contacts import Contact
from svyazka.model.ids import stable_id
from svyazka.model.money import Money, sum_of
from svyazka.model.orders import CheckOf, OrderLine
from svyazka.model.receipts import Fiscaliser
from svyazka.model.seen import Decline, SavedMethod
from svyazka.model.shares import Share


class TransactionKind(StrEnum):
    AUTHORISE = "authorise"
    PURCHASE = "purchase"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    """The payer's bank took it back."""


class TransactionStatus(StrEnum):
    PENDING = "pending"
    """Begun, or waiting at the provider."""
    DONE = "done"
    DECLINED = "declined"
    NEVER_SENT = "never_sent"
    """Provably nobody was asked."""
    UNKNOWN = "unknown"
    """It may have happened: asked about until somebody says, never decided by time."""


IN_FLIGHT = frozenset({TransactionStatus.PENDING, TransactionStatus.UNKNOWN})
"""What may still come true."""


class Transaction(Stored):
    """One movement of money."""

    id: str
    kind: TransactionKind
    attempt: int
    """By whose provider."""
    status: TransactionStatus = TransactionStatus.PENDING
    amount: Money
    at: Time
    """When it was begun; done, when that happened."""
    number: str | None = None
    """A refund's own at the provider."""
    external_id: str | None = None
    delivery: str | None = None
    """What asks the provider for it; None: it was learnt of, or noted by hand."""
    why: Decline | None = None
    by: str | None = None
    """Who wanted it, where that wasn't the payer."""
    shares: tuple[int, ...] = ()
    """Kopecks that a refund takes of each seller's share."""
    lines: tuple[int, ...] = ()
    """And of each line."""
    doubted: bool = False
    """Refused, or not there, while an earlier try of it was on its way for all we know: it may come true yet."""


class By(StrEnum):
    LINK = "link"
    CHARGE = "charge"
    """A saved method."""
    HAND = "hand"
    """Noted by a person: cash, a bank transfer."""


class Attempt(Stored):
    """One try to be paid: at one provider, under one number there."""

    n: int
    connection: str
    vendor: str
    by: By
    number: str
    delivery: str | None = None
    external_id: str | None = None
    former: str | None = None
    """Its link's id, where money that was told of under another one was taken for its own."""
    url: str | None = None
    shown_at: Time | None = None
    """Since when somebody may hold the link: it is alive until its provider says otherwise."""
    ends_at: Time | None = None
    held_until: Time | None = None
    """When its provider lets go of what it holds, where it says so."""
    saved: SavedMethod | None = None
    fee: Money | None = None
    method: str | None = None
    called_off: bool = False
    """We want no money by it any more: another one was paid, or the order is cancelled."""
    elsewhere: bool = False
    """Its receipt would go to whoever was named before: a link that is asked for from now on takes its place."""
    off: str | None = None
    """The delivery that calls it off at its provider."""
    doubted: bool = False
    """A try to make its link, or to call it off, may still be on its way: what it comes to may be that money which has
    come by it goes back."""


class PaymentState(StrEnum):
    """Follows from the transactions: see `engine/rules/paying.state_of`."""

    CREATED = "created"
    WAITING = "waiting"
    HELD = "held"
    PAID = "paid"
    PART_REFUNDED = "part_refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"


class OddityKind(StrEnum):
    """What no payment should show: each is a card with what to do."""

    PAID_TWICE = "paid_twice"
    PAID_AFTER_CANCEL = "paid_after_cancel"
    PAID_LESS = "paid_less"
    PAID_MORE = "paid_more"
    OTHER_CURRENCY = "other_currency"
    TEST_ON_LIVE = "test_on_live"
    """Paid in play money, where the connection is for real money."""
    LIVE_ON_TEST = "live_on_test"
    """Paid in real money, where the connection is for play money."""
    TEST_BEGUN_ON_LIVE = "test_begun_on_live"
    """Begun in play money, and nothing paid so far."""
    LIVE_BEGUN_ON_TEST = "live_begun_on_test"
    SAID_OTHERWISE = "said_otherwise"
    """Its provider had said that it was done, and now says that it wasn't."""
    REFUND_REFUSED = "refund_refused"
    HOLD_STAYS = "hold_stays"
    """Nobody wants the money that is held, and its provider doesn't let go of it."""
    HOLD_ENDS = "hold_ends"
    """What is held goes back to its payer within a day, unless it is taken."""
    REFUND_AFTER_ALL = "refund_after_all"
    """A refund that was refused has gone back after all."""
    REFUNDED_MORE = "refunded_more"
    """More went back than had come: a refund that was refused came true after all."""
    BACK_IN_PART = "back_in_part"
    """A part went back past us, and its provider doesn't say how much."""
    UNKNOWN_LONG = "unknown_long"
    CHECK_COSTS_MORE = "check_costs_more"
    """The table's check grew after its bill was made: less was paid than its guests owe."""
    CHECK_COSTS_LESS = "check_costs_less"
    TABLE_LEFT_OPEN = "table_left_open"
    """It is paid, and its till couldn't be told so."""
    CANCELLED_LATE = "cancelled_late"
    """What it was paid for was cancelled after the deadline: whether money goes back is for people to decide."""
    BACK_OVER_LIMIT = "back_over_limit"
    """It was cancelled in time, and its money is more than goes back by itself in a day."""
    NOT_GIVEN_BACK = "not_given_back"
    """It was cancelled in time, and its provider can't be asked for the money."""
    REFUND_LONG = "refund_long"
    """A refund has been on its way for days, and its provider doesn't say that it came through."""


class Oddity(Stored):
    """One of them, once."""

    kind: OddityKind
    about: str
    """The transaction, or the attempt's number."""
    since: Time
    closed: bool = False
    """Mended, or somebody has seen to it."""
    by: str | None = None
    """Who has."""


class Shipment(Stored):
    """What its provider was told of what was handed over, for the closing documents. Written before it is told, so
    that whoever tells it next looks first whether that came through."""

    connection: str
    asked_at: Time
    by: str
    document: str | None = None
    external_id: str | None = None
    """Once it is known to be there."""


class Payment(Stored):
    """One order (or a part of it) to be paid. There is one document for all tries, so that of two who would pay, or
    give back, at once, one comes first."""

    id: str
    tenant: str
    connection: str
    """Of whoever asked for it, within which its order's number means something."""
    flow: str
    event: str
    """By which it was first asked for."""
    order: str
    part: str = ""
    """`deposit`, where an order is paid in parts: each is a payment of its own."""
    amount: Money
    check: CheckOf | None = None
    """Of a table, which is closed once this is paid."""
    settling: str | None = None
    """The delivery that closes it."""
    description: str = ""
    lines: tuple[OrderLine, ...] = ()
    person: Contact | None = None
    named: bool = False
    """By the business's own server: no browser says another."""
    inn: str | None = None
    return_url: str | None = None
    two_step: bool = False
    """Held first, taken when the business says so."""
    save: bool = False
    receipt: bool = False
    """Its provider registers the fiscal receipt. Decided at the beginning, and kept."""
    shares: tuple[Share, ...] = ()
    """Whose it is, where it isn't all the business's own."""
    begins: Wanted | None = None
    """What is charged again and again, once this is paid."""
    subscription: str | None = None
    """Whose n-th period it pays for."""
    period: int | None = None
    fiscaliser: Fiscaliser | None = None
    """Who registers it where that isn't the provider: never both. Decided at the beginning, and kept."""
    prepaid: bool = False
    """Its receipt is of an advance: what is paid for is handed over later, which is a receipt of its own."""
    handed_over: Time | None = None
    settled: Money | None = None
    """What its settlement's receipt is of, once there is one."""
    receipts: tuple[str, ...] = ()
    """The fiscal receipts that are owed for it so far."""
    shipment: Shipment | None = None

    attempts: tuple[Attempt, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    state: PaymentState = PaymentState.CREATED
    closed: bool = False
    """Called off: the order was cancelled."""
    oddities: tuple[Oddity, ...] = ()

    looks: int = 0
    """Looks since anything changed: the next one comes the later."""
    look_at_all: bool = False
    """More may have moved than its provider shows yet: the next look asks, whatever is settled."""
    wake_at: Time | None = None
    wake_step: int = 0
    created_at: Time
    changed_at: Time
    people: tuple[str, ...] = ()
    blank_at: Time | None = None
    expire_at: Time | None = None

    def of_attempt(self, n: int) -> tuple[Transaction, ...]:
        return tuple(one for one in self.transactions if one.attempt == n)

    @property
    def captured(self) -> Money:
        """What was taken."""
        return self._done(TransactionKind.PURCHASE, TransactionKind.CAPTURE)

    @property
    def refunded(self) -> Money:
        """What was given back, or taken back."""
        return self._done(TransactionKind.REFUND, TransactionKind.CHARGEBACK)

    @property
    def paid_by(self) -> Attempt | None:
        """The attempt whose provider has the money: the first, where it came twice."""
        taken = {one.attempt for one in self.transactions if _takes(one)}
        return next((one for one in self.attempts if one.n in taken), None)

    def blanked(self) -> Payment:
        """Without what it tells of a person: sums, ids and states stay."""
        attempts = tuple(one.model_copy(update={"url": None, "saved": None}) for one in self.attempts)
        gone: dict[str, object] = {
            "person": None, "inn": None, "description": "", "lines": (), "return_url": None, "people": (),
            "blank_at": None,
        }  # fmt: skip
        return self.model_copy(update={**gone, "attempts": attempts})

    def _done(self, *kinds: TransactionKind) -> Money:
        done = [one.amount for one in self.transactions if one.status == "done" and one.kind in kinds]
        return sum_of(done, self.amount.currency)


def _takes(one: Transaction) -> bool:
    return one.status is TransactionStatus.DONE and one.kind in (TransactionKind.PURCHASE, TransactionKind.CAPTURE)


class RefundedToday(Stored):
    """What was given back on one day by whoever has a limit: no query decides about money."""

    id: str
    tenant: str
    kopecks: dict[str, int] = {}
    """By who."""
    expire_at: Time


class PaidThere(Stored):
    """Whose payment a provider's own id stands for."""

    id: str
    tenant: str
    connection: str
    external_id: str
    payment: str
    attempt: int
    expire_at: Time | None = None


# Ids and numbers

_NUMBER = re.compile(r"p([0-9a-f]{24})-(\d{1,3})(?:-r(\d{1,3}))?", re.ASCII)


def payment_id(mark: str) -> str:
    """Document id of a payment; `mark`: hexadecimal and keyed, so that nobody guesses it."""
    return f"pay_{mark[:24]}"


def attempt_number(payment: str, n: int) -> str:
    """Our number of a try at its provider: unique there, and short enough for all of them (36 characters)."""
    return f"p{payment.removeprefix('pay_')}-{n}"


def refund_number(payment: str, attempt: int, n: int) -> str:
    """Our number of a refund: the same for every try at it."""
    return f"{attempt_number(payment, attempt)}-r{n}"


def numbered(number: str | None) -> tuple[str, int] | None:
    """The payment and the attempt that a number of ours names; None: it is none of ours."""
    found = _NUMBER.fullmatch(number or "")
    return (f"pay_{found[1]}", int(found[2])) if found else None


def paid_there_id(tenant: str, connection: str, external_id: str) -> str:
    """Document id of what a provider's own id stands for."""
    return stable_id("pth", tenant, connection, external_id)
