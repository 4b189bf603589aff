"""The one table of time limits (DESIGN 5.4): each must lie well inside the next."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from svyazka.model.deadline import Deadline

SCALE = float(os.environ.get("SVYAZKA_DEADLINE_SCALE", "1"))
"""Shrinks the whole table, so that the chaos suite need not wait minutes for a lease to run out. Nothing else."""


def holds(lease_until: datetime | None, real: datetime, grace: float = 0.0) -> bool:
    """Whether a lease, or the grace past it, holds. One that ends later than any taken now would was taken while the
    machine's clock was wrong: it would hold for ever."""
    if lease_until is None:
        return False
    longest = timedelta(seconds=LONGEST_LEASE + 2 * TAKE_OVER_GRACE)
    return real < lease_until + timedelta(seconds=grace) and lease_until <= real + longest


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds for one attempt of an operation."""

    call: float
    """Its vendor calls may take so long together (a connection's `timeout` may lower it)."""
    lease: float
    """Its claim holds so long, absolute from the moment of claiming."""


TIMES: dict[Deadline, Times] = {
    Deadline.QUICK: Times(call=3 * SCALE, lease=60 * SCALE),
    Deadline.CALL: Times(call=20 * SCALE, lease=60 * SCALE),
    Deadline.MONEY: Times(call=40 * SCALE, lease=90 * SCALE),
    Deadline.SLOW: Times(call=90 * SCALE, lease=110 * SCALE),
}

GIVES_WAY_AFTER = 1.2 * SCALE
"""For one try at a link while somebody waits and there is another provider, whose link then comes within two seconds in
all: by itself a link takes no money, so that nothing is lost by not waiting."""

CALL_LIMIT, LEASE = TIMES[Deadline.CALL].call, TIMES[Deadline.CALL].lease
"""Those of what names no class, and of reads."""

LONGEST_LEASE = max(times.lease for times in TIMES.values())

SEND_MARGIN = 5.0 * SCALE
"""A call begins only if the lease still holds the rest of its time and this much more."""

FUNCTION_LIMIT = 180
"""Seconds after which the platform ends a worker request."""

DISPATCH_DEADLINE = 240
"""Seconds after which the queue counts a dispatch as failed."""

TAKE_OVER_GRACE = 60.0 * SCALE
"""Seconds past the lease before anybody else may take a claim over."""

READ_LIMIT = 20.0
"""Seconds in which a request's whole body must be here: half of one that never ends holds a place of somebody's."""

ACCEPT_LIMIT = 1.6
"""Seconds in which a webhook function must have made its events durable, or say 503."""

PLAN_GRACE = 60.0
"""Seconds after which an event that nobody planned is swept."""
