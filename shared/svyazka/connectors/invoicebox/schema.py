"""Invoicebox's objects in our words: tables first. Pure.

Source: the vendor's documentation (orders, refunds, notifications) and its newer client, which knows more statuses and
rates of tax.
"""

from __future__ import annotations

from collections.abc import Mapping

from svyazka.engine.contracts.untrusted import Section, text, zoned_time
from svyazka.model.money import RUB, Money
from svyazka.model.orders import Method, Subject
from svyazka.model.payments import numbered
from svyazka.model.seen import Decline, PaymentSeen, RefundSeen, RefundState, SeenState
from svyazka.model.vat import Vat

STATES: Mapping[str, SeenState] = {
    "draft": SeenState.WAITS,
    "created": SeenState.WAITS,
    # A guarantee of the payer's that isn't money yet; only the newer client knows the word.
    "hold": SeenState.WAITS,
    "completed": SeenState.PAID,
    "expired": SeenState.OVER,
    "canceled": SeenState.OVER,
    # So it is spelt where a status is set by hand.
    "cancelled": SeenState.OVER,
}

DECLINES: Mapping[str, Decline] = {
    "expired": Decline.PAYER_LEFT,
    "canceled": Decline.SHOP,
    "cancelled": Decline.SHOP,
    "not_processable": Decline.SETUP,
}

REFUND_STATES: Mapping[str, RefundState] = {
    "draft": RefundState.WAITS,
    "created": RefundState.WAITS,
    "completed": RefundState.DONE,
    "canceled": RefundState.OVER,
    "cancelled": RefundState.OVER,
}

VAT_CODES: Mapping[Vat, str] = {
    Vat.NONE: "VATNONE", Vat.V0: "RUS_VAT0", Vat.V5: "RUS_VAT5", Vat.V7: "RUS_VAT7", Vat.V10: "RUS_VAT10",
    Vat.V20: "RUS_VAT20", Vat.V22: "RUS_VAT22",
    # It has no words for the tax of an advance; the sum is the same, tax within the price.
    Vat.V5_105: "RUS_VAT5", Vat.V7_107: "RUS_VAT7", Vat.V10_110: "RUS_VAT10", Vat.V20_120: "RUS_VAT20",
    Vat.V22_122: "RUS_VAT22",
}  # fmt: skip
"""`vatCode`. 22 %, 7 % and 5 % only by the newer client."""

SUBJECTS: Mapping[Subject, str] = {
    Subject.COMMODITY: "commodity", Subject.EXCISE: "2", Subject.JOB: "3", Subject.SERVICE: "service",
    Subject.PAYMENT: "10", Subject.ANOTHER: "13",
}  # fmt: skip
"""`type`: two words, else the number of the fiscal documents' tag 1212."""

MODES: Mapping[Method, str] = {
    Method.FULL_PREPAYMENT: "full_prepayment", Method.PREPAYMENT: "prepayment", Method.ADVANCE: "advance",
    Method.FULL_PAYMENT: "full_payment",
}  # fmt: skip
"""`paymentType`."""

PIECE = ("шт", "796")
MEASURES: Mapping[str, tuple[str, str]] = {
    "piece": PIECE, "kg": ("кг", "166"), "g": ("г", "163"), "l": ("л", "112"), "m": ("м", "006"), "h": ("ч", "356"),
    "day": ("сут", "359"),
}  # fmt: skip
"""`measure` and `measureCode` (ОКЕИ); what isn't here is a piece."""


class NotAnObject(ValueError):
    """An answer without what its object must have."""


def payment_seen(told: Section) -> PaymentSeen:
    """An order object. Raises NotAnObject; also for a status of which nobody has said that it is paid."""
    id_, status, amount = text(told.get("id"), 64), text(told.get("status"), 40) or "", money(told, "amount")
    state = STATES.get(status)
    if id_ is None or state is None or amount is None:
        raise NotAnObject
    if state is SeenState.WAITS and told.get("processable") is False:
        state, status = SeenState.OVER, "not_processable"
    waits, over = state is SeenState.WAITS, state is SeenState.OVER
    return PaymentSeen(
        external_id=id_, number=number_of(told), state=state, amount=amount,
        captured=amount if state is SeenState.PAID else None,
        url=text(told.get("paymentUrl"), 2000) if waits else None,
        ends_at=zoned_time(told.get("expirationDate")) if waits else None,
        why=DECLINES[status] if over else None, code=status if over else None,
        created_at=zoned_time(told.get("createdAt")), captured_at=zoned_time(told.get("paidAt")),
    )  # fmt: skip


def refund_seen(told: Section) -> RefundSeen:
    """A refund object. Raises NotAnObject."""
    id_, amount = text(told.get("id"), 64), money(told, "amount")
    state = REFUND_STATES.get(str(told.get("status")))
    if id_ is None or state is None or amount is None:
        raise NotAnObject
    return RefundSeen(
        external_id=id_, number=text(told.get("merchantOrderId"), 64), state=state, amount=amount,
        at=zoned_time(told.get("createdAt")), why=Decline.OTHER if state is RefundState.OVER else None,
        code=text(told.get("status"), 40) if state is RefundState.OVER else None,
    )  # fmt: skip


def number_of(told: Section) -> str | None:
    """Our number of an order, where it is one of ours."""
    number = text(told.get("merchantOrderId"), 256)
    return number if numbered(number) is not None else None


def money(told: Section, name: str) -> Money | None:
    """Roubles of an object whose fractions were kept as text; of another currency too, which the engine refuses by its
    name."""
    value, currency = told.get(name), text(told.get("currencyId"), 10)
    try:
        found = Money.read(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except ValueError:
        return None
    return found if found is None or currency in (None, RUB) else found.model_copy(update={"currency": currency})
