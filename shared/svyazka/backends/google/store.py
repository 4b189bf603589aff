"""The Store port over Firestore's official client.

Compare-and-set is by the update time of what was read, all writes of a commit in one batch; no transaction ever
reads and writes (they lock, and lose against each other: a precondition decides at once).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from google.api_core import exceptions
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.auth.exceptions import DefaultCredentialsError
from google.cloud.firestore_v1 import DELETE_FIELD, AsyncClient, FieldFilter
from google.cloud.firestore_v1.async_batch import AsyncWriteBatch

from svyazka.backends.google.codec import STAMP, document_id, key_of, new_stamp, restored, stored
from svyazka.backends.google.patience import TRY_LIMIT, patiently
from svyazka.backends.google.queue import CloudTasksQueue
from svyazka.catalogue import _
from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.ports.schema import Query, place_of
from svyazka.engine.ports.store import (
    AnyOf,
    Create,
    Delete,
    Document,
    Page,
    Put,
    Replace,
    Task,
    Write,
    after,
    check_size,
)
from svyazka.engine.support.logs import log
from svyazka.model.errors import ConfigError, Conflict, Unavailable, Unstorable
from svyazka.settings import Settings

LIMIT = 10.0
"""Seconds for one operation with all its tries: well inside a function's time, so that 503 can still be said."""

AT_ONCE = 16
"""Aggregations of one tally that are out at once."""

CONDITIONS = (exceptions.AlreadyExists, exceptions.FailedPrecondition, exceptions.NotFound)
"""A write's condition doesn't hold."""

OF_CONTENT = (exceptions.InvalidArgument, UnicodeError, OverflowError, TypeError)
"""What is written can't be, as it is: a text that is none, a document of more than 1 MiB."""

NAME = "__name__"


