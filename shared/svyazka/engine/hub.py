"""What the worker's parts share: ports, caches, limits. Put together by `app.py`, and only there."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx

from svyazka.engine.calls import Guard
from svyazka.engine.clock import Clock
from svyazka.engine.connector import Limits
from svyazka.engine.directory import Account, Directory
from svyazka.engine.keys import Keyring
from svyazka.engine.store import Queue, Store
from svyazka.engine.transport import AiohttpTransport
from svyazka.model.contacts import Contact
from svyazka.model.tenants import Addressee

Printer = Callable[[str, Contact, str], None]
"""Shows a message on the console instead of sending it: connection, to whom, text."""


class Limiter:
    """Paces calls of each account at its connector's rate, and bounds how many are out at once."""

    def __init__(self) -> None:
        self._free_at: dict[str, float] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}

    def delay(self, account: str, per_second: float) -> float:
        """Reserve the next slot; seconds to wait for it. A second's worth may go at once after a pause."""
        now = time.monotonic()
        interval = 1 / per_second
        free_at = max(self._free_at.get(account, 0.0), now - 1.0)
        self._free_at[account] = free_at + interval
        return max(0.0, free_at + interval - now)

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
                headers={"User-Agent": "svyazka"},
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
    guard: Guard | None = None
    """Looks at addresses that tenants supplied."""
    hook_url: Callable[[Account], str | None] = lambda account: None
    """The URL, with its key, that a connection's vendor is to call; None for one that never does."""
    chance: Callable[[], float] = random.random
    memos: dict[str, dict[str, Any]] = field(default_factory=dict)

    def memo(self, account: Account) -> dict[str, Any]:
        """The connection's own memory within this process."""
        return self.memos.setdefault(f"{account.tenant.id}.{account.name}", {})

    @staticmethod
    def counted_as(account: Account) -> str:
        """Whose rate a call counts towards: the account's own, or that of all accounts of its vendor where the
        vendor counts by IP address."""
        by_address = account.connector.limits.scope == "ip"
        return f"ip.{account.vendor}" if by_address else f"{account.tenant.id}.{account.name}"

    async def pace(self, account: Account) -> None:
        """Wait for the account's next slot."""
        wait = self.limiter.delay(self.counted_as(account), self.limits(account).per_second)
        if wait > 0:
            await asyncio.sleep(wait)

    def limits(self, account: Account) -> Limits:
        """The connector's rate, or the connection's own where it sets one."""
        own = account.settings.limit
        if own is None:
            return account.connector.limits
        return Limits(own.per_second, own.concurrency, account.connector.limits.scope)
