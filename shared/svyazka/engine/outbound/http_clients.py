"""HTTP clients, one a connection."""

from __future__ import annotations

import ssl
from functools import cache
from http.cookiejar import DefaultCookiePolicy

import httpx

from svyazka.engine.outbound.transport import AiohttpTransport
from svyazka.engine.support.answers import OFFERED

NO_COOKIES = DefaultCookiePolicy(allowed_domains=())
"""What one call's answer sets must not steer the next."""


@cache
def _context(ca_pem: str | None) -> ssl.SSLContext:
    """Whom a client trusts. Loading the authorities costs 60 ms: once a process, not once for each client."""
    context = httpx.create_ssl_context()
    if ca_pem:
        context.load_verify_locations(cadata=ca_pem)
    return context


class Clients:
    """One HTTP client a connection: a shared pool is slow at many calls at once."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}

    def of(self, account: str, concurrency: int, ca_pem: str | None = None) -> httpx.AsyncClient:
        """The connection's client; `ca_pem` is trusted by this one only, beside the usual authorities."""
        client = self._clients.get(account)
        if client is None:
            client = self._clients[account] = httpx.AsyncClient(
                transport=AiohttpTransport(_context(ca_pem), concurrency),
                headers={"User-Agent": "svyazka", "Accept-Encoding": OFFERED},
                trust_env=False,
            )
            client.cookies.jar.set_policy(NO_COOKIES)
        return client

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()
