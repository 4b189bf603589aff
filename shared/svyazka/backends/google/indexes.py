"""Which Firestore indexes the code's queries need, and which fields need none: what Terraform is given.

Firestore indexes every field by itself unless told otherwise. That serves equalities (several are merged) and
one ordered or ranged field; equalities together with an order need a composite index. Fields that no query
names are exempted: nobody pays their entries' storage, and no index grows at its end only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from svyazka.backends.google.codec import DATA, STAMP
from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.ports.schema import Kind, Query


class Field(TypedDict):
    """One field of a composite index."""

    field: str
    order: str


class Composite(TypedDict):
    """One composite index and the queries that it serves."""

    collection: str
    fields: list[Field]
    queries: list[str]


class Plan(TypedDict):
    """All that Firestore has to be told."""

    composite: dict[str, Composite]
    single: dict[str, list[str]]
    exempt: dict[str, list[str]]
    ttl: list[str]
    queries: dict[str, str]


def composite_fields(query: Query) -> list[Field] | None:
    """The fields of the composite index that a query needs, or None where single-field indexes do."""
    ordered = query.order or query.at_most
    extra = [name for name in (ordered, query.contains) if name]
    if not query.equal or not extra:
        return None
    fields: list[Field] = [{"field": name, "order": "ASCENDING"} for name in query.equal]
    if query.contains:
        fields.append({"field": query.contains, "order": "CONTAINS"})
    if ordered:
        fields.append({"field": ordered.lstrip("-"), "order": "DESCENDING" if ordered[0] == "-" else "ASCENDING"})
    if query.sums:  # what is added up over a filter must stand in the filter's index
        fields.append({"field": query.sums, "order": "ASCENDING"})
    return fields


def single_fields(query: Query) -> list[str]:
    """Fields whose own index the query uses; none where it has a composite one or reads the whole collection."""
    if composite_fields(query):
        return []
    ordered = query.order or query.at_most
    return [*query.equal, *(name.lstrip("-") for name in (ordered, query.contains) if name)]


def index_plan(kinds: Iterable[Kind] = tuple(KINDS.values())) -> Plan:
    """Composite indexes, fields left with their own index, exemptions, time-to-live; and who is served by what."""
    composite: dict[str, Composite] = {}
    single: dict[str, set[str]] = {kind.name: set() for kind in kinds}
    served: dict[str, str] = {}
    for query in (query for kind in kinds for query in kind.queries):
        fields = composite_fields(query)
        if fields is None:
            names = single_fields(query)
            single[query.kind].update(names)
            served[query.name] = f"single:{query.kind}/{'+'.join(names)}" if names else f"scan:{query.kind}"
            continue
        name = "-".join([query.kind, *(f"{part['field']}_{part['order'][:4].lower()}" for part in fields)])
        entry = composite.setdefault(name, {"collection": query.kind, "fields": fields, "queries": []})
        entry["queries"].append(query.name)
        served[query.name] = f"composite:{name}"
    return {
        "composite": dict(sorted(composite.items())),
        "single": {kind: sorted(names) for kind, names in sorted(single.items()) if names},
        "exempt": {
            kind.name: sorted(
                {DATA, STAMP, *kind.fields} - single[kind.name] - ({"expire_at"} if kind.expires else set())
            )
            for kind in sorted(kinds, key=lambda kind: kind.name)
        },
        "ttl": sorted(kind.name for kind in kinds if kind.expires),
        "queries": dict(sorted(served.items())),
    }
