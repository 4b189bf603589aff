"""Documents and tasks in one SQLite file: the Store, Queue and Inbox ports in one, for two processes or more."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from svyazka.backends.local.bell import Bell
from svyazka.backends.local.erasing import empty_log
from svyazka.backends.local.migrations import ENTERED
from svyazka.backends.local.opening import drop_old_copies, prepare
from svyazka.backends.local.schema import Rows, microseconds, rows_of, stored
from svyazka.backends.local.writer import Writer, connect
from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.ports.claims import KIND as CLAIMS
from svyazka.engine.ports.clock import Clock, SystemClock
from svyazka.engine.ports.schema import Query, place_of
from svyazka.engine.ports.store import (
    AnyOf,
    Create,
    Delete,
    Document,
    NewEvent,
    Page,
    Put,
    Replace,
    Salvage,
    Task,
    Write,
    after,
    check_size,
)
from svyazka.model.errors import Conflict, Unavailable

FILE = "svyazka.db"
NAMES_KEPT = 24 * 3600 * 1_000_000
"""Microseconds for which a task's name stays taken, as in Cloud Tasks."""

EXPIRE_BATCH = 500
ROOM_NEEDED, PROBE_BYTES = 16 << 20, 8192
"""Free bytes below which a disk is as good as full; what a trial write weighs: more than a page."""

CONNECTION_FRESH, CONNECTIONS_KEPT = 0.5, 1024


