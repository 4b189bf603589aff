"""Models as documents and back, as `kinds.py` declares them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from svyazka.engine.journal.kinds_of_intake import kind_of
from svyazka.engine.ports.store import Create, Document, Replace, Store, Value
from svyazka.model.base import storable
from svyazka.model.errors import WrittenByNewer
from svyazka.model.events import EventStatus

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[ModelT]):
    """A model with the version of the document that it was read from."""

    model: ModelT
    version: str | None


def _dump(model: BaseModel, nulls: bool) -> bytes:
    """As it is stored. A text that no store takes is made one that it does: to record comes first."""
    try:
        return model.model_dump_json(exclude_none=not nulls).encode()
    except PydanticSerializationError:
        plain = storable(model.model_dump(mode="json", exclude_none=not nulls))
        return json.dumps(plain, ensure_ascii=False).encode()


def document(model: BaseModel, version: str | None = None) -> Document:
    """The document that a model becomes, as its kind says; `version`: of the one that was read."""
    kind = kind_of(type(model))
    fields: dict[str, Value] = {}
    for name, take in kind.taken_out.items():
        value: Any = take(model)
        fields[name] = value if type(value) in _AS_IT_IS else _scalar(value)
    return Document(kind.name, kind.key(model), fields, _dump(model, kind.keeps_nulls), version)


_AS_IT_IS = frozenset({type(None), datetime, int, bool})
"""What needs no look: two thirds of all fields."""


def _scalar(value: Any) -> Value:
    if isinstance(value, Enum):
        value = value.value
    found: Value = storable(value) if isinstance(value, str) else value
    return found


WRITER = 1
"""This release, as documents count them: one that says `min_writer` above it is left alone."""

_OF_ANOTHER_RELEASE = {"enum", "literal_error", "union_tag_invalid"}
"""What pydantic says of a status, type or command that this release doesn't have."""


def read(model: type[ModelT], document: Document) -> Versioned[ModelT]:
    """The model that a document holds, with its version. Fields that we don't know are kept: see `Stored`.

    Raises WrittenByNewer where a status, type or command is none of ours, or `min_writer` asks for a newer release.
    """
    try:
        found = model.model_validate_json(document.data, extra="allow")
    except ValidationError as error:
        if {complaint["type"] for complaint in error.errors(include_url=False)} <= _OF_ANOTHER_RELEASE:
            raise WrittenByNewer(*document.key) from None
        raise
    wanted = (found.model_extra or {}).get("min_writer")
    if isinstance(wanted, int) and wanted > WRITER:
        raise WrittenByNewer(*document.key)
    return Versioned(found, document.version)


def known(model: type[ModelT], documents: Iterable[Document]) -> list[Versioned[ModelT]]:
    """Those of `documents` that this release may read; the others are a newer one's to see to."""
    found = []
    for document in documents:
        with suppress(WrittenByNewer):
            found.append(read(model, document))
    return found


async def load(store: Store, model: type[ModelT], key: str) -> Versioned[ModelT] | None:
    """One model by its id, or None."""
    document = await store.get(kind_of(model).name, key)
    return None if document is None else read(model, document)


def create(model: BaseModel) -> Create:
    """Write a model that must not be there yet."""
    return Create(document(model))


def replace(model: BaseModel, version: str | None) -> Replace:
    """Write a model over the very version that was read. Raises TypeError for a kind that has a way of its own."""
    own = kind_of(type(model)).replaced_by
    if own:
        raise TypeError(f"a write over one of these has to look at what follows from it: see {own}")
    return Replace(document(model, version))


def plan_is_missing(document: Document) -> bool:
    """An event that is journaled and that nobody has planned (or told of) yet: a repeat must queue it again."""
    is_open = document.fields.get("status") in (EventStatus.ACCEPTED.value, EventStatus.QUARANTINED.value)
    return is_open and document.fields.get("wake_at") is not None
