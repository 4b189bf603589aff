"""When to try again: pure functions of what is known (DESIGN 7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """ "Repeated in 5-15 minutes, an alert if it is down for hours, nothing lost", in numbers."""

    delays: tuple[float, ...] = (30.0, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE)
    steady: float = 15 * MINUTE
    """After `delays`, until `slow_after` has gone by since the first failure."""
    slow_after: float = 6 * HOUR
    slow: float = HOUR
    horizon: float = 7 * DAY
    jitter: float = 0.2
    at_least_when_throttled: float = 60.0
    longest_wait: float = DAY
    """A vendor's Retry-After is believed up to here."""


DEFAULT_POLICY = RetryPolicy()
THROTTLED = frozenset({"429", "timeout"})
"""Codes of outcomes after which we wait at least a minute."""


def next_delay(
    failures: int,
    elapsed: float,
    code: str,
    retry_after: float | None = None,
    policy: RetryPolicy = DEFAULT_POLICY,
    chance: float = 0.5,
) -> float | None:
    """Seconds until the next attempt, or None when the horizon is over.

    `failures` counts from 1, `elapsed` is seconds since the first failure, `chance` in [0, 1) is the
    randomness, given so that this stays pure. A vendor's own `retry_after` is never undercut.
    """
    if elapsed >= policy.horizon:
        return None
    if failures <= len(policy.delays):
        delay = policy.delays[max(failures, 1) - 1]
    else:
        delay = policy.steady if elapsed < policy.slow_after else policy.slow
    delay *= 1 + policy.jitter * (2 * chance - 1)
    if code in THROTTLED:
        delay = max(delay, policy.at_least_when_throttled)
    if retry_after is not None and retry_after > 0:
        wanted = min(retry_after, policy.longest_wait)
        delay = max(delay, wanted + policy.jitter * min(wanted, MINUTE) * chance)
    return min(delay, max(policy.horizon - elapsed, 1.0))


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header, in either of its forms; None when there is none that makes sense."""
    if not value:
        return None
    value = value.strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (TypeError, ValueError):
            return None
    return seconds if 0 <= seconds < 366 * DAY else None


def sweep_delay(step: int) -> timedelta:
    """How long the sweep leaves alone what it has just woken: doubling from a minute to 6 hours."""
    return timedelta(seconds=min(MINUTE * 2.0 ** min(step, 16), 6 * HOUR))
