"""When a subscription's periods are due, what follows from how a charge ended, and what state that leads to. Pure.

A period is charged beside nothing: as long as an earlier try may still bring money, nothing is tried. What follows a
declined one is decided by what the decline means, never by its being declined alone.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from svyazka.engine.rules.paying import why_no_attempt
from svyazka.model.agreements import Every
from svyazka.model.payments import IN_FLIGHT, By, Payment, Transaction, TransactionStatus
from svyazka.model.seen import Decline
from svyazka.model.subscriptions import Dunning, Method, Period, PeriodState, Subscription, SubscriptionState, Why

LATE = timedelta(days=3)
"""A period, or a further try of it, that is found due so much later isn't charged unless somebody says so."""


# When


def due_at(subscription: Subscription, n: int) -> datetime:
    """When the n-th period is due: by the wall clock of the business, counted from the first one's day. The last day
    of a month that is too short stands for the days that it lacks, and the next is on the 31st again."""
    day = _day(date.fromisoformat(subscription.anchor), subscription.every, n - 1)
    hour = time.fromisoformat(subscription.hour)
    return datetime.combine(day, hour, ZoneInfo(subscription.zone)).astimezone(UTC)


def _day(anchor: date, every: Every, steps: int) -> date:
    if every is Every.WEEK:
        return anchor + timedelta(weeks=steps)
    months = anchor.month - 1 + steps * (12 if every is Every.YEAR else 1)
    year, month = anchor.year + months // 12, months % 12 + 1
    return date(year, month, min(anchor.day, monthrange(year, month)[1]))


def later_by(subscription: Subscription, pause: timedelta) -> datetime:
    """So many days after the due time, at the same hour by the clock on the wall."""
    zone = ZoneInfo(subscription.zone)
    local = subscription.due_at.astimezone(zone).replace(tzinfo=None) + pause
    return local.replace(tzinfo=zone).astimezone(UTC)


# What happens


class Happening(StrEnum):
    """What a look at a subscription finds."""

    NOTHING = "nothing"
    DUE = "due"
    MISSED = "missed"
    """It is due, and so is the one after it already: nobody is charged for this one."""
    LATE = "late"
    TRY = "try"
    PAID = "paid"
    AGAIN = "again"
    """Declined; there may be money later."""
    NO_CARD = "no_card"
    """No money comes by this method."""
    OWNER = "owner"
    GIVEN_UP = "given_up"
    CANCEL = "cancel"
    GO_ON = "go_on"
    """The business wants it charged now."""
    SKIP = "skip"
    """The business wants nothing for this period."""


S, H = SubscriptionState, Happening

_ENDS = {H.GIVEN_UP: S.STOPPED, H.CANCEL: S.CANCELLED}
_MENDS = {H.PAID: S.ACTIVE, H.GO_ON: S.ACTIVE, H.SKIP: S.ACTIVE}
_TELLS = {H.LATE: S.NEEDS_OWNER, H.OWNER: S.NEEDS_OWNER, H.NO_CARD: S.NEEDS_CARD, H.AGAIN: S.RETRYING}

BECOMES: Mapping[tuple[SubscriptionState, Happening], SubscriptionState] = {
    **{(state, happening): state for state in S for happening in H},
    **{
        (state, happening): after
        for state in (S.ACTIVE, S.RETRYING, S.NEEDS_CARD, S.NEEDS_OWNER)
        for happening, after in (_ENDS | _MENDS | _TELLS).items()
    },
    # Whoever was asked for another card isn't told that it will be tried again with the old one.
    (S.NEEDS_CARD, H.AGAIN): S.NEEDS_CARD,
}
"""(state, what happened) -> state. What is over stays over."""

