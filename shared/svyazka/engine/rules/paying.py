"""What becomes of a payment by what is found of it. Pure tables and functions; nothing becomes anything by time alone.

A transaction follows the newest evidence, and `done` stays done. The payment's state follows from its transactions.
"""

from __future__ import annotations

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
    if any(_is_held(payment, attempt.n) for attempt in payment.attempts):
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


def _is_held(payment: Payment, n: int) -> bool:
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


def with_patience_over(payment: Payment, now: datetime) -> Payment:
    """What is unknown for an hour is told of. It stays unknown."""
    for one in payment.transactions:
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
        return None
    return ASKED_AFTER[min(payment.looks, len(ASKED_AFTER) - 1)]


def may_change(payment: Payment) -> bool:
    """Whether anything of it may still come true at a provider."""
    return state_of(payment) is S.HELD or any(one.status in IN_FLIGHT for one in payment.transactions)


def settle(transactions: Iterable[Transaction], id_: str, **changes: object) -> tuple[Transaction, ...]:
    """Transactions with one changed."""
    return tuple(one.model_copy(update=changes) if one.id == id_ else one for one in transactions)
