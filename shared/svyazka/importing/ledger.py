"""What became of each line, until the report is written: by its number, outside of memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple


class Fate(NamedTuple):
    """One line's."""

    what: str
    object: str | None
    note: str | None
    left_out: tuple[str, ...]
    """Fields that the system has no place for."""


class Ledger:
    """A private database of SQLite's that is gone with the process."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        for statement in (
            "PRAGMA cache_size = -4000", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF",
            "CREATE TABLE lines (number INTEGER PRIMARY KEY, what TEXT, object TEXT, note TEXT, left_out TEXT)",
        ):  # fmt: skip
            self._base.execute(statement)

    def take(
        self, number: int, what: str, object_: str | None = None, note: str | None = None,
        left_out: Iterable[str] = (),
    ) -> None:  # fmt: skip
        """What became of a line; the latest word counts."""
        row = (number, what, object_, note, " ".join(left_out))
        self._base.execute("INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?, ?)", row)

    def of(self, number: int) -> Fate | None:
        """What is known of it."""
        asked = "SELECT what, object, note, left_out FROM lines WHERE number = ?"
        found = self._base.execute(asked, (number,)).fetchone()
        if found is None:
            return None
        what, object_, note, left_out = found
        return Fate(what, object_, note, tuple(left_out.split()))

    def count(self, *what: str) -> int:
        """How many lines became one of these."""
        marks = ", ".join("?" * len(what))
        (count,) = self._base.execute(f"SELECT count(*) FROM lines WHERE what IN ({marks})", what).fetchone()
        return int(count)
