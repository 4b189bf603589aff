"""When a failed task is tried again, and when it is given up: pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from simulators.cloudtasks.model import RetryConfig

SHORTEST: Final = timedelta(milliseconds=1)
"""Ours: a queue with min_backoff 0 must not retry for ever within one instant of a stepped clock."""


def backoff(attempts: int, retry: RetryConfig) -> timedelta:
    """The delay after the `attempts`-th attempt failed.

    Doc: "starts at min_backoff, then doubles max_doublings times, then increases linearly, and finally retries at
    intervals of max_backoff". 10 s, 300 s and 3 doublings give 10, 20, 40, 80, 160, 240, 300, 300 ...
    """
    retries = attempts - 1
    doubled: int = 2 ** min(retries, retry.max_doublings)
    multiple = doubled * max(1, retries - retry.max_doublings + 1)
    if retry.min_backoff and multiple >= retry.max_backoff / retry.min_backoff:
        return max(retry.max_backoff, SHORTEST)
    return max(retry.min_backoff * multiple, SHORTEST)


def gives_up(attempts: int, since_first_attempt: timedelta, retry: RetryConfig) -> bool:
    """Whether the task is deleted rather than tried again.

    Doc: "stops retrying only when max_attempts and max_retry_duration are both satisfied". A limit that is not set
    (-1, 0) holds nothing back: "to retry infinitely, you must set max_attempts to -1 and max_retry_duration to 0".
    """
    reached = []
    if retry.max_attempts != -1:
        reached.append(attempts >= retry.max_attempts)
    if retry.max_retry_duration:
        reached.append(since_first_attempt >= retry.max_retry_duration)
    return bool(reached) and all(reached)


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """A Retry-After header in either form (RFC 9110, 10.2.3); None when it is absent or unreadable."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return timedelta(seconds=min(int(header), 31 * 24 * 3600))
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(moment - now, timedelta(0)) if moment.tzinfo else None
