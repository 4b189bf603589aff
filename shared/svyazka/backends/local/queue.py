"""The queue with Cloud Tasks' manners: at least once, in no order, repeated until a 2xx.

A task's row stays until its work was done, so a crash repeats it. Which tasks are out is known in memory only:
one working process dispatches (a second one would repeat work, which is harmless).
"""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from svyazka.backends.local.schema import microseconds, moment
from svyazka.backends.local.store import LocalStore
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Task
from svyazka.engine.rules.deadlines import DISPATCH_DEADLINE
from svyazka.engine.support.logs import log
from svyazka.model.errors import SvyazkaError

Handle = Callable[[str, Mapping[str, str]], Awaitable[int]]
"""Does a task: path, body -> HTTP status."""

LOOK_EVERY = 1.0
"""Seconds between two looks at what others have queued, should the bell have been missed."""

LOOK_EVERY_UNTOLD = 0.02
"""The same where there is no bell."""

AT_ONCE = 256
"""Rows of a queue that are read together."""

FLUSH_AT, FLUSH_AFTER = 64, 0.02
"""Finished tasks are struck off in batches: a crash in between repeats them, which they bear."""

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 60.0

UNKNOWN_QUEUE = (500.0, 16)
"""Dispatches a second and at once of a queue that no table names."""

EARLIEST = """
WITH RECURSIVE queues(name) AS (
    SELECT min(queue) FROM tasks
    UNION ALL
    SELECT (SELECT min(queue) FROM tasks WHERE queue > name) FROM queues WHERE name IS NOT NULL
)
SELECT name, (SELECT min(due) FROM tasks WHERE queue = name) FROM queues WHERE name IS NOT NULL
"""
"""Each queue that isn't empty, and when its first task is due: a few steps in the index, however long the queues."""


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


@dataclass(slots=True)
class Line:
    """One queue while it is worked off."""

    rate: float
    """Dispatches a second."""
    concurrency: int
    out: set[int] = field(default_factory=set)
    ready: deque[Row] = field(default_factory=deque)
    """Due, read, and waiting for room."""
    unread: bool = False
    """More that is due may lie in the file."""
    free_at: float = 0.0

    @property
    def room(self) -> int:
        return self.concurrency - len(self.out)

    def waits(self) -> float:
        """Seconds until its rate lets the next one go."""
        now = time.monotonic()
        self.free_at = max(self.free_at, now - 0.1)  # a burst of a tenth of a second
        return max(self.free_at - now, 0.0)

    def goes(self) -> Row:
        """The next one, counted."""
        self.free_at += 1 / self.rate
        row = self.ready.popleft()
        self.out.add(row.id)
        return row


class Dispatcher:
    """Hands due tasks to the worker, each queue within its own bounds."""

    def __init__(
        self, store: LocalStore, clock: Clock, handle: Handle, limits: Mapping[str, tuple[float, int]]
    ) -> None:
        self._store, self._clock, self._handle = store, clock, handle
        self._lines = {queue: Line(*bounds) for queue, bounds in limits.items()}
        self._running: set[asyncio.Task[None]] = set()
        self._finished: list[int] = []
        self._some_finished = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._noticed = asyncio.Event()
        self._added = True
        """There may be tasks in the file that we don't know of."""
        self._next_due = math.inf
        """When the first of those is due that aren't yet, as the file counts time."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is out is finished, and nothing new begun."""
        ring, self._store.on_tasks = self._store.on_tasks, self._told
        helpers = [asyncio.create_task(self._flush_regularly()), asyncio.create_task(self._wake_at(stop))]
        try:
            with self._store.bell.heard(self._told) as hears:
                while not stop.is_set():
                    self._noticed.clear()
                    longest = LOOK_EVERY if hears else LOOK_EVERY_UNTOLD
                    pause = min(self._look(), longest)
                    try:
                        # wait_for of Python 3.11 loses a cancellation that meets a wake-up.
                        async with asyncio.timeout(pause):
                            await self._noticed.wait()
                    except TimeoutError:
                        self._added = self._added or pause == longest
        finally:
            self._store.on_tasks = ring
            if self._running:
                await asyncio.wait(self._running)
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._flush()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._noticed.set()

    def _told(self) -> None:
        self._added = True
        self._noticed.set()

    def _look(self) -> float:
        """Start what is due and has room; seconds after which to look again if nobody calls before."""
        try:
            if self._added or self._next_due <= microseconds(self._clock.now()):
                self._added = False
                self._look_into_file()
            pause = min((self._start(queue, line) for queue, line in self._lines.items()), default=math.inf)
        except SvyazkaError as error:
            log("ERROR", "queue can't be read", error=type(error).__name__)
            self._added = True
            return FIRST_BACKOFF
        if self._next_due < math.inf:
            pause = min(pause, max(self._clock.real_seconds_until(moment(int(self._next_due))), 0.0))
        return pause

    def _look_into_file(self) -> None:
        """Which queues hold something that is due, and when the next one does."""
        now, self._next_due = microseconds(self._clock.now()), math.inf
        for name, earliest in self._store.read(EARLIEST):
            line, due = self._lines.setdefault(str(name), Line(*UNKNOWN_QUEUE)), int(str(earliest))
            line.unread = due <= now
            if not line.unread:
                self._next_due = min(self._next_due, due)

    def _start(self, queue: str, line: Line) -> float:
        """Start what one queue has room for; seconds until its rate allows more."""
        while (line.ready or line.unread) and line.room > 0:  # whoever comes back makes us look again
            if not line.ready:
                self._read(queue, line)
                continue
            wait = line.waits()
            if wait > 0:
                return wait
            task = asyncio.create_task(self._dispatch(line, line.goes()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return math.inf

    def _read(self, queue: str, line: Line) -> None:
        """Take what is due out of the file, so many at once."""
        now, known = microseconds(self._clock.now()), line.out | set(self._finished)
        limit = AT_ONCE + len(known)
        rows = self._store.read(
            "SELECT id, queue, path, body, due, attempts FROM tasks WHERE queue = ? ORDER BY due LIMIT ?",
            (queue, limit),
        )
        line.unread = len(rows) == limit
        for row in (Row(*columns) for columns in rows):  # type: ignore[arg-type]
            if row.due > now:
                line.unread = False
                self._next_due = min(self._next_due, row.due)
                break
            if row.id not in known:
                line.ready.append(row)

    async def _dispatch(self, line: Line, row: Row) -> None:
        try:
            async with asyncio.timeout(DISPATCH_DEADLINE):
                status = await self._handle(row.path, json.loads(row.body))
        except TimeoutError:
            status = 504
        except Exception as error:
            log("ERROR", "task failed", path=row.path, error=type(error).__name__)
            status = 500
        if 200 <= status < 300:
            self._finished.append(row.id)
            self._some_finished.set()
            if len(self._finished) >= FLUSH_AT:
                await self._flush()
        else:
            await self._put_off(row)
            self._added = True
        line.out.discard(row.id)
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
            await self._some_finished.wait()
            await asyncio.sleep(FLUSH_AFTER)
            await self._flush()
            if not self._finished:
                self._some_finished.clear()

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
