"""Does every query of the table find what it says, in its order, page by page, while documents come and go?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from conformance.documents import at, bare
from svyazka.engine.journal.kinds import (
    COST_OF_CONNECTION,
    DELIVERIES_BY_STATUS,
    DUE_EVENTS,
    EVENTS_OF_ANY_SUBJECT,
    EVENTS_OF_TENANT,
    RECENT_EVENTS,
    queries,
)
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Create, Delete, Document, Put, Replace, Value

LIMIT = at(100)
PERSON = "b" * 24


def ordered_by(query: Query) -> str | None:
    return (query.at_most or query.order or "").lstrip("-") or None


def matching(query: Query, number: int = 0) -> dict[str, Value]:
    """Fields that the query finds; `number` gives it its place in the order."""
    fields: dict[str, Value] = {name: f"{name} ☕" for name in query.equal}
    if query.contains:
        fields[query.contains] = ("a" * 24, PERSON)
    if ordered_by(query):
        fields[ordered_by(query)] = at(number)
    return fields


def asked(query: Query) -> dict[str, Any]:
    """The arguments of `find`."""
    where: dict[str, Any] = {"equal": {name: f"{name} ☕" for name in query.equal}} if query.equal else {}
    if query.at_most:
        where["at_most"] = LIMIT
    if query.contains:
        where["contains"] = PERSON
    return where


def strangers(query: Query) -> Mapping[str, dict[str, Value]]:
    """Documents that miss by one thing each."""
    found = {f"other-{name}": {**matching(query), name: "another"} for name in query.equal}
    found |= {f"null-{name}": {**matching(query), name: None} for name in query.equal}
    if query.contains:
        found["nobody"] = {**matching(query), query.contains: ()}
        found["somebody"] = {**matching(query), query.contains: (PERSON[:-1], PERSON + "b")}
        found["null"] = {**matching(query), query.contains: None}
    if query.at_most:
        found["later"] = {**matching(query), query.at_most: at(100.000001)}
        found["never"] = {**matching(query), query.at_most: None}
    elif ordered_by(query):
        found["timeless"] = {**matching(query), ordered_by(query): None}
    return found


async def pages(store, query: Query, limit: int) -> list[list[str]]:
    """Every page's ids."""
    found, cursor = [], None
    while True:
        page = await store.find(query, **asked(query), limit=limit, cursor=cursor)
        found.append([document.id for document in page.documents])
        if page.cursor is None:
            return found
        cursor = page.cursor


async def put_away(store, *documents: Document) -> None:
    """The store is another query's next: one store for all of them, for it is the making of one that takes time."""
    await store.commit([Delete(document.kind, document.id) for document in documents])


async def test_each_query_finds_what_matches_and_nothing_else(store):
    for query in queries():
        other = "events" if query.kind != "events" else "deliveries"
        made = [bare(query.kind, f"match-{number}", **matching(query, number)) for number in range(3)]
        made += [bare(query.kind, key, **fields) for key, fields in strangers(query).items()]
        made.append(bare(other, "of-another-kind", **{k: v for k, v in matching(query).items() if k != "people"}))
        await store.commit([Create(document) for document in made])
        found = (await store.find(query, **asked(query))).documents
        assert sorted(document.id for document in found) == ["match-0", "match-1", "match-2"], query.name
        await put_away(store, *made)


async def test_each_query_keeps_its_order_over_pages(store):
    """Seven documents in pages of two; equal times are no obstacle."""
    places = {f"d{key}": place for key, place in enumerate((5, 1, 3, 3, 3, 0, 4))}
    for query in queries():
        made = [bare(query.kind, key, **matching(query, place)) for key, place in places.items()]
        await store.commit([Create(document) for document in made])
        found = await pages(store, query, limit=2)
        assert all(len(page) == 2 for page in found[:3]), query.name
        ids = [key for page in found for key in page]
        assert sorted(ids) == sorted(places), query.name
        if ordered_by(query):
            times = [places[key] for key in ids]
            assert times == sorted(times, reverse=(query.order or "").startswith("-")), query.name
        await put_away(store, *made)


async def test_any_of_several_values_is_found_in_one_order_over_pages(store):
    query = EVENTS_OF_ANY_SUBJECT
    rows = [("payment:1", 1), ("payment:2", 2), ("payment:1", 3), ("payment:3", 4), ("payment:2", 5)]
    await store.commit([
        Create(bare(query.kind, f"e{place}", tenant="kofe", subject=subject, received_at=at(place)))
        for subject, place in rows
    ])  # fmt: skip
    where = {"tenant": ("kofe", "bar"), "subject": ("payment:1", "payment:2", "payment:9")}
    found, cursor = [], None
    for _ in range(2):
        page = await store.find(query, equal=where, limit=2, cursor=cursor)
        found += [one.id for one in page.documents]
        cursor = page.cursor
    assert found == ["e5", "e3", "e2", "e1"]


async def test_nothing_is_an_empty_page(store):
    for query in queries():
        page = await store.find(query, **asked(query))
        assert (page.documents, page.cursor) == ([], None), query.name


NO_CURSORS = ("-1", "null", "{}", "[]", '["x"]', "[null, 3]", '[[], "d"]', '[null, ""]', "no JSON", f'[{2**70}, "d"]')


async def test_what_is_no_cursor_is_said_to_be_none(store):
    for cursor in NO_CURSORS:
        with pytest.raises(ValueError):
            await store.find(RECENT_EVENTS, cursor=cursor)


