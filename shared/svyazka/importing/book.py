"""Rows in the book of links by which systems are kept in step: a file is a side of a record, as a system is.

A row's link leads to its record, and so does its card's; what was agreed of each field stands in the record as prints.
So the next file of this name is compared by three, as everything is; and a flow that keeps systems in step knows the
people whom an import has brought.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from svyazka.engine.comparing.compare import ComparedRecord, compare_record
from svyazka.engine.comparing.compare import Side as Compare
from svyazka.engine.comparing.fields import FieldRule
from svyazka.engine.comparing.settling import NO_PROOF, Answer
from svyazka.engine.contracts.capabilities.records import Records, Written
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.joining import may_join, take_in, the_one_that_stays
from svyazka.engine.in_step.noting import keys_of, note_ids, noted_under
from svyazka.engine.in_step.prints import printer
from svyazka.engine.in_step.wanting import over, record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import COMMIT_MOST, Create, Replace, Write
from svyazka.engine.support.failpoints import reach
from svyazka.engine.tenants.directory import Account
from svyazka.model.base import Stored
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.in_step import FILES, Link, MatchKey, Record, Side, is_file, link_id, record_id
from svyazka.model.records import CLEARED, UNREAD, Object, RecordKind, Value, Wanted

KIND = RecordKind.CONTACT
TRIES = 8
_StoredT = TypeVar("_StoredT", bound=Stored)


@dataclass(frozen=True, slots=True)
class Noted:
    """A row, its card, and what was done to make them agree."""

    row: str
    fields: Mapping[str, Value]
    unsure: Collection[str]
    object: str
    card: Object | None
    """As it was read before; None: it was made."""
    written: Collection[str] = ()
    """The fields that were written to a card that was there."""
    answer: Written | None = None
    """The vendor's, to the write."""


