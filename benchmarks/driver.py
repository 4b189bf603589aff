"""Posts webhooks over plain sockets: a client that costs as little as can be, for it shares the machine."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Driven:
    """What the vendor's side saw."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return sum(self.statuses.values()) / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds within which that share of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Caller:
    """One connection, as a vendor keeps it."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._target = urlsplit(url)
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        target = self._target
        self._path = f"{target.path}?{target.query}" if target.query else target.path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, content: bytes) -> int:
        """The status of the answer. Raises OSError, EOFError."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._target.hostname, self._target.port)
        reader, writer = self._streams
        head = f"POST {self._path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{self._headers}"
        writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        answered = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"content-length:" in answered:
            await reader.readexactly(int(answered.split(b"content-length:")[1].split(b"\r\n")[0]))
        else:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        if b"connection: close" in answered:
            self.close()
        return int(answered.split(b" ", 2)[1])

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def drive(
    url: str, body: Callable[[int], bytes], count: int, connections: int, headers: Mapping[str, str] | None = None
) -> Driven:
    """Post bodies 0..count-1 over that many connections."""
    left = iter(range(count))
    driven = Driven()

    async def calling() -> None:
        caller = Caller(url, headers)
        for number in left:
            content = body(number)
            begun = time.perf_counter()
            status = await caller.post(content)
            driven.latencies.append(time.perf_counter() - begun)
            driven.statuses[status] += 1
        caller.close()

    begun = time.perf_counter()
    await asyncio.gather(*(calling() for _ in range(connections)))
    driven.seconds = time.perf_counter() - begun
    return driven


async def persist(
    url: str, body: Callable[[int], bytes], most: int, connections: int, over: Callable[[], bool]
) -> list[int]:
    """Post bodies 0, 1, 2... until it is over, each until it is answered with 200; which ones were."""
    left = iter(range(most))
    taken: list[int] = []

    async def calling() -> None:
        caller = Caller(url)
        while not over():
            number = next(left)
            while not over():
                try:
                    if await caller.post(body(number)) == 200:
                        taken.append(number)
                        break
                except (OSError, EOFError):
                    caller.close()
                await asyncio.sleep(0.1)
        caller.close()

    await asyncio.gather(*(calling() for _ in range(connections)))
    return taken
