"""Systems of people at their port, for keeping them in step: versions, hooks, edits that come at the worst moment,
fields that don't take, rights that are withdrawn, answers that are cut."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, LinkTo, Operation, Records, Written
from svyazka.engine.contracts.manifest import Limits, Manifest
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.commands import Safety
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.events import Change, Hint
from svyazka.model.outcomes import Refused, Retry, Succeeded
from svyazka.model.records import CLEARED, SETS, Key, KeyType, Object, RecordKind, Shown, Value, Wanted
from svyazka.model.tenants import ConnectionSettings

FIELDS = ("name", "phone", "email", "birthday", "tags")
CONTACT = RecordKind.CONTACT
ASK_AFTER = timedelta(seconds=60)


@dataclass
class FakeSide(Records[ConnectionSettings]):
    """One system. `people` edit it by `edit`; the hub by the contract's methods; whoever did, it tells of it in
    `told`, as long as its hook works."""

    name: str
    now: Callable[[], datetime]
    singles: frozenset[str] = frozenset()  # type: ignore[misc]
    adds: bool = True
    """People add to what it holds several of."""
    editable: tuple[str, ...] = ("name", "phone", "email", "birthday")
    needs: frozenset[str] = frozenset()
    answers_whole: bool = False
    """Its answer to a write shows the object."""
    tells_version: bool = True
    """And its version."""
    tells_fields: bool = False
    """Its hook shows what stands there."""
    marks_kept: bool = True
    searchable: bool = True
    """It can be asked for cards by what stands on them, or by a mark."""
    longest: Mapping[str, int] = field(default_factory=dict)
    """So many characters of a field it keeps."""
    owns_up: bool = True
    """And its connector knows that."""
    ignores: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    """Fields that our user may not see."""
    cards: dict[str, Object] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    bin: dict[str, Object] = field(default_factory=dict)
    seen_after: timedelta = timedelta()
    by_seconds: bool = False
    """Its versions and times are whole seconds: two saves in one look alike."""
    told: deque[Hint] = field(default_factory=deque)
    hook: bool = True
    down: bool = False
    cut: deque[str] = field(default_factory=deque)
    """Answers to writes that never arrive: `before` it was done, or `after`."""
    busy: int = 0
    """So many calls to come are refused for their rate."""
    quietly: bool = True
    """Nothing but what is kept in step writes to it."""
    meanwhile: deque[Callable[[], None]] = field(default_factory=deque)
    """Done by people between our reading and our writing, one a write."""
    refusal: Refused | None = None
    writes: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    found: dict[str, frozenset[str]] = field(default_factory=dict)
    """By each card that the hub made: those that showed one of its phones then."""
    reads: int = 0
    searches: int = 0
    count: int = 0

    reads_at_once: int = 50  # type: ignore[misc]

    kind = CONTACT
    shows_fields = FIELDS
    kinds = frozenset({CONTACT})
    exact_versions = True  # type: ignore[misc]
    creating = Operation(Safety.checkable(ASK_AFTER))
    updating = Operation(Safety.idempotent())

    @property
    def manifest(self) -> Manifest[ConnectionSettings]:
        return Manifest(vendor=self.name, settings=ConnectionSettings, limits=Limits(1e9, 64), records=self)

    # People

    def add(self, **fields: Any) -> str:
        """Somebody makes a card."""
        self.count += 1
        id_ = f"{self.name[0]}{self.count}"
        shown: dict[str, Shown] = {**dict.fromkeys(self.shows_fields, CLEARED), **fields}
        self._put(Object(self.kind, id_, shown, created_at=self.now()), Change.CREATED)
        return id_

    def edit(self, id_: str, **fields: Any) -> None:
        """Somebody saves a card."""
        card = self.cards[id_]
        self._put(replace(card, fields={**card.fields, **fields}), Change.UPDATED)

    def delete(self, id_: str) -> None:
        """Somebody deletes it."""
        self.bin[id_] = self.cards.pop(id_)
        self._tell(id_, Change.DELETED)

    def restore(self, id_: str) -> None:
        """Somebody takes it from the bin."""
        self._put(self.bin.pop(id_), Change.RESTORED)

    def merge(self, loser: str, into: str) -> None:
        """Somebody merges two cards: what the one lacks comes from the other."""
        gone, kept = self.cards[loser], self.cards[into]
        fields = {
            name: _together(shown, gone.fields.get(name, CLEARED), name in SETS and name not in self.singles)
            for name, shown in kept.fields.items()
        }
        self.bin[loser] = self.cards.pop(loser)
        self._tell(loser, Change.DELETED)
        self._put(replace(kept, fields=fields), Change.UPDATED)

    def shows(self, id_: str, name: str) -> Any:
        """What stands there."""
        return self.cards[id_].fields[name]

    def _put(self, card: Object, change: Change) -> None:
        version = str(int(card.version or 0) + 1)
        self.cards[card.id] = replace(card, version=version, changed_at=self.now())
        self._tell(card.id, change)

    def _tell(self, id_: str, change: Change) -> None:
        if not self.hook:
            return
        shown: dict[str, Any] = {}
        if self.tells_fields and id_ in self.cards:
            for name, value in self._as_shown(self.cards[id_]).fields.items():
                shown[name] = None if value is CLEARED else list(value) if isinstance(value, tuple) else value
        self.told.append(Hint(kind=self.kind.value, id=id_, change=change, shown=shown))

    # The contract

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        most = self.longest.get(field) if self.owns_up else None
        return value[:most] if isinstance(value, str) and most is not None else value

    def requires(self, kind: RecordKind) -> frozenset[str]:
        return self.needs

    async def find(self, kind: RecordKind, key: Key, call: Call[ConnectionSettings]) -> tuple[Object, ...] | None:
        if not self.searchable or (key.by is KeyType.MARK and not self.marks_kept):
            return None
        await self._called()
        self.searches += 1
        there = [one for one in self.cards.values() if one.created_at and one.created_at + self.seen_after <= call.now]
        if key.by is KeyType.MARK:
            return tuple(self._as_shown(one) for one in there if self.marks.get(one.id) == key.value)
        name = key.by.value
        return tuple(
            self._as_shown(one) for one in there
            if key.value in {normal_element(name, each) for each in one.elements(name)}
        )  # fmt: skip

    async def read_many(
        self, kind: RecordKind, ids: Sequence[str], call: Call[ConnectionSettings]
    ) -> tuple[Object, ...]:
        await self._called()
        self.reads += 1
        return tuple(self._as_shown(self.cards[id_]) for id_ in ids if id_ in self.cards)

    async def fate(self, kind: RecordKind, id: str, call: Call[ConnectionSettings]) -> Fate:
        await self._called()
        return Fate.THERE if id in self.cards else Fate.DELETED if id in self.bin else Fate.GONE

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[ConnectionSettings],
    ) -> Written:  # fmt: skip
        assert call.quiet or not self.quietly, "what is kept in step is written quietly"
        if self.refusal is not None:
            return Written(self.refusal)
        await self._called()
        cut = self.cut.popleft() if self.cut else ""
        id_ = ""
        if cut != "before":
            self.count += 1
            id_ = f"{self.name[0]}{self.count}"
            shown: dict[str, Shown] = dict.fromkeys(self.shows_fields, CLEARED)
            shown |= {name: self._kept(name, value) for name, value in fields.items() if name not in self.ignores}
            self.found[id_] = frozenset(sharing(self.cards, fields.get("phone")))
            self.marks[id_] = mark
            self.made.append(id_)
            self._put(self._new(id_, shown, links), Change.CREATED)
        if cut:
            raise MaybeSent("timeout")
        return self._written(id_)

    async def update(
        self, object: Object, changes: Mapping[str, Wanted], call: Call[ConnectionSettings]
    ) -> Written | None:
        assert call.quiet or not self.quietly, "what is kept in step is written quietly"
        if self.refusal is not None:
            return Written(self.refusal)
        await self._called()
        if self.meanwhile:
            self.meanwhile.popleft()()
        if object.id not in self.cards:
            return None
        cut = self.cut.popleft() if self.cut else ""
        if cut != "before":
            card = self.cards[object.id]
            new = {name: self._kept(name, value) for name, value in changes.items() if name not in self.ignores}
            self.writes.append(f"{object.id} {','.join(sorted(changes))}")
            self._put(replace(card, fields={**card.fields, **new}), Change.UPDATED)
        if cut:
            raise MaybeSent("timeout")
        return self._written(object.id)

    def _new(self, id_: str, shown: Mapping[str, Shown], links: Sequence[LinkTo]) -> Object:
        return Object(self.kind, id_, shown, created_at=self.now())

    def _written(self, id_: str) -> Written:
        card = self.cards[id_]
        shown = self._as_shown(card) if self.answers_whole else None
        return Written(Succeeded(external_id=id_), shown, card.version if self.tells_version else None)

    def _kept(self, name: str, value: Wanted) -> Shown:
        if isinstance(value, tuple):
            value = value[:1] if name in self.singles else value
            return value or CLEARED
        most = self.longest.get(name)
        return value[:most] if isinstance(value, str) and most is not None else value

    def _as_shown(self, card: Object) -> Object:
        return replace(card, fields={name: value for name, value in card.fields.items() if name not in self.hidden})

    async def _called(self) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise NotSent("no connection")
        if self.busy:
            self.busy -= 1
            raise _Throttled()


class _Throttled(NotSent):
    """What a call that was refused for its rate is to the engine: nothing was done."""

    outcome = Retry(code="429", message="too many", after=1.0)

    def __init__(self) -> None:
        super().__init__("too many")


def sharing(cards: Mapping[str, Object], phones: Any) -> list[str]:
    """The cards that show one of these phones."""
    wanted = {normal_element("phone", one) for one in phones} if isinstance(phones, tuple) else set()
    return [
        id_ for id_, card in cards.items() if wanted & {normal_element("phone", one) for one in card.elements("phone")}
    ]


def _together(kept: Shown, gone: Shown, is_set: bool) -> Shown:
    if kept is CLEARED:
        return gone
    if is_set and isinstance(kept, tuple) and isinstance(gone, tuple):
        return tuple(dict.fromkeys((*kept, *gone)))
    return kept
