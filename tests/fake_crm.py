"""A CRM at its port: cards in memory, a search that lags, and answers that are cut on their way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import LinkTo, Operation, Records, Written
from svyazka.engine.contracts.manifest import Limits, Manifest
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.commands import AddNote, AddTask, Safety
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Outcome, Refused, Succeeded
from svyazka.model.records import CLEARED, Key, KeyType, Object, ObjectId, RecordKind, Shown, Value, Wanted
from svyazka.model.tenants import ConnectionSettings

FIELDS = ("name", "phone", "email", "telegram", "birthday", "title", "price", "pipeline", "stage", "source")
ASK_AFTER = timedelta(seconds=60)


@dataclass
class FakeCrm(Records[ConnectionSettings]):
    """`cut`: answers to come that never arrive, of reads or writes: `before` it was done, or `after`. `down`: nobody
    reaches it."""

    cards: dict[str, Object] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[ObjectId, str, datetime]] = field(default_factory=list)
    seen_after: timedelta = timedelta()
    """So long its search doesn't show what was made."""
    keeps_marks: bool = True
    hidden: frozenset[str] = frozenset()
    cut: deque[str] = field(default_factory=deque)
    cut_reads: deque[str] = field(default_factory=deque)
    refusal: Refused | None = None
    """What it says to whatever it is to make."""
    writes: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    title: str = "crm"
    down: bool = False

    kinds = frozenset(RecordKind)
    creating = noting = tasking = Operation(Safety.checkable(ASK_AFTER))
    updating = Operation(Safety.idempotent())

    @property
    def manifest(self) -> Manifest[ConnectionSettings]:
        return Manifest(vendor="crm", settings=ConnectionSettings, limits=Limits(1e9, 16), records=self)

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        return value[:40] if isinstance(value, str) else value

    def defaults(self, kind: RecordKind, settings: ConnectionSettings) -> Mapping[str, Value]:
        return {"pipeline": "7", "stage": "new"} if kind is RecordKind.DEAL else {}

    async def find(self, kind: RecordKind, key: Key, call: Call[ConnectionSettings]) -> tuple[Object, ...] | None:
        if key.by is KeyType.MARK and not self.keeps_marks:
            return None
        await self._read(f"find {key.by}")
        shown = [one for one in self.cards.values() if one.kind is kind and self._is_seen(one, call)]
        if key.by is KeyType.MARK:
            return tuple(one for one in shown if self.marks.get(one.id) == key.value)
        name, wanted = key.value.split(":", 1) if key.by is KeyType.CHAT else (key.by.value, key.value)
        return tuple(self._as_shown(one) for one in shown if wanted in _normal(name, one.shows(name)))

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[ConnectionSettings]) -> tuple[Object, ...]:
        await self._read("linked")
        return tuple(one for one in self.cards.values() if one.kind is kind and to in one.links)

    async def read_many(
        self, kind: RecordKind, ids: Sequence[str], call: Call[ConnectionSettings]
    ) -> tuple[Object, ...]:
        await self._read("read")
        return tuple(self._as_shown(self.cards[id_]) for id_ in ids if id_ in self.cards)

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[ConnectionSettings],
    ) -> Written:  # fmt: skip
        id_, at = str(100 + len(self.cards)), call.vendor_time(call.now)

        def made() -> None:
            shown: dict[str, Shown] = {**dict.fromkeys(FIELDS, CLEARED), **fields}
            ids = frozenset(link.to for link in links)
            self.cards[id_] = Object(
                kind, id_, shown, ids, created_at=at, changed_at=at, is_open=kind is RecordKind.DEAL
            )
            self.marks[id_] = mark

        if self.refusal is not None:
            return Written(self.refusal)
        await self._write(f"create {kind}", made)
        return Written(Succeeded(external_id=id_))

    async def update(
        self, object: Object, changes: Mapping[str, Wanted], call: Call[ConnectionSettings]
    ) -> Written | None:
        if object.id not in self.cards:
            return None

        def changed() -> None:
            card, at = self.cards[object.id], call.vendor_time(call.now)
            self.cards[object.id] = replace(card, fields={**card.fields, **changes}, changed_at=at)

        await self._write(f"update {sorted(changes)}", changed)
        return Written(Succeeded(external_id=object.id))

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[ConnectionSettings]) -> Outcome:
        def linked() -> None:
            card = self.cards[object.id]
            self.cards[object.id] = replace(card, links=card.links | {link.to for link in links})

        await self._write("link", linked)
        return Succeeded()

    async def note(self, on: ObjectId, command: AddNote, call: Call[ConnectionSettings]) -> Outcome:
        await self._write("note", lambda: self.notes.append((on, command.text, call.vendor_time(call.now))))
        return Succeeded(external_id=f"n{len(self.notes)}")

    async def find_note(
        self, on: ObjectId, command: AddNote, since: datetime, call: Call[ConnectionSettings]
    ) -> Outcome | None:
        await self._read("find note")
        there = any(on == where and text == command.text and at >= since for where, text, at in self.notes)
        return Succeeded(already=True) if there else None

    async def task(self, on: ObjectId, command: AddTask, call: Call[ConnectionSettings]) -> Outcome:
        return await self.note(on, AddNote(on=command.on, text=command.text), call)

    async def find_task(
        self, on: ObjectId, command: AddTask, since: datetime, call: Call[ConnectionSettings]
    ) -> Outcome | None:
        return await self.find_note(on, AddNote(on=command.on, text=command.text), since, call)

    def holds(self, kind: RecordKind = RecordKind.CONTACT, /, id_: str = "", **fields: Shown) -> Object:
        """A card that has been there for a year."""
        id_ = id_ or str(100 + len(self.cards))
        shown: dict[str, Shown] = {**dict.fromkeys(FIELDS, CLEARED), **fields}
        long_ago = datetime(2025, 3, 14, 12, 0, tzinfo=UTC)
        self.cards[id_] = Object(
            kind, id_, shown, created_at=long_ago, changed_at=long_ago, is_open=kind is RecordKind.DEAL
        )
        return self.cards[id_]

    def _as_shown(self, card: Object) -> Object:
        return replace(card, fields={name: value for name, value in card.fields.items() if name not in self.hidden})

    def _is_seen(self, one: Object, call: Call[ConnectionSettings]) -> bool:
        return one.created_at is not None and one.created_at + self.seen_after <= call.vendor_time(call.now)

    async def _read(self, what: str) -> None:
        if self.down:
            raise NotSent("no connection")
        self.reads.append(what)
        await asyncio.sleep(0)
        if self.cut_reads and self.cut_reads.popleft():
            raise MaybeSent("timeout")

    async def _write(self, what: str, do: object) -> None:
        if self.down:
            raise NotSent("no connection")
        await asyncio.sleep(0)
        cut = self.cut.popleft() if self.cut else ""
        if cut != "before":
            self.writes.append(what)
            assert callable(do)
            do()
        if cut:
            raise MaybeSent("timeout")


def _normal(name: str, shown: Shown) -> set[str]:
    elements = shown if isinstance(shown, tuple) else (shown,) if isinstance(shown, str) else ()
    return {normal_element(name, one) for one in elements}
