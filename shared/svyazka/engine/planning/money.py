"""Requests for money and what providers tell, as planning meets them: written in the commit that plans the event."""

from __future__ import annotations

from dataclasses import dataclass, field

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import PLANNING, pay_task
from svyazka.engine.paying.addressing import readdressed
from svyazka.engine.paying.fiscalising import Fiscalising
from svyazka.engine.paying.giving_back import Given, GivingBack
from svyazka.engine.paying.looking import Looking
from svyazka.engine.paying.opening import Opening, order_told
from svyazka.engine.paying.refunding import WHY_NOT, Refunding
from svyazka.engine.paying.subscription_words import WHY_NOT as NO_SUBSCRIPTION
from svyazka.engine.paying.subscription_words import is_of, wanted
from svyazka.engine.paying.turning import held_of
from svyazka.engine.planning.flows_decide import Planned
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.paying import with_state
from svyazka.engine.rules.receipts_due import handed_over
from svyazka.engine.rules.subscriptions import Happening
from svyazka.model.checks import SettleCheck
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType
from svyazka.model.money import Money
from svyazka.model.orders import Order, order_id
from svyazka.model.paying import MakeLink
from svyazka.model.payments import Payment
from svyazka.model.subscriptions import Why
from svyazka.model.tenants import Tenant

ORDERS = frozenset({EventType.ORDER_CREATED, EventType.ORDER_CHANGED, EventType.ORDER_CANCELLED})
MONEY_EVENTS = ORDERS | {
    EventType.ORDER_COMPLETED, EventType.PAYMENT_REQUESTED, EventType.REFUND_REQUESTED,
    EventType.SUBSCRIPTION_CANCEL_REQUESTED, EventType.PAYMENT_SUCCEEDED, EventType.APPOINTMENT_CANCELLED,
}  # fmt: skip


@dataclass
class Moved:
    """What is written with the plan."""

    writes: list[Write] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    deliveries: list[str] = field(default_factory=list)


