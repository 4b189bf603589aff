"""Commands that move money, or ask for it. Each is given to one provider under one number of ours."""

from __future__ import annotations

from typing import Literal

from svyazka.model.base import Stored, Time
from svyazka.model.contacts import Contact
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine
from svyazka.model.receipts import Fiscaliser, RegisterReceipt


class Split(Stored):
    """The part of a payment, or of a refund, that is another seller's."""

    account: str
    """The seller's own at the provider."""
    amount: Money
    fee: Money | None = None
    """What of it stays with the business."""
    description: str | None = None


class _Asking(Stored):
    """What every request for money says."""

    payment: str
    number: str
    """Our own of this try: unique at the provider."""
    order: str
    """As people know it."""
    amount: Money
    description: str
    person: Contact | None = None
    """Who pays, and gets the receipt."""
    inn: str | None = None
    lines: tuple[OrderLine, ...] = ()
    split: tuple[Split, ...] = ()
    capture: bool = True
    """False: the money is held until it is captured."""
    receipt: bool = False
    """The provider registers the fiscal receipt."""
    fiscaliser: Fiscaliser | None = None
    """Who does instead: never both."""
    prepaid: bool = False
    """What is paid for is handed over later."""


class MakeLink(_Asking):
    """A page on which one may pay. By itself it takes no money."""

    kind: Literal["MakeLink"] = "MakeLink"
    return_url: str | None = None
    container: str | None = None
    """A bill at the provider that this one joins."""
    save: bool = False
    """Keep the method, to be charged again."""
    ends_at: Time | None = None


class ChargeSaved(_Asking):
    """Take money by a saved method."""

    kind: Literal["ChargeSaved"] = "ChargeSaved"
    token: str
    by_payer: bool = False
    """They are there and have asked for it; else the business does."""
    by_schedule: bool = False


class CapturePayment(Stored):
    """Take what is held, or a part of it."""

    kind: Literal["CapturePayment"] = "CapturePayment"
    payment: str
    number: str
    external_id: str
    amount: Money
    lines: tuple[OrderLine, ...] = ()
    split: tuple[Split, ...] = ()
    person: Contact | None = None
    receipt: bool = False


class CancelPayment(Stored):
    """Let go of what is held, or call off a link that nobody has paid."""

    kind: Literal["CancelPayment"] = "CancelPayment"
    payment: str
    number: str
    external_id: str
    amount: Money | None = None
    """What was to be paid."""


class RefundPayment(Stored):
    """Give money back."""

    kind: Literal["RefundPayment"] = "RefundPayment"
    payment: str
    number: str
    """The refund's own."""
    external_id: str
    """The payment's."""
    amount: Money
    whole: bool
    """All that was paid."""
    description: str = ""
    lines: tuple[OrderLine, ...] = ()
    split: tuple[Split, ...] = ()
    person: Contact | None = None
    receipt: bool = False


MoneyCommand = MakeLink | ChargeSaved | CapturePayment | CancelPayment | RefundPayment

MONEY_COMMANDS = frozenset({"MakeLink", "ChargeSaved", "CapturePayment", "CancelPayment", "RefundPayment"})
"""By their kinds: never begun anew by a generation, for a new key would be a new payment."""

LOOKED_AT = MONEY_COMMANDS | {"SettleCheck"}
"""Those whose end their payment takes in."""

PAID_FOR = (CapturePayment, CancelPayment, RefundPayment, RegisterReceipt)
"""What follows from money that somebody has paid or set aside: it is owed also where the flow that asked for the money
is gone."""
