"""A target that answers by script, and a Cloud Tasks whose clock is stepped, in the test's own loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from simulators.cloudtasks import (
    Clock,
    CloudTasks,
    Dispatcher,
    HttpRequest,
    NewTask,
    Queue,
    QueueName,
    RateLimits,
    RetryConfig,
    Signer,
    Task,
    TaskName,
)

QUEUE = QueueName("p", "europe-west1", "plan")
START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
URL = "http://worker.test/plan"
HANG = 0
"""Instead of a status: no answer until `Target.release`."""

Answers = int | Response


@dataclass
class Target:
    """An ASGI app. Answers `script` in turn, then 200."""

    script: deque[Answers] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    now: Callable[[], datetime] = lambda: START
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope, receive, send) -> None:
        request = Request(scope, receive)
        self.requests.append(request)
        self.bodies.append(await request.body())
        self.times.append(self.now())
        answer = self.script.popleft() if self.script else 200
        if answer == HANG:
            await self.released.wait()
            answer = 200
        await (answer if isinstance(answer, Response) else Response(status_code=answer))(scope, receive, send)

    def will_answer(self, *answers: Answers) -> None:
        self.script.extend(answers)

    def header(self, name: str) -> list[str | None]:
        """The X-CloudTasks header `name` of every request."""
        return [request.headers.get(f"X-CloudTasks-{name}") for request in self.requests]

    @property
    def offsets(self) -> list[float]:
        """Seconds from the start at which requests came."""
        return [(at - START).total_seconds() for at in self.times]

    @property
    def delays(self) -> list[float]:
        """Seconds between one request and the next."""
        return [round((b - a).total_seconds(), 6) for a, b in zip(self.times, self.times[1:], strict=False)]


@dataclass
class Bench:
    service: CloudTasks
    dispatcher: Dispatcher
    target: Target

    @property
    def queue(self) -> Queue:
        return self.service.queues[QUEUE]

    @property
    def now(self) -> datetime:
        return self.service.clock.now()

    def configure(self, retry: RetryConfig | None = None, rates: RateLimits | None = None) -> None:
        self.service.configure_queue(QUEUE, rates or self.queue.rates, retry or self.queue.retry)

    def create(self, task_id: str | None = None, *, after: timedelta | float = 0, body: bytes = b"{}", **more) -> Task:
        delay = after if isinstance(after, timedelta) else timedelta(seconds=after)
        name = TaskName(QUEUE, task_id) if task_id is not None else None
        request = more.pop("request", None) or HttpRequest(URL, body=body)
        return self.service.create_task(QUEUE, NewTask(request, name, self.now + delay, **more))

    async def advance(self, by: timedelta | float = 0, patience: float = 2.0) -> int:
        return await self.dispatcher.advance(by, patience=patience)

    async def drain(self) -> int:
        return await self.dispatcher.drain()

    @property
    def waiting(self) -> list[str]:
        return sorted(self.queue.tasks)


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def make_bench(signer, target):
    """Makes a bench with other settings of the service."""

    async def make(**settings) -> Bench:
        service = CloudTasks(Clock(stepped=True, start=START), signer=signer, **settings)
        service.create_queue(QUEUE)
        target.now = service.clock.now
        transport = httpx.ASGITransport(target, raise_app_exceptions=False)
        dispatcher = Dispatcher(service, httpx.AsyncClient(transport=transport))
        return Bench(service, dispatcher, target)

    return make


@pytest.fixture
async def bench(make_bench) -> AsyncIterator[Bench]:
    made = await make_bench()
    async with made.dispatcher:
        yield made