class Book:
    """What is known of one file's rows, and of the cards of the system that they are brought into."""

    def __init__(self, hub: Hub, account: Account, records: Records[Any], name: str) -> None:
        self._hub, self._account, self._records = hub, account, records
        self.file = FILES + name
        self._printer = printer(hub, account.tenant.id, KIND)

    @property
    def _tenant(self) -> str:
        return self._account.tenant.id

    @property
    def system(self) -> str:
        """The connection that rows are brought into."""
        return self._account.name

    # Reading

    async def of_rows(self, rows: Sequence[str]) -> dict[str, Versioned[Record]]:
        """The records of those rows that have one."""
        return await self._linked(self.file, rows)

    async def of_cards(self, cards: Sequence[str]) -> dict[str, Versioned[Record]]:
        """The records of those cards that have one."""
        return await self._linked(self.system, cards)

    async def _linked(self, connection: str, objects: Sequence[str]) -> dict[str, Versioned[Record]]:
        store = self._hub.store
        ids = [link_id(self._tenant, KIND, connection, one) for one in objects]
        links = {
            one: journal.read(Link, there).model.record
            for one, there in zip(objects, await store.get_many([("links", id_) for id_ in ids]), strict=True) if there
        }  # fmt: skip
        wanted = list(dict.fromkeys(links.values()))
        there = await store.get_many([("records", id_) for id_ in wanted])
        records = {one.model.id: one for one in journal.known(Record, filter(None, there))}
        found: dict[str, Versioned[Record]] = {}
        for one, id_ in links.items():
            held = records.get(id_)
            if held is not None and held.model.merged_into is not None:
                held = await record_of(store, id_)
            if held is not None:
                found[one] = held
        return found

    # Comparing

    def compared(self, fields: Mapping[str, Value], card: Object | None, record: Record | None) -> ComparedRecord:
        """What follows for each field of a row and its card; None: a card that is still to be made. The record's other
        systems aren't read: what they were last agreed to hold they are owed."""
        sides: dict[str, Compare] = {}
        for name, side in record.live.items() if record is not None else ():
            sides[name] = Compare({}, side.bases, read_only=is_file(name)) if is_file(name) else self._other(name, side)
        shown = dict.fromkeys(fields, CLEARED) if card is None else card.fields
        sides[self.system] = Compare(
            {name: shown.get(name, UNREAD) for name in fields}, _bases(record, self.system),
            keeps=partial(self._records.keeps, KIND), one_value=self._records.singles,
        )  # fmt: skip
        sides[self.file] = Compare(fields, _bases(record, self.file), read_only=True)
        rules = dict.fromkeys((name for name in fields if name not in self._records.read_only), FieldRule())
        return compare_record(sides, rules, self._printer, record.accepted if record is not None else {})

    def telling(
        self, fields: Mapping[str, Value], unsure: Collection[str], record: Record | None
    ) -> Mapping[str, Value]:  # fmt: skip
        """What a row tells of somebody who is known from it: no number is taken away since a cell can't be read."""
        known = _bases(record, self.file)
        return {name: value for name, value in fields.items() if name not in unsure or name not in known}

    def _other(self, name: str, side: Side) -> Compare:
        """Another system's side, unread."""
        spec = self._account.tenant.connections.get(name)
        records = self._hub.directory.manifests(spec.vendor).records if spec is not None else None
        if records is None:
            return Compare({}, side.bases, read_only=True)
        return Compare({}, side.bases, keeps=partial(records.keeps, KIND), one_value=records.singles)

    def writes(self, compared: ComparedRecord) -> dict[str, Wanted]:
        """What is to be written to the card."""
        return compared.writes(self.system)

    def tells_something(self, compared: ComparedRecord, record: Record | None) -> bool:
        """Whether anything is to be written, there or here."""
        linked = record is not None and self.file in record.live and self.system in record.live
        news = any(compared.bases(name) for name in (self.file, self.system)) and not compared.restamped
        return not linked or news or bool(self.writes(compared))

    # Writing down

    async def note(self, done: Sequence[Noted]) -> None:
        """Take all these down: links, what was agreed, keys. Twice does no harm. Raises Unavailable."""
        left = list(done)
        for _ in range(TRIES):
            if not left:
                return
            page = await _Page.read(self, left)
            left = await page.write(left)
            if left:
                await self._hub.limiter.rest(0.05 * self._hub.chance())
        if left:
            raise Unavailable("others move these records all the time")

    def agreed(self, one: Noted, record: Record) -> Record:
        """The record with a row and its card as they stand now."""
        now = self._hub.clock.now()
        fields = self.telling(one.fields, one.unsure, record)
        if one.answer is not None:
            fields = {name: value for name, value in fields.items() if name not in one.answer.left_out}
        compared = self.compared(fields, one.card, record)
        making, shown = one.card is None, one.answer.shown if one.answer is not None else None
        writes = compared.writes(self.system)
        answers: dict[str, Answer] = {
            name: NO_PROOF if shown is None or shown.shows(name) is UNREAD else shown.shows(name) for name in writes
        }
        held = () if making else set(writes) - set(one.written)
        settled = compared.settled(self.system, answers, self._printer, held)
        sides = dict(record.sides)
        version = one.answer.version if one.answer is not None else one.card.version if one.card is not None else None
        for name, object_ in ((self.file, one.row), (self.system, one.object)):
            side = sides.get(name) or Side(object=object_)
            sides[name] = side.model_copy(update={"object": object_, "seen_at": now})
        sides[self.system] = sides[self.system].model_copy(update={"version": version})
        for name, bases in settled.bases.items():
            sides[name] = sides[name].model_copy(update={"bases": {**sides[name].bases, **bases}})
        accepted = {name: said for name, said in record.accepted.items() if name not in compared.fields}
        refused = {name: why for name, why in record.refused.items() if name != self.system}
        people = [self._hub.keyring.person(self._tenant, key.value) for key in keys_of([_as_object(one)])]
        return record.model_copy(
            update={
                "sides": sides, "accepted": {**accepted, **settled.accepted}, "refused": refused,
                "moves": record.moves + 1, "people": tuple(dict.fromkeys((*people, *record.people))),
            }
        )  # fmt: skip

    @property
    def hub(self) -> Hub:
        """The hub."""
        return self._hub

    def link(self, connection: str, object_: str, record: str) -> Link:
        """An object's link."""
        id_ = link_id(self._tenant, KIND, connection, object_)
        return Link(id=id_, tenant=self._tenant, kind=KIND, connection=connection, object=object_, record=record)

    def begun(self, one: Noted) -> Record:
        """The record that begins with a card: the same as whoever hears of the card from its system makes."""
        id_ = record_id(link_id(self._tenant, KIND, self.system, one.object))
        return Record(id=id_, tenant=self._tenant, kind=KIND, sides={}, created_at=self._hub.clock.now())


