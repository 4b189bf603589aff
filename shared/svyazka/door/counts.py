"""Who knocks too often: by the store for what is brought, in this process for what is only looked at."""

from __future__ import annotations

from svyazka.door.answers import too_often
from svyazka.door.callers import Caller
from svyazka.door.limits import Limit, Limiter, ends_in, slot_of
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.ports.clock import Clock
from svyazka.model.errors import Unavailable

LOOKS, LOOKED_IN = 120, 60
"""Looks of an address in a minute, in this process: each costs a call of the worker's."""

KEPT = 20_000


class Counts:
    """Limits of the public key's calls; the server key has none."""

    def __init__(self, limiter: Limiter, clock: Clock) -> None:
        self._limiter, self._clock = limiter, clock
        self._looks: dict[tuple[str, int], int] = {}

    async def over(self, caller: Caller, looks_only: bool) -> Answer | None:
        """The refusal of whoever calls too often: without a look at what is brought."""
        if caller.server:
            return None
        if looks_only:
            return self._looked_too_often(caller)
        now, limits = self._clock.now(), caller.settings.limits
        for limit in (
            Limit(f"a.{caller.owner}.{caller.address}", *limits.per_address),
            Limit(f"s.{caller.owner}", *limits.per_site),
        ):
            if self._limiter.over(limit, now) or not await self.taken(limit):
                return too_often(ends_in(limit, now))
        return None

    def _looked_too_often(self, caller: Caller) -> Answer | None:
        now = self._clock.now()
        key = (f"{caller.owner}.{caller.address}", slot_of(LOOKED_IN, now))
        if len(self._looks) >= KEPT:
            self._looks.clear()
        self._looks[key] = self._looks.get(key, 0) + 1
        return too_often(LOOKED_IN) if self._looks[key] > LOOKS else None

    async def taken(self, limit: Limit) -> bool:
        """Whether there was room. A store that can't count just now must not turn people away: what they bring has a
        way around it."""
        try:
            return await self._limiter.take(limit, self._clock.now()) is not None
        except Unavailable:
            return True
