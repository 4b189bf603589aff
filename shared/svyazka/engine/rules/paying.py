"""What becomes of a payment by what is found of it. Pure tables and functions; nothing becomes anything by time alone.

A transaction follows the newest evidence, and `done` stays done. The payment's state follows from its transactions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from svyazka.model.money import Money, sum_of
from svyazka.model.payments import (
    IN_FLIGHT,
    Attempt,
    By,
    Oddity,
    OddityKind,
    Payment,
    PaymentState,
    Transaction,
    TransactionKind,
    TransactionStatus,
)


class Found(StrEnum):
    """Evidence about one transaction."""

    NOT_SENT = "not_sent"
    """No try left, or the provider was asked late enough and has nothing."""
    MAYBE_SENT = "maybe_sent"
    WAITS = "waits"
    DONE = "done"
    NO = "no"


T, K, S = TransactionStatus, TransactionKind, PaymentState

_FOLLOWS = {
    Found.NOT_SENT: T.NEVER_SENT, Found.MAYBE_SENT: T.UNKNOWN, Found.WAITS: T.PENDING, Found.DONE: T.DONE,
    Found.NO: T.DECLINED,
}  # fmt: skip

MERGED: dict[tuple[TransactionStatus, Found], TransactionStatus] = {
    **{(before, found): after for before in T for found, after in _FOLLOWS.items()},
    # What a provider has declined was sent; only its own word changes that.
    (T.DECLINED, Found.NOT_SENT): T.DECLINED,
    (T.DECLINED, Found.MAYBE_SENT): T.DECLINED,
    **{(T.DONE, found): T.DONE for found in Found},
}
"""(status, evidence) -> status."""

PAID_STATES = frozenset({S.PAID, S.PART_REFUNDED, S.REFUNDED})
"""Money came. From these no way leads back to where it hadn't."""

WAYS: dict[PaymentState, frozenset[PaymentState]] = {
    **dict.fromkeys(set(S) - PAID_STATES, frozenset(S)),
    S.PAID: PAID_STATES,
    S.PART_REFUNDED: PAID_STATES,
    S.REFUNDED: PAID_STATES,
}
"""State -> what it may become. `failed` and `cancelled` aren't the end: a link that was shown may be paid late."""


def state_of(payment: Payment) -> PaymentState:
    """The payment's state, out of its transactions. First what money did, then what may still come."""
    captured, refunded = payment.captured, payment.refunded
    if captured:
        if not refunded or captured - refunded >= payment.amount:
            return S.PAID
        return S.REFUNDED if refunded >= captured else S.PART_REFUNDED
    if any(is_held(payment, attempt.n) for attempt in payment.attempts):
        return S.HELD
    counted = [one for one in payment.transactions if not is_orphan(payment, one)]
    if any(one.status is T.UNKNOWN for one in counted):
        return S.UNKNOWN
    asked = [one for one in counted if one.kind in (K.PURCHASE, K.AUTHORISE)]
    if any(one.status is T.PENDING and _is_there(payment, one) for one in asked):
        return S.WAITING
    if any(one.status is T.PENDING for one in asked) or not asked:
        return S.CANCELLED if payment.closed else S.CREATED
    if payment.closed or any(one.kind is K.VOID and one.status is T.DONE for one in counted):
        return S.CANCELLED
    return S.FAILED


def with_state(payment: Payment) -> Payment:
    """The payment with the state that follows from its transactions."""
    return payment.model_copy(update={"state": state_of(payment)})


def is_orphan(payment: Payment, one: Transaction) -> bool:
    """Whether it belongs to a link that nobody holds, if there is one: no answer brought its address. No money can come
    by it, as long as the provider itself sends it to nobody."""
    attempt = attempt_of(payment, one.attempt)
    never_seen = attempt.by is By.LINK and attempt.external_id is None and attempt.url is None
    return never_seen and one.status is T.UNKNOWN


def attempt_of(payment: Payment, n: int) -> Attempt:
    """An attempt by its number."""
    return next(one for one in payment.attempts if one.n == n)


def is_held(payment: Payment, n: int) -> bool:
    """Whether an attempt's provider holds money that is neither taken nor let go."""
    own = payment.of_attempt(n)
    ended = any(one.kind in (K.CAPTURE, K.VOID) and one.status is T.DONE for one in own)
    return not ended and any(one.kind is K.AUTHORISE and one.status is T.DONE for one in own)


def _is_there(payment: Payment, one: Transaction) -> bool:
    attempt = attempt_of(payment, one.attempt)
    return attempt.external_id is not None or attempt.url is not None


# A new attempt


def why_no_attempt(payment: Payment) -> str | None:
    """Why nobody may be charged now; None where every earlier try is proven to have taken nothing and to take nothing
    any more. A link may be made beside another that isn't shown; money isn't taken beside anything."""
    if payment.closed:
        return "cancelled"
    if payment.captured or state_of(payment) is S.HELD:
        return "paid"
    if any(one.status in IN_FLIGHT for one in payment.transactions):
        return "in_progress"
    return None


# Refunds


def free_of(payment: Payment, attempt: int) -> Money:
    """What can still be given back by an attempt's provider: captured, less what was, is being or may have been."""
    captured, gone = [], []
    for one in payment.of_attempt(attempt):
        if one.kind in (K.PURCHASE, K.CAPTURE) and one.status is T.DONE:
            captured.append(one.amount)
        if one.kind in (K.REFUND, K.CHARGEBACK) and (one.status is T.DONE or one.status in IN_FLIGHT):
            gone.append(one.amount)
    currency = payment.amount.currency
    left = sum_of(captured, currency) - sum_of(gone, currency)
    return max(left, Money(kopecks=0, currency=currency))


