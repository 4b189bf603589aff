"""A house of every messenger whose vendors are all away at once, on either backend."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx

from backends.google.deployment import RETRY, Deployment
from chaos.installation import LocalInstallation, until
from chaos.messengers import MESSENGERS, SMSRU, channels
from chaos.parts import Guest, Stage
from chaos.sources import HTTP
from fakes import SteppedClock
from simulators.cloudtasks import CloudTasks
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.app import build_hub, build_worker
from svyazka.engine.store import Store
from svyazka.server.accept import AcceptApp
from svyazka.settings import Settings

SPEED = 30_000.0
"""Three days in 9 seconds."""

OWNER = "+79990099999"
SPARE_ID = "5BA4E000-1234-5678-9ABC-DEF012345678"
MONTH, DAY = "month", "day"


class Rehearsal(LocalInstallation):
    """Every messenger is a connection and has two flows, one of which is of use for a day only; the owner is told
    through another account."""

    def __init__(self, folder: Path, spare: Running, speed: float = SPEED) -> None:
        super().__init__(folder, spare, HTTP, *MESSENGERS.values(), speed=speed)
        self.secrets["spare-api-id"] = SPARE_ID
        # Bound and not listening: it refuses every connection, and nobody else can get it meanwhile.
        self.away = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.away.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.away.bind(("127.0.0.1", 0))

    def base_url(self, vendor: str) -> str:
        return f"http://127.0.0.1:{self.away.getsockname()[1]}/{vendor}"

    def tenant(self) -> dict[str, object]:
        spare = {**self.connection(SMSRU), "base_url": super().base_url("smsru"), "api_id": {"secret": "spare-api-id"}}
        flows = []
        for vendor, messenger in MESSENGERS.items():
            via = channels(messenger)
            names = [channel.vendor for channel in via]
            flows.append(self.rule(*via, names=names, id=f"{MONTH}-{vendor}"))
            if len(via) == 1:
                flows.append(self.rule(*via, names=names, id=f"{DAY}-{vendor}", expires_after="24h"))
        return {
            **super().tenant(),
            "connections": {
                "source": {"vendor": HTTP.vendor, **HTTP.settings}, "spare": spare,
                **{vendor: self.connection(messenger) for vendor, messenger in MESSENGERS.items()},
            },
            "flows": flows, "alerts": {"to": [{"connection": "spare", "phone": OWNER}], "after": "3h"},
        }  # fmt: skip

    @contextmanager
    def vendors_back(self, guests: Sequence[Guest]) -> Iterator[Running]:
        """The vendors are there again, at their old address."""
        port = self.away.getsockname()[1]
        with serve([load_simulator(vendor) for vendor in MESSENGERS], port) as running:
            for vendor, messenger in MESSENGERS.items():
                messenger.begin(Stage(running, self.hook_url(vendor, vendor), self.clock, guests))
            yield running

    async def begin(self) -> None:
        """Everything runs."""
        await self.prepare()
        self.start("accept")
        self.start("work")
        await self.ready()

    async def pass_time(self, time: timedelta) -> None:
        """Business time goes by."""
        then = self.clock.now() + time
        await until(lambda: self.clock.now() > then, f"{time} have passed")

    async def live_until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        """Business time goes by until something is true."""
        await until(holds, what, look=lambda: self.spoken()[-2000:])

    def told(self) -> Counter[str]:
        """What the owner was told, by its text."""
        taken = [effect for effect in self.vendors.of("smsru").effects if effect["kind"] == "message"]
        return Counter(effect["text"] for effect in taken if OWNER.endswith(effect["to"].lstrip("+")))


STEP, LIMIT = timedelta(hours=2), timedelta(days=1)


class SteppedRehearsal(Rehearsal):
    """The same in one process over Firestore and Cloud Tasks, whose times are stepped."""

    def __init__(self, folder: Path, spare: Running, deployment: Deployment) -> None:
        super().__init__(folder, spare, speed=1.0)
        self.deployment = deployment
        self.clock: SteppedClock = SteppedClock(deployment.now())
        for vendor in MESSENGERS.keys() - set(deployment.QUEUES):
            queue = deployment.addressing.queue(vendor)
            deployment.tasks.call(partial(CloudTasks.create_queue, name=queue, retry=RETRY))

    async def begin(self) -> None:
        settings = Settings(public_url=self.url, allowed_networks="127.0.0.0/8")
        deployment = self.deployment
        hub = build_hub(
            settings, store=deployment.store, queue=deployment.queue, clock=self.clock, keyring=self.keyring
        )
        await self.put_in_order(hub)
        self.worker = build_worker(hub)
        self.front = AcceptApp(deployment.inbox, self.keyring, self.clock)
        deployment.target.works(self._work)

    async def _work(self, path: str, body: Mapping[str, str]) -> int:
        return await self.worker.handle(path, body)

    def caller(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.front))

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        yield self.deployment.store

    async def pass_time(self, time: timedelta) -> None:
        then = self.clock.now() + time
        await self.deployment.deliver()
        while self.clock.now() < then:
            self.clock.step(STEP.total_seconds())
            self.worker.outages._cache.clear()  # it lasts for some real seconds
            await self.deployment.deliver(STEP.total_seconds())
            await self.worker.handle("/sweep", {})
            await self.deployment.deliver()

    async def live_until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        for _ in range(LIMIT // STEP):
            if await holds():
                return
            await self.pass_time(STEP)
        raise AssertionError(f"in {LIMIT} it never came true that {what}")
