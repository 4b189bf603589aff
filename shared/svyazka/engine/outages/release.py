"""Letting go of what waited for a connection: oldest first, at its rate, a batch at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import DELIVERIES_BY_STATUS
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.ports.store import Store
from svyazka.engine.rules.transitions import waiting
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import Conflict
from svyazka.model.tenants import Tenant

SPAN, LEAST, MOST = 20.0, 50, 500
"""What one batch lets go of: so many seconds' worth at the connection's rate, within these bounds."""


async def release_batch(hub: Hub, tenant: Tenant, connection: str, rate: float, after: float) -> int:
    """Free a batch, spaced at `rate` from `after` seconds on; how many were waiting, 0 when nothing is left."""
    batch = int(min(max(rate * SPAN, LEAST), MOST))
    held_back = [one async for one in waiting_for(hub.store, tenant, connection, batch)]
    for number, one in enumerate(held_back):
        freed = waiting(one.model, Status.PENDING, hub.clock.in_real(after + number / rate))
        task = perform_task(freed, freed.next_attempt_at)
        with suppress(Conflict):
            await hub.store.commit([journal.replace_delivery(one, freed)], [task])
    return len(held_back)


async def waiting_for(store: Store, tenant: Tenant, connection: str, most: int) -> AsyncIterator[Versioned[Delivery]]:
    """Deliveries that wait for a connection, oldest first, less those that an operator holds back."""
    if tenant.paused or connection in tenant.paused_connections:
        return
    paused = {flow.id for flow in tenant.flows if flow.paused}
    found = 0
    for status in (Status.PARKED, Status.BLOCKED):
        where = {"tenant": tenant.id, "connection": connection, "status": status.value}
        cursor: str | None = None
        while found < most:
            page = await store.find(DELIVERIES_BY_STATUS, equal=where, limit=most - found, cursor=cursor)
            for one in journal.known(Delivery, page.documents):
                if one.model.flow not in paused:
                    found += 1
                    yield one
            cursor = page.cursor
            if cursor is None:
                break
