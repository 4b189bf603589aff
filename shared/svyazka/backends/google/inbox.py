"""The way in on Google: create, then enqueue, within one time budget; salvage where the journal fails."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from svyazka.backends.google.identity import METADATA_HOST, AccessToken, EmulatorToken, Identity
from svyazka.backends.google.rest import (
    ALREADY_EXISTS,
    CLOUD_TASKS,
    FIRESTORE,
    OK,
    TRANSIENT,
    Documents,
    Service,
    Tasks,
)
from svyazka.backends.google.tasks import Addressing
from svyazka.backends.google.wire import NoAnswer
from svyazka.engine.ports.claims import KIND as CLAIMS
from svyazka.engine.ports.store import Document, NewEvent, Salvage, Task
from svyazka.engine.rules.deadlines import ACCEPT_LIMIT
from svyazka.engine.support.logs import log
from svyazka.model.errors import Unavailable

T = TypeVar("T")

FRESH_FOR = 5.0
"""Seconds for which a connection is believed as it was read."""

STALE_FOR = 3600.0
"""Seconds for which it serves when the store can't be asked: it can hardly change meanwhile."""

STALE_WAIT = 0.2
"""Share of the budget that a connection which could be served stale is worth waiting for."""

QUEUE_SHARE = 0.3
"""Share of the budget that is left for the queue however long the journal takes."""

LEAST_SHARE = 0.5
"""Share of the budget that `accept` has even where finding the connection took nearly all of it."""

RETRY_PAUSE = 0.02
"""Seconds after which an item that met another writer is tried again; then twice as long."""

_began: ContextVar[float | None] = ContextVar("began", default=None)
"""When the request at hand first asked for something; each request is served in a context of its own."""


@dataclass(slots=True)
class _Known:
    document: Document | None
    read_at: float
    asked_at: float
    """When the store was last asked, in vain or not."""


