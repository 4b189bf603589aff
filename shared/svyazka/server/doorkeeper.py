"""Who may stand at the door, and for how long: connections that bring nothing must not keep honest ones out.

A connection owes something from its first moment until a whole request is here: whoever owes for too long is shown
out. When the house is full, whoever has owed longest makes room for the newcomer; a request that is being answered
never does.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from svyazka.engine.rules.deadlines import READ_LIMIT
from svyazka.engine.support.logs import log


class Stage(Enum):
    """What a connection owes."""

    HEAD = "the head of a request"
    BODY = "the body of a request"
    READING = "to read our answer"
    IDLE = "nothing: it may ask again"


LONGEST = {Stage.HEAD: 10.0, Stage.BODY: READ_LIMIT, Stage.READING: 20.0, Stage.IDLE: 40.0}
"""Seconds from the moment in which a request begins (or an answer finds nobody reading)."""

LOOK_EVERY = 1.0

MOST, KEPT_FREE = 2000, 96
"""Connections at once at most; files of the process that aren't connections: the database, libraries, a log."""

THIS_MACHINE = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
"""A proxy in front of us speaks for everybody: no bound of its own."""


class Visitor(Protocol):
    """A connection, as its doorkeeper sees it."""

    address: str
    stage: Stage
    since: float

    def show_out(self, stage: Stage | None) -> None:
        """End it: it owed that for too long, or (None) somebody else needs its place."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many connections may stand open."""

    overall: int
    of_an_address: int

    @classmethod
    def of_this_process(cls) -> Bounds:
        """As many as its limit of open files bears."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        overall = MOST if files == resource.RLIM_INFINITY else min(MOST, max(files - KEPT_FREE, 16))
        return cls(overall, max(overall // 4, 8))


class Doorkeeper:
    """Counts the connections of one process."""

    def __init__(self, bounds: Bounds | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.bounds = bounds or Bounds.of_this_process()
        self.now = now
        self.inside = 0
        self._by_address: Counter[str] = Counter()
        self._owing: dict[Visitor, None] = {}
        self._idle: dict[Visitor, None] = {}
        """Both in the order in which they began to."""
        self._shown_out: Counter[str] = Counter()
        self._watching = False

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look again and again while anybody is inside."""
        if not self._watching:
            self._watching = True
            loop.call_later(LOOK_EVERY, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watching = False
        self.look()
        if self.inside:
            self.watch(loop)

    def came(self, visitor: Visitor) -> bool:
        """A new connection. False: there is no room, not even by showing another one out."""
        address = visitor.address
        room = self.inside < self.bounds.overall or self._make_room(None)
        if room and address not in THIS_MACHINE and self._by_address[address] >= self.bounds.of_an_address:
            room = self._make_room(address)
        self.inside += 1
        self._by_address[address] += 1
        if not room:
            self._shown_out["no room: turned away"] += 1
            return False
        self.owes(visitor, Stage.HEAD)
        return True

    def _make_room(self, address: str | None) -> bool:
        for group in (self._owing, self._idle):
            for visitor in group:
                if address is None or visitor.address == address:
                    self._settled(visitor)
                    self._shown_out["no room: the longest waiting made way"] += 1
                    visitor.show_out(None)
                    return True
        return False

    def owes(self, visitor: Visitor, stage: Stage) -> None:
        """From now on it owes this. What was owed before is forgotten."""
        self._settled(visitor)
        visitor.stage, visitor.since = stage, self.now()
        (self._idle if stage is Stage.IDLE else self._owing)[visitor] = None

    def settled(self, visitor: Visitor) -> None:
        """A whole request is here: now we owe."""
        self._settled(visitor)

    def _settled(self, visitor: Visitor) -> None:
        self._owing.pop(visitor, None)
        self._idle.pop(visitor, None)

    def left(self, visitor: Visitor) -> None:
        """It is gone, whoever ended it."""
        self._settled(visitor)
        self.inside -= 1
        self._by_address[visitor.address] -= 1
        if self._by_address[visitor.address] <= 0:
            del self._by_address[visitor.address]

    def look(self) -> None:
        """Show out whoever has owed for too long, and say in the log how many there were."""
        now = self.now()
        late = [
            visitor for group in (self._owing, self._idle) for visitor in group
            if now - visitor.since >= LONGEST[visitor.stage]
        ]  # fmt: skip
        for visitor in late:
            stage = visitor.stage
            self._settled(visitor)
            if stage is not Stage.IDLE:
                self._shown_out[f"{LONGEST[stage]:.0f} s without {stage.value}"] += 1
            visitor.show_out(stage)
        for reason, count in self._shown_out.items():
            log("WARNING", "connections closed", reason=reason, count=count)
        self._shown_out.clear()
