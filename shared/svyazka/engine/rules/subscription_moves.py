"""What a subscription, its period and that one's payment become by what was found of them. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from svyazka.engine.rules.paying import with_state
from svyazka.engine.rules.subscriptions import (
    BECOMES,
    Found,
    Happening,
    Standing,
    charges_of,
    due_at,
    is_under_way,
    method_of,
)
from svyazka.model.base import SKELETON
from svyazka.model.payments import Payment
from svyazka.model.subscriptions import Period, PeriodState, Subscription, SubscriptionState, Why, period_id

UNDER_WAY = timedelta(hours=1)
"""How often it is looked at, whether a charge of which its payment tells has ended: a task may have been forgotten."""

OWNER_THINKS = timedelta(days=1)

H, OWNER = Happening, SubscriptionState.NEEDS_OWNER


def moved(stands: Standing, seen: Found, now: datetime) -> Standing:
    """What follows from what was found, but for a charge: whoever makes that decides first whether it can be made."""
    subscription, period, payment = stands.subscription, stands.period, stands.payment
    state = BECOMES[subscription.state, seen.what]
    same = {"state": state, "why": seen.why, "changed_at": now, "wake_at": now, "wake_step": 0}
    after = subscription.model_copy(update=same)
    match seen.what:
        case H.NOTHING:
            return Standing(_waiting(subscription, period, seen, now), period, payment)
        case H.MISSED:
            return Standing(_next(after, now), _begun(subscription, now, state=PeriodState.SKIPPED, ended_at=now))
        case H.DUE:
            return Standing(after, _begun(subscription, now, again_at=now))
        case H.LATE:
            return Standing(after, _begun(subscription, now))
    if subscription.is_over:
        after = subscription
    if period is None or period.state is not PeriodState.OPEN:
        assert seen.what is H.CANCEL
        return Standing(_done(after), period, payment)
    closed = {"again_at": None, "ended_at": now, "expire_at": now + SKELETON}
    counted = {"judged": len(charges_of(payment)) if payment is not None else 0, "again_at": seen.at}
    match seen.what:
        case H.PAID:
            paid = period.model_copy(update={**closed, "state": PeriodState.PAID})
            method = payment and method_of(payment)
            if method is not None:
                after = after.model_copy(update={"method": method, "card_gone": False})
            return Standing(_next(after, now) if not after.is_over else _done(after), paid, payment)
        case H.AGAIN | H.OWNER:
            return Standing(after, period.model_copy(update=counted), payment)
        case H.NO_CARD:
            gone = {"method": None, "card_gone": True} if seen.why is Why.CARD_GONE else {}
            asked = period.model_copy(update={**counted, "asked_at": now})
            return Standing(after.model_copy(update=gone), asked, payment)
        case H.CANCEL if payment is not None and is_under_way(payment):
            return Standing(after, period, _closed(payment, now))  # what becomes of it is waited for
        case H.GIVEN_UP | H.CANCEL:
            unpaid = period.model_copy(update={**closed, "state": PeriodState.UNPAID})
            return Standing(_done(after), unpaid, _closed(payment, now))
        case H.GO_ON:
            return Standing(after, period.model_copy(update={"again_at": now, "since": now, "asked_at": None}), payment)
        case H.SKIP:
            skipped = period.model_copy(update={**closed, "state": PeriodState.SKIPPED})
            return Standing(_next(after, now), skipped, _closed(payment, now))
    raise AssertionError(f"{seen.what} is made of a charge")


def _waiting(subscription: Subscription, period: Period | None, seen: Found, now: datetime) -> Subscription:
    """With the time of the next look, where that isn't set already."""
    open_ = period is not None and period.state is PeriodState.OPEN
    if subscription.is_over and not open_:
        at = None
    elif seen.at is not None:
        at = seen.at
    else:
        known, pause = subscription.wake_at, OWNER_THINKS if subscription.state is OWNER else UNDER_WAY
        at = known if known is not None and now < known <= now + pause else now + pause
    if at == subscription.wake_at:
        return subscription
    return subscription.model_copy(update={"wake_at": at, "wake_step": 0})


def _begun(subscription: Subscription, now: datetime, **more: object) -> Period:
    return Period(
        id=period_id(subscription.id, subscription.n), tenant=subscription.tenant, subscription=subscription.id,
        n=subscription.n, due_at=subscription.due_at, since=now,
    ).model_copy(update=more)  # fmt: skip


def _next(subscription: Subscription, now: datetime) -> Subscription:
    """Looking forward to the period after this one."""
    n = subscription.n + 1
    due = due_at(subscription, n)
    return subscription.model_copy(update={"n": n, "due_at": due, "wake_at": max(due, now)})


def _done(subscription: Subscription) -> Subscription:
    return subscription.model_copy(update={"wake_at": None})


def _closed(payment: Payment | None, now: datetime) -> Payment | None:
    """Nobody shall pay for this period any more: the look at its payment calls its links off."""
    if payment is None or payment.closed or payment.captured:
        return payment
    return with_state(payment.model_copy(update={"closed": True, "wake_at": now}))
