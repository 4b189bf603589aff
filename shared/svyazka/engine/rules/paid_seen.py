"""What a provider shows, merged into a payment. Pure."""

from __future__ import annotations

from datetime import datetime

from svyazka.engine.rules.paying import (
    GIVEN_UP,
    MERGED,
    Found,
    attempt_of,
    may_come_yet,
    next_id,
    settle,
    with_oddity,
    with_state,
)
from svyazka.model.money import Money, sum_of
from svyazka.model.payments import (
    IN_FLIGHT,
    Attempt,
    OddityKind,
    Payment,
    Transaction,
    TransactionKind,
    TransactionStatus,
)
from svyazka.model.seen import Decline, PaymentSeen, RefundSeen, RefundState, SeenState

T, K = TransactionStatus, TransactionKind

_OF_SEEN = {SeenState.WAITS: Found.WAITS, SeenState.PAID: Found.DONE, SeenState.OVER: Found.NO}
_OF_REFUND = {RefundState.WAITS: Found.WAITS, RefundState.DONE: Found.DONE, RefundState.OVER: Found.NO}


def with_seen(payment: Payment, n: int, seen: PaymentSeen, now: datetime, testing: bool | None = None) -> Payment:
    """The payment after its provider has shown how an attempt stands. `testing`: whether the connection's money is play
    money; what is seen of the other kind changes nothing and is told of."""
    about = str(n)
    if seen.amount.currency != payment.amount.currency:
        return with_oddity(payment, OddityKind.OTHER_CURRENCY, about, now)
    if testing is not None and seen.test is not None and seen.test is not testing:
        return _of_other_mode(payment, about, seen, now)
    payment = _without_modes(payment, about)
    attempt = attempt_of(payment, n)
    if _is_anothers(payment, attempt, seen) or attempt.external_id not in (None, seen.external_id, seen.link):
        payment, attempt = _of_another_id(payment, attempt, seen)
    payment = _with_attempt(payment, _described(attempt, seen))
    payment = _money_moved(payment, attempt.n, seen, now)
    payment = _refunds_seen(payment, attempt.n, seen, now)
    return with_state(_odd(payment, attempt.n, seen, now))


_MODES = {
    (True, True): OddityKind.TEST_ON_LIVE, (True, False): OddityKind.TEST_BEGUN_ON_LIVE,
    (False, True): OddityKind.LIVE_ON_TEST, (False, False): OddityKind.LIVE_BEGUN_ON_TEST,
}  # fmt: skip
"""By whether it is play money, and whether any came."""


def _of_other_mode(payment: Payment, about: str, seen: PaymentSeen, now: datetime) -> Payment:
    """Told of as what it is now: begun with the wrong key, or paid so."""
    came = seen.state in (SeenState.PAID, SeenState.HELD)
    if came:
        payment = _without_modes(payment, about, _MODES[seen.test is True, True])
    return with_oddity(payment, _MODES[seen.test is True, came], about, now)


def _without_modes(payment: Payment, about: str, but: OddityKind | None = None) -> Payment:
    """What was told of that before holds no more: the keys were mended, or money came since."""
    over = [one for one in payment.oddities if one.about == about and one.kind in _MODES.values() and one.kind != but]
    if all(one.closed for one in over):
        return payment
    oddities = [one.model_copy(update={"closed": True}) if one in over else one for one in payment.oddities]
    return payment.model_copy(update={"oddities": tuple(oddities)})


def _described(attempt: Attempt, seen: PaymentSeen) -> Attempt:
    """What is known of the attempt itself; what this answer doesn't show stays."""
    shown = {
        "external_id": seen.external_id, "url": seen.url, "ends_at": seen.ends_at, "saved": seen.saved,
        "fee": seen.fee, "method": seen.method,
        "held_until": seen.ends_at if seen.state is SeenState.HELD else None,
    }  # fmt: skip
    return attempt.model_copy(update={name: value for name, value in shown.items() if value is not None})


def _is_anothers(payment: Payment, attempt: Attempt, seen: PaymentSeen) -> bool:
    """Whether the provider's payment is known as another attempt's already: it is counted once."""
    others = [one for one in payment.attempts if one.n != attempt.n and one.connection == attempt.connection]
    return any(one.external_id == seen.external_id for one in others)


def _of_another_id(payment: Payment, attempt: Attempt, seen: PaymentSeen) -> tuple[Payment, Attempt]:
    """A second payment at the provider under one number of ours: a link or a code that can be paid many times."""
    for one in payment.attempts:
        if one.external_id == seen.external_id and one.connection == attempt.connection:
            return payment, one
    n = max(one.n for one in payment.attempts) + 1
    other = Attempt(n=n, connection=attempt.connection, vendor=attempt.vendor, by=attempt.by, number=attempt.number)
    first = Transaction(
        id=next_id(payment), kind=K.AUTHORISE if payment.two_step else K.PURCHASE, attempt=n, amount=seen.amount,
        at=seen.created_at or payment.changed_at,
    )  # fmt: skip
    changes = {"attempts": (*payment.attempts, other), "transactions": (*payment.transactions, first)}
    return payment.model_copy(update=changes), other


