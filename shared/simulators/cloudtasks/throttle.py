"""How fast a queue may dispatch: the token bucket of its settings and the service's own caution."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from simulators.cloudtasks.model import Answer, RateLimits

OVERLOAD: Final = frozenset({429, 503})
ROUNDING: Final = 1e-6
"""Tokens that microsecond time stamps may lose."""


@dataclass(frozen=True, slots=True)
class Throttling:
    """System throttling. Doc gives the rule ("if the worker returns 429, 503, or the rate of errors is high, Cloud
    Tasks will use a higher backoff rate"; "dispatches ramp up slowly when the queue is newly created or idle") and
    no figures: these are ours.
    """

    backoff_factor: float = 2.0
    """What a task's backoff is multiplied by under overload."""
    slowdown: float = 0.5
    """What the queue's rate is multiplied by at each sign of overload."""
    slowest: float = 1 / 16
    """The share of its rate that a queue always keeps."""
    recovery: float = 1.25
    """What the rate is multiplied by at each success, up to the whole."""
    window: int = 50
    high_error_share: float = 0.8
    """The rate of errors is high when so many of the last `window` answers failed."""
    ramp_up: timedelta = timedelta(0)
    """How long a new or idle queue takes from a tenth of its rate to the whole; 0 switches it off."""
    idle: timedelta = timedelta(minutes=10)


NO_THROTTLING: Final = Throttling(backoff_factor=1.0, slowdown=1.0, window=0)


class Throttle:
    """The caution of one queue."""

    def __init__(self, settings: Throttling) -> None:
        self.settings = settings
        self.share = 1.0
        self._recent: deque[bool] = deque(maxlen=settings.window)
        self._ramp_from: datetime | None = None
        self._last_dispatch: datetime | None = None

    def note_dispatch(self, now: datetime) -> None:
        if self._last_dispatch is None or now - self._last_dispatch >= self.settings.idle:
            self._ramp_from = now
        self._last_dispatch = now

    def note_answer(self, answer: Answer) -> bool:
        """Whether this answer makes the service back off more than configured."""
        self._recent.append(not answer.done)
        if answer.done:
            self.share = min(1.0, self.share * self.settings.recovery)
            return False
        window = self.settings.window
        high_rate = 0 < window == len(self._recent) and sum(self._recent) / window >= self.settings.high_error_share
        overloaded = answer.status in OVERLOAD or high_rate
        if overloaded:
            self.share = max(self.settings.slowest, self.share * self.settings.slowdown)
        return overloaded

    def rate(self, limits: RateLimits, now: datetime) -> float:
        """Dispatches per second at the moment."""
        ramp = 1.0
        if self.settings.ramp_up and self._ramp_from is not None:
            ramp = min(1.0, 0.1 + 0.9 * ((now - self._ramp_from) / self.settings.ramp_up))
        return limits.max_dispatches_per_second * self.share * ramp


class TokenBucket:
    """Doc, RateLimits.max_burst_size: holds up to the burst, refilled at the rate, one token a dispatch."""

    def __init__(self, burst: int, now: datetime) -> None:
        self.burst = burst
        self._tokens = float(burst)
        self._at = now

    def refill(self, now: datetime, rate: float) -> None:
        self._tokens = min(float(self.burst), self._tokens + max(0.0, (now - self._at).total_seconds()) * rate)
        self._at = now

    @property
    def ready(self) -> bool:
        return self._tokens >= 1 - ROUNDING

    def take(self) -> None:
        self._tokens -= 1

    def next_token(self, rate: float) -> datetime:
        """When a token is there, given `refill` was just called."""
        missing = max(0.0, 1 - self._tokens)
        return self._at + timedelta(microseconds=math.ceil(missing / rate * 1e6))
