"""Documents of every kind to try a store with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from svyazka.engine.journal.kinds import KINDS
from svyazka.engine.ports.store import Document, NewEvent, Salvage, Task, Value

T0 = datetime(2026, 3, 14, 12, 0, 0, 123457, tzinfo=UTC)
"""A time whose microseconds matter."""

TEXT = "Связка «№ 5» — ☕ 𝄞 \t\n \\ \" ' ` é/%2F"
FILLED: Mapping[str, Value] = {"text": TEXT, "int": -(2**53), "time": T0, "texts": ("один", "", "один", TEXT)}


def filled(kind: str, key: str = "a", data: bytes = b"{}") -> Document:
    """A document with a value in each of its kind's fields."""
    return Document(kind, key, {name: FILLED[field.type] for name, field in KINDS[kind].fields.items()}, data)


def bare(kind: str, key: str, /, data: bytes = b"{}", version: str | None = None, **fields: Value) -> Document:
    """A document with the given fields, its other fields null."""
    return Document(kind, key, {name: fields.get(name) for name in KINDS[kind].fields}, data, version)


def at(seconds: float) -> datetime:
    """A time near T0."""
    return T0 + timedelta(seconds=seconds)


def content(document: Document | None) -> tuple[dict[str, Value], bytes] | None:
    """What a document says, without its version."""
    return None if document is None else (dict(document.fields), document.data)


# What comes in

SALVAGE = Salvage(lambda: Task("salvage", "/salvage", {"tenant": "kofe", "request": "..."}))


def event(key: str, data: bytes = b"{}", status: str = "accepted") -> Document:
    """An event as the way in journals it."""
    return bare("events", key, data, tenant="kofe", status=status, received_at=T0, wake_at=at(60))


def arrival(key: str, data: bytes = b"{}") -> NewEvent:
    """An event on its way in, with the task that plans it."""
    return NewEvent(event(key, data), Task("plan", "/plan", {"event": key}))
