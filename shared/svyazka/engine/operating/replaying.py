"""All deliveries of a filter anew, as a job: an outage's dead letters are thousands, and somebody watches how far it is
and may stop it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import Webhook
from svyazka.engine.hub import Hub
from svyazka.engine.jobs.work import Patience, Slice, Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    DELIVERIES_BY_STATUS,
    DELIVERIES_OF_CONNECTION_BY_STATUS,
    DELIVERIES_OF_TENANT_BY_STATUS,
)
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.reopen import reopen
from svyazka.engine.ports.store import Store
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.jobs import Counts, Job, counted
from svyazka.model.tenants import Tenant

AT_ONCE = 50


async def count(store: Store, tenant: str, connection: str, status: str, since: datetime | None) -> int:
    """How many there are now. `connection`: empty for all of the tenant's."""
    where, query = {"tenant": tenant}, DELIVERIES_OF_TENANT_BY_STATUS
    if connection:
        where, query = {**where, "connection": connection}, DELIVERIES_OF_CONNECTION_BY_STATUS
    return (await store.tally(query, [status], equal=where, since=since)).get(status, 0)


class Replaying(Work):
    """The oldest of each connection first. A slice that is begun again finds what it reopened in another state, or
    with its own word on it: nothing is reopened twice."""

    kind = "replay"
    title = N_("повтор несделанного")

    def __init__(self, hub: Hub, webhook_of: Callable[[str], Webhook | None]) -> None:
        self._hub, self._webhook_of = hub, webhook_of

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        """One connection's next ones."""
        names = [job.subject] if job.subject else sorted(tenant.connections)
        at, cursor = json.loads(job.cursor) if job.cursor else (0, None)
        counts = Counts()
        while at < len(names) and not patience.is_over():
            where = {"tenant": tenant.id, "connection": names[at], "status": str(job.parameters["status"])}
            page = await self._hub.store.find(DELIVERIES_BY_STATUS, equal=where, limit=AT_ONCE, cursor=cursor)
            for held in journal.known(Delivery, page.documents):
                counts += await self._one(job, held.model)
            at, cursor = (at, page.cursor) if page.cursor else (at + 1, None)
            if counts.read:
                break  # what is done is written down before there is more of it
        return Slice(counts, json.dumps([at, cursor]), phase=names[at] if at < len(names) else "", end=at >= len(names))

    async def _one(self, job: Job, delivery: Delivery) -> Counts:
        given = job.parameters
        since, until = str(given["since"]), datetime.fromisoformat(str(given["until"]))
        if delivery.created_at > until or (since and delivery.created_at < datetime.fromisoformat(since)):
            return Counts()
        why = str(given["why"])
        if any(why in note for note in delivery.notes):
            return Counts()
        operator = Operator(self._hub, self._webhook_of, str(given["who"]))
        try:
            done = await reopen(operator, delivery.id, How(ignore_age=bool(given["ignore_age"]), why=why))
        except (ConfigError, Conflict):
            return counted(failed=1)
        return counted(skipped=1) if done.skipped else counted(updated=1)