def _with_attempt(payment: Payment, attempt: Attempt) -> Payment:
    attempts = tuple(attempt if one.n == attempt.n else one for one in payment.attempts)
    return payment.model_copy(update={"attempts": attempts})


# Money that comes


def _money_moved(payment: Payment, n: int, seen: PaymentSeen, now: datetime) -> Payment:
    first = next(one for one in payment.of_attempt(n) if one.kind in (K.PURCHASE, K.AUTHORISE))
    if first.kind is K.AUTHORISE:
        return _in_two_steps(payment, first, seen, now)
    return with_found(payment, first.id, _OF_SEEN.get(seen.state, Found.WAITS), now, seen)


def _in_two_steps(payment: Payment, held: Transaction, seen: PaymentSeen, now: datetime) -> Payment:
    if seen.state in (SeenState.HELD, SeenState.PAID):
        payment = with_found(payment, held.id, Found.DONE, now)
    elif held.status is not T.DONE:
        return with_found(payment, held.id, _OF_SEEN[seen.state], now, seen)
    if seen.state is SeenState.PAID:
        return _ended(payment, held, K.CAPTURE, seen, now)
    if seen.state is not SeenState.OVER:
        return payment
    own = payment.of_attempt(held.attempt)
    taken = next((one for one in own if one.kind is K.CAPTURE and one.status is T.DONE), None)
    if taken is not None:
        return with_oddity(payment, OddityKind.SAID_OTHERWISE, taken.id, now)
    return _ended(payment, held, K.VOID, seen, now)


def _ended(payment: Payment, held: Transaction, kind: TransactionKind, seen: PaymentSeen, now: datetime) -> Payment:
    """What was held is taken or let go: as we had asked, or by somebody in the provider's cabinet, or by its end."""
    asked = [one for one in payment.of_attempt(held.attempt) if one.kind is kind]
    there = next((one for one in asked if one.status is T.DONE), asked[-1] if asked else None)
    if there is None:
        there = Transaction(id=next_id(payment), kind=kind, attempt=held.attempt, amount=held.amount, at=now)
        payment = payment.model_copy(update={"transactions": (*payment.transactions, there)})
    return with_found(payment, there.id, Found.DONE, now, seen if kind is K.CAPTURE else None)


def with_found(payment: Payment, id_: str, found: Found, now: datetime, seen: PaymentSeen | None = None) -> Payment:
    """A transaction after evidence about it; amounts and times as its provider has them."""
    one = next(one for one in payment.transactions if one.id == id_)
    after = MERGED[one.status, found]
    changes: dict[str, object] = {"status": after}
    if after is T.DONE and one.status is not T.DONE:
        changes["at"] = (seen.captured_at if seen else None) or now
        changes["amount"] = ((seen.captured or seen.amount) if seen else None) or one.amount
    if after is T.DECLINED:
        changes["why"] = (seen.why if seen else None) or one.why or Decline.OTHER
    payment = payment.model_copy(update={"transactions": settle(payment.transactions, id_, **changes)})
    if one.status is T.DONE and found is Found.NO:
        payment = with_oddity(payment, OddityKind.SAID_OTHERWISE, id_, now)
    return with_state(payment)


# Money that goes back


def _refunds_seen(payment: Payment, n: int, seen: PaymentSeen, now: datetime) -> Payment:
    for refund in seen.refunds or ():
        payment = with_refund_seen(payment, n, refund, now)
    if seen.refunds is None and seen.refunded is not None:
        payment = _refunded_in_all(payment, n, seen.refunded, now)
    return _refunded_in_part(payment, n, now) if seen.in_part else payment


def _refunded_in_part(payment: Payment, n: int, now: datetime) -> Payment:
    """Where it is only shown that some part went back: that proves the one refund of ours that its provider has taken,
    if there is no other that it could be. Where there is none of ours, somebody has given back past us."""
    taken = [one.id for one in payment.of_attempt(n) if one.kind in _TAKES and one.status is T.DONE]
    own = [one for one in payment.of_attempt(n) if one.kind is K.REFUND]
    own = [one for one in own if one.status not in GIVEN_UP or may_come_yet(one)]
    if taken and not own:
        return with_oddity(payment, OddityKind.BACK_IN_PART, taken[0], now)
    if any(one.kind is OddityKind.BACK_IN_PART and one.about in taken for one in payment.oddities):
        return payment
    if len(own) == 1 and may_come_yet(own[0]):
        return _after_all(payment, own[0], now)
    if len(own) != 1 or own[0].status not in IN_FLIGHT or own[0].external_id is None:
        return payment
    settled = settle(payment.transactions, own[0].id, status=T.DONE, at=now)
    return with_state(payment.model_copy(update={"transactions": settled}))


