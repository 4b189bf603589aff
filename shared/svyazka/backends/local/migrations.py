"""Steps that bring a file of an earlier release up to ours, numbered, each in a transaction of its own.

A step is never changed once a release has had it, and never leaves out its number. Steps here only add (tables,
columns): the release before goes on working with the file, for it names every column that it writes. What takes
something away comes a release later and raises `schema.VERSION`. New indexes need no step: they follow from the table
of queries and are made when a file lacks them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Migration:
    """One step."""

    number: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS: Sequence[Migration] = (
    Migration(
        1,
        "deliveries have their cost as a column, in ten-thousandths, so that it is added up without reading them",
        (
            "ALTER TABLE deliveries ADD COLUMN cost INTEGER",
            "UPDATE deliveries SET cost = CAST(round(json_extract(CAST(data AS TEXT), '$.cost') * 10000) AS INTEGER)"
            " WHERE json_valid(CAST(data AS TEXT)) AND json_extract(CAST(data AS TEXT), '$.cost') IS NOT NULL",
        ),
    ),
)

LEDGER = "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at REAL NOT NULL)"


def done(connection: sqlite3.Connection) -> set[int]:
    """Numbers of the steps that a file has taken."""
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").fetchone()
    return {number for (number,) in connection.execute("SELECT number FROM migrations")} if there else set()


def note_all(connection: sqlite3.Connection) -> None:
    """A new file needs no step: its tables were made as they are now."""
    connection.execute(LEDGER)
    for step in MIGRATIONS:
        connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.number, step.name, time.time()))


def migrate(connection: sqlite3.Connection, begin: Callable[[sqlite3.Connection], None]) -> int:
    """Take the steps that are missing; how many this process took. `begin` takes the write lock.

    Two processes may come at once: each looks again once it holds the lock. Who dies in between leaves a file that
    has taken a step whole or not at all.
    """
    taken = 0
    for step in MIGRATIONS:
        if step.number in done(connection):
            continue
        begin(connection)
        try:
            if step.number not in done(connection):
                for statement in (LEDGER, *step.statements):
                    connection.execute(statement)
                connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.number, step.name, time.time()))
                taken += 1
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    return taken