class _Page:
    """The documents that some rows are about, as far as they are known: what is written is known anew."""

    def __init__(self, book: Book) -> None:
        self._book, self._store = book, book.hub.store
        self._links: dict[str, Versioned[Link]] = {}
        self._records: dict[str, Versioned[Record]] = {}
        self._notes: dict[str, Versioned[MatchKey]] = {}

    @classmethod
    async def read(cls, book: Book, done: Sequence[Noted]) -> _Page:
        """All that stands there already."""
        page = cls(book)
        ids = [book.link(name, object_, "").id for one in done for name, object_ in page._places(one)]
        page._links = await page._known(Link, "links", ids)
        page._records = await page._known(Record, "records", [one.model.record for one in page._links.values()])
        probe = book.begun(done[0])
        keys = [key for one in done for key in keys_of([_as_object(one)])]
        notes = [id_ for key in keys for id_ in note_ids(book.hub.keyring, probe, key)]
        page._notes = await page._known(MatchKey, "matches", notes)
        return page

    async def write(self, done: Sequence[Noted]) -> list[Noted]:
        """Write it down, in as few commits as they may be; those that somebody else was quicker with are given back."""
        back: list[Noted] = []
        some: list[Noted] = []
        writes: list[Write] = []
        for one in done:
            own = await self._of(one)
            about = {_key(write) for write in own}
            meets = any(_key(write) in about for write in writes)
            if writes and (meets or len(writes) + len(own) > COMMIT_MOST):
                back += await self._commit(some, writes)
                some, writes = [], []
                own = await self._of(one)
            some.append(one)
            writes += own
        return back + await self._commit(some, writes) if writes else back

    async def _commit(self, some: Sequence[Noted], writes: Sequence[Write]) -> list[Noted]:
        try:
            versions = await self._store.commit(writes)
        except Conflict:
            return list(some)
        reach("chunk.in_book")
        for write, version in zip(writes, versions, strict=True):
            assert isinstance(write, Create | Replace)
            document = write.document
            match document.kind:
                case "links":
                    self._links[document.id] = Versioned(journal.read(Link, document).model, version)
                case "records":
                    self._records[document.id] = Versioned(journal.read(Record, document).model, version)
                case _:
                    self._notes[document.id] = Versioned(journal.read(MatchKey, document).model, version)
        return []

    async def _of(self, one: Noted) -> list[Write]:
        """What is to be written of a row; nothing where its person asked to be forgotten."""
        book = self._book
        row, card = [await self._record(name, object_) for name, object_ in self._places(one)]
        into, writes = card, list[Write]()
        if row is not None and (card is None or row.model.id != card.model.id) and self._lacks_a_card(row, one):
            into = row
            if card is not None and may_join(row.model, card.model):
                stays, goes = (row, card) if the_one_that_stays(row.model, card.model) else (card, row)
                joined, writes = take_in(stays.model, goes, await self._links_of(goes.model), book.hub.clock.now())
                into = Versioned(joined, stays.version)
            elif card is not None:
                into = card
        if into is None:
            into = Versioned(book.begun(one), None)
        if into.model.forgotten_at is not None:
            return []
        record = book.agreed(one, into.model)
        moved = {write.document.id for write in writes if isinstance(write, Replace)}
        writes.append(over(Versioned(record, into.version), record))
        if row is not None and row.model.id not in moved | {record.id}:
            writes += self._without(row, one)
        for name, object_ in self._places(one):
            link = book.link(name, object_, record.id)
            there = self._links.get(link.id)
            if there is None:
                writes.append(journal.create(link))
            elif there.model.record != record.id and link.id not in moved:
                writes.append(journal.replace(there.model.model_copy(update={"record": record.id}), there.version))
        for key in keys_of([_as_object(one)]):
            ids = note_ids(book.hub.keyring, record, key)
            there_already = next((self._notes[id_] for id_ in ids if id_ in self._notes), None)
            note = noted_under(book.hub.keyring, record, key, there_already)
            writes += [note] if note is not None else []
        return writes

    def _without(self, held: Versioned[Record], one: Noted) -> list[Write]:
        """The record that a row has left: it was another person's after all."""
        side = held.model.sides.get(self._book.file)
        if side is None or side.object != one.row or held.model.forgotten_at is not None:
            return []
        sides = {name: kept for name, kept in held.model.sides.items() if name != self._book.file}
        left = held.model.model_copy(update={"sides": sides, "moves": held.model.moves + 1})
        return [journal.replace(left, held.version)]

    def _places(self, one: Noted) -> tuple[tuple[str, str], tuple[str, str]]:
        return (self._book.file, one.row), (self._book.system, one.object)

    def _lacks_a_card(self, held: Versioned[Record], one: Noted) -> bool:
        """Whether a record is this row's, and has none in the system yet."""
        side = held.model.sides.get(self._book.file)
        return side is not None and side.object == one.row and self._book.system not in held.model.sides

    async def _links_of(self, record: Record) -> list[Versioned[Link]]:
        links = [self._book.link(name, side.object, record.id).id for name, side in record.live.items()]
        return list((await self._known(Link, "links", links)).values())

    async def _record(self, connection: str, object_: str) -> Versioned[Record] | None:
        link = self._links.get(self._book.link(connection, object_, "").id)
        if link is None:
            return None
        held = self._records.get(link.model.record)
        if held is not None and held.model.merged_into is not None:
            held = await record_of(self._store, held.model.id)
        return held

    async def _known(self, model: type[_StoredT], kind: str, ids: Sequence[str]) -> dict[str, Versioned[_StoredT]]:
        there = await self._store.get_many([(kind, id_) for id_ in dict.fromkeys(ids)])
        return {one.id: journal.read(model, one) for one in there if one is not None}


def _bases(record: Record | None, name: str) -> Mapping[str, Any]:
    side = record.sides.get(name) if record is not None else None
    return side.bases if side is not None else {}


def _key(write: Write) -> tuple[str, str]:
    assert isinstance(write, Create | Replace)
    return write.document.key


def _as_object(one: Noted) -> Object:
    return Object(KIND, one.object, one.fields)
