"""A file of an earlier release is brought up to ours: whole or not at all, once, and the release before can go on."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from svyazka.backends.local import migrations
from svyazka.backends.local.migrations import MIGRATIONS, Migration, done, migrate
from svyazka.backends.local.store import FILE, LocalStore
from svyazka.backends.local.writer import connect
from svyazka.model.errors import Unavailable

FIRST_RELEASE = (Path(__file__).parents[2] / "upgrade" / "first_release" / "svyazka.sql").read_text()


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A data folder as the first release left it."""
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executescript(FIRST_RELEASE)
    connection.execute("PRAGMA user_version=1")
    connection.close()
    return tmp_path


def shape(data: Path) -> tuple[dict[str, set[tuple[str, str]]], dict[str, str]]:
    """The columns of every table, and every index."""
    connection = connect(data / FILE)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables = {name: {(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({name})")} for name in names}
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    indexes = {str(name): str(sql) for name, sql in found}
    connection.close()
    return tables, indexes


def test_an_upgraded_file_is_like_a_new_one(older: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    new = tmp_path_factory.mktemp("new")
    LocalStore.open(older)
    LocalStore.open(new)
    tables, indexes = shape(older)
    assert tables == shape(new)[0]
    assert set(indexes) == set(shape(new)[1])


def test_the_first_step_takes_costs_from_what_was_written_before(older: Path) -> None:
    connection = connect(older / FILE)
    rows = connection.execute("SELECT id, json_extract(CAST(data AS TEXT), '$.cost') FROM deliveries").fetchall()
    paid = rows[0][0]
    connection.execute(
        "UPDATE deliveries SET data = CAST(json_set(CAST(data AS TEXT), '$.cost', 2.31) AS BLOB) WHERE id = ?", (paid,)
    )
    connection.close()
    store = LocalStore.open(older)
    assert store.read("SELECT cost FROM deliveries WHERE id = ?", (paid,)) == [(23100,)]
    unpaid = [id_ for id_, cost in rows if cost is None and id_ != paid]
    assert unpaid
    assert all(store.read("SELECT cost FROM deliveries WHERE id = ?", (one,)) == [(None,)] for one in unpaid)


def test_opened_again_it_takes_no_step(older: Path) -> None:
    LocalStore.open(older)
    connection = connect(older / FILE)
    assert done(connection) == {step.number for step in MIGRATIONS}
    assert migrate(connection, lambda one: None) == 0


def test_two_processes_at_once_take_each_step_once(older: Path) -> None:
    taken: list[int] = []
    meet = threading.Barrier(4)

    def come() -> None:
        connection = connect(older / FILE)
        connection.execute("PRAGMA busy_timeout=20000")

        def begin(one: sqlite3.Connection) -> None:
            one.execute("BEGIN IMMEDIATE")

        meet.wait()
        taken.append(migrate(connection, begin))
        connection.close()

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [0, 0, 0, len(MIGRATIONS)]


def test_a_step_that_breaks_off_leaves_the_file_as_it_was(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Migration(2, "breaks off", ("ALTER TABLE events ADD COLUMN half TEXT", "no statement"))
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, broken))
    with pytest.raises(Unavailable):
        LocalStore.open(older)
    connection = connect(older / FILE)
    assert done(connection) == {1}
    assert "half" not in {row[1] for row in connection.execute("PRAGMA table_info(events)")}


def test_the_release_before_still_takes_the_file_for_its_own(older: Path) -> None:
    """It demands `user_version` 1 and names every column that it writes."""
    LocalStore.open(older)
    connection = connect(older / FILE)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.execute("INSERT INTO deliveries (id, version, data, tenant) VALUES ('dlv_x', 1, x'7b7d', 'kofe')")


def test_steps_are_numbered_from_one_without_a_gap() -> None:
    assert [step.number for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
