"""What it costs: the tables of docs/operations.md, computed from counts that are measured and prices that are listed.

    python infra/cost.py

Counts are those that tests/backends/google/test_google_operations.py asserts at the wire.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields

MONTH = 30
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Use:
    """What something uses; sums and multiples are plain arithmetic."""

    writes: float = 0
    reads: float = 0
    deletes: float = 0
    tasks: float = 0
    """Made; each is delivered once: two operations."""
    calls_in: float = 0
    """Requests to webhook functions."""
    calls_work: float = 0
    """Requests to the worker."""
    lines: float = 0
    """Log lines."""

    def __add__(self, other: Use) -> Use:
        return Use(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def times(self, number: float) -> Use:
        """So many of it."""
        return Use(*(getattr(self, f.name) * number for f in fields(self)))


# Counted at the wire, warm. Deletions are what time-to-live takes away after 400 days.
IMMEDIATE = Use(writes=4, reads=3, deletes=2, tasks=1, calls_in=1, calls_work=1, lines=4)
LATER_ONCE = Use(writes=6, reads=6, deletes=3, tasks=2, calls_in=1, calls_work=2, lines=5)
RETRY = Use(writes=2, reads=4, tasks=1, calls_work=1, lines=2)
RECEIPT = Use(writes=3, reads=4, deletes=1, tasks=1, calls_in=1, calls_work=1, lines=3)
IGNORED = Use(writes=1, deletes=1, calls_in=1, lines=1)
DUPLICATE = Use(reads=1, calls_in=1, lines=1)
FORGED = Use(calls_in=1, lines=1)

# Nobody calls: the minute's ticks (a sweep is four queries, each a read at least) and the uptime checks.
SWEEP = Use(reads=4, calls_work=1, lines=1)
TICK = Use(calls_work=1)
FUNCTIONS = 11
"""Ways in; the worker is one more."""

CHECK = Use(calls_in=1)
IDLE_DAY = SWEEP.times(1440) + TICK.times(1440) + CHECK.times(FUNCTIONS * 3 * 24 * 4)

# One connection whose vendor is asked every two minutes: the task, and what is read to ask (tenant, secret,
# connection twice, outage, cursor); and the list of the tenant's three connections every five minutes.
POLLED_DAY = Use(reads=6, tasks=1, calls_work=1).times(720) + Use(reads=3).times(288)

TENANT_DAY = LATER_ONCE.times(20) + RECEIPT.times(20) + IGNORED.times(60) + POLLED_DAY
"""Twenty orders that end in a message half an hour later, their receipts, sixty webhooks of no interest."""

# US dollars, Tier 1 region; free a month. Firestore's free quota is a day's.
WRITE, READ, DELETE = 0.09 / 1e5, 0.03 / 1e5, 0.01 / 1e5
OPERATION, REQUEST = 0.40 / 1e6, 0.40 / 1e6
VCPU_SECOND, GIB_SECOND = 0.000024, 0.0000025
LOG_GIB = 0.50
FREE_WRITES, FREE_READS, FREE_DELETES = 20_000, 50_000, 20_000
FREE_OPERATIONS, FREE_REQUESTS, FREE_VCPU, FREE_GIB_SECONDS, FREE_LOGS = 1e6, 2e6, 180_000, 360_000, 50

IMAGE_GB, BUILD_MINUTE = 0.10, 0.006
FREE_IMAGES_GB, FREE_BUILD_MINUTES = 0.5, 2500
KEPT = 5
"""Images of a function that the repository's clean-up leaves (bundles.tf)."""

IMAGE, BUILD = 0.15, 3
"""GB of a function's image and minutes of its build (assumed: packages, runtime; layers that images share count once,
so that this is the most)."""

IN_SECONDS, WORK_SECONDS = 0.1, 0.5
"""Instance time of a request that is alone in its instance: the least that is billed; mostly waiting for a vendor."""

IN_PACKED, WORK_PACKED = 10, 20
"""Requests that share an instance's time when there are many."""

MEMORY_GIB = 0.5
LINE_BYTES = 850
"""A line of ours (256 bytes on the average) with what the platform adds: resource, labels, times (estimated)."""


def seconds(use: Use, packed: bool) -> float:
    """vCPU-seconds."""
    share = (IN_PACKED, WORK_PACKED) if packed else (1, 1)
    return use.calls_in * IN_SECONDS / share[0] + use.calls_work * WORK_SECONDS / share[1]


def price(use: Use, packed: bool) -> float:
    """US dollars, nothing free, logs within their free 50 GiB."""
    compute = seconds(use, packed) * (VCPU_SECOND + MEMORY_GIB * GIB_SECOND)
    calls = (use.calls_in + use.calls_work) * REQUEST + 2 * use.tasks * OPERATION
    return compute + calls + use.writes * WRITE + use.reads * READ + use.deletes * DELETE


