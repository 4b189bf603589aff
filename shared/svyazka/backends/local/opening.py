"""Opening the file: made where there is none, refused where a newer release has it, and brought up to date.

Every process may add what our kinds have more (an empty table, a column without values: moments, whatever the file's
size), so that the one that accepts webhooks never waits for an upgrade. All that takes longer is the working process's,
which takes a copy first.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from svyazka.backends.local import elements
from svyazka.backends.local.erasing import mark_clean, write_anew
from svyazka.backends.local.migrations import MIGRATIONS, migrate, missing, note_all, with_lock
from svyazka.backends.local.schema import columns, indexes, statements
from svyazka.backends.local.writer import begin, connect
from svyazka.catalogue import N_
from svyazka.engine.support.logs import log
from svyazka.model.errors import Unavailable

PATIENCE = 60.0
"""Seconds that a process waits for another one that brings the file up to date."""

ROOM = 64 << 20
"""Bytes that must stay free beside the copy: the file grows while its columns are filled."""

COPIES_KEPT = 14 * 86400.0
"""Seconds that a copy is kept: it holds what is blanked meanwhile."""

COPY = "{name}.before-{step}"


def prepare(path: Path, *, upgrade: bool = False) -> None:
    """Make the tables of a new file, or what one of ours lacks. `upgrade`: with all that takes its time.

    Raises Unavailable, for a file that only a newer release may write too.
    """
    fresh = not path.exists()
    try:
        with closing(connect(path)) as connection:
            if fresh:
                path.chmod(0o600)
            if not _version(connection):
                _locked(connection, lambda: _make(connection))
            if _lacking(connection):
                _locked(connection, lambda: [connection.execute(one) for one in _lacking(connection)])
            if upgrade:
                _upgrade(path, connection)
    except sqlite3.Error as error:
        raise Unavailable(f"{path}: {error}") from error


def _locked(connection: sqlite3.Connection, work: Callable[[], object]) -> None:
    with_lock(connection, lambda one: begin(one, PATIENCE), work)


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables, unless another process was quicker."""
    if _version(connection):
        return
    for statement in statements():
        connection.execute(statement)
    note_all(connection)
    connection.execute(f"PRAGMA user_version={max([1, *(step.oldest or 1 for step in MIGRATIONS)])}")
    mark_clean(connection)


def _lacking(connection: sqlite3.Connection) -> list[str]:
    """What makes the tables, columns and triggers that a release before ours hadn't: it can go on working with them."""
    found = connection.execute(
        "SELECT one.name, of.name FROM sqlite_master AS one, pragma_table_info(one.name) AS of WHERE one.type = 'table'"
    )
    present: dict[str, set[str]] = {}
    for table, column in found:
        present.setdefault(table, set()).add(column)
    lacking = []
    for table, wanted in columns().items():
        if table not in present:
            lacking.append(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(wanted.values())})")
            continue
        added = [line for name, line in wanted.items() if name not in present[table]]
        lacking += [f"ALTER TABLE {table} ADD COLUMN {line}" for line in added]
    return lacking + elements.lacking(connection)


# Bringing it up to date


def _upgrade(path: Path, connection: sqlite3.Connection) -> None:
    """Steps, with a copy before them, and indexes; by one process, for which others wait."""
    drop_old_copies(path)
    if missing(connection) or _missing_indexes(connection):
        with _alone(path):
            steps = missing(connection)
            if steps:
                copied = _copy(path, connection, steps[0].number)
                log("NOTICE", "database is being brought up to date", count=len(steps), path=str(copied))
                began = time.monotonic()
                migrate(connection, lambda one: begin(one, PATIENCE))
                log("NOTICE", "database is up to date", seconds=round(time.monotonic() - began, 1), path=str(path))
            for statement in _missing_indexes(connection):
                _locked(connection, lambda statement=statement: connection.execute(statement))  # type: ignore[misc]
    write_anew(connection, patience=30.0)


def _missing_indexes(connection: sqlite3.Connection) -> list[str]:
    present = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    return [statement for name, statement in indexes().items() if name not in present]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time, however it ends; the others wait."""
    deadline = time.monotonic() + PATIENCE
    lying = path.with_name(f"{path.name}.upgrade")
    lying.touch(mode=0o600)  # as all that lies in the data folder, or `doctor` would call it open
    with lying.open("w") as lock:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > deadline:
                raise Unavailable(
                    N_("{path}: another process has been bringing it up to date for {seconds} s; try again").format(
                        path=path, seconds=round(PATIENCE)
                    )
                )
            time.sleep(0.1)
        yield


def _copy(path: Path, connection: sqlite3.Connection, step: int) -> Path:
    """The whole as it is now, beside it; webhooks are taken in meanwhile. Raises Unavailable where there is no room."""
    (size,) = connection.execute(
        "SELECT (of_pages.page_count - of_free.freelist_count) * of_size.page_size FROM pragma_page_count AS of_pages,"
        " pragma_freelist_count AS of_free, pragma_page_size AS of_size"
    ).fetchone()
    free = shutil.disk_usage(path.parent).free
    if free < size + ROOM:
        raise Unavailable(
            N_(
                "{path} is of an earlier release, and is brought up to date once a copy of it lies beside it: that "
                "takes {needed} MiB, and {free} MiB are free. Make room on its disk. Webhooks are taken in meanwhile"
            ).format(path=path, needed=(size + ROOM) >> 20, free=free >> 20)
        )
    copy = path.with_name(COPY.format(name=path.name, step=step))
    begun = copy.with_name(f"{copy.name}.part")
    begun.unlink(missing_ok=True)
    begun.touch(mode=0o600)
    connection.execute("VACUUM INTO ?", (str(begun),))
    with begun.open("rb") as made:
        os.fsync(made.fileno())
    begun.replace(copy)
    return copy


def copies(path: Path) -> list[Path]:
    """The copies that were made before upgrades, the newest last."""
    found = path.parent.glob(COPY.format(name=path.name, step="*"))
    return sorted(found, key=lambda copy: copy.stat().st_mtime)


def drop_old_copies(path: Path) -> None:
    """Remove those that nobody will go back to any more."""
    for copy in copies(path):
        if copy.stat().st_mtime < time.time() - COPIES_KEPT:
            copy.unlink(missing_ok=True)
