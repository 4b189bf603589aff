"""What is to be done with each row of a file in a system: made anew, brought up to date, left, or asked about.

Nothing is written here: a dry run is this, and stops after it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import JsonValue

from svyazka.engine.comparing.matching import can_be_one, is_nameless, told_by
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.hub import Hub
from svyazka.engine.jobs.asking import account_of, asking
from svyazka.engine.jobs.work import Waits
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.outages.learning import Outages
from svyazka.engine.tenants.directory import Account
from svyazka.importing.book import KIND, Book
from svyazka.importing.cards import Cards, keys_of, shown_keys, told_by_row
from svyazka.importing.clusters import Known
from svyazka.importing.decisions import RESEMBLES, Same
from svyazka.importing.outcomes import Outcome
from svyazka.importing.row_keys import RowKey
from svyazka.importing.rows import Row
from svyazka.importing.rows_to_carry import unread_there
from svyazka.importing.survey import Survey
from svyazka.model.errors import ConfigError
from svyazka.model.ids import stable_id
from svyazka.model.in_step import Record, SideState
from svyazka.model.records import Object

PAGE_TRIES, PAGE_PAUSE = 3, 5.0
"""Of one page of hundreds, and seconds between: one that is slow is no reason to begin anew."""
AT_ONCE = 100
"""Rows of which it is looked up at a time what they were linked with."""


COUNTED = {
    "heading": "skipped", "blank": "skipped", "total": "skipped", "group": "skipped", "repeat": "skipped",
    "skipped": "skipped", "merged": "linked", "doubt": "doubt", "many_there": "doubt", "gone": "doubt",
    "taken": "doubt", "resembles": "doubt", "unshown": "doubt", "other_person": "doubt",
    "unusable": "failed", "broken": "failed", "lacks": "failed",
    "unchanged": "unchanged",
}  # fmt: skip
"""What a line that nothing is written for comes to in a job's counts."""

LEFT_BY_US = frozenset(name for name, counted in COUNTED.items() if counted == "failed")
"""Outcomes of lines that fail before the system is asked."""


@dataclass(frozen=True)
class Target:
    """Where a file goes, and under which name it is remembered."""

    hub: Hub
    account: Account
    name: str
    """Of the file, from one export to the next (`--as`)."""

    @property
    def records(self) -> Records[Any]:
        """The system's records. Raises ConfigError where it keeps none."""
        records = self.account.records
        if records is None or KIND not in records.kinds:
            raise ConfigError(f"{self.account.name}: {self.account.vendor} keeps no contacts")
        return records

    @cached_property
    def book(self) -> Book:
        """What is known of the file's rows and the system's cards."""
        return Book(self.hub, self.account, self.records, self.name)

    def row_id(self, digest: str) -> str:
        """The row's id in its file: the same for the same row of the next file, and nobody's address in it."""
        tenant = self.account.tenant.id
        return stable_id("row", tenant, self.name, self.hub.keyring.mark("row", tenant, digest))


@dataclass(frozen=True, slots=True)
class Planned:
    """A row, and what is to be done with it."""

    row: Row
    what: str
    """An outcome of the file alone, or of the system (`report.page.DONE`)."""
    id: str = ""
    """The row's."""
    object: str | None = None
    left: tuple[str, ...] = ()
    """Fields that differ and stay as they are in the system."""
    lacking: tuple[str, ...] = ()
    """Fields without which the system makes no card."""
    left_out: tuple[str, ...] = ()
    """Fields that the system has no place for, as far as its list tells."""
    is_carried: bool = False
    """Whether something is to be written for it, in the system or in our own book."""

    @property
    def counted_as(self) -> str:
        """Under which of a job's counts it comes, where nothing is carried."""
        return COUNTED[self.what]

    def as_json(self) -> dict[str, JsonValue]:
        """As it lies in a sealed batch until it is carried over."""
        fields = self.row.fields.items()
        return {
            "row": self.row.number, "id": self.id, "object": self.object,
            "fields": {name: list(value) if isinstance(value, tuple) else value for name, value in fields},
            "unsure": [*sorted(self.row.unsure)],
        }  # fmt: skip


