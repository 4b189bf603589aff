"""The cards of a system, by what people are told by: listed once, and each row of a file is looked up among them.

They lie in a private database of SQLite's, which goes to a nameless file of its own where memory would grow with the
system, and is gone with the process. Whether a row and a card can be one person is asked where everybody asks it:
`engine/comparing/matching.py`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from svyazka.engine.comparing.matching import can_be_one, full_name, resemble, told_by
from svyazka.engine.rules.what_differs import normal_element
from svyazka.importing.rows import Row
from svyazka.model.records import CLEARED, TELLING, UNREAD, Object, RecordKind

CACHE = 8_000
"""KiB of it that stay in memory."""

_TABLES = (
    f"PRAGMA cache_size = -{CACHE}", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF",
    "PRAGMA temp_store = FILE",
    "CREATE TABLE cards (id TEXT PRIMARY KEY, name TEXT, made REAL, changed REAL, body TEXT) WITHOUT ROWID",
    "CREATE TABLE keys (key TEXT, id TEXT, PRIMARY KEY (key, id)) WITHOUT ROWID",
    "CREATE INDEX names ON cards (name) WHERE name <> ''",
)  # fmt: skip

RESEMBLE_MOST = 50
"""Cards of one full name that are compared: more of them tell nobody from anybody."""

ALIKE = f"SELECT body FROM cards WHERE name = ? AND name <> '' LIMIT {RESEMBLE_MOST}"
"""The index of names is none of empty ones, and is taken only where the question says so too: else each line of a file
would go through all cards."""


class Cards:
    """All of them, as they were listed."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in _TABLES:
            self._base.execute(statement)
        self.shown: set[str] = set()
        """Fields that any of them shows, be it that they are empty."""

    def __len__(self) -> int:
        (count,) = self._base.execute("SELECT count(*) FROM cards").fetchone()
        return int(count)

    def add(self, objects: Iterable[Object]) -> None:
        """Remember these; one that came before is replaced."""
        self._base.execute("BEGIN")
        for one in objects:
            if (before := self.get(one.id)) is not None:
                gone = [(key, one.id) for key in shown_keys(before)]
                self._base.executemany("DELETE FROM keys WHERE key = ? AND id = ?", gone)
            name = " ".join(full_name(told_by(one)[0]))
            times = [at.timestamp() if at else None for at in (one.created_at, one.changed_at)]
            self._base.execute(
                "INSERT OR REPLACE INTO cards VALUES (?, ?, ?, ?, ?)", (one.id, name, *times, _packed(one))
            )
            self.shown.update(field for field, value in one.fields.items() if value is not UNREAD)
            keys = [(key, one.id) for key in shown_keys(one)]
            self._base.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", keys)
        self._base.execute("COMMIT")

    def __contains__(self, id_: object) -> bool:
        return self._base.execute("SELECT 1 FROM cards WHERE id = ?", (id_,)).fetchone() is not None

    def get(self, id_: str) -> Object | None:
        """One by its id."""
        return next(self._found("SELECT body FROM cards WHERE id = ?", id_), None)

    def same(self, row: Row) -> list[Object]:
        """The cards that can be this person's: they share a phone or an address, and nothing of name, patronymic or
        birthday speaks against it."""
        found: dict[str, Object] = {}
        for key in keys_of(row):
            sharing = self._found("SELECT body FROM cards JOIN keys USING (id) WHERE key = ?", key)
            found |= {one.id: one for one in sharing}
        return [one for one in found.values() if can_be_one(told_by_row(row), told_by(one))]

    def resembling(self, row: Row) -> list[Object]:
        """The cards that share neither with him, and may be his all the same."""
        name = " ".join(full_name(row.text("name")))
        if not name:
            return []
        found = self._found(ALIKE, name)
        told, keys = told_by_row(row), keys_of(row)
        return [one for one in found if resemble(told, keys, told_by(one), shown_keys(one))]

    def made_as(self, row: Row, since: datetime) -> list[Object]:
        """The cards that may have been made of this row since then: they show all that it says of phones and addresses,
        and its name, and no other birthday. Of a row that has neither phone nor address a card with one is another
        person's of that name."""
        keys, told = keys_of(row), told_by_row(row)
        name = told[0]
        if keys:
            asked = "SELECT body FROM cards JOIN keys USING (id) WHERE key = ? AND (made IS NULL OR made >= ?)"
            found = self._found(asked, keys[0], since.timestamp())
        else:
            asked = "SELECT body FROM cards WHERE made IS NULL OR made >= ?"
            found = self._found(asked, since.timestamp())
        return [
            one for one in found
            if set(keys) <= set(shown_keys(one)) and (keys or not shown_keys(one)) and can_be_one(told, told_by(one))
            and (_words(told_by(one)[0]) == _words(name) or (name is None and bool(keys)))
        ]  # fmt: skip

    def newest_change(self) -> datetime | None:
        """The latest moment at which one of them was changed."""
        (newest,) = self._base.execute("SELECT max(changed) FROM cards").fetchone()
        return None if newest is None else datetime.fromtimestamp(newest, UTC)

    def _found(self, asked: str, *values: object) -> Iterator[Object]:
        for (body,) in self._base.execute(asked, values).fetchall():
            yield _unpacked(body)


def keys_of(row: Row) -> tuple[str, ...]:
    """A row's phones and addresses, each in its one spelling."""
    return tuple(dict.fromkeys(normal_element(name, text) for name in ("phone", "email") for text in row.texts(name)))


def told_by_row(row: Row) -> tuple[str | None, str | None]:
    """A row's name and birth date."""
    return row.text("name"), row.text("birthday")


def shown_keys(one: Object) -> tuple[str, ...]:
    """A card's phones and addresses, each in its one spelling."""
    return tuple(dict.fromkeys(normal_element(name, text) for name in sorted(TELLING) for text in one.elements(name)))


def _words(name: str | None) -> list[str]:
    return sorted((name or "").casefold().split())


def _packed(one: Object) -> str:
    """What is compared of it."""
    fields = {name: None if shown is CLEARED else shown for name, shown in one.fields.items() if shown is not UNREAD}
    times = [at.isoformat() if at else None for at in (one.created_at, one.changed_at)]
    return json.dumps([one.kind, one.id, fields, one.version, one.called, *times], ensure_ascii=False)


def _unpacked(body: str) -> Object:
    kind, id_, fields, version, called, created, changed = json.loads(body)
    return Object(
        RecordKind(kind), id_, {name: _shown(value) for name, value in fields.items()}, version=version, called=called,
        created_at=datetime.fromisoformat(created) if created else None,
        changed_at=datetime.fromisoformat(changed) if changed else None,
    )  # fmt: skip


def _shown(value: Any) -> Any:
    return CLEARED if value is None else tuple(value) if isinstance(value, list) else value
