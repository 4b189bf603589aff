"""What the deeds behind the console's buttons have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Write
from svyazka.engine.rules.access import role_in
from svyazka.engine.security.sealing import opened_for_vault
from svyazka.model.base import Stored
from svyazka.model.requests import Request, SignedIn, Wish
from svyazka.model.roles import Role
from svyazka.model.tenants import Tenant

DONE_BEFORE = N_("it was done")


class Refused(Exception):
    """Why it isn't done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a deed."""

    text: str
    link: str = ""
    """A vendor's page where somebody goes on."""
    leads: str = ""
    """A page of the console's where it goes on."""
    shown: str | None = None
    """What only the session that asked can open."""


Deed = Callable[[Request, Tenant], Awaitable[str | Answer | None]]
"""Does it; None while more of it is to be done. Whoever dies before the answer does it once more, so each recognises
what it did; and what can be undone ends in its own commit, or knows that it was: else it would come back after that.
Raises Refused, ConfigError, Conflict."""

Deeds = Mapping[Wish, Deed]


class FileChange(Stored):
    """One line of what would change."""

    sign: str
    what: str
    open: int = 0
    note: str = ""


class FilePlan(Stored):
    """What settings that were typed would change."""

    before: str
    text: str
    revision: str
    """Of the tenant that it was compared with."""
    changes: tuple[FileChange, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Keys that aren't set."""


class Hands(Protocol):
    """What is done above the engine: of a tenant's file and its secrets. All raise ConfigError and Conflict."""

    async def set_paused(self, hub: Hub, tenant: Tenant, part: str, paused: bool, also: Sequence[Write] = ()) -> None:
        """Pause a tenant, or its connection or flow of that name, or let it go on; with these writes."""

    async def set_secret(self, hub: Hub, tenant: Tenant, name: str, value: str, also: Sequence[Write] = ()) -> None:
        """Keep a secret, with these writes in the same commit."""

    async def plan_file(self, hub: Hub, tenant: Tenant, text: str) -> FilePlan:
        """What a tenant's file with this text would change; nothing is written."""

    async def apply_file(self, hub: Hub, tenant: Tenant, text: str, revision: str, also: Sequence[Write] = ()) -> None:
        """Make it so, with these writes, if the tenant is still as it was at that revision."""


def typed(hub: Hub, request: Request) -> str:
    """What came sealed to the vault's lock. Raises Refused, ConfigError."""
    if request.sealed is None:
        raise Refused(N_("nothing was typed"))
    return opened_for_vault(hub.keyring, request.sealed, request.context)


async def end_of(hub: Hub, request: Request, said: str, shown: str | None = None) -> Sequence[Write]:
    """A request's own end, for a deed that must not be done once more: it stands in the deed's commit."""
    held = await journal.load(hub.store, Request, request.id)
    if held is None or held.model.state != "asked":
        raise Refused(DONE_BEFORE)
    now = hub.clock.now()
    return [
        journal.replace(held.model.answered("done", said, now, shown=shown), held.version),
        journal.create(held.model.audit_line(now)),
    ]


async def role_of(hub: Hub, request: Request, tenant: Tenant) -> Role | None:
    """What whoever asked may do for a tenant now. Raises Refused where the sign-in is over."""
    held = await journal.load(hub.store, SignedIn, request.session)
    if held is None or held.model.expire_at <= hub.clock.real():
        raise Refused(N_("the sign-in is over: sign in and ask again"))
    session = held.model
    home: Tenant | None = tenant if session.tenant == tenant.id else None
    if home is None and session.way == "code" and session.tenant is not None:
        there = await journal.load(hub.store, Tenant, session.tenant)
        home = there.model if there is not None else None
    return role_in(hub.keyring, session, tenant, home)


def connection_in(tenant: Tenant, name: str) -> str:
    """The name, where the tenant has such a connection. Raises Refused."""
    if name not in tenant.connections:
        raise Refused(N_("there is no such connection"))
    return name
