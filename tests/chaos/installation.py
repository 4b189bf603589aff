"""A whole installation as processes, with its business time quick and its leases short."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import psutil
import yaml

from chaos.armed import armed
from simulators.serve import Running
from svyazka.app import build_hub
from svyazka.apply import commit_apply, plan_apply, set_secret
from svyazka.backends.local.clock import start_clock
from svyazka.backends.local.queue import LocalQueue
from svyazka.backends.local.store import LocalStore
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_ALERTS, RECENT_DELIVERIES, RECENT_EVENTS
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Store
from svyazka.engine.security.keyring import Keyring
from svyazka.model.deliveries import Alert, Delivery
from svyazka.model.events import EventRecord
from svyazka.settings import Settings
from svyazka.tenantfile.reader import read_tenant_file
from svyazka.way_in import local_keyring
from vendors.parts.base import UNHURRIED, Guest, Part
from vendors.parts.hooks import Source
from vendors.parts.messengers import Messenger, Stage

SCALE = 0.03
"""Of the table of time limits: a lease of 1.8 s, and as much again before a take-over."""

SPEED = 60.0
"""Of business time. A lost worker's claim must be over before the patience with a receipt that came too early is:
(lease + grace) * SCALE * SPEED < 378 s."""

TENANT = "kofe"
CHANNELS = ("messenger", "second")
"""The names of the flow's connections, in order of preference."""

TEXTS = {
    "text": "{name}, спасибо за заказ! Оставьте отзыв: {review_url}", "review_url": "https://example.org/r/kofe",
}  # fmt: skip
PATIENCE = 60.0

LAST_WORD = 0.6
"""Seconds for which all must stay settled."""

ALL = 1_000_000


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Journal:
    """What the journal says."""

    events: list[EventRecord]
    deliveries: list[Delivery]


