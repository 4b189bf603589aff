"""A file of an earlier release is brought up to ours: a copy first, each step once and whole, webhooks taken in
meanwhile; and a file of a newer release is left alone."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest

from conformance.documents import arrival, event
from svyazka.backends.local import migrations, opening
from svyazka.backends.local.migrations import MIGRATIONS, Fill, Migration, done
from svyazka.backends.local.opening import COPIES_KEPT, copies, prepare
from svyazka.backends.local.store import FILE, LocalStore
from svyazka.backends.local.writer import connect
from svyazka.engine.ports.store import Create
from svyazka.model.errors import Unavailable

FIRST_RELEASE = (Path(__file__).parents[2] / "upgrade" / "first_release" / "svyazka.sql").read_text()
NEWEST = MIGRATIONS[-1].number


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A data folder as the first release left it."""
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executescript(FIRST_RELEASE)
    connection.execute("PRAGMA user_version=1")
    connection.close()
    return tmp_path


def plain(data: Path) -> sqlite3.Connection:
    """The file without our manners."""
    return sqlite3.connect(data / FILE, isolation_level=None)


def shape(data: Path) -> tuple[dict[str, set[tuple[str, str]]], set[str]]:
    """The columns of every table, and every index."""
    connection = plain(data)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables = {name: {(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({name})")} for name in names}
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    return tables, {str(name) for (name,) in found}


def steps(monkeypatch: pytest.MonkeyPatch, *more: Migration) -> None:
    """A release that has these too."""
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, *more))


def test_an_upgraded_file_is_like_a_new_one(older: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    new = tmp_path_factory.mktemp("new")
    LocalStore.open(older, upgrade=True)
    LocalStore.open(new)
    assert shape(older) == shape(new)


def test_the_first_step_takes_costs_from_what_was_written_before(older: Path) -> None:
    connection = plain(older)
    rows = connection.execute("SELECT id, json_extract(CAST(data AS TEXT), '$.cost') FROM deliveries").fetchall()
    paid = rows[0][0]
    connection.execute(
        "UPDATE deliveries SET data = CAST(json_set(CAST(data AS TEXT), '$.cost', 2.31) AS BLOB) WHERE id = ?", (paid,)
    )
    connection.close()
    store = LocalStore.open(older, upgrade=True)
    assert store.read("SELECT cost FROM deliveries WHERE id = ?", (paid,)) == [(23100,)]
    unpaid = [id_ for id_, cost in rows if cost is None and id_ != paid]
    assert unpaid
    assert all(store.read("SELECT cost FROM deliveries WHERE id = ?", (one,)) == [(None,)] for one in unpaid)


def test_four_processes_at_once_take_each_step_once_and_make_one_copy(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    copy = opening._copy
    monkeypatch.setattr(opening, "_copy", lambda *given: made.append(1) or copy(*given))  # type: ignore[func-returns-value]
    meet = threading.Barrier(4)
    failed: list[Exception] = []

    def come() -> None:
        meet.wait()
        try:
            prepare(older / FILE, upgrade=True)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, made) == ([], [1])
    assert done(plain(older)) == {step.number for step in MIGRATIONS}
    prepare(older / FILE, upgrade=True)
    assert made == [1]  # opened again it takes no step, and makes no copy


def test_a_step_that_breaks_off_leaves_the_file_as_it_was(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Migration(NEWEST + 1, "breaks off", statements=("ALTER TABLE events ADD COLUMN half TEXT", "no statement"))
    steps(monkeypatch, broken)
    with pytest.raises(Unavailable):
        LocalStore.open(older, upgrade=True)
    assert done(plain(older)) == {step.number for step in MIGRATIONS}
    assert "half" not in {name for name, _ in shape(older)[0]["events"]}


def test_the_release_before_still_takes_the_file_for_its_own(older: Path) -> None:
    """It demands `user_version` 1 and names every column that it writes."""
    LocalStore.open(older, upgrade=True)
    connection = plain(older)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.execute("INSERT INTO deliveries (id, version, data, tenant) VALUES ('dlv_x', 1, x'7b7d', 'kofe')")


def test_steps_are_numbered_from_one_and_what_is_taken_away_was_unused_for_a_release() -> None:
    assert [step.number for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
    assert all(step.oldest < step.number for step in MIGRATIONS if step.oldest is not None)
    assert all((step.oldest is None) is (not step.statements) for step in MIGRATIONS)


# The copy, and the way back


def test_a_copy_is_made_first_and_going_back_to_it_is_putting_it_in_its_place(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = plain(older).execute("SELECT id, data FROM events ORDER BY id").fetchall()
    LocalStore.open(older, upgrade=True)
    (copy,) = copies(older / FILE)
    for made in (copy, older / f"{FILE}.upgrade"):
        assert made.stat().st_mode & 0o777 == 0o600, "its owner's alone"
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert str(copy) in [line.get("path") for line in told]

    for left in older.glob(f"{FILE}*"):
        if left != copy:
            left.unlink()
    copy.replace(older / FILE)
    connection = plain(older)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert done(connection) == set()
    assert connection.execute("SELECT id, data FROM events ORDER BY id").fetchall() == events
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_copy_that_was_broken_off_is_none(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (older / f"{FILE}.before-1.part").write_bytes(b"half of it")
    LocalStore.open(older, upgrade=True)
    (copy,) = copies(older / FILE)
    assert sqlite3.connect(copy).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not list(older.glob("*.part"))


async def test_without_room_for_the_copy_nothing_is_changed_and_webhooks_are_taken_in(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 50 << 20))
    with pytest.raises(Unavailable, match=r"takes \d+ MiB, and 50 MiB are free"):
        LocalStore.open(older, upgrade=True)
    assert done(plain(older)) == set()
    store = LocalStore.open(older)
    assert await store.accept([arrival("evt_new")], None, None) == [None]
    await store.close()


async def test_copies_go_when_nobody_will_go_back_to_them(older: Path) -> None:
    """They hold what is blanked meanwhile."""
    store = LocalStore.open(older, upgrade=True)
    (copy,) = copies(older / FILE)
    await store.delete_expired(store.clock.now())
    assert copy.exists()
    old = time.time() - COPIES_KEPT - 1
    os.utime(copy, (old, old))
    await store.delete_expired(store.clock.now())
    assert not copy.exists()
    await store.close()


# Meanwhile


def filled(data: Path, rows: int) -> None:
    """So many events in a file of the first release."""
    connection = plain(data)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO events (id, version, data, tenant) VALUES (?, 1, x'7b7d', 'kofe')",
        [(f"evt_{number:08}",) for number in range(rows)],
    )
    connection.execute("COMMIT")


NOTED = Migration(NEWEST + 1, "events have a type", Fill("events", "type = 'other'", "type IS NULL"))


async def test_webhooks_are_taken_in_while_an_upgrade_fills_a_column(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accepting process opens the file of the release before, and each of its commits is durable at once."""
    filled(older, 500)
    monkeypatch.setattr(migrations, "BATCH", 5)
    steps(monkeypatch, NOTED)
    accepting = LocalStore.open(older)
    upgrading = threading.Thread(target=lambda: prepare(older / FILE, upgrade=True))
    upgrading.start()
    taken = 0
    while upgrading.is_alive() and taken < 300:
        assert await accepting.accept([arrival(f"evt_meanwhile_{taken}")], None, None) == [None]
        taken += 1
    upgrading.join()
    assert taken > 3
    untyped = accepting.read("SELECT count(*) FROM events WHERE type IS NULL AND id NOT LIKE 'evt_meanwhile%'")
    assert untyped == [(0,)]
    await accepting.close()


def test_no_transaction_of_an_upgrade_grows_with_the_file(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is looked at once, a batch at a time: how long it takes goes by the rows, how long it locks doesn't."""
    filled(older, 4500)
    monkeypatch.setattr(migrations, "BATCH", 1000)
    steps(monkeypatch, NOTED)
    seen: list[tuple[str, int]] = []
    fill = migrations.with_lock

    def counted(connection, begin, work) -> None:  # type: ignore[no-untyped-def]
        before = connection.total_changes
        fill(connection, begin, work)
        seen.append(("", connection.total_changes - before))

    monkeypatch.setattr(migrations, "with_lock", counted)
    LocalStore.open(older, upgrade=True)
    changed = [count for _, count in seen]
    assert max(changed) <= 1000
    assert sum(changed) >= 4500
    assert len(changed) <= len(MIGRATIONS) * 2 + 6


# A file of a newer release


async def test_a_file_that_a_newer_release_has_taken_something_from_is_refused_and_left_alone(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = LocalStore.open(older)
    await running.commit([Create(event("evt_before"))])
    with monkeypatch.context() as newer:
        unused = Migration(NEWEST + 1, "nothing is left to do", Fill("events", "type = type", "0"))
        away = Migration(NEWEST + 2, "takes it away", statements=("DROP TABLE task_names",), oldest=NEWEST + 1)
        steps(newer, unused, away)
        LocalStore.open(older, upgrade=True)
    before = (older / FILE).read_bytes()
    with pytest.raises(Unavailable, match=r"belongs to a newer release .* step \d+ may write it.* put back the copy"):
        LocalStore.open(older)
    with pytest.raises(Unavailable, match="belongs to a newer release"):
        await running.commit([Create(event("evt_after"))])
    await running.close()
    assert (older / FILE).read_bytes() == before
    with monkeypatch.context() as between:
        steps(between, Migration(NEWEST + 1, "nothing is left to do", Fill("events", "type = type", "0")))
        connect(older / FILE).close()  # the release that left it unused may go on
    assert len(copies(older / FILE)) == 1
