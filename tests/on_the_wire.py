"""Vendors' stand-ins without a network: calls go to them within the process, with all that befalls calls on their way.

Time is the test's own: nothing here waits for real.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx

from simulators.chassis import TRANSPORT, Simulator
from svyazka.engine.support.answers import FLAW
from svyazka.engine.support.requests import Request
from svyazka.model.errors import MaybeSent, NotSent

Now = Callable[[], datetime]
STALE = timedelta(seconds=15)
"""So old at most is what a lagging copy shows: nobody may take that for a proof of absence yet."""


@dataclass
class Trouble:
    """How often what befalls a call."""

    down: float = 0.004
    """A vendor goes away for a while."""
    cut_before: float = 0.02
    cut_after: float = 0.03
    error: float = 0.02
    """500, done or not."""
    busy: float = 0.01
    late: float = 0.01
    """Nobody waits any more when it arrives and is done."""
    stale: float = 0.03
    """A question is answered by what was."""
    freezes: float = 0.004
    """Whoever calls is stopped, before its call or after it."""


@dataclass
class Wire:
    """Between the hub and the stand-ins. `calm`: nothing befalls anybody."""

    simulators: Mapping[str, Simulator]
    now: Now
    chance: Random
    late_by: Mapping[str, float]
    """Seconds for which a vendor may be at work on what nobody waits for any more."""
    reads: Callable[[str, str, str], bool]
    """Whether a call of a vendor's (method, path) changes nothing."""
    trouble: Trouble = field(default_factory=Trouble)
    calm: bool = True
    befell: Counter[str] = field(default_factory=Counter)
    frozen: dict[asyncio.Task[Any], asyncio.Future[None]] = field(default_factory=dict)
    froze: asyncio.Event = field(default_factory=asyncio.Event)
    _down: dict[str, datetime] = field(default_factory=dict)
    _late: deque[tuple[datetime, str, Request]] = field(default_factory=deque)
    _shown: dict[tuple[str, str, bytes], tuple[datetime, httpx.Response]] = field(default_factory=dict)

    # As the hub's clients

    def of(self, account: str, concurrency: int, ca_pem: str | None = None) -> Wire:
        return self

    async def close(self) -> None:
        """Nothing is open."""

    async def send(
        self, request: Request, *, addresses: Sequence[str] | None, seconds: float, most: int | None = None
    ) -> httpx.Response:
        vendor, path = _place(request.url)
        if self.calm:
            return await self._answered(vendor, path, request)
        read = self.reads(vendor, request.method, path)
        befalls = self._befalls(vendor, read)
        if befalls is not None:
            self.befell[befalls] += 1
        match befalls:
            case "down":
                raise NotSent("connection refused")
            case "busy":
                return httpx.Response(429, json={}, extensions={FLAW: None})
            case "cut_before":
                raise MaybeSent("timeout")
            case "error_before":
                return httpx.Response(500, json={}, extensions={FLAW: None})
            case "late":
                after = timedelta(seconds=self.chance.uniform(0, self.late_by[vendor]))
                self._late.append((self.now() + after, vendor, request))
                raise MaybeSent("timeout")
            case "stale":
                at, answer = self._shown.get((request.method, request.url, request.body), (None, None))
                if at is not None and answer is not None and self.now() - at <= STALE:
                    return answer
            case "frozen_before":
                await self._freeze()
        answer = await self._answered(vendor, path, request)
        match befalls:
            case "cut_after":
                raise MaybeSent("timeout")
            case "error_after":
                return httpx.Response(502, text="Bad gateway", extensions={FLAW: None})
            case "frozen_after":
                await self._freeze()
        if read:
            self._shown[request.method, request.url, request.body] = (self.now(), answer)
        return answer

    # What befalls calls

    def _befalls(self, vendor: str, read: bool) -> str | None:
        now, it = self.now(), self.trouble
        if self._down.get(vendor, now) > now:
            return "down"
        if self.chance.random() < it.down:
            self._down[vendor] = now + timedelta(seconds=self.chance.choice((20, 120, 1800)))
            return "down"
        either = ("before", "after")
        kinds = {
            "cut_before": it.cut_before, "cut_after": it.cut_after, f"error_{self.chance.choice(either)}": it.error,
            "busy": it.busy, "late": 0.0 if read else it.late, "stale": it.stale if read else 0.0,
            f"frozen_{self.chance.choice(either)}": it.freezes,
        }  # fmt: skip
        place = self.chance.random()
        for kind, share in kinds.items():
            place -= share
            if place < 0:
                return kind
        return None

    async def _freeze(self) -> None:
        task, until = asyncio.current_task(), asyncio.get_running_loop().create_future()
        assert task is not None
        self.frozen[task] = until
        self.froze.set()
        try:
            await until
        finally:
            self.frozen.pop(task, None)  # on a slow machine its own time may be over before it goes on

    async def thaw(self) -> int:
        """All that was frozen goes on, and says its late word or freezes once more at its next call; how many."""
        tasks = list(self.frozen)
        for task in tasks:
            if not (until := self.frozen.pop(task)).done():
                until.set_result(None)
        while going := {task for task in tasks if not task.done() and task not in self.frozen}:
            froze = asyncio.create_task(self.froze.wait())
            await asyncio.wait({*going, froze}, return_when=asyncio.FIRST_COMPLETED)
            froze.cancel()
            self.froze.clear()
        await asyncio.gather(*(task for task in tasks if task.done()), return_exceptions=True)
        return len(tasks)

    async def late_ones(self) -> None:
        """What nobody waits for any more arrives."""
        for due, vendor, request in list(self._late):
            if due <= self.now():
                self._late.remove((due, vendor, request))
                await self._answered(vendor, _place(request.url)[1], request)

    def well_again(self) -> None:
        """Nothing befalls calls from now on."""
        self.calm = True
        self._down.clear()

    # The stand-ins

    async def _answered(self, vendor: str, path: str, request: Request) -> httpx.Response:
        status, headers, body = await asgi(self.simulators[vendor], request.method, path, request.url,
                                           request.headers, request.body)  # fmt: skip
        return httpx.Response(status, headers=headers, content=body, extensions={FLAW: None})


Answered = tuple[int, list[tuple[bytes, bytes]], bytes]


async def asgi(app: Any, method: str, path: str, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
    """One request to an application within the process."""
    said = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    query = urlsplit(url).query.encode()
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "", "headers": said,
        "query_string": query, "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1), TRANSPORT: None,
    }  # fmt: skip
    answer: list[Any] = [0, [], b""]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        if message["type"] == "http.response.start":
            answer[0], answer[1] = message["status"], list(message["headers"])
        else:
            answer[2] += message.get("body", b"")

    await app(scope, receive, send)
    return answer[0], answer[1], answer[2]


def _place(url: str) -> tuple[str, str]:
    """The vendor, and the path within its API."""
    _, vendor, *rest = urlsplit(url).path.split("/")
    return vendor, "/" + "/".join(rest)
