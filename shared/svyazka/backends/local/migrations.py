"""Steps that bring a file of an earlier release up to ours, numbered.

What a release only has more of needs no step: tables, columns and indexes follow from the declarations of kinds, and
are made where a file lacks them (`opening.py`). A step is for what has to be worked out from what is there (`fills`,
a batch at a time, so that webhooks are taken in meanwhile) or taken away (`statements`, at once or not at all).

A step is never changed once a release has had it, and never leaves out its number. A release counts as its newest
step's number; the first one, which had none, counts as 1. The file says in `migrations` which steps it has taken, and
in `user_version` the oldest release that may write it. What is taken away must have been unused for a release: `oldest`
names that one, and is less than the step's own number.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fill:
    """Columns worked out for the rows that lack them. Rows that have them are left alone: it may run twice."""

    table: str
    set: str
    where: str


@dataclass(frozen=True, slots=True)
class Migration:
    """One step."""

    number: int
    name: str
    fills: Fill | None = None
    statements: tuple[str, ...] = ()
    oldest: int | None = None
    """It takes something away: the number of the oldest release that may write the file afterwards."""


ENTERED = {
    3: "events", 4: "raws", 5: "deliveries", 6: "keys", 7: "sealed", 8: "records", 9: "matches",
    10: "payments", 11: "receipts", 12: "subscriptions",
}  # fmt: skip
"""The steps that enter whom each kind speaks of: see elements.py."""

MIGRATIONS: Sequence[Migration] = (
    Migration(
        1,
        "deliveries have their cost as a column, in ten-thousandths, so that it is added up without reading them",
        Fill(
            "deliveries",
            "cost = CAST(round(json_extract(CAST(data AS TEXT), '$.cost') * 10000) AS INTEGER)",
            "cost IS NULL AND json_valid(CAST(data AS TEXT))"
            " AND json_extract(CAST(data AS TEXT), '$.cost') IS NOT NULL",
        ),
    ),
    Migration(
        2,
        "deliveries that wait say for which connection, so that an outage finds its own",
        Fill("deliveries", "waits_on = connection", "waits_on IS NULL AND status IN ('parked', 'blocked')"),
    ),
    *(
        Migration(
            number,
            f"{kind} are found by a person without looking through all of them",
            Fill(kind, "people = people", "people IS NOT NULL AND people <> '[]'"),  # the triggers enter them
        )
        for number, kind in ENTERED.items()
    ),
)

BATCH = 2000
"""Rows that are filled in one transaction: some tens of milliseconds, in which others wait for their turn."""

GAP = 0.005
"""Seconds between two of them, for whoever waits."""

LEDGER = "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at REAL NOT NULL)"

Begin = Callable[[sqlite3.Connection], None]
"""Takes the write lock."""


def release() -> int:
    """What this release counts as."""
    return max((step.number for step in MIGRATIONS), default=1)


def done(connection: sqlite3.Connection) -> set[int]:
    """Numbers of the steps that a file has taken."""
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").fetchone()
    return {number for (number,) in connection.execute("SELECT number FROM migrations")} if there else set()


def missing(connection: sqlite3.Connection) -> list[Migration]:
    """The steps that it hasn't, in their order."""
    taken = done(connection)
    return [step for step in MIGRATIONS if step.number not in taken]


def note_all(connection: sqlite3.Connection) -> None:
    """A new file needs no step: its tables were made as they are now."""
    connection.execute(LEDGER)
    for step in MIGRATIONS:
        _note(connection, step)


def migrate(connection: sqlite3.Connection, begin: Begin) -> list[Migration]:
    """Take the steps that are missing; those that were taken. Who dies in between leaves a file of which each step is
    whole, or not noted and taken again."""
    taken = missing(connection)
    for step in taken:
        if step.fills is not None:
            _fill(connection, step.fills, begin)
        with_lock(connection, begin, lambda step=step: _take(connection, step))  # type: ignore[misc]
    return taken


def with_lock(connection: sqlite3.Connection, begin: Begin, work: Callable[[], object]) -> None:
    """Do `work` in one transaction, whole or not at all."""
    begin(connection)
    try:
        work()
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _take(connection: sqlite3.Connection, step: Migration) -> None:
    for statement in (LEDGER, *step.statements):
        connection.execute(statement)
    if step.oldest is not None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version={max(version, step.oldest)}")
    _note(connection, step)


def _note(connection: sqlite3.Connection, step: Migration) -> None:
    connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.number, step.name, time.time()))


def _fill(connection: sqlite3.Connection, fill: Fill, begin: Begin) -> None:
    statement = f"UPDATE {fill.table} SET {fill.set} WHERE rowid > ? AND rowid <= ? AND ({fill.where})"
    for first in _places(connection, fill.table):
        place = (first, first + BATCH)
        with_lock(connection, begin, lambda place=place: connection.execute(statement, place))  # type: ignore[misc]
        time.sleep(GAP)


def _places(connection: sqlite3.Connection, table: str) -> Iterator[int]:
    place = 0
    while place <= (connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or -1):
        yield place
        place += BATCH
