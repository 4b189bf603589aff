"""MAX's payloads as they are read: tolerant of everything that may be missing, null or of another type."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest

from svyazka.engine.contracts.untrusted import Section, text, whole

_PHONE = re.compile(r"^TEL[^:\r\n]*:\+?(\d{10,15})\s*$", re.M | re.I | re.ASCII)


def identifier(value: object) -> str | None:
    """An id, a number or text."""
    found = whole(value)
    return str(found) if found is not None else text(value) if isinstance(value, str) else None


def moment(value: object) -> datetime | None:
    """Unix milliseconds."""
    millis = whole(value)
    return datetime.fromtimestamp(millis / 1000, UTC) if millis is not None and 0 < millis < 10**14 else None


def full_name(user: Section) -> str | None:
    """First name, then surname; `name` is both and deprecated."""
    parts = [part for name in ("first_name", "last_name") if (part := text(user.get(name)))]
    return " ".join(parts) or text(user.get("name"))


def phone_of(card: object) -> str | None:
    """The phone in a shared contact's vCard: digits without a plus."""
    found = _PHONE.search(card) if isinstance(card, str) else None
    return found[1] if found else None


def webhook_secret(given: str | None, bot_token: str | None) -> str | None:
    """The secret with which our webhook is registered: the connection's own, else one that its token makes."""
    if given or not bot_token:
        return given or None
    return digest(bot_token.encode(), b"svyazka max webhook", sha256).hex()
