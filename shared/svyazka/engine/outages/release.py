"""Letting go of what waited for a connection: oldest first, at its rate, a batch at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import product

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import (
    DELIVERIES_BY_STATUS,
    DELIVERIES_WAITING,
    JOBS_WAITING,
    NEXT_EVENTS_OF_CONNECTION,
)
from svyazka.engine.journal.tasks import job_task, perform_task, plan_task, release_task
from svyazka.engine.journal.transition import replace_delivery
from svyazka.engine.outages.state import CACHED_FOR, RELEASE_GRACE, OutageStates
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Store
from svyazka.engine.rules.deadlines import LONGEST_LEASE, TAKE_OVER_GRACE
from svyazka.engine.rules.transitions import waiting
from svyazka.engine.telling.undelivered import reroute
from svyazka.engine.tenants.directory import Account
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import Conflict
from svyazka.model.events import EventRecord, EventStatus
from svyazka.model.ids import connection_id
from svyazka.model.outages import Outage
from svyazka.model.tenants import Tenant

SPAN, LEAST, MOST = 20.0, 50, 500
"""What one batch lets go of: so many seconds' worth at the connection's rate, within these bounds."""


RELEASE_LEAD = 2.0
"""Seconds before a batch's last delivery at which the next batch is prepared."""

SETTLED_AFTER = LONGEST_LEASE + TAKE_OVER_GRACE + 2 * CACHED_FOR
"""Real seconds after an outage's end when nobody can park for it any more: each claim of that time is over, and so is
what anybody believed of it."""

WITHHELD_BY_US = frozenset({"paused", "connection_removed", "settings"})
"""Codes of deliveries that wait for no vendor: `resume` releases them."""


class Releasing:
    """Lets go of what waited, in one chain of tasks; the sweep goes on with it only if that breaks."""

    def __init__(self, hub: Hub, states: OutageStates) -> None:
        self._hub, self._states = hub, states

    async def release(self, tenant_id: str, connection: str, after: float = 0.0) -> None:
        """Let go of a batch of what waits, oldest first, spaced at the connection's rate from `after` seconds on."""
        hub = self._hub
        account = await hub.directory.account(tenant_id, connection)
        held = await journal.load(hub.store, Outage, connection_id(tenant_id, connection))
        if held is not None and held.model.is_open:
            return
        if after == 0.0:
            await release_jobs(hub, tenant_id, connection)
        if account is not None and after == 0.0:
            await reroute(hub, account)
            await release_events(hub, account)
        rate = hub.limits(account).steady if account else 1.0
        let_go = await release_batch(hub, account.tenant, connection, rate, after) if account else 0
        under_way = held if held is not None and held.model.releasing else None
        if let_go:
            until = after + let_go / rate
            due = hub.clock.in_real(max(until - RELEASE_LEAD, 0.0))
            await hub.queue.enqueue([release_task(tenant_id, connection, min(until, RELEASE_LEAD), due)])
            if under_way is not None:
                await self._states.change(under_way, wake_at=due + RELEASE_GRACE)
        elif under_way is not None:
            await self._nothing_waits(under_way)

    async def _nothing_waits(self, held: Versioned[Outage]) -> None:
        """The end, but for one more look. Whoever had called before the outage was over, or hadn't heard of that, may
        still park what it has, and be lost before it can see that nobody will come for it."""
        closed_at = held.model.closed_at or self._hub.clock.now()
        left = SETTLED_AFTER + self._hub.clock.real_seconds_until(closed_at)
        if left > 0:
            await self._states.change(held, wake_at=self._hub.clock.in_real(left))
        else:
            await self._states.end(held)

    async def again(self, held: Versioned[Outage]) -> None:
        """The chain broke: a new one."""
        outage = held.model
        if await self._states.change(held, wake_at=self._hub.clock.now() + RELEASE_GRACE):
            await self._hub.queue.enqueue([release_task(outage.tenant, outage.connection)])

    async def unpark(self, delivery: Delivery) -> None:
        """To be called once a delivery was parked. The outage may have ended in between, and its release may have
        looked before we wrote: then nobody would come for this one."""
        if delivery.status not in (Status.PARKED, Status.BLOCKED) or _withheld_by_us(delivery):
            return
        if await self._states.of(delivery.tenant, delivery.hangs_on, fresh=True) is None:
            await self._hub.queue.enqueue([perform_task(delivery)])


