"""Requests for money and what providers tell, as planning meets them: written in the commit that plans the event."""

from __future__ import annotations

from dataclasses import dataclass, field

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import pay_task
from svyazka.engine.paying.looking import Looking
from svyazka.engine.paying.opening import Opening, order_told
from svyazka.engine.paying.refunding import WHY_NOT, Refunding
from svyazka.engine.planning.flows_decide import Planned
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.paying import with_state
from svyazka.model.events import Event, EventType
from svyazka.model.money import Money
from svyazka.model.orders import Order, order_id
from svyazka.model.paying import MakeLink
from svyazka.model.payments import Payment
from svyazka.model.tenants import Tenant

ORDERS = frozenset({EventType.ORDER_CREATED, EventType.ORDER_CHANGED, EventType.ORDER_CANCELLED})
MONEY_EVENTS = ORDERS | {EventType.PAYMENT_REQUESTED, EventType.REFUND_REQUESTED}


@dataclass
class Moved:
    """What is written with the plan."""

    writes: list[Write] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    deliveries: list[str] = field(default_factory=list)


class PlansMoney:
    """Sees to events that are about money."""

    def __init__(self, hub: Hub, looking: Looking) -> None:
        self._hub, self._looking = hub, looking
        self._opening, self._refunding = Opening(hub), Refunding(hub)

    async def told(self, event: Event) -> list[str]:
        """A provider says that something has changed: its payment is looked at. Raises SourceUnavailable."""
        why = await self._looking.told(event)
        return [why] if why is not None else []

    async def planned(self, event: Event, tenant: Tenant, planned: Planned) -> Moved:
        """What belongs to an event of these. `planned` is put right: only what the payment allows is done."""
        if event.type is EventType.PAYMENT_REQUESTED:
            return await self._begun(event, planned)
        limit = await self._limit(event, tenant)
        if limit is None:
            return Moved()
        if event.type is EventType.REFUND_REQUESTED:
            return await self._refund(event, tenant, planned, limit)
        return await self._order(event)

    async def _begun(self, event: Event, planned: Planned) -> Moved:
        others = [one for one in planned.deliveries if not isinstance(one.command, MakeLink)]
        opened = await self._opening.opened(event, planned.deliveries)
        planned.deliveries = [*opened.deliveries, *others]
        planned.reasons += opened.reasons
        return Moved(opened.writes)

    async def _refund(self, event: Event, tenant: Tenant, planned: Planned, limit: Money) -> Moved:
        id_, said = event.data.get("payment"), event.data.get("amount")
        held = await journal.load(self._hub.store, Payment, id_) if isinstance(id_, str) else None
        if held is None or held.model.tenant != tenant.id or held.model.connection != event.connection:
            planned.reasons.append(WHY_NOT["no_payment"])
            return Moved()
        if event.data.get("by") != "server":
            planned.reasons.append(WHY_NOT["over_limit"])
            return Moved()
        try:
            amount = Money.read(said) if isinstance(said, str) else None
        except ValueError:
            planned.reasons.append(N_("expected `amount` such as 1049.30"))
            return Moved()
        begun = await self._refunding.refund(held, tenant, amount, by=event.connection, event=event.id, limit=limit)
        if isinstance(begun, str):
            planned.reasons.append(WHY_NOT[begun])
            return Moved()
        return Moved([*begun.writes], [*begun.tasks], [begun.delivery.id])

    async def _order(self, event: Event) -> Moved:
        number = event.data.get("number")
        if not isinstance(number, str):
            return Moved()
        key = order_id(event.tenant, event.connection, number)
        known = await journal.load(self._hub.store, Order, key)
        order = order_told(event, known.model if known else None, key)
        if order is None or (known is not None and order == known.model):
            return Moved()
        moved = Moved([journal.replace(order, known.version) if known is not None else journal.create(order)])
        if order.cancelled:
            await self._close(order, moved)
        return moved

    async def _close(self, order: Order, moved: Moved) -> None:
        """What is to be paid for a cancelled order is to be paid no more: the look calls its links off."""
        for id_ in order.payments.values():
            held = await journal.load(self._hub.store, Payment, id_)
            if held is None or held.model.closed:
                continue
            closed = with_state(held.model.model_copy(update={"closed": True, "wake_at": self._hub.clock.now()}))
            moved.writes.append(journal.replace(closed, held.version))
            if closed.attempts:
                moved.tasks.append(pay_task(closed.id, closed.attempts[-1].vendor))

    async def _limit(self, event: Event, tenant: Tenant) -> Money | None:
        """What may be given back in a day; None where no flow takes payments from there."""
        for bound in await self._hub.directory.flows_of(tenant):
            limit = bound.flow.gives_back(bound.settings) if event.connection in bound.spec.sources else None
            if limit is not None:
                return limit
        return None
