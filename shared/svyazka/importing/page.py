"""The documents of the book that some rows are about, read together and written in as few commits as they may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from svyazka.engine.in_step.noting import note_ids
from svyazka.engine.in_step.wanting import record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import COMMIT_MOST, Create, Replace, Store, Write
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.support.failpoints import reach
from svyazka.model.base import Stored
from svyazka.model.errors import Conflict
from svyazka.model.in_step import Link, MatchKey, Record, link_id
from svyazka.model.records import Key, RecordKind

T = TypeVar("T")
StoredT = TypeVar("StoredT", bound=Stored)


class Page:
    """What stands there; what is written is known anew."""

    def __init__(self, store: Store, keyring: Keyring, tenant: str, kind: RecordKind) -> None:
        self._store, self._keyring, self._tenant, self._kind = store, keyring, tenant, kind
        self._links: dict[str, Versioned[Link]] = {}
        self._records: dict[str, Versioned[Record]] = {}
        self._notes: dict[str, Versioned[MatchKey]] = {}

    async def read(self, objects: Iterable[tuple[str, str]], keys: Iterable[Key]) -> None:
        """The links of these objects and their records, and who is noted under these keys."""
        ids = [self.link(name, object_, "").id for name, object_ in objects]
        self._links = await self._known(Link, "links", ids)
        self._records = await self._known(Record, "records", [one.model.record for one in self._links.values()])
        self._notes = await self._known(MatchKey, "matches", [id_ for key in keys for id_ in self._note_ids(key)])

    # What is known

    def link(self, connection: str, object_: str, record: str) -> Link:
        """An object's link."""
        id_ = link_id(self._tenant, self._kind, connection, object_)
        return Link(id=id_, tenant=self._tenant, kind=self._kind, connection=connection, object=object_, record=record)

    def linked(self, connection: str, object_: str) -> Versioned[Link] | None:
        """An object's link, where it has one."""
        return self._links.get(self.link(connection, object_, "").id)

    async def record(self, connection: str, object_: str) -> Versioned[Record] | None:
        """An object's record, where it has one."""
        link = self.linked(connection, object_)
        if link is None:
            return None
        held = self._records.get(link.model.record)
        if held is not None and held.model.merged_into is not None:
            held = await record_of(self._store, held.model.id)
        return held

    def note(self, key: Key) -> Versioned[MatchKey] | None:
        """Who is noted under a key: under its newest secret, else under an older one."""
        return next((self._notes[id_] for id_ in self._note_ids(key) if id_ in self._notes), None)

    async def links_of(self, record: Record) -> list[Versioned[Link]]:
        """The links of its sides."""
        links = [self.link(name, side.object, record.id).id for name, side in record.sides.items()]
        return list((await self._known(Link, "links", links)).values())

    # Writing

    async def write(self, each: Sequence[T], of: Callable[[T], Awaitable[list[Write]]]) -> list[T]:
        """Write what is to be written of each; those that somebody else was quicker with are given back."""
        back: list[T] = []
        some: list[T] = []
        writes: list[Write] = []
        for one in each:
            own = await of(one)
            about = {_key(write) for write in own}
            meets = any(_key(write) in about for write in writes)
            if writes and (meets or len(writes) + len(own) > COMMIT_MOST):
                back += await self._commit(some, writes)
                some, writes = [], []
                own = await of(one)
            some.append(one)
            writes += own
        return back + await self._commit(some, writes) if writes else back

    async def _commit(self, some: Sequence[T], writes: Sequence[Write]) -> list[T]:
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

    def _note_ids(self, key: Key) -> list[str]:
        return note_ids(self._keyring, self._tenant, self._kind, key)

    async def _known(self, model: type[StoredT], kind: str, ids: Iterable[str]) -> dict[str, Versioned[StoredT]]:
        there = await self._store.get_many([(kind, id_) for id_ in dict.fromkeys(ids)])
        return {one.id: journal.read(model, one) for one in there if one is not None}


def _key(write: Write) -> tuple[str, str]:
    assert isinstance(write, Create | Replace)
    return write.document.key
