"""The nightly job of one side: its lists against what was last agreed, so that no lost webhook makes a difference stay.

What has changed since the last night (with an hour's overlap), then a seventh of all by id, so that within a week every
object was looked at: one list of the system, two documents an object, and nothing of the other systems. What differs,
or isn't linked, is wished looked at: the ordinary way mends it. At a round's end what no list has shown is missing:
it is asked about one by one, unless so much is missing that it must be the list. (A calendar lists some weeks only:
what has left them since the last round, and isn't over, is asked about once.)
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.engine.agreeing.standing import (
    Standing,
    Tally,
    changed_since,
    compared_fields,
    fields_of,
    has_drifted,
    standing_of,
    unlike,
)
from svyazka.engine.comparing.prints import Printer
from svyazka.engine.contracts.capabilities.records import Page, Records
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.doubting import WHOSE
from svyazka.engine.in_step.flows import InStep, in_step_flows, switch_of
from svyazka.engine.in_step.holding_back import let_through, weighed_missing
from svyazka.engine.in_step.prints import printer
from svyazka.engine.in_step.taking_part import is_listed_as_left_out
from svyazka.engine.in_step.telling import drifts
from svyazka.engine.in_step.wanting import Suspect, Wanting, record_of
from svyazka.engine.in_step.wishes import targets
from svyazka.engine.jobs.asking import account_of, asking
from svyazka.engine.jobs.work import Hold as Stop
from svyazka.engine.jobs.work import Patience, Slice, Waits, Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import LINKS_OF_CONNECTION
from svyazka.engine.outages.learning import Outages
from svyazka.engine.ports.blobs import NoBlob, Purpose, whole
from svyazka.engine.ports.store import Write
from svyazka.engine.tenants.directory import Account
from svyazka.model.agreeing import NIGHTS_KEPT, Agreed, Night, Walk, agreed_id
from svyazka.model.errors import NoPlace
from svyazka.model.in_step import Link, Record, SideState, is_file, link_id
from svyazka.model.jobs import Counts, Job, counted
from svyazka.model.records import Object
from svyazka.model.restraints import Hold
from svyazka.model.tenants import Tenant

KIND = "agreement"
OVERLAP = timedelta(hours=1)
"""What was changed so long before the last comparison is compared again: clocks differ, and lists lag."""

NIGHTS = 7
"""In so many nights everything was compared."""

CHANGED_MOST = 5000
"""More that changed in a night: everything is compared, which costs less."""

LINKS_AT_ONCE = 500
"""Of them it is looked at a time which weren't met."""

TOLD_MOST = 200
"""Differences whose record and field are remembered for `diff`."""


@dataclass
class _Found:
    """What a slice has found so far."""

    walk: Walk
    counts: Counts = field(default_factory=Counts)
    tally: Tally = field(default_factory=Tally)
    differs: list[JsonValue] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """Of the round."""
    lost: list[str] = field(default_factory=list)
    """Records whose object it hasn't met."""
    writes: list[Write] = field(default_factory=list)
    end: bool = False
    again_in: float = 0.0

    @property
    def ids_come_first(self) -> bool:
        """What the round has met is written down before anybody looks for what it has not."""
        return self.walk.step == "missing" and bool(self.ids)

    @property
    def has_moved(self) -> bool:
        return bool(self.counts.read or self.ids) or self.end


