"""One vendor's rate among several worker processes: each leases a share of it for a slice of time.

Time is cut into slices of ten seconds. A process that calls in a slice for the first time finds in `rates/<scope>` who
called in the slice before and takes its part of what is free by compare-and-set: one read and one write for a process,
a slice and a busy scope. What it doesn't use ends with the slice, also when it dies holding it. Shares are whole calls
a second; where there are fewer than processes, who comes too late waits for the next slice.

No second holds too much at a border either: in the first second of a slice no share grows, for others may still be
using what it will have. The machines' clocks must agree well within that second.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.engine.outbound.pacing import Limiter
from svyazka.engine.ports.store import Create, Document, Replace
from svyazka.model.errors import Conflict, NoPlace, Unavailable

if TYPE_CHECKING:
    from svyazka.engine.contracts.manifest import Limits
    from svyazka.engine.ports.store import Store

SLICE, LONG_SLICE = 10.0, 60.0
"""Seconds; the long one where a minute holds too few calls to be cut up."""

TOGETHER = 1.2
"""Two processes whose calls leave evenly may be late at the same moment by what networks and busy machines differ (a
first call also opens its connection): shared, a rate is used to five sixths, which leaves a sixth of a second for
that. With a tenth, 1 000 leads by three processes once met 8 calls in a second of 7."""

TRIES = 8
AFTER_TROUBLE = 2.0
"""Seconds after which a store that didn't answer may."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a rate is cut up."""

    length: float
    """Seconds of a slice."""
    units: int
    """Parts of it that processes may hold: calls a second, or one where the rate is below two."""
    calls: int | None
    """Calls that all processes together may make in a slice, where the vendor counts by the minute too."""


def plan(limits: Limits) -> Plan:
    """How a rate is cut up. Pure."""
    short = limits.per_minute is None or limits.per_minute >= 70
    length = max(SLICE if short else LONG_SLICE, 2 / limits.per_second)
    units = max(int(limits.per_second), 1)
    if limits.per_minute is None:
        return Plan(length, units, None)
    # All calls of a slice may go at its end, or at its begin: a minute can touch one more than fit into it.
    touched = math.ceil(60 / length) + 1
    calls = max(int(limits.per_minute // touched), 1)
    return Plan(length, min(units, calls), calls)


@dataclass(frozen=True, slots=True)
class Shares:
    """What `rates/<scope>` says of a slice: who holds how many units, and who called in the slice before."""

    slice: int = -1
    held: Mapping[str, int] = field(default_factory=dict)
    before: frozenset[str] = frozenset()


def taken(shares: Shares, process: str, now: int, units: int) -> Shares:
    """With what a process gets in slice `now`: an equal part beside those that call or called just before. Pure."""
    if shares.slice != now:
        shares = Shares(slice=now, before=frozenset(shares.held) if shares.slice == now - 1 else frozenset())
    if process in shares.held:
        return shares
    still_to_come = (shares.before - shares.held.keys()) | {process}
    free = units - sum(shares.held.values())
    return replace(shares, held={**shares.held, process: -(-free // len(still_to_come))})


@dataclass(slots=True)
class Mine:
    """This process's part of a scope in a slice."""

    slice: int
    units: int
    before: int
    """Its units in the slice before."""
    calls: int | None
    """Calls that it has left in this slice, where they are counted."""


class Leases:
    """One process's shares of all scopes."""

    def __init__(self, store: Store, process: str, now: Callable[[], float]) -> None:
        self._store, self._process, self._now = store, process, now
        self._mine: dict[str, Mine] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def share(self, scope: str, limits: Limits) -> tuple[Limits, float]:
        """The limits by which this process may call, from a time on. Raises NoPlace when the store doesn't answer."""
        cut = plan(limits)
        async with self._locks.setdefault(scope, asyncio.Lock()):
            mine = await self._current(scope, cut)
        now, begin = self._now(), mine.slice * cut.length
        if mine.units == 0 or mine.calls == 0:
            return limits, begin + cut.length
        border = begin + max(1.0, 1 / limits.per_second)
        if now >= border or mine.before >= mine.units:
            return _part(limits, mine.units, cut.units), now
        return (_part(limits, mine.before, cut.units), now) if mine.before else (limits, border)

    def part(self, scope: str, limits: Limits) -> Limits:
        """About what this process may do, for an estimate."""
        mine = self._mine.get(scope)
        return _part(limits, max(mine.units, 1), plan(limits).units) if mine is not None else limits

    def count(self, scope: str) -> None:
        """A call goes."""
        mine = self._mine[scope]
        if mine.calls is not None:
            mine.calls = max(mine.calls - 1, 0)

    async def _current(self, scope: str, cut: Plan) -> Mine:
        """Our part in the present slice, taken if need be."""
        present, mine = int(self._now() // cut.length), self._mine.get(scope)
        if mine is not None and mine.slice == present:
            return mine
        units = await self._take(scope, present, cut)
        before = mine.units if mine is not None and mine.slice == present - 1 else 0
        calls = cut.calls * units // cut.units if cut.calls is not None else None
        self._mine[scope] = Mine(present, units, before, calls)
        return self._mine[scope]

    async def _take(self, scope: str, present: int, cut: Plan) -> int:
        expire_at = datetime.fromtimestamp((present + 1) * cut.length, UTC) + timedelta(days=1)
        unheard = NoPlace(N_("the share of the vendor's rate could not be had from the store"), AFTER_TROUBLE)
        try:
            for _ in range(TRIES):
                document = await self._store.get("rates", scope)
                shares = taken(_read(document), self._process, present, cut.units)
                version = document.version if document is not None else None
                written = Document("rates", scope, {"expire_at": expire_at}, _written(shares), version)
                try:
                    await self._store.commit([Replace(written) if document is not None else Create(written)])
                except Conflict:
                    continue
                return shares.held[self._process]
        except Unavailable as error:
            raise unheard from error
        raise unheard


def leasing(store: Store) -> Limiter:
    """The limiter of one process among several."""
    return Limiter(time.time, leases=Leases(store, token_hex(8), time.time))


def _part(limits: Limits, units: int, of: int) -> Limits:
    """So many units of a rate. What is counted by the minute is counted by the slice instead."""
    per_second = min(limits.per_second, float(units)) if of > 1 else limits.per_second
    return replace(limits, per_second=per_second / (TOGETHER if units < of else 1.0), per_minute=None)


def _read(document: Document | None) -> Shares:
    if document is None:
        return Shares()
    said = json.loads(document.data)
    return Shares(said["slice"], said["held"], frozenset(said["before"]))


def _written(shares: Shares) -> bytes:
    said = {"slice": shares.slice, "held": dict(shares.held), "before": sorted(shares.before)}
    return json.dumps(said).encode()
