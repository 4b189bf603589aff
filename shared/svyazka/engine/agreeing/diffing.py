"""What is known of how systems agree, for people: how much, how fresh, and where they don't."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from svyazka.engine.agreeing.standing import Tally
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import InStep
from svyazka.engine.in_step.prints import printer
from svyazka.engine.jobs.asking import account_of, asking
from svyazka.engine.jobs.work import Failed, Waits
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import DOUBTS_BY_STATUS
from svyazka.engine.outages.learning import Outages
from svyazka.model.agreeing import Agreed, agreed_id
from svyazka.model.errors import ConfigError, NoPlace
from svyazka.model.in_step import Doubt, Record
from svyazka.model.jobs import Job
from svyazka.model.records import Object, Shown
from svyazka.model.tenants import Tenant

READ_MOST = 50
"""Objects that are read together."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old what is known of one side is."""

    connection: str
    objects: int | None
    whole_at: datetime | None
    """Everything was compared within the week before."""
    changed_at: datetime | None
    """Whatever was changed before that was compared."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One flow: fields and objects, each counted on each side."""

    flow: str
    kind: str
    tally: Tally
    sides: tuple[Freshness, ...]


@dataclass(frozen=True, slots=True)
class SideShown:
    """What one system shows of a difference."""

    connection: str
    object: str
    value: Shown | None
    """None: it can't be asked just now."""
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a record that isn't the same everywhere, and why it stays so."""

    record: str
    field: str
    cause: str
    remedy: str | None
    sides: tuple[SideShown, ...] = ()


async def summary(hub: Hub, tenant: Tenant, flow: InStep) -> Summary:
    """What the nights have found: the last whole round of each side, or as far as the first one is."""
    found, sides = Tally(), []
    for connection in flow.rules.between:
        held = await journal.load(hub.store, Agreed, agreed_id(tenant.id, flow.id, connection))
        agreed = held.model if held is not None else None
        sides.append(
            Freshness(
                connection, agreed.objects if agreed else None, agreed.whole_at if agreed else None,
                agreed.changed_at if agreed else None,
            )
        )  # fmt: skip
        told = (agreed.last or agreed.tally) if agreed else {}
        found += Tally(
            **{name: value for name, value in told.items() if name in vars(found) and isinstance(value, int)}
        )
    return Summary(flow.id, flow.rules.kind.value, found, tuple(sides))


async def differences(hub: Hub, outages: Outages, tenant: Tenant, flow: InStep, most: int) -> list[Difference]:
    """Where they differ: what is asked, what can't be written, and what is still on its way; with what stands there."""
    wanted = [*await _asked(hub, tenant, flow, most), *await _found(hub, tenant, flow, most)][:most]
    records = await _records(hub, [one.record for one in wanted])
    shown = await cards_now(hub, outages, tenant, flow, list(records.values()))
    return [
        Difference(
            one.record, one.field, one.cause, one.remedy, _sides(flow, records.get(one.record), one.field, shown)
        )
        for one in wanted
    ]


async def cards_now(
    hub: Hub, outages: Outages, tenant: Tenant, flow: InStep, records: Sequence[Record]
) -> dict[tuple[str, str], Object]:
    """The records' objects, by system and id, as they are compared and as their systems show them now: a few together
    are one call. What can't be asked just now is left out."""
    shown = await _shown(hub, outages, tenant, flow, records)
    prints, now = printer(hub, tenant.id, flow.rules.kind), hub.clock.now()
    for record in records:
        read = {name: shown[name, side.object] for name, side in record.live.items() if (name, side.object) in shown}
        compared = flow.kind.as_compared(record, read, prints, now)
        shown |= {(name, one.id): one for name, one in compared.items()}
    return shown


async def _asked(hub: Hub, tenant: Tenant, flow: InStep, most: int) -> list[Difference]:
    where = {"tenant": tenant.id, "flow": flow.id, "status": "open"}
    page = await hub.store.find(DOUBTS_BY_STATUS, equal=where, limit=most)
    rows = [one.model for one in journal.known(Doubt, page.documents)]
    return [Difference(one.record, one.field, one.cause, f"svyazka sync status {tenant.id}") for one in rows]


async def _found(hub: Hub, tenant: Tenant, flow: InStep, most: int) -> list[Difference]:
    """What the last comparisons met and nobody has looked at yet."""
    rows: dict[tuple[str, str], Difference] = {}
    for connection in flow.rules.between:
        held = await journal.load(hub.store, Agreed, agreed_id(tenant.id, flow.id, connection))
        job = await journal.load(hub.store, Job, held.model.job) if held is not None and held.model.job else None
        told = job.model.result.get("differs") if job is not None else None
        for row in told if isinstance(told, list) else ():
            assert isinstance(row, list)
            record, name, cause = map(str, row)
            rows[record, name] = Difference(record, name, cause, None)
    records = await _records(hub, [record for record, _ in list(rows)[: 10 * most]])
    return [one for one in rows.values() if one.record in records and records[one.record].queued]


async def _records(hub: Hub, ids: Sequence[str]) -> dict[str, Record]:
    documents = await hub.store.get_many([("records", id_) for id_ in dict.fromkeys(ids)])
    return {one.id: journal.read(Record, one).model for one in documents if one is not None}


async def _shown(
    hub: Hub, outages: Outages, tenant: Tenant, flow: InStep, records: Iterable[Record]
) -> dict[tuple[str, str], Object]:
    """The records' objects as their systems show them now."""
    ids: dict[str, list[str]] = defaultdict(list)
    for record in records:
        for name, side in flow.systems(record).items():
            ids[name].append(side.object)
    found: dict[tuple[str, str], Object] = {}
    for name, wanted in ids.items():
        try:
            account = await account_of(hub, outages, tenant.id, name)
            for start in range(0, len(wanted), READ_MOST):
                async with asking(hub, outages, account, key=f"{flow.id}.{name}") as call:
                    part = wanted[start : start + READ_MOST]
                    for one in await flow.records(name, account.manifest).read_many(flow.rules.kind, part, call):
                        found[name, one.id] = one
        except (ConfigError, Waits, Failed, NoPlace):
            continue  # it shows nothing just now; what is wrong with it is told where it is used
    return found


def _sides(
    flow: InStep, record: Record | None, name: str, shown: Mapping[tuple[str, str], Object]
) -> tuple[SideShown, ...]:  # fmt: skip
    if record is None:
        return ()
    found = []
    for connection, side in sorted(flow.systems(record).items()):
        one = shown.get((connection, side.object))
        value = one.fields.get(name) if one is not None else None
        found.append(SideShown(connection, side.object, value, one.changed_at if one is not None else None))
    return tuple(found)
