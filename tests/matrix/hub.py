"""A hub whole: the accepting app behind HTTP, the worker, one tenant. Time stands until it is stepped."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from socket import socket
from typing import Any

import httpx
import uvicorn
import yaml

from fakes import SteppedClock
from simulators.serve import Running
from svyazka.app import build_hub, build_worker, hook_of, local_keyring
from svyazka.apply import commit_apply, plan_apply, set_secret
from svyazka.backends.local.queue import LocalQueue
from svyazka.backends.local.schema import microseconds
from svyazka.backends.local.store import LocalStore
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_DELIVERIES, RECENT_EVENTS
from svyazka.engine.outbound.http_clients import Clients
from svyazka.engine.security.keyring import Keyring
from svyazka.model.deliveries import Delivery
from svyazka.model.events import EventRecord
from svyazka.server.accept import AcceptApp
from svyazka.settings import Settings
from svyazka.tenantfile.reader import read_tenant_file

SWEEP = timedelta(minutes=30)
TENANT = "kofe"


class Front:
    """One listening server for all tests; each puts its own accepting app behind it. Clients are shared: each TLS
    context costs 50 ms."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.app: AcceptApp | None = None
        self.client = httpx.AsyncClient(trust_env=False)
        self.clients = Clients()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@asynccontextmanager
