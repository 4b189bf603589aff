"""A delivery that may be carried out now: once its claim is durable, the call follows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from svyazka.engine.journal.transition import Transition
from svyazka.engine.tenants.directory import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Transition):
    """The delivery is in flight once this is committed, and whoever committed it makes the call."""

    account: Account
    slot: asyncio.Semaphore
    """One of the account's calls at once, taken before the claim so that no claim waits; `release` it after."""

    def release(self) -> None:
        """Let the next call of the account begin."""
        self.slot.release()
