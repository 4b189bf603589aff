"""HTTP clients, one a connection. What they are made of is imported with the first of them: a process that only knows
of a hub (the console's function) starts without it."""

from __future__ import annotations

import ssl
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from svyazka.engine.outbound.transport import AiohttpClient


@cache
def _context(ca_pem: str | None) -> ssl.SSLContext:
    """Whom a client trusts. Loading the authorities costs 60 ms: once a process, not once for each client."""
    import httpx

    context = httpx.create_ssl_context()
    if ca_pem:
        context.load_verify_locations(cadata=ca_pem)
    return context


class Clients:
    """One HTTP client a connection: a shared pool is slow at many calls at once."""

    def __init__(self) -> None:
        self._clients: dict[str, AiohttpClient] = {}

    def of(self, account: str, concurrency: int, ca_pem: str | None = None) -> AiohttpClient:
        """The connection's client; `ca_pem` is trusted by this one only, beside the usual authorities."""
        client = self._clients.get(account)
        if client is None:
            from svyazka.engine.outbound.transport import AiohttpClient

            client = self._clients[account] = AiohttpClient(_context(ca_pem), concurrency)
        return client

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
