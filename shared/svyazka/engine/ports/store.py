"""The store port: documents of a few indexed scalars plus one JSON field, compare-and-set, a list of queries.

Both backends keep the very same bytes: what one client wrote another reads. A document's `version`
is opaque (a counter in SQLite, the update time in Firestore) and is what compare-and-set compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from svyazka.engine.ports.schema import Query

Scalar = str | int | datetime | None
Value = Scalar | Sequence[str]


@dataclass(frozen=True, slots=True)
class Document:
    """One stored document. `fields` are its indexed scalars; `data` is UTF-8 JSON."""

    kind: str
    id: str
    fields: Mapping[str, Value]
    data: bytes
    version: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind, self.id)


@dataclass(frozen=True, slots=True)
class Create:
    """Write a document that must not exist yet."""

    document: Document


@dataclass(frozen=True, slots=True)
class Replace:
    """Write a document over the very version that was read (`document.version`)."""

    document: Document


@dataclass(frozen=True, slots=True)
class Put:
    """Write a document whatever was there."""

    document: Document


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a document; with a version, only that one."""

    kind: str
    id: str
    version: str | None = None


Write = Create | Replace | Put | Delete

COMMIT_MOST = 25
"""Documents of one commit, on every backend: what one of them takes more of, another doesn't."""


def check_size(writes: Sequence[Write]) -> None:
    """To be called by each backend's `commit`. Whoever has more to write splits it, with what says that it is done in
    the last part: see `journal.transition.commit_in_parts`."""
    if len(writes) > COMMIT_MOST:
        raise ValueError(f"a commit takes {COMMIT_MOST} documents at most, got {len(writes)}: split it")


@dataclass(frozen=True, slots=True)
class Task:
    """A message to the worker: at least once, unordered, not before `due`.

    `name` makes equal tasks one where the queue remembers names; work must bear duplicates anyway.
    """

    queue: str
    path: str
    body: Mapping[str, str]
    due: datetime | None = None
    name: str | None = None


def after(prefix: str) -> str:
    """What comes after every id that begins so."""
    return prefix + "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of an answer; `cursor` continues it, None at the end."""

    documents: list[Document]
    cursor: str | None = None


AnyOf = tuple[str, ...]
ANY_OF_MOST = 30
"""Firestore takes no more: https://cloud.google.com/firestore/docs/query-data/queries#limitations."""


class Store(Protocol):
    """Documents, durable. All methods raise Unavailable when the store can't answer in time."""

    async def get(self, kind: str, key: str) -> Document | None:
        """One document, or None."""

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        """Several by (kind, id), in the order asked, None where there is none."""

    async def ids(self, kind: str, prefix: str, limit: int = 10) -> list[str]:
        """The ids that begin so, in order, at most `limit`: people name a document by the beginning of its id."""

    async def find(
        self,
        query: Query,
        *,
        equal: Mapping[str, str | AnyOf] | None = None,
        at_most: datetime | None = None,
        contains: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """The documents that a query finds, at most `limit`, from `cursor` on. A tuple in `equal` is any of its values,
        of which there are 1 to ANY_OF_MOST. Raises ValueError for a cursor that is none."""

    async def tally(
        self,
        query: Query,
        among: Sequence[str],
        *,
        equal: Mapping[str, str | AnyOf] | None = None,
        since: datetime | None = None,
    ) -> dict[str, int]:
        """How many documents a query finds for each value of the last field of its `equal`, counted by its index.

        `among` are the values asked about; those without a document are left out of the answer. `since` is the least
        of its ordered field. A tuple in `equal` is any of its values, of which there are 1 to ANY_OF_MOST.
        """

    async def total(
        self, query: Query, *, equal: Mapping[str, str] | None = None, since: datetime | None = None
    ) -> int | None:
        """The sum of the query's `sums` over what it finds, added up by its index; None where nothing has it."""

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        """All writes (COMMIT_MOST at most) or none, then the tasks; answers the new versions (`""` for a deletion).

        Raises Conflict, with the keys at fault where they are known, when a condition doesn't hold, and Unstorable
        for what can't be written as it is: that commit's trouble, and of none beside it.
        Where the queue is another system its failure is not the commit's: what was written has a
        `wake_at`, and the sweep finds it.
        """

    async def scrub(self) -> None:
        """See to it that what was overwritten or removed can't be read from our own disks any more; where somebody
        reads just now, soon. A store that keeps no files of ours has nothing to do. Raises Unavailable."""

    async def close(self) -> None:
        """Let go of connections and files."""


class Queue(Protocol):
    """Tasks for the worker."""

    async def enqueue(self, tasks: Sequence[Task]) -> None:
        """Hand over tasks. Raises Unavailable when they could not be made durable."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event on its way into the journal: created if absent, with its task if it was created.

    `earlier` names the document of the preceding dedupe window, for weak identities: if that one
    exists and is younger than `earlier_since`, this is its duplicate.
    """

    document: Document
    task: Task | None = None
    earlier: str | None = None
    earlier_since: datetime | None = None


@dataclass(frozen=True)
class Salvage:
    """A request as it may travel in a task of its own when the journal can't be reached; packed only then."""

    pack: Callable[[], Task]

    @cached_property
    def task(self) -> Task:
        """The task."""
        return self.pack()


class Inbox(Protocol):
    """All that a webhook function sees of the world."""

    async def connection(self, key: str) -> Document | None:
        """The compiled connection, fresh within seconds. Raises Unavailable."""

    async def claims(self, key: str) -> Document | None:
        """Which connections claim a part of what one address hears (`claims.py`), fresh within seconds. Raises
        Unavailable."""

    async def accept(
        self, arrivals: Sequence[NewEvent], raw: Document | None, salvage: Salvage | None
    ) -> list[Document | None] | None:
        """Make events durable: None for each that was created, the present document for each that exists.

        Items don't refuse each other. `raw` is written if absent. Answers None altogether when the journal
        was out of reach and the request went to `salvage`. Raises Unavailable when nothing was possible.
        """

    async def enqueue(self, tasks: Sequence[Task]) -> None:
        """Tasks again, for events that are journaled and not planned. Raises Unavailable."""


class Counting(Protocol):
    """What the front door counts and remembers by: documents that are created and never changed, so that a function
    which anybody may call needs no right to change one."""

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        """Documents by (kind, id), in the order asked, None where there is none. Raises Unavailable."""

    async def create(self, documents: Sequence[Document]) -> list[bool]:
        """Create each that is absent; whether it was. Raises Unavailable."""


class Door(Inbox, Counting, Protocol):
    """All that the front door sees of the world."""
