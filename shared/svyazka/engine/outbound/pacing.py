"""When each call may go out, so that no vendor is ever called more often than it allows.

Two things per scope (an account, or all accounts of a vendor that counts by address):

* the *line*: every call, reads included, waits in it just before it leaves, and goes when it is its turn. Calls go out
  evenly, never closer together than the rate says, so no second and no minute holds more than the vendor allows;
* the *timetable*: deliveries ask it before they are claimed. It tells a crowd when to come back, so that it waits in
  the queue, in its order, and not in the worker with leases that run out.

Where there are several worker processes, each has its share of a rate (`shares.py`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.model.errors import NoPlace

if TYPE_CHECKING:
    from svyazka.engine.contracts.manifest import Limits
    from svyazka.engine.outbound.shares import Leases

KEPT_FOR = 60.0
"""Seconds after its time for which a place of the timetable is kept."""

MINUTE = 60.0

AT_ONCE = 1e-4
"""Seconds that nobody waits for: what clocks and floats make of a moment."""


class CalledFor(StrEnum):
    """Whom a call is made for: who goes first where more is to be done than the vendor takes."""

    PERSON = "person"
    """Somebody waits for the answer. Goes first, but every other place at most while work waits too."""
    WORK = "work"
    """Deliveries, what must be read to plan them, access."""
    IDLE = "idle"
    """Polls, imports, a doctor's look: takes only what nobody else wants."""


@dataclass(eq=False, slots=True)
class Ticket:
    """One call that waits in line."""

    called_for: CalledFor
    tenant: str


class Line:
    """Who calls next. Pure: nothing waits in here, and times are given."""

    def __init__(self) -> None:
        self._waiting: list[Ticket] = []
        self._turn = 0
        self._last_turn: dict[str, int] = {}
        """When each tenant was last served, so that tenants of a shared scope take turns."""
        self._person_was_last = False

    def join(self, called_for: CalledFor, tenant: str) -> Ticket:
        """Stand in line."""
        ticket = Ticket(called_for, tenant)
        self._waiting.append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Go away, served or not."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)

    def is_next(self, ticket: Ticket) -> bool:
        """Whether the next call is this one's."""
        return len(self._waiting) == 1 or self._next() is ticket

    def ahead(self, ticket: Ticket) -> int:
        """How many go before this one at least: so long it need not look again."""
        if self.is_next(ticket):
            return 0
        before = self._waiting[: self._waiting.index(ticket)]
        certain = sum((one.called_for, one.tenant) == (ticket.called_for, ticket.tenant) for one in before)
        if ticket.called_for is CalledFor.IDLE:
            certain += sum(one.called_for is not CalledFor.IDLE for one in self._waiting)
        return max(certain, 1)

    def serve(self, ticket: Ticket) -> None:
        """It goes."""
        self._turn += 1
        self._last_turn[ticket.tenant] = self._turn
        self._person_was_last = ticket.called_for is CalledFor.PERSON
        self.leave(ticket)

    def _next(self) -> Ticket:
        persons = [one for one in self._waiting if one.called_for is CalledFor.PERSON]
        work = [one for one in self._waiting if one.called_for is CalledFor.WORK]
        if work and (self._person_was_last or not persons):
            return self._first(work)
        return self._first(persons or self._waiting)

    def _first(self, among: list[Ticket]) -> Ticket:
        return min(among, key=lambda one: self._last_turn.get(one.tenant, 0))  # the first of equals


