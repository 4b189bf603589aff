"""Records: keeps people, companies and deals. Commands: `PutRecord`, `AddNote`, `AddTask`.

A connector finds, reads, lists and writes objects; what is to be written is decided by the engine
(`contracts/putting.py`): it looks first, compares, and makes at most one call that changes anything. Reads raise
VendorFailure where their vendor refuses or fails; of a write the outcome says what became of it. NotSent and MaybeSent
may pass through both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from svyazka.model.records import Key, Object, ObjectId, RecordKind, Value, Wanted

if TYPE_CHECKING:
    from datetime import datetime

    from svyazka.engine.contracts.calls import Call
    from svyazka.model.commands import AddNote, AddTask, Safety
    from svyazka.model.outcomes import Outcome
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


class Quiet(StrEnum):
    """Whether a write goes by unnoticed: no robot starts, nobody is sent a message by the vendor."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Replaces(StrEnum):
    """What a write of one field puts in the place of what stood there."""

    NOTHING = "nothing"
    """That field's value, and no more."""
    LIST = "list"
    """All values of a field that holds several: they are read first and sent back with the new one."""
    OBJECT = "object"
    """The whole object: every field that was read is sent back."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one kind of write states about itself."""

    safety: Safety
    quiet: Quiet = Quiet.UNKNOWN
    replaces: Replaces = Replaces.NOTHING


