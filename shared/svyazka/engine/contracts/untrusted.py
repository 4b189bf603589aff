"""Bodies of strangers: bytes -> text -> JSON -> bounded values that any store can hold. Pure, light to import."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import NotTheFormat
from svyazka.model.base import plausible

TEXT_LIMIT = 500
DEPTH_LIMIT = 20
"""Levels of a nested value that are kept."""

INT64 = 2**63
EXACT = 2.0**53
"""Below it every whole number has a float of its own."""

Section = Mapping[str, Any]
"""A JSON object of a stranger's."""

NOTHING: Section = {}

_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.I)
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(body: bytes, content_type: str | None) -> str:
    """A body as text: UTF-8 with or without a byte order mark, else what it says it is, else windows-1251.

    What old tills and 1C send in windows-1251 is practically never valid UTF-8, and they often say that it is:
    so the bytes are believed before the header. Raises NotTheFormat.
    """
    stated = _CHARSET.search(content_type or "")
    usual = ("utf-16",) if body.startswith(_UTF16_MARKS) else ("utf-8-sig",)
    for charset in (*usual, *([stated[1]] if stated else []), "cp1251"):
        try:
            return body.decode(charset)
        except (LookupError, ValueError):  # no such charset, or not these bytes
            continue
    raise NotTheFormat(N_("expected text in UTF-8 or windows-1251, got other bytes"))


def json_of(body: bytes, content_type: str | None) -> object:
    """A body as JSON, plain Python values. Raises NotTheFormat, which quotes nothing of the body."""
    try:
        return json.loads(decoded(body, content_type), parse_constant=_no_constant)
    except RecursionError:
        raise NotTheFormat(N_("expected JSON, got JSON nested too deep")) from None
    except ValueError as error:
        if isinstance(error, NotTheFormat):
            raise
        where = f" ({error})" if isinstance(error, json.JSONDecodeError) else ""
        raise NotTheFormat(N_("expected JSON, got something else{where}").format(where=where)) from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def section(value: object, *path: str) -> Section:
    """The object at `path`, or an empty one: where one may be missing, null or (from PHP) `[]`."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else NOTHING


def sections(value: object) -> list[Section]:
    """The objects of a list, whatever else stands in it."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def filled(data: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What is known of it."""
    return {name: value for name, value in data.items() if value is not None}


def text(value: object, limit: int = TEXT_LIMIT) -> str | None:
    """A string or a number as bounded text; None for anything else and for blanks.

    A whole number is written as one, though a spreadsheet or a language without integers made `79991234567.0` of it:
    what reads the text next must find no digit that isn't the number's.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        value = int(value)
    return _storable(str(value).strip()[:limit]) or None


def _storable(value: str) -> str:
    # JSON may hold half a surrogate pair, which no UTF-8 store takes.
    plain = value if value.isascii() else value.encode("utf-8", "replace").decode()
    return plain.replace("\x00", "")


def number(value: object) -> int | float | None:
    """A finite number of 64 bits, or None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return whole(value)


def whole(value: object) -> int | None:
    """A whole number of 64 bits (ids exceed 2^53, so never by way of a float), or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and -INT64 <= value < INT64 else None


def storable(value: object, depth: int = DEPTH_LIMIT) -> JsonValue:
    """Any JSON value as a store can hold it: texts clean and bounded, numbers finite, not nested without end."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return _storable(value[: 4 * TEXT_LIMIT])
    if isinstance(value, int | float):
        return number(value)
    if depth <= 0:
        return None
    if isinstance(value, list | tuple):
        return [storable(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {_storable(str(key)): storable(item, depth - 1) for key, item in value.items()}
    return None


def zoned_time(value: object) -> datetime | None:
    """ISO 8601 with a zone, in UTC; None for anything else. Digits past the microsecond are cut."""
    try:
        found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        return plausible(found.astimezone(UTC)) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
