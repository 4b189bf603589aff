"""What the deeds behind the console's buttons have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.ports.store import Write
from svyazka.model.requests import Request, Wish
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
what it did. Raises Refused, ConfigError, Conflict."""

Deeds = Mapping[Wish, Deed]


class Hands(Protocol):
    """What is done above the engine: of a tenant's file and its secrets. All raise ConfigError and Conflict."""

    async def set_paused(self, hub: Hub, tenant: Tenant, part: str, paused: bool) -> None:
        """Pause a tenant, or its connection or flow of that name, or let it go on."""

    async def set_secret(self, hub: Hub, tenant: Tenant, name: str, value: str, also: Sequence[Write] = ()) -> None:
        """Keep a secret, with these writes in the same commit."""


def connection_in(tenant: Tenant, name: str) -> str:
    """The name, where the tenant has such a connection. Raises Refused."""
    if name not in tenant.connections:
        raise Refused(N_("there is no such connection"))
    return name
