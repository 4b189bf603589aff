"""`/health`: whether webhooks can be made durable. A monitor must not read "ok" while every vendor is told 503."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.intake.receive import RETRY_AFTER, problem
from svyazka.engine.support.logs import log
from svyazka.model.errors import Unavailable

FRESH = 2.0
"""Seconds for which one look serves everybody: asking costs a write, and anybody may ask."""

PATIENCE = 3.0
"""Seconds after which a disk that doesn't answer is as good as none."""


@runtime_checkable
class Checkable(Protocol):
    """A store that can try itself."""

    async def check_durable(self) -> None:
        """Raises Unavailable, with a reason that a person can act on."""


class Health:
    """Looks when it is asked, once for all who ask meanwhile."""

    def __init__(self, inbox: object, now: Callable[[], float] = time.monotonic, patience: float = PATIENCE) -> None:
        self._store = inbox if isinstance(inbox, Checkable) else None
        self._now, self._patience = now, patience
        self._look: asyncio.Task[str | None] | None = None
        self._until = 0.0
        self._trouble: str | None = None

    async def answer(self) -> Answer:
        """200, or 503 with the reason."""
        if self._look is None or (self._look.done() and self._now() >= self._until):
            self._look = asyncio.create_task(self._looked())
        trouble = await asyncio.shield(self._look)
        if trouble is None:
            return Answer(200, b'{"status":"ok"}')
        return problem(503, "Not durable", trouble, {"Retry-After": RETRY_AFTER})

    async def _looked(self) -> str | None:
        trouble = await self._found()
        self._until = self._now() + FRESH
        if trouble is not None and trouble != self._trouble:
            log("ERROR", "not durable", reason=trouble)
        self._trouble = trouble
        return trouble

    async def _found(self) -> str | None:
        if self._store is None:
            return None
        try:
            await asyncio.wait_for(self._store.check_durable(), self._patience)
        except Unavailable as error:
            return str(error)
        except TimeoutError:
            return f"the database hasn't answered for {self._patience:.0f} s: look at its disk"
        return None
