"""The demo's processes: stand-ins and the hub, started as anybody would start them, in a folder of their own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from svyazka.catalogue import _
from svyazka.cli import standins
from svyazka.cli.commands.configure import carry_out, plans
from svyazka.cli.commands.hooks import hook_rows
from svyazka.cli.session import Session
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import SvyazkaError
from svyazka.model.events import EventRecord
from svyazka.reading import lists
from svyazka.reading.lists import Filter

TENANT = "kofe-pokrovka"
SPEED = 60
"""Business time runs so much faster: a repeat after 30 seconds comes after half a second."""

START, PATIENCE = 30.0, 15.0
"""Seconds for a process to answer, and for a promise to come true."""

FILE = """\
id: {tenant}
name: Кофейня на Покровке
timezone: Europe/Moscow
alerts: {{to: [{{connection: sms, phone: "+79990000001"}}]}}
connections:
  till: {{vendor: iiko, api_login: {{secret: iiko-api-login}}, base_url: "{vendors}/iiko"}}
  sms: {{vendor: smsru, api_id: {{secret: smsru-api-id}}, sender: KOFE, base_url: "{vendors}/smsru"}}
flows:
  - flow: review_request
    from: [till]
    via: [sms]
    text: "{{name}}, спасибо за заказ! Оставьте отзыв: {{review_url}}"
    review_url: https://example.org/r/kofe
"""


class StageFailure(SvyazkaError):
    """A process of the demo didn't start."""


class Stage:
    """What the acts have to do with: the vendors' controls, the hub's address, and the journal."""

    def __init__(self, session: Session, client: httpx.AsyncClient, url: str, vendors: str) -> None:
        self.session, self.url, self.vendors = session, url, vendors
        self._client = client
        self.keys: dict[str, str] = {}

    async def tell(self, vendor: str, control: str, content: object) -> Any:
        """Tell a stand-in something; its answer."""
        answer = await self._client.post(f"{self.vendors}/_sim/{vendor}/{control}", json=content)
        answer.raise_for_status()
        return answer.json()

    async def ledger(self, vendor: str) -> Mapping[str, Any]:
        """What a stand-in received and sent."""
        found: Mapping[str, Any] = (await self._client.get(f"{self.vendors}/_sim/{vendor}/ledger")).json()
        return found

    async def texts(self, phone: str) -> list[str]:
        """Messages that the SMS gateway took for a phone."""
        effects = (await self.ledger("smsru"))["effects"]
        return [effect["text"] for effect in effects if effect["to"] == phone.removeprefix("+")]

    async def post(self, connection: str, body: object, key: str | None = None) -> httpx.Response:
        """Call a webhook as its vendor does."""
        vendor = {"till": "iiko", "sms": "smsru"}[connection]
        params = {"key": key or self.keys[connection]}
        return await self._client.post(f"{self.url}/webhook_{vendor}", params=params, json=body)

    async def events(self) -> list[EventRecord]:
        return [one async for one in lists.events(self.session.store, Filter(TENANT))]

    async def deliveries(self) -> list[Delivery]:
        return [one async for one in lists.deliveries(self.session.store, Filter(TENANT))]

    async def until(self, holds: Callable[[], Awaitable[bool]], patience: float = PATIENCE) -> bool:
        """Wait until something is so; whether it came to be."""
        deadline = time.monotonic() + patience
        while not await holds():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.1)
        return True


@asynccontextmanager
async def staged(session: Session, folder: Path) -> AsyncIterator[Stage]:
    """Everything set up and running; ended cleanly afterwards. Raises StageFailure."""
    ports = free_ports(2)
    url, vendors = (f"http://127.0.0.1:{port}" for port in ports)
    tenants = folder / "tenants"
    tenants.mkdir()
    (tenants / f"{TENANT}.yaml").write_text(FILE.format(tenant=TENANT, vendors=vendors), "utf-8")
    processes: list[subprocess.Popen[bytes]] = []
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        try:
            with (folder / "processes.log").open("ab") as log:
                processes.append(_start(["simulate", "--port", str(ports[1])], log.fileno()))
                await _answers(client, f"{vendors}/", processes[-1])
                session.settings = session.settings.model_copy(update={"public_url": url})
                stage = Stage(session, client, url, vendors)
                await _set_up(session, stage, tenants)
                command = ["run", "--port", str(ports[0]), "--data", str(session.settings.data)]
                processes.append(_start([*command, "--tenants", str(tenants), "--speed", str(SPEED)], log.fileno()))
                await _answers(client, f"{url}/health", processes[-1])
            yield stage
        finally:
            for process in reversed(processes):
                _end(process)


async def _set_up(session: Session, stage: Stage, tenants: Path) -> None:
    """What an operator does once: apply, secret set, doctor --fix, urls."""
    await carry_out(session, await plans(session, [tenants / f"{TENANT}.yaml"]))
    tenant = await session.tenant(TENANT)
    await standins.introduce(session, tenant, stage.vendors)
    stage.keys = {row["connection"]: row["key"] for row in await hook_rows(session, tenant)}


def _start(arguments: Sequence[str], log: int) -> subprocess.Popen[bytes]:
    # Settings of a real installation don't reach the demo's; the keys must be the ones that we sealed with.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SVYAZKA_") or name.endswith("_KEYS")
    }
    command = [sys.executable, "-m", "svyazka.cli", *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)


async def _answers(client: httpx.AsyncClient, url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if (await client.get(url)).status_code == 200:
                return
        except httpx.HTTPError:
            await asyncio.sleep(0.1)
    if process.poll() is None:
        raise StageFailure(_("{url} doesn't answer: its process is too slow", url=url))
    raise StageFailure(_("{url} doesn't answer: its process has ended", url=url))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
