"""At which rate each account's vendor is called."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

KEPT_FOR = 60.0
"""Seconds after its time for which a place is kept."""

PLACES_KEPT = 10_000
"""From so many on, those that nobody claimed are looked for."""


class Limiter:
    """Paces calls of each account at its connector's rate, and bounds how many are out at once."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, rest: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._now = now
        self.rest = rest
        """Waits so many seconds."""
        self._free_at: dict[str, float] = {}
        self._kept: dict[tuple[str, str], float] = {}
        """Places of those who went away for a long wait."""
        self._slots: dict[str, asyncio.Semaphore] = {}

    def delay(self, account: str, per_second: float, who: str = "", patience: float = math.inf) -> float:
        """Take the next place; seconds to wait for it. A second's worth may go at once after a pause.

        Whoever waits longer than `patience` goes away, and his place is kept until he comes back: else a crowd would
        line up at the end again and again, and nobody would ever be served.
        """
        now = self._now()
        place = self._kept.pop((account, who), 0.0)
        if place < now - KEPT_FOR:
            place = max(self._free_at.get(account, 0.0), now - 1.0) + 1 / per_second
            self._free_at[account] = place
        if place - now > patience:
            self._forget_unclaimed(now)
            self._kept[account, who] = place
        return max(0.0, place - now)

    def _forget_unclaimed(self, now: float) -> None:
        if len(self._kept) >= PLACES_KEPT:
            self._kept = {key: place for key, place in self._kept.items() if place >= now - KEPT_FOR}

    def slot(self, account: str, concurrency: int) -> asyncio.Semaphore:
        """The account's slots; hold one during a call."""
        if account not in self._slots:
            self._slots[account] = asyncio.Semaphore(concurrency)
        return self._slots[account]
