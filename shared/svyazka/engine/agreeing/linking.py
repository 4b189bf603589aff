"""Taking a first link's proposal: cards that are one person's become one record, and are looked at by the ordinary way.

What changed since the proposal was made is not linked by it: such a card is matched anew, as if it had just been told
of. So is whatever was in doubt, which then stands in the flow's list of doubts. At the end both sides are compared
whole: what only one system has is met by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.engine.agreeing.first_link import BATCH, flow_of, same_systems
from svyazka.engine.agreeing.matching import RESEMBLE
from svyazka.engine.agreeing.nightly import begin
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.doubting import over_with
from svyazka.engine.in_step.flows import InStep
from svyazka.engine.in_step.joining import links_of, may_join, rank, take_in
from svyazka.engine.in_step.noting import is_written
from svyazka.engine.in_step.wanting import EMPTY, LET, Wanting, record_of, wish_of
from svyazka.engine.in_step.wishes import targets, wished
from svyazka.engine.jobs.asking import account_of, asking
from svyazka.engine.jobs.work import Failed, Patience, Slice, Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import RECORDS_BY_STANDING
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.keeping.sealed import SealedValues
from svyazka.engine.outages.learning import Outages
from svyazka.engine.ports.store import Write
from svyazka.model.base import Stored
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.in_step import Link, Record, Side, link_id, record_id
from svyazka.model.jobs import Counts, Job, counted
from svyazka.model.tenants import Tenant

KIND = "linking"
EARLIER = timedelta(minutes=5)
"""Clocks differ: what was changed so long before the lists were read may have been changed after it."""

CHANGED_MOST = 20_000
TRIES = 6

BUSY = 2.0
"""Seconds until it is looked again whether a record is still being written."""


class Taking(Stored):
    """How far it is: the job's cursor."""

    side: int = 0
    after: str | None = None
    changed: tuple[str, ...] = ()
    """Places of cards that have changed since the lists were read."""
    batch: int = 0
    row: int = 0
    """Of that batch."""
    watched: str | None = None
    looked: bool = False
    """Whether all that was only watched is wished looked at: it may be made now, and who is alike is known."""