async def listed(hub: Hub, outages: Outages, account: Account, records: Records[Any]) -> tuple[Cards, datetime]:
    """All cards of the system, and the time before which it was begun to list them. Raises Waits."""
    cards, began, after, failed = Cards(), hub.clock.now(), None, 0
    while True:
        try:
            async with asking(hub, outages, account, f"import:{account.name}") as call:
                page = await records.page(KIND, after, call)
        except Waits:
            failed += 1
            if failed == PAGE_TRIES:
                raise
            await hub.limiter.rest(PAGE_PAUSE)
            continue
        failed = 0
        cards.add(page.objects)
        after = page.next
        if after is None:
            return cards, began


async def target_of(hub: Hub, outages: Outages, tenant: str, connection: str, name: str) -> Target:
    """A connection that is written into. Raises ConfigError, Waits, Failed."""
    target = Target(hub, await account_of(hub, outages, tenant, connection), name)
    assert target.records is not None
    return target


async def planned(survey: Survey, cards: Cards, target: Target) -> AsyncIterator[Planned]:
    """Every line of the file, in its order."""
    planning = _Planning(survey, cards, target)
    for some in _parted(survey.rows(), AT_ONCE):
        for one in await planning.page(some):
            yield one


@dataclass
class _Planning:
    """One file's rows against one system's cards."""

    survey: Survey
    cards: Cards
    target: Target
    _claimed: set[str] = field(default_factory=set)
    """Cards that a row of this file is, by now."""

    def __post_init__(self) -> None:
        self._ids = set(map(self.target.row_id, self.survey.digests))
        self._keys = self.survey.keys.again()

    async def page(self, some: Sequence[Row]) -> list[Planned]:
        """Some lines, in their order."""
        book = self.target.book
        ready = [row for row in some if row.outcome is Outcome.READY]
        keys = {row.number: self._keys.of(Known.of(row)) for row in ready}
        ids = {number: self.target.row_id(key.digest) for number, key in keys.items()}
        known = await book.of_rows(list(ids.values()))
        found = {row.number: self._found(row, keys[row.number], known.get(ids[row.number])) for row in ready}
        theirs = await book.of_cards([card.id for cards in found.values() for card in cards])
        gone = await book.forgotten({row.number: row.addresses for row in ready})
        return [
            Planned(row, "skipped", ids[row.number]) if row.number in gone
            else self._planned(row, ids[row.number], known.get(ids[row.number]), found[row.number], theirs)
            if row.number in ids else Planned(row, row.outcome.value)
            for row in some
        ]  # fmt: skip

    def _found(self, row: Row, key: RowKey, known: Versioned[Record] | None) -> list[Object]:
        """The cards that a row can be: the one that it was linked with, else those that match."""
        there = self._linked(known)
        if there is not None:
            card = self.cards.get(there)
            if card is None:
                return []
            # A key that is no code may be another person's by now: the phone has passed on, or stands twice.
            if key.is_code or can_be_one(told_by_row(row), told_by(card)):
                return [card]
        return self.cards.same(row)

    def _linked(self, known: Versioned[Record] | None) -> str | None:
        side = known.model.sides.get(self.target.account.name) if known is not None else None
        return side.object if side is not None else None

    def _planned(
        self, row: Row, id_: str, known: Versioned[Record] | None, found: list[Object],
        theirs: Mapping[str, Versioned[Record]],
    ) -> Planned:  # fmt: skip
        records = [known, *(theirs.get(card.id) for card in found)]
        if any(one is not None and one.model.forgotten_at is not None for one in records):
            return Planned(row, "skipped", id_)
        there = self._linked(known)
        if not found and there is not None and there not in self.cards:
            return Planned(row, "gone", id_, there)
        free = [card for card in found if card.id == there or self._is_free(card, id_, theirs.get(card.id))]
        if len(free) > 1:
            linked = [card for card in free if (held := theirs.get(card.id)) and len(held.model.systems) > 1]
            free = linked if len(linked) == 1 else free
        if len(free) > 1:
            return Planned(row, "many_there", id_)
        if free and free[0].id == there and self._is_another(row, free[0], known):
            return Planned(row, "other_person", id_, there)
        if not free and found:
            return Planned(row, "taken", id_, found[0].id)
        if not free:
            return self._new(row, id_)
        if free[0].id != there and is_nameless(free[0]):
            return Planned(row, "unshown", id_, free[0].id)
        return self._same(row, id_, free[0], theirs.get(free[0].id) or known)

    def _new(self, row: Row, id_: str) -> Planned:
        """Nobody there shares his phone or address."""
        said = self.survey.decisions.duplicates.get(RESEMBLES)
        alike = self.cards.resembling(row) if said is not Same.EACH else []
        alike = [card for card in alike if card.id not in self._claimed]
        if alike and not (said is Same.ONE and len(alike) == 1):
            return Planned(row, "resembles", id_, alike[0].id)
        if alike:
            return self._same(row, id_, alike[0], None)
        lacking = tuple(sorted(self.target.records.requires(KIND) - row.fields.keys()))
        if lacking:
            return Planned(row, "lacks", id_, lacking=lacking)
        nowhere = row.fields.keys() - self.cards.shown if self._list_is_whole and self.cards.shown else ()
        return Planned(row, "would_create", id_, left_out=tuple(sorted({*nowhere} - {"code"})), is_carried=True)

    def _same(self, row: Row, id_: str, card: Object, held: Versioned[Record] | None) -> Planned:
        """This card is his."""
        self._claimed.add(card.id)
        book, record = self.target.book, held.model if held is not None else None
        side = record.sides.get(book.system) if record is not None else None
        if side is not None and side.state is SideState.GONE:
            return Planned(row, "gone", id_, card.id)
        compared = book.compared(book.telling(row.fields, row.unsure, record), card, record)
        what = "would_update" if book.writes(compared) else "unchanged"
        news = book.tells_something(compared, record) or book.says_anew(row.fields, self._unlisted(row), record)
        nowhere = unread_there(row.fields, card) if self._list_is_whole else ()
        return Planned(
            row, what, id_, card.id, tuple(sorted(compared.open)), left_out=tuple(sorted(nowhere)), is_carried=news
        )

    @cached_property
    def _listed(self) -> frozenset[str] | None:
        return self.target.records.carries(KIND, self.target.account.settings)

    @property
    def _list_is_whole(self) -> bool:
        """Whether what a card of the list doesn't show has no place there."""
        return self._listed is None

    def _unlisted(self, row: Row) -> Iterable[str]:
        """Fields that the system's list doesn't show: only reading a card tells whether they differ there."""
        apart = {"name", "code"} | self.target.records.read_only
        return () if self._listed is None else row.fields.keys() - self._listed - apart

    def _is_another(self, row: Row, card: Object, known: Versioned[Record] | None) -> bool:
        """Whether nothing of a row is its card's but the code, and it isn't called as it was: codes begin at 1 in each
        till's file."""
        ours, theirs = keys_of(row), shown_keys(card)
        if not ours or not theirs or not set(ours).isdisjoint(theirs) or can_be_one(told_by_row(row), told_by(card)):
            return False
        return self.target.book.says_anew(row.fields, row.fields.keys() & {"name"}, known.model if known else None)

    def _is_free(self, card: Object, id_: str, held: Versioned[Record] | None) -> bool:
        """Whether no other row of this file is this card."""
        side = held.model.live.get(self.target.book.file) if held is not None else None
        taken = side is not None and side.object != id_ and side.object in self._ids
        return not taken and card.id not in self._claimed


def _parted(rows: Iterable[Row], size: int) -> Iterator[Sequence[Row]]:
    some: list[Row] = []
    for row in rows:
        some.append(row)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