class Fate(StrEnum):
    """What became of an object that reading didn't bring."""

    THERE = "there"
    DELETED = "deleted"
    """In the vendor's bin: it may come back under this id."""
    GONE = "gone"
    HIDDEN = "hidden"
    """These credentials aren't shown it, which says nothing of it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a list's objects; `next`: where to go on, None at its end. A page that brings nothing needn't be the
    last."""

    objects: tuple[Object, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a write, and what the vendor's own answer proves of the object that was written."""

    outcome: Outcome
    shown: Object | None = None
    """The object as that answer shows it; None where it shows none."""
    version: str | None = None
    """Its version as that answer tells it."""
    left_out: tuple[str, ...] = ()
    """Fields that weren't written: the system has none such, or doesn't take the value."""


@dataclass(frozen=True, slots=True)
class LinkTo:
    """An object to link with; `main`: the first of its kind."""

    to: ObjectId
    main: bool = False


@dataclass(frozen=True, slots=True)
class New:
    """One of several objects that are made by one call."""

    fields: Mapping[str, Value]
    mark: str


NOT_STATED = "its `noting` or `tasking` is None: nobody may ask for that"


class Records(Protocol[SettingsT]):
    """A system that keeps business things. Stateless; what a call needs comes in `Call`."""

    kinds: ClassVar[Collection[RecordKind]]
    deal_id: ClassVar[str] = "lead_id"
    """The name by which a site's own programs ask for the number of a deal that we made."""

    creating: ClassVar[Operation]
    """Checkable as a rule: what was made is found again, by our mark or by what it is told by. `ask_after`: how long
    the vendor's own search may not show it yet."""
    updating: ClassVar[Operation]
    noting: ClassVar[Operation | None] = None
    """None: its cards take no notes."""
    tasking: ClassVar[Operation | None] = None

    batch: ClassVar[int] = 1
    """Objects that `create_many` makes by one call."""

    reads_at_once: ClassVar[int] = 1
    """Objects that `read_many` reads by one call."""

    singles: ClassVar[frozenset[str]] = frozenset()
    """Sets (`model.records.SETS`) of which its cards hold one element only: such a one is a view of the whole."""

    read_only: ClassVar[frozenset[str]] = frozenset()
    """Fields that it shows and never takes."""

    exact_versions: ClassVar[bool] = False
    """Equal versions prove that nobody came between. Most count by the second, in which a person may save too."""

    def under(self, settings: Mapping[str, object]) -> Records[SettingsT]:
        """The same for one connection, by its settings as the tenant file has them: they may say what a system can't,
        where each is another one. Pure."""
        return self

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        """What the system makes of a value: cut, rounded, in its own spelling. What differs by no more than that is
        equal. Pure."""
        raise NotImplementedError

    def defaults(self, kind: RecordKind, settings: SettingsT) -> Mapping[str, Value]:
        """What the connection's settings say of a new object where the command says nothing: pipeline, stage,
        responsible. Pure."""
        return {}

    def requires(self, kind: RecordKind) -> frozenset[str]:
        """The fields without which it makes no object of that kind. Pure."""
        return frozenset()

    def not_searched(self, kind: RecordKind) -> str | None:
        """Why nobody can tell whether a thing is there already, and what to set: then none may be made for another
        system's sake. None: it is found by our mark, or by what tells it. Pure."""
        return None

    def quiet(self, kind: RecordKind, operation: Operation) -> Quiet:
        """Whether a write to this kind of object goes by unnoticed, where `Call.quiet` asked for that. Pure."""
        return operation.quiet

    def carries(self, kind: RecordKind, settings: SettingsT) -> frozenset[str] | None:
        """The fields that `page` shows: all others are UNREAD there. None: whatever reading one object shows. Pure."""
        return None

    async def find(self, kind: RecordKind, key: Key, call: Call[SettingsT]) -> tuple[Object, ...] | None:
        """All objects that show this key, compared in its one spelling: whatever else a search brings is left out.
        None: it can't be searched by such a key here."""
        raise NotImplementedError

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[SettingsT]) -> tuple[Object, ...]:
        """The objects of a kind that are linked with another: a person's deals."""
        raise NotImplementedError

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[SettingsT]) -> tuple[Object, ...]:
        """Objects by their ids, in as few calls as the vendor allows. What is gone isn't among them, nor is what these
        credentials aren't shown: `fate` tells the two apart."""
        raise NotImplementedError

    async def fate(self, kind: RecordKind, id: str, call: Call[SettingsT]) -> Fate:
        """What became of an object that `read_many` didn't bring: asked before anything is taken for gone."""
        raise NotImplementedError

    async def page(self, kind: RecordKind, after: str | None, call: Call[SettingsT]) -> Page:
        """All objects of a kind in the order of their ids, a page at a time; `after`: `Page.next` of the page before,
        or the id of an object to begin behind.

        Whatever is there before the first page and after the last is brought, however much is made, changed or deleted
        meanwhile. `Page.next` bears an id and no page's number: it holds a week later, and in another process.
        """
        raise NotImplementedError

    async def changed(self, kind: RecordKind, since: datetime, after: str | None, call: Call[SettingsT]) -> Page | None:
        """Objects that were made or changed at `since` or later, in no promised order; an object may come twice. None:
        the system can't be asked for that. What was deleted isn't among them."""
        return None

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str, call: Call[SettingsT]
    ) -> Written:
        """Make one in one call, with its links and our mark. What isn't mapped here is left out. Success bears its
        id."""
        raise NotImplementedError

    async def create_many(
        self, kind: RecordKind, news: Sequence[New], call: Call[SettingsT]
    ) -> Sequence[Written] | None:
        """Make several by one call, at most `batch`; what came of each, in their order. None: it refused them all since
        one of them isn't acceptable, and nothing was made. Whatever else goes wrong is raised as VendorFailure."""
        (one,) = news
        return [await self.create(kind, one.fields, (), one.mark, call)]

    async def update(self, object: Object, changes: Mapping[str, Wanted], call: Call[SettingsT]) -> Written | None:
        """Write these fields and no other, in one call that changes anything. A set comes whole: what of it isn't
        wanted any more is taken away, and what stays keeps its spelling and its label. None: the object is gone.

        Where `updating` replaces the whole object, it is read here once more: GaveBack where a field that is to be
        written has changed since `object` was read, or where too much time has passed between that reading and the
        write.
        """
        raise NotImplementedError

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[SettingsT]) -> Outcome:
        """Add links to an object that is there, in one call."""
        raise NotImplementedError

    async def note(self, on: ObjectId, command: AddNote, call: Call[SettingsT]) -> Outcome:
        """Put a note on a card. Success bears its id."""
        raise AssertionError(NOT_STATED)

    async def find_note(self, on: ObjectId, command: AddNote, since: datetime, call: Call[SettingsT]) -> Outcome | None:
        """Where noting is checkable: Succeeded if that note has been there since then, None if it isn't there."""
        raise AssertionError(NOT_STATED)

    async def task(self, on: ObjectId, command: AddTask, call: Call[SettingsT]) -> Outcome:
        """Put a task on a card. Success bears its id."""
        raise AssertionError(NOT_STATED)

    async def find_task(self, on: ObjectId, command: AddTask, since: datetime, call: Call[SettingsT]) -> Outcome | None:
        """Where tasking is checkable: as `find_note`."""
        raise AssertionError(NOT_STATED)