class Linking(Work):
    """Links what was proposed."""

    kind = KIND
    title = "связывание"

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages, self._sealed = hub, outages, SealedValues(hub)
        self._wanting = Wanting(hub)

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        flow = await flow_of(self._hub, job, tenant)
        proposal = await self._proposal(job)
        same_systems(flow, _list(proposal.result.get("sides", [])))
        at = Taking.model_validate_json(job.cursor) if job.cursor else Taking()
        counts, batches = Counts(), proposal.result["rows"]
        assert isinstance(batches, list)
        while True:
            if at.side < len(flow.rules.between):
                at = await self._changed(proposal, tenant, flow, at)
            elif at.batch < len(batches):
                more, busy = await self._batch(tenant, flow, str(batches[at.batch]), at)
                counts += more
                if busy is not None:
                    cursor = at.model_copy(update={"row": busy}).model_dump_json(exclude_none=True)
                    return Slice(counts=counts, cursor=cursor, total=_rows(proposal), again_in=BUSY)
                at = at.model_copy(update={"batch": at.batch + 1, "row": 0})
            elif not at.looked:
                at = await self._look_anew(tenant, flow, at)
            else:
                break
            if patience.is_over():
                return Slice(counts=counts, cursor=at.model_dump_json(exclude_none=True), total=_rows(proposal))
        for connection in flow.rules.between:
            await begin(self._hub, tenant, flow, connection, job.id, full=True, let=True)
        return Slice(counts=counts, cursor=at.model_dump_json(exclude_none=True), total=_rows(proposal), end=True)

    async def _proposal(self, job: Job) -> Job:
        held = await journal.load(self._hub.store, Job, str(job.parameters["proposal"]))
        if held is None or "rows" not in held.model.result:
            raise Failed("no_proposal", N_("the proposal is gone: make another with svyazka sync plan"))
        return held.model

    async def _changed(self, proposal: Job, tenant: Tenant, flow: InStep, at: Taking) -> Taking:
        """A page of what has changed at one side since."""
        connection = flow.rules.between[at.side]
        account = await account_of(self._hub, self._outages, tenant.id, connection)
        assert proposal.started_at is not None
        since = proposal.started_at - EARLIER
        async with asking(self._hub, self._outages, account, key=f"{flow.id}.{connection}") as call:
            page = await flow.records(connection, account.manifest).changed(flow.rules.kind, since, at.after, call)
        objects = page.objects if page is not None else ()
        new = [f"{connection}/{one.id}" for one in objects if one.changed_at is None or one.changed_at > since]
        changed = tuple(dict.fromkeys((*at.changed, *new)))
        if len(changed) > CHANGED_MOST:
            raise Failed("too_late", N_("too much has changed since: make another proposal with svyazka sync plan"))
        end = page is None or page.next is None
        return at.model_copy(
            update={
                "changed": changed, "side": at.side + end, "after": None if page is None or end else page.next,
            }
        )  # fmt: skip

    async def _look_anew(self, tenant: Tenant, flow: InStep, at: Taking) -> Taking:
        """A page of the records for which something would have been written while the flow only watched."""
        where = {"tenant": tenant.id, "kind": flow.rules.kind.value, "status": "watched"}
        page = await self._hub.store.find(RECORDS_BY_STANDING, equal=where, limit=BATCH, cursor=at.watched)
        for held in journal.known(Record, page.documents):
            await self._wanting.wish(tenant, flow, held.model.id)
        return at.model_copy(update={"watched": page.cursor, "looked": page.cursor is None})

    async def _batch(self, tenant: Tenant, flow: InStep, batch: str, at: Taking) -> tuple[Counts, int | None]:
        """The rest of a batch's rows. Each is its own commit and bears to be done twice: they are counted with the
        slice. And the row at which it came no further, since a record of it is being written."""
        values = await self._sealed.read(batch)
        if values is None:
            raise Failed("too_late", N_("the proposal is gone: make another with svyazka sync plan"))
        counts, changed = Counts(), frozenset(at.changed)
        for number, value in enumerate(values[at.row :], at.row):
            if not isinstance(value, dict):  # its person was forgotten meanwhile
                counts += counted(skipped=1)
                continue
            places = [str(place) for place in _list(value["cards"])]
            if value["what"] == "household":
                counts += counted(skipped=1)
            elif value["what"] == "doubt" or not changed.isdisjoint(places):
                await self._meet(tenant, flow, places, str(value["why"]))
                counts += counted(doubt=1)
            else:
                try:
                    linked = await self._link(tenant, flow, places)
                except _Busy:
                    return counts, number
                counts += counted(linked=1) if linked else counted(unchanged=1)
        return counts, None

    async def _meet(self, tenant: Tenant, flow: InStep, places: Sequence[str], why: str) -> None:
        """Whom they share a phone or an e-mail with, their own looks find; what only resembles them is told along."""
        by_system: dict[str, list[str]] = {}
        for place in places:
            connection, _, object_ = place.partition("/")
            by_system.setdefault(connection, []).append(object_)
        for connection, objects in by_system.items():
            others = {name: tuple(ids) for name, ids in by_system.items() if name != connection}
            for object_ in objects:
                await self._wanting.met(
                    tenant, flow, connection, object_, others if why == RESEMBLE else EMPTY, let=True
                )

    async def _link(self, tenant: Tenant, flow: InStep, places: Sequence[str]) -> bool:
        """One record of all these cards. False: they belong to records that can't be one, or are one already. Raises
        _Busy."""
        cards = [(place.partition("/")[0], place.partition("/")[2]) for place in places]
        for _ in range(TRIES):
            writes = await self._joined(tenant, flow, cards)
            if writes is None:
                return False
            record, version, beside = writes
            now = self._hub.clock.now()
            # One look reads all sides, and wishes for itself whatever it finds to be written elsewhere.
            toward = targets(record, flow.rules.between)[:1]
            after, made = wished(record, toward, wish_of(self._hub, flow, tenant), now)
            write = journal.create(after) if version is None else journal.replace(after, version)
            tasks = [perform_task(one, one.next_attempt_at) for one in made]
            try:
                await self._hub.store.commit([write, *beside, *map(journal.create, made)], tasks)
            except Conflict:
                continue
            return True
        raise Unavailable("others move these records all the time")

    async def _joined(
        self, tenant: Tenant, flow: InStep, cards: Sequence[tuple[str, str]]
    ) -> tuple[Record, str | None, list[Write]] | None:
        """The record with all the cards, over which version it is to be written, and what is written beside it. Raises
        _Busy."""
        kind, now, beside = flow.rules.kind, self._hub.clock.now(), list[Write]()
        ids = [link_id(tenant.id, kind, connection, object_) for connection, object_ in cards]
        documents = await self._hub.store.get_many([("links", id_) for id_ in ids])
        links = [journal.read(Link, one) if one is not None else None for one in documents]
        held: dict[str, Versioned[Record]] = {}
        for link in links:
            if link is not None:
                one = await record_of(self._hub.store, link.model.record)
                held[one.model.id] = one
        others = sorted(held.values(), key=lambda one: rank(one.model))
        if len(others) == 1 and len(others[0].model.systems) >= len(cards):
            return None
        if any(is_written(one.model, self._hub.clock.real()) for one in others):
            # Whoever writes holds one record: joined meanwhile, the other would make the same thing beside it.
            raise _Busy
        if others:
            into, version = others[0].model, others[0].version
            for other in others[1:]:
                if not may_join(into, other.model):
                    return None
                into, more = take_in(into, other, await links_of(self._hub.store, other.model), now)
                beside += [*more, *over_with(flow, other.model, now)]
        else:
            into, version = Record(id=record_id(ids[0]), tenant=tenant.id, kind=kind, sides={}, created_at=now), None
        if into.has_gone or into.forgotten_at is not None:
            return None
        for id_, link, (connection, object_) in zip(ids, links, cards, strict=True):
            if link is not None:
                continue
            if connection in into.sides:
                return None
            into = into.model_copy(
                update={
                    "sides": {**into.sides, connection: Side(object=object_)}, "act_after": None,
                    "said": {**into.said, **LET},
                    "refused": {name: why for name, why in into.refused.items() if name != connection},
                }
            )  # fmt: skip
            new = Link(id=id_, tenant=tenant.id, kind=kind, connection=connection, object=object_, record=into.id)
            beside.append(journal.create(new))
        return into.model_copy(update={"moves": into.moves + 1}), version, beside


class _Busy(Exception):
    """A record is being written just now."""


def _list(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list)
    return value


def _rows(proposal: Job) -> int:
    result = proposal.result
    numbers = [result.get(name) for name in ("proposed", "doubts", "households")]
    return sum(number for number in numbers if isinstance(number, int))
