"""A vendor that counts its calls, and a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
import heapq
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from svyazka.engine.contracts.manifest import Limits
from svyazka.engine.outbound.pacing import Limiter
from svyazka.engine.outbound.shares import Leases
from svyazka.model.errors import NoPlace

RATE = Limits(per_second=10.0)


class Time:
    """Seconds that stand still until they are moved; whoever rests is woken when they have come."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._resting: list[tuple[float, int, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def rest(self, seconds: float) -> None:
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._resting, (self.now + seconds, len(self._resting) + id(turn), turn))
        await turn

    async def pass_time(self, seconds: float) -> None:
        """Wake everybody at his moment."""
        end = self.now + seconds
        await settle()
        while self._resting and self._resting[0][0] <= end:
            self.now = max(self.now, self._resting[0][0])
            while self._resting and self._resting[0][0] <= self.now:
                turn = heapq.heappop(self._resting)[2]
                if not turn.done():
                    turn.set_result(None)
            await settle()
        self.now = end


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def most_within(times: Iterable[float], seconds: float) -> int:
    """The most of these moments that any window of so many seconds holds."""
    times = sorted(times)
    return max(bisect_left(times, start + seconds - 0.001) - number for number, start in enumerate(times))


@dataclass
class Vendor:
    """Counts who called and when, as one process calls it."""

    time: Time = field(default_factory=Time)
    calls: list[tuple[float, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    leases: Leases | None = None

    def __post_init__(self) -> None:
        self.limiter = Limiter(self.time, self.time.rest, self.leases)
        self.tasks: list[asyncio.Task[None]] = []

    def want(self, who: str, count: int, limits: Limits = RATE, patience: float = 1e6, **whose: Any) -> None:
        """So many calls want to go out."""
        for _ in range(count):
            self.tasks.append(asyncio.create_task(self._call(who, limits, patience, whose)))

    async def _call(self, who: str, limits: Limits, patience: float, whose: dict[str, Any]) -> None:
        try:
            await self.limiter.turn("a", limits, patience=patience, **whose)
        except NoPlace:
            self.left_out.append(who)
        else:
            self.calls.append((self.time.now, who))

    @property
    def order(self) -> str:
        return "".join(who for _, who in self.calls)