class PlansMoney:
    """Sees to events that are about money."""

    def __init__(self, hub: Hub, looking: Looking, fiscalising: Fiscalising) -> None:
        self._hub, self._looking, self._fiscalising = hub, looking, fiscalising
        self._opening, self._refunding, self._giving_back = Opening(hub), Refunding(hub), GivingBack(hub, looking)

    async def told(self, event: Event) -> list[str]:
        """A provider says that something has changed: its payment, or its receipt, is looked at. Raises
        SourceUnavailable."""
        of_receipt = event.type is EventType.RECEIPT_CHANGED
        why = await (self._fiscalising.told(event) if of_receipt else self._looking.told(event))
        return [why] if why is not None else []

    async def planned(self, event: Event, tenant: Tenant, planned: Planned) -> Moved:
        """What belongs to an event of these. `planned` is put right: only what the payment allows is done."""
        if event.type is EventType.PAYMENT_REQUESTED:
            return await self._begun(event, planned)
        if event.type is EventType.SUBSCRIPTION_CANCEL_REQUESTED:
            return await self._unsubscribed(event, tenant, planned)
        if event.type is EventType.PAYMENT_SUCCEEDED:
            return await self._settling(event, planned)
        if planned.backs:
            return await self._given_back(event, tenant, planned)
        limit = await self._limit(event, tenant)
        if limit is None or event.type is EventType.APPOINTMENT_CANCELLED:
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

    async def _settling(self, event: Event, planned: Planned) -> Moved:
        """A table's payment knows from now on what closes the table, and hears of its end."""
        id_ = event.data.get("payment")
        closing = next((one.id for one in planned.deliveries if isinstance(one.command, SettleCheck)), None)
        held = await journal.load(self._hub.store, Payment, id_) if closing and isinstance(id_, str) else None
        if held is None or held.model.settling is not None:
            return Moved()
        return Moved([journal.replace(held.model.model_copy(update={"settling": closing}), held.version)])

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

    async def _unsubscribed(self, event: Event, tenant: Tenant, planned: Planned) -> Moved:
        """Whoever holds its id wants no more of it."""
        planned.reasons.clear()  # no flow has to act on it
        held = await held_of(self._hub, str(event.data.get("subscription")))
        if held is None or not is_of(held.stands.subscription, event):
            planned.reasons.append(NO_SUBSCRIPTION["no_subscription"])
            return Moved()
        move = await wanted(self._hub, held, tenant, Happening.CANCEL, Why.BY_CLIENT)
        if isinstance(move, str):
            planned.reasons.append(NO_SUBSCRIPTION[move])
            return Moved()
        return Moved([*move.writes], [*move.tasks])

    async def _given_back(self, event: Event, tenant: Tenant, planned: Planned) -> Moved:
        """What was cancelled is to be paid no more, and what was paid goes back."""
        given = Given()
        for flow, back in planned.backs:
            given = await self._giving_back.given(flow, back, tenant, event)
            if given.order is not None:
                break
        planned.reasons += given.reasons
        of_its_own = given.order is not None and given.order.model.connection == event.connection
        moved = Moved()
        if event.type is EventType.ORDER_CANCELLED and not of_its_own and await self._limit(event, tenant) is not None:
            moved = await self._order(event)
        if given.order is None:
            return moved
        moved.writes += [*given.counts, *(journal.create(one) for one in given.deliveries)]
        moved.tasks += given.tasks()
        moved.deliveries += [one.id for one in given.deliveries]
        order, version = given.order.model, given.order.version
        if not order.cancelled:
            after = order.model_copy(update={"cancelled": True, "changed_at": event.received_at})
            moved.writes.append(journal.replace(after, version))
            await self._close(order, moved, given)
        for id_, payment in given.payments.items():
            if payment is not given.before[id_].model:
                moved.writes.append(journal.replace(payment, given.before[id_].version))
        return moved

    async def _order(self, event: Event) -> Moved:
        number = event.data.get("number")
        if not isinstance(number, str):
            return Moved()
        key = order_id(event.tenant, event.connection, number)
        known = await journal.load(self._hub.store, Order, key)
        if event.type is EventType.ORDER_COMPLETED:
            return await self._handed_over(event, known.model) if known is not None else Moved()
        order = order_told(event, known.model if known else None, key)
        if order is None or (known is not None and order == known.model):
            return Moved()
        moved = Moved([journal.replace(order, known.version) if known is not None else journal.create(order)])
        if order.cancelled:
            await self._close(order, moved)
        elif order.told_by == event.id and event.contact is not None:
            await self._readdress(order, event, event.contact, moved)
        return moved

    async def _readdress(self, order: Order, event: Event, person: Contact, moved: Moved) -> None:
        """Whose the order is overrules whom a page has named, as long as nothing is paid."""
        people = self._hub.keyring.people(event.tenant, b"", [person])
        for id_ in order.payments.values():
            held = await journal.load(self._hub.store, Payment, id_)
            after = readdressed(held.model, person, people, named=True) if held is not None else None
            if held is not None and after is not None:
                moved.writes.append(journal.replace(after, held.version))

    async def _handed_over(self, event: Event, order: Order) -> Moved:
        """What an advance was for is handed over: the look sees to its settlement's receipt."""
        moved = Moved()
        for id_ in order.payments.values():
            held = await journal.load(self._hub.store, Payment, id_)
            if held is not None and (after := handed_over(held.model, event.occurred_at or event.received_at)):
                moved.writes.append(journal.replace(after, held.version))
                moved.tasks.append(pay_task(id_, after.attempts[-1].vendor if after.attempts else PLANNING))
        return moved

    async def _close(self, order: Order, moved: Moved, given: Given | None = None) -> None:
        """What is to be paid for a cancelled order is to be paid no more: the look calls its links off. What was paid
        before isn't what comes after it was cancelled."""
        for id_ in order.payments.values():
            known = given.before.get(id_) if given is not None else None
            held = known or await journal.load(self._hub.store, Payment, id_)
            if held is None or held.model.closed or held.model.captured:
                continue
            before = given.payments[id_] if given is not None and known is not None else held.model
            closed = with_state(before.model_copy(update={"closed": True, "wake_at": self._hub.clock.now()}))
            if given is not None and known is not None:
                given.payments[id_] = closed
            else:
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
