"""Does every command of the command line work against a deployment?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from backends.google.deployment import Deployment, StandIn
from cli.conftest import API_ID, FILE
from fake_provider import FakeProvider, There, known
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.app import build_hub, build_worker
from svyazka.cli.commands import app
from svyazka.engine.journal import documents as journal
from svyazka.engine.security.keyring import SECRET_NAMES, Keyring
from svyazka.model.base import Stored
from svyazka.model.in_step import Link, Record, Side, link_id, record_id
from svyazka.model.money import Money
from svyazka.model.payments import (
    Attempt,
    By,
    Payment,
    PaymentState,
    Transaction,
    TransactionKind,
    TransactionStatus,
    attempt_number,
)
from svyazka.model.records import RecordKind
from svyazka.model.seen import SeenState
from svyazka.settings import Settings

LOCAL = {"run", "simulate", "demo", "console"}
"""Commands of one machine: a deployment has its functions."""

ELSEWHERE = {"auth", "init", "install", "import", "partner", "ship"}
"""Of OAuth, whose documents and tasks are those of the engine; of a file, which `apply` then takes; of a server of
one's own; of long work, whose documents, blobs and tasks both backends keep alike (the conformance suite); of a
vendor's partner, which keeps what it is told as `secret set` does."""

OTHER = "+79991112233"
PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"

HOUSE = """\
id: dom
name: Дом
timezone: Europe/Moscow
connections:
  kassa: {vendor: provider}
  salon: {vendor: yclients, company_id: "1"}
  crm: {vendor: amocrm, subdomain: demo}
  site: {vendor: site}
flows:
  - {flow: take_payment, id: pay, from: [site], via: [kassa]}
  - {flow: sync_contacts, between: [salon, crm]}
"""

PAID = "pay_" + "0a" * 12


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

    def keeps(self, *documents: Stored) -> None:
        """What the journal holds from earlier days."""

        async def write() -> None:
            store = build_hub(Settings()).store
            try:
                await store.commit([journal.create(one) for one in documents])
            finally:
                await store.close()

        asyncio.run(write())

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


def test_every_command_works_against_a_deployment(
    svyazka: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = {row["check"]: row["status"] for row in svyazka.rows("doctor", "--live", "--fix")}
    assert (checked["store"], "worker" in checked) == ("ok", False)
    assert {row["connection"] for row in svyazka.rows("urls", "kofe")} == {"till", "sms"}
    svyazka("rotate", "till")
    svyazka("rotate", "till", "--finish")
    assert [row["set"] for row in svyazka.rows("secret", "list", "kofe")] == [True]
    svyazka("qr", "https://example.org/menu", "--out", str(tmp_path / "menu.svg"))
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
    assert svyazka.rows("sign-ins") == []
    assert svyazka.rows("jobs") == []
    svyazka("diff", "kofe", status=1)  # it has no flow that keeps systems in step
    _money_goes_back(svyazka, tmp_path, monkeypatch)
    _cards_are_taken_apart(svyazka)
    assert svyazka.used == set(get_command(app).commands) - LOCAL - ELSEWHERE


def _money_goes_back(svyazka: Operator, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, hundred, number = datetime.now(UTC), Money(kopecks=10_000), attempt_number(PAID, 1)
    kassa = FakeProvider("provider", lambda: datetime.now(UTC))
    kassa.there["p1"] = There("p1", number, hundred, SeenState.PAID, now)
    known(kassa, monkeypatch)
    file = folder / "dom.yaml"
    file.write_text(HOUSE, "utf-8")
    svyazka("apply", str(file), "--yes")
    by = Attempt(n=1, connection="kassa", vendor="provider", by=By.LINK, number=number, external_id="p1")
    came = Transaction(
        id="t1", kind=TransactionKind.PURCHASE, attempt=1, status=TransactionStatus.DONE, amount=hundred, at=now
    )
    svyazka.keeps(
        Payment(
            id=PAID, tenant="dom", connection="site", flow="pay", event="evt_1", order="42", amount=hundred,
            attempts=(by,), transactions=(came,), state=PaymentState.PAID, created_at=now, changed_at=now,
        )
    )  # fmt: skip
    assert [row["state"] for row in svyazka.rows("payments", "--tenant", "dom")] == ["paid"]
    (said,) = svyazka.rows("refund", PAID, "--amount", "40.00", "--dry-run")
    (begun,) = svyazka.rows("refund", PAID, "--amount", "40.00", "--confirm", said["confirm"])
    svyazka("refund", PAID, "--amount", "40.00", "--confirm", said["confirm"], status=1)  # a word is good once
    svyazka.works(("/perform", {"delivery": begun["delivery"]}), ("/pay", {"payment": PAID}))
    assert [one.amount.text for one in kassa.there["p1"].refunds.values()] == ["40.00"]
    (row,) = svyazka.rows("payments", PAID)
    assert (row["state"], row["refunded"]) == ("part_refunded", "40.00")
    month = f"{now.astimezone(ZoneInfo('Europe/Moscow')):%Y-%m}"
    (row,) = svyazka.rows("reconcile", "payments", "dom", "--month", month)
    assert (row["ours"], row["theirs"], row["differences"]) == ("60.00", "60.00", [])
    assert (svyazka.rows("receipts"), svyazka.rows("subscriptions")) == ([], [])
    assert f"| `reconcile` | {', '.join(row)} |" in PAGE.read_text("utf-8")


def _cards_are_taken_apart(svyazka: Operator) -> None:
    first, second = (link_id("dom", RecordKind.CONTACT, *card) for card in (("salon", "7"), ("crm", "123")))
    whole = Record(
        id=record_id(first), tenant="dom", kind=RecordKind.CONTACT,
        sides={"salon": Side(object="7"), "crm": Side(object="123")}, created_at=datetime.now(UTC),
    )  # fmt: skip
    links = (
        Link(id=id_, tenant="dom", kind=RecordKind.CONTACT, connection=name, object=object_, record=whole.id)
        for id_, name, object_ in ((first, "salon", "7"), (second, "crm", "123"))
    )
    svyazka.keeps(whole, *links)
    assert [len(row["sides"]) for row in svyazka.rows("links", "dom")] == [2]
    svyazka("unmerge", "dom", "sync_contacts", whole.id, "crm/123", "--yes")
    (apart,) = svyazka.rows("links", "dom", "--card", "crm/123")
    assert apart["record"] != whole.id


@pytest.mark.parametrize("command", sorted(LOCAL - {"simulate"}))
def test_what_is_for_one_machine_says_so(svyazka: Operator, command: str) -> None:
    svyazka(command, status=1)
