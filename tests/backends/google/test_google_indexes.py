"""Would production answer every query? The emulator answers all; an index that is missing shows only there.

What each query needs is worked out from what it is at the wire, by Firestore's own rules, and looked for in the very
list that Terraform is given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore_v1.types import StructuredQuery

from conformance.documents import at
from svyazka.engine.journal.kinds import KINDS, queries

INDEXES = json.loads((Path(__file__).parents[3] / "infra/terraform/firestore-indexes.json").read_text())
OPERATOR = StructuredQuery.FieldFilter.Operator
DIRECTION = StructuredQuery.Direction


def shape(query: Any) -> tuple[str, set[str], str | None, list[tuple[str, str]]]:
    """Collection, fields of equalities, field of `contains`, ordered fields with their direction."""
    (source,) = query.from_
    where = query.where
    parts = (
        list(where.composite_filter.filters) if where and where.composite_filter.filters else [where] if where else []
    )
    filters = [(part.field_filter.field.field_path, part.field_filter.op) for part in parts if part.field_filter.op]
    equal = {name for name, op in filters if op == OPERATOR.EQUAL}
    contains = next((name for name, op in filters if op == OPERATOR.ARRAY_CONTAINS), None)
    orders = [(order.field.field_path, DIRECTION(order.direction).name) for order in query.order_by]
    ranged = {name for name, op in filters if op not in (OPERATOR.EQUAL, OPERATOR.ARRAY_CONTAINS)}
    assert ranged <= {name for name, _ in orders}
    assert len({direction for _, direction in orders}) == 1, "the name must go the way of what is before it"
    assert orders.pop()[0] == "__name__"
    return source.collection_id, equal, contains, orders


def missing(query: Any, summed: str | None = None) -> str | None:
    """What index production would ask for and not find; `summed` is what an aggregation adds up."""
    collection, equal, contains, orders = shape(query)
    rest = [(contains, "CONTAINS")] * bool(contains) + orders + [(summed, "ASCENDING")] * bool(summed)
    if (equal and rest) or len(rest) > 1:
        for index in INDEXES["composite"].values():
            fields = [(field["field"], field["order"]) for field in index["fields"]]
            head, tail = fields[: len(equal)], fields[len(equal) :]
            if index["collection"] == collection and {name for name, _ in head} == equal and tail == rest:
                return None
        return f"composite {collection}: {sorted(equal)} + {rest}"
    gone = (equal | {name for name, _ in rest}) & set(INDEXES["exempt"][collection])
    return f"single {collection}: {sorted(gone)}" if gone else None


async def ask(store, query) -> None:
    await store.find(
        query, equal=dict.fromkeys(query.equal, "x"), at_most=at(0), contains="x",
        cursor=json.dumps([at(0).isoformat(), "a"]),
    )  # fmt: skip


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
async def test_every_query_has_its_index(proxied, wire, query):
    await ask(proxied.store, query)
    (asked,) = wire.queries
    assert missing(asked, query.sums) is None


async def test_a_query_without_its_index_is_noticed(proxied, wire, monkeypatch):
    """This test's own eyes: with the list emptied, each query that needs one is missed."""
    for query in queries():
        await ask(proxied.store, query)
    monkeypatch.setitem(INDEXES, "composite", {})
    monkeypatch.setitem(INDEXES, "exempt", {kind: sorted(one.fields) for kind, one in KINDS.items()})
    unindexed = [query.name for query, asked in zip(queries(), wire.queries, strict=True) if missing(asked) is None]
    assert unindexed == [
        query.name for query in queries() if not (query.equal or query.at_most or query.contains or query.order)
    ]


def test_what_no_query_names_has_no_index_of_its_own():
    used = {(query.kind, name.lstrip("-")) for query in queries() for name in _names(query)}
    for kind, one in KINDS.items():
        for name in {*one.fields, "data", "stamp"} - {"expire_at"}:
            assert (kind, name) in used or name in INDEXES["exempt"][kind]


def _names(query) -> list[str]:
    return [*query.equal, *(name for name in (query.at_most, query.order, query.contains, query.sums) if name)]
