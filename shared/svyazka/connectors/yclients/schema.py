"""YCLIENTS' payloads as they are read: tolerant of everything that may be missing, null or of another type.

Numbers come as strings and strings as numbers, empty maps as `[]`, one offset as `+0400` and `+04:00` in the
same body. Plain dicts, not pydantic models: the webhook function starts cold.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import NOTHING, Section, section, text
from svyazka.model.base import plausible

ID_LIMIT = 100

BRIEF_PLACES = ("resource", "data", "record")
"""Where the object itself stands in the brief's form, which isn't the vendor's; else at the root."""

CLIENT_PLACES = (("resource", "client"), ("data", "client"), ("record", "client"), ("client",), ())
"""The brief's places of `phone` and `name`, in its order; the object's own client goes before them."""

BRIEF_VERBS = {"created": "create", "changed": "update", "updated": "update", "deleted": "delete"}
"""The second half of the brief's `webhook_type` -> the vendor's `status`."""

_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_EARLIEST, _LATEST = 10**8, 10**11
"""Unix seconds that may be a moment of ours: 1973 to 5138."""


class NotUnderstood(ValueError):
    """A request that can't be read; the message quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object: a webhook, or an object as the API answers it (`status` is then empty)."""

    resource: str
    id: str | None
    status: str
    company: str | None
    data: Section
    root: Section

    @classmethod
    def of(cls, root: Section) -> Change:
        """From the vendor's envelope, or from the brief's form. Raises NotUnderstood for anything else."""
        if not isinstance(root.get("resource"), str):
            return cls._of_brief(root)
        data = section(root.get("data"))
        return cls(
            resource=text(root.get("resource")) or "",
            id=identifier(root.get("resource_id")) or identifier(data.get("id")),
            status=(text(root.get("status")) or "").lower(),
            company=identifier(root.get("company_id")) or identifier(data.get("company_id")),
            data=data,
            root=root,
        )

    @classmethod
    def of_object(cls, resource: str, data: Section) -> Change:
        """An object that we asked for. Raises NotUnderstood when it has no id."""
        found = identifier(data.get("id"))
        if found is None:
            raise NotUnderstood(N_("expected a {resource} with its id, found none").format(resource=resource))
        return cls(resource, found, "", identifier(data.get("company_id")), data, data)

    @classmethod
    def _of_brief(cls, root: Section) -> Change:
        body = next((found for place in BRIEF_PLACES if (found := section(root.get(place)))), NOTHING)
        if not body and ("client" in root or "phone" in root or "visit_attendance" in root):
            body = root
        if not body:
            raise NotUnderstood(
                N_("expected resource, resource_id and data, or an object with a client; found neither")
            )
        resource, _, verb = (text(root.get("webhook_type")) or "").lower().partition("_")
        company = identifier(root.get("company_id")) or identifier(body.get("company_id"))
        status = BRIEF_VERBS.get(verb, "")
        return cls(resource or "record", identifier(body.get("id")), status, company, body, root)

    @property
    def deleted(self) -> bool:
        """A cancellation comes as `delete`, or as `update` with `deleted: true`."""
        return self.status == "delete" or truth(self.data.get("deleted"))

    @property
    def stamp(self) -> str | None:
        """`last_change_date`, the same however it was spelled; None in a body that tells only a part."""
        return spelled_once(self.data.get("last_change_date"))

    def client(self) -> tuple[str | None, str | None, str | None]:
        """Name, phone and e-mail of the object's client, as they were written."""
        own = section(self.data.get("client"))
        places = [own, *(section(self.root, *place) for place in CLIENT_PLACES)]
        phone = next((found for place in places if (found := text(place.get("phone")))), None)
        name = full_name(own) or next((found for place in places if (found := text(place.get("name")))), None)
        return name, phone, text(own.get("email"))


def full_name(person: Section) -> str | None:
    """First name, then surname: the first word is how a person is addressed."""
    parts = (text(person.get("name")), text(person.get("surname")))
    return " ".join(part for part in parts if part) or None


def identifier(value: object) -> str | None:
    """An id, a number or a numeric string; 0 stands for none. Never shortened: two must not become one."""
    found = text(value)
    if found is not None and len(found) > ID_LIMIT:
        raise NotUnderstood(
            N_("expected an id of at most {ID_LIMIT} characters, got {count}").format(
                ID_LIMIT=ID_LIMIT, count=len(found)
            )
        )
    return None if found == "0" else found


def whole(value: object) -> int | None:
    """A whole number, as a number or as text."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18 else None


def number(value: object) -> int | float | None:
    """A finite number, as a number or as text; whole where it is."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(found) or abs(found) >= 10**15:
        return None
    return int(found) if found.is_integer() else found


def truth(value: object) -> bool:
    """A flag, as `true`, 1 or `"1"`."""
    return value is True or whole(value) == 1


def moment(value: object) -> datetime | None:
    """A moment in UTC: ISO with an offset (`+0400` or `+04:00`), or unix seconds; None for a time without one."""
    found = _parsed(value)
    if found is None or found.tzinfo is None:
        return None
    try:
        return plausible(found.astimezone(UTC))
    except OverflowError:
        return None


def local(value: object) -> datetime | None:
    """The clock on the salon's wall: `YYYY-MM-DD HH:MM:SS`, or ISO with the salon's own offset."""
    found = _parsed(value) if isinstance(value, str) and not _WHOLE.fullmatch(value.strip()) else None
    return found.replace(tzinfo=None) if found is not None else None


def spelled_once(value: object) -> str | None:
    """A time as it may stand in an identity: one spelling for one moment, the text itself without an offset."""
    known = moment(value)
    return known.isoformat() if known is not None else text(value)


def _parsed(value: object) -> datetime | None:
    seconds = whole(value)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(seconds, UTC) if _EARLIEST <= seconds < _LATEST else None
        return datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
