"""Whoever makes a person's card, or writes one, says so beforehand where all look who would do the same: in his record,
and under his phones and e-mails. So do flows that keep systems in step (`in_step/finding.py`, `in_step/ready.py`).

A claim ends with the row's outcome; of one whose process died, with its lease. Whoever died between a claim and the
chunk's own word of what is out has sent nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from svyazka.engine.delivering.lanes import under_way
from svyazka.engine.in_step.noting import claimed_under, is_made, is_written, keys_of, records_under
from svyazka.engine.in_step.wanting import over
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Write
from svyazka.importing.book import KIND, TRIES, Book, freed, shown_by
from svyazka.importing.page import Page
from svyazka.importing.rows_to_carry import RowToCarry
from svyazka.model.in_step import Intent, Record, Running
from svyazka.model.records import Key


@dataclass(slots=True)
class Making:
    """What came of wanting to make cards."""

    ours: list[RowToCarry] = field(default_factory=list)
    """These are ours to make."""
    there: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """By a row's place: cards that somebody has made for its phone or e-mail, whatever the system's search shows."""
    busy: list[RowToCarry] = field(default_factory=list)
    """Somebody makes these just now, or writes their record."""


class Claims:
    """One chunk's."""

    def __init__(self, book: Book, by: str, until: datetime) -> None:
        self._book, self._by, self._until = book, by, until

    async def to_make(self, rows: Sequence[RowToCarry], judged: Collection[str]) -> Making:
        """Claim people whose cards are to be made. `judged`: cards that were looked at, and are others' people."""
        making, left = Making(), list(rows)
        for _ in range(TRIES):
            page = await self._page(left)
            noted = await self._noted([key for row in left for key in _keys(row)])
            free: list[RowToCarry] = []
            for row in left:
                held = await page.record(self._book.file, row.id)
                others = {
                    one.id: one for key in _keys(row) for one in noted[key] if held is None or one.id != held.model.id
                }
                there = [card for one in others.values() for card in self._card_of(one, row) if card not in judged]
                if self._is_busy(held, others):
                    making.busy.append(row)
                elif there:
                    making.there[row.place] = tuple(dict.fromkeys(there))
                else:
                    free.append(row)
            left = await page.write(free, partial(self._making_of, page))
            claimed = [row for row in free if row not in left]
            busy = await self._in_lanes(claimed)
            await self.let_go(busy)
            making.busy += busy
            making.ours += [row for row in claimed if row not in busy]
            if not left:
                return making
            await self._book.hub.limiter.rest(0.05 * self._book.hub.chance())
        making.busy += left
        return making

    async def to_write(self, rows: Sequence[tuple[RowToCarry, Versioned[Record] | None]]) -> list[RowToCarry]:
        """Claim people whose cards are to be written, over their records as these were before the cards were read; of
        those that come back none has been written meanwhile."""
        real = self._book.hub.clock.real()
        free = [
            (row, held) for row, held in rows if held is None or not is_written(held.model, real, but=self._by)
        ]  # fmt: skip
        page = await self._book.page([], [])
        back = await page.write(free, partial(self._writing_of, page))
        # One of a commit's rows spoils it for the others.
        lost = [one for one in back if len(back) == 1 or await page.write([one], partial(self._writing_of, page))]
        return [row for row, held in free if (row, held) not in lost]

    async def let_go(self, rows: Sequence[RowToCarry]) -> None:
        """Nothing is written of these after all."""
        left = list(rows)
        for _ in range(TRIES):
            if not left:
                return
            places = [(self._book.system, row.object) for row in left if row.object is not None]
            page = await self._page(left, places)
            left = await page.write(left, partial(self._free_of, page))

    async def _page(self, rows: Sequence[RowToCarry], beside: Sequence[tuple[str, str]] = ()) -> Page:
        return await self._book.page(
            [*((self._book.file, row.id) for row in rows), *beside], [key for row in rows for key in _keys(row)]
        )

    # What others do

    async def _noted(self, keys: Iterable[Key]) -> Mapping[Key, Sequence[Record]]:
        hub = self._book.hub
        return await records_under(hub.store, hub.keyring, self._book.tenant, KIND, keys)

    async def _in_lanes(self, rows: Sequence[RowToCarry]) -> list[RowToCarry]:
        """Those for whom a delivery is under way at this moment: it would make the same person. It looks for our claim
        once it has passed its lane (`known_objects`), and so we look at lanes once we have claimed."""
        hub = self._book.hub
        people = {
            row.place: {
                hashed for key in _keys(row) for hashed in hub.keyring.person_ever(self._book.tenant, key.value)
            }
            for row in rows
        }
        busy = await under_way(hub, self._book.system, set().union(*people.values()))
        return [row for row in rows if people[row.place] & busy]

    def _is_busy(self, held: Versioned[Record] | None, others: Mapping[str, Record]) -> bool:
        real, system = self._book.hub.clock.real(), self._book.system
        own = held is not None and is_written(held.model, real, but=self._by)
        return own or any(is_made(one, system, real, but=self._by) for one in others.values())

    def _card_of(self, record: Record, row: RowToCarry) -> Sequence[str]:
        """Its card in the system, unless that is another row's of this file."""
        card, lines = record.live.get(self._book.system), record.live.get(self._book.file)
        of_another = lines is not None and lines.object != row.id
        return () if card is None or of_another else (card.object,)

    # What is written down

    async def _making_of(self, page: Page, row: RowToCarry) -> list[Write]:
        book = self._book
        held = await page.record(book.file, row.id)
        record = held.model if held is not None else book.begun_by_row(row.id)
        intent = Intent(toward=book.system, prints={}, mark=row.mark)
        keys = _keys(row)
        people = [book.hub.keyring.person(record.tenant, key.value) for key in keys]
        claimed = self._claimed(record).model_copy(
            update={"intent": intent, "people": tuple(dict.fromkeys((*people, *record.people)))}
        )
        writes = [over(held or Versioned(claimed, None), claimed)]
        if held is None:
            writes.append(journal.create(page.link(book.file, row.id, record.id)))
        return [*writes, *(claimed_under(book.hub.keyring, record, key, page.note(key)) for key in keys)]

    async def _writing_of(self, page: Page, one: tuple[RowToCarry, Versioned[Record] | None]) -> list[Write]:
        (row, held), book = one, self._book
        assert row.object is not None
        if held is not None:
            return [journal.replace(self._claimed(held.model), held.version)]
        begun = self._claimed(book.begun(row.object))
        return [journal.create(begun), journal.create(page.link(book.system, row.object, begun.id))]

    async def _free_of(self, page: Page, row: RowToCarry) -> list[Write]:
        found: dict[str, Versioned[Record]] = {}
        for name, object_ in ((self._book.file, row.id), (self._book.system, row.object)):
            held = await page.record(name, object_) if object_ is not None else None
            if held is not None and held.model.running is not None and held.model.running.delivery == self._by:
                found[held.model.id] = held
        return [journal.replace(freed(one.model, self._by), one.version) for one in found.values()]

    def _claimed(self, record: Record) -> Record:
        running = Running(delivery=self._by, toward=self._book.system, lease_until=self._until)
        return record.model_copy(update={"running": running, "moves": record.moves + 1})


def _keys(row: RowToCarry) -> tuple[Key, ...]:
    return keys_of([shown_by(row.id, row.fields)])
