"""What deliveries came to, taken into their payment: each answer once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from svyazka.engine.rules.paid_seen import with_found, with_refund_seen, with_seen
from svyazka.engine.rules.paying import Found, next_id, settle, with_oddity, with_state
from svyazka.model.deliveries import FINAL, Delivery, Status
from svyazka.model.payments import (
    IN_FLIGHT,
    Attempt,
    By,
    OddityKind,
    Payment,
    PaymentSeen,
    RefundSeen,
    Transaction,
    TransactionKind,
    TransactionStatus,
)

K, T = TransactionKind, TransactionStatus


def awaited(payment: Payment) -> list[str]:
    """The deliveries of its tries and movements: those that may still tell something new, and those whose end may be
    known by now from elsewhere."""
    asked = [*(one.delivery for one in payment.attempts), *(one.delivery for one in payment.transactions)]
    return list(dict.fromkeys(key for key in asked if key))


def with_deliveries(
    payment: Payment, deliveries: Mapping[str, Delivery], testing: Mapping[str, bool | None], now: datetime
) -> Payment:
    """The payment after what became of its deliveries. `testing`: by connection, whether its money is play money."""
    for attempt in payment.attempts:
        begun = deliveries.get(attempt.delivery or "")
        if begun is not None and not payment.of_attempt(attempt.n):
            payment = _tried(payment, attempt, now)
    for one in payment.transactions:
        delivery = deliveries.get(one.delivery or "")
        if delivery is not None and one.status in IN_FLIGHT and one.external_id is None:
            payment = _answered(payment, one, delivery, testing.get(delivery.connection), now)
    return with_state(payment)


def _tried(payment: Payment, attempt: Attempt, now: datetime) -> Payment:
    kind = K.AUTHORISE if payment.two_step else K.PURCHASE
    first = Transaction(
        id=next_id(payment), kind=kind, attempt=attempt.n, amount=payment.amount, at=now, delivery=attempt.delivery
    )
    return payment.model_copy(update={"transactions": (*payment.transactions, first)})


def _answered(payment: Payment, one: Transaction, delivery: Delivery, testing: bool | None, now: datetime) -> Payment:
    if delivery.status is Status.SUCCEEDED and delivery.seen is not None:
        return _seen(payment, one, delivery, testing, now)
    found = found_of(delivery, payment, one)
    if found is None:
        return payment
    payment = with_found(payment, one.id, found, now)
    if found is Found.NO and one.kind is K.REFUND:
        payment = with_oddity(payment, OddityKind.REFUND_REFUSED, one.id, now)
    return payment


def _seen(payment: Payment, one: Transaction, delivery: Delivery, testing: bool | None, now: datetime) -> Payment:
    seen = delivery.seen
    if isinstance(seen, RefundSeen):
        # Whatever number the provider shows: it is the answer to this very refund.
        return with_refund_seen(payment, one.attempt, seen.model_copy(update={"number": one.number}), now)
    assert isinstance(seen, PaymentSeen)
    taken = settle(payment.transactions, one.id, external_id=delivery.external_id or seen.external_id)
    payment = with_seen(payment.model_copy(update={"transactions": taken}), one.attempt, seen, now, testing)
    return _shown(payment, one.attempt, now)


def _shown(payment: Payment, n: int, now: datetime) -> Payment:
    """From now on somebody may hold its link."""
    attempts = tuple(
        one.model_copy(update={"shown_at": now}) if one.n == n and one.url and one.shown_at is None else one
        for one in payment.attempts
    )
    return payment.model_copy(update={"attempts": attempts})


def found_of(delivery: Delivery, payment: Payment, one: Transaction) -> Found | None:
    """What a delivery without an answer of its provider's says of its transaction; None: nothing yet."""
    if delivery.status is Status.SUCCEEDED:  # an operator has said so
        by_link = next(it.by is By.LINK for it in payment.attempts if it.n == one.attempt)
        return Found.WAITS if by_link and one.kind in (K.PURCHASE, K.AUTHORISE) else Found.DONE
    if delivery.status is Status.FAILED:
        return Found.NO
    if delivery.status is Status.UNKNOWN:
        # Said once: what was learnt by asking since then is newer.
        return Found.MAYBE_SENT if one.status is T.PENDING else None
    if delivery.status in FINAL:
        maybe = any(it.maybe_sent or it.outcome is None for it in delivery.attempts)
        if maybe and one.status is not T.PENDING:
            return None
        return Found.MAYBE_SENT if maybe else Found.NOT_SENT
    return None