async def listening() -> AsyncIterator[Front]:
    """The front on a free loopback port, in this loop."""
    listener = socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    front = Front(f"http://127.0.0.1:{listener.getsockname()[1]}")
    config = uvicorn.Config(front, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield front
    finally:
        await front.client.aclose()
        await front.clients.close()
        server.should_exit = True
        await serving


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of the tenant: what stands in its file, and its credentials."""

    vendor: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Sent:
    """A message that a vendor's stand-in took."""

    via: str
    to: str
    text: str


@dataclass
class Machine:
    """The hub with its vendors."""

    front: Front
    vendors: Running
    store: LocalStore
    hub: Hub
    clock: SteppedClock
    settings: Settings

    def __post_init__(self) -> None:
        self.worker = build_worker(self.hub)

    @property
    def keyring(self) -> Keyring:
        return self.hub.keyring

    def restart(self) -> None:
        """The worker's process is another one: nothing is left of what it held in memory."""
        clients = self.hub.clients
        self.hub = build_hub(
            self.settings, store=self.store, queue=LocalQueue(self.store), clock=self.clock, keyring=self.hub.keyring,
            chance=lambda: 0.5,
        )  # fmt: skip
        self.hub.clients = clients
        self.worker = build_worker(self.hub)

    # What comes in

    async def hook(self, connection: str) -> str:
        """The address that `svyazka urls` prints."""
        account = await self.hub.directory.account(TENANT, connection)
        assert account is not None
        found = hook_of(self.settings, self.hub.keyring, account)
        assert found is not None
        return found.url

    async def key(self, connection: str) -> str:
        return (await self.hook(connection)).partition("?key=")[2]

    async def post(self, url: str, body: bytes, content_type: str) -> httpx.Response:
        """A vendor calls."""
        return await self.front.client.post(url, content=body, headers={"Content-Type": content_type})

    async def tell(self, vendor: str, control: str, content: object) -> Any:
        """Tell a stand-in something."""
        answer = await self.front.client.post(f"{self.vendors.url}/_sim/{vendor}/{control}", json=content)
        assert answer.status_code != 404, (
            f"{vendor}'s stand-in has no control `{control}` ({content}): name what may be set in its `settings`, and "
            f"what it is told to do in its `controls()`; tests/vendors/{vendor}.py says what is told"
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    # What goes on

    def keep_time(self) -> None:
        """The vendors' clocks are ours."""
        for simulator in self.vendors.simulators.values():
            simulator.ahead = self.clock.real().timestamp() - time.time()

    async def work(self) -> None:
        """Do every task that is due."""
        while rows := self._due(self.clock.now()):
            for number, path, body in rows:
                assert await self.worker.handle(str(path), json.loads(str(body))) == 204

                def struck(connection: Any, number: object = number) -> None:
                    connection.execute("DELETE FROM tasks WHERE id = ?", (number,))

                await self.store.change(struck)

    async def pass_time(self, hours: float) -> None:
        """Let time go by: tasks at their times, the sweep often enough for none of its own to matter."""
        end = self.clock.now() + timedelta(hours=hours)
        await self.work()
        while self.clock.now() < end:
            coming = [datetime.fromtimestamp(int(str(due)) / 1e6, end.tzinfo) for (due,) in self._dues()]
            pause = min([end, self.clock.now() + SWEEP, *coming]) - self.clock.now()
            self.clock.step(pause.total_seconds())
            self.keep_time()
            assert await self.worker.handle("/sweep", {}) == 204
            await self.work()

    def skip(self, hours: float) -> None:
        """Time goes by in which nobody is at work."""
        self.clock.step(3600 * hours)
        self.keep_time()

    def _due(self, now: datetime) -> Sequence[tuple[object, ...]]:
        return self.store.read("SELECT id, path, body FROM tasks WHERE due <= ? ORDER BY due, id", (microseconds(now),))

    def _dues(self) -> Sequence[tuple[object, ...]]:
        return self.store.read("SELECT due FROM tasks ORDER BY due LIMIT 1")

    # What became of it

    def sent(self) -> list[Sent]:
        """Every message that any stand-in took."""
        return [
            Sent(vendor, effect["to"], effect.get("text") or _filled(effect.get("template")))
            for vendor, simulator in self.vendors.simulators.items()
            for effect in simulator.effects
            if effect["kind"] == "message"
        ]

    async def deliveries(self) -> list[Delivery]:
        """The newest last."""
        page = await self.store.find(RECENT_DELIVERIES)
        return [journal.read(Delivery, document).model for document in reversed(page.documents)]

    async def events(self) -> list[EventRecord]:
        """The newest last."""
        page = await self.store.find(RECENT_EVENTS)
        return [journal.read(EventRecord, document).model for document in reversed(page.documents)]


def _filled(template: Any) -> str:
    """A template with its parameters, as one line."""
    texts = [one["text"] for part in template["components"] for one in part["parameters"]]
    return f"{template['name']}/{template['language']['code']}: {', '.join(texts)}"


async def blank(data: Path) -> Path:
    """A data folder with its tables and its keys, for every test to copy: making them costs much."""
    await LocalStore.open(data).close()
    local_keyring(data)
    return data


@asynccontextmanager
async def machine(
    data: Path, front: Front, vendors: Running, start: datetime, connections: Mapping[str, Connection],
    flows: Sequence[Mapping[str, Any]],
) -> AsyncIterator[Machine]:  # fmt: skip
    """A hub over a fresh data folder, with the tenant of this file applied and its secrets set."""
    clock = SteppedClock(start)
    settings = Settings(data=data, public_url=front.url, allowed_networks="127.0.0.0/8")
    store, keyring = LocalStore.open(data, clock), local_keyring(data)
    hub = build_hub(settings, store=store, queue=LocalQueue(store), clock=clock, keyring=keyring, chance=lambda: 0.5)
    hub.clients = front.clients
    try:
        secrets = {
            f"{name}-{setting}": value
            for name, connection in connections.items()
            for setting, value in connection.secrets.items()
        }
        await asyncio.gather(
            *(set_secret(store, hub.directory, keyring, TENANT, name, value) for name, value in secrets.items())
        )
        file = data.parent / f"{TENANT}.yaml"
        file.write_text(_file(vendors, connections, flows), "utf-8")
        plan = await plan_apply(store, hub.directory, keyring, read_tenant_file(file))
        assert plan.missing_secrets == []
        await commit_apply(store, hub.directory, plan)
        front.app = AcceptApp(store, keyring, clock)
        made = Machine(front, vendors, store, hub, clock, settings)
        made.keep_time()
        yield made
    finally:
        front.app = None
        await store.close()


def _file(vendors: Running, connections: Mapping[str, Connection], flows: Sequence[Mapping[str, Any]]) -> str:
    written = {
        name: {
            "vendor": one.vendor, "base_url": vendors.base_url(one.vendor), "limit": {"per_second": 1e9},
            **one.settings, **{setting: {"secret": f"{name}-{setting}"} for setting in one.secrets},
        }
        for name, one in connections.items()
    }  # fmt: skip
    return yaml.safe_dump(
        {"id": TENANT, "name": "Кофейня", "timezone": "Europe/Moscow", "connections": written, "flows": list(flows)},
        allow_unicode=True, sort_keys=False,
    )  # fmt: skip
