"""Two clocks (DESIGN 7): business time for schedules, real time for leases and limits of calls."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """`now()` drives schedules, windows, expiry, alerts; `real()` drives leases."""

    def now(self) -> datetime:
        """Business time, UTC."""

    def real(self) -> datetime:
        """Wall-clock time, UTC; moves while the process is frozen."""

    def in_real(self, seconds: float) -> datetime:
        """The business time at which `seconds` of real time will have gone by."""

    def real_seconds_until(self, moment: datetime) -> float:
        """Real seconds until business time `moment` (negative when it is past)."""


class SystemClock:
    """Real time, and business time running `speed` times as fast from an anchor that restarts keep."""

    def __init__(self, speed: float = 1.0, anchor: tuple[datetime, datetime] | None = None) -> None:
        self.speed = speed
        real = self.real()
        self.anchor_real, self.anchor_now = anchor or (real, real)

    def real(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    def now(self) -> datetime:
        if self.speed == 1.0 and self.anchor_now == self.anchor_real:
            return self.real()
        return self.anchor_now + (self.real() - self.anchor_real) * self.speed

    def in_real(self, seconds: float) -> datetime:
        return self.now() + timedelta(seconds=seconds * self.speed)

    def real_seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds() / self.speed