def free_to_refund(payment: Payment) -> Money:
    """The same by all attempts together."""
    return sum_of([free_of(payment, attempt.n) for attempt in payment.attempts], payment.amount.currency)


def refunded_by(payment: Payment, amount: Money) -> Attempt | None:
    """The attempt by whose provider an amount goes back: the latest that has so much, for what came twice is given
    back where it came second. None: no one of them has it."""
    able = [one for one in payment.attempts if free_of(payment, one.n) >= amount]
    return able[-1] if able else None


def as_it_stands(payment: Payment) -> str:
    """A mark of what has moved: whoever decides about money decides about what was shown."""
    moved = "|".join(f"{one.id} {one.status} {one.amount.kopecks}" for one in payment.transactions)
    return hashlib.sha256(f"{payment.id}|{payment.state}|{moved}".encode()).hexdigest()[:12]


def next_id(payment: Payment) -> str:
    """Of a transaction that is added."""
    return f"t{len(payment.transactions) + 1}"


# Oddities


def with_oddity(payment: Payment, kind: OddityKind, about: str, now: datetime) -> Payment:
    """Noted, once for whatever it is about."""
    if any(one.kind is kind and one.about == about for one in payment.oddities):
        return payment
    noted = Oddity(kind=kind, about=about, since=now)
    return payment.model_copy(update={"oddities": (*payment.oddities, noted)})


UNKNOWN_LONG = timedelta(hours=1)
REFUND_LONG = timedelta(days=3)
"""A bank says so within a day or two, where it says so at all."""


HOLD_TOLD = timedelta(days=1)
"""Before what is held goes back by itself, its business hears of it."""


def with_patience_over(payment: Payment, now: datetime) -> Payment:
    """What is unknown for an hour, a refund that is on its way for days, or a hold that is about to end, is told of. It
    stays as it is."""
    for attempt in payment.attempts:
        end = attempt.held_until
        if end is not None and not attempt.called_off and end - HOLD_TOLD <= now and is_held(payment, attempt.n):
            payment = with_oddity(payment, OddityKind.HOLD_ENDS, str(attempt.n), now)
    for one in payment.transactions:
        if one.kind is K.REFUND and one.status in IN_FLIGHT and now - one.at >= REFUND_LONG:
            payment = with_oddity(payment, OddityKind.REFUND_LONG, one.id, now)
        if one.status is T.UNKNOWN and not is_orphan(payment, one) and now - one.at >= UNKNOWN_LONG:
            payment = with_oddity(payment, OddityKind.UNKNOWN_LONG, one.id, now)
    return payment


# When it is looked at again

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

ASKED_AFTER: Sequence[timedelta] = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 6 * _HOUR, _DAY)
"""After each look that changed nothing; the last for as long as anything may still come true."""


def looks_again(payment: Payment) -> timedelta | None:
    """How long till the provider is asked again; None where nothing can come of itself any more."""
    if not may_change(payment):
        late = payment.looks < LATE_LOOKS and any(may_be_paid_late(payment, one) for one in payment.attempts)
        doubted = any(map(may_come_yet, payment.transactions))
        doubted = doubted or any(may_go_back_yet(payment, one) for one in payment.attempts)
        late = late or (payment.looks < len(ASKED_AFTER) and doubted)
        return ASKED_AFTER[payment.looks] if late else None
    return ASKED_AFTER[min(payment.looks, len(ASKED_AFTER) - 1)]


def hold_told_at(payment: Payment, now: datetime) -> datetime | None:
    """When somebody is to be told that a hold ends, if that is still to come."""
    ends = [one.held_until - HOLD_TOLD for one in payment.attempts if one.held_until and is_held(payment, one.n)]
    return min((one for one in ends if one > now), default=None)


LINK_LIFE = timedelta(days=45)
"""So long whoever holds a link may take to pay. Some providers' links have no end of their own."""


def is_past(attempt: Attempt, now: datetime) -> bool:
    """Whether a link was shown so long ago that nobody is waited for any more."""
    return attempt.shown_at is not None and now - attempt.shown_at >= LINK_LIFE


LATE_LOOKS = 5
"""Within half a day, who was declined has tried again or gone."""


def may_come_yet(one: Transaction) -> bool:
    """Whether it was given up while a try of it may have been on its way: in a process that is frozen, or at a provider
    that is slow. Nobody may ever tell of what that comes to, so that it is looked for during the day after."""
    return one.doubted and one.status in GIVEN_UP


def may_go_back_yet(payment: Payment, attempt: Attempt) -> bool:
    """Whether its provider may yet hear that it is to be called off, by a process that is frozen, though it was paid
    meanwhile. Some then give back what was paid, and nobody may ever tell of it."""
    return attempt.doubted and free_of(payment, attempt.n).kopecks > 0


GIVEN_UP = frozenset({TransactionStatus.DECLINED, TransactionStatus.NEVER_SENT})


def may_be_paid_late(payment: Payment, attempt: Attempt) -> bool:
    """Whether money may still come by this link, whose payment is over. Some pages let whoever was declined try again,
    which then is another payment under the same number. Who was already paying when it was called off may be through
    with it a moment later, whatever else is paid; of that nobody may ever tell."""
    if attempt.by is not By.LINK or attempt.shown_at is None or (payment.captured and not attempt.called_off):
        return False
    return all(one.status is T.DECLINED for one in payment.of_attempt(attempt.n))


def may_change(payment: Payment) -> bool:
    """Whether anything of it may still come true at a provider."""
    return state_of(payment) is S.HELD or any(one.status in IN_FLIGHT for one in payment.transactions)


def settle(transactions: Iterable[Transaction], id_: str, **changes: object) -> tuple[Transaction, ...]:
    """Transactions with one changed."""
    return tuple(one.model_copy(update=changes) if one.id == id_ else one for one in transactions)
