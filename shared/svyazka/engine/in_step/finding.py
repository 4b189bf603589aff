"""A thing that a system doesn't have yet, as far as we know: is it there all the same, may it be made, or who says?

In this order: our own notes of what was made (`matches`), which can't lag behind; our mark; then the other system's own
search by phone and e-mail. Who shares a phone and has another name or birthday is another person: a household.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from svyazka.catalogue import N_
from svyazka.engine.comparing.matching import can_be_one, hides_phone, is_nameless, resemble, told_by
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import LinkTo, Records
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.doubting import MERGED, NEW, NONE, REVIVE, WHOSE, over_with
from svyazka.engine.in_step.joining import links_of, may_join, take_in, the_one_that_stays
from svyazka.engine.in_step.look import Look
from svyazka.engine.in_step.noting import claimed_under, is_made, is_written, keys_of, note_ids
from svyazka.engine.in_step.reading import NotNow, Reader, Seen
from svyazka.engine.in_step.taking_part import besides
from svyazka.engine.in_step.wanting import record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Write
from svyazka.model.deliveries import Delivery
from svyazka.model.events import EventRecord
from svyazka.model.in_step import UNSHOWN, Link, MatchKey, Record, Side, SideState, link_id
from svyazka.model.records import Key, KeyType, Object, RecordKind, Wanted

WAITED = 5.0
"""Seconds until it is looked at again what another record's making came to."""


@dataclass(frozen=True, slots=True)
class Joined:
    """It is there: this record holds both objects now."""

    record: Versioned[Record]
    """As it is to be written, over the version that was read."""
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class New:
    """Nobody has it: it may be made."""

    mark: str
    keys: tuple[Write, ...]
    besides: dict[str, Wanted] = field(default_factory=dict)
    requires: frozenset[str] = frozenset()
    links: tuple[LinkTo, ...] = ()


@dataclass(frozen=True, slots=True)
class First:
    """Something else has to be there first: this delivery sees to it, and the look goes on once it has ended."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is to be done, or a person has to say."""

    code: str
    message: str
    candidates: tuple[str, ...] | None = None
    """Objects that it may be; not None: somebody is asked."""


UNTOLD = Nothing(UNSHOWN, N_("its name isn't shown just now: whose card it is can't be told"))
"""Two people may share a phone: nobody without a name is taken for another. Looked at again once it is shown."""

BLIND = Nothing(UNSHOWN, N_("its phone isn't shown just now: a card without it would not be found again"))
"""A copy that lacks what tells whose it is would be made once more for the person's next card."""

UNSEARCHED = Nothing("not_searched", N_("that system can't be asked for it: it may be there, and none is made"))

UNFOUND = Nothing(
    "cannot_ask", N_("an earlier try may have made it there, and there is nothing to find it by: which one is it?"), ()
)

RENAMED = N_("it is called otherwise, but not in every system: is it the same?")

ALIKE = N_("a card there is called the same, with the same birthday or with a phone one digit off: is it the same?")

DELETED_THERE = Nothing("deleted", N_("it was deleted: nothing is made in its place"))

TAKEN = N_("the card that it matches belongs to another card of the same system")


@dataclass(frozen=True, slots=True)
class _Found:
    """What a system's search has brought."""

    candidates: list[_Candidate]
    was_asked: bool
    """By one of the keys, or by our mark. Where it can't be, that nothing was found says nothing."""


@dataclass
class _Candidate:
    object: Object
    record: Versioned[Record] | None
    marked: bool = False
    """It bears our mark."""


