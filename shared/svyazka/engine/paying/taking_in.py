"""What deliveries came to, taken into their payment: each answer once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from svyazka.engine.rules.paid_seen import with_found, with_refund_seen, with_seen
from svyazka.engine.rules.paying import GIVEN_UP, Found, is_held, next_id, settle, with_oddity, with_state
from svyazka.model.deliveries import FINAL, Delivery, Status
from svyazka.model.payments import (
    IN_FLIGHT,
    Attempt,
    By,
    OddityKind,
    Payment,
    Transaction,
    TransactionKind,
    TransactionStatus,
)
from svyazka.model.seen import PaymentSeen, RefundSeen, moved_money

K, T = TransactionKind, TransactionStatus


def awaited(payment: Payment) -> list[str]:
    """The deliveries of its tries and movements: those that may still tell something new, and those whose end may be
    known by now from elsewhere."""
    asked = [*(one.delivery for one in payment.attempts), *(one.delivery for one in payment.transactions)]
    asked += [one.off for one in payment.attempts]
    asked.append(payment.settling)
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
        if delivery is None:
            continue
        waits = one.status in IN_FLIGHT and one.external_id is None
        if waits or (one.status in GIVEN_UP and _came(delivery)):  # the latter by the late word of who was frozen
            payment = _answered(payment, one, delivery, testing.get(delivery.connection), now)
    payment = _with_doubts(payment, deliveries)
    for attempt in payment.attempts:
        called_off = deliveries.get(attempt.off or "")
        waits = any(one.status in IN_FLIGHT for one in payment.of_attempt(attempt.n)[:1])
        waits = waits or is_held(payment, attempt.n)
        if called_off is not None and waits and isinstance(called_off.seen, PaymentSeen):
            # Some providers show a link only to whoever pays it: that it is over is said by this answer alone.
            payment = with_seen(payment, attempt.n, called_off.seen, now, testing.get(attempt.connection))
        if called_off is not None and called_off.status in NOT_DONE_NOW and is_held(payment, attempt.n):
            payment = with_oddity(payment, OddityKind.HOLD_STAYS, str(attempt.n), now)
    settling = deliveries.get(payment.settling or "")
    return with_state(_settled(payment, settling, now) if settling is not None else payment)


NOT_DONE_NOW = FINAL | {Status.UNKNOWN}
"""Nothing more comes of such a delivery by itself."""


def _came(delivery: Delivery) -> bool:
    return delivery.status is Status.SUCCEEDED and moved_money(delivery.seen)


def _with_doubts(payment: Payment, deliveries: Mapping[str, Delivery]) -> Payment:
    """With a mark on what was given up while a try of it may be on its way (a link made late is no matter: nobody has
    it), and on what may be called off by one: to make a link again calls off what was made before, too."""
    links = {one.n for one in payment.attempts if one.by is By.LINK}
    doubted = {
        one.id
        for one in payment.transactions
        if one.status in GIVEN_UP and not one.doubted and (delivery := deliveries.get(one.delivery or "")) is not None
        and _may_be_on_its_way(delivery)
        and not (one.kind in (K.PURCHASE, K.AUTHORISE) and one.attempt in links)
    }  # fmt: skip
    open_ = {one.n for one in payment.attempts if not one.doubted and _may_be_called_off(one, deliveries)}
    if not doubted and not open_:
        return payment
    marked = tuple(
        one.model_copy(update={"doubted": True}) if one.id in doubted else one for one in payment.transactions
    )
    attempts = tuple(one.model_copy(update={"doubted": True}) if one.n in open_ else one for one in payment.attempts)
    return payment.model_copy(update={"transactions": marked, "attempts": attempts})


def _may_be_called_off(attempt: Attempt, deliveries: Mapping[str, Delivery]) -> bool:
    made, off = deliveries.get(attempt.delivery or ""), deliveries.get(attempt.off or "")
    again = made is not None and made.status is not Status.IN_FLIGHT and _may_be_on_its_way(made)
    return again or (off is not None and _may_be_on_its_way(off))


def _may_be_on_its_way(delivery: Delivery) -> bool:
    return any(one.maybe_sent or one.outcome in (None, "lost") for one in delivery.attempts)


LEFT = {"check_costs_more": OddityKind.CHECK_COSTS_MORE, "check_costs_less": OddityKind.CHECK_COSTS_LESS}
"""By the till's code of why nothing was written; by any other the table is merely left open."""


def _settled(payment: Payment, settling: Delivery, now: datetime) -> Payment:
    """The till that should close a table couldn't: what was paid for it is to be seen to there."""
    if settling.status not in FINAL or settling.status is Status.SUCCEEDED:
        return payment
    code = settling.last_error.code if settling.last_error is not None else ""
    about = next((one.id for one in payment.transactions if one.kind in (K.PURCHASE, K.CAPTURE)), "t1")
    return with_oddity(payment, LEFT.get(code, OddityKind.TABLE_LEFT_OPEN), about, now)


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
