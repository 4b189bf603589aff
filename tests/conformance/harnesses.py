"""The backends that the suite runs against: a line here is all that another one takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from backends.google.deployment import Deployment
from conformance.harness import Backend, Handed
from fakes import MemoryStore, SteppedClock
from svyazka.backends.local.queue import Dispatcher, LocalQueue
from svyazka.backends.local.schema import microseconds
from svyazka.backends.local.store import LocalStore


class MemoryBackend(Backend):
    """The fake that the engine's own tests run over: kept honest here."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self._memory = MemoryStore()
        self.store = self.inbox = self.queue = self._memory

    async def close(self) -> None:
        await self._memory.close()

    def now(self) -> datetime:
        return self.clock.now()

    async def pass_time(self, seconds: float) -> None:
        self.clock.step(seconds)
        for task in [task for task in self._memory.tasks if task.due is None or task.due <= self.now()]:
            self._memory.tasks.remove(task)
            if self.worker.take(Handed(task.path, dict(task.body))) >= 300:
                self._memory.tasks.append(replace(task, due=self.clock.in_real(10)))


class LocalBackend(Backend):
    """SQLite."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self._local = LocalStore.open(folder, self.clock)
        self.store = self.inbox = self._local
        self.queue = LocalQueue(self._local)

    async def close(self) -> None:
        await self._local.close()

    def now(self) -> datetime:
        return self.clock.now()

    async def pass_time(self, seconds: float) -> None:
        self.clock.step(seconds)
        limits = dict.fromkeys(self.QUEUES, (100000.0, 16))
        stop = asyncio.Event()
        running = asyncio.create_task(Dispatcher(self._local, self.clock, self._take, limits).run(stop))
        try:
            async with asyncio.timeout(60):
                while self._due():
                    await asyncio.sleep(0.002)
        finally:
            stop.set()
            await running

    async def _take(self, path: str, body: Mapping[str, str]) -> int:
        return self.worker.take(Handed(path, body))

    def _due(self) -> bool:
        return bool(self._local.read("SELECT 1 FROM tasks WHERE due <= ? LIMIT 1", (microseconds(self.now()),)))


BACKENDS: Mapping[str, Callable[[pytest.FixtureRequest], Backend]] = {
    "memory": lambda request: MemoryBackend(),
    "local": lambda request: LocalBackend(request.getfixturevalue("tmp_path")),
    "google": lambda request: Deployment(request.getfixturevalue("firestore"), request.getfixturevalue("cloud_tasks")),
}
