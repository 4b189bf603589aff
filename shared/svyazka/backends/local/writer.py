"""The one thread that writes: commits that arrive together share a transaction and its fsync (group commit).

Each commit stays atomic of its own in a savepoint: a conflict undoes it and no other.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from svyazka.backends.local.erasing import overwrite_what_is_deleted
from svyazka.backends.local.migrations import release
from svyazka.catalogue import N_
from svyazka.model.errors import Unavailable, Unstorable

T = TypeVar("T")

BATCH = 128
"""Commits that share one transaction at most."""

BUSY_LIMIT = 1.2
"""Seconds that a batch waits for the other process's transaction before it is refused."""

Work = Callable[[sqlite3.Connection], Any]


@dataclass(slots=True)
class Job:
    """One commit on its way."""

    work: Work
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    apart: bool = False
    """Outside of any transaction, after the others' is durable."""
    result: Any = None
    error: BaseException | None = None

    def finish(self) -> None:
        """Tell whoever waits; runs in his loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
            self.error = None
        else:
            self.future.set_result(self.result)


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection as every part of the backend uses it. Raises Unavailable for a file of a newer release."""
    connection = sqlite3.connect(path, timeout=BUSY_LIMIT, isolation_level=None, check_same_thread=False)
    try:
        _refuse_newer(connection, path)
    except BaseException:
        connection.close()
        raise
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA temp_store=MEMORY")  # what undoes one commit among many: no file for each of them
    if readonly:
        connection.execute("PRAGMA query_only=ON")
    else:
        overwrite_what_is_deleted(connection)
    return connection


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    """Raises Unavailable for a file that this release may not write: a newer one has changed what we rely on."""
    (oldest,) = connection.execute("PRAGMA user_version").fetchone()
    if oldest <= release():
        return
    raise Unavailable(
        N_(
            "{path} belongs to a newer release of Svyazka: nothing before its step {oldest} may write it, and this "
            "release is at step {ours}. It was left as it is. Install the newer release again; or stop the service "
            "and put back the copy that was made before the upgrade (docs/one-machine.md, Upgrade)"
        ).format(path=path, oldest=oldest, ours=release())
    )


def begin(connection: sqlite3.Connection, patience: float) -> None:
    """Take the write lock, asking often: SQLite's own waiting sleeps up to 100 ms at a time."""
    deadline, pause = time.monotonic() + patience, 0.0002
    connection.execute("PRAGMA busy_timeout=0")
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) not in _BUSY or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 1.5, 0.005)


_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, 261, 517)  # with BUSY_RECOVERY and BUSY_SNAPSHOT


class Writer:
    """Owns the writing connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    async def submit(self, work: Callable[[sqlite3.Connection], T], *, apart: bool = False) -> T:
        """Do `work` inside a transaction of its own, or outside of any; durable when this returns. Raises
        Unavailable."""
        if self._closed:
            raise Unavailable("the store is closed")
        loop = asyncio.get_running_loop()
        job = Job(work, loop, loop.create_future(), apart)
        self._ensure_running()
        self._jobs.put(job)
        try:
            result: T = await job.future
        finally:
            del job  # an error remembers this very frame: they would keep each other, and all that the caller holds
        return result

    def _ensure_running(self) -> None:
        # A fork (a server's worker model) leaves the thread behind: each process starts its own.
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name=f"writer-{os.getpid()}", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        """Finish what is queued, then end."""
        self._closed = True
        if self._thread is not None and self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join(10)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while True:
            batch, last = self._next_batch()
            try:
                connection = connection or connect(self._path)
                self._transact(connection, batch)
            except Exception as error:
                for job in batch:
                    job.error = job.error or _unavailable(error)
                if connection is not None:
                    _undo(connection)
            _tell(batch)
            if last:
                if connection is not None:
                    connection.close()  # the last one to close empties the log and removes it
                return

    def _next_batch(self) -> tuple[list[Job], bool]:
        batch: list[Job] = []
        job = self._jobs.get()
        while job is not None:
            batch.append(job)
            if len(batch) >= BATCH:
                return batch, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _transact(self, connection: sqlite3.Connection, batch: list[Job]) -> None:
        wanted = [job for job in batch if not job.future.cancelled()]
        together = [job for job in wanted if not job.apart]
        if together:
            self._commit(connection, together)
        for job in wanted:
            if job.apart:
                job.result = job.work(connection)

    def _commit(self, connection: sqlite3.Connection, jobs: list[Job]) -> None:
        begin(connection, BUSY_LIMIT)
        _refuse_newer(connection, self._path)  # it may have been upgraded while we run
        for job in jobs:
            connection.execute("SAVEPOINT one")
            try:
                job.result = job.work(connection)
            except (sqlite3.OperationalError, MemoryError):
                raise  # the disk's, or the file's: nothing of the batch is durable
            except Exception as error:
                job.error = Unstorable(f"can't be written: {type(error).__name__}") if _of_content(error) else error
                job.error.__traceback__ = None  # it would keep this frame, and with it the whole batch
                connection.execute("ROLLBACK TO one")
            connection.execute("RELEASE one")
        connection.execute("COMMIT")


def _of_content(error: Exception) -> bool:
    """Whether one commit's own content can't be written: that is its trouble, and of no other in its batch."""
    return isinstance(error, UnicodeError | OverflowError | sqlite3.InterfaceError | sqlite3.DataError | TypeError)


_REMEDIES = {
    "SQLITE_BUSY": "another process holds it, try again",
    "SQLITE_LOCKED": "another process holds it, try again",
    "SQLITE_FULL": "make room on its disk",
    "SQLITE_READONLY": "its files or its disk can only be read",
}
"""What to do, where SQLite's own name for it isn't enough."""


def _unavailable(error: Exception) -> Unavailable:
    """Disk full, locked, corrupt: all of it means "not durable", and none of it was half-written."""
    if isinstance(error, Unavailable):
        return error
    code = getattr(error, "sqlite_errorname", type(error).__name__)
    remedy = f": {_REMEDIES[code]}" if code in _REMEDIES else ""
    unavailable = Unavailable(f"the database could not write: {code}{remedy}")
    unavailable.__cause__ = error
    return unavailable


def _undo(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            return


def _tell(batch: list[Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in batch:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_finish_all, jobs)
        except RuntimeError:
            continue  # the loop has ended: nobody waits any more


def _finish_all(jobs: list[Job]) -> None:
    for job in jobs:
        job.finish()
