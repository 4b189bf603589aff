"""Telegram's payloads as they are read: tolerant of everything that may be missing, null or of another type."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest

from svyazka.engine.contracts.untrusted import Section, text, whole


def identifier(value: object) -> str | None:
    """A numeric id as text."""
    found = whole(value)
    return str(found) if found is not None else None


def moment(value: object) -> datetime | None:
    """Unix seconds; 0 stands for a message that Telegram shows no more."""
    seconds = whole(value)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and 0 < seconds < 10**11 else None


def full_name(user: Section) -> str | None:
    """First name, then surname."""
    return " ".join(part for name in ("first_name", "last_name") if (part := text(user.get(name)))) or None


def webhook_secret(given: str | None, bot_token: str | None) -> str | None:
    """The secret with which our webhook is registered: the connection's own, else one that its token makes."""
    if given or not bot_token:
        return given or None
    return digest(bot_token.encode(), b"svyazka telegram webhook", sha256).hex()
