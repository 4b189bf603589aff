"""A delivery that may be carried out now: once its claim is durable, the call follows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from svyazka.engine.in_step.ready import Ready
from svyazka.engine.journal.transition import Transition
from svyazka.engine.ports.store import Store
from svyazka.engine.tenants.directory import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Transition):
    """The delivery is in flight once this is committed, and whoever committed it makes the call."""

    account: Account
    slot: asyncio.Semaphore
    """One of the account's calls at once, taken before the claim so that no claim waits; `release` it after."""
    ready: Ready | None = None
    """For what is kept in step: what is to be written, as it was compared just before."""

    sees: tuple[str, ...] = ()
    """Connections in trouble of which its call is the probe."""

    async def over_wishes(self, store: Store) -> Transition | None:
        part = await self.ready.claimed_anew(store, self.delivery) if self.ready is not None else None
        return replace(self, writes=part.writes) if part is not None else None

    def release(self) -> None:
        """Let the next call of the account begin."""
        self.slot.release()