@dataclass(slots=True)
class Scope:
    """What is known of one rate."""

    line: Line = field(default_factory=Line)
    free_at: float = -math.inf
    """From then on the next call may go."""
    minute: deque[float] = field(default_factory=deque)
    """When the calls of the last minute went, where the vendor counts by the minute too."""
    booked: dict[str, float] = field(default_factory=dict)
    """The timetable: until when each tenant's deliveries have places."""

    def next_at(self, now: float, limits: Limits) -> float:
        """When the next call may go."""
        at = max(now, self.free_at)
        if limits.per_minute is None:
            return at
        most = max(int(limits.per_minute), 1)
        while self.minute and self.minute[0] <= now - MINUTE:
            self.minute.popleft()
        return max(at, self.minute[-most] + MINUTE) if len(self.minute) >= most else at

    def count(self, now: float, limits: Limits) -> None:
        """A call goes now."""
        self.free_at = max(now, self.free_at) + 1 / limits.per_second
        if limits.per_minute is not None:
            self.minute.append(now)

    def put_off(self, seconds: float, now: float) -> None:
        """A call that the timetable doesn't know of has gone: what it has promised comes later by so much."""
        self.booked = {who: end + seconds for who, end in self.booked.items() if end > now}

    def booked_until(self, now: float) -> float:
        """When the timetable is empty."""
        return max(self.booked.values(), default=now)


class Limiter:
    """Paces the calls of each scope, and bounds how many deliveries of an account are out at once."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
        leases: Leases | None = None,
    ) -> None:
        self._now = now
        self._leases = leases
        self.rest = rest
        """Waits so many seconds."""
        self._scopes: dict[str, Scope] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}

    async def turn(
        self,
        scope: str,
        limits: Limits,
        *,
        patience: float,
        called_for: CalledFor = CalledFor.WORK,
        tenant: str = "",
        booked: bool = False,
    ) -> None:
        """Wait for a call's turn; it must leave then. `booked`: it came by the timetable, which knows of it.

        Raises NoPlace where its turn would come later than in `patience` seconds: nothing is used up then.
        """
        known = self._scopes.setdefault(scope, Scope())
        until = self._now() + patience
        ticket = known.line.join(called_for, tenant)
        try:
            while True:
                mine, at = await self._share(scope, limits)
                now = self._now()
                at = max(at, known.next_at(now, mine))
                if called_for is CalledFor.IDLE:
                    at = max(at, known.booked_until(now))
                if at <= now + AT_ONCE and known.line.is_next(ticket):
                    break
                wait = max(at - now, 0.0) + known.line.ahead(ticket) / mine.per_second
                if now + wait > until:
                    raise NoPlace(N_("others call this vendor at all the rate that it allows"), wait)
                await self.rest(wait)
            known.line.serve(ticket)
            known.count(now, mine)
            if self._leases is not None:
                self._leases.count(scope)
            if not booked:
                known.put_off(1 / mine.per_second, now)
        finally:
            known.line.leave(ticket)

    async def _share(self, scope: str, limits: Limits) -> tuple[Limits, float]:
        """What of the rate is this process's, and from when on. Raises NoPlace."""
        return (limits, -math.inf) if self._leases is None else await self._leases.share(scope, limits)

    def book(self, scope: str, limits: Limits, *, tenant: str = "", promised: float | None = None) -> float:
        """Take the next place of the timetable; seconds to wait for it.

        Who went away for a long wait brings along what he was `promised` (in so many seconds, or so many ago), for he
        may come back to another process, which knows nothing of it. Else a crowd would line up at the end again and
        again, and nobody would ever be served.
        """
        if promised is not None and promised >= -KEPT_FOR:
            return promised if promised > AT_ONCE else 0.0
        known, now = self._scopes.setdefault(scope, Scope()), self._now()
        if self._leases is not None:
            limits = self._leases.part(scope, limits)
        known.booked = {one: end for one, end in known.booked.items() if end > now}
        tenants = len(known.booked.keys() | {tenant})
        place = max(known.booked.get(tenant, now), known.next_at(now, limits))
        known.booked[tenant] = place + tenants / limits.steady
        wait = place - now
        return wait if wait > AT_ONCE else 0.0

    def slot(self, account: str, concurrency: int) -> asyncio.Semaphore:
        """The account's slots; hold one during a delivery's call."""
        if account not in self._slots:
            self._slots[account] = asyncio.Semaphore(concurrency)
        return self._slots[account]