class LocalInstallation:
    """Accept and work over one data folder, between a source and the channels of one flow."""

    further: Mapping[str, str] = MappingProxyType({})
    """Of its processes' environment."""

    def __init__(
        self, folder: Path, vendors: Running, source: Source, *via: Messenger,
        speed: float = SPEED, scale: float = SCALE, flow: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.flow = dict(flow or {})
        """Further settings of the flow."""
        self.folder, self.vendors, self.source, self.via = folder, vendors, source, via
        self.speed, self.scale = speed, scale
        parts: list[Part] = [source, *via]
        self.secrets = {name: value for part in parts for name, value in part.vault().items()}
        self.data = folder / "data"
        self.port = free_port()
        self.processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.log = (folder / "processes.log").open("ab")

    @property
    def messenger(self) -> Messenger:
        """The preferred channel."""
        return self.via[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def keyring(self) -> Keyring:
        return local_keyring(self.data)

    # Setting up

    async def prepare(self) -> None:
        """Clock, secrets, tenant and access, as an operator and an owner would put them there."""
        store = LocalStore.open(self.data)
        self.clock: Clock = await start_clock(store, self.speed)
        settings = Settings(data=self.data, public_url=self.url)
        await self.put_in_order(
            build_hub(settings, store=store, queue=LocalQueue(store), clock=self.clock, keyring=self.keyring)
        )
        await store.close()

    async def put_in_order(self, hub: Hub) -> None:
        """The tenant file applied, its secrets set, its source authorised."""
        file = self.folder / f"{TENANT}.yaml"
        file.write_text(yaml.safe_dump(self.tenant(), allow_unicode=True), "utf-8")
        plan = await plan_apply(hub.store, hub.directory, hub.keyring, read_tenant_file(file))
        await commit_apply(hub.store, hub.directory, plan)
        for name, value in self.secrets.items():
            await set_secret(hub.store, hub.directory, hub.keyring, TENANT, name, value)
        if self.source.authorise is not None:
            account = await hub.directory.account(TENANT, "source")
            assert account is not None
            await self.source.authorise(self.vendors, hub, account)
        await hub.clients.close()

    def tenant(self) -> dict[str, object]:
        """The tenant file's content."""
        source = {"vendor": self.source.vendor, **self.source.written()}
        return {
            "id": TENANT, "name": "Кофейня на Покровке", "timezone": "Europe/Moscow",
            "connections": {
                "source": {**source, "base_url": self.base_url(self.source.vendor)},
                **{name: self.connection(messenger) for name, messenger in zip(CHANNELS, self.via, strict=False)},
            },
            "flows": [self.rule(*self.via, **self.flow)],
        }  # fmt: skip

    def base_url(self, vendor: str) -> str:
        """Where a vendor's stand-in is."""
        return self.vendors.base_url(vendor)

    def connection(self, messenger: Messenger) -> dict[str, object]:
        """A messenger's connection."""
        where = {"vendor": messenger.vendor, "base_url": self.base_url(messenger.vendor)}
        return {**where, **messenger.written(), **UNHURRIED}

    def rule(self, *via: Messenger, names: Sequence[str] = CHANNELS, **settings: Any) -> dict[str, object]:
        """A flow from the source through these channels."""
        first = via[0]
        rule: dict[str, object] = {
            "flow": first.flow, "from": ["source"], "via": list(names[: len(via)]), "expires_after": "30d",
        }  # fmt: skip
        texts = TEXTS if first.flow == "review_request" else {}
        waits = {"fallback_after": "20d"} if first.backed_by else {}
        return {**rule, **texts, **first.extra, **waits, **settings}

    def set_stage(self, guests: Sequence[Guest]) -> None:
        """The stand-ins made ready for this run."""
        self.source.begin(self.vendors)
        for name, messenger in zip(CHANNELS, self.via, strict=False):
            hook = self.hook_url(name, messenger.vendor)
            messenger.begin(Stage(self.vendors, hook, self.clock, guests, early=self.speed > 1))

    def caller(self) -> httpx.AsyncClient:
        """A vendor's own client."""
        return httpx.AsyncClient(trust_env=False, timeout=3)

    def hook_url(self, connection: str, vendor: str) -> str:
        """Where a vendor calls us."""
        return f"{self.url}/webhook_{vendor}?key={self.keyring.mint(vendor, TENANT, connection)}"

    # Processes

    def start(self, name: str, failpoint: str = "", port: int | None = None) -> subprocess.Popen[bytes]:
        """Start `accept` (at another `port` than its usual one) or `work`; `failpoint`: see armed/failpoints.py."""
        environment = {
            **os.environ,
            "SVYAZKA_DATA": str(self.data),
            "SVYAZKA_SPEED": str(self.speed),
            "SVYAZKA_DEADLINE_SCALE": str(self.scale),
            "SVYAZKA_PUBLIC_URL": self.url,
            "SVYAZKA_ALLOWED_NETWORKS": "127.0.0.0/8",
            **self.further,
            **armed(failpoint),
        }
        command = [sys.executable, "-m", "svyazka.server", name]
        if name == "accept":
            command += ["--port", str(port or self.port)]
        process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)
        self.processes.append((name, process))
        return process

    def revive(self, failpoint: Callable[[str], str] = lambda name: "") -> list[str]:
        """Start again what has died; the names. A second worker that has died isn't missed."""
        died = [(name, process) for name, process in self.processes if process.poll() is not None]
        for entry in died:
            self.processes.remove(entry)
            if all(name != entry[0] for name, _ in self.processes):
                self.start(entry[0], failpoint(entry[0]))
        return [name for name, _ in died]

    def frozen(self) -> list[tuple[str, int]]:
        """Names and process ids of what SIGSTOP holds."""
        return [(name, process.pid) for name, process in self.processes if is_frozen(process.pid)]

    def stand_in_for(self, name: str, failpoint: str) -> None:
        """A worker has frozen: a second one goes on with its work."""
        if name == "work":
            self.start("work", failpoint)

    def retire(self, name: str, pid: int) -> None:
        """End a worker that was frozen once; the second one has its work."""
        for _, process in self.processes:
            if process.pid == pid and name == "work" and process.poll() is None:
                process.terminate()

    def stop(self) -> None:
        """End everything, frozen processes too."""
        for _, process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for _, process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        self.log.close()

    async def ready(self, port: int | None = None) -> None:
        """Until the accepting process (at another `port` than its usual one) answers."""
        url = f"http://127.0.0.1:{port or self.port}/health"
        async with httpx.AsyncClient(trust_env=False) as client:

            async def answers() -> bool:
                try:
                    return (await client.get(url, timeout=1)).status_code < 500
                except httpx.HTTPError:
                    return False

            await until(answers, "the accepting process answers", look=lambda: self.spoken()[-2000:])

    # Looking

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """The store, for a look."""
        store = LocalStore.open(self.data)
        try:
            yield store
        finally:
            await store.close()

    async def journal(self) -> Journal:
        """All events and deliveries."""
        async with self.store() as store:
            events = (await store.find(RECENT_EVENTS, limit=ALL)).documents
            deliveries = (await store.find(RECENT_DELIVERIES, limit=ALL)).documents
        return Journal(
            [journal.read(EventRecord, document).model for document in events],
            [journal.read(Delivery, document).model for document in deliveries],
        )

    async def alerts(self) -> list[Alert]:
        """What somebody was told."""
        async with self.store() as store:
            found = (await store.find(RECENT_ALERTS, limit=ALL)).documents
        return [journal.read(Alert, document).model for document in found]

    def spoken(self) -> str:
        """Everything that the processes have printed."""
        return (self.folder / "processes.log").read_text("utf-8", "replace")


def is_frozen(pid: int) -> bool:
    """Stopped by SIGSTOP."""
    try:
        status: str = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    return status == psutil.STATUS_STOPPED


async def until(
    holds: Callable[[], object], what: str, patience: float = PATIENCE, look: Callable[[], object] | None = None
) -> None:
    """Until `holds()` (awaited if need be), or fail saying `what` never came true."""
    deadline = time.monotonic() + patience
    while True:
        begun = time.monotonic()
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"in {patience:.0f} s it never came true that {what}: {look() if look else ''}")
        # A quarter of the time at most goes into looking: a long journal takes long to read.
        await asyncio.sleep(max(0.05, 3 * (time.monotonic() - begun)))


async def until_it_stays(
    holds: Callable[[], object], what: str, patience: float = PATIENCE, look: Callable[[], object] | None = None
) -> None:
    """Until `holds()` at every look for as long as a process that was thawed may take to say its late word."""
    since: list[float] = []

    async def stays() -> bool:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if not found:
            since.clear()
            return False
        since.append(time.monotonic())
        return since[-1] - since[0] > LAST_WORD

    await until(stays, f"{what}, and it stays so", patience, look)


def dump(journal: Journal) -> str:
    """Unsettled things, for a failure's message."""
    return json.dumps([(d.id, d.status, d.last_error and d.last_error.code) for d in journal.deliveries if d.is_open])
