"""The queue with Cloud Tasks' manners: at least once, in no order, repeated until a 2xx, its headers.

A task's row stays until its work was done, so a crash repeats it. Which tasks are out is known in memory only:
one working process dispatches (a second one would repeat work, which is harmless).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from svyazka.backends.local.schema import microseconds
from svyazka.backends.local.store import LocalStore
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Task
from svyazka.engine.rules.deadlines import DISPATCH_DEADLINE
from svyazka.engine.support.logs import log
from svyazka.model.errors import SvyazkaError

Handle = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[int]]
"""Does a task: path, body, headers -> HTTP status."""

NOTICE_EVERY = 0.004
"""Seconds between two looks for what the other process queued; a look is one word of shared memory."""

IDLE_EVERY = 0.02
DISCOVER_EVERY = 5.0
FLUSH_AT, FLUSH_AFTER = 64, 0.02
"""Finished tasks are struck off in batches: a crash in between repeats them, which they bear."""

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 60.0


class LocalQueue:
    """The Queue port over the store's file."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store

    async def enqueue(self, tasks: Sequence[Task]) -> None:
        await self._store.enqueue(tasks)


@dataclass(frozen=True, slots=True)
class Row:
    """A task as it lies in the file."""

    id: int
    queue: str
    path: str
    body: str
    due: int
    attempts: int


class Dispatcher:
    """Hands due tasks to the worker, each queue within its own bounds."""

    def __init__(
        self, store: LocalStore, clock: Clock, handle: Handle, limits: Mapping[str, tuple[float, int]]
    ) -> None:
        self._store, self._clock, self._handle = store, clock, handle
        self._limits = dict(limits)
        self._out: dict[str, set[int]] = {}
        self._free_at: dict[str, float] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._finished: list[int] = []
        self._flushing = asyncio.Lock()
        self._noticed = asyncio.Event()
        self._data_version: object = None
        self._next_due: int | None = 0
        self._discovered_at = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is out is finished, and nothing new begun."""
        self._store.on_tasks = self._noticed.set
        flusher = asyncio.create_task(self._flush_regularly())
        try:
            idle = 0
            while not stop.is_set():
                if self._something_new():
                    idle = 0
                    self._look()
                else:
                    idle += 1
                with contextlib.suppress(TimeoutError):
                    # wait_for of Python 3.11 loses a cancellation that meets a wake-up.
                    async with asyncio.timeout(NOTICE_EVERY if idle < 500 else IDLE_EVERY):
                        await self._noticed.wait()
        finally:
            self._store.on_tasks = None
            if self._running:
                await asyncio.wait(self._running)
            flusher.cancel()
            await asyncio.gather(flusher, return_exceptions=True)
            await self._flush()

    def _something_new(self) -> bool:
        if self._noticed.is_set():
            self._noticed.clear()
            return True
        try:
            version = self._store.read("PRAGMA data_version")[0][0]
        except SvyazkaError:
            return False
        if version != self._data_version:
            self._data_version = version
            return True
        return self._next_due is not None and self._next_due <= microseconds(self._clock.now())

    def _look(self) -> None:
        """Start what is due and has room."""
        now = microseconds(self._clock.now())
        self._next_due = None
        try:
            for queue in self._queues():
                self._look_into(queue, now)
        except SvyazkaError as error:
            log("ERROR", "queue can't be read", error=type(error).__name__)
            self._next_due = now

    def _queues(self) -> list[str]:
        if time.monotonic() - self._discovered_at > DISCOVER_EVERY:
            self._discovered_at = time.monotonic()
            for (queue,) in self._store.read("SELECT DISTINCT queue FROM tasks"):
                self._limits.setdefault(str(queue), (500.0, 16))
        return list(self._limits)

    def _look_into(self, queue: str, now: int) -> None:
        rate, concurrency = self._limits[queue]
        out = self._out.setdefault(queue, set())
        room = concurrency - len(out)
        if room <= 0:
            return  # whoever comes back makes us look again
        rows = self._store.read(
            "SELECT id, queue, path, body, due, attempts FROM tasks WHERE queue = ? ORDER BY due LIMIT ?",
            (queue, room + len(out) + len(self._finished) + 1),
        )
        done = set(self._finished)
        for row in (Row(*columns) for columns in rows):  # type: ignore[arg-type]
            if row.id in out or row.id in done:
                continue
            if row.due > now or room <= 0:
                self._next_due = min(self._next_due or row.due, row.due) if row.due > now else self._next_due
                break
            if not self._in_rate(queue, rate):
                self._next_due = now
                break
            room -= 1
            out.add(row.id)
            task = asyncio.create_task(self._dispatch(row))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _in_rate(self, queue: str, rate: float) -> bool:
        now = time.monotonic()
        free_at = max(self._free_at.get(queue, 0.0), now - 0.1)  # a burst of a tenth of a second
        if free_at > now:
            return False
        self._free_at[queue] = free_at + 1 / rate
        return True

    async def _dispatch(self, row: Row) -> None:
        headers = {
            "X-CloudTasks-QueueName": row.queue,
            "X-CloudTasks-TaskName": str(row.id),
            "X-CloudTasks-TaskRetryCount": str(row.attempts),
            "X-CloudTasks-TaskExecutionCount": str(row.attempts),
            "X-CloudTasks-TaskETA": f"{row.due / 1e6:.6f}",
        }
        try:
            async with asyncio.timeout(DISPATCH_DEADLINE):
                status = await self._handle(row.path, json.loads(row.body), headers)
        except TimeoutError:
            status = 504
        except Exception as error:
            log("ERROR", "task failed", path=row.path, error=type(error).__name__)
            status = 500
        if 200 <= status < 300:
            self._finished.append(row.id)
            if len(self._finished) >= FLUSH_AT:
                await self._flush()
        else:
            await self._put_off(row)
        self._out[row.queue].discard(row.id)
        self._noticed.set()

    async def _put_off(self, row: Row) -> None:
        pause = min(FIRST_BACKOFF * 2.0 ** min(row.attempts, 16), LONGEST_BACKOFF)
        due = microseconds(self._clock.in_real(pause))

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE tasks SET due = ?, attempts = attempts + 1 WHERE id = ?", (due, row.id))

        try:
            await self._store.change(work)
        except SvyazkaError as error:
            log("ERROR", "task could not be put off", path=row.path, error=type(error).__name__)
            await asyncio.sleep(FIRST_BACKOFF)

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_AFTER)
            if self._finished:
                await self._flush()

    async def _flush(self) -> None:
        async with self._flushing:
            finished = tuple(self._finished)
            if not finished:
                return

            def work(connection: sqlite3.Connection) -> None:
                connection.executemany("DELETE FROM tasks WHERE id = ?", [(number,) for number in finished])

            try:
                await self._store.change(work)
            except SvyazkaError as error:
                log("ERROR", "tasks could not be struck off", error=type(error).__name__)
                return
            # Only now: while its row was still there, a task had to count as done.
            del self._finished[: len(finished)]
