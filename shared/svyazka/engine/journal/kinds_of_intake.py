"""The kinds of document that the way in reads and writes, apart from the others: a webhook function loads no model but
theirs. What is asked about them is in `kinds.py`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from svyazka.engine.ports.schema import Field, FieldType, Kind
from svyazka.model.events import EventRecord, RawRecord
from svyazka.model.ids import connection_id
from svyazka.model.tenants import CompiledConnection

TEXT, INT, TIME, TEXTS = Field("text"), Field("int"), Field("time"), Field("texts")

# How a document ends. What has none of these stays until it is removed.

EXPIRES: Mapping[str, Field] = {"expire_at": TIME}
"""Removed when its time comes."""

BLANKED: Mapping[str, Field] = {"blank_at": TIME, **EXPIRES, "people": TEXTS}
"""It tells of people: found by their keyed hashes, emptied after its retention, and its skeleton removed in the end."""


def _of_event(name: str, type_: FieldType = "text") -> Field:
    return Field(type_, attrgetter(f"event.{name}"))


def owner(model: Any) -> str:
    return connection_id(model.tenant, model.connection)


EVENTS = Kind(
    "events",
    EventRecord,
    key=attrgetter("event.id"),
    fields={
        **{name: _of_event(name) for name in ("tenant", "connection", "type", "subject")},
        "status": TEXT,
        "received_at": _of_event("received_at", "time"),
        "wake_at": TIME,
        **BLANKED,
    },
)

RAWS = Kind(
    "raws",
    RawRecord,
    fields={"tenant": TEXT, "connection": TEXT, "status": TEXT, "received_at": TIME, **BLANKED},
)

CONNECTIONS = Kind(
    "connections",
    CompiledConnection,
    key=owner,
    fields={"tenant": TEXT, "vendor": TEXT},
)

KINDS: dict[str, Kind] = {one.name: one for one in (EVENTS, RAWS, CONNECTIONS)}
"""All that are declared so far: `kinds.py` adds the others."""


@cache
def kind_of(model: type[Any]) -> Kind:
    """The kind that keeps models of that type."""
    return next(kind for kind in KINDS.values() if kind.model is model)
