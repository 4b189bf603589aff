"""What became of each line, until the report is written: by its number, outside of memory."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Fate(NamedTuple):
    """One line's."""

    what: str
    object: str | None
    note: str | None


class Ledger:
    """A private database of SQLite's that is gone with the process."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        for statement in (
            "PRAGMA cache_size = -4000", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF",
            "CREATE TABLE lines (number INTEGER PRIMARY KEY, what TEXT, object TEXT, note TEXT)",
        ):  # fmt: skip
            self._base.execute(statement)

    def take(self, number: int, what: str, object_: str | None = None, note: str | None = None) -> None:
        """What became of a line; the latest word counts."""
        self._base.execute("INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?)", (number, what, object_, note))

    def of(self, number: int) -> Fate | None:
        """What is known of it."""
        found = self._base.execute("SELECT what, object, note FROM lines WHERE number = ?", (number,)).fetchone()
        return Fate(*found) if found is not None else None

    def count(self, *what: str) -> int:
        """How many lines became one of these."""
        marks = ", ".join("?" * len(what))
        (count,) = self._base.execute(f"SELECT count(*) FROM lines WHERE what IN ({marks})", what).fetchone()
        return int(count)
