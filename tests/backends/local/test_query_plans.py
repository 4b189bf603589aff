"""Answers take the time of what they show: every question of the table goes by an index, and counting reads no row."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from conformance.documents import content, event
from svyazka.backends.local.schema import microseconds
from svyazka.backends.local.store import LocalStore, find_question, tally_question, total_question
from svyazka.engine.journal.kinds import queries
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Create, Replace

MOMENT = datetime(2026, 3, 14, tzinfo=UTC)

WHOLE = {"outages", "all_tenants", "all_connections", "all_cursors"}
"""Questions for all there is of a kind: small kinds."""

BY_INDEX = re.compile("USING (INDEX|PRIMARY KEY)|SCAN json_each VIRTUAL TABLE")

by_name = pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    return LocalStore.open(tmp_path_factory.mktemp("plans"))


def plan(store: LocalStore, statement: str, values: list[object]) -> list[str]:
    """What SQLite means to do, step by step."""
    return [str(row[3]) for row in store.read(f"EXPLAIN QUERY PLAN {statement}", values)]


def given(query: Query) -> dict[str, str]:
    return dict.fromkeys(query.equal, "x")


@by_name
@pytest.mark.parametrize("page", ["first", "next"])
def test_a_page_is_found_by_an_index_in_its_order(store: LocalStore, query: Query, page: str) -> None:
    cursor = json.dumps([microseconds(MOMENT) if query.order or query.at_most else None, "a"])
    asked = find_question(query, given(query), MOMENT, "x", 50, cursor if page == "next" else None)
    steps = plan(store, *asked)
    if query.name not in WHOLE:
        assert all(BY_INDEX.search(step) for step in steps if step.startswith(("SEARCH", "SCAN"))), steps
    if query.equal and (query.order or query.at_most):
        assert steps[0].startswith("SEARCH"), steps
        whole_sort = [step for step in steps if step == "USE TEMP B-TREE FOR ORDER BY"]
        assert not whole_sort, "what matches would be sorted whole before the first is shown"


@pytest.mark.parametrize("since", [None, MOMENT], ids=["ever", "since"])
@pytest.mark.parametrize(
    "query", [one for one in queries() if one.equal[-1:] == ("status",) and one.order], ids=lambda query: query.name
)
def test_counting_reads_the_index_alone(store: LocalStore, query: Query, since: datetime | None) -> None:
    steps = plan(store, *tally_question(query, given(query), since))
    assert "USING COVERING INDEX" in steps[0], steps
    assert len(steps) == 1, "groups come in the index's order"


@pytest.mark.parametrize("since", [None, MOMENT], ids=["ever", "since"])
def test_adding_up_reads_the_index_alone(store: LocalStore, since: datetime | None) -> None:
    (query,) = [one for one in queries() if one.sums]
    (step,) = plan(store, *total_question(query, given(query), since))
    assert "USING COVERING INDEX" in step


async def test_what_is_written_over_leaves_the_indexes_alone_of_what_stays_as_it_was(store: LocalStore) -> None:
    """SQLite moves every index of a column that an UPDATE names, also where the value is the same."""
    (version,) = await store.commit([Create(event("over"))])
    statements: list[str] = []
    await store.change(lambda connection: connection.set_trace_callback(statements.append))
    planned = event("over", b'{"status":"planned"}', status="planned")
    await store.commit([Replace(replace(planned, version=version))])
    await store.change(lambda connection: connection.set_trace_callback(None))
    (update,) = [one for one in statements if one.startswith("UPDATE")]
    assert re.findall(r"(\w+) = ", update.partition(" WHERE ")[0]) == ["version", "data", "status"]
    assert content(await store.get("events", "over")) == content(planned)
