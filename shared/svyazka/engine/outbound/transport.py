"""Calls over aiohttp's connections: several times the calls per second of httpx's own client on the same machine.

What an error proves is said strictly: one may count as "provably not sent" only where aiohttp raises it before the
first byte of a request.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from yarl import URL

from svyazka.catalogue import N_
from svyazka.engine.outbound.addresses import Unguarded
from svyazka.engine.support.answers import FLAW, LATE, Gathered
from svyazka.engine.support.requests import Request
from svyazka.model.errors import MaybeSent, NotSent

KEEPALIVE = 2.0
"""Seconds that an idle connection is kept: the longer, the likelier that a call meets one the vendor has closed."""

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer, as it comes and unpacked; whoever sends more is cut off."""

HEAD_LIMIT = 64 * 1024
"""Bytes of one header of an answer: cookies and policies of some servers go far beyond the usual 8 KiB."""

NEXT_ADDRESS_AFTER = 0.25
"""Seconds that one address of a name has before the next is tried beside it (RFC 8305 recommends these)."""

CONNECT_LIMIT = 5.0
"""Seconds for a connection, TLS included."""

_OURS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers that aiohttp would add by itself: the request says what they are."""


@dataclass(slots=True)
class _Exchange:
    """The call that a task of ours is making."""

    addresses: Sequence[str]
    seconds: float
    handler: _Handler | None = None
    """Of the connection that it went out by."""
    begun: tuple[float, float] = field(default_factory=lambda: _now())

    def is_late(self) -> bool:
        """By either clock: one may have stood still with the machine, the other have been set."""
        return any(now - then > self.seconds for now, then in zip(_now(), self.begun, strict=True))


def _now() -> tuple[float, float]:
    return time.monotonic(), time.time()


class _Request(aiohttp.ClientRequest):
    """Looks at its time right before its first byte: a process that was stopped on the way here, for an hour perhaps,
    would do what others have seen to since."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if _present.get().is_late():
            raise NotSent(N_("its time was over before it left"))
        return await super().send(conn)


_present: ContextVar[_Exchange] = ContextVar("exchange")


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
            for address in _present.get().addresses
        ]  # fmt: skip

    async def close(self) -> None:
        """There is nothing to close."""


class _Handler(ResponseHandler):
    """Remembers how an answer begins: what follows its status line may be such that the parser drops all of it."""

    begun = b""

    def set_response_params(self, **params: Any) -> None:
        self.begun = b""
        _present.get().handler = self
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


_STATUS_LINE = 256
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r?\n")


class AiohttpClient:
    """One connection's client; its session begins with the first call."""

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
                skip_auto_headers=_OURS, request_class=_Request, max_line_size=HEAD_LIMIT, max_field_size=HEAD_LIMIT,
            )  # fmt: skip
            # No repeat behind our back, not even of a GET: the engine decides, and the story tells of every call.
            self._session._retry_connection = False
        return self._session

    async def send(
        self, request: Request, *, addresses: Sequence[str] | None, seconds: float, most: int | None = None
    ) -> httpx.Response:
        """As `Client` says."""
        until = time.monotonic() + seconds
        exchange = _Exchange(addresses if addresses is not None else await self._look_up(request.url), seconds)
        url = URL(request.url, encoded=True)
        # A literal address is connected to without asking for its name: it must be what was looked at.
        if _is_address(url.raw_host) and url.raw_host not in exchange.addresses:
            raise NotSent(N_("another address than the one that was looked at"))
        timeout = aiohttp.ClientTimeout(
            total=None, connect=seconds, sock_connect=min(seconds, CONNECT_LIMIT), sock_read=seconds
        )
        token = _present.set(exchange)
        try:
            async with self._opened().request(
                request.method, url, headers=request.headers, data=request.body or None, allow_redirects=False,
                timeout=timeout,
            ) as answer:  # fmt: skip
                body, flaw = await _read(answer, BODY_LIMIT if most is None else most, until)
                headers = [pair for pair in answer.raw_headers if pair[0].lower() not in _OF_THE_WIRE]
                return httpx.Response(answer.status, headers=headers, content=body, extensions={FLAW: flaw})
        except (aiohttp.ClientError, OSError) as error:
            status = exchange.handler.status if exchange.handler is not None else None
            if status is None:
                raise _without_answer(error) from error
            return httpx.Response(status, extensions={FLAW: N_("that can't be read")})
        except ValueError as error:
            raise _without_answer(error) from error
        finally:
            _present.reset(token)

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None


@lru_cache(maxsize=1024)
def _is_address(host: str | None) -> bool:
    try:
        ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return False
    return True


_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")
"""Headers that are no longer true of a body that has been read and unpacked."""


async def _read(answer: aiohttp.ClientResponse, most: int, until: float) -> tuple[bytes, str | None]:
    """As much of the body as is wanted and comes in time, and what is wrong with it. The status stands anyhow."""
    gathered = Gathered(answer.headers.get("content-encoding", ""), most)
    try:
        if answer.content.is_eof():  # a short one comes with its head
            gathered.take(answer.content.read_nowait())
            return gathered.body, gathered.flaw
        async with asyncio.timeout(until - time.monotonic()):
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


def _without_answer(error: Exception) -> NotSent | MaybeSent:
    """What it proves that not even a status came."""
    if isinstance(error, _BEFORE_THE_REQUEST):
        return NotSent(N_("could not connect: {found}").format(found=type(error).__name__))
    # Silence, reset, closed in the middle, not HTTP at all: it may have been sent.
    return MaybeSent("timeout" if isinstance(error, TimeoutError) else type(error).__name__)


_BEFORE_THE_REQUEST = (
    aiohttp.ClientConnectorError,  # refused, no such name, TLS refused
    aiohttp.ConnectionTimeoutError,  # no connection in time
    aiohttp.InvalidURL,
)
