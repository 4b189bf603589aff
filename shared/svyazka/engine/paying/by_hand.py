"""What people do about a payment past its provider: they take cash, give it back, say that something was seen to. Pure.

Money that was taken by hand stands beside whatever a provider may still show: where that comes true as well, the order
was paid twice, and its card says so.
"""

from __future__ import annotations

from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.rules.paying import next_id, with_state
from svyazka.model.money import Money
from svyazka.model.payments import (
    Attempt,
    By,
    OddityKind,
    Payment,
    PaymentState,
    Transaction,
    TransactionKind,
    TransactionStatus,
    attempt_number,
)

WHY_NOT_PAID = {
    "paid": N_("it is paid already"),
    "held": N_("the money is held at the provider: take it, or let it go, in its cabinet first"),
    "cancelled": N_("the order is cancelled"),
}
"""Why it isn't noted: code -> words."""


def why_not_paid(payment: Payment) -> str | None:
    """Why nobody may say now that it was paid by hand; None where he may."""
    if payment.captured:
        return "paid"
    if payment.state is PaymentState.HELD:
        return "held"
    return "cancelled" if payment.closed else None


def paid_by_hand(payment: Payment, by: str, now: datetime) -> Payment:
    """Paid in full past the provider. It counts as through the connection by which it would have been paid, so that
    the same follows; the provider's own month doesn't have it."""
    last = payment.attempts[-1]
    n = max(one.n for one in payment.attempts) + 1
    attempt = Attempt(
        n=n, connection=last.connection, vendor=last.vendor, by=By.HAND, number=attempt_number(payment.id, n)
    )
    moved = _done(payment, TransactionKind.PURCHASE, n, payment.amount, by, now)
    return _changed(payment, now, attempts=(*payment.attempts, attempt), transactions=(*payment.transactions, moved))


def given_back_by_hand(payment: Payment, attempt: Attempt, amount: Money, by: str, now: datetime) -> Payment:
    """Given back as it had come."""
    moved = _done(payment, TransactionKind.REFUND, attempt.n, amount, by, now)
    return _changed(payment, now, transactions=(*payment.transactions, moved))


def seen_to(payment: Payment, kind: OddityKind, by: str) -> Payment:
    """All that is odd in this way was seen to."""
    closed = {"closed": True, "by": by}
    oddities = tuple(
        one.model_copy(update=closed) if one.kind is kind and not one.closed else one for one in payment.oddities
    )
    return payment.model_copy(update={"oddities": oddities})


def _done(payment: Payment, kind: TransactionKind, attempt: int, amount: Money, by: str, now: datetime) -> Transaction:
    return Transaction(
        id=next_id(payment), kind=kind, attempt=attempt, status=TransactionStatus.DONE, amount=amount, at=now, by=by
    )


def _changed(payment: Payment, now: datetime, **changes: object) -> Payment:
    """Looked at at once: links that are alive are called off."""
    again = {"looks": 0, "changed_at": now, "wake_at": now, "wake_step": 0, "expire_at": None}
    return with_state(payment.model_copy(update={**changes, **again}))
