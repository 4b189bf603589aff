"""httpx over aiohttp's connections: three times the calls per second of httpx's own pool on the same machine.

Only what matters here is translated, and strictly: an error may count as "provably not sent" only where
aiohttp raises it before the first byte of a request.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from svyazka.catalogue import N_
from svyazka.engine.outbound.addresses import Unguarded
from svyazka.engine.support.answers import ADDRESSES, FLAW, KEEP, LATE, Gathered

KEEPALIVE = 2.0
"""Seconds that an idle connection is kept: the longer, the likelier that a call meets one the vendor has closed."""

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer, as it comes and unpacked; whoever sends more is cut off."""

HEAD_LIMIT = 64 * 1024
"""Bytes of one header of an answer: cookies and policies of some servers go far beyond the usual 8 KiB."""

NEXT_ADDRESS_AFTER = 0.25
"""Seconds that one address of a name has before the next is tried beside it (RFC 8305 recommends these)."""

_OURS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers that aiohttp would add by itself: httpx has decided about them."""


_pinned: ContextVar[Sequence[str]] = ContextVar("addresses")


class _Pinned(AbstractResolver):
    """Leads to the addresses that were looked at for this very request, and never asks anybody."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=socket.AI_NUMERICHOST,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in _pinned.get(())
        ]  # fmt: skip

    async def close(self) -> None:
        """There is nothing to close."""


class _Handler(ResponseHandler):
    """Remembers how an answer begins: what follows its status line may be such that the parser drops all of it."""

    begun = b""

    def set_response_params(self, **params: Any) -> None:
        self.begun = b""
        _asked.get([]).append(self)
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        if len(self.begun) < _STATUS_LINE:
            self.begun += data[:_STATUS_LINE]
        super().data_received(data)

    @property
    def status(self) -> int | None:
        """The answer's status, once its whole line is here; an interim one is none."""
        line = _STATUS.match(self.begun)
        return int(line[1]) if line and int(line[1]) >= 200 else None


_asked: ContextVar[list[_Handler]] = ContextVar("asked")
_STATUS_LINE = 256
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r?\n")


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One connection's transport; its session begins with the first call."""

    def __init__(self, context: ssl.SSLContext, connections: int) -> None:
        self._context = context
        self._look_up = Unguarded()
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, keepalive_timeout=KEEPALIVE, ssl=self._context, resolver=_Pinned(),
                use_dns_cache=False, happy_eyeballs_delay=NEXT_ADDRESS_AFTER,
            )  # fmt: skip
            handler: type[ResponseHandler] = _Handler
            connector._factory = partial(handler, loop=asyncio.get_running_loop())
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False,
                skip_auto_headers=_OURS, max_line_size=HEAD_LIMIT, max_field_size=HEAD_LIMIT,
            )  # fmt: skip
            # No repeat behind our back, not even of a GET: the engine decides, and the story tells of every call.
            self._session._retry_connection = False
        return self._session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange; `FLAW` among the response's extensions says what is wrong with its body. Raises NotSent where
        nobody has looked the name up before and it can't be; httpx's errors where not even a status came."""
        limits = request.extensions.get("timeout", {})
        timeout = aiohttp.ClientTimeout(
            total=None, connect=limits.get("pool"), sock_connect=limits.get("connect"), sock_read=limits.get("read")
        )
        until = time.monotonic() + limits["read"] if limits.get("read") else None
        url, addresses = URL(str(request.url), encoded=True), request.extensions.get(ADDRESSES)
        if addresses is None:
            addresses = await self._look_up(str(request.url))
        # A literal address is connected to without asking for its name: it must be what was looked at.
        if _is_address(url.raw_host) and url.raw_host not in addresses:
            raise httpx.UnsupportedProtocol(N_("another address than the one that was looked at"), request=request)
        with _translated(request), _connecting_to(addresses), _answering() as handlers:
            try:
                async with self._opened().request(
                    request.method, url, headers=request.headers.multi_items(), data=await request.aread() or None,
                    allow_redirects=False, timeout=timeout,
                ) as answer:  # fmt: skip
                    body, flaw = await _read(answer, request.extensions.get(KEEP, BODY_LIMIT), until)
                    headers = [pair for pair in answer.raw_headers if pair[0].lower() not in _OF_THE_WIRE]
                    return httpx.Response(
                        answer.status, headers=headers, content=body, request=request, extensions={FLAW: flaw}
                    )
            except (aiohttp.ClientError, OSError):
                status = handlers[-1].status if handlers else None
                if status is None:
                    raise
                return httpx.Response(status, request=request, extensions={FLAW: N_("that can't be read")})

    async def aclose(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _is_address(host: str | None) -> bool:
    try:
        ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return False
    return True


_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")
"""Headers that are no longer true of a body that has been read and unpacked."""


async def _read(answer: aiohttp.ClientResponse, most: int, until: float | None) -> tuple[bytes, str | None]:
    """As much of the body as is wanted and comes in time, and what is wrong with it. The status stands anyhow."""
    gathered = Gathered(answer.headers.get("content-encoding", ""), most)
    try:
        async with asyncio.timeout(until - time.monotonic() if until is not None else None):
            async for chunk in answer.content.iter_any():
                if not gathered.take(chunk):
                    answer.close()  # what is still on its way must not meet the next call
                    break
    except TimeoutError:
        answer.close()
        return gathered.body, LATE
    except (aiohttp.ClientError, OSError):
        answer.close()
        return gathered.body, N_("broken off")
    return gathered.body, gathered.flaw


@contextmanager
def _connecting_to(addresses: Sequence[str]) -> Iterator[None]:
    token = _pinned.set(addresses)
    try:
        yield
    finally:
        _pinned.reset(token)


@contextmanager
def _answering() -> Iterator[list[_Handler]]:
    handlers: list[_Handler] = []
    token = _asked.set(handlers)
    try:
        yield handlers
    finally:
        _asked.reset(token)


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
