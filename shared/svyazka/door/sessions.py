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
    await door.create([Document("sessions", keyring.mark("session", token), fields, b"{}")])
    return token
