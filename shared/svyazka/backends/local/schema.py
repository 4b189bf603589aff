"""The SQLite file: a table for each kind of document with its indexed scalars as columns, and the tasks.

Times are whole microseconds since 1970 UTC; lists are JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from svyazka.backends.local.elements import tables, triggers
from svyazka.engine.journal.kinds import KINDS, queries
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Document, Value

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_TYPES = {"text": "TEXT", "int": "INTEGER", "time": "INTEGER", "texts": "TEXT"}

TASKS = """
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL,
    due INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX tasks_due ON tasks (queue, due);
CREATE TABLE task_names (name TEXT PRIMARY KEY, taken_at INTEGER NOT NULL) WITHOUT ROWID;
"""


def microseconds(moment: datetime) -> int:
    """A time as it is stored."""
    return (moment - EPOCH) // MICROSECOND


def moment(stored: int) -> datetime:
    """A stored time."""
    return EPOCH + timedelta(microseconds=stored)


ALWAYS = {"id": "id TEXT PRIMARY KEY", "version": "version INTEGER NOT NULL", "data": "data BLOB NOT NULL"}
"""Columns of every table; those of a kind's own follow."""


def columns() -> dict[str, dict[str, str]]:
    """What each kind's table consists of: column by column, by name."""
    return {
        kind.name: {**ALWAYS, **{name: f"{name} {_TYPES[one.type]}" for name, one in kind.fields.items()}}
        for kind in KINDS.values()
    }


def statements() -> list[str]:
    """What makes an empty file ours."""
    made = [f"CREATE TABLE {table} ({', '.join(its.values())})" for table, its in columns().items()]
    of_lists = [*tables().values(), *triggers().values()]
    return [*made, *of_lists, *indexes().values(), *[one for one in TASKS.split(";") if one.strip()]]


def indexes() -> dict[str, str]:
    """What makes each index, by its name. A file of an earlier release lacks some: they are made when it is opened."""
    made = {
        f"{kind}_expire": f"CREATE INDEX IF NOT EXISTS {kind}_expire ON {kind} (expire_at) WHERE expire_at IS NOT NULL"
        for kind in KINDS
        if KINDS[kind].expires
    }
    return {**made, **dict(sorted(named for query in queries() if (named := _index(query))))}


def _index(query: Query) -> tuple[str, str] | None:
    ordered = (query.order or query.at_most or "").lstrip("-")
    columns = [*query.equal, *(name for name in (ordered, query.sums) if name)]
    if not columns:
        return None
    # What is only ever found by `<=` is mostly absent (nothing due, nothing to blank), and so is what is summed up:
    # those rows stay out.
    absent = (name for name in query.equal if KINDS[query.kind].fields[name].rare)
    rare = query.sums or (ordered if query.at_most else next(absent, None))
    partial = f" WHERE {rare} IS NOT NULL" if rare else ""
    name = f"{query.kind}_{'_'.join(columns)}"
    return name, f"CREATE INDEX IF NOT EXISTS {name} ON {query.kind} ({', '.join(columns)}){partial}"


class Rows:
    """One kind's statements and its way from documents to rows and back."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.fields = KINDS[kind].fields
        names = [*ALWAYS, *self.fields]
        self.select = f"SELECT {', '.join(names)} FROM {kind}"
        marks = ", ".join("?" * len(names))
        self.insert = f"INSERT INTO {kind} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"
        over = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        self.put = f"INSERT INTO {kind} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {over}"
        self.present = f"SELECT {', '.join(['version', *self.fields])} FROM {kind} WHERE id = ? AND version = ?"
        self.delete = f"DELETE FROM {kind} WHERE id = ?"

    @cache  # noqa: B019 - as many as there are kinds and ways to change one
    def update(self, changed: tuple[int, ...]) -> str:
        """The statement that sets the version, the data and these of its fields."""
        names = list(self.fields)
        setting = ", ".join(f"{name} = ?" for name in ("version", "data", *(names[at] for at in changed)))
        return f"UPDATE {self.kind} SET {setting} WHERE id = ? AND version = ?"

    def values(self, document: Document, version: int) -> list[Any]:
        """The columns of a document, in the order of the statements."""
        given = document.fields
        return [document.id, version, document.data, *(stored(given.get(name)) for name in self.fields)]

    def document(self, row: Sequence[Any]) -> Document:
        """A row as the document that it is."""
        fields: dict[str, Value] = {}
        for (name, field), value in zip(self.fields.items(), row[3:], strict=True):
            if value is not None and field.type == "time":
                value = moment(value)
            elif value is not None and field.type == "texts":
                value = tuple(json.loads(value))
            fields[name] = value
        return Document(self.kind, row[0], fields, bytes(row[2]), str(row[1]))


def stored(value: Value) -> Any:
    """A field's value as SQLite keeps it."""
    if isinstance(value, datetime):
        return microseconds(value)
    if value is None or isinstance(value, str | int):
        return value
    return json.dumps(list(value), ensure_ascii=False)


rows_of = cache(Rows)
"""The statements of a kind, by its name."""
