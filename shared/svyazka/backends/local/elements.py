"""Which documents a list's element stands in: beside each kind that is asked so, a table of elements.

Triggers keep them, so that what a release before ours writes is found as well. What was there before they were is
entered by a step of `migrations.py`; until it has been taken, a list is looked through row by row.
"""

from __future__ import annotations

import sqlite3

from svyazka.engine.journal.kinds import queries


def lists() -> dict[str, tuple[str, str]]:
    """Table of elements -> the kind and its field."""
    asked = {(query.kind, query.contains) for query in queries() if query.contains}
    return {f"{kind}_{field}": (kind, field) for kind, field in sorted(asked)}


def tables() -> dict[str, str]:
    """What makes each table, by its name."""
    return {
        name: f"CREATE TABLE IF NOT EXISTS {name} (element TEXT NOT NULL, of TEXT NOT NULL, "
        "PRIMARY KEY (element, of)) WITHOUT ROWID"
        for name in lists()
    }


def triggers() -> dict[str, str]:
    """What makes each trigger, by its name."""
    made: dict[str, str] = {}
    for table, (kind, field) in lists().items():
        enter = f"INSERT OR IGNORE INTO {table} SELECT value, NEW.id FROM json_each(NEW.{field});"
        leave = f"DELETE FROM {table} WHERE of = OLD.id AND element IN (SELECT value FROM json_each(OLD.{field}));"
        listed, was_listed = f"NEW.{field} IS NOT NULL", f"OLD.{field} IS NOT NULL"
        made |= {
            f"{table}_enter": f"AFTER INSERT ON {kind} WHEN {listed} BEGIN {enter} END",
            f"{table}_move": f"AFTER UPDATE OF {field} ON {kind} BEGIN {leave} {enter} END",
            f"{table}_leave": f"AFTER DELETE ON {kind} WHEN {was_listed} BEGIN {leave} END",
        }
    return {name: f"CREATE TRIGGER IF NOT EXISTS {name} {does}" for name, does in made.items()}


def lacking(connection: sqlite3.Connection) -> list[str]:
    """What makes those that a file has not."""
    present = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type != 'index'")}
    return [statement for name, statement in {**tables(), **triggers()}.items() if name not in present]
