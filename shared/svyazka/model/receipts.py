"""Fiscal receipts: what is owed to the tax service for one movement of money, and each try at registering it.

A receipt is a legal document: one too many is an offence, and so is one too few. The intent is written in the commit
that learns of the money, under an id that follows from it, so that nothing makes a second one.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal

from svyazka.model.base import Stored, Time
from svyazka.model.contacts import Contact
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine
from svyazka.model.seen import Fiscal


class Fiscaliser(Stored):
    """The connection that registers a payment's receipts."""

    connection: str
    vendor: str


class ReceiptKind(StrEnum):
    """Exactly one of each for what it is about."""

    SALE = "sale"
    """Money came: of a whole sale, or an advance."""
    SETTLEMENT = "settlement"
    """What an advance was for is handed over: the advance is offset."""
    REFUND = "refund"
    """Money went back."""


class TryState(StrEnum):
    """Where one try stands."""

    PENDING = "pending"
    UNKNOWN = "unknown"
    """It may have been taken: asked about until somebody says, never decided by time."""
    WAITS = "waits"
    """Taken; the till hasn't printed it yet."""
    DONE = "done"
    FAILED = "failed"
    """Taken, and its own report says that no document exists."""
    REFUSED = "refused"
    """Not taken: something in it, or in the settings, has to be mended."""
    NEVER_SENT = "never_sent"
    """Provably nobody was asked."""


class ReceiptTry(Stored):
    """One number at the fiscaliser, for which at most one document ever exists."""

    n: int
    number: str
    state: TryState = TryState.PENDING
    deliveries: tuple[str, ...] = ()
    """What asked for it: several where nobody knew what became of the first."""
    external_id: str | None = None
    at: Time
    ended_at: Time | None = None
    again: bool = False
    code: str | None = None
    why: str | None = None


class IntentState(StrEnum):
    """Follows from the tries: see `engine/rules/receipts.state_of`."""

    WAITING = "waiting"
    """Its turn comes when an earlier receipt is registered."""
    REGISTERING = "registering"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    """A person has to mend something."""
    DONE = "done"


class ReceiptIntent(Stored):
    """One receipt that is owed."""

    id: str
    tenant: str
    payment: str
    transaction: str | None = None
    """The movement of money; None: a settlement, which is the whole payment's."""
    kind: ReceiptKind
    connection: str
    """The fiscaliser's."""
    vendor: str
    by_provider: bool = False
    """It is registered by whoever took the money, along with it: looked at here, and never asked for."""
    flow: str
    event: str
    order: str
    description: str = ""
    amount: Money
    lines: tuple[OrderLine, ...] = ()
    """Their sum is the amount, to the kopeck."""
    person: Contact | None = None
    """Whoever gets it."""
    inn: str | None = None
    after: tuple[str, ...] = ()
    """Receipts that are registered before it: a refund's sale, a settlement's advance."""
    of: tuple[str, ...] = ()
    """The provider's own ids: of the payment; of the refund."""

    tries: tuple[ReceiptTry, ...] = ()
    state: IntentState = IntentState.WAITING
    fiscal: Fiscal | None = None
    by_hand: str | None = None
    """Who has registered it past us, and how."""

    looks: int = 0
    wake_at: Time | None = None
    wake_step: int = 0
    owed_since: Time
    """When the money moved."""
    created_at: Time
    changed_at: Time
    people: tuple[str, ...] = ()
    blank_at: Time | None = None
    expire_at: Time | None = None

    @property
    def last(self) -> ReceiptTry | None:
        return self.tries[-1] if self.tries else None

    def blanked(self) -> ReceiptIntent:
        """Without what it tells of a person: sums, numbers and states stay, for months are compared by them."""
        gone: dict[str, object] = {"person": None, "inn": None, "description": "", "lines": (), "people": (),
                                   "blank_at": None}  # fmt: skip
        if self.fiscal is not None:
            gone["fiscal"] = self.fiscal.model_copy(update={"url": None})
        tries = tuple(one.model_copy(update={"why": None}) for one in self.tries)
        return self.model_copy(update={**gone, "tries": tries})


class RegisterReceipt(Stored):
    """One receipt is to be registered, under one number of ours."""

    kind: Literal["RegisterReceipt"] = "RegisterReceipt"
    receipt: str
    """The intent's id."""
    number: str
    of: ReceiptKind
    order: str
    description: str = ""
    amount: Money
    lines: tuple[OrderLine, ...] = ()
    person: Contact | None = None
    inn: str | None = None
    at: Time
    """Of the number's first try: the same bytes go out each time."""
    payment: str | None = None
    """The provider's own id of the payment, and of the refund: for a provider that registers them itself."""
    refund: str | None = None


# Ids and numbers

_NUMBER = re.compile(r"p([0-9a-f]{24})-((?:t\d{1,3}-)?(?:sale|settlement|refund))(?:-r(\d{1,2}))?", re.ASCII)


def receipt_id(payment: str, transaction: str | None, kind: ReceiptKind) -> str:
    """Document id of what is owed: it follows from the money, so there can't be two."""
    about = f"{transaction}-{kind.value}" if transaction else kind.value
    return f"rct_{payment.removeprefix('pay_')}-{about}"


def try_number(receipt: str, n: int) -> str:
    """Our number of a try at the fiscaliser: the first bears the receipt's own, later ones `-r2`, `-r3`."""
    number = f"p{receipt.removeprefix('rct_')}"
    return number if n == 1 else f"{number}-r{n}"


def receipt_numbered(number: str | None) -> str | None:
    """The id of the receipt that a number of ours names; None: it is none of ours."""
    found = _NUMBER.fullmatch(number or "")
    return f"rct_{found[1]}-{found[2]}" if found else None
