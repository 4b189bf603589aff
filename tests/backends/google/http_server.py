"""A loopback HTTP/1.1 server that does exactly what a test says, down to single bytes and broken connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Handler = Callable[[Asked], Awaitable[bytes | None]]
"""The bytes to answer with; None cuts the connection."""


@dataclass
class HttpServer:
    """Counts connections and remembers requests."""

    handler: Handler
    port: int = 0
    connections: int = 0
    asked: list[Asked] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut_all(self) -> None:
        """Break every open connection."""
        for writer in self._open:
            writer.transport.abort()

    async def end(self) -> None:
        """Break every connection and wait until nobody serves one."""
        self.cut_all()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self.connections += 1
        self._open.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        asked = Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
        self.asked.append(asked)
        answer = await self.handler(asked)
        if answer is None:
            return False
        writer.write(answer)
        await writer.drain()
        return b"Connection: close" not in answer


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpServer]:
    """A running server."""
    made = HttpServer(handler)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.end()
        await server.wait_closed()


def response(body: bytes = b"{}", status: int = 200, *headers: str) -> bytes:
    """A plain response."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
