"""Waiting for what the worker makes of a command: a moment, and never longer than somebody likes to look at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from svyazka.cli.running import is_running
from svyazka.cli.session import Session
from svyazka.engine.journal import documents as journal
from svyazka.model.ids import connection_id
from svyazka.model.outages import Outage

T = TypeVar("T")

BETWEEN_LOOKS = 0.3


async def until(look: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
    """What `look` finds at last, or None when it found nothing in so many real seconds."""
    end = time.monotonic() + seconds
    while True:
        found = await look()
        if found is not None or time.monotonic() >= end:
            return found
        await asyncio.sleep(min(BETWEEN_LOOKS, seconds))


def somebody_works(session: Session) -> bool:
    """Whether there is a worker to wait for: in the cloud there always is."""
    return session.settings.backend != "local" or is_running(session.settings.data)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a probe."""

    outcome: Literal["works", "down", "blocked"]
    message: str | None = None
    remedy: str | None = None


async def verdict(session: Session, before: Outage, seconds: float) -> Verdict | None:
    """Whether an outage ended, or its next probe failed; None: nothing is known yet."""
    key = connection_id(before.tenant, before.connection)

    async def look() -> Verdict | None:
        held = await journal.load(session.store, Outage, key)
        if held is None or not held.model.is_open or held.model.id != before.id:
            return Verdict("works")
        now = held.model
        if now.probes > before.probes and now.probe is None:
            return Verdict(now.kind, now.message, now.remedy)
        return None

    return await until(look, seconds)
