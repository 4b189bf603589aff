"""The queue's own time: the wall's, the wall's sped up, or one that only moves when told to."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """UTC time that never runs back.

    `Clock()` is real time, `Clock(speed=60)` lives a minute in a second, `Clock(stepped=True)` stands still between
    calls of `advance`.
    """

    def __init__(self, *, speed: float = 1.0, stepped: bool = False, start: datetime | None = None) -> None:
        if speed <= 0:
            raise ValueError(f"a clock's speed must be above 0, not {speed}")
        self.speed = speed
        self.stepped = stepped
        self._base = start or datetime.now(UTC)
        self._real_base = time.monotonic()

    def now(self) -> datetime:
        if self.stepped:
            return self._base
        return self._base + timedelta(seconds=(time.monotonic() - self._real_base) * self.speed)

    def advance(self, by: timedelta | float) -> datetime:
        """Leaps forward by a timedelta or a number of seconds. The dispatcher's `advance` stops on the way."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise ValueError(f"time does not run back: {step}")
        self._base += step
        return self.now()

    def move_to(self, moment: datetime) -> None:
        """Leaps to `moment`, unless it has passed."""
        self.advance(max(moment - self.now(), timedelta(0)))

    def reset(self) -> None:
        """Back to the wall's time, as if just made."""
        self._base = datetime.now(UTC)
        self._real_base = time.monotonic()

    def real_seconds_until(self, moment: datetime) -> float:
        """Seconds of the wall's time until `moment`, 0 when it has passed."""
        return max((moment - self.now()).total_seconds() / self.speed, 0.0)
