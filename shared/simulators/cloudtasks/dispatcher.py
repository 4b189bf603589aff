"""Sends what is due to its targets over HTTP, on real time or step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

import httpx

from simulators.cloudtasks.limits import RETENTION
from simulators.cloudtasks.model import Answer, Attempt
from simulators.cloudtasks.retry import retry_after
from simulators.cloudtasks.service import CloudTasks

PATIENCE: Final = 2.0
"""Real seconds that a step waits for the answer of a target before it lets time go on without it."""


TURNS: Final = 100
"""Turns of the event loop in which a target within this process, once it has its answer, surely gives it."""

EARSHOT: Final = 0.05
"""Real seconds in which the answer of a target behind a socket arrives, once it was given."""


class Dispatcher:
    """An async context. With a clock that runs it dispatches by itself; with a stepped one, only in `advance`.

    `client` may be an httpx client over `httpx.ASGITransport`, so that a target needs no socket.
    """

    def __init__(self, service: CloudTasks, client: httpx.AsyncClient | None = None) -> None:
        self.service = service
        self._client = client or httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=None))
        self._running: dict[asyncio.Task[None], Attempt] = {}
        self._stuck: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stepping = asyncio.Lock()
        self._loop: asyncio.Task[None] | None = None
        self._sent = 0

    async def __aenter__(self) -> Self:
        self.service.on_change.append(self._wake.set)
        if not self.service.clock.stepped:
            self._loop = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.service.on_change.remove(self._wake.set)
        self.service.faults.clear()
        ending = [*self._running, *([self._loop] if self._loop else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self._client.aclose()

    async def advance(self, by: timedelta | float = 0, *, patience: float = PATIENCE) -> int:
        """Moves the clock by seconds, stopping at every dispatch, deadline and expiry; how many attempts were sent.

        An answer that takes longer than `patience` real seconds is not waited for again: its attempt stays in
        flight, and is cut off when its deadline is passed. One that was given between two calls counts before time
        moves on. `advance()` sends what is due now.
        """
        if not self.service.clock.stepped:
            self.service.clock.advance(by)
            self._wake.set()
            return 0
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        target = self.service.clock.now() + step
        async with self._stepping:
            await self._hear()
            sent = await self._step_to(target, self.service.next_event, patience)
            self.service.clock.move_to(target)
            return sent + await self._step_to(target, self.service.next_event, patience)

    async def drain(self, within: timedelta = RETENTION, *, patience: float = PATIENCE) -> int:
        """Moves a stepped clock just as far as it takes to send all there is to send; how many attempts were sent.

        Stops when no task waits, when only paused queues hold any, or at the end of `within`.
        """
        if not self.service.clock.stepped:
            raise RuntimeError("only a stepped clock can be drained; Clock(stepped=True)")
        async with self._stepping:
            await self._hear()
            return await self._step_to(self.service.clock.now() + within, self._next_sending, patience)

    def _next_sending(self) -> datetime | None:
        """The next event as long as sending is not over: an attempt is in flight, or one will be."""
        in_flight = any(queue.in_flight for queue in self.service.queues.values())
        return self.service.next_event() if in_flight or self.service.next_dispatch() is not None else None

    async def _step_to(self, target: datetime, next_event: Callable[[], datetime | None], patience: float) -> int:
        before = self._sent
        while True:
            self._pump()
            await self._settle(patience)
            event = next_event()
            if event is None or event > target:
                return self._sent - before
            self.service.clock.move_to(event)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._pump()
            event = self.service.next_event()
            wait = None if event is None else self.service.clock.real_seconds_until(event)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):  # wait_for of Python 3.11 loses a cancellation that meets a wake-up
                    await self._wake.wait()

    def _pump(self) -> None:
        now = self.service.clock.now()
        self.service.cut_overdue()
        for task, attempt in self._running.items():
            if attempt.deadline <= now:
                task.cancel()
        for attempt in self.service.start_due():
            self._sent += 1
            task = asyncio.create_task(self._send(attempt))
            self._running[task] = attempt
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._stuck.discard(task)
        self._wake.set()
        if not task.cancelled():
            task.result()

    async def _settle(self, patience: float) -> None:
        """Waits for answers, new attempts not included, for as long as `patience` allows."""
        waiting = self._running.keys() - self._stuck
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=patience)
            self._stuck |= late

    async def _hear(self) -> None:
        """Takes in what attempts that took too long have been answered since."""
        for _ in range(TURNS):
            if not self._stuck:
                return
            await asyncio.sleep(0)
        await asyncio.wait(self._stuck, timeout=EARSHOT)

    async def _send(self, attempt: Attempt) -> None:
        answer = await self._ask(attempt)
        queue = self.service.queues.get(attempt.task.name.queue)
        if queue is not None:
            queue.finish(attempt, answer, self.service.clock.now())

    async def _ask(self, attempt: Attempt) -> Answer:
        """Redirects are not followed. No header is added but Host and Content-Length."""
        wanted = attempt.task.request
        try:
            request = httpx.Request(
                wanted.http_method.value, wanted.url, headers=dict(attempt.headers), content=wanted.body
            )
            response = await self._client.send(request, follow_redirects=False)
        except (httpx.TransportError, httpx.InvalidURL):
            return Answer(None)
        after = retry_after(response.headers.get("Retry-After"), self.service.clock.now())
        return Answer(response.status_code, after)
