"""The deployment on loopback: functions from their bundles, Firestore's emulator, a stand-in for Cloud Tasks, vendors'
stand-ins; set up by the command line, as an operator does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from backends.google.deployment import RETRY
from backends.google.fixtures import firestore
from bundling import build, functions
from infra.cleanroom import CleanRooms
from infra.serving import Instance, free_port, kill, serving
from simulators.cloudtasks.testing import Running
from simulators.cloudtasks.testing import serve as serve_tasks
from simulators.registry import load_simulator
from simulators.serve import serve as serve_vendors
from svyazka.backends.google.tasks import Addressing
from svyazka.connectors.registry import VENDORS
from svyazka.engine.keys import Keyring

__all__ = ["firestore"]

REGION = "europe-west1"
ORDER = {
    "eventType": "DeliveryOrderUpdate",
    "eventInfo": {"order": {"status": "Delivered", "customer": {"phone": "+79991234567", "name": "Иван"}}},
}
TENANT = """
id: kofe
name: Кофейня
timezone: Europe/Moscow
connections:
  till: {{vendor: iiko}}
  sms: {{vendor: smsru, api_id: {{secret: smsru-api-id}}, base_url: "{vendors}/smsru"}}
flows:
  - {{flow: review_request, from: [till], via: [sms], text: "Спасибо за заказ!", review_url: "https://example.org/r"}}
"""


class Cloud:
    """One project, with what a function's environment says of it."""

    def __init__(self, folder: Path, rooms: CleanRooms, emulator: str, tasks: Running) -> None:
        self.folder, self.rooms = folder, rooms
        self.worker_port = free_port()
        self.url = f"http://127.0.0.1:{self.worker_port}"
        project = f"t-{uuid4().hex[:20]}"
        self.addressing = Addressing(project, REGION, self.url, "svyazka-queue@loopback.iam.gserviceaccount.com")
        self.environment = {
            "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": project, "SVYAZKA_REGION": REGION,
            "SVYAZKA_WORKER_URL": self.url, "SVYAZKA_WORKER_ACCOUNT": self.addressing.worker_account,
            "SVYAZKA_CERTS_URL": tasks.certs_url, "SVYAZKA_TASKS_URL": tasks.url,
            "SVYAZKA_TASKS_GRPC": tasks.grpc_target or "",
            **{f"SVYAZKA_{name}_KEYS": Keyring.generate() for name in ("MINT", "VERIFY", "VAULT")},
            "GCE_METADATA_HOST": tasks.metadata_host, "FIRESTORE_EMULATOR_HOST": emulator,
        }  # fmt: skip
        for queue in ("plan", "salvage", *VENDORS):
            name = self.addressing.queue(queue)
            tasks.call(lambda service, name=name: service.create_queue(name, retry=RETRY))

    def svyazka(self, *arguments: str, stdin: str = "") -> str:
        """The command line against this project."""
        done = subprocess.run(
            [sys.executable, "-m", "svyazka.cli", *arguments], env={**os.environ, **self.environment},
            input=stdin, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def function(self, name: str) -> Iterator[Instance]:
        """An instance of one of the functions, from its bundle."""
        room = self.folder / name
        if not room.exists():
            (bundled,) = (each for each in functions() if each.name == name)
            with zipfile.ZipFile(build(bundled, self.folder)) as archive:
                archive.extractall(room / "workspace")
        port = self.worker_port if name == "sync_worker" else None
        python = self.rooms.python(room / "workspace" / "requirements.txt")
        with serving(python, room / "workspace", name, self.environment, port) as instance:
            yield instance


@pytest.mark.slow
async def test_a_webhook_becomes_a_message_whatever_dies_in_between(firestore: str, rooms: CleanRooms, tmp_path: Path):
    with ExitStack() as stack:
        vendors = stack.enter_context(serve_vendors([load_simulator("smsru")]))
        tasks = stack.enter_context(serve_tasks(grpc=True, require_auth=True))
        cloud = Cloud(tmp_path, rooms, firestore, tasks)
        (tmp_path / "kofe.yaml").write_text(TENANT.format(vendors=vendors.url))
        cloud.svyazka("apply", str(tmp_path / "kofe.yaml"), "--yes")
        cloud.svyazka("secret", "set", "kofe", "smsru-api-id", stdin="C0FFEE00-1234-5678-9ABC-DEF012345678")
        (till,) = [
            url
            for url in map(json.loads, cloud.svyazka("urls", "kofe", "--json").splitlines())
            if url["connection"] == "till"
        ]

        with cloud.function("webhook_iiko") as way_in:
            answer = httpx.post(way_in.url, params={"key": till["key"]}, json=ORDER, timeout=20, trust_env=False)
            kill(way_in)  # 200 was said: what happens to the instance then is nobody's loss
        assert (answer.status_code, answer.json()["events"][0]["status"]) == (200, "accepted")
        with cloud.function("webhook_iiko") as way_in:
            again = httpx.post(way_in.url, params={"key": till["key"]}, json=ORDER, timeout=20, trust_env=False)
        assert again.json()["events"][0]["status"] == "duplicate"

        await tasks.advance(1)  # nobody is there to work: the queue keeps it
        assert vendors.of("smsru").effects == []
        with cloud.function("sync_worker") as worker:
            await tasks.advance(600)
            await tasks.advance(600)
        assert [sms["text"] for sms in vendors.of("smsru").effects] == ["Спасибо за заказ!"]
        (delivery,) = map(json.loads, cloud.svyazka("deliveries", "--json").splitlines())
        assert (delivery["status"], delivery["attempts"]) == ("succeeded", 1)
        said = [line["message"] for line in worker.lines()]
        assert "delivery moved" in said
        assert "+79991234567" not in worker.output.read_text() + way_in.output.read_text()
