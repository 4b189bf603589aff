"""The check of the checker: once a week some records are read whole on all sides and compared value by value.

The nights compare each side with what was last agreed there. Had that itself gone wrong, they would never see it; so a
few hundred pairs, picked by chance, are compared past it. What differs is looked at anew, and counts.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from svyazka.engine.agreeing.first_link import flow_of
from svyazka.engine.agreeing.standing import OFF
from svyazka.engine.comparing.prints import Printer
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import InStep
from svyazka.engine.in_step.prints import printer
from svyazka.engine.in_step.wanting import Wanting
from svyazka.engine.jobs.asking import account_of, asking
from svyazka.engine.jobs.work import Patience, Slice, Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.outages.learning import Outages
from svyazka.model.base import Stored
from svyazka.model.errors import NoPlace
from svyazka.model.in_step import Record
from svyazka.model.jobs import Counts, Job, counted
from svyazka.model.records import CLEARED, UNREAD, Object, RecordKind, Shown
from svyazka.model.tenants import Tenant

KIND = "check"
PAIRS = 200
TOGETHER = 20
"""Records that are read together."""

PICKS, PICKED = 60, 50
"""How many beginnings of ids are tried, and ids that are taken of each."""


class Picked(Stored):
    """Which records are still to be compared: the job's cursor."""

    records: tuple[str, ...]
    done: int = 0


class Check(Work):
    """Compares some records past all that is remembered of them."""

    kind = KIND
    title = "проверка сверки"

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages, self._wanting = hub, outages, Wanting(hub)

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        flow = await flow_of(self._hub, job, tenant)
        if job.cursor:
            at = Picked.model_validate_json(job.cursor)
        else:
            at = Picked(records=await self._picked(tenant, flow))
            if at.records:  # written down before anything is compared: whoever begins anew compares the same
                return Slice(cursor=at.model_dump_json(), total=len(at.records))
        counts, differs = Counts(), list[JsonValue]()
        while at.done < len(at.records):
            part = at.records[at.done : at.done + TOGETHER]
            try:
                found, more = await self._compared(tenant, flow, part)
            except NoPlace:
                if not counts.read:
                    raise
                break
            counts, differs = counts + found, [*differs, *more]
            at = at.model_copy(update={"done": at.done + len(part)})
            if patience.is_over():
                break
        told = job.result.get("differs")
        return Slice(
            counts=counts, cursor=at.model_dump_json(), total=len(at.records), end=at.done >= len(at.records),
            result={"differs": [*(told if isinstance(told, list) else []), *differs]},
        )  # fmt: skip

    async def _picked(self, tenant: Tenant, flow: InStep) -> tuple[str, ...]:
        """Linked records of the flow, by chance: ids are hashes, so that a beginning of one is as good as any other."""
        found: dict[str, None] = {}
        for digits in (3, 2, 1, 0):  # an installation with few of them is read from the beginning
            for _ in range(PICKS if digits else 1):
                beginning = "rec_" + secrets.token_hex(2)[:digits]
                ids = await self._hub.store.ids("records", beginning, PICKED)
                documents = await self._hub.store.get_many([("records", id_) for id_ in ids if id_ not in found])
                records = [journal.read(Record, one).model for one in documents if one is not None]
                found |= dict.fromkeys(one.id for one in records if _is_ours(one, tenant, flow))
                if len(found) >= PAIRS:
                    return tuple(found)[:PAIRS]
        return tuple(found)

    async def _compared(
        self, tenant: Tenant, flow: InStep, ids: Sequence[str]
    ) -> tuple[Counts, list[JsonValue]]:  # fmt: skip
        documents = await self._hub.store.get_many([("records", id_) for id_ in ids])
        records = [journal.read(Record, one).model for one in documents if one is not None]
        shown = await self._shown(tenant, flow, records)
        prints = printer(self._hub, tenant.id, flow.rules.kind)
        counts, differs = counted(skipped=len(ids) - len(records)), list[JsonValue]()
        for record in records:
            objects = {
                name: shown[name, side.object]
                for name, side in flow.systems(record).items()
                if (name, side.object) in shown
            }
            objects = flow.kind.as_compared(record, objects, prints, self._hub.clock.now())
            if len(objects) < 2 or record.asked or record.queued:
                counts += counted(skipped=1)
                continue
            fields = [name for name, owner in flow.rules.fields.items() if owner != OFF and name not in record.accepted]
            unlike = [name for name in fields if self._is_unlike(tenant, flow, name, objects, prints)]
            for name in unlike:
                differs.append([record.id, name, "drift"])
            if unlike:
                await self._wanting.wish(tenant, flow, record.id)
            counts += counted(updated=1) if unlike else counted(unchanged=1)
        return counts, differs

    async def _shown(
        self, tenant: Tenant, flow: InStep, records: Sequence[Record]
    ) -> dict[tuple[str, str], Object]:  # fmt: skip
        ids: dict[str, list[str]] = defaultdict(list)
        for record in records:
            for name, side in flow.systems(record).items():
                ids[name].append(side.object)
        found: dict[tuple[str, str], Object] = {}
        for name, wanted in ids.items():
            account = await account_of(self._hub, self._outages, tenant.id, name)
            async with asking(self._hub, self._outages, account, key=f"{flow.id}.{name}") as call:
                there = await flow.records(name, account.manifest).read_many(flow.rules.kind, wanted, call)
            found |= {(name, one.id): one for one in there}
        return found

    def _is_unlike(
        self, tenant: Tenant, flow: InStep, name: str, objects: Mapping[str, Object], prints: Printer
    ) -> bool:
        """Whether a field shows unlike values, each as every side would keep it. A system that holds one of a set shows
        a view of it."""
        kind, sides = flow.rules.kind, {one: self._records(tenant, flow, one) for one in objects}
        shown = {one: objects[one].fields.get(name, UNREAD) for one in objects}
        told = {one: value for one, value in shown.items() if value is not UNREAD}
        if len(told) < 2 or all(value is CLEARED for value in told.values()):
            return False
        kept = {one: set(prints.prints(name, _kept(value, name, kind, sides))) for one, value in told.items()}
        views = [kept[one] for one in told if name in sides[one].singles]
        wholes = [kept[one] for one in told if name not in sides[one].singles]
        if wholes:
            return any(one != wholes[0] for one in wholes[1:]) or any(
                not view <= wholes[0] or bool(view) is not bool(wholes[0]) for view in views
            )
        return any(one != views[0] for one in views[1:])

    def _records(self, tenant: Tenant, flow: InStep, connection: str) -> Records:  # type: ignore[type-arg]
        return flow.records(connection, self._hub.directory.manifests(tenant.connections[connection].vendor))


def _is_ours(record: Record, tenant: Tenant, flow: InStep) -> bool:
    ours = record.tenant == tenant.id and record.kind is flow.rules.kind and record.merged_into is None
    return ours and len(flow.systems(record)) > 1 and record.forgotten_at is None


def _kept(value: Shown, name: str, kind: RecordKind, sides: Mapping[str, Records]) -> Shown:  # type: ignore[type-arg]
    """The value as all systems would keep it."""
    if value is CLEARED or value is UNREAD:
        return value
    for records in sides.values():
        if isinstance(value, tuple):
            value = tuple(str(records.keeps(kind, name, one)) for one in value)
        elif isinstance(value, str | bool):
            value = records.keeps(kind, name, value)
    return value
