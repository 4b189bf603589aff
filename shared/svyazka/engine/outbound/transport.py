"""httpx over aiohttp's connections: three times the calls per second of httpx's own pool on the same machine.

Only what matters here is translated, and strictly: an error may count as "provably not sent" only where
aiohttp raises it before the first byte of a request.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from yarl import URL

KEEPALIVE = 2.0
"""Seconds that an idle connection is kept: the longer, the likelier that a call meets one the vendor has closed."""

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer; whoever sends more is cut off."""

_OURS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers that aiohttp would add by itself: httpx has decided about them."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One connection's transport; its session begins with the first call."""

    def __init__(self, context: ssl.SSLContext, connections: int) -> None:
        self._context = context
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, keepalive_timeout=KEEPALIVE, ssl=self._context, happy_eyeballs_delay=None
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False,
                skip_auto_headers=_OURS,
            )  # fmt: skip
            # No repeat behind our back, not even of a GET: the engine decides, and the story tells of every call.
            self._session._retry_connection = False
        return self._session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange, its body read whole. Raises httpx's errors."""
        limits = request.extensions.get("timeout", {})
        timeout = aiohttp.ClientTimeout(
            total=None, connect=limits.get("pool"), sock_connect=limits.get("connect"), sock_read=limits.get("read")
        )
        with _translated(request):
            async with self._opened().request(
                request.method, URL(str(request.url), encoded=True), headers=request.headers.multi_items(),
                data=await request.aread() or None, allow_redirects=False, timeout=timeout,
                server_hostname=request.extensions.get("sni_hostname"),
            ) as answer:  # fmt: skip
                body = bytearray()
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > BODY_LIMIT:
                        raise httpx.RemoteProtocolError(f"an answer of more than {BODY_LIMIT} bytes", request=request)
                return httpx.Response(answer.status, headers=answer.raw_headers, content=bytes(body), request=request)

    async def aclose(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None


@contextmanager
def _translated(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except aiohttp.ClientConnectorError as error:  # refused, no such name, TLS refused: before the request
        raise httpx.ConnectError(str(error), request=request) from error
    except aiohttp.ConnectionTimeoutError as error:  # no connection in time
        raise httpx.ConnectTimeout(str(error), request=request) from error
    except aiohttp.InvalidURL as error:
        raise httpx.UnsupportedProtocol(str(error), request=request) from error
    except aiohttp.ServerTimeoutError as error:
        raise httpx.ReadTimeout(str(error), request=request) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Reset, closed in the middle, not HTTP at all: it may have been sent.
        raise httpx.RemoteProtocolError(f"{type(error).__name__}", request=request) from error
