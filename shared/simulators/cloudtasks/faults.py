"""What goes wrong on request: an API that is down, hangs or loses its answer; tasks forgotten or delivered twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from simulators.cloudtasks.errors import Code, Refused

T = TypeVar("T")


class Mode(StrEnum):
    DOWN = "down"
    """503 UNAVAILABLE; nothing is done."""
    HANG = "hang"
    """No answer until the fault is cleared; nothing is done."""
    SLOW = "slow"
    """The answer comes after `seconds` of real time (a client's time limit is real too)."""
    LOST = "lost"
    """The call is done, and answered 503: the caller can't know."""


@dataclass(slots=True, eq=False)
class Fault:
    """A fault of the API. `calls` empty means every call; `times` None means until cleared."""

    mode: Mode
    calls: frozenset[str] = frozenset()
    times: int | None = None
    share: float = 1.0
    seconds: float = 0.0
    cleared: asyncio.Event = field(default_factory=asyncio.Event)


class Chance:
    """Something that happens to the next `next` cases, and to a seeded `rate` of the others."""

    def __init__(self, rng: random.Random) -> None:
        self.rate = 0.0
        self.next = 0
        self._rng = rng

    def strikes(self) -> bool:
        if self.next > 0:
            self.next -= 1
            return True
        return self.rate > 0 and self._rng.random() < self.rate


class Faults:
    """All scripted trouble of one simulator."""

    def __init__(self, rng: random.Random) -> None:
        self.forget = Chance(rng)
        """Tasks that are accepted and lost."""
        self.duplicate = Chance(rng)
        """Attempts that are sent twice."""
        self.api: list[Fault] = []
        self._rng = rng

    def add(self, fault: Fault) -> None:
        self.api.append(fault)

    def clear(self) -> None:
        """Ends the faults of the API; calls that hang are answered 503."""
        for fault in self.api:
            fault.cleared.set()
        self.api.clear()

    def reset(self) -> None:
        """No trouble of any kind."""
        self.clear()
        for chance in (self.forget, self.duplicate):
            chance.rate, chance.next = 0.0, 0

    async def call(self, name: str, work: Callable[[], T]) -> T:
        """Does `work` as the call `name`, unless a fault strikes."""
        fault = self._striking(name)
        if fault is None:
            return work()
        match fault.mode:
            case Mode.DOWN:
                raise unavailable()
            case Mode.HANG:
                await fault.cleared.wait()
                raise unavailable()
            case Mode.SLOW:
                await asyncio.sleep(fault.seconds)
                return work()
            case Mode.LOST:
                work()
                raise unavailable()

    def _striking(self, name: str) -> Fault | None:
        for fault in self.api:
            if fault.calls and name not in fault.calls:
                continue
            if fault.times == 0 or self._rng.random() >= fault.share:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None


def unavailable() -> Refused:
    return Refused(Code.UNAVAILABLE, "The service is currently unavailable.")
