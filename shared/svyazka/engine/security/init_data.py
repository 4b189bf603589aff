"""Init data of Mini Apps: a query string that a messenger signs for the page that it opens. Pure.

What differs from messenger to messenger (how the key is made, the unit of `auth_date`) stands in its own folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Any
from urllib.parse import parse_qsl

CLOCKS_APART = timedelta(minutes=5)
FIELDS_LIMIT = 50


class NotGenuine(ValueError):
    """Init data that proves nothing. The message says why, and quotes none of it."""


@dataclass(frozen=True, slots=True)
class InitData:
    """What a messenger vouched for, and when. It may be shown again for its whole life: no idempotency key."""

    fields: Mapping[str, str]
    signed_at: datetime

    def object(self, name: str) -> Mapping[str, Any] | None:
        """A field's JSON object (`user`, `chat`), or None where there is none."""
        try:
            found = json.loads(self.fields.get(name, "null"))
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


def fields_of(text: str) -> dict[str, str]:
    """The fields, decoded once, blank ones too. Raises NotGenuine where a key comes twice."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_LIMIT)
    except ValueError:
        raise NotGenuine(f"expected a query string of at most {FIELDS_LIMIT} fields") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise NotGenuine("expected each key once")
    return fields


def check_string(fields: Mapping[str, str], *without: str) -> bytes:
    """What is signed: `key=value` lines by key, values as decoded text (their JSON isn't written anew)."""
    kept = sorted((_bytes(name), _bytes(value)) for name, value in fields.items() if name not in without)
    return b"\n".join(name + b"=" + value for name, value in kept)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def hmac_key(token: str) -> bytes:
    """The key that a bot's token makes."""
    return digest(b"WebAppData", token.encode(), sha256)


def checked(
    fields: Mapping[str, str], key: bytes, moment: Callable[[str], datetime | None], now: datetime, max_age: timedelta
) -> InitData:
    """The fields, if `hash` is the HMAC of all others and they are fresh. Raises NotGenuine."""
    given = fields.get("hash")
    if given is None:
        raise NotGenuine("expected a hash, there is none")
    wanted = digest(key, check_string(fields, "hash"), sha256).hex()
    if not compare_digest(_bytes(given), wanted.encode()):
        raise NotGenuine("the hash isn't the one that this bot's token makes")
    return fresh(fields, moment, now, max_age)


def fresh(
    fields: Mapping[str, str], moment: Callable[[str], datetime | None], now: datetime, max_age: timedelta
) -> InitData:
    """Signed fields, if they are neither too old nor from the future; exactly `max_age` still passes."""
    signed_at = moment(fields.get("auth_date", ""))
    if signed_at is None:
        raise NotGenuine("expected an auth_date")
    if now - signed_at > max_age:
        raise NotGenuine("it is too old: open the app again")
    if signed_at - now > CLOCKS_APART:
        raise NotGenuine("it is from the future: a clock is wrong")
    return InitData(fields, signed_at)
