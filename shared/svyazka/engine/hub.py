"""What the worker's parts share: ports, caches, limits. Put together by `app.py`, and only there."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from svyazka.engine.contracts.calls import Guard
from svyazka.engine.contracts.manifest import Limits
from svyazka.engine.outbound.addresses import AddressGuard
from svyazka.engine.outbound.http_clients import Clients
from svyazka.engine.outbound.pacing import Limiter
from svyazka.engine.ports.blobs import Blobs, Nowhere
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Queue, Store
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.tenants.directory import Account, Directory
from svyazka.model.contacts import Contact
from svyazka.model.tenants import Addressee

Printer = Callable[[str, Contact, str], None]
"""Shows a message on the console instead of sending it: connection, to whom, text."""


@dataclass
class Hub:
    """The worker's surroundings."""

    store: Store
    queue: Queue
    clock: Clock
    keyring: Keyring
    directory: Directory
    blobs: Blobs = field(default_factory=lambda: Nowhere("this process was given no place for blobs"))
    clients: Clients = field(default_factory=Clients)
    limiter: Limiter = field(default_factory=Limiter)
    operators: Sequence[tuple[str, Addressee]] = ()
    """Who runs the installation: (tenant whose connection carries it, addressee)."""
    printer: Printer | None = None
    guard: AddressGuard | None = None
    """Looks at addresses that tenants supplied."""
    base_guard: AddressGuard | None = None
    """Looks at the `base_url` that a connection has in place of its vendor's own address."""
    hook_url: Callable[[Account], str | None] = lambda account: None
    """The URL, with its key, that a connection's vendor is to call; None for one that never does."""
    chance: Callable[[], float] = random.random
    memos: dict[str, dict[str, Any]] = field(default_factory=dict)

    def memo(self, account: Account) -> dict[str, Any]:
        """The connection's own memory within this process."""
        return self.memos.setdefault(f"{account.tenant.id}.{account.name}", {})

    def guard_of(self, account: Account) -> Guard | None:
        """Who looks at this connection's addresses before they are called; None where they are its vendor's own."""
        if account.settings.base_url is not None:
            guard = self.base_guard  # whatever its vendor, it is called there
        else:
            guard = self.guard if account.manifest.network.tenant_addresses else None
        return guard.also(plain_http=True) if guard is not None and account.settings.plain_http else guard

    @staticmethod
    def counted_as(account: Account) -> str:
        """Whose rate a call counts towards: the account's own, or that of all accounts of its vendor where the
        vendor counts by IP address."""
        by_address = account.manifest.limits.scope == "ip"
        return f"ip.{account.vendor}" if by_address else f"{account.tenant.id}.{account.name}"

    def limits(self, account: Account) -> Limits:
        """The connector's rate, or the connection's own where it sets one."""
        own, vendors = account.settings.limit, account.manifest.limits
        if own is None:
            return vendors
        return Limits(own.per_second, own.concurrency, vendors.scope, own.per_minute or vendors.per_minute)
