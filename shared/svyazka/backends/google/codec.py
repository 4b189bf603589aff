"""A document as Firestore keeps it, the same for both clients: a few indexed scalars, `data`, and a `stamp`.

Null values are left out: they cost no index entry, and no comparison ever finds them.
"""

from __future__ import annotations

import base64
import os
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from svyazka.engine.journal.kinds_of_intake import KINDS
from svyazka.engine.ports.store import Document, Value

DATA = "data"
STAMP = "stamp"
"""A random number, new in every write. Firestore takes a write of equal content for none: it keeps the update time,
and a second compare-and-set over it would hold too. And by its stamp a writer knows his own write again."""

COMPRESS_FROM = 64 * 1024
"""Bytes from which `data` is compressed: a document may have 1 MiB, and JSON can blow a body of 512 KiB up to six times
that."""

_ZLIB = 0x78
"""The first byte of everything that zlib compressed; no JSON text begins with it."""

Stored = dict[str, str | int | datetime | bytes | list[str]]
Json = dict[str, Any]


def new_stamp() -> int:
    """A stamp for one write."""
    return int.from_bytes(os.urandom(8)) >> 2


def stored(document: Document, stamp: int) -> Stored:
    """The fields that are written, as the official client takes them."""
    found: Stored = {}
    for name in KINDS[document.kind].fields:
        value = document.fields.get(name)
        if value is not None:
            found[name] = value if isinstance(value, str | int | datetime) else list(value)
    return {**found, DATA: packed(document.data), STAMP: stamp}


def restored(kind: str, key: str, fields: Mapping[str, Any], version: str) -> Document:
    """The document that was stored; `fields` as the official client gives them.

    A webhook function knows the kinds that it writes alone: of others, whose data it looks at, no fields are told.
    """
    known = KINDS.get(kind)
    found = {name: _value(fields.get(name)) for name in known.fields} if known is not None else {}
    return Document(kind, key, found, unpacked(fields[DATA]), version)


def _value(value: Any) -> Value:
    if isinstance(value, datetime):
        # The official client brings a subclass of its own.
        return datetime.combine(value.date(), value.time(), UTC)
    return tuple(value) if isinstance(value, list) else value


def packed(data: bytes) -> bytes:
    """`data`, compressed where it is large, or could be taken for compressed: some documents are no JSON."""
    plain = len(data) < COMPRESS_FROM and data[:1] != bytes((_ZLIB,))
    return data if plain else zlib.compress(data, 3)


def unpacked(data: bytes) -> bytes:
    """The other way. Plain data of an earlier release may begin as what is compressed does."""
    if data[:1] != bytes((_ZLIB,)):
        return data
    try:
        return zlib.decompress(data)
    except zlib.error:
        return data


# Ids


def document_id(key: str) -> str:
    """An id as Firestore allows it: without a slash, not `.` or `..`, not `__of_its_own__`."""
    escaped = key.replace("%", "%25").replace("/", "%2F")
    if escaped in (".", "..") or escaped.startswith("__"):
        return f"%{ord(escaped[0]):02X}{escaped[1:]}"
    return escaped


def key_of(escaped: str) -> str:
    """The other way."""
    return unquote(escaped)


# JSON, as Firestore's REST API speaks it


def to_json(fields: Stored) -> Json:
    """Fields as REST takes them: https://cloud.google.com/firestore/docs/reference/rest/v1/Value."""
    return {name: _to_json(value) for name, value in fields.items()}


def _to_json(value: str | int | datetime | bytes | list[str]) -> Json:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"integerValue": str(value)}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"timestampValue": value.astimezone(UTC).isoformat().replace("+00:00", "Z")}
    return {"arrayValue": {"values": [_to_json(one) for one in value]}}


def from_json(fields: Json) -> dict[str, Any]:
    """Fields as REST gives them, as `restored` takes them."""
    return {name: _from_json(value) for name, value in fields.items()}


def _from_json(value: Json) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "integerValue":
            return int(content)
        case "bytesValue":
            return base64.b64decode(content)
        case "timestampValue":
            return datetime.fromisoformat(content)
        case "arrayValue":
            return [_from_json(one) for one in content.get("values", ())]
    return content
