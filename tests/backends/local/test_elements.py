"""Whose documents are found by a table of elements, however they were written and whichever release wrote them."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.documents import T0, bare
from svyazka.backends.local import store as store_module
from svyazka.backends.local.elements import lists
from svyazka.backends.local.migrations import ENTERED
from svyazka.backends.local.store import FILE, LocalStore
from svyazka.engine.journal.kinds import EVENTS_OF_PERSON
from svyazka.engine.ports.store import Create, Delete, Document, Put, Replace

FIRST_RELEASE = (Path(__file__).parents[2] / "upgrade" / "first_release" / "svyazka.sql").read_text()


def event(key: str, people: tuple[str, ...] = ()) -> Document:
    return bare("events", key, tenant="kofe", status="planned", received_at=T0, people=people)


async def of(store: LocalStore, person: str) -> list[str]:
    return [document.id for document in (await store.find(EVENTS_OF_PERSON, contains=person)).documents]


def entered(store: LocalStore) -> list[tuple[object, ...]]:
    return store.read("SELECT element, of FROM events_people ORDER BY 1, 2")


async def test_the_table_follows_every_way_of_writing(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path)
    (version,) = await store.commit([Create(event("one", people=("a", "b")))])
    await store.commit([Create(event("two", people=("b",))), Create(event("nobody's"))])
    assert (await of(store, "a"), await of(store, "b")) == (["one"], ["one", "two"])
    await store.commit([Replace(replace(event("one", people=("b", "c")), version=version))])
    await store.commit([Put(event("two", people=("c",)))])
    assert (await of(store, "a"), await of(store, "b"), await of(store, "c")) == ([], ["one"], ["one", "two"])
    await store.commit([Delete("events", "one"), Put(event("two"))])
    assert entered(store) == []


async def test_what_the_release_before_replaces_whole_is_found_by_what_it_says_now(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path)
    await store.commit([Create(event("one", people=("a",)))])
    with sqlite3.connect(tmp_path / FILE) as before:
        columns = ", ".join(row[1] for row in before.execute("PRAGMA table_info(events)") if row[1] != "people")
        before.execute(f"INSERT OR REPLACE INTO events (people, {columns}) SELECT '[\"b\"]', {columns} FROM events")
    assert (await of(store, "a"), await of(store, "b")) == ([], ["one"])


async def test_until_what_was_there_before_is_entered_each_row_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executescript(FIRST_RELEASE)
    connection.execute("PRAGMA user_version=1")
    ((person,),) = connection.execute("SELECT value FROM events, json_each(people) ORDER BY value LIMIT 1")
    connection.close()
    accepting = LocalStore.open(tmp_path)
    found = await of(accepting, person)
    assert found
    assert entered(accepting) == []
    LocalStore.open(tmp_path, upgrade=True)
    assert await of(accepting, person) == found
    asked: list[bool] = []
    question = store_module.find_question

    def noted(*given: object, by_element: bool) -> tuple[str, list[object]]:
        asked.append(by_element)
        return question(*given, by_element=by_element)  # type: ignore[arg-type]

    monkeypatch.setattr(store_module, "find_question", noted)
    assert await of(accepting, person) == found
    assert asked == [True]


def test_every_list_that_is_asked_of_has_its_step() -> None:
    assert sorted(kind for kind, _ in lists().values()) == sorted(ENTERED.values())
