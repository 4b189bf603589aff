"""Who has shown who they are: by a code, or by what a messenger signs for its Mini App.

A session is an unguessable word that travels in `X-Session` (cookies are dead within frames) and a document that holds
keyed hashes only. It lasts an hour, and `forget` ends it.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from svyazka.engine.ports.store import Document, Door, Value
from svyazka.engine.security.keyring import Keyring

LASTS = timedelta(hours=1)


async def begin(door: Door, keyring: Keyring, tenant: str, person: str, now: datetime) -> str:
    """A new session of a person (keyed hash). Raises Unavailable."""
    token = secrets.token_urlsafe(32)
    fields: dict[str, Value] = {"tenant": tenant, "person": person, "expire_at": now + LASTS}
    await door.create([Document("sessions", name_of(keyring, token), fields, b"{}")])
    return token


async def person_of(door: Door, keyring: Keyring, tenant: str, token: str, now: datetime) -> str | None:
    """Keyed hash of whom a session that lasts is of. Raises Unavailable."""
    (document,) = await door.get_many([("sessions", name_of(keyring, token))])
    if document is None or document.fields.get("tenant") != tenant:
        return None
    ends = document.fields.get("expire_at")
    return str(document.fields["person"]) if isinstance(ends, datetime) and ends > now else None


def name_of(keyring: Keyring, token: str) -> str:
    """A session's document: nobody who reads it finds the word."""
    return keyring.mark("session", token)
