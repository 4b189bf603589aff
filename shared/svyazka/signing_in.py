"""How somebody comes in: by a link that the command line prints, by a code that a connection of theirs carries, or by
a Google account; then by a cookie.

Of a link, of a code and of a cookie the store keeps only a hash: whoever reads the store can't come in with what is
there.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import sign_in_task
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Create, Delete, Document, Store, Write
from svyazka.engine.rules.access import context_of, hash_of, print_of, support_session
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.security.sealing import sealed_to
from svyazka.model.deliveries import AuditLine
from svyazka.model.errors import Conflict
from svyazka.model.ids import stable_id
from svyazka.model.requests import VAULT_LOCK, Role, SignedIn
from svyazka.model.sign_ins import CodeOf, SignInAsked

LINK_LIVES = timedelta(minutes=10)
CODE_LIVES = timedelta(minutes=10)
CODE_TRIES = 5
STAYS = timedelta(hours=12)
"""Then one signs in again: a browser that was left open at a till closes itself over night."""

SEEN_EVERY = timedelta(minutes=5)
"""How exactly it is known when somebody was last here: each note of it is a write."""

TYPED_LONGEST = 200


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
    await store.commit([Create(Document("invitations", hash_of(token), expires, json.dumps(content).encode()))])
    return token


async def come_in(store: Store, clock: Clock, token: str) -> str | None:
    """The cookie for whoever has the link; None for one that is used up, too old or made up."""
    held = await store.get("invitations", hash_of(token))
    expires = held.fields.get("expire_at") if held else None
    if held is None or not isinstance(expires, datetime) or expires <= clock.real():
        return None
    invited = json.loads(held.data)
    cookie, now = secrets.token_urlsafe(32), clock.real()
    session = SignedIn(
        id=hash_of(cookie), who=invited["who"], role=Role(invited["role"]), tenant=invited["tenant"], began_at=now,
        seen_at=now, expire_at=now + STAYS,
    )  # fmt: skip
    try:
        await store.commit([Delete("invitations", held.id, held.version), journal.create(session)])
    except Conflict:
        return None  # somebody else was quicker with the same link
    return cookie


async def invite_support(store: Store, clock: Clock, who: str, tenant: str, days: int) -> str:
    """The secret part of a link by which whoever has it may look at one business, for so many days."""
    token = secrets.token_urlsafe(32)
    await store.commit([journal.create(support_session(token, who, tenant, clock.real(), days))])
    return token


async def is_support(store: Store, clock: Clock, token: str) -> bool:
    """Whether it is such a link, and still good: then it is the cookie."""
    session = await signed_in(store, clock, token)
    return session is not None and session.way == "support"


# By a code


async def ask_for_code(store: Store, clock: Clock, typed: str) -> str | None:
    """Write down what somebody typed, for the worker to look whom it means; the word that only this browser then has.
    None where no worker has run here yet. What is done is the same for everybody: whether anybody is known by it isn't
    known here."""
    lock = await store.get("meta", VAULT_LOCK)
    if lock is None:
        return None
    word, now = secrets.token_urlsafe(32), clock.real()
    id_ = hash_of(word)
    asked = SignInAsked(
        id=id_, sealed=sealed_to(lock.data.decode(), _padded(typed), context_of(id_)), asked_at=now,
        expire_at=now + CODE_LIVES,
    )  # fmt: skip
    await store.commit([journal.create(asked)], [sign_in_task(id_)])
    return word


async def enter_code(store: Store, clock: Clock, keyring: Keyring, word: str, code: str) -> str | None:
    """The cookie for whoever has the code that was sent for this asking; None for a wrong, used, old or too often tried
    one. A try is counted before it is looked at: a thousand at once are five."""
    held = await journal.load(store, SignInAsked, hash_of(word)) if word else None
    if held is None or held.model.expire_at <= clock.real() or held.model.tries >= CODE_TRIES:
        return None
    tried = held.model.model_copy(update={"tries": held.model.tries + 1})
    try:
        (version,) = await store.commit([journal.replace(tried, held.version)])
    except Conflict:
        return None  # another try, or the worker, was quicker
    whose = _whose(keyring, tried, code)
    if whose is None:
        return None
    cookie, now = secrets.token_urlsafe(32), clock.real()
    session = SignedIn(
        id=hash_of(cookie), who=whose.name, way="code", tenant=whose.tenant, proof=whose.proof, began_at=now,
        seen_at=now, expire_at=now + STAYS,
    )  # fmt: skip
    try:
        await store.commit([Delete("sign_ins", tried.id, version), journal.create(session), _noted(session, clock)])
    except Conflict:
        return None
    return cookie


def _whose(keyring: Keyring, asked: SignInAsked, code: str) -> CodeOf | None:
    """Whose code it is. Every one is compared, in the same time whether it fits or not."""
    found = None
    for one in asked.codes:
        fits = compare_digest(one.print, print_of(keyring, asked.id, one.tenant, one.name, code))
        found = one if fits and one.tenant else found
    return found


def _padded(typed: str) -> str:
    """As long as any other: how long what is sealed is tells what sort of address it is of."""
    return typed.strip()[:TYPED_LONGEST].ljust(TYPED_LONGEST)


def _noted(session: SignedIn, clock: Clock) -> Write:
    line = AuditLine(
        id=stable_id("aud", session.id), at=clock.now(), who=session.who, action="sign_in",
        target=session.tenant or "*", tenant=session.tenant, detail={"by": session.way},
    )  # fmt: skip
    return journal.create(line)


# By a Google account, which the identity-aware proxy has shown


async def begin_by_google(store: Store, clock: Clock, who: str, proof: str, owner: bool) -> str:
    """The cookie of a new session. `owner`: of the whole installation; else a person of tenants' files."""
    cookie, now = secrets.token_urlsafe(32), clock.real()
    session = SignedIn(
        id=hash_of(cookie), who=who, way="link" if owner else "google", role=Role.OWNER if owner else Role.LOOKER,
        proof=proof, began_at=now, seen_at=now, expire_at=now + STAYS,
    )  # fmt: skip
    await store.commit([journal.create(session), _noted(session, clock)])
    return cookie


# Being in


async def signed_in(store: Store, clock: Clock, cookie: str) -> SignedIn | None:
    """Whose cookie it is, while it is good."""
    held = await journal.load(store, SignedIn, hash_of(cookie)) if cookie else None
    if held is None or held.model.expire_at <= clock.real():
        return None
    session, now = held.model, clock.real()
    if now - (session.seen_at or session.began_at) >= SEEN_EVERY:
        session = session.model_copy(update={"seen_at": now})
        with suppress(Conflict):  # another call of the same browser has noted it, or the session was ended
            await store.commit([journal.replace(session, held.version)])
    return session


async def leave(store: Store, session: SignedIn) -> None:
    """The cookie is good for nothing from now on. One who helps leaves the link to the others: its owner ends it."""
    if session.way != "support":
        await store.commit([Delete("signed_in", session.id)])
