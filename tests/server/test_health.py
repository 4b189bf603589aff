"""`/health` says whether a webhook would be durable now, and costs little however often it is asked."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from svyazka.backends.local.store import FILE, LocalStore
from svyazka.engine.ports.store import Create, Document
from svyazka.model.errors import Unavailable
from svyazka.server.health import FRESH, PATIENCE, Health


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    made = LocalStore.open(tmp_path)
    await made.commit([Create(Document("meta", "before", {}, b"{}"))])
    yield made
    await made.close()


async def asked(store: object, patience: float = PATIENCE) -> tuple[int, str]:
    answer = await Health(store, patience=patience).answer()
    return answer.status, json.loads(answer.body).get("detail", "")


async def test_a_database_that_takes_writes_is_well_and_nothing_is_left_in_it(store: LocalStore) -> None:
    assert await asked(store) == (200, "")
    assert store.read("SELECT id FROM meta") == [("before",)]


async def test_a_locked_database_is_told_and_well_again_afterwards(store: LocalStore) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    status, why = await asked(store)
    other.execute("ROLLBACK")
    other.close()
    assert (status, "another process holds it" in why) == (503, True)
    assert (await asked(store))[0] == 200


async def test_a_full_file_is_told(store: LocalStore) -> None:
    def no_more_room(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 1}")

    await store.change(no_more_room)
    status, why = await asked(store)
    assert (status, "make room" in why) == (503, True)


async def test_a_nearly_full_disk_is_told_before_it_is_full(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 4096, 4096))
    status, why = await asked(store)
    assert (status, "make room" in why) == (503, True)


@pytest.mark.parametrize("harm", ["gone", "replaced", "nonsense"])
async def test_a_database_file_that_is_no_longer_ours_is_told(store: LocalStore, tmp_path: Path, harm: str) -> None:
    assert await asked(store) == (200, "")
    path = tmp_path / FILE
    match harm:
        case "gone":
            path.unlink()
        case "replaced":
            path.rename(tmp_path / "old.db")
            path.write_bytes((tmp_path / "old.db").read_bytes())
        case _:
            with sqlite3.connect(path) as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            other.close()
            with path.open("r+b") as file:
                file.write(b"no database" * 1000)
    assert (await asked(store))[0] == 503


class Counting:
    """A store that counts how often it was tried."""

    def __init__(self, trouble: str | None = None) -> None:
        self.tried, self.trouble = 0, trouble

    async def check_durable(self) -> None:
        self.tried += 1
        await asyncio.sleep(0)
        if self.trouble:
            raise Unavailable(self.trouble)


class Silent:
    """A store whose disk doesn't answer."""

    async def check_durable(self) -> None:
        await asyncio.Event().wait()


async def test_one_look_serves_all_who_ask_and_trouble_is_logged_once(capsys: pytest.CaptureFixture[str]) -> None:
    store, now = Counting("the disk is full"), [0.0]
    health = Health(store, lambda: now[0])
    answers = await asyncio.gather(*(health.answer() for _ in range(50)))
    assert {answer.status for answer in answers} == {503}
    assert store.tried == 1
    now[0] = FRESH
    await health.answer()
    assert store.tried == 2
    assert capsys.readouterr().out.count("the disk is full") == 1
    now[0], store.trouble = 2 * FRESH, None
    assert (await health.answer()).status == 200


async def test_a_disk_that_does_not_answer_is_as_good_as_none() -> None:
    status, why = await asked(Silent(), patience=0.01)
    assert (status, "hasn't answered" in why) == (503, True)
    assert PATIENCE < 5, "a monitor waits no longer"
