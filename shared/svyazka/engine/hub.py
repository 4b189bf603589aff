"""What the worker's parts share: ports, caches, limits. Put together by `app.py`, and only there."""

from __future__ import annotations

import asyncio
import math
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx

from svyazka.engine.contracts.calls import Guard
from svyazka.engine.contracts.manifest import Limits
from svyazka.engine.outbound.addresses import AddressGuard
from svyazka.engine.outbound.transport import AiohttpTransport
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Queue, Store
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.support.answers import OFFERED
from svyazka.engine.tenants.directory import Account, Directory
from svyazka.model.contacts import Contact
from svyazka.model.tenants import Addressee

Printer = Callable[[str, Contact, str], None]
"""Shows a message on the console instead of sending it: connection, to whom, text."""


KEPT_FOR = 60.0
"""Seconds after its time for which a place is kept."""

PLACES_KEPT = 10_000
"""From so many on, those that nobody claimed are looked for."""


class Limiter:
    """Paces calls of each account at its connector's rate, and bounds how many are out at once."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, rest: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._now = now
        self.rest = rest
        """Waits so many seconds."""
        self._free_at: dict[str, float] = {}
        self._kept: dict[tuple[str, str], float] = {}
        """Places of those who went away for a long wait."""
        self._slots: dict[str, asyncio.Semaphore] = {}

    def delay(self, account: str, per_second: float, who: str = "", patience: float = math.inf) -> float:
        """Take the next place; seconds to wait for it. A second's worth may go at once after a pause.

        Whoever waits longer than `patience` goes away, and his place is kept until he comes back: else a crowd would
        line up at the end again and again, and nobody would ever be served.
        """
        now = self._now()
        place = self._kept.pop((account, who), 0.0)
        if place < now - KEPT_FOR:
            place = max(self._free_at.get(account, 0.0), now - 1.0) + 1 / per_second
            self._free_at[account] = place
        if place - now > patience:
            self._forget_unclaimed(now)
            self._kept[account, who] = place
        return max(0.0, place - now)

    def _forget_unclaimed(self, now: float) -> None:
        if len(self._kept) >= PLACES_KEPT:
            self._kept = {key: place for key, place in self._kept.items() if place >= now - KEPT_FOR}

    def slot(self, account: str, concurrency: int) -> asyncio.Semaphore:
        """The account's slots; hold one during a call."""
        if account not in self._slots:
            self._slots[account] = asyncio.Semaphore(concurrency)
        return self._slots[account]


NO_COOKIES = DefaultCookiePolicy(allowed_domains=())
"""What one call's answer sets must not steer the next."""


class Clients:
    """One HTTP client a connection: a shared pool is slow at many calls at once."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._tls: dict[str | None, ssl.SSLContext] = {}

    def of(self, account: str, concurrency: int, ca_pem: str | None = None) -> httpx.AsyncClient:
        """The connection's client; `ca_pem` is trusted by this one only, beside the usual authorities."""
        client = self._clients.get(account)
        if client is None:
            client = self._clients[account] = httpx.AsyncClient(
                transport=AiohttpTransport(self._context(ca_pem), concurrency),
                headers={"User-Agent": "svyazka", "Accept-Encoding": OFFERED},
                trust_env=False,
            )
            client.cookies.jar.set_policy(NO_COOKIES)
        return client

    def _context(self, ca_pem: str | None) -> ssl.SSLContext:
        # Loading the authorities costs 60 ms: once for all clients, not once for each.
        if ca_pem not in self._tls:
            context = httpx.create_ssl_context()
            if ca_pem:
                context.load_verify_locations(cadata=ca_pem)
            self._tls[ca_pem] = context
        return self._tls[ca_pem]

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


@dataclass
class Hub:
    """The worker's surroundings."""

    store: Store
    queue: Queue
    clock: Clock
    keyring: Keyring
    directory: Directory
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
        if account.manifest.network.tenant_addresses:
            guard = self.guard
        else:
            guard = self.base_guard if account.settings.base_url is not None else None
        return guard.also(plain_http=True) if guard is not None and account.settings.plain_http else guard

    @staticmethod
    def counted_as(account: Account) -> str:
        """Whose rate a call counts towards: the account's own, or that of all accounts of its vendor where the
        vendor counts by IP address."""
        by_address = account.manifest.limits.scope == "ip"
        return f"ip.{account.vendor}" if by_address else f"{account.tenant.id}.{account.name}"

    async def pace(self, account: Account) -> None:
        """Wait for the account's next slot."""
        wait = self.limiter.delay(self.counted_as(account), self.limits(account).per_second)
        if wait > 0:
            await self.limiter.rest(wait)

    def limits(self, account: Account) -> Limits:
        """The connector's rate, or the connection's own where it sets one."""
        own = account.settings.limit
        if own is None:
            return account.manifest.limits
        return Limits(own.per_second, own.concurrency, account.manifest.limits.scope)