class Agreement(Work):
    """Compares one side of one flow."""

    kind = KIND
    title = "сверка"

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages
        self._wanting = Wanting(hub)

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        flow, connection = await self._flow(job, tenant), str(job.parameters["connection"])
        if flow is None or connection not in flow.rules.between:
            return Slice(end=True)  # it was taken out of the tenant's file meanwhile
        account = await account_of(self._hub, self._outages, tenant.id, connection)
        side = _Side(
            self._hub, self._outages, self._wanting, tenant, flow, account, flow.records(connection, account.manifest),
            printer(self._hub, tenant.id, flow.rules.kind), await self._meets_all(tenant, flow),
            bool(job.parameters.get("let")),
        )  # fmt: skip
        held = await journal.load(self._hub.store, Agreed, agreed_id(tenant.id, flow.id, connection))
        found = _Found(Walk.model_validate_json(job.cursor) if job.cursor else self._begun(job, side, held))
        while not (found.end or found.ids_come_first):
            try:
                await self._step(job, side, held, found)
            except (NoPlace, Waits) as error:
                if not found.has_moved:
                    raise
                found.again_in = error.wait if isinstance(error, NoPlace) else 0.0
                break  # what was read is kept; the next slice meets the trouble again
            if patience.is_over():
                break
        return await self._told(job, side, held, found)

    async def _flow(self, job: Job, tenant: Tenant) -> InStep | None:
        return next((one for one in await in_step_flows(self._hub, tenant) if one.id == job.parameters["flow"]), None)

    async def _meets_all(self, tenant: Tenant, flow: InStep) -> bool:
        """Whether objects that nobody has linked are to be looked at, however old: before a flow was started they are
        the first link's."""
        return flow.rules.writes or bool((await switch_of(self._hub, tenant.id, flow.id)).on)

    def _begun(self, job: Job, side: _Side, held: Versioned[Agreed] | None) -> Walk:
        now, before = self._hub.clock.now(), held.model if held is not None else None
        if before is None or before.changed_at is None:
            return Walk(step="round", until=now, anew=True)
        since = before.changed_at - OVERLAP
        if job.parameters.get("full") or before.objects is None:
            return Walk(since=since, until=now, anew=True)
        return Walk(since=since, until=now, target=-(-before.objects // NIGHTS), seen=before.seen)

    async def _step(self, job: Job, side: _Side, held: Versioned[Agreed] | None, found: _Found) -> None:
        match found.walk.step:
            case "changed":
                await self._changed(side, found)
            case "round":
                await self._round(job, side, held, found)
            case _:
                await self._missing(job, side, held, found)

    # What has changed

    async def _changed(self, side: _Side, found: _Found) -> None:
        walk = found.walk
        assert walk.since is not None
        page = await side.changed(walk)
        if page is None:
            found.walk = _moved(walk, step="round", after=None)
            return
        if len(walk.met) > CHANGED_MOST:
            found.walk = _moved(walk, step="round", after=None, target=None, anew=True, seen=())
            return
        due = [one for one in page.objects if one.changed_at is None or one.changed_at <= walk.until]
        fresh = {one.id: one for one in due if one.id not in walk.met}
        await side.compare(list(fresh.values()), found, changed=True)
        met = (*walk.met, *fresh)
        if page.next is None:
            found.walk = _moved(walk, step="round", after=None, met=met)
        else:
            found.walk = _moved(walk, after=page.next, met=met)

    # All of them by id, some each night

    async def _round(self, job: Job, side: _Side, held: Versioned[Agreed] | None, found: _Found) -> None:
        walk = found.walk
        begun = None if walk.anew or held is None else held.model.round_at
        page = await side.page(begun if walk.after is None else walk.after)
        there = {one.id: one for one in page.objects if one.id not in walk.page}
        await side.compare([one for one in there.values() if one.id not in walk.met], found, changed=False)
        found.ids += there
        read = walk.read + len(there)
        ids = tuple(one.id for one in page.objects)
        found.walk = _moved(walk, after=page.next, read=read, page=ids)
        if page.next is None:
            found.walk = _moved(found.walk, step="missing", after=None)
        elif walk.target is not None and read >= walk.target:
            found.end = True

    # What no list has shown

    async def _missing(self, job: Job, side: _Side, held: Versioned[Agreed] | None, found: _Found) -> None:
        """The round is over: links whose object it hasn't met."""
        walk = found.walk
        met = await side.ids_in(walk.seen)
        last = None if side.lists_all else await side.last_round(held.model if held is not None else None)
        page = await self._hub.store.find(
            LINKS_OF_CONNECTION, equal={"tenant": side.tenant.id, "connection": side.account.name},
            limit=LINKS_AT_ONCE, cursor=walk.after,
        )  # fmt: skip
        links = [one.model for one in journal.known(Link, page.documents) if one.model.kind is side.flow.rules.kind]
        found.lost += [one.record for one in links if one.object not in met and await side.should_be_there(one, last)]
        found.walk = _moved(walk, after=page.cursor, links=walk.links + len(links))
        if page.cursor is None:
            await self._ask_about(job, side, found)

    async def _ask_about(self, job: Job, side: _Side, found: _Found) -> None:
        walk, links = found.walk, found.walk.links
        missing = sorted({*walk.missing, *found.lost, *(await side.ids_in(walk.lost))})
        answer, tenant, flow, name = job.parameters.get("missing"), side.tenant.id, side.flow.id, side.account.name
        if not side.lists_all:
            for record in missing:
                for toward in side.flow.rules.between:
                    if toward != name:
                        await side.wish(record, toward)
            found.end = True
            return
        hold, counts = await weighed_missing(self._hub, tenant, flow, name, missing, links)
        if hold is Hold.HELD and answer is None:
            raise Stop(
                "missing",
                N_(
                    "в списке «{connection}» нет {count} из {links} связанных карточек: удалены, или список неполон? "
                    "Ничего не сделано"
                ).format(connection=side.account.name, count=len(missing), links=links),
                f"svyazka jobs resume {job.id} --answer missing=apply",
            )
        suspect = None
        if answer == "apply":  # a person has seen the number: each is asked for, and held by nothing any more
            suspect = Suspect(name, await let_through(self._hub, tenant, flow, WHOSE + name))
        elif answer is None:
            found.writes += counts
        if answer != "leave":
            for record in missing:
                await side.wish(record, suspect=suspect)
                found.tally.mended += 1
                _note(found, record, "", "missing")
        found.end = True

    # Writing it down

    async def _told(self, job: Job, side: _Side, held: Versioned[Agreed] | None, found: _Found) -> Slice:
        walk = found.walk
        if found.ids:
            name = await side.keep_ids(job, found.ids)
            walk = _moved(walk, seen=(*walk.seen, name))
        if found.lost and not found.end:
            name = await side.keep_ids(job, found.lost, ".lost")
            walk = _moved(walk, lost=(*walk.lost, name))
        result = _summed(job.result, found)
        writes = list(found.writes)
        if found.end:
            after = self._after(job, side, held, walk, result)
            if held is not None and held.model.last and has_drifted(held.model.last, after.last):
                tally = after.last
                await drifts(self._hub, side.tenant, side.flow.id, unlike(tally), fields_of(tally))
            writes.append(_written(held, after))
        return Slice(
            counts=found.counts, cursor=walk.model_dump_json(exclude_none=True), phase=walk.step, result=result,
            total=_total(walk, held), writes=writes, end=found.end, again_in=found.again_in,
        )  # fmt: skip

    def _after(
        self, job: Job, side: _Side, held: Versioned[Agreed] | None, walk: Walk, result: Mapping[str, JsonValue]
    ) -> Agreed:
        now = self._hub.clock.now()
        before = held.model if held is not None else Agreed(
            id=agreed_id(side.tenant.id, side.flow.id, side.account.name), tenant=side.tenant.id, flow=side.flow.id,
            connection=side.account.name, kind=side.flow.rules.kind,
        )  # fmt: skip
        read = (0 if walk.anew else before.round_read) + walk.read
        begun = walk.until if walk.anew else before.round_begun or walk.until
        tally = _added({} if walk.anew else before.tally, result)
        changes: dict[str, object] = {
            "changed_at": walk.until, "job": job.id, "ended_at": now, "round_at": walk.after, "seen": walk.seen,
            "round_begun": begun, "round_read": read,
            "tally": tally, "nights": (*before.nights, *_night(result, now))[-NIGHTS_KEPT:],
        }  # fmt: skip
        if walk.step == "missing":
            changes |= {
                "round_at": None, "seen": (), "round_begun": None, "round_read": 0, "tally": {}, "objects": read,
                "whole_at": now, "last": tally, "listed": walk.seen, "listed_since": begun,
            }  # fmt: skip
        return before.model_copy(update=changes)


def _night(result: Mapping[str, JsonValue], now: datetime) -> list[Night]:
    """What this night found, where it compared anything."""
    same = sum(number for name in ("agree", "accepted") if isinstance(number := result.get(name), int))
    return [Night(at=now, fields=fields, same=same)] if (fields := fields_of(result)) else []


@dataclass(frozen=True)
class _Round:
    """A round through lists that show some objects only."""

    ids: frozenset[str]
    since: datetime | None

    def knew(self, link: Link, record: Record) -> bool:
        """Whether it has met an object, or may have passed its place before that was made."""
        return link.object in self.ids or (self.since is not None and record.created_at >= self.since)


@dataclass
class _Side:
    """One connection of one flow, and how it is asked."""

    hub: Hub
    outages: Outages
    wanting: Wanting
    tenant: Tenant
    flow: InStep
    account: Account
    records: Records[Any]
    prints: Printer
    meets_all: bool
    lets: bool
    """Whether a person was shown what hasn't been linked, and let it be made."""

    async def changed(self, walk: Walk) -> Page | None:
        assert walk.since is not None
        since = walk.since
        async with self._asked() as call:
            return await self.records.changed(self.flow.rules.kind, since, walk.after, call)

    async def page(self, after: str | None) -> Page:
        async with self._asked() as call:
            return await self.records.page(self.flow.rules.kind, after, call)

    def _asked(self) -> Any:
        return asking(self.hub, self.outages, self.account, key=f"{self.flow.id}.{self.account.name}")

    async def compare(self, objects: Sequence[Object], found: _Found, *, changed: bool) -> None:
        """Objects of a page against their records; what differs is wished looked at."""
        kind, connection = self.flow.rules.kind, self.account.name
        ids = [link_id(self.tenant.id, kind, connection, one.id) for one in objects]
        links = await self.hub.store.get_many([("links", id_) for id_ in ids])
        known = {one.id: journal.read(Link, link).model for one, link in zip(objects, links, strict=True) if link}
        records = await self._records_of(list(known.values()))
        for one in objects:
            link = known.get(one.id)
            record = records.get(link.record) if link is not None else None
            if is_listed_as_left_out(self.flow.rules, connection, one):
                found.counts += counted(skipped=1)
            elif record is None:
                await self._unlinked(one, found, changed)
            elif record.forgotten_at is not None:
                found.counts += counted(skipped=1)
            else:
                await self._linked(one, record, found, changed)

    async def _records_of(self, links: Sequence[Link]) -> dict[str, Record]:
        documents = await self.hub.store.get_many([("records", link.record) for link in links])
        found = {}
        for link, document in zip(links, documents, strict=True):
            if document is None:
                continue
            record = journal.read(Record, document).model
            found[link.record] = (
                record if record.merged_into is None else (await record_of(self.hub.store, record.id)).model
            )
        return found

    async def _unlinked(self, one: Object, found: _Found, changed: bool) -> None:
        if not self.flow.kind.begins(self.account.name):
            found.counts += counted(skipped=1)
            return
        found.tally.records += 1
        found.tally.unlinked += 1
        if changed or self.meets_all:
            await self.wanting.met(self.tenant, self.flow, self.account.name, one.id, let=self.lets)
            found.counts += counted(linked=1)
        else:
            found.counts += counted(skipped=1)

    async def _linked(self, one: Object, record: Record, found: _Found, changed: bool) -> None:
        name = self.account.name
        one = self.flow.kind.as_compared(record, {name: one}, self.prints, self.hub.clock.now())[name]
        standing = standing_of(one, record, self.account.name, self.flow.rules, self.prints)
        found.tally += standing.tally
        meets = standing.alone and (changed or (standing.never_looked and self.meets_all))
        # It has changed, and the list doesn't show in what: only a read can tell.
        partly = changed and not self.shows_all and changed_since(one, record.sides[self.account.name])
        look = standing.is_to_be_looked_at or meets or partly
        if look:
            # Toward the others: whichever way it goes, that look sees to it.
            back = Suspect(self.account.name) if "back" in standing.differs.values() else None
            for toward in targets(record, self.flow.rules.between, self.account.name):
                await self.wish(record.id, toward, back)
        for name, cause in standing.differs.items():
            _note(found, record.id, name, cause)
        found.counts += counted(**{_became(standing, look): 1})

    @property
    def shows_all(self) -> bool:
        """Whether its list carries every field that is compared."""
        carried = self.records.carries(self.flow.rules.kind, self.account.settings)
        return carried is None or carried.issuperset(compared_fields(self.flow.rules))

    async def wish(self, record: str, toward: str | None = None, suspect: Suspect | None = None) -> None:
        await self.wanting.wish(self.tenant, self.flow, record, toward, suspect=suspect)

    @property
    def lists_all(self) -> bool:
        return self.flow.kind.lists_all(self.account.name)

    async def last_round(self, agreed: Agreed | None) -> _Round:
        """What the last whole round met. Of the first one everything is new."""
        if agreed is None or agreed.whole_at is None:
            return _Round(frozenset(), datetime.min.replace(tzinfo=UTC))
        try:
            ids = await self.ids_in(agreed.listed)
        except NoBlob:  # it was too long ago
            ids = set()
        return _Round(frozenset(ids), agreed.listed_since)

    async def should_be_there(self, link: Link, last: _Round | None) -> bool:
        """Whether a list has to show it: it was linked before, and isn't known to be gone. `last`: where lists show
        some only, it was there in the last round, or is newer than that, and isn't over."""
        held = await journal.load(self.hub.store, Record, link.record)
        if held is None:
            return False
        record = held.model if held.model.merged_into is None else (await record_of(self.hub.store, link.record)).model
        side = record.sides.get(self.account.name)
        there = side is not None and side.object == link.object and side.state is SideState.LIVE
        linked = there and sum(not is_file(name) for name in record.sides) > 1 and record.forgotten_at is None
        if not linked or side is None or last is None:
            return linked
        return last.knew(link, record) and not self.flow.kind.is_over(side, self.prints)

    async def keep_ids(self, job: Job, ids: Sequence[str], which: str = "") -> str:
        """Write down which ids a slice has found; the blob's name. One that is thrown away is named by nobody."""
        name = f"{Purpose.REPORTS}/{self.tenant.id}/{job.id}.{job.taken}{which}"
        await self.hub.blobs.put(name, zlib.compress(json.dumps(list(ids)).encode()))
        return name

    async def ids_in(self, names: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for name in names:
            found |= set(json.loads(zlib.decompress(await whole(self.hub.blobs, [name]))))
        return found


def _became(standing: Standing, look: bool) -> str:
    if standing.tally.asked and not look:
        return "doubt"
    if standing.alone:
        return "linked" if look else "skipped"
    return "updated" if look else "unchanged"


def _moved(walk: Walk, **changes: object) -> Walk:
    return walk.model_copy(update=changes)


def _note(found: _Found, record: str, name: str, cause: str) -> None:
    found.differs.append([record, name, cause])


def _total(walk: Walk, held: Versioned[Agreed] | None) -> int | None:
    """What is to be read this night, as far as it is known."""
    if walk.target is not None:
        return len(walk.met) + walk.target
    return len(walk.met) + held.model.objects if held is not None and held.model.objects is not None else None


def _summed(before: Mapping[str, JsonValue], found: _Found) -> dict[str, JsonValue]:
    told = before.get("differs")
    differs = [*(told if isinstance(told, list) else []), *found.differs][:TOLD_MOST]
    return {**_added(before, asdict(found.tally)), "differs": differs}


def _added(one: Mapping[str, JsonValue], other: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Two tallies together; of differences, the newest."""
    found: dict[str, JsonValue] = {}
    for name in asdict(Tally()):
        numbers = [value for value in (one.get(name), other.get(name)) if isinstance(value, int)]
        found[name] = sum(numbers)
    if "differs" in other:
        found["differs"] = other["differs"]
    return found


def _written(held: Versioned[Agreed] | None, after: Agreed) -> Write:
    return journal.create(after) if held is None else journal.replace(after, held.version)