class Finding:
    """Finds the other system's object of a record."""

    def __init__(self, hub: Hub, reader: Reader) -> None:
        self._hub, self._reader = hub, reader

    async def find(self, look: Look, delivery: Delivery) -> Joined | New | Nothing | NotNow:
        """What becomes of a side that there isn't yet."""
        objects = [one.object for one in look.seen.values() if isinstance(one, Seen) and one.object is not None]
        if any(is_nameless(one) for one in objects):
            return UNTOLD
        said = look.held.model.said.get(WHOSE + look.toward)
        if said == NONE:
            return Nothing(NONE, N_("a person said that there is none"))
        keys = keys_of(objects)
        noted, documents = await self._noted(look, keys)
        if any(is_made(one.model, look.toward, self._hub.clock.real()) for one in noted):
            return NotNow(look.toward, "in_making", N_("it is being made just now"), WAITED)
        search = await self._search(look, delivery, keys, noted)
        if isinstance(search, NotNow):
            return search
        found, was_asked = search.candidates, search.was_asked
        told = [one for one in found if said == f"{look.toward}/{one.object.id}"]
        if told:
            return await self._matched(look, told)
        # What bears our mark was made for this record, whatever somebody has called it since.
        marked = [one for one in found if one.marked]
        if said == NEW and not marked:
            return await self._new(look, delivery, keys, documents, objects, was_asked)
        ours = marked or [one for one in found if is_one(one.object, objects)]
        perhaps, why = [] if ours else await self._renamed(look, delivery, found, objects), RENAMED
        if not ours and not perhaps:
            perhaps, why = await self._alike(look, delivery, objects), ALIKE
        if isinstance(perhaps, NotNow):
            return perhaps
        if not ours and not perhaps:
            gone = await self._was_deleted(look, delivery, noted, objects) if said != REVIVE else None
            return gone or await self._new(look, delivery, keys, documents, objects, was_asked)
        if any(is_nameless(one.object) for one in ours):
            return UNTOLD
        matched = await self._matched(look, ours) if ours else self._unsure(look, perhaps, why)
        if not isinstance(matched, Nothing) or look.flow.rules.on_doubt == "ask":
            return matched
        if look.flow.rules.on_doubt == "skip":
            return replace(matched, candidates=None)
        return await self._new(look, delivery, keys, documents, objects, was_asked)

    async def survivor(self, look: Look, delivery: Delivery) -> Joined | Nothing | NotNow | None:
        """Of an object that was deleted a moment ago: what it was made one with, as far as its other sides can tell. No
        system says so; the card that stays shows the phone of the one that went. None: it was only deleted."""
        objects = [one.object for one in look.seen.values() if isinstance(one, Seen) and one.object is not None]
        keys = keys_of(objects)
        if not keys or any(is_nameless(one) for one in objects):
            return None
        noted, _documents = await self._noted(look, keys)
        found = await self._search(look, delivery, keys, noted)
        if isinstance(found, NotNow):
            return found
        ours = [one for one in found.candidates if is_one(one.object, objects) and not is_nameless(one.object)]
        if not ours:
            return None
        if len(ours) == 1 and (ours[0].record is None or may_join(look.held.model, ours[0].record.model)):
            return await self._join(look, ours[0])
        message = N_("it was deleted, and another card there shows the same: were they made one?")
        return Nothing(MERGED, message, tuple(f"{look.toward}/{one.object.id}" for one in ours))

    # Where it may be

    async def _noted(
        self, look: Look, keys: Iterable[Key]
    ) -> tuple[list[Versioned[Record]], dict[Key, Versioned[MatchKey] | None]]:
        """Other records of the same keys, and the keys' documents."""
        record = look.held.model
        records: dict[str, Versioned[Record]] = {}
        documents: dict[Key, Versioned[MatchKey] | None] = {}
        for key in keys:
            ids = note_ids(self._hub.keyring, record.tenant, record.kind, key)
            there = [one for one in await self._hub.store.get_many([("matches", id_) for id_ in ids]) if one]
            documents[key] = journal.read(MatchKey, there[0]) if there else None
            for one in there:
                for id_ in journal.read(MatchKey, one).model.records:
                    try:
                        held = await record_of(self._hub.store, id_)
                    except LookupError:
                        continue
                    if held.model.id != record.id:
                        records[held.model.id] = held
        return list(records.values()), documents

    async def _search(
        self, look: Look, delivery: Delivery, keys: tuple[Key, ...], noted: list[Versioned[Record]]
    ) -> _Found | NotNow:
        """Objects there that show one of the keys, or our mark, or that belong to a record of the same keys."""
        toward, kind = look.toward, look.held.model.kind
        way = await self._reader.at(look.flow, look.tenant, toward, delivery)
        if isinstance(way, NotNow):
            return way
        records, call, account = way
        ids = [one.model.live[toward].object for one in noted if toward in one.model.live]
        ids += _told(look)

        async def ask() -> tuple[dict[str, Object], set[str], bool]:
            return await _asked(records, kind, keys, mark_for(look.held.model, toward), ids, call)

        asked = await self._reader.asked(account, delivery, ask)
        if isinstance(asked, NotNow):
            return asked
        objects, marked, was_asked = asked
        candidates = [
            _Candidate(one, await self._record_of(look, toward, one), one.id in marked) for one in objects.values()
        ]  # fmt: skip
        return _Found(candidates, was_asked)

    async def _record_of(self, look: Look, connection: str, one: Object) -> Versioned[Record] | None:
        id_ = link_id(look.tenant.id, one.kind, connection, one.id)
        link = await journal.load(self._hub.store, Link, id_)
        return await record_of(self._hub.store, link.model.record) if link is not None else None

    async def _renamed(
        self, look: Look, delivery: Delivery, found: list[_Candidate], objects: list[Object]
    ) -> list[_Candidate] | NotNow:
        """Those that are called otherwise, but belong with a card that is called as ours is: somebody was renamed in
        one system, and the others don't show it yet. Then a phone alone makes no household."""
        renamed: list[_Candidate] = []
        for one in found:
            others = await self._beside(look, delivery, one.record.model) if one.record is not None else []
            if isinstance(others, NotNow):
                return others
            cards = [told_by(card) for card in (one.object, *others) if not is_nameless(card)]
            if any(can_be_one(ours, theirs) for ours in map(told_by, objects) for theirs in cards):
                renamed.append(one)
        return renamed

    async def _beside(self, look: Look, delivery: Delivery, record: Record) -> list[Object] | NotNow:
        """What the other systems show of the same person."""
        shown: list[Object] = []
        for name, side in look.flow.systems(record).items():
            if name == look.toward:
                continue
            way = await self._reader.at(look.flow, look.tenant, name, delivery)
            if isinstance(way, NotNow):
                return way
            records, call, account = way
            ask = partial(records.read_many, look.held.model.kind, [side.object], call)
            read = await self._reader.asked(account, delivery, ask)
            if isinstance(read, NotNow):
                return read
            shown += read
        return shown

    async def _was_deleted(
        self, look: Look, delivery: Delivery, noted: list[Versioned[Record]], objects: list[Object]
    ) -> Nothing | NotNow | None:
        """Whether one of those noted under the same keys is the same by what other systems show, and was deleted where
        it would be made. None: none is."""
        for held in noted:
            side = held.model.sides.get(look.toward)
            if side is None or side.state is not SideState.GONE:
                continue
            others = await self._beside(look, delivery, held.model)
            if isinstance(others, NotNow):
                return others
            if any(map(is_nameless, others)):
                return UNTOLD
            if any(is_one(one, objects) for one in others):
                return DELETED_THERE
        return None

    def _unsure(self, look: Look, perhaps: list[_Candidate], why: str) -> Nothing:
        """A person tells, or the next look, once two names that are on their way past each other have settled."""
        candidates = tuple(f"{look.toward}/{one.object.id}" for one in perhaps)
        if any(one.record is not None and not may_join(look.held.model, one.record.model) for one in perhaps):
            return Nothing("taken", TAKEN, candidates)
        return Nothing("resemble", why, candidates)

    async def _alike(self, look: Look, delivery: Delivery, objects: list[Object]) -> list[_Candidate] | NotNow:
        """What a first link has found to resemble it, as far as it still does and is nobody else's."""
        ids = look.held.model.alike.get(look.toward, ())
        if not ids:
            return []
        way = await self._reader.at(look.flow, look.tenant, look.toward, delivery)
        if isinstance(way, NotNow):
            return way
        records, call, account = way
        ask = partial(records.read_many, look.held.model.kind, list(ids), call)
        read = await self._reader.asked(account, delivery, ask)
        if isinstance(read, NotNow):
            return read
        still = [
            one
            for one in read
            if any(resemble(told_by(ours), shown_keys(ours), told_by(one), shown_keys(one)) for ours in objects)
        ]
        found = [_Candidate(one, await self._record_of(look, look.toward, one)) for one in still]
        return [one for one in found if one.record is None or may_join(look.held.model, one.record.model)]

    # It is there

    async def _matched(self, look: Look, ours: list[_Candidate]) -> Joined | Nothing | NotNow:
        record, toward = look.held.model, look.toward
        free = [one for one in ours if one.record is None or may_join(record, one.record.model)]
        linked = [one for one in free if one.record is not None and len(one.record.model.systems) > 1]
        chosen = free if len(free) == len(ours) == 1 else linked
        if len(chosen) == 1:
            return await self._join(look, chosen[0])
        candidates = tuple(f"{toward}/{one.object.id}" for one in ours)
        if not free:
            return Nothing("taken", TAKEN, candidates)
        return Nothing("several", N_("several cards match: which one is it?"), candidates)

    async def _join(self, look: Look, one: _Candidate) -> Joined | NotNow:
        """Ours takes the object in, or is taken in by the record that has it."""
        now, store, record, toward = self._hub.clock.now(), self._hub.store, look.held.model, look.toward
        other = one.record
        if other is None:
            return linked_with(look, one.object.id)
        if is_written(other.model, self._hub.clock.real()):
            return NotNow(toward, "busy", N_("the other record is being written just now"), WAITED)
        into, goes = (look.held, other) if the_one_that_stays(record, other.model) else (other, look.held)
        joined, writes = take_in(into.model, goes, await links_of(store, goes.model), now)
        writes += over_with(look.flow, goes.model, now)
        return Joined(Versioned(joined, into.version), tuple(writes))

    # It isn't

    async def _new(
        self, look: Look, delivery: Delivery, keys: tuple[Key, ...], documents: dict[Key, Versioned[MatchKey] | None],
        objects: list[Object], was_asked: bool,
    ) -> New | Nothing:  # fmt: skip
        toward, record = look.toward, look.held.model
        if not await self._may_make(look, delivery):
            return Nothing("not_there", N_("it isn't there, and none is made there"))
        if not objects:
            return Nothing(UNSHOWN, N_("nobody shows it just now"))
        asked_for = record.said.get(WHOSE + toward) in (NEW, REVIVE)
        tells = "phone" in look.rules and not asked_for
        if tells and any(map(hides_phone, objects)) and not any(one.elements("phone") for one in objects):
            return BLIND
        if not was_asked and not asked_for:
            # The intent of a try stays as long as nobody knows what became of it.
            tried = record.intent is not None and record.intent.toward == toward and record.intent.mark is not None
            if tried or keys:
                return UNFOUND if tried else UNSEARCHED
        manifest = self._hub.directory.manifests(look.tenant.connections[toward].vendor)
        claims = [claimed_under(self._hub.keyring, record, key, documents.get(key)) for key in keys]
        return New(
            mark_for(record, toward), tuple(claims), dict(besides(look.flow.rules, toward)),
            look.flow.records(toward, manifest).requires(record.kind),
        )  # fmt: skip

    async def _may_make(self, look: Look, delivery: Delivery) -> bool:
        if look.held.model.said.get(WHOSE + look.toward) in (NEW, REVIVE):
            return True
        rule = look.flow.rules.create.get(look.toward)
        if rule is None or rule == "always":
            return rule is not None
        held = await journal.load(self._hub.store, EventRecord, delivery.event)
        return held is not None and held.model.event.type.value.partition(".")[0] == rule


