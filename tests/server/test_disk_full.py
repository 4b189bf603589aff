"""A disk that is full: nothing is answered with 200, nothing half-written, and all is well once there is room."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from svyazka.backends.local.store import LocalStore
from svyazka.engine.ports.store import Create, Document, Task
from svyazka.model.errors import Unavailable


async def test_a_full_disk_refuses_whole_commits(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path)
    await store.commit([Create(Document("meta", "before", {}, b"{}"))])

    def no_more_room(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 2}")

    await store.change(no_more_room)
    big = Document("meta", "big", {}, b"x" * 100_000)
    with pytest.raises(Unavailable, match="SQLITE_FULL: make room on its disk"):
        await store.commit([Create(Document("meta", "small", {}, b"{}")), Create(big)], [Task("plan", "/plan", {})])
    assert await store.get("meta", "small") is None
    assert store.read("SELECT count(*) FROM tasks") == [(0,)]

    def room_again(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count=1000000")

    await store.change(room_again)
    await store.commit([Create(big)], [Task("plan", "/plan", {})])
    assert store.read("SELECT count(*) FROM tasks") == [(1,)]
    await store.close()
