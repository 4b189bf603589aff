"""Records: keeps people, companies and deals. Commands: `PutRecord`, `AddNote`, `AddTask`.

A connector finds, reads and writes objects; what is to be written is decided by the engine (`contracts/putting.py`):
it looks first, compares, and makes at most one call that changes anything. Reads raise VendorFailure where their
vendor refuses or fails; of a write the outcome says what became of it. NotSent and MaybeSent may pass through both.
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


@dataclass(frozen=True, slots=True)
class LinkTo:
    """An object to link with; `main`: the first of its kind."""

    to: ObjectId
    main: bool = False


class Records(Protocol[SettingsT]):
    """A system that keeps business things. Stateless; what a call needs comes in `Call`."""

    kinds: ClassVar[Collection[RecordKind]]

    creating: ClassVar[Operation]
    """Checkable as a rule: what was made is found again, by our mark or by what it is told by. `ask_after`: how long
    the vendor's own search may not show it yet."""
    updating: ClassVar[Operation]
    noting: ClassVar[Operation]
    tasking: ClassVar[Operation]

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        """What the system makes of a value: cut, rounded, in its own spelling. What differs by no more than that is
        equal. Pure."""
        raise NotImplementedError

    def defaults(self, kind: RecordKind, settings: SettingsT) -> Mapping[str, Value]:
        """What the connection's settings say of a new object where the command says nothing: pipeline, stage,
        responsible. Pure."""
        return {}

    async def find(self, kind: RecordKind, key: Key, call: Call[SettingsT]) -> tuple[Object, ...] | None:
        """All objects that show this key, compared in its one spelling: whatever else a search brings is left out.
        None: it can't be searched by such a key here."""
        raise NotImplementedError

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[SettingsT]) -> tuple[Object, ...]:
        """The objects of a kind that are linked with another: a person's deals."""
        raise NotImplementedError

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[SettingsT]) -> tuple[Object, ...]:
        """Objects by their ids, in as few calls as the vendor allows; what is gone isn't among them."""
        raise NotImplementedError

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str, call: Call[SettingsT]
    ) -> Outcome:
        """Make one in one call, with its links and our mark. What isn't mapped here is left out. Success bears its
        id."""
        raise NotImplementedError

    async def update(self, object: Object, changes: Mapping[str, Wanted], call: Call[SettingsT]) -> Outcome | None:
        """Write these fields and no other, in one call. A set comes whole: what stands there, and what is added. None:
        the object is gone."""
        raise NotImplementedError

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[SettingsT]) -> Outcome:
        """Add links to an object that is there, in one call."""
        raise NotImplementedError

    async def note(self, on: ObjectId, command: AddNote, call: Call[SettingsT]) -> Outcome:
        """Put a note on a card. Success bears its id."""
        raise NotImplementedError

    async def find_note(self, on: ObjectId, command: AddNote, since: datetime, call: Call[SettingsT]) -> Outcome | None:
        """Where noting is checkable: Succeeded if that note has been there since then, None if it isn't there."""
        raise NotImplementedError

    async def task(self, on: ObjectId, command: AddTask, call: Call[SettingsT]) -> Outcome:
        """Put a task on a card. Success bears its id."""
        raise NotImplementedError

    async def find_task(self, on: ObjectId, command: AddTask, since: datetime, call: Call[SettingsT]) -> Outcome | None:
        """Where tasking is checkable: as `find_note`."""
        raise NotImplementedError
