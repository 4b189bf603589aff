"""A whole installation as processes, with its business time quick and its leases short."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import yaml

from chaos.parts import Messenger, Source
from simulators.serve import Running
from svyazka.app import build_hub, local_keyring
from svyazka.apply import commit_apply, plan_apply, set_secret
from svyazka.backends.local.clock import start_clock
from svyazka.backends.local.queue import LocalQueue
from svyazka.backends.local.store import LocalStore
from svyazka.engine import journal
from svyazka.engine.store import RECENT_ALERTS, RECENT_DELIVERIES, RECENT_EVENTS
from svyazka.model.deliveries import Alert, Delivery
from svyazka.model.events import EventRecord
from svyazka.settings import Settings
from svyazka.tenantfile import read_tenant_file

SPEED = 30.0
SCALE = 0.03
"""Of the table of time limits: a lease of 1.8 s, and as much again before a take-over."""

TENANT = "kofe"
PATIENCE = 60.0


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
    """Accept and work over one data folder."""

    def __init__(
        self, folder: Path, vendors: Running, source: Source, messenger: Messenger, *,
        speed: float = SPEED, scale: float = SCALE, flow: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        self.flow = dict(flow or {})
        """Further settings of the flow."""
        self.folder, self.vendors, self.source, self.messenger = folder, vendors, source, messenger
        self.speed, self.scale = speed, scale
        self.secrets = dict(messenger.secrets)
        self.data = folder / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.keyring = local_keyring(self.data)
        self.log = (folder / "processes.log").open("ab")

    # Setting up

    async def prepare(self) -> None:
        """Clock, secrets and tenant, as an operator would put them there."""
        store = LocalStore.open(self.data)
        self.clock = await start_clock(store, self.speed)
        settings = Settings(data=self.data, public_url=self.url)
        hub = build_hub(settings, store=store, queue=LocalQueue(store), keyring=self.keyring)
        file = self.folder / f"{TENANT}.yaml"
        file.write_text(yaml.safe_dump(self.tenant(), allow_unicode=True), "utf-8")
        plan = await plan_apply(store, hub.directory, self.keyring, read_tenant_file(file))
        await commit_apply(store, hub.directory, plan)
        for name, value in self.secrets.items():
            await set_secret(store, hub.directory, self.keyring, TENANT, name, value)
        await store.close()

    def tenant(self) -> dict[str, object]:
        """The tenant file's content."""
        source, messenger = self.source, self.messenger
        base = {"base_url": self.vendors.base_url(messenger.vendor)}
        return {
            "id": TENANT, "name": "Кофейня на Покровке", "timezone": "Europe/Moscow",
            "connections": {
                "source": {"vendor": source.vendor, **source.settings},
                "messenger": {"vendor": messenger.vendor, **base, **messenger.settings},
            },
            "flows": [
                {
                    "flow": "review_request", "from": ["source"], "via": ["messenger"],
                    "text": "{name}, спасибо за заказ! Оставьте отзыв: {review_url}",
                    "review_url": "https://example.org/r/kofe", "expires_after": "30d", **messenger.extra, **self.flow,
                }
            ],
        }  # fmt: skip

    async def alerts(self) -> list[tuple[str, str]]:
        """Kinds and stages of what somebody was told."""
        store = LocalStore.open(self.data)
        try:
            found = (await store.find(RECENT_ALERTS, limit=1000)).documents
        finally:
            await store.close()
        return [(alert.kind, alert.stage) for alert in (journal.read(Alert, document).model for document in found)]

    def hook_url(self, connection: str, vendor: str) -> str:
        """Where a vendor calls us."""
        return f"{self.url}/webhook_{vendor}?key={self.keyring.mint(vendor, TENANT, connection)}"

    # Processes

    def start(self, name: str, failpoint: str = "") -> subprocess.Popen[bytes]:
        """Start `accept` or `work`; `failpoint` as in engine/failpoints.py."""
        environment = {
            **os.environ,
            "SVYAZKA_DATA": str(self.data),
            "SVYAZKA_SPEED": str(self.speed),
            "SVYAZKA_DEADLINE_SCALE": str(self.scale),
            "SVYAZKA_FAILPOINT": failpoint,
            "SVYAZKA_PUBLIC_URL": self.url,
        }
        command = [sys.executable, "-m", "svyazka.server", name]
        if name == "accept":
            command += ["--port", str(self.port)]
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

    def retire(self, pid: int) -> None:
        """End a worker that was frozen once; the second one has its work."""
        for name, process in self.processes:
            if process.pid == pid and name == "work" and process.poll() is None and not is_frozen(pid):
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

    async def ready(self) -> None:
        """Until the accepting process answers."""
        async with httpx.AsyncClient(trust_env=False) as client:

            async def answers() -> bool:
                try:
                    return (await client.get(f"{self.url}/health", timeout=1)).status_code == 200
                except httpx.HTTPError:
                    return False

            await until(answers, "the accepting process answers")

    # Looking

    async def journal(self) -> Journal:
        """All events and deliveries."""
        store = LocalStore.open(self.data)
        try:
            events = (await store.find(RECENT_EVENTS, limit=1_000_000)).documents
            deliveries = (await store.find(RECENT_DELIVERIES, limit=1_000_000)).documents
        finally:
            await store.close()
        return Journal(
            [journal.read(EventRecord, document).model for document in events],
            [journal.read(Delivery, document).model for document in deliveries],
        )

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
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"in {patience:.0f} s it never came true that {what}: {look() if look else ''}")
        await asyncio.sleep(0.05)


PERSONAL = re.compile(r"7999\d{7}|Иван|C0FFEE00|\b1\.kofe\.\w+\.\d+\.[a-z2-7]{32}")
"""What no output may hold: phones, names, credentials and webhook keys of these runs."""


def leaks(text: str) -> list[str]:
    """Personal data and secrets in an output."""
    return PERSONAL.findall(text)


def dump(journal: Journal) -> str:
    """Unsettled things, for a failure's message."""
    return json.dumps([(d.id, d.status, d.last_error and d.last_error.code) for d in journal.deliveries if d.is_open])
