"""Does it all hold together as it is deployed: functions as processes, and the command line against them?"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import yaml

from backends.google.deployment import ACCOUNT, RETRY
from chaos.installation import free_port
from chaos.leaks import leaks
from chaos.messengers import SMSRU
from chaos.parts import Guest
from chaos.sources import IIKO
from simulators.cloudtasks import Clock
from simulators.cloudtasks.testing import Running as CloudTasks
from simulators.cloudtasks.testing import serve as serve_tasks
from simulators.registry import load_simulator
from simulators.serve import Running
from simulators.serve import serve as serve_vendors
from svyazka.engine.keys import Keyring

ROOT = Path(__file__).parents[3]
START = 60.0


@contextmanager
def function(name: str, port: int, environment: dict[str, str], log: Path) -> Iterator[str]:
    """One function under functions-framework; its URL."""
    source = str(ROOT / "functions" / name / "main.py")
    given = {
        **environment, "FUNCTION_TARGET": name, "FUNCTION_SOURCE": source, "FUNCTION_SIGNATURE_TYPE": "http",
        "FUNCTION_USE_ASGI": "true", "WORKERS": "1", "HOST": "127.0.0.1", "PORT": str(port),
    }  # fmt: skip
    with log.open("ab") as sink:
        process = subprocess.Popen([sys.executable, "-m", "functions_framework"], env=given, stdout=sink, stderr=sink)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + START
        while True:
            try:
                httpx.get(url, timeout=5, trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, "it never answered"
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(15)


class Installation:
    """What stands in a cloud project, on loopback."""

    def __init__(self, folder: Path, firestore: str, tasks: CloudTasks, vendors: Running) -> None:
        self.folder, self.vendors = folder, vendors
        self.project = f"t-{uuid4().hex[:20]}"
        self.keys = {name: Keyring.generate() for name in ("mint", "verify", "vault")}
        self.worker_port, self.hook_port = free_port(), free_port()
        for queue in ("plan", "salvage", "smsru", "iiko"):
            name = f"projects/{self.project}/locations/europe-west1/queues/svyazka-{queue}"
            tasks.call(lambda service, name=name: service.create_queue(name, retry=RETRY))
        self.environment = {
            "PATH": os.environ["PATH"],
            "SVYAZKA_BACKEND": "google",
            "SVYAZKA_PROJECT": self.project,
            "SVYAZKA_REGION": "europe-west1",
            "SVYAZKA_WORKER_URL": f"http://127.0.0.1:{self.worker_port}",
            "SVYAZKA_WORKER_ACCOUNT": ACCOUNT,
            "SVYAZKA_PUBLIC_URL": f"http://127.0.0.1:{self.hook_port}",
            "SVYAZKA_TASKS_URL": tasks.url,
            "SVYAZKA_TASKS_GRPC": tasks.grpc_target or "",
            "SVYAZKA_CERTS_URL": tasks.certs_url,
            "GCE_METADATA_HOST": tasks.metadata_host,
            "FIRESTORE_EMULATOR_HOST": firestore,
        }

    def with_keys(self, *names: str) -> dict[str, str]:
        """The environment of a function that may hold these."""
        return {**self.environment, **{f"SVYAZKA_{name.upper()}_KEYS": self.keys[name] for name in names}}

    def svyazka(self, *arguments: str, given: str = "") -> str:
        """A command; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "svyazka.cli", *arguments], env=self.with_keys("mint", "verify", "vault"),
            input=given, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def tenant(self) -> Path:
        """The tenant file."""
        content = {
            "id": "kofe", "name": "Кофейня", "timezone": "Europe/Moscow",
            "connections": {
                "till": {"vendor": "iiko", **IIKO.settings},
                "sms": {"vendor": "smsru", "base_url": self.vendors.base_url("smsru"), **SMSRU.settings},
            },
            "flows": [
                {
                    "flow": "review_request", "from": ["till"], "via": ["sms"],
                    "text": "{name}, спасибо! {review_url}", "review_url": "https://example.org/r",
                }
            ],
        }  # fmt: skip
        path = self.folder / "kofe.yaml"
        path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
        return path


@pytest.fixture
def installation(tmp_path, firestore) -> Iterator[Installation]:
    with ExitStack() as stack:
        tasks = stack.enter_context(serve_tasks(clock=Clock(), grpc=True, require_auth=True))
        vendors = stack.enter_context(serve_vendors([load_simulator("smsru")]))
        made = Installation(tmp_path, firestore, tasks, vendors)
        log = tmp_path / "functions.log"
        stack.enter_context(function("sync_worker", made.worker_port, made.with_keys("mint", "vault"), log))
        stack.enter_context(function("webhook_iiko", made.hook_port, made.with_keys("mint", "verify"), log))
        yield made


async def test_from_the_tenant_file_to_the_message(installation):
    """Applied by the command line, called by the vendor, queued, worked on under the queue's identity, and shown."""
    installation.svyazka("apply", str(installation.tenant()), "--yes")
    for name, value in (*IIKO.secrets.items(), *SMSRU.secrets.items()):
        installation.svyazka("secret", "set", "kofe", name, given=value)
    (hook,) = [
        line
        for line in map(json.loads, installation.svyazka("urls", "kofe", "--json").splitlines())
        if line["connection"] == "till"
    ]
    guest = Guest(1)
    webhook = IIKO.webhook(installation.vendors, guest)
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        until = time.monotonic() + 30
        while (await client.get(hook["url"])).status_code != 200:  # a cold instance on a busy machine may say 503
            assert time.monotonic() < until
        copies = [client.post(hook["url"], content=webhook.body, headers=webhook.headers) for _ in range(8)]
        answers = await asyncio.gather(*copies)
        assert [answer.status_code for answer in answers] == [200] * 8
        said = sorted(answer.json()["events"][0]["status"] for answer in answers if answer.json()["events"])
        assert said.count("accepted") <= 1

        until = time.monotonic() + 30
        while not SMSRU.sent(installation.vendors):
            assert time.monotonic() < until, (installation.folder / "functions.log").read_text()
            await asyncio.sleep(0.05)

        worker = installation.environment["SVYAZKA_WORKER_URL"]
        for headers in ({}, {"Authorization": "Bearer x.y.z"}):
            assert (await client.post(f"{worker}/sweep", headers=headers)).status_code == 401
    assert SMSRU.sent(installation.vendors) == {guest.phone: 1}
    (event,) = map(json.loads, installation.svyazka("events", "--json").splitlines())
    (delivery,) = map(json.loads, installation.svyazka("deliveries", "--json").splitlines())
    assert (event["status"], event["deliveries"]) == ("planned", [delivery["id"]])
    assert delivery["status"] == "succeeded"
    assert leaks((installation.folder / "functions.log").read_text()) == []
