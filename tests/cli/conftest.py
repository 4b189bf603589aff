"""A real command line over a temporary data folder; webhooks and the worker in process, vendors as stand-ins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from typer.testing import CliRunner, Result

from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.app import build_hub, build_worker, local_keyring
from svyazka.backends.local.clock import load_clock
from svyazka.backends.local.queue import LocalQueue
from svyazka.backends.local.schema import microseconds
from svyazka.backends.local.store import LocalStore
from svyazka.cli.commands import app
from svyazka.engine.worker import Worker
from svyazka.server.accept import AcceptApp
from svyazka.settings import Settings

T = TypeVar("T")

PHONE, NAME, SURNAME = "+79991234567", "Иван", "Петров"
API_ID = "c0ffee-api-id-for-tests"

FILE = """\
id: kofe
name: Кофейня
timezone: Europe/Moscow
alerts: {{to: [{{connection: sms, phone: "+79990000001"}}]}}
connections:
  till: {{vendor: iiko, base_url: "{vendors}/iiko"}}
  sms: {{vendor: smsru, api_id: {{secret: smsru-api-id}}, sender: KOFE, base_url: "{vendors}/smsru"}}
flows:
  - flow: review_request
    from: [till]
    via: [sms]
    text: "{{name}}, спасибо! {{review_url}}"
    review_url: https://example.org/r
"""


def order(number: int = 1, status: str = "Delivered", phone: str = PHONE) -> dict[str, Any]:
    """An iiko event of a delivery, with a guest in it."""
    customer = {"name": NAME, "surname": SURNAME, "type": "regular"}
    return {
        "eventType": "DeliveryOrderUpdate",
        "eventTime": "2026-03-14 15:53:01.640",
        "eventInfo": {
            "id": f"00000000-0000-4000-8000-{number:012}",
            "timestamp": 1773503581611,
            "order": {"status": status, "phone": phone, "customer": customer, "number": number},
        },
    }


@dataclass
class Installation:
    """One data folder and all that can be done to it."""

    folder: Path
    vendors: Running
    outputs: list[str] = field(default_factory=list)
    """Everything that commands printed."""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def file(self) -> Path:
        return self.folder / "kofe.yaml"

    def write(self, text: str = FILE) -> Path:
        """The tenant file, its vendors being the stand-ins."""
        self.file.write_text(text.format(vendors=self.vendors.url), "utf-8")
        return self.file

    def svyazka(self, *arguments: str, given: str | None = None, status: int = 0) -> Result:
        """Run a command and expect its exit status."""
        result = CliRunner().invoke(app, ["--data", str(self.data), *arguments], input=given, prog_name="svyazka")
        self.outputs.append(result.output)
        assert result.exit_code == status, f"{arguments}: {result.exit_code}\n{result.output}\n{result.exception!r}"
        return result

    def rows(self, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
        """The JSON lines of a command."""
        result = self.svyazka(*arguments, "--json", status=status)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def audit(self) -> list[tuple[str, str]]:
        """Action and target of every audit line, oldest first."""
        return [(row["action"], row["target"]) for row in reversed(self.rows("audit"))]

    def apply(self, text: str = FILE) -> None:
        """Apply the tenant file and set its secret."""
        self.svyazka("apply", str(self.write(text)), "--yes")
        self.svyazka("secret", "set", "kofe", "smsru-api-id", given=API_ID)

    def opened(self, body: Callable[[Worker, LocalStore], Awaitable[T]]) -> T:
        """Do something with an engine over this data folder."""

        async def main() -> T:
            store = LocalStore.open(self.data)
            hub = build_hub(Settings(data=self.data), store=store, queue=LocalQueue(store), clock=load_clock(store))
            try:
                return await body(build_worker(hub), store)
            finally:
                await hub.clients.close()
                await store.close()

        return asyncio.run(main())

    def post(self, body: object, connection: str = "till", vendor: str = "iiko") -> httpx.Response:
        """A vendor calls."""
        key = local_keyring(self.data).mint(vendor, "kofe", connection)
        return self.post_with(key, body, vendor)

    def post_with(self, key: str, body: object, vendor: str = "iiko") -> httpx.Response:
        """Somebody calls with this key."""
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()

        async def call(worker: Worker, store: LocalStore) -> httpx.Response:
            way_in = AcceptApp(store, worker.hub.keyring, worker.hub.clock)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(way_in), base_url="http://hub") as client:
                return await client.post(
                    f"/webhook_{vendor}", params={"key": key}, content=content,
                    headers={"content-type": "application/json"},
                )  # fmt: skip

        return self.opened(call)

    def work(self) -> None:
        """Do every task that is due."""

        async def all_due(worker: Worker, store: LocalStore) -> None:
            for _ in range(200):
                now = microseconds(worker.hub.clock.now())
                rows = store.read("SELECT id, path, body FROM tasks WHERE due <= ? ORDER BY due, id", (now,))
                if not rows:
                    return
                for number, path, task in rows:
                    assert await worker.handle(str(path), json.loads(str(task))) == 204
                    await store.change(lambda c, number=number: c.execute("DELETE FROM tasks WHERE id = ?", (number,)))  # type: ignore[misc]
            raise AssertionError("the queue never runs dry")

        self.opened(all_due)

    def done(self, *bodies: object) -> list[str]:
        """Webhooks come in and are worked off; ids of their events."""
        answers = [self.post(body).json() for body in bodies]
        self.work()
        return [event["id"] for answer in answers for event in answer.get("events", [])]

    def sent(self) -> list[str]:
        """Texts that sms.ru's stand-in took."""
        return [effect["text"] for effect in self.vendors.of("smsru").effects]


@pytest.fixture(scope="session")
def stand_ins() -> Iterator[Running]:
    """sms.ru and iiko, once for all tests."""
    with serve([load_simulator("smsru"), load_simulator("iiko")]) as running:
        yield running


@pytest.fixture
def bare(tmp_path: Path, stand_ins: Running, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Nothing there yet."""
    for simulator in stand_ins.simulators.values():
        simulator.clear()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return Installation(tmp_path, stand_ins)


@pytest.fixture
def hub(bare: Installation) -> Installation:
    """The tenant applied, its secret set."""
    bare.apply()
    return bare
