"""What systems show of money: payments, refunds and fiscal receipts as whoever keeps them says that they stand.

Apart from what we make of it, for the answers to all calls may bear it, and ways in read answers.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from svyazka.model.base import Stored, Time
from svyazka.model.money import Money


class SeenState(StrEnum):
    """Where a provider says that one payment of its own stands."""

    WAITS = "waits"
    """Its payer, or a bank, hasn't decided. A link that takes another card after a declined one still waits."""
    HELD = "held"
    """Authorised; not taken."""
    PAID = "paid"
    OVER = "over"
    """No money will come by it: declined, called off, expired there."""


class Decline(StrEnum):
    """Why no money came, in words that decide what is done next."""

    NO_MONEY = "no_money"
    LATER = "later"
    """The bank is away, or a limit of the day is used up."""
    CARD_GONE = "card_gone"
    """The saved method is of no use any more."""
    OTHER_CARD = "other_card"
    """This one won't do; another may."""
    RISK = "risk"
    PAYER_LEFT = "payer_left"
    """Nobody paid before its end at the provider."""
    SHOP = "shop"
    """Called off by the business."""
    SETUP = "setup"
    """Something isn't switched on at the provider."""
    OTHER = "other"


class RefundState(StrEnum):
    """Where a provider says that a refund stands."""

    WAITS = "waits"
    DONE = "done"
    OVER = "over"
    """It won't be carried out."""


class RefundSeen(Stored):
    """One refund as its provider shows it."""

    kind: Literal["refund"] = "refund"
    external_id: str
    number: str | None = None
    """Ours, where the provider keeps it."""
    state: RefundState
    amount: Money
    at: Time | None = None
    why: Decline | None = None
    code: str | None = None
    receipt: RefundState | None = None
    """Of the provider's own fiscal receipt."""


class SavedMethod(Stored):
    """What may be charged again by the provider's own name for it. Never a card's number."""

    token: str
    title: str | None = None
    """`*4444`."""
    kind: str = "bank_card"


class PaymentSeen(Stored):
    """One payment as its provider shows it now, be it the answer to a command or to a question."""

    kind: Literal["payment"] = "payment"
    external_id: str
    link: str | None = None
    """The id of the link that it was paid by, where links have ids of their own."""
    number: str | None = None
    """Of our attempt, out of what the provider keeps for us; None: not ours, or not shown."""
    state: SeenState
    amount: Money
    captured: Money | None = None
    """None: as the state says, all or nothing."""
    refunded: Money | None = None
    refunds: tuple[RefundSeen, ...] | None = None
    """None: this answer doesn't list them."""
    in_part: bool = False
    """A part went back, and the answer doesn't say how much."""
    url: str | None = None
    ends_at: Time | None = None
    method: str | None = None
    saved: SavedMethod | None = None
    why: Decline | None = None
    code: str | None = None
    test: bool | None = None
    fee: Money | None = None
    created_at: Time | None = None
    captured_at: Time | None = None
    receipt: RefundState | None = None
    """Of the provider's own fiscal receipt."""
    signed: bool = False
    """Taken from a signed body: this provider, or this answer, can't be asked for."""


def moved_money(seen: Seen | None) -> bool:
    """Whether it shows that money came, is held, or went back."""
    match seen:
        case PaymentSeen():
            return seen.state in (SeenState.PAID, SeenState.HELD)
        case RefundSeen():
            return seen.state is RefundState.DONE
    return False


class Fiscal(Stored):
    """By what the tax service knows a receipt. Codes as texts: some begin with zeros."""

    storage: str | None = None
    """The fiscal storage's number (ФН)."""
    document: str | None = None
    """The document's number (ФД)."""
    sign: str | None = None
    """The fiscal sign (ФПД)."""
    till: str | None = None
    """The till's registration number."""
    at: Time | None = None
    url: str | None = None
    """Where the buyer can look at it, where its operator has such a page."""


class Shown(StrEnum):
    """Where a fiscaliser says that a receipt stands."""

    WAITS = "waits"
    DONE = "done"
    OVER = "over"
    """It won't be registered: no such document exists."""


class ReceiptSeen(Stored):
    """One receipt as its fiscaliser shows it."""

    kind: Literal["receipt"] = "receipt"
    external_id: str
    number: str | None = None
    """Ours, where it is kept."""
    state: Shown
    amount: Money | None = None
    fiscal: Fiscal | None = None
    again: bool = False
    """OVER: the till's trouble, not this receipt's: a new try may pass."""
    code: str | None = None
    why: str | None = None


Seen = Annotated[PaymentSeen | RefundSeen | ReceiptSeen, Field(discriminator="kind")]
