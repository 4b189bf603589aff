"""A small HTTP/1.1 client over asyncio's own streams: all that the way in needs, and nothing to import for it.

A webhook function starts cold for almost every call of a tiny client; httpx would cost it a third of its start.
Calls may be repeated by the caller's leave: a kept connection that the other side has closed meanwhile is tried
once more on a fresh one.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

IDLE_LIMIT = 50.0
"""Seconds after which a kept connection isn't trusted: something on the way may have dropped it without a word."""

IDLE_CONNECTIONS = 16

_context: ssl.SSLContext | None = None


class NoAnswer(Exception):
    """The other side could not be reached, or broke off; whether it acted is unknown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises NoAnswer for what isn't."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise NoAnswer("expected JSON") from error


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_at: float

    @property
    def alive(self) -> bool:
        return (
            not self.reader.at_eof() and not self.writer.is_closing() and time.monotonic() < self.used_at + IDLE_LIMIT
        )

    def drop(self) -> None:
        self.writer.transport.abort()


class Origin:
    """One scheme, host and port, with the connections kept to it. Belongs to the loop that first uses it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "https"
        self._name, self._port = parts.hostname or "", parts.port or (443 if self._tls else 80)
        self._host = parts.netloc
        self._idle: list[_Connection] = []

    async def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """One call. Raises NoAnswer; the caller sets the time limit."""
        request = self._request(method, path, headers or {}, body)
        while self._idle:
            connection = self._idle.pop()
            if not connection.alive:
                connection.drop()
                continue
            try:
                return await self._exchange(connection, request)
            except NoAnswer:
                break
        try:
            reader, writer = await asyncio.open_connection(
                self._name, self._port, ssl=_tls_context() if self._tls else None
            )
        except OSError as error:
            raise NoAnswer(f"{self._host}: {type(error).__name__}") from error
        return await self._exchange(_Connection(reader, writer, time.monotonic()), request)

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("ascii") + body

    async def _exchange(self, connection: _Connection, request: bytes) -> Answer:
        try:
            connection.writer.write(request)
            await connection.writer.drain()
            answer, reusable = await _read(connection.reader)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            connection.drop()
            raise NoAnswer(f"{self._host}: {type(error).__name__}") from error
        except BaseException:
            connection.drop()  # a time limit: what is still to come must not answer the next call
            raise
        if reusable and len(self._idle) < IDLE_CONNECTIONS:
            connection.used_at = time.monotonic()
            self._idle.append(connection)
        else:
            connection.writer.close()
        return answer

    def close(self) -> None:
        """Close what is kept."""
        for connection in self._idle:
            connection.drop()
        self._idle.clear()


async def _read(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """A response, and whether its connection can be used again."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, status = head[0].split(" ", 2)[:2]
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body, reusable = b"", version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _chunks(reader)
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif int(status) not in (204, 304):
        body, reusable = await reader.read(), False
    return Answer(int(status), headers, body), reusable


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while (await reader.readline()).strip():
        pass  # trailers
    return b"".join(parts)


def _tls_context() -> ssl.SSLContext:
    # Loading the authorities takes tens of milliseconds: once for all.
    global _context
    if _context is None:
        _context = ssl.create_default_context()
    return _context