async def test_no_more_than_the_limit(store):
    for query in queries():
        made = [bare(query.kind, f"d{n}", **matching(query, n)) for n in range(4)]
        await store.commit([Create(document) for document in made])
        page = await store.find(query, **asked(query), limit=3)
        assert (len(page.documents), page.cursor is not None) == (3, True), query.name
        await put_away(store, *made)


async def test_what_is_found_is_whole_and_can_be_replaced(store):
    given = bare("events", "a", '{"имя":"☕"}'.encode(), wake_at=at(0.000001), people=("x", "y"), tenant="kofe")
    await store.commit([Create(given)])
    (found,) = (await store.find(DUE_EVENTS, at_most=LIMIT)).documents
    assert (found.fields, found.data) == (given.fields, given.data)
    assert found == await store.get("events", "a")
    await store.commit([Replace(found)])


async def test_at_most_counts_its_own_microsecond(store):
    await store.commit([Create(bare("events", "a", wake_at=at(1)))])
    for limit, expected in ((at(0.999999), []), (at(1), ["a"]), (at(1.000001), ["a"])):
        assert [d.id for d in (await store.find(DUE_EVENTS, at_most=limit)).documents] == expected


async def test_times_one_microsecond_apart_are_told_apart_over_pages(store):
    await store.commit([Create(bare("events", f"d{9 - n}", received_at=at(n / 1e6))) for n in range(6)])
    assert await pages(store, RECENT_EVENTS, limit=1) in (
        [["d4"], ["d5"], ["d6"], ["d7"], ["d8"], ["d9"]],
        [["d4"], ["d5"], ["d6"], ["d7"], ["d8"], ["d9"], []],
    )


@pytest.mark.parametrize("query", [DUE_EVENTS, EVENTS_OF_TENANT, DELIVERIES_BY_STATUS], ids=lambda query: query.name)
async def test_what_stays_is_seen_once_while_others_come_and_go(store, query):
    """Between two pages: two that were seen go, one comes before the place, one that was not seen goes."""
    keys = [f"d{number}" for number in range(8)]
    if (query.order or "").startswith("-"):
        keys.reverse()
    await store.commit([Create(bare(query.kind, key, **matching(query, int(key[1:])))) for key in keys])
    first = await store.find(query, **asked(query), limit=3)
    assert [document.id for document in first.documents] == keys[:3]
    before = matching(query, int(keys[0][1:]))
    await store.commit(
        [
            Delete(query.kind, keys[1]),
            Delete(query.kind, keys[2]),
            Put(bare(query.kind, "d0-new" if keys[0] == "d0" else "d7-new", **before)),
            Delete(query.kind, keys[4]),
        ]
    )
    seen, cursor = [], first.cursor
    while cursor is not None:
        page = await store.find(query, **asked(query), limit=3, cursor=cursor)
        seen += [document.id for document in page.documents]
        cursor = page.cursor
    assert seen == [keys[3], *keys[5:]]


async def test_the_cursor_is_plain_text(store):
    """It may travel: through a task's body, or to a command line and back."""
    await store.commit([Create(bare("events", f"d{n}", received_at=at(n))) for n in range(3)])
    page = await store.find(RECENT_EVENTS, limit=2)
    cursor = json.loads(json.dumps(page.cursor))
    rest = await store.find(RECENT_EVENTS, limit=2, cursor=cursor)
    assert [document.id for document in rest.documents] == ["d0"]


async def test_a_change_is_found_at_once(store):
    await store.commit([Create(bare("events", "a", wake_at=at(0)))])
    (found,) = (await store.find(DUE_EVENTS, at_most=LIMIT)).documents
    await store.commit([Replace(bare("events", "a", b"{}", found.version, wake_at=None))])
    assert (await store.find(DUE_EVENTS, at_most=LIMIT)).documents == []


# Counting, without reading what is counted

counted = pytest.mark.parametrize(
    "query",
    [query for query in queries() if query.equal[-1:] == ("status",) and query.order],
    ids=lambda query: query.name,
)


@counted
async def test_a_tally_counts_by_the_last_field_and_only_what_the_query_finds(store, query):
    wanted = matching(query)
    rows = {"parked": (0, 5, 9), "blocked": (5,), "dead": ()}
    await store.commit(
        [
            Create(bare(query.kind, f"{status}-{place}", **{**matching(query, place), "status": status}))
            for status, places in rows.items()
            for place in places
        ]
        + [Create(bare(query.kind, key, **fields)) for key, fields in strangers(query).items()]
    )
    equal = {name: str(wanted[name]) for name in query.equal[:-1]}
    among = ["dead", "blocked", "parked", "never"]
    assert await store.tally(query, among, equal=equal) == {"parked": 3, "blocked": 1}
    assert await store.tally(query, ["parked"], equal=equal) == {"parked": 3}
    assert await store.tally(query, among, equal=equal, since=at(5)) == {"parked": 2, "blocked": 1}
    assert await store.tally(query, [], equal=equal) == {}
    for name, value in equal.items():
        assert await store.tally(query, among, equal={**equal, name: ("nobody", value)}) == {"parked": 3, "blocked": 1}


async def test_a_total_adds_up_what_has_a_number_and_is_none_without_any(store):
    query = COST_OF_CONNECTION
    equal = {name: f"{name} ☕" for name in query.equal}
    assert await store.total(query, equal=equal) is None
    await store.commit(
        [Create(bare("deliveries", f"d{place}", **matching(query, place), cost=10**place)) for place in range(4)]
        + [Create(bare("deliveries", "free", **matching(query, 1)))]
        + [Create(bare("deliveries", "other", **{**matching(query, 1), "tenant": "another"}, cost=7))]
    )
    assert await store.total(query, equal=equal) == 1111
    assert await store.total(query, equal=equal, since=at(2)) == 1100
