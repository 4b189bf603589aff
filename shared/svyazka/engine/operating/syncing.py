"""An operator turns a sync flow on, direction by direction, and off again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta

from svyazka.catalogue import N_, _
from svyazka.engine.agreeing import first_link, linking
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import InStep, in_step_flows
from svyazka.engine.in_step.wanting import Wanting
from svyazka.engine.jobs.steering import start
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    DOUBTS_BY_STATUS,
    JOBS_OF_TENANT,
    RECORDS_BY_STANDING,
    RECORDS_OF_KIND,
    STANDINGS,
)
from svyazka.engine.ports.blobs import LIVES, Purpose
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Document
from svyazka.model.errors import ConfigError, Conflict, Unavailable
from svyazka.model.ids import stable_id
from svyazka.model.in_step import Doubt, Record, Switch, switch_id
from svyazka.model.jobs import Job, JobState
from svyazka.model.tenants import Tenant

TRIES = 5


async def flow_named(hub: Hub, tenant: Tenant, name: str) -> InStep:
    """A tenant's sync flow by its id. Raises ConfigError."""
    flows = {flow.id: flow for flow in await in_step_flows(hub, tenant)}
    if name not in flows:
        known = ", ".join(flows) or _("there is none")
        raise ConfigError(_("{tenant}: no sync flow {name!r}; {known}", tenant=tenant.id, name=name, known=known))
    return flows[name]


async def switched(
    hub: Hub, tenant: Tenant, flow: InStep, toward: Iterable[str], *, on: bool, said_at: datetime | None = None
) -> Switch:
    """Write toward these connections from now on, or only watch again. `said_at`: when somebody said so, where that
    wasn't just now; what was said since holds. Raises ConfigError, Unavailable."""
    names = tuple(toward) or flow.rules.between
    for name in names:
        if name not in flow.rules.between:
            listed = ", ".join(flow.rules.between)
            raise ConfigError(_("--toward: expected one of {listed}, got {name!r}", listed=listed, name=name))
    for _try in range(TRIES):
        held = await journal.load(hub.store, Switch, switch_id(tenant.id, flow.id))
        before = held.model if held else Switch(id=switch_id(tenant.id, flow.id), tenant=tenant.id, flow=flow.id)
        now = hub.clock.now()
        at = said_at or now
        if any(at < before.said_at.get(name, at) for name in names):
            raise ConfigError(N_("it has changed since this page was shown: look at it again"))
        kept = {name: since for name, since in before.on.items() if name not in names}
        after = before.model_copy(
            update={
                "on": {**kept, **(dict.fromkeys(names, now) if on else {})},
                "said_at": {**before.said_at, **dict.fromkeys(names, at)},
            }
        )
        write = journal.replace(after, held.version) if held else journal.create(after)
        try:
            await hub.store.commit([write])
        except Conflict:
            continue
        return after
    raise Unavailable(_("somebody else switches it in this moment: run this again"))


async def proposal_of(hub: Hub, tenant: Tenant, flow: str) -> Job | None:
    """The newest proposal of a flow that can still be taken."""
    since = hub.clock.now() - LIVES[Purpose.PROPOSALS] + timedelta(hours=1)
    page = await hub.store.find(JOBS_OF_TENANT, equal={"tenant": tenant.id}, limit=500)
    for held in journal.known(Job, page.documents):
        job = held.model
        ours = job.kind == first_link.KIND and job.subject == flow and job.state is JobState.DONE
        if ours and job.made_at >= since:
            return job
    return None


async def take_proposal(hub: Hub, tenant: Tenant, flow: str) -> str | None:
    """Begin to link what was proposed, if anything was: the job that does it. The same proposal again is the same."""
    job = await proposal_of(hub, tenant, flow)
    if job is None:
        return None
    id_ = stable_id("job", linking.KIND, job.id)
    await start(hub, tenant.id, linking.KIND, flow, id_, {"flow": flow, "proposal": job.id})
    return id_


async def look_anew(hub: Hub, tenant: Tenant, flow: InStep, standing: str = "watched") -> AsyncIterator[str]:
    """Wish every record looked at that stands so: what was only watched is written now, as it is by now."""
    wanting = Wanting(hub)
    async for record in records(hub, tenant, flow, standing):
        await wanting.wish(tenant, flow, record.id)
        yield record.id


async def records(hub: Hub, tenant: Tenant, flow: InStep, standing: str) -> AsyncIterator[Record]:
    """The records of a flow that stand so, the oldest first."""
    where = {"tenant": tenant.id, "kind": flow.rules.kind.value, "status": standing}
    async for one in _all(hub, RECORDS_BY_STANDING, where):
        yield journal.read(Record, one).model


async def links(hub: Hub, tenant: Tenant, flow: InStep) -> AsyncIterator[Record]:
    """All records of a flow, the oldest first, also those that were taken in by others."""
    async for one in _all(hub, RECORDS_OF_KIND, {"tenant": tenant.id, "kind": flow.rules.kind.value}):
        yield journal.read(Record, one).model


async def doubts(hub: Hub, tenant: Tenant, flow: InStep) -> AsyncIterator[Doubt]:
    """What a person has to say, the oldest first."""
    async for one in _all(hub, DOUBTS_BY_STATUS, {"tenant": tenant.id, "flow": flow.id, "status": "open"}):
        yield journal.read(Doubt, one).model


async def counts(hub: Hub, tenant: Tenant, flow: InStep) -> dict[str, int]:
    """How many records stand how."""
    where = {"tenant": tenant.id, "kind": flow.rules.kind.value}
    return await hub.store.tally(RECORDS_BY_STANDING, STANDINGS, equal=where)


async def _all(hub: Hub, query: Query, where: dict[str, str]) -> AsyncIterator[Document]:
    cursor: str | None = None
    while True:
        page = await hub.store.find(query, equal=where, limit=200, cursor=cursor)
        for document in page.documents:
            yield document
        cursor = page.cursor
        if cursor is None:
            return