def _withheld_by_us(delivery: Delivery) -> bool:
    """Held back without an outage: by an operator, or for want of a connection that could be used."""
    return delivery.last_error is not None and delivery.last_error.code in WITHHELD_BY_US


async def release_batch(hub: Hub, tenant: Tenant, connection: str, rate: float, after: float) -> int:
    """Free a batch, spaced at `rate` from `after` seconds on; how many were waiting, 0 when nothing is left."""
    batch = int(min(max(rate * SPAN, LEAST), MOST))
    held_back = [one async for one in waiting_for(hub.store, tenant, connection, batch)]
    for number, one in enumerate(held_back):
        freed = waiting(one.model, Status.PENDING, hub.clock.in_real(after + number / rate))
        task = perform_task(freed, freed.next_attempt_at)
        with suppress(Conflict):
            await hub.store.commit([replace_delivery(one, freed)], [task])
    return len(held_back)


async def waiting_for(store: Store, tenant: Tenant, connection: str, most: int) -> AsyncIterator[Versioned[Delivery]]:
    """Deliveries that wait for a connection, oldest first, less those that an operator holds back."""
    if tenant.paused or connection in tenant.paused_connections:
        return
    paused = {flow.id for flow in tenant.flows if flow.paused}
    found = 0
    for status, (query, named) in product((Status.PARKED, Status.BLOCKED), BOTH_WAYS):
        where = {"tenant": tenant.id, named: connection, "status": status.value}
        cursor: str | None = None
        while found < most:
            page = await store.find(query, equal=where, limit=most - found, cursor=cursor)
            unseen = [one for one in page.documents if query is DELIVERIES_WAITING or one.fields["waits_on"] is None]
            for one in journal.known(Delivery, unseen):
                if one.model.flow not in paused and one.model.connection not in tenant.paused_connections:
                    found += 1
                    yield one
            cursor = page.cursor
            if cursor is None:
                break


BOTH_WAYS: tuple[tuple[Query, str], ...] = ((DELIVERIES_WAITING, "waits_on"), (DELIVERIES_BY_STATUS, "connection"))
"""By what they wait on; and by their own connection those that the release before parked, which didn't say."""


async def release_events(hub: Hub, account: Account) -> None:
    """Plan anew what waited for a source that can be asked again, in the order in which it came, at its rate."""
    where = {"tenant": account.tenant.id, "connection": account.name}
    waited: list[tuple[datetime, str]] = []
    cursor: str | None = None
    while True:
        page = await hub.store.find(
            NEXT_EVENTS_OF_CONNECTION, equal=where, at_most=hub.clock.now() + LONGEST_WAIT, limit=MOST, cursor=cursor
        )
        for held in journal.known(EventRecord, page.documents):
            # A receipt waits for our own settle, not for its vendor: to look early would use up its tries.
            one = held.model
            if one.status is EventStatus.ACCEPTED and one.plan_attempts and one.event.receipt is None:
                waited.append((one.event.received_at, one.event.id))
        cursor = page.cursor
        if cursor is None:
            break
    rate = hub.limits(account).steady
    due = [(event, hub.clock.in_real(number / rate)) for number, (_, event) in enumerate(sorted(waited))]
    for first in range(0, len(due), MOST):
        await hub.queue.enqueue([plan_task(event, moment) for event, moment in due[first : first + MOST]])


async def release_jobs(hub: Hub, tenant: str, connection: str) -> None:
    """Long work that waits for a connection goes on: at the rate that deliveries leave."""
    cursor: str | None = None
    while True:
        page = await hub.store.find(
            JOBS_WAITING, equal={"tenant": tenant, "waits_on": connection}, limit=MOST, cursor=cursor
        )
        await hub.queue.enqueue([job_task(one.id, released=True) for one in page.documents])
        cursor = page.cursor
        if cursor is None:
            break


LONGEST_WAIT = timedelta(days=2)
"""No event's next look lies further ahead."""