_OF_CARD = {Decline.CARD_GONE: Why.CARD_GONE, Decline.OTHER_CARD: Why.OTHER_CARD}
_OF_OWNER = {Decline.RISK: Why.RISK, Decline.SETUP: Why.SETUP, Decline.SHOP: Why.SETUP}


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription as it stands, with its n-th period, where that is begun, and that one's payment."""

    subscription: Subscription
    period: Period | None = None
    payment: Payment | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a look finds, and when the next one is worth it."""

    what: Happening
    why: Why | None = None
    at: datetime | None = None
    """Of `AGAIN`: when. Of `NOTHING`: when to look again; None: somebody says so."""


def found(stands: Standing, now: datetime, dunning: Dunning) -> Found:
    """What is to be done about a subscription now."""
    subscription, period, payment = stands.subscription, stands.period, stands.payment
    if period is None or period.state is not PeriodState.OPEN:
        return Found(H.NOTHING) if subscription.is_over else _to_begin(subscription, now)
    if payment is not None and payment.captured:
        return Found(H.PAID)
    charges = charges_of(payment) if payment is not None else []
    if payment is not None and is_under_way(payment):
        return Found(H.NOTHING)  # its payment is asked about, and says so
    end = given_up_at(subscription, period, dunning)
    if subscription.is_over or (end is not None and now >= end):
        return Found(H.GIVEN_UP, Why.UNPAID)
    if len(charges) > period.judged:
        return _judged(subscription, charges[-1], period, now, dunning)
    free = payment is None or why_no_attempt(payment) is None
    if period.again_at is None or not free:
        return Found(H.NOTHING, at=end)
    if period.again_at <= now:
        return Found(H.TRY) if now - period.again_at <= LATE else Found(H.OWNER, Why.LATE)
    return Found(H.NOTHING, at=min(period.again_at, end or period.again_at))


def charges_of(payment: Payment) -> list[Transaction]:
    """What was asked of its saved method, try by try."""
    tried = [attempt.n for attempt in payment.attempts if attempt.by is By.CHARGE]
    return [payment.of_attempt(n)[0] for n in tried]


def method_of(payment: Payment) -> Method | None:
    """What can be charged again of what it was paid by."""
    by = payment.paid_by
    if by is None or by.saved is None:
        return None
    return Method(connection=by.connection, vendor=by.vendor, saved=by.saved)


def is_under_way(payment: Payment) -> bool:
    """Whether a charge of it may still bring money."""
    return any(one.status in IN_FLIGHT for one in charges_of(payment))


def given_up_at(subscription: Subscription, period: Period, dunning: Dunning) -> datetime | None:
    """A period isn't asked for any longer than till the next one, nor for another card than `card_wait`. None: it
    waits for the business, however long."""
    if subscription.state is S.NEEDS_OWNER:
        return None
    following = max(due_at(subscription, period.n + 1), period.since + timedelta(days=1))
    return min(following, period.asked_at + dunning.card_wait) if period.asked_at is not None else following


def _to_begin(subscription: Subscription, now: datetime) -> Found:
    if now < subscription.due_at:
        return Found(H.NOTHING, at=subscription.due_at)
    if now >= due_at(subscription, subscription.n + 1):
        return Found(H.MISSED)
    return Found(H.LATE, Why.LATE) if now - subscription.due_at > LATE else Found(H.DUE)


def _judged(subscription: Subscription, charged: Transaction, period: Period, now: datetime, dunning: Dunning) -> Found:
    """What follows a charge that brought nothing, by what was said of it."""
    if charged.status is TransactionStatus.NEVER_SENT:
        return Found(H.OWNER, Why.NOT_SENT)
    why = charged.why or Decline.OTHER
    if why in _OF_OWNER:
        return Found(H.OWNER, _OF_OWNER[why])
    if why in _OF_CARD:
        return Found(H.NO_CARD, _OF_CARD[why])
    following = due_at(subscription, period.n + 1)
    for pause in dunning.again[period.judged :]:
        again = later_by(subscription, pause)
        if now < again < following:
            return Found(H.AGAIN, Why.NO_MONEY, again)
    return Found(H.NO_CARD, Why.NO_MONEY)
