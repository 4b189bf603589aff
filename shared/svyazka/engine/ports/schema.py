"""How a kind of stored document is declared, once: everything about it that a backend, an index or the journal needs.

The declarations themselves are in `engine/journal/kinds.py` and `kinds_of_intake.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

FieldType = Literal["text", "int", "time", "texts"]


@dataclass(frozen=True, slots=True)
class Field:
    """One indexed scalar. `of` takes it out of the kind's model; without it the model has it under the same name."""

    type: FieldType
    of: Callable[[Any], object] | None = None
    rare: bool = False
    """Mostly absent: what lacks it stays out of its indexes."""


@dataclass(frozen=True, slots=True)
class Query:
    """One shape of question that the code asks; each needs its index (SQLite's, and Terraform's list)."""

    name: str
    kind: str
    equal: tuple[str, ...] = ()
    at_most: str | None = None
    """A time field compared with `<=`; the answer comes in its order."""
    contains: str | None = None
    order: str | None = None
    """A time field; `-` before it for newest first."""
    sums: str | None = None
    """A number that `total` adds up over what is found."""


@dataclass(frozen=True)
class Kind:
    """A kind of document. Without a `model`, whoever writes it makes the document by hand."""

    name: str
    model: type[Any] | None = None
    key: Callable[[Any], str] = attrgetter("id")
    """The document's id, out of its model."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    keeps_nulls: bool = False
    """Stored with what is null in it: a null within somebody's settings says something."""
    replaced_by: str = ""
    """The function that alone writes over one, where something may follow from a write; none: `documents.replace`."""
    queries: list[Query] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.taken_out.update({name: one.of or attrgetter(name) for name, one in self.fields.items()})

    taken_out: dict[str, Callable[[Any], object]] = field(default_factory=dict, init=False, repr=False)
    """Each scalar's way out of the model."""

    @property
    def expires(self) -> bool:
        """Whether it has a time-to-live: a policy in the cloud, a sweep on one machine."""
        return "expire_at" in self.fields

    def asked(
        self, name: str, *equal: str, at_most: str | None = None, contains: str | None = None, order: str | None = None,
        sums: str | None = None,
    ) -> Query:  # fmt: skip
        """Declare a question about this kind: it gets its index in every backend."""
        query = Query(name, self.name, equal, at_most, contains, order, sums)
        for mentioned in (*equal, at_most, contains, (order or "").lstrip("-") or None, sums):
            if mentioned is not None and mentioned not in self.fields:
                raise ValueError(f"{name}: {self.name} has no field {mentioned!r}")
        self.queries.append(query)
        return query


def place_of(cursor: str) -> tuple[str | int | None, str]:
    """Where a page ended, as its backend wrote it down: the time that the answer is ordered by, and the document's id.

    Raises ValueError for what no backend wrote: a cursor comes back out of a page's address.
    """
    place = json.loads(cursor)
    if not isinstance(place, list) or len(place) != 2:
        raise ValueError("expected a cursor of two parts")
    time, key = place
    if not isinstance(key, str) or not key or not isinstance(time, str | int | None):
        raise ValueError("expected a cursor of a time and an id")
    if isinstance(time, int) and not -(2**63) <= time < 2**63:
        raise ValueError("expected a cursor's time within 64 bits")
    return time, key