class FirestoreStore:
    """Documents in Firestore's default database: a collection for each kind."""

    def __init__(self, project: str, queue: CloudTasksQueue, limit: float = LIMIT) -> None:
        self._project = project
        self._queue = queue
        self._limit = limit

    @classmethod
    def from_settings(cls, settings: Settings, queue: CloudTasksQueue) -> FirestoreStore:
        """The store of a deployment. Raises ConfigError."""
        if not settings.project:
            raise ConfigError(_("SVYAZKA_PROJECT: expected a Google Cloud project, got none"))
        return cls(settings.project, queue)

    @cached_property
    def _client(self) -> AsyncClient:
        # Made on first use: its channel belongs to the loop that makes it, and a function is loaded before its loop.
        try:
            return AsyncClient(self._project)
        except DefaultCredentialsError as error:
            raise ConfigError(_("no Google credentials here: `gcloud auth application-default login`")) from error

    # Reading

    async def get(self, kind: str, key: str) -> Document | None:
        return (await self.get_many([(kind, key)]))[0]

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        found = {key: _document(snapshot) for key, snapshot in (await self._snapshots(keys)).items()}
        return [found.get(key) for key in keys]

    async def _snapshots(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        """Those that exist, by key."""
        if not keys:
            return {}
        references = {self._reference(*key).path: key for key in keys}

        async def read() -> list[Any]:
            asked = [self._reference(*key) for key in references.values()]
            return [snapshot async for snapshot in self._client.get_all(asked, retry=None, timeout=TRY_LIMIT)]

        snapshots = await patiently(read, self._limit)
        return {references[snapshot.reference.path]: snapshot for snapshot in snapshots if snapshot.exists}

    async def ids(self, kind: str, prefix: str, limit: int = 10) -> list[str]:
        """See Store. Read as names alone: the documents' contents stay where they are."""
        asked: Any = self._client.collection(kind).select(()).order_by(NAME)
        asked = asked.start_at({NAME: self._reference(kind, prefix)}).end_before(
            {NAME: self._reference(kind, after(prefix))}
        )
        snapshots = await patiently(lambda: asked.limit(limit).get(retry=None, timeout=TRY_LIMIT), self._limit)
        return [key_of(snapshot.id) for snapshot in snapshots]

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
        """See Store. A full page has a cursor, though nothing may follow: one document more would cost a read more."""
        if query not in KINDS[query.kind].queries:
            raise ValueError(_("{query} is none that its kind declares: it would have no index", query=query.name))
        asked = self._asked(query, equal or {}, at_most, contains, limit, cursor)
        snapshots = await patiently(lambda: asked.get(retry=None, timeout=TRY_LIMIT), self._limit)
        documents = [_document(snapshot) for snapshot in snapshots]
        return Page(documents, _cursor(query, documents[-1]) if len(documents) == limit else None)

    async def tally(
        self,
        query: Query,
        among: Sequence[str],
        *,
        equal: Mapping[str, str | AnyOf] | None = None,
        since: datetime | None = None,
    ) -> dict[str, int]:
        """See Store: one aggregation a value, which costs a read a thousand documents."""
        *_, by = query.equal
        room = asyncio.Semaphore(AT_ONCE)

        async def count(value: str) -> int:
            asked = self._found_by(query, {**(equal or {}), by: value}, since).count(alias="n")
            async with room:
                return int(await self._aggregated(asked) or 0)

        counts = await asyncio.gather(*(count(value) for value in among))
        return {value: number for value, number in zip(among, counts, strict=True) if number}

    async def total(
        self, query: Query, *, equal: Mapping[str, str] | None = None, since: datetime | None = None
    ) -> int | None:
        """See Store."""
        assert query.sums is not None, f"{query.name} says nothing to add up: what is counted is a tally"
        asked = self._found_by(query, equal or {}, since)
        summed = await self._aggregated(asked.sum(query.sums, alias="n"))
        return int(summed) if summed else None

    def _found_by(self, query: Query, equal: Mapping[str, str | AnyOf], since: datetime | None) -> Any:
        if query not in KINDS[query.kind].queries:
            raise ValueError(f"{query.name} is none that its kind declares: it would have no index")
        asked = _equal(self._client.collection(query.kind), query, equal)
        if since is not None:
            asked = asked.where(filter=FieldFilter(_ordered(query), ">=", since))
        ordered = _ordered(query)
        if ordered:  # by the same index as `find`, and only what has the field
            way = "DESCENDING" if query.order and query.order.startswith("-") else "ASCENDING"
            asked = asked.order_by(ordered, direction=way)
        return asked

    async def _aggregated(self, asked: Any) -> Any:
        results = await patiently(lambda: asked.get(retry=None, timeout=TRY_LIMIT), self._limit)
        return results[0][0].value

    def _asked(
        self, query: Query, equal: Mapping[str, str | AnyOf], at_most: datetime | None, contains: str | None,
        limit: int, cursor: str | None,
    ) -> Any:  # fmt: skip
        asked = _equal(self._client.collection(query.kind), query, equal)
        if query.at_most:
            asked = asked.where(filter=FieldFilter(query.at_most, "<=", at_most))
        if query.contains:
            asked = asked.where(filter=FieldFilter(query.contains, "array_contains", contains))
        ordered = _ordered(query)
        way = "DESCENDING" if query.order and query.order.startswith("-") else "ASCENDING"
        for name in (ordered, NAME) if ordered else (NAME,):
            asked = asked.order_by(name, direction=way)
        if cursor is not None:
            time, key = place_of(cursor)
            place: dict[str, Any] = {NAME: self._reference(query.kind, key)}
            if ordered:
                place[ordered] = datetime.fromisoformat(str(time))
            asked = asked.start_after(place)
        return asked.limit(limit)

    def _reference(self, kind: str, key: str) -> Any:
        return self._client.collection(kind).document(document_id(key))

    # Writing

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        check_size(writes)
        versions = await self._write(writes) if writes else []
        try:
            await self._queue.enqueue(tasks)
        except Unavailable as error:
            log("WARNING", "not queued", count=len(tasks), reason=str(error))
        return versions

    async def _write(self, writes: Sequence[Write]) -> list[str]:
        unread = [write.document.key for write in writes if isinstance(write, Replace) and not write.document.version]
        if unread:
            raise Conflict(unread)
        stamps = [new_stamp() for _ in writes]
        tries = 0

        async def write() -> Sequence[Any]:
            nonlocal tries
            tries += 1
            batch = self._client.batch()
            for one, stamp in zip(writes, stamps, strict=True):
                self._add(batch, one, stamp)
            return await batch.commit(retry=None, timeout=TRY_LIMIT)

        try:
            results = await patiently(write, self._limit, answers=(*CONDITIONS, *OF_CONTENT))
        except CONDITIONS as error:
            return await self._refused(writes, stamps, tries, error)
        except OF_CONTENT as error:
            raise Unstorable(f"can't be written: {type(error).__name__}") from error
        return ["" if isinstance(w, Delete) else _version(r.update_time) for w, r in zip(writes, results, strict=True)]

    def _add(self, batch: AsyncWriteBatch, write: Write, stamp: int) -> None:
        if isinstance(write, Delete):
            option = self._unchanged(write.version) if write.version else None
            batch.delete(self._reference(write.kind, write.id), option)
            return
        document = write.document
        reference, fields = self._reference(*document.key), stored(document, stamp)
        if isinstance(write, Create):
            batch.create(reference, fields)
        elif isinstance(write, Put):
            batch.set(reference, fields)
        else:
            assert document.version is not None
            gone = {name: DELETE_FIELD for name in KINDS[document.kind].fields if name not in fields}
            batch.update(reference, {**fields, **gone}, self._unchanged(document.version))

    def _unchanged(self, version: str) -> Any:
        moment = DatetimeWithNanoseconds.from_rfc3339(version)  # type: ignore[no-untyped-call]
        return self._client.write_option(last_update_time=moment.timestamp_pb())

    async def _refused(self, writes: Sequence[Write], stamps: Sequence[int], tries: int, why: Exception) -> list[str]:
        """Raise a Conflict that names the keys at fault; or answer the versions, where the conflict is with ourselves.

        An earlier try was taken then, and only its answer lost: the stamps tell.
        """
        held = [write for write in writes if _condition(write)]
        if len(held) == 1 and tries == 1:
            raise Conflict([_key(held[0])]) from why
        found = await self._snapshots([_key(write) for write in writes])
        ours = {
            _key(write): _version(found[_key(write)].update_time)
            for write, stamp in zip(writes, stamps, strict=True)
            if _key(write) in found and found[_key(write)].to_dict().get(STAMP) == stamp
        }
        if ours:
            return [ours.get(_key(write), "") for write in writes]
        wrong = [_key(write) for write in held if not _holds(write, found.get(_key(write)))]
        raise Conflict(wrong or [_key(write) for write in held]) from why

    async def scrub(self) -> None:
        """Nothing of it lies on a disk of ours."""

    async def close(self) -> None:
        """Close the channel, and the queue's."""
        if "_client" in self.__dict__:
            await self._client._firestore_api.transport.close()  # the client has no close of its own
        await self._queue.close()


def _equal(asked: Any, query: Query, equal: Mapping[str, str | AnyOf]) -> Any:
    for name in query.equal:
        value = equal[name]
        asked = asked.where(filter=FieldFilter(name, "==" if isinstance(value, str) else "in", value))
    return asked


def _ordered(query: Query) -> str:
    return (query.at_most or query.order or "").lstrip("-")


def _cursor(query: Query, last: Document) -> str:
    ordered = _ordered(query)
    time = last.fields[ordered] if ordered else None
    return json.dumps([time.isoformat() if isinstance(time, datetime) else None, last.id])


def _document(snapshot: Any) -> Document:
    key = key_of(snapshot.id)
    return restored(snapshot.reference.parent.id, key, snapshot.to_dict(), _version(snapshot.update_time))


def _version(update_time: Any) -> str:
    """As REST writes it."""
    return str(update_time.timestamp_pb().ToJsonString())


def _key(write: Write) -> tuple[str, str]:
    return (write.kind, write.id) if isinstance(write, Delete) else write.document.key


def _condition(write: Write) -> bool:
    return isinstance(write, Create | Replace) or (isinstance(write, Delete) and write.version is not None)


def _holds(write: Write, present: Any | None) -> bool:
    if isinstance(write, Create):
        return present is None
    version = write.version if isinstance(write, Delete) else write.document.version
    return present is not None and _version(present.update_time) == version