class RestInbox:
    """The Inbox port over REST."""

    def __init__(self, documents: Documents, tasks: Tasks, limit: float = ACCEPT_LIMIT) -> None:
        self._documents = documents
        self._tasks = tasks
        self._limit = limit
        self._known: dict[tuple[str, str], _Known] = {}

    @classmethod
    def from_environment(cls, limit: float | None = None) -> RestInbox:
        """As a function is deployed. Raises ConfigError for what is missing.

        Settings are read by hand: pydantic-settings would cost a webhook function its start.
        """
        addressing = Addressing(
            project=os.environ.get("SVYAZKA_PROJECT", ""),
            region=os.environ.get("SVYAZKA_REGION", ""),
            worker_url=os.environ.get("SVYAZKA_WORKER_URL", ""),
            worker_account=os.environ.get("SVYAZKA_WORKER_ACCOUNT", ""),
        )
        token = AccessToken(os.environ.get("GCE_METADATA_HOST", METADATA_HOST))
        emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")
        identity: Identity = EmulatorToken() if emulator else token
        firestore = Service(f"http://{emulator}" if emulator else FIRESTORE, identity)
        cloud_tasks = Service(os.environ.get("SVYAZKA_TASKS_URL", CLOUD_TASKS), token)
        tasks = Tasks(cloud_tasks, addressing)
        return cls(Documents(firestore, addressing.project), tasks, ACCEPT_LIMIT if limit is None else limit)

    # The connection

    async def connection(self, key: str) -> Document | None:
        return await self._fresh("connections", key)

    async def claims(self, key: str) -> Document | None:
        return await self._fresh(CLAIMS, key)

    async def _fresh(self, kind: str, key: str) -> Document | None:
        now = time.monotonic()
        _began.set(now)
        known = self._known.get((kind, key))
        if known is not None and now < known.asked_at + FRESH_FOR:
            return known.document
        may_be_stale = known is not None and now < known.read_at + STALE_FOR
        try:
            async with asyncio.timeout(self._limit * (STALE_WAIT if may_be_stale else 1 - QUEUE_SHARE)):
                found = await self._documents.read([(kind, key)])
        except (NoAnswer, TimeoutError) as error:
            if known is None or not may_be_stale:
                raise Unavailable(f"one of {kind} could not be read") from error
            known.asked_at = time.monotonic()
            return known.document
        document = found.get((kind, key))
        self._known[kind, key] = _Known(document, read_at=now, asked_at=now)
        return document

    # Accepting

    async def accept(
        self, arrivals: Sequence[NewEvent], raw: Document | None, salvage: Salvage | None
    ) -> list[Document | None] | None:
        until = self._until(LEAST_SHARE)
        try:
            async with asyncio.timeout_at(until - self._limit * QUEUE_SHARE):
                present = await self._journal(arrivals, raw)
        except (NoAnswer, TimeoutError) as error:
            await self._salvage(salvage, until, error)
            return None
        fresh = [arrival.task for arrival, there in zip(arrivals, present, strict=True) if there is None]
        tasks = [task for task in fresh if task is not None]
        try:
            async with asyncio.timeout_at(until):
                await self._tasks.create(tasks)
        except (NoAnswer, TimeoutError) as error:
            # Journaled, with a time at which the sweep looks: durable all the same.
            log("WARNING", "not queued", count=len(tasks), reason=_reason(error))
        return present

    def _until(self, least: float) -> float:
        """When this request's time is over, on the loop's clock; `least` is the share that it has in any case."""
        now = time.monotonic()
        began = _began.get() or now
        left = max(began + self._limit - now, self._limit * least)
        return asyncio.get_running_loop().time() + left

    async def _journal(self, arrivals: Sequence[NewEvent], raw: Document | None) -> list[Document | None]:
        """Create what is absent; what is present of each. Raises NoAnswer unless all of it is durable."""
        earlier = await self._earlier(arrivals)
        new = [arrival.document for arrival in arrivals if arrival.document.id not in earlier]
        codes = await self._create([*new, *([raw] if raw is not None else [])])
        there = [document.key for document, code in zip(new, codes[: len(new)], strict=True) if code != OK]
        found = await self._documents.read(there)
        if len(found) < len(there):
            raise NoAnswer("what exists could not be read")  # gone in between: the salvage looks again
        return [earlier.get(arrival.document.id) or found.get(arrival.document.key) for arrival in arrivals]

    async def _create(self, documents: Sequence[Document]) -> list[int]:
        """OK or ALREADY_EXISTS of each. Those that met another writer are tried again until the time is over."""
        codes = await self._documents.create(documents)
        pause = RETRY_PAUSE
        while again := [index for index, code in enumerate(codes) if code not in (OK, ALREADY_EXISTS)]:
            if any(codes[index] not in TRANSIENT for index in again):
                raise NoAnswer(f"Firestore refused {len(again)} of {len(codes)} items: code {codes[again[0]]}")
            await asyncio.sleep(pause)
            pause *= 2
            for index, code in zip(again, await self._documents.create([documents[i] for i in again]), strict=True):
                codes[index] = code
        return codes

    async def _earlier(self, arrivals: Sequence[NewEvent]) -> dict[str, Document]:
        """For weak identities: the event of the window before that is the same one, by the new one's id."""
        weak = {a.document.id: (a.earlier, a.earlier_since) for a in arrivals if a.earlier and a.earlier_since}
        found = await self._documents.read([("events", earlier) for earlier, _ in weak.values()])
        same: dict[str, Document] = {}
        for key, (earlier, since) in weak.items():
            document = found.get(("events", earlier))
            received = document.fields["received_at"] if document else None
            if document is not None and isinstance(received, datetime) and received >= since:
                same[key] = document
        return same

    async def _salvage(self, salvage: Salvage | None, until: float, why: Exception) -> None:
        log("ERROR", "not journaled", reason=_reason(why))
        if salvage is None:
            raise Unavailable("the journal can't be reached") from why
        try:
            async with asyncio.timeout_at(until):
                await self._tasks.create([salvage.task])
        except (NoAnswer, TimeoutError) as error:
            raise Unavailable("neither the journal nor the queue can be reached") from error

    async def enqueue(self, tasks: Sequence[Task]) -> None:
        try:
            async with asyncio.timeout_at(self._until(QUEUE_SHARE)):
                await self._tasks.create(tasks)
        except (NoAnswer, TimeoutError) as error:
            raise Unavailable("the queue can't be reached") from error

    # What the front door counts by

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        found = await self._in_time(self._documents.read(list(dict.fromkeys(keys))))
        return [found.get(key) for key in keys]

    async def create(self, documents: Sequence[Document]) -> list[bool]:
        codes = await self._in_time(self._create(documents)) if documents else []
        return [code == OK for code in codes]

    async def _in_time(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self._limit):
                return await work
        except (NoAnswer, TimeoutError) as error:
            raise Unavailable("the store can't be reached") from error

    async def close(self) -> None:
        """Let go of the connections."""
        self._documents.close()
        self._tasks.close()


def _reason(error: Exception) -> str:
    return str(error) or "time is over"
