"""Does it all hold together as it is deployed: functions from their bundles, and the command line against them?"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml

from chaos.google import Cloud, GoogleInstallation
from chaos.installation import TENANT, until
from chaos.leaks import leaks
from infra.serving import Instance, serving
from infra.unpacked import Bundles
from simulators.cloudtasks import Clock
from simulators.cloudtasks.testing import serve as serve_tasks
from simulators.registry import load_simulator
from simulators.serve import serve as serve_vendors
from svyazka.engine.security.keyring import SECRET_NAMES
from vendors import MESSENGERS, SOURCES
from vendors.parts.base import Guest


class Operator(GoogleInstallation):
    """Sets it up by the command line."""

    def svyazka(self, *arguments: str, given: str = "") -> str:
        """A command; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "svyazka.cli", *arguments], env={**os.environ, **self.with_keys(*SECRET_NAMES)},
            input=given, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def lines(self, *arguments: str) -> list[dict[str, object]]:
        """What a command printed as JSON."""
        return [json.loads(line) for line in self.svyazka(*arguments, "--json").splitlines()]


@pytest.fixture
def operator(firestore: str, bundles: Bundles, tmp_path: Path) -> Iterator[Operator]:
    """An empty project, the till and the messenger."""
    with ExitStack() as stack:
        tasks = stack.enter_context(serve_tasks(clock=Clock(), grpc=True, require_auth=True))
        vendors = stack.enter_context(
            serve_vendors([load_simulator(part.vendor) for part in (SOURCES["iiko"], MESSENGERS["smsru"])])
        )
        made = Operator(tmp_path, vendors, SOURCES["iiko"], MESSENGERS["smsru"], cloud=Cloud(bundles, firestore, tasks))
        stack.callback(made.log.close)
        yield made


@pytest.fixture
def functions(operator: Operator) -> Iterator[dict[str, Instance]]:
    """The way in and the worker, each with the keys that it may hold."""
    with ExitStack() as stack:
        running = {}
        for name in ("accept", "work"):
            unpacked = operator.bundles.of(operator.functions[name])
            (folder := operator.folder / name).mkdir()
            environment = {**operator.with_keys(*unpacked.secrets), "WORKERS": "1"}
            running[name] = stack.enter_context(serving(unpacked, environment, folder, operator.ports[name]))
        yield running


async def test_from_the_tenant_file_to_the_message(operator: Operator, functions: dict[str, Instance]):
    """Applied by the command line, called by the vendor, queued, worked on under the queue's identity, and shown."""
    file = operator.folder / f"{TENANT}.yaml"
    file.write_text(yaml.safe_dump(operator.tenant(), allow_unicode=True), "utf-8")
    operator.svyazka("apply", str(file), "--yes")
    for name, value in operator.secrets.items():
        operator.svyazka("secret", "set", TENANT, name, given=value)
    hooks = {line["connection"]: str(line["url"]) for line in operator.lines("urls", TENANT)}
    guest = Guest(1)
    webhook = SOURCES["iiko"].webhook(operator.vendors, guest)
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:

        async def called() -> bool:
            """As a vendor that repeats what was not answered with 200: a cold instance on a busy machine says 503."""
            copies = [client.post(hooks["source"], content=webhook.body, headers=webhook.headers) for _ in range(8)]
            return all(answer.status_code == 200 for answer in await asyncio.gather(*copies))

        await until(called, "every copy is taken")
        await until(lambda: MESSENGERS["smsru"].sent(operator.vendors), "the message goes out")
        for headers in ({}, {"Authorization": "Bearer x.y.z"}):
            answer = await client.post(f"{functions['work'].url}/sweep", headers=headers)
            assert answer.status_code == 401, "the worker is the queue's only"
    await until(lambda: operator.lines("deliveries")[0]["status"] == "succeeded", "it is settled")
    assert MESSENGERS["smsru"].sent(operator.vendors) == {guest.phone: 1}
    (event,), (delivery,) = operator.lines("events"), operator.lines("deliveries")
    assert (event["status"], event["deliveries"]) == ("planned", [delivery["id"]])
    for function in functions.values():
        assert function.lines(), "every line of its output is one of ours"
        assert leaks(function.output.read_text()) == []
