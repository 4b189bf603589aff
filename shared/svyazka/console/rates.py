"""So many a minute, and no more."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

KEPT = 1000
"""Names that are remembered."""


class Bucket:
    """Counts by name, within this process: what comes above `a_minute` is turned away, and some of it let in again as
    the minute goes by."""

    def __init__(self, a_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._a_minute, self._now = a_minute, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """How many more a name has, and when that was true."""

    def take(self, name: str) -> bool:
        """Whether there is one left; it is gone then."""
        now = self._now()
        left, then = self._left.pop(name, (float(self._a_minute), now))
        left = min(left + (now - then) * self._a_minute / 60, self._a_minute)
        self._left[name] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > KEPT:
            self._left.popitem(last=False)
        return left >= 1
