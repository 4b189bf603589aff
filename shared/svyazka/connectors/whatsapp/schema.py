"""Meta's payloads as they are read: deep, batched, and with types that wander (times are texts, or numbers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from svyazka.engine.contracts.untrusted import Section, section, sections, text


class Change(NamedTuple):
    """One change of a webhook: what it is about, its contents, and when, where Meta says so."""

    field: str
    value: Section
    at: datetime | None


def changes(content: Section) -> Iterator[Change]:
    """All changes of all entries: Meta may batch up to a thousand."""
    for entry in sections(content.get("entry")):
        for change in sections(entry.get("changes")):
            yield Change(text(change.get("field"), 60) or "", section(change.get("value")), moment(entry.get("time")))


def number_of(value: Section) -> str | None:
    """The id of our number that a change is about; changes of the account have none."""
    return text(section(value.get("metadata")).get("phone_number_id"))


def moment(value: object) -> datetime | None:
    """Unix seconds, as a text or as a number."""
    seconds = text(value, 20) if not isinstance(value, float) else None
    if seconds is None or not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 11):
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def code_of(error: Section) -> int | None:
    """The code of an error."""
    code = error.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 10**9 else None


def details_of(error: Section) -> str | None:
    """Meta's own explanation; `error_data` may be a text of its own."""
    data = error.get("error_data")
    said = section(data).get("details") if isinstance(data, Mapping) else data
    return text(said, 300) or text(error.get("message"), 300) or text(error.get("title"), 300)
