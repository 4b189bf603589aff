"""Rows in the book of links by which systems are kept in step: a file is a side of a record, as a system is.

A row's link leads to its record, and so does its card's; what was agreed of each field stands in the record as prints.
So the next file of this name is compared by three, as everything is; and a flow that keeps systems in step knows the
people whom an import has brought.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from svyazka.engine.comparing.compare import ComparedRecord, compare_record
from svyazka.engine.comparing.compare import Side as Compare
from svyazka.engine.comparing.fields import FieldRule
from svyazka.engine.comparing.newest import saved_since
from svyazka.engine.comparing.settling import NO_PROOF, Answer
from svyazka.engine.contracts.capabilities.records import Records, Written
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.joining import may_join, take_in, the_one_that_stays
from svyazka.engine.in_step.noting import keys_of, noted_under
from svyazka.engine.in_step.prints import printer
from svyazka.engine.in_step.wanting import over, record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.keeping.consent import who_is_forgotten
from svyazka.engine.ports.store import Replace, Write
from svyazka.engine.tenants.directory import Account
from svyazka.importing.page import Page
from svyazka.model.errors import Unavailable
from svyazka.model.in_step import FILES, Link, Record, Side, is_file, link_id, record_id
from svyazka.model.records import CLEARED, UNREAD, Key, Object, RecordKind, Value, Wanted

KIND = RecordKind.CONTACT
TRIES = 8


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
    def tenant(self) -> str:
        """Whose book it is."""
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

    async def forgotten(self, addresses: Mapping[int, Sequence[str]]) -> set[int]:
        """Those of these rows, by their numbers, one of whose addresses asked to be forgotten: in whatever file he
        stands, and though nothing else is left of him here."""
        return await who_is_forgotten(self._hub, self.tenant, addresses)

    async def _linked(self, connection: str, objects: Sequence[str]) -> dict[str, Versioned[Record]]:
        store = self._hub.store
        ids = [link_id(self.tenant, KIND, connection, one) for one in objects]
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
            saved=self._saved(card, record),
        )  # fmt: skip
        sides[self.file] = Compare(fields, _bases(record, self.file), read_only=True)
        rules = dict.fromkeys((name for name in fields if name not in self._records.read_only), FieldRule())
        return compare_record(sides, rules, self._printer, record.accepted if record is not None else {})

    def _saved(self, card: Object | None, record: Record | None) -> bool:
        """Whether somebody has saved the card since we last wrote or read it."""
        side = record.live.get(self.system) if record is not None else None
        return card is not None and side is not None and saved_since(side.version, side.seen_at, card)

    def telling(
        self, fields: Mapping[str, Value], unsure: Collection[str], record: Record | None
    ) -> Mapping[str, Value]:  # fmt: skip
        """What a row tells of somebody who is known from it: no number is taken away since a cell can't be read."""
        known = _bases(record, self.file)
        return {name: value for name, value in fields.items() if name not in unsure or name not in known}

    def _other(self, name: str, side: Side) -> Compare:
        """Another system's side, unread."""
        spec = self._account.tenant.connections.get(name)
        records = self._hub.directory.manifests(spec.vendor).records_under(spec.settings) if spec is not None else None
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

    def says_anew(self, fields: Mapping[str, Value], names: Iterable[str], record: Record | None) -> bool:
        """Whether a row says something else in one of these fields than when it was last agreed with."""
        bases = _bases(record, self.file)
        return any(
            name not in bases or self._printer.shows(bases[name].prints, name, fields[name]) is not True
            for name in names
        )

    # Writing down

    async def note(self, done: Sequence[Noted], by: str) -> None:
        """Take all these down: links, what was agreed, keys; what was claimed `by` a chunk is free again. Twice does no
        harm. Raises Unavailable."""
        left = list(done)
        for _ in range(TRIES):
            if not left:
                return
            keys = [key for one in left for key in keys_of([shown_by(one.object, one.fields)])]
            page = await self.page([place for one in left for place in self.places(one)], keys)
            left = await page.write(left, _Agreeing(self, page, by).of)
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
        settled = compared.settled(self.system, answers, self._printer, held, made=making)
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
        told = keys_of([shown_by(one.object, one.fields)])
        people = [self._hub.keyring.person(self.tenant, key.value) for key in told]
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

    async def page(self, objects: Iterable[tuple[str, str]], keys: Iterable[Key]) -> Page:
        """What stands in the book of these."""
        page = Page(self._hub.store, self._hub.keyring, self.tenant, KIND)
        await page.read(objects, keys)
        return page

    def places(self, one: Noted) -> tuple[tuple[str, str], tuple[str, str]]:
        """A row, and its card."""
        return (self.file, one.row), (self.system, one.object)

    def begun(self, card: str) -> Record:
        """The record that begins with a card: the same as whoever hears of the card from its system makes."""
        return self._begun(self.system, card)

    def begun_by_row(self, row: str) -> Record:
        """The record that begins with a row, whose card is still to be made."""
        return self._begun(self.file, row)

    def _begun(self, connection: str, object_: str) -> Record:
        id_ = record_id(link_id(self.tenant, KIND, connection, object_))
        sides = {connection: Side(object=object_)}
        return Record(id=id_, tenant=self.tenant, kind=KIND, sides=sides, created_at=self._hub.clock.now())


