"""Money of what was cancelled goes back: each payment's once, whoever tells of it how often, and in the commit that
plans the event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import DELIVERY_BY_EXTERNAL_ID
from svyazka.engine.journal.tasks import pay_task, perform_task
from svyazka.engine.paying.looking import Looking
from svyazka.engine.paying.refunding import Refunding
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.paying import free_of, is_held, may_change, with_oddity, with_state
from svyazka.model.commands import BookVisit
from svyazka.model.deliveries import Delivery
from svyazka.model.events import Event
from svyazka.model.giving_back import GiveBack
from svyazka.model.money import Money, sum_of
from svyazka.model.orders import Order, order_id
from svyazka.model.payments import Attempt, OddityKind, Payment, TransactionKind, TransactionStatus
from svyazka.model.tenants import Tenant

BOOKED_MOST = 10
"""Deliveries about one visit, of which one has booked it."""
TAKES = (TransactionKind.PURCHASE, TransactionKind.CAPTURE)
FOR_PEOPLE = (OddityKind.CANCELLED_LATE, OddityKind.BACK_OVER_LIMIT, OddityKind.NOT_GIVEN_BACK)


@dataclass
class Given:
    """What is written with the plan of what was cancelled."""

    order: Versioned[Order] | None = None
    """Whose money it is."""
    before: dict[str, Versioned[Payment]] = field(default_factory=dict)
    """Its payments as they are written down."""
    payments: dict[str, Payment] = field(default_factory=dict)
    """And as they become."""
    deliveries: list[Delivery] = field(default_factory=list)
    counts: Sequence[Write] = ()
    reasons: list[str] = field(default_factory=list)

    def tasks(self) -> list[Task]:
        """The deliveries, and a look at each payment that has become odd, which tells of it."""
        looks = [
            pay_task(id_, one.attempts[-1].vendor)
            for id_, one in self.payments.items()
            if one.oddities != self.before[id_].model.oddities
        ]
        return [*(perform_task(one) for one in self.deliveries), *looks]


@dataclass(frozen=True)
class _Paid:
    """What came by one attempt."""

    payment: str
    attempt: Attempt
    captured: Money
    gone: Money
    """What of it has gone back, is about to, or may have."""
    at: datetime
    """When it came."""
    asked_by: frozenset[str]
    """Who has asked for refunds of it, whatever became of them."""


class GivingBack:
    """Turns a flow's word into refunds."""

    def __init__(self, hub: Hub, looking: Looking) -> None:
        self._hub, self._looking, self._refunding = hub, looking, Refunding(hub)

    async def given(self, flow: str, back: GiveBack, tenant: Tenant, event: Event) -> Given:
        """What the cancelled order gives back; its `order` is None where nothing of that number was to be paid."""
        given = Given()
        given.order = await self._order(back, tenant, event)
        if given.order is None:
            why = N_("{flow}: {connection} knows no order of it; `paid_at` says where payments begin")
            given.reasons.append(why.format(flow=flow, connection=back.connection))
            return given
        for part, id_ in sorted(given.order.model.payments.items()):
            held = await self._as_it_stands(id_)
            if held is not None and part not in back.kept and not _is_decided(held.model):
                given.before[id_] = held
        given.payments = {id_: held.model for id_, held in given.before.items()}
        by, paid = f"flow:{flow}", [one for held in given.before.values() for one in _paid(held.model)]
        if back.late:
            self._odd(given, OddityKind.CANCELLED_LATE, [*_left(paid, by), *self._held(given)])
            return given
        for id_ in self._held(given):
            await self._let_go(given, id_, whole=back.percent == 100)
        if back.within is not None:
            old = [one for one in paid if one.at + back.within < back.at]
            self._odd(given, OddityKind.CANCELLED_LATE, _left(old, by))
            paid = [one for one in paid if one not in old]
        await self._refund(given, paid, by, back, tenant, event)
        return given

    async def _order(self, back: GiveBack, tenant: Tenant, event: Event) -> Versioned[Order] | None:
        numbers = [back.order] if back.order is not None else []
        if back.visit is not None:
            equal = {"tenant": tenant.id, "connection": event.connection, "external_id": back.visit}
            page = await self._hub.store.find(DELIVERY_BY_EXTERNAL_ID, equal=equal, limit=BOOKED_MOST)
            booked = [one.model for one in journal.known(Delivery, page.documents)]
            numbers += [one.event for one in booked if isinstance(one.command, BookVisit) and one.event is not None]
        for number in numbers:
            held = await journal.load(self._hub.store, Order, order_id(tenant.id, back.connection, number))
            if held is not None:
                return held
        return None

    async def _as_it_stands(self, id_: str) -> Versioned[Payment] | None:
        """The payment, of which money may have come that nobody has told of yet. A provider that is silent tells it
        later: what is found paid then is a card, for the order is cancelled."""
        held = await journal.load(self._hub.store, Payment, id_)
        if held is None or not may_change(held.model):
            return held
        await self._looking.look(id_)
        return await journal.load(self._hub.store, Payment, id_)

    async def _refund(
        self, given: Given, paid: Sequence[_Paid], by: str, back: GiveBack, tenant: Tenant, event: Event
    ) -> None:
        """All of it or, where that is more than the day allows, nothing."""
        owed = _owed(paid, by, back.percent)
        after, deliveries, unable = dict(given.payments), list[Delivery](), list[str]()
        total = Money(kopecks=0)
        for one, amount in owed:
            going = await self._refunding.by_attempt(
                after[one.payment], tenant, one.attempt, amount, by=by, event=event.id
            )
            if isinstance(going, str):
                unable.append(one.payment)
                continue
            after[one.payment], delivery = going
            deliveries.append(delivery)
            total += amount
        counts = await self._refunding.counted(tenant, by, total, back.a_day) if deliveries else []
        if isinstance(counts, str):
            self._odd(given, OddityKind.BACK_OVER_LIMIT, [one.payment for one, _ in owed])
            return
        given.payments, given.counts = after, counts
        given.deliveries += deliveries
        self._odd(given, OddityKind.NOT_GIVEN_BACK, unable)
        if not given.deliveries and not unable:
            given.reasons.append(N_("{flow}: nothing of it is left to be given back").format(flow=by.partition(":")[2]))

    # Money that is only held

    def _held(self, given: Given) -> list[str]:
        return [
            id_
            for id_, one in given.payments.items()
            if any(is_held(one, it.n) and not it.called_off for it in one.attempts)
        ]

    async def _let_go(self, given: Given, id_: str, *, whole: bool) -> None:
        payment, deliveries = given.payments[id_], list[Delivery]()
        if whole:
            payment, deliveries = await self._looking.let_go(payment)
        given.payments[id_] = payment
        given.deliveries += deliveries
        if id_ in self._held(given):
            self._odd(given, OddityKind.NOT_GIVEN_BACK, [id_])

    # Whatever people are to see to

    def _odd(self, given: Given, kind: OddityKind, payments: Sequence[str]) -> None:
        now = self._hub.clock.now()
        for id_ in dict.fromkeys(payments):
            before = given.payments[id_]
            came = [one for one in before.transactions if one.status is TransactionStatus.DONE]
            after = with_oddity(before, kind, came[0].id if came else "t1", now)
            if after is not before:
                # The look that tells of it comes also where whoever plans this dies.
                awake = {"looks": 0, "wake_at": now, "wake_step": 0, "expire_at": None, "changed_at": now}
                given.payments[id_] = with_state(after.model_copy(update=awake))


