"""The working process hears at once of what another one has queued, and finds it anyhow where it can't hear."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from svyazka.backends.local import queue
from svyazka.backends.local.bell import NAME, Bell
from svyazka.backends.local.queue import Dispatcher
from svyazka.backends.local.store import LocalStore
from svyazka.engine.ports.clock import SystemClock
from svyazka.engine.ports.store import Task

NEVER = 3600.0


class Working:
    """The working process over a folder, and another one beside it that queues."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.store, self.other = LocalStore.open(folder, self.clock), LocalStore.open(folder, self.clock)
        self.handed: asyncio.Queue[str] = asyncio.Queue()
        self.reads = 0

    async def queue(self, event: str, after: float = 0.0) -> None:
        due = self.clock.now() + timedelta(seconds=after)
        await self.other.enqueue([Task("plan", "/plan", {"event": event}, due)])

    async def take(self, path: str, body: Mapping[str, str]) -> int:
        self.handed.put_nowait(body["event"])
        return 204

    async def next(self) -> str:
        async with asyncio.timeout(20):
            return await self.handed.get()


@asynccontextmanager
async def working(folder: Path) -> AsyncIterator[Working]:
    """Until it has looked for the first time, and then while the block lasts."""
    work = Working(folder)
    read: Callable[..., list[tuple[object, ...]]] = work.store.read

    def counted(*question: object) -> list[tuple[object, ...]]:
        work.reads += 1
        return read(*question)

    work.store.read = counted  # type: ignore[method-assign]
    stop = asyncio.Event()
    running = asyncio.create_task(Dispatcher(work.store, work.clock, work.take, {"plan": (1000.0, 4)}).run(stop))
    try:
        await work.queue("first")
        assert await work.next() == "first"
        yield work
    finally:
        stop.set()
        await running
        await work.store.close()
        await work.other.close()


async def test_what_another_process_queues_is_handed_out_without_waiting_for_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(tmp_path) as work:
        monkeypatch.setattr(queue, "LOOK_EVERY", NEVER)
        await work.queue("rung for")
        assert await work.next() == "rung for"
        await work.queue("and once more")
        assert await work.next() == "and once more"
        await work.queue("in a moment", after=0.05)
        assert await work.next() == "in a moment"


async def test_where_no_pipe_can_be_made_it_is_found_by_looking(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    async with working(tmp_path) as work:
        await work.queue("found")
        assert await work.next() == "found"


async def test_a_pipe_that_a_killed_process_left_is_used_and_one_that_ended_takes_it_away(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    async with working(tmp_path) as work:
        await work.queue("heard")
        assert await work.next() == "heard"
    assert not (tmp_path / NAME).exists()


async def test_while_nothing_comes_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "LOOK_EVERY", NEVER)
    ahead = [0.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.monotonic() + ahead[0])
    async with working(tmp_path) as work:
        async with asyncio.timeout(60):
            while work.other.read("SELECT id FROM tasks", ()):  # the first is struck off
                await asyncio.sleep(queue.FLUSH_AFTER)
        before = work.reads
        while ahead[0] < NEVER / 2:
            ahead[0] += 60
            for _ in range(10):
                await asyncio.sleep(0)
        assert work.reads == before


async def test_a_backlog_is_read_in_pieces_and_not_once_for_each_task(tmp_path: Path) -> None:
    async with working(tmp_path) as work:
        before = work.reads
        await work.other.enqueue([Task("plan", "/plan", {"event": str(number)}) for number in range(1000)])
        assert {await work.next() for _ in range(1000)} == {str(number) for number in range(1000)}
        assert work.reads - before < 100


def test_ringing_waits_for_nobody_and_fails_for_nobody(tmp_path: Path) -> None:
    bell = Bell(tmp_path)
    bell.ring()  # nobody has ever listened
    os.mkfifo(tmp_path / NAME)
    bell.ring()  # nobody listens now
    listening = os.open(tmp_path / NAME, os.O_RDWR | os.O_NONBLOCK)
    for _ in range(100_000):  # more than a pipe takes
        bell.ring()
    assert os.read(listening, 10)
    os.close(listening)
    bell.ring()  # it has gone
    bell.close()