class _Agreeing:
    """Writes down what became of rows, over what stands on a page."""

    def __init__(self, book: Book, page: Page, by: str) -> None:
        self._book, self._page, self._by = book, page, by

    async def of(self, one: Noted) -> list[Write]:
        """What is to be written of a row; nothing where its person asked to be forgotten."""
        book, page = self._book, self._page
        row, card = [self._freed(await page.record(name, object_)) for name, object_ in book.places(one)]
        into, writes = card, list[Write]()
        if row is not None and (card is None or row.model.id != card.model.id) and self._lacks_a_card(row, one):
            into = row
            if card is not None and may_join(row.model, card.model):
                stays, goes = (row, card) if the_one_that_stays(row.model, card.model) else (card, row)
                joined, writes = take_in(stays.model, goes, await page.links_of(goes.model), book.hub.clock.now())
                into = Versioned(joined, stays.version)
            elif card is not None:
                into = card
        if into is None:
            into = Versioned(book.begun(one.object), None)
        if into.model.forgotten_at is not None:
            return []
        record = book.agreed(one, into.model)
        moved = {write.document.id for write in writes if isinstance(write, Replace)}
        writes.append(over(Versioned(record, into.version), record))
        if row is not None and row.model.id not in moved | {record.id}:
            writes += self._without(row, one)
        for name, object_ in book.places(one):
            there = page.linked(name, object_)
            if there is None:
                writes.append(journal.create(page.link(name, object_, record.id)))
            elif there.model.record != record.id and there.model.id not in moved:
                writes.append(journal.replace(there.model.model_copy(update={"record": record.id}), there.version))
        for key in keys_of([shown_by(one.object, one.fields)]):
            note = noted_under(book.hub.keyring, record, key, page.note(key))
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

    def _freed(self, held: Versioned[Record] | None) -> Versioned[Record] | None:
        return held and Versioned(freed(held.model, self._by), held.version)

    def _lacks_a_card(self, held: Versioned[Record], one: Noted) -> bool:
        """Whether a record is this row's, and has none in the system yet."""
        side = held.model.sides.get(self._book.file)
        return side is not None and side.object == one.row and self._book.system not in held.model.sides


def _bases(record: Record | None, name: str) -> Mapping[str, Any]:
    side = record.sides.get(name) if record is not None else None
    return side.bases if side is not None else {}


def freed(record: Record, by: str) -> Record:
    """The record once a chunk has nothing to write of it any more."""
    if record.running is None or record.running.delivery != by:
        return record
    return record.model_copy(update={"running": None, "intent": None})


def shown_by(object_: str, fields: Mapping[str, Value]) -> Object:
    """A row as an object that shows what it tells."""
    return Object(KIND, object_, fields)