def with_refund_seen(payment: Payment, n: int, seen: RefundSeen, now: datetime) -> Payment:
    """The payment after its provider has shown one refund; one that we didn't ask for was made in its cabinet."""
    ours = [one for one in payment.of_attempt(n) if one.kind is K.REFUND]
    one = next((it for it in ours if it.external_id == seen.external_id), None)
    one = one or next((it for it in ours if seen.number is not None and it.number == seen.number), None)
    if one is None:
        one = Transaction(id=next_id(payment), kind=K.REFUND, attempt=n, amount=seen.amount, at=now, by="provider")
        payment = payment.model_copy(update={"transactions": (*payment.transactions, one)})
    after = MERGED[one.status, _OF_REFUND[seen.state]]
    changes: dict[str, object] = {"status": after, "external_id": seen.external_id}
    if after is T.DONE and one.status is not T.DONE:
        changes |= {"at": seen.at or now, "amount": seen.amount}
    if after is T.DECLINED:
        changes["why"] = seen.why or Decline.OTHER
    payment = payment.model_copy(update={"transactions": settle(payment.transactions, one.id, **changes)})
    if after is T.DECLINED and one.status is not T.DECLINED:
        payment = with_oddity(payment, OddityKind.REFUND_REFUSED, one.id, now)
    if one.status is T.DONE and seen.state is RefundState.OVER:
        payment = with_oddity(payment, OddityKind.SAID_OTHERWISE, one.id, now)
    if one.status in GIVEN_UP and after is T.DONE:
        payment = with_oddity(payment, OddityKind.REFUND_AFTER_ALL, one.id, now)
    if payment.refunded > payment.captured:
        payment = with_oddity(payment, OddityKind.REFUNDED_MORE, one.id, now)
    return with_state(payment)


def _refunded_in_all(payment: Payment, n: int, total: Money, now: datetime) -> Payment:
    """Where only the sum of all refunds is shown: it proves ours in their order, and the rest is the cabinet's."""
    own = [one for one in payment.of_attempt(n) if one.kind is K.REFUND]
    left = total - sum_of([one.amount for one in own if one.status is T.DONE], total.currency)
    for one in own:
        if one.status in IN_FLIGHT and one.amount <= left:
            changes = {"status": T.DONE, "at": now}
            payment = payment.model_copy(update={"transactions": settle(payment.transactions, one.id, **changes)})
            left -= one.amount
    late = next((one for one in own if may_come_yet(one) and one.amount == left), None)
    if late is not None:
        return _after_all(payment, late, now)
    in_flight = any(one.status in IN_FLIGHT for one in payment.of_attempt(n) if one.kind is K.REFUND)
    if left.kopecks > 0 and not in_flight:
        made = Transaction(
            id=next_id(payment), kind=K.REFUND, attempt=n, status=T.DONE, amount=left, at=now, by="provider"
        )
        payment = payment.model_copy(update={"transactions": (*payment.transactions, made)})
    return with_state(payment)


def _after_all(payment: Payment, one: Transaction, now: datetime) -> Payment:
    """A refund of ours that was given up has gone back."""
    settled = settle(payment.transactions, one.id, status=T.DONE, at=now)
    payment = payment.model_copy(update={"transactions": settled})
    payment = with_oddity(payment, OddityKind.REFUND_AFTER_ALL, one.id, now)
    if payment.refunded > payment.captured:
        payment = with_oddity(payment, OddityKind.REFUNDED_MORE, one.id, now)
    return with_state(payment)


# What no payment should show


def _odd(payment: Payment, n: int, seen: PaymentSeen, now: datetime) -> Payment:
    taken = [one for one in payment.of_attempt(n) if one.kind in (K.PURCHASE, K.CAPTURE) and one.status is T.DONE]
    if not taken:
        return payment
    about = taken[0].id
    by_several = {one.attempt for one in payment.transactions if one.status is T.DONE and one.kind in _TAKES}
    attempt = attempt_of(payment, n)
    if payment.closed or (attempt.called_off and not attempt.elsewhere and len(by_several) == 1):
        payment = with_oddity(payment, OddityKind.PAID_AFTER_CANCEL, about, now)
    if len(by_several) > 1:
        payment = with_oddity(payment, OddityKind.PAID_TWICE, "t" + str(_second(payment)), now)
    paid = sum_of([one.amount for one in taken], payment.amount.currency)
    if paid > payment.amount:
        payment = with_oddity(payment, OddityKind.PAID_MORE, about, now)
    if paid < payment.amount and not payment.two_step:
        payment = with_oddity(payment, OddityKind.PAID_LESS, about, now)
    return payment


_TAKES = (K.PURCHASE, K.CAPTURE)


def _second(payment: Payment) -> int:
    """The number of the transaction by which money came once more."""
    taken = [one for one in payment.transactions if one.status is T.DONE and one.kind in _TAKES]
    by_time = sorted(taken, key=lambda one: (one.at, int(one.id[1:])))
    first = by_time[0].attempt
    return next(int(one.id[1:]) for one in by_time if one.attempt != first)
