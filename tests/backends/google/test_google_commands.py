"""Does every command of the command line work against a deployment?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from backends.google.deployment import Deployment, StandIn
from cli.conftest import API_ID, FILE
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.app import build_hub, build_worker
from svyazka.cli.commands import app
from svyazka.engine.security.keyring import SECRET_NAMES, Keyring
from svyazka.settings import Settings

LOCAL = {"run", "simulate", "demo", "console"}
"""Commands of one machine: a deployment has its functions."""

ELSEWHERE = {"auth", "init", "install", "import"}
"""Of OAuth, whose documents and tasks are those of the engine; of a file, which `apply` then takes; of a server of
one's own; of long work, whose documents, blobs and tasks both backends keep alike (the conformance suite)."""

OTHER = "+79991112233"


class Operator:
    """The command line with a deployment's environment, and now and then the worker."""

    def __init__(self, vendors: Running) -> None:
        self.vendors = vendors
        self.used: set[str] = set()

    def __call__(self, *arguments: str, given: str | None = None, status: int = 0) -> str:
        self.used.add(arguments[0])
        done = CliRunner().invoke(app, arguments, input=given, prog_name="svyazka")
        assert done.exit_code == status, f"{arguments}: {done.output}\n{done.exception!r}"
        return done.stdout

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """The JSON lines of a command."""
        return [json.loads(line) for line in self(*arguments, "--json").splitlines()]

    def works(self, *tasks: tuple[str, dict[str, str]]) -> None:
        """What the queue would bring the worker."""

        async def work() -> None:
            hub = build_hub(Settings())
            worker = build_worker(hub)
            try:
                assert [await worker.handle(path, body) for path, body in tasks] == [204] * len(tasks)
            finally:
                await hub.clients.close()
                await hub.store.close()

        asyncio.run(work())


@pytest.fixture
def svyazka(
    firestore: str, cloud_tasks: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Operator]:
    """A tenant in an empty project."""
    deployment = Deployment(firestore, cloud_tasks)
    given = {
        "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": deployment.project, "SVYAZKA_REGION": "europe-west1",
        "SVYAZKA_WORKER_URL": deployment.addressing.worker_url,
        "SVYAZKA_WORKER_ACCOUNT": deployment.addressing.worker_account,
        "SVYAZKA_ALLOWED_NETWORKS": "127.0.0.0/8",  # where the simulators are
        "SVYAZKA_PUBLIC_URL": "https://hooks.example.org", "SVYAZKA_TASKS_GRPC": deployment.tasks.grpc_target or "",
        **{f"SVYAZKA_{name.upper()}_KEYS": Keyring.generate() for name in SECRET_NAMES},
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "kofe.yaml"
    with serve([load_simulator(vendor) for vendor in ("iiko", "smsru")]) as vendors:
        made = Operator(vendors)
        file.write_text(FILE.format(vendors=vendors.url), "utf-8")
        made("apply", str(file), "--yes")
        made("secret", "set", "kofe", "smsru-api-id", given=API_ID)
        yield made
    asyncio.run(deployment.close())


def test_every_command_works_against_a_deployment(svyazka: Operator) -> None:
    checked = {row["check"]: row["status"] for row in svyazka.rows("doctor", "--live", "--fix")}
    assert (checked["store"], "worker" in checked) == ("ok", False)
    assert {row["connection"] for row in svyazka.rows("urls", "kofe")} == {"till", "sms"}
    svyazka("rotate", "till")
    svyazka("rotate", "till", "--finish")
    assert [row["set"] for row in svyazka.rows("secret", "list", "kofe")] == [True]
    assert svyazka.rows("preview", "till", "--type", "order.completed")[0]["prospect"] == "now"

    sent = [svyazka.rows("send", "sms", "--to", to, "--text", "Столик ваш")[0]["id"] for to in ("+79991234567", OTHER)]
    svyazka("pause", "sms")
    svyazka.works(("/plan", {"event": sent[0]}))
    assert [row["status"] for row in svyazka.rows("deliveries")] == ["parked"]
    svyazka("resume", "sms")
    (parked,) = svyazka.rows("deliveries", "--status", "parked")
    svyazka.works(("/perform", {"delivery": parked["id"]}), ("/plan", {"event": sent[1]}))
    assert [row["status"] for row in svyazka.rows("deliveries")] == ["succeeded"] * 2
    assert [row["status"] for row in svyazka.rows("events", "--tenant", "kofe")][-2:] == ["planned"] * 2

    svyazka("replay", parked["id"], "--again")
    (again,) = svyazka.rows("deliveries", "--status", "pending")
    svyazka.vendors.fault("smsru", kind="cut_after", path="/sms/send")
    svyazka.works(("/perform", {"delivery": again["id"]}))
    svyazka("resolve", again["id"], "--as", "succeeded")
    (story,) = svyazka.rows("show", sent[0])
    assert [len(one["attempts"]) for one in story["deliveries"]] == [2]

    assert [row["kind"] for row in svyazka.rows("alerts")] == ["unknown"]
    assert [row["kind"] for row in svyazka.rows("problems", "kofe")] == ["unknown"]
    assert svyazka.rows("retry", "sms")[0]["outcome"] == "no outage"
    (forgotten,) = svyazka.rows("forget", OTHER, "--yes")
    assert (forgotten["events"], forgotten["deliveries"]) == (1, 1)
    (sms,) = [row for row in svyazka.rows("stats") if row["connection"] == "sms"]
    assert sms["deliveries"]["succeeded"] == 2
    assert {"apply", "send", "pause", "resume", "replay", "resolve", "forget"} <= {
        row["action"] for row in svyazka.rows("audit")
    }
    assert "0 calls are held" in svyazka("held", "till")
    assert svyazka.rows("sync", "status", "kofe") == []
    assert svyazka.rows("jobs") == []
    svyazka("diff", "kofe", status=1)  # it has no flow that keeps systems in step
    assert svyazka.used == set(get_command(app).commands) - LOCAL - ELSEWHERE


@pytest.mark.parametrize("command", sorted(LOCAL - {"simulate"}))
def test_what_is_for_one_machine_says_so(svyazka: Operator, command: str) -> None:
    svyazka(command, status=1)
