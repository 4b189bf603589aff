"""What systems in step still have to do, and for which of them it waits: for whoever looks how they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.in_step.flows import InStep
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import DELIVERIES_OF_FLOW
from svyazka.engine.ports.store import Document, Store
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.ids import connection_id
from svyazka.model.in_step import Doubt, Record
from svyazka.model.outages import Outage
from svyazka.model.tenants import Tenant

PAUSED = N_("paused by an operator")
AWAY = N_("it doesn't answer")
WANTS = N_("it wants something of you")

STANDS = {
    Status.BLOCKED: WANTS, Status.PARKED: AWAY, Status.RETRYING: N_("it is tried again by itself"),
    Status.IN_FLIGHT: N_("it is being done"), Status.PENDING: N_("its turn comes"),
}  # fmt: skip
"""Why a look, or the write that follows from it, isn't done yet; the first is what people are told."""
ON_THE_WAY = tuple(one.value for one in STANDS)


@dataclass(frozen=True, slots=True)
class Waits:
    """For which system, and why."""

    connection: str
    why: str
    since: datetime | None = None


def outage_keys(tenant: Tenant, flow: InStep) -> list[tuple[str, str]]:
    """The documents that say which of a flow's systems are in trouble."""
    return [("outages", connection_id(tenant.id, name)) for name in flow.rules.between]


def hindered(tenant: Tenant, flow: InStep, outages: Iterable[Document | None]) -> list[Waits]:
    """The systems of a flow for which everything waits that is to be done there now."""
    paused_flow = any(one.id == flow.id and one.paused for one in tenant.flows)
    between = flow.rules.between
    paused = [name for name in between if tenant.paused or paused_flow or name in tenant.paused_connections]
    found = [Waits(name, PAUSED) for name in paused]
    for one in journal.known(Outage, [held for held in outages if held is not None]):
        outage = one.model
        if outage.is_open and outage.connection not in paused:
            found.append(Waits(outage.connection, WANTS if outage.kind == "blocked" else AWAY, outage.since))
    return found


async def hindrances(store: Store, tenant: Tenant, flow: InStep) -> list[Waits]:
    """The same, asked of the store."""
    return hindered(tenant, flow, await store.get_many(outage_keys(tenant, flow)))


async def on_the_way(store: Store, tenant: Tenant, flow: InStep) -> dict[str, int]:
    """How many looks and writes of a flow aren't done yet, by their state: counted by the index."""
    return await store.tally(DELIVERIES_OF_FLOW, ON_THE_WAY, equal={"tenant": tenant.id, "flow": flow.id})


async def waits_of(store: Store, rows: Sequence[Doubt]) -> dict[str, Waits]:
    """By record: what the answers to these rows wait for. Two questions, none where nothing was answered."""
    ids = list(dict.fromkeys(one.record for one in rows if one.decision is not None))
    if not ids:
        return {}
    records = await store.get_many([("records", id_) for id_ in ids])
    queued = [id_ for one in journal.known(Record, [held for held in records if held]) for id_ in _queued(one.model)]
    found = await store.get_many([("deliveries", id_) for id_ in queued]) if queued else ()
    waits = dict[str, Waits]()
    deliveries = [one.model for one in journal.known(Delivery, [held for held in found if held])]
    for status in STANDS:
        for one in deliveries:
            if one.status is status:
                waits.setdefault(one.subject.removeprefix("record:"), _waits(one))
    return waits


def _queued(record: Record) -> list[str]:
    running = [record.running.delivery] if record.running is not None else []
    return [*record.queued.values(), *running]


def _waits(delivery: Delivery) -> Waits:
    error = delivery.last_error
    paused = delivery.status is Status.PARKED and error is not None and error.code == "paused"
    return Waits(delivery.hangs_on, PAUSED if paused else STANDS[delivery.status])
