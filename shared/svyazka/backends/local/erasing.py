"""Erased means erased: what was overwritten or removed can't be read from the database's files any more.

SQLite leaves the old bytes in free pages and in its write-ahead log unless it is told otherwise. So deleted content
is overwritten with zeros at once, the log is emptied after `forget` and after retention, and a file of a release that
did neither is written anew once.
"""

from __future__ import annotations

import sqlite3
import time

CLEAN = 0x5356595A
"""`PRAGMA application_id` of a file in which nothing was ever left behind ("SVYZ")."""

TRIES, PAUSE = 5, 0.2
"""How often, and seconds apart, the log is tried to be emptied: a reader in the middle of its question stands in the
way."""


def overwrite_what_is_deleted(connection: sqlite3.Connection) -> None:
    """From now on, whatever this connection changes or removes is zeros."""
    connection.execute("PRAGMA secure_delete=ON")


def empty_log(connection: sqlite3.Connection) -> bool:
    """Bring everything from the write-ahead log into the file and cut it to nothing; False where somebody reads from
    it all the time: the next one tries again."""
    connection.execute("PRAGMA busy_timeout=100")
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        try:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError:  # locked by another process
            continue
        if not busy:
            return True
    return False


def is_clean(connection: sqlite3.Connection) -> bool:
    """Whether the file was written like this from its first day, or was written anew since."""
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == CLEAN)


def mark_clean(connection: sqlite3.Connection) -> None:
    """Say so in the file."""
    connection.execute(f"PRAGMA application_id={CLEAN}")


def write_anew(connection: sqlite3.Connection, patience: float) -> None:
    """Leave behind what an earlier release left in free pages. It takes as much room again for a moment; where there is
    none, or another process is at work all the time, the next opening tries again."""
    deadline = time.monotonic() + patience
    connection.execute("PRAGMA busy_timeout=1000")
    while not is_clean(connection):
        try:
            connection.execute("VACUUM")
            mark_clean(connection)
            empty_log(connection)
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > deadline:
                return
