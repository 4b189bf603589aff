"""Who may do what at the console: pure, out of what a session says and what tenants' files say now.

A person is let in by whoever carries the code: a tenant's own connection proves its own people, and no other tenant's.
Were a session by one tenant's code good wherever the same phone stands, a business that shares the installation could
write a stranger's phone into its file, carry the code itself, and come in as that stranger. Another tenant that trusts
the first says so (`of`). Google's word isn't a tenant's, so that it holds wherever the account is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from svyazka.engine.security.keyring import Keyring
from svyazka.model.requests import SignedIn
from svyazka.model.roles import Role
from svyazka.model.tenants import Person, Tenant

PURPOSE = "console person"


def proof_of(keyring: Keyring, tenant: str, person: Person) -> str:
    """Keyed hash of where this person reads a code: another address, or connection, is another proof."""
    kind = next((kind for kind in ("phone", "email", "chat") if getattr(person, kind)), "")
    return keyring.mark(PURPOSE, tenant, person.connection or "", kind, getattr(person, kind, None) or "")


def google_proof(keyring: Keyring, account: str) -> str:
    """Keyed hash of a Google account."""
    return keyring.mark(PURPOSE, "google", account.strip().casefold())


def person_in(tenant: Tenant | None, name: str) -> Person | None:
    """The person of that name who comes in by an address in this tenant's own file."""
    people = tenant.people if tenant is not None else ()
    return next((one for one in people if one.name == name and one.addressee is not None), None)


def role_in(keyring: Keyring, session: SignedIn, tenant: Tenant, home: Tenant | None) -> Role | None:
    """What a session may do for a tenant; None: it isn't even there. `home`: the tenant that `session.tenant` names,
    as it is now."""
    if session.way in ("link", "support"):
        return session.role if session.tenant in (None, tenant.id) else None
    if session.way == "google":
        mine = [one for one in tenant.people if one.google and google_proof(keyring, one.google) == session.proof]
    else:
        me = person_in(home, session.who)
        if me is None or home is None or proof_of(keyring, home.id, me) != session.proof:
            return None  # taken from the file, or reached elsewhere now
        if tenant.id == home.id:
            return me.role
        mine = [one for one in tenant.people if one.of == home.id and one.name == me.name]
    return max((one.role for one in mine), key=list(Role).index, default=None)


def roles_in(keyring: Keyring, session: SignedIn, tenants: Mapping[str, Tenant]) -> dict[str, Role]:
    """What a session may do, by tenant."""
    home = tenants.get(session.tenant or "")
    found = {id_: role_in(keyring, session, one, home) for id_, one in tenants.items()}
    return {id_: role for id_, role in found.items() if role is not None}


def may_end(keyring: Keyring, mine: SignedIn, other: SignedIn, tenants: Mapping[str, Tenant]) -> bool:
    """Whether one session may end another: its own, or one that opens nothing of which it isn't the owner."""
    if mine.id == other.id:
        return True
    if other.way == "link" and other.tenant is None and (mine.way, mine.tenant) != ("link", None):
        return False
    have, theirs = roles_in(keyring, mine, tenants), roles_in(keyring, other, tenants)
    return all(have.get(tenant) is Role.OWNER for tenant in theirs)


# A link for support: whoever has it may look, and nothing else, until it ends


SUPPORT_DAYS = (1, 7, 30)


def hash_of(secret: str) -> str:
    """What the store keeps of a link, a code's asking or a cookie: who reads the store can't come in with it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def support_session(secret: str, who: str, tenant: str, now: datetime, days: int) -> SignedIn:
    """A session that is there before anybody has come: its link is its cookie, in as many browsers as there are."""
    return SignedIn(
        id=hash_of(secret), who=who, way="support", tenant=tenant, role=Role.LOOKER, began_at=now,
        expire_at=now + timedelta(days=days),
    )  # fmt: skip


# Codes: made and sent by the worker, entered at the console


def context_of(asked: str) -> str:
    """What is typed for one asking opens for no other."""
    return f"sign in {asked}"


def print_of(keyring: Keyring, asked: str, tenant: str, name: str, code: str) -> str:
    """Keyed hash of a code, good for this asking and this person."""
    return keyring.mark("sign in code", asked, tenant, name, code)
