"""Business time of one machine: it may run faster than real time, and never runs back across restarts.

The mapping from real to business time lies in the store, so that both processes and the command line share it.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from svyazka.backends.local.store import LocalStore
from svyazka.engine.ports.clock import JITTER, SystemClock
from svyazka.engine.ports.store import Document, Put

KEY = "clock"
RUNNING = timedelta(seconds=90)
"""A mapping whose keeper has been silent for longer isn't running: time goes on from where it was kept."""


def load_clock(store: LocalStore, speed: float | None = None) -> SystemClock:
    """The clock that is running, or one that goes on from where the last one was; `speed` None: as it was."""
    document = store.peek("meta", KEY)
    if document is None:
        return SystemClock(speed or 1.0)
    kept = json.loads(document.data)
    times = {
        name: datetime.fromisoformat(kept[name]) for name in ("anchor_real", "anchor_now", "kept_real", "kept_now")
    }
    real = SystemClock().real()
    # Kept in the future: the machine's clock was wrong. Business time goes on from where it had come to.
    if -JITTER < real - times["kept_real"] < RUNNING and speed in (None, kept["speed"]):
        return SystemClock(kept["speed"], (times["anchor_real"], times["anchor_now"]))
    speed = speed or kept["speed"]
    # Real time that went by while nothing ran counts once, however fast the clock was.
    return SystemClock(speed, (real, times["kept_now"] + max(real - times["kept_real"], timedelta())))


class ClockKeeper:
    """Writes down how far business time has come."""

    def __init__(self, store: LocalStore, clock: SystemClock) -> None:
        self._store, self._clock = store, clock

    async def keep(self) -> None:
        """Write the mapping and the present."""
        clock = self._clock
        content = {
            "speed": clock.speed,
            "anchor_real": clock.anchor_real.isoformat(),
            "anchor_now": clock.anchor_now.isoformat(),
            "kept_real": clock.real().isoformat(),
            "kept_now": clock.now().isoformat(),
        }
        await self._store.commit([Put(Document("meta", KEY, {}, json.dumps(content).encode()))])


async def start_clock(store: LocalStore, speed: float) -> SystemClock:
    """Begin a run at `speed` from where the last one was; both processes then share it."""
    clock = load_clock(store, speed)
    clock = SystemClock(speed, (clock.real(), clock.now()))
    await ClockKeeper(store, clock).keep()
    return clock