def _is_decided(payment: Payment) -> bool:
    """Whether somebody has seen to what became of its money, which stays so however often it is told of."""
    return any(one.closed and one.kind in FOR_PEOPLE for one in payment.oddities)


def _paid(payment: Payment) -> list[_Paid]:
    """What came by each of its attempts."""
    found = []
    for attempt in payment.attempts:
        own = payment.of_attempt(attempt.n)
        came = [one for one in own if one.kind in TAKES and one.status is TransactionStatus.DONE]
        if came:
            captured = sum_of([one.amount for one in came])
            asked_by = frozenset(one.by for one in own if one.kind is TransactionKind.REFUND and one.by is not None)
            gone = captured - free_of(payment, attempt.n)
            found.append(_Paid(payment.id, attempt, captured, gone, max(one.at for one in came), asked_by))
    return found


def _owed(paid: Sequence[_Paid], by: str, percent: int) -> list[tuple[_Paid, Money]]:
    """By largest remainder, so that the parts are the percentage of the whole to the kopeck; what has gone back
    otherwise counts. What this flow has begun before is left alone, whatever became of it."""
    weights = [one.captured.kopecks for one in paid]
    if not weights:
        return []
    shares = Money(kopecks=(sum(weights) * percent + 50) // 100).shared(weights)
    whole = zip(paid, shares, strict=True)
    return [(one, share - one.gone) for one, share in whole if by not in one.asked_by and share > one.gone]


def _left(paid: Sequence[_Paid], by: str) -> list[str]:
    """The payments of which the business still has money that this flow hasn't seen to."""
    return [one.payment for one in paid if by not in one.asked_by and one.captured > one.gone]
