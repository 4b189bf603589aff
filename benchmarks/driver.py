"""Posts webhooks over plain sockets: a client that costs as little as can be, for it shares the machine."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
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


async def drive(url: str, body: Callable[[int], bytes], count: int, connections: int) -> Driven:
    """Post bodies 0..count-1 over that many connections."""
    target = urlsplit(url)
    path = f"{target.path}?{target.query}" if target.query else target.path
    left = iter(range(count))
    driven = Driven()

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        for number in left:
            content = body(number)
            head = (
                f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
            )
            begun = time.perf_counter()
            writer.write(f"{head}\r\n\r\n".encode() + content)
            answered = await reader.readuntil(b"\r\n\r\n")
            length = answered.lower().split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            driven.latencies.append(time.perf_counter() - begun)
            driven.statuses[int(answered.split(b" ", 2)[1])] += 1
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(connections)))
    driven.seconds = time.perf_counter() - begun
    return driven