class LocalStore:
    """One machine's store. Reads are answered at once from the calling thread; writes go through the writer."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self._file = _identity(path)
        self._writer = Writer(path)
        self._reader: sqlite3.Connection | None = None
        self._connections: dict[tuple[str, str], tuple[float, Document | None]] = {}
        self._entered = False
        self.bell = Bell(path.parent)
        self.on_tasks: Callable[[], None] = self.bell.ring
        """Called when tasks were added by this process, so that whoever hands them out need not wait to notice."""

    @classmethod
    def open(cls, data: Path, clock: Clock | None = None, *, upgrade: bool = False) -> LocalStore:
        """The store in a data folder, made where there is none. Raises Unavailable.

        `upgrade`: the working process brings a file of an earlier release up to date; the others can do without.
        """
        try:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(f"{data}: {error.strerror}") from error
        prepare(data / FILE, upgrade=upgrade)
        return cls(data / FILE, clock or SystemClock())

    # Reading

    def read(self, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Rows of a question. Raises Unavailable."""
        try:
            if self._reader is None:
                self._reader = connect(self.path, readonly=True)
            return self._reader.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"the database could not read: {type(error).__name__}") from error

    def peek(self, kind: str, key: str) -> Document | None:
        """`get` for those who aren't in a loop yet."""
        rows = self.read(f"{rows_of(kind).select} WHERE id = ?", (key,))
        return rows_of(kind).document(rows[0]) if rows else None

    async def get(self, kind: str, key: str) -> Document | None:
        return self.peek(kind, key)

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        return [self.peek(*key) for key in keys]

    async def ids(self, kind: str, prefix: str, limit: int = 10) -> list[str]:
        statement = f"SELECT id FROM {rows_of(kind).kind} WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        return [str(row[0]) for row in self.read(statement, (prefix, after(prefix), limit))]

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
        by_element = query.contains is not None and self._all_entered()
        statement, values = find_question(query, equal or {}, at_most, contains, limit, cursor, by_element=by_element)
        rows = self.read(statement, values)
        documents = [rows_of(query.kind).document(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(documents)
        return Page(documents, _cursor(query, documents[-1]))

    def _all_entered(self) -> bool:
        """Whether tables of elements hold what was there before they were."""
        if not self._entered:
            there = self.read("SELECT 1 FROM sqlite_master WHERE name = 'migrations'")
            taken = {number for (number,) in self.read("SELECT number FROM migrations")} if there else set()
            self._entered = taken >= ENTERED.keys()
        return self._entered

    async def tally(
        self,
        query: Query,
        among: Sequence[str],
        *,
        equal: Mapping[str, str | AnyOf] | None = None,
        since: datetime | None = None,
    ) -> dict[str, int]:
        statement, values = tally_question(query, equal or {}, since)
        found = {str(value): int(str(count)) for value, count in self.read(statement, values)}
        return {value: found[value] for value in among if value in found}

    async def total(
        self, query: Query, *, equal: Mapping[str, str] | None = None, since: datetime | None = None
    ) -> int | None:
        statement, values = total_question(query, equal or {}, since)
        ((found,),) = self.read(statement, values)
        return None if found is None else int(str(found))

    # Writing

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        check_size(writes)
        now = microseconds(self.clock.now())

        def work(connection: sqlite3.Connection) -> list[str]:
            versions = [_write(connection, write) for write in writes]
            wrong = [_key(write) for write, version in zip(writes, versions, strict=True) if version is None]
            if wrong:
                raise Conflict(wrong)
            _add_tasks(connection, tasks, now)
            return [version or "" for version in versions]

        versions = await self._writer.submit(work)
        self._told(tasks)
        return versions

    async def enqueue(self, tasks: Sequence[Task]) -> None:
        """Queue and Inbox: hand over tasks."""
        await self.commit((), tasks)

    async def change(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """A change of the backend's own tables."""
        await self._writer.submit(work)

    async def check_durable(self) -> None:
        """Whether a write would be durable now, by making one that leaves nothing. Raises Unavailable."""
        try:
            room = shutil.disk_usage(self.path.parent).free
            ours = _identity(self.path) == self._file
        except OSError as error:
            raise Unavailable(f"the database's file can't be reached: {error.strerror}") from error
        if not ours:
            raise Unavailable("the database's file was replaced while we run: start again")
        if room < ROOM_NEEDED:
            raise Unavailable(f"the disk has less than {ROOM_NEEDED >> 20} MiB left: make room on it")
        probe = Document("meta", f"probe-{random.getrandbits(62):x}", {}, bytes(PROBE_BYTES))

        def work(connection: sqlite3.Connection) -> None:
            _write(connection, Create(probe))
            _write(connection, Delete(probe.kind, probe.id))
            # What this connection has in its memory says nothing of the file.
            with closing(connect(self.path, readonly=True)) as another:
                another.execute("SELECT 1 FROM events LIMIT 1").fetchall()

        await self._writer.submit(work)

    def _told(self, tasks: Sequence[Task]) -> None:
        if tasks:
            self.on_tasks()

    # The way in

    async def connection(self, key: str) -> Document | None:
        """Fresh within half a second."""
        return self._fresh("connections", key)

    async def claims(self, key: str) -> Document | None:
        """Fresh within half a second."""
        return self._fresh(CLAIMS, key)

    async def create(self, documents: Sequence[Document]) -> list[bool]:
        def work(connection: sqlite3.Connection) -> list[bool]:
            return [_write(connection, Create(document)) is not None for document in documents]

        return await self._writer.submit(work)

    def _fresh(self, kind: str, key: str) -> Document | None:
        known = self._connections.get((kind, key))
        if known is None or known[0] < time.monotonic():
            if len(self._connections) >= CONNECTIONS_KEPT:
                self._connections.clear()
            known = self._connections[kind, key] = (time.monotonic() + CONNECTION_FRESH, self.peek(kind, key))
        return known[1]

    async def accept(
        self, arrivals: Sequence[NewEvent], raw: Document | None, salvage: Salvage | None
    ) -> list[Document | None] | None:
        """Events and tasks in one transaction; there is no queue apart that salvage could go to."""
        now = microseconds(self.clock.now())

        def work(connection: sqlite3.Connection) -> list[Document | None]:
            present = [_arrive(connection, arrival, now) for arrival in arrivals]
            if raw is not None:
                _write(connection, Create(raw))
            return present

        present = await self._writer.submit(work)
        self._told([arrival.task for arrival in arrivals if arrival.task])
        return present

    # House-keeping

    async def delete_expired(self, now: datetime) -> int:
        """What time-to-live policies do in the cloud; how many went."""
        drop_old_copies(self.path)
        limit, gone = microseconds(now), 0
        for kind in (kind.name for kind in KINDS.values() if kind.expires):
            while True:
                count = await self._writer.submit(
                    lambda connection, kind=kind: (
                        connection.execute(  # type: ignore[misc]
                            f"DELETE FROM {kind} WHERE id IN "
                            f"(SELECT id FROM {kind} WHERE expire_at <= ? LIMIT {EXPIRE_BATCH})",
                            (limit,),
                        ).rowcount
                    )
                )
                gone += count
                if count < EXPIRE_BATCH:
                    break
        names = limit - NAMES_KEPT
        await self.change(lambda connection: _execute(connection, "DELETE FROM task_names WHERE taken_at < ?", names))
        return gone

    async def scrub(self) -> None:
        await self._writer.submit(empty_log, apart=True)

    async def close(self) -> None:
        if self._reader is not None:  # first: only a connection that may write can empty the log
            self._reader.close()
            self._reader = None
        self._writer.close()
        self.bell.close()


def _identity(path: Path) -> tuple[int, int]:
    """Which file it is, whatever its name."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _execute(connection: sqlite3.Connection, statement: str, *values: object) -> None:
    connection.execute(statement, values)


def find_question(
    query: Query, equal: Mapping[str, str | AnyOf], at_most: datetime | None, contains: str | None, limit: int,
    cursor: str | None, *, by_element: bool = True,
) -> tuple[str, list[object]]:  # fmt: skip
    """The statement and its values. `by_element`: what a list contains is looked up, else each row is looked at."""
    ordered = (query.at_most or query.order or "").lstrip("-")
    backwards = bool(query.order and query.order.startswith("-"))
    wheres, values = _equal(query.equal, equal)
    if query.at_most:
        assert at_most is not None
        wheres.append(f"{query.at_most} <= ?")
        values.append(microseconds(at_most))
    elif ordered:
        wheres.append(f"{ordered} IS NOT NULL")
    if query.contains:
        wheres.append(f"EXISTS (SELECT 1 FROM json_each({query.contains}) WHERE json_each.value = ?)")
        values.append(contains)
        if by_element:
            # The row is looked at all the same: the release before ours writes over one without the triggers' knowing.
            wheres.append("element = ?")
            values.append(contains)
    if cursor is not None:
        value, key = place_of(cursor)
        than = "<" if backwards else ">"
        wheres.append(f"({ordered}, id) {than} (?, ?)" if ordered else "id > ?")
        values += [value, key] if ordered else [key]
    where = f" WHERE {' AND '.join(wheres)}" if wheres else ""
    way = " DESC" if backwards else ""
    order = f"{ordered}{way}, id{way}" if ordered else "id"
    source = rows_of(query.kind).select
    if query.contains and by_element:
        # CROSS: the elements first, in their order; SQLite might look through the rows in theirs.
        source = source.replace(
            f"FROM {query.kind}", f"FROM {query.kind}_{query.contains} CROSS JOIN {query.kind} ON id = of"
        )
        order = order.replace("id", "of") if not ordered else order
    return f"{source}{where} ORDER BY {order} LIMIT {limit + 1}", values


def tally_question(query: Query, equal: Mapping[str, str | AnyOf], since: datetime | None) -> tuple[str, list[object]]:
    """The statement and its values that count by the last field of a query's `equal`."""
    *given, by = query.equal
    where, values = _where(query, given, equal, since)
    return f"SELECT {by}, count(*) FROM {query.kind}{where} GROUP BY {by}", values


def total_question(query: Query, equal: Mapping[str, str], since: datetime | None) -> tuple[str, list[object]]:
    """The statement and its values that add up a query's `sums`."""
    assert query.sums is not None, f"{query.name} says nothing to add up: what is counted is a tally"
    where, values = _where(query, query.equal, equal, since)
    return f"SELECT sum({query.sums}) FROM {query.kind}{where} AND {query.sums} IS NOT NULL", values


def _where(
    query: Query, given: Sequence[str], equal: Mapping[str, str | AnyOf], since: datetime | None
) -> tuple[str, list[object]]:
    ordered = (query.order or "").lstrip("-")
    wheres, found = _equal(given, equal)
    if ordered:
        wheres.append(f"{ordered} IS NOT NULL" if since is None else f"{ordered} >= ?")
        found += [] if since is None else [microseconds(since)]
    return (f" WHERE {' AND '.join(wheres)}" if wheres else ""), found


def _equal(names: Sequence[str], equal: Mapping[str, str | AnyOf]) -> tuple[list[str], list[object]]:
    wheres: list[str] = []
    values: list[object] = []
    for name in names:
        value = equal[name]
        wheres.append(f"{name} = ?" if isinstance(value, str) else f"{name} IN ({', '.join('?' * len(value))})")
        values += [value] if isinstance(value, str) else value
    return wheres, values


def _cursor(query: Query, last: Document) -> str:
    ordered = (query.at_most or query.order or "").lstrip("-")
    return json.dumps([stored(last.fields[ordered]) if ordered else None, last.id])


def _write(connection: sqlite3.Connection, write: Write) -> str | None:
    """The new version, `""` for a deletion, None when the condition doesn't hold."""
    if isinstance(write, Delete):
        return _delete(connection, write)
    document = write.document
    rows = rows_of(document.kind)
    # Never used twice, so that a document that went and came back isn't taken for the one that was read.
    version = random.getrandbits(62)
    values = rows.values(document, version)
    if isinstance(write, Replace):
        changed = 0 if document.version is None else _update(connection, rows, values, int(document.version))
    elif isinstance(write, Put):
        changed = connection.execute(rows.put, values).rowcount
    else:
        changed = connection.execute(rows.insert, values).rowcount
    return str(version) if changed == 1 else None


def _update(connection: sqlite3.Connection, rows: Rows, values: Sequence[Any], version: int) -> int:
    """How many rows were written over: none where another version is there. Only columns that change are named, for
    SQLite moves every index that has a named one, and a row's indexes weigh more than the row."""
    key, new_version, data, *fields = values
    present = connection.execute(rows.present, (key, version)).fetchone()
    if present is None:
        return 0
    changed = tuple(at for at, (old, new) in enumerate(zip(present[1:], fields, strict=True)) if old != new)
    set_to = (new_version, data, *(fields[at] for at in changed))
    return connection.execute(rows.update(changed), (*set_to, key, version)).rowcount


def _delete(connection: sqlite3.Connection, write: Delete) -> str | None:
    rows = rows_of(write.kind)
    if write.version is None:
        connection.execute(rows.delete, (write.id,))
        return ""
    changed = connection.execute(f"{rows.delete} AND version = ?", (write.id, int(write.version))).rowcount
    return "" if changed == 1 else None


def _key(write: Write) -> tuple[str, str]:
    return (write.kind, write.id) if isinstance(write, Delete) else write.document.key


def _arrive(connection: sqlite3.Connection, arrival: NewEvent, now: int) -> Document | None:
    rows = rows_of("events")
    if arrival.earlier is not None and arrival.earlier_since is not None:
        earlier = connection.execute(
            f"{rows.select} WHERE id = ? AND received_at >= ?", (arrival.earlier, microseconds(arrival.earlier_since))
        ).fetchone()
        if earlier is not None:
            return rows.document(earlier)
    if _write(connection, Create(arrival.document)) is not None:
        _add_tasks(connection, [arrival.task] if arrival.task else [], now)
        return None
    present = connection.execute(f"{rows.select} WHERE id = ?", (arrival.document.id,)).fetchone()
    return rows.document(present)


def _add_tasks(connection: sqlite3.Connection, tasks: Sequence[Task], now: int) -> None:
    for task in tasks:
        if task.name is not None and not _name_is_free(connection, task.name, now):
            continue
        due = microseconds(task.due) if task.due else now
        body = json.dumps(dict(task.body))  # ASCII: whatever stands in it can be stored
        connection.execute(
            "INSERT INTO tasks (queue, path, body, due) VALUES (?, ?, ?, ?)", (task.queue, task.path, body, due)
        )


def _name_is_free(connection: sqlite3.Connection, name: str, now: int) -> bool:
    connection.execute("DELETE FROM task_names WHERE name = ? AND taken_at < ?", (name, now - NAMES_KEPT))
    taken = connection.execute("INSERT INTO task_names VALUES (?, ?) ON CONFLICT DO NOTHING", (name, now)).rowcount
    return taken == 1
