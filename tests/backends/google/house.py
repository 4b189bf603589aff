"""The whole engine over a Google deployment: real inbox, store and queue; vendors that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from backends.google.deployment import Deployment
from fakes import House, SteppedClock
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_DELIVERIES, RECENT_EVENTS
from svyazka.model.deliveries import Delivery
from svyazka.model.events import EventRecord


class GoogleHouse(House):
    """Its clock and the queue's go together."""

    ttl = 3600.0

    def __init__(
        self, deployment: Deployment, via: Sequence[str] = ("sms",), flow: Mapping[str, Any] | None = None
    ) -> None:
        self.deployment = deployment
        super().__init__(deployment.store, via, flow, deployment.queue, deployment.inbox)
        self.clock = SteppedClock(deployment.now())
        self.start()
        deployment.target.works(self._work)

    async def _work(self, path: str, body: Mapping[str, str]) -> int:
        return await self.worker.handle(path, body)

    async def run(self, limit: int = 10_000) -> int:
        """Do what is due."""
        return await self.live(0)

    async def live(self, seconds: float) -> int:
        """Let time go by; how many tasks were handed over."""
        self.clock.step(seconds)
        return len(await self.deployment.deliver(seconds))

    async def swept(self) -> None:
        """A tick of the scheduler, and what it wakes."""
        await self.worker.handle("/sweep", {})
        await self.run()

    async def journaled(self) -> list[EventRecord]:
        """Every event."""
        page = await self.store.find(RECENT_EVENTS)
        return [journal.read(EventRecord, document).model for document in page.documents]

    async def owed(self) -> list[Delivery]:
        """Every delivery, oldest first."""
        page = await self.store.find(RECENT_DELIVERIES)
        found = [journal.read(Delivery, document).model for document in page.documents]
        return sorted(found, key=lambda delivery: delivery.created_at)

    async def post_many(self, bodies: Sequence[object]) -> list[int]:
        """Many webhooks at once; their statuses."""
        return [answer.status for answer in await asyncio.gather(*[self.post(body) for body in bodies])]
