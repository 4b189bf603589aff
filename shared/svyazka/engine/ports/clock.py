"""Two clocks (DESIGN 7): business time for schedules, real time for leases and limits of calls."""

from __future__ import annotations

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


def real_at(clock: Clock, moment: datetime) -> datetime:
    """The real time of business time `moment`: what vendors say of times is in theirs, which is real."""
    return clock.real() + timedelta(seconds=clock.real_seconds_until(moment))


JITTER = timedelta(seconds=1)
"""Real time may seem to go back by so much between two looks without anybody having set the clock."""


class SystemClock:
    """Real time, and business time running `speed` times as fast from an anchor that restarts keep.

    Business time never runs back: where the machine's clock is set back (it had been wrong), it goes on from where it
    had come to, for what was done has been done at that time.
    """

    def __init__(self, speed: float = 1.0, anchor: tuple[datetime, datetime] | None = None) -> None:
        self.speed = speed
        real = self.real()
        self.anchor_real, self.anchor_now = anchor or (real, real)
        self._seen_real, self._seen_now = real, self._at(real)

    def real(self) -> datetime:
        return datetime.now(UTC)

    def now(self) -> datetime:
        real = self.real()
        if real < self._seen_real - JITTER:
            self.anchor_real, self.anchor_now = real, self._seen_now
        self._seen_real, self._seen_now = real, max(self._at(real), self._seen_now)
        return self._seen_now

    def _at(self, real: datetime) -> datetime:
        if self.speed == 1.0 and self.anchor_now == self.anchor_real:
            return real
        return self.anchor_now + (real - self.anchor_real) * self.speed

    def in_real(self, seconds: float) -> datetime:
        return self.now() + timedelta(seconds=seconds * self.speed)

    def real_seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds() / self.speed