def by_event() -> Iterator[str]:
    """One row a kind of event."""
    yield "| one of | writes | reads | tasks | requests | log lines | a million, alone | a million, packed |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, use in {
        "an event, a message at once": IMMEDIATE,
        "an event, a message later and once a person": LATER_ONCE,
        "... each retry": RETRY,
        "... a receipt": RECEIPT,
        "an ignored event": IGNORED,
        "a duplicate": DUPLICATE,
        "a forged key": FORGED,
    }.items():
        counts = (use.writes, use.reads, use.tasks, use.calls_in + use.calls_work, use.lines)
        dollars = [f"${price(use, packed) * 1e6:.2f}" for packed in (False, True)]
        yield f"| {name} | {' | '.join(f'{count:g}' for count in counts)} | {' | '.join(dollars)} |"


def by_month() -> Iterator[str]:
    """One row a size of installation: a day's use, and the month's bill past what is free."""
    yield "| tenants | writes a day | reads a day | vCPU-s a month | task operations a month | logs, GiB | month |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for tenants in (0, 1, 8, 100, 1000):
        day = IDLE_DAY + TENANT_DAY.times(tenants)
        packed = tenants >= 100
        compute = seconds(day, packed) * MONTH
        cells = (
            f"{tenants:,}", _share(day.writes, FREE_WRITES), _share(day.reads, FREE_READS),
            _share(compute, FREE_VCPU), _share(2 * day.tasks * MONTH, FREE_OPERATIONS), f"{_logs(day):.1f}",
            f"${bill(day, packed):.2f}",
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def by_release() -> Iterator[str]:
    """One row a pace of deployments: what they build and what is kept of it."""
    yield "| deployments a month | build minutes | images kept, GB at most | month |"
    yield "| --- | --- | --- | --- |"
    for deployments in (0, 4, 30, 100):
        minutes = deployments * (FUNCTIONS + 1) * BUILD
        kept = (FUNCTIONS + 1) * min(KEPT, max(1, deployments)) * IMAGE
        dollars = max(0, minutes - FREE_BUILD_MINUTES) * BUILD_MINUTE + max(0, kept - FREE_IMAGES_GB) * IMAGE_GB
        yield f"| {deployments} | {_share(minutes, FREE_BUILD_MINUTES)} | {kept:.1f} | ${dollars:.2f} |"


def _share(used: float, free: float) -> str:
    return f"{used:,.0f} ({used / free:.0%} of free)"


def _logs(day: Use) -> float:
    return day.lines * LINE_BYTES * MONTH / GIB


def bill(day: Use, packed: bool) -> float:
    """A month in US dollars for days like this one, past what is free."""
    compute = seconds(day, packed) * MONTH
    return (
        MONTH * (
            max(0, day.writes - FREE_WRITES) * WRITE
            + max(0, day.reads - FREE_READS) * READ
            + max(0, day.deletes - FREE_DELETES) * DELETE
        )
        + max(0, compute - FREE_VCPU) * VCPU_SECOND
        + max(0, compute * MEMORY_GIB - FREE_GIB_SECONDS) * GIB_SECOND
        + max(0, (day.calls_in + day.calls_work) * MONTH - FREE_REQUESTS) * REQUEST
        + max(0, 2 * day.tasks * MONTH - FREE_OPERATIONS) * OPERATION
        + max(0, _logs(day) - FREE_LOGS) * LOG_GIB
    )  # fmt: skip


def edge() -> int:
    """How many such tenants are free."""
    tenants = 0
    while bill(IDLE_DAY + TENANT_DAY.times(tenants + 1), packed=False) == 0:
        tenants += 1
    return tenants


def shortest(tenants: int) -> str:
    """Which of the free quotas is used up most."""
    day = IDLE_DAY + TENANT_DAY.times(tenants)
    shares = {
        "Firestore writes": day.writes / FREE_WRITES,
        "Firestore reads": day.reads / FREE_READS,
        "task operations": 2 * day.tasks * MONTH / FREE_OPERATIONS,
        "vCPU-seconds": seconds(day, packed=False) * MONTH / FREE_VCPU,
    }
    return max(shares, key=lambda name: shares[name])


def text() -> str:
    """The tables and the edge, as they stand in the guide."""
    free = f"With this load {edge()} tenants are free; {shortest(edge())} run out first."
    return "\n".join([*by_event(), "", *by_month(), "", free, "", *by_release(), ""])


if __name__ == "__main__":
    sys.stdout.write(text())
