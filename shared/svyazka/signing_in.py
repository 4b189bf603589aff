"""How somebody comes in: by a link that the command line prints, good once and for minutes; then by a cookie.

Of a link and of a cookie the store keeps only a hash: whoever reads the store can't come in with what is there.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Create, Delete, Document, Store
from svyazka.model.errors import Conflict
from svyazka.model.requests import Role, SignedIn

LINK_LIVES = timedelta(minutes=10)
STAYS = timedelta(hours=12)
"""Then one signs in again: a browser that was left open at a till closes itself over night."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who may come in by a link."""

    who: str
    role: Role
    tenant: str | None = None
    """None: all of them."""


async def invite(store: Store, clock: Clock, invitation: Invitation) -> str:
    """The secret part of a link that lets this person in, once."""
    token = secrets.token_urlsafe(24)
    content = {"who": invitation.who, "role": invitation.role.value, "tenant": invitation.tenant}
    expires = {"expire_at": clock.real() + LINK_LIVES}
    await store.commit([Create(Document("invitations", _hash(token), expires, json.dumps(content).encode()))])
    return token


async def come_in(store: Store, clock: Clock, token: str) -> str | None:
    """The cookie for whoever has the link; None for one that is used up, too old or made up."""
    held = await store.get("invitations", _hash(token))
    expires = held.fields.get("expire_at") if held else None
    if held is None or not isinstance(expires, datetime) or expires <= clock.real():
        return None
    invited = json.loads(held.data)
    cookie, now = secrets.token_urlsafe(32), clock.real()
    session = SignedIn(
        id=_hash(cookie), who=invited["who"], role=Role(invited["role"]), tenant=invited["tenant"], began_at=now,
        expire_at=now + STAYS,
    )  # fmt: skip
    try:
        await store.commit([Delete("invitations", held.id, held.version), journal.create(session)])
    except Conflict:
        return None  # somebody else was quicker with the same link
    return cookie


async def signed_in(store: Store, clock: Clock, cookie: str) -> SignedIn | None:
    """Whose cookie it is, while it is good."""
    held = await journal.load(store, SignedIn, _hash(cookie)) if cookie else None
    return held.model if held is not None and held.model.expire_at > clock.real() else None


async def leave(store: Store, session: SignedIn) -> None:
    """The cookie is good for nothing from now on."""
    await store.commit([Delete("signed_in", session.id)])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