def shown_keys(one: Object) -> tuple[str, ...]:
    """Its phones and e-mails, each in its one spelling."""
    return tuple(key.value for key in keys_of([one]))


def linked_with(look: Look, there: str) -> Joined:
    """An object that no record had: its link is made, and stays whoever else sees it at this moment."""
    record, toward = look.held.model, look.toward
    id_ = link_id(record.tenant, record.kind, toward, there)
    link = Link(id=id_, tenant=record.tenant, kind=record.kind, connection=toward, object=there, record=record.id)
    joined = record.model_copy(
        update={
            "sides": {**record.sides, toward: Side(object=there)}, "moves": record.moves + 1,
            "refused": {name: why for name, why in record.refused.items() if name != toward},
            "not_made": {name: why for name, why in record.not_made.items() if name != toward},
        }
    )  # fmt: skip
    return Joined(Versioned(joined, look.held.version), (journal.create(link),))


def _told(look: Look) -> list[str]:
    """The object there that a person named."""
    connection, _, id_ = look.held.model.said.get(WHOSE + look.toward, "").partition("/")
    return [id_] if id_ and connection == look.toward else []


async def _asked(
    records: Records[Any], kind: RecordKind, keys: tuple[Key, ...], mark: str, ids: list[str], call: Call[Any]
) -> tuple[dict[str, Object], set[str], bool]:
    """What is there by id, which of it bears our mark, and whether the system could be asked by any of these."""
    by_mark = await records.find(kind, Key(KeyType.MARK, mark), call)
    found, was_asked = {one.id: one for one in by_mark or ()}, by_mark is not None
    marked = set(found)
    for key in keys:
        by_key = await records.find(kind, key, call)
        found |= {one.id: one for one in by_key or ()}
        was_asked = was_asked or by_key is not None
    missing = [id_ for id_ in dict.fromkeys(ids) if id_ not in found]
    for one in await records.read_many(kind, missing, call) if missing else ():
        found[one.id] = one
    return found, marked, was_asked


def mark_for(record: Record, toward: str) -> str:
    """Our mark on the object that is made for a record there: the same however often it is tried."""
    return "svz-" + record.id.removeprefix("rec_")[:12]


def is_one(there: Object, objects: Iterable[Object]) -> bool:
    """Whether an object that shares a key is the same person: no other name, no other birthday."""
    return all(can_be_one(told_by(there), told_by(one)) for one in objects)
