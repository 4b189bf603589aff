"""The pages that people read say what the code does."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from cli.conftest import PHONE, Installation, order
from svyazka.cli.commands import COMMANDS, app
from svyazka.connectors.registry import CALLS_US, VENDORS, load_manifest
from svyazka.engine.jobs.steering import start
from svyazka.engine.journal import documents as journal
from svyazka.model.agreements import Agreed
from svyazka.model.money import Money
from svyazka.model.payments import Payment
from svyazka.model.receipts import ReceiptIntent, ReceiptKind
from svyazka.model.requests import SignedIn
from svyazka.model.subscriptions import Subscription
from svyazka.settings import Settings

DOCS = Path(__file__).parent.parent.parent / "docs"
FIELDS = dict(
    re.findall(r"^\| `([a-z -]+)` \| ([a-z_]+(?:, [a-z_]+)+) \|$", (DOCS / "command-line.md").read_text(), re.M)
)


def test_every_setting_stands_in_its_page_with_its_default() -> None:
    rows = re.findall(r"^\| `SVYAZKA_(\w+)` \| (.+?) \| (.+) \|$", (DOCS / "settings.md").read_text(), re.M)
    told = {name.lower(): default.strip("`") for name, default, _ in rows}
    assert told == {name: str(field.default) or "none" for name, field in Settings.model_fields.items()}


def test_every_page_of_a_vendor_says_where_the_data_lies() -> None:
    """For Russian citizens a database abroad is forbidden: nobody connects a vendor without having been told."""
    assert "## Где лежат данные" in (DOCS / "vendors" / "README.md").read_text()
    for vendor in VENDORS:
        page = (DOCS / "vendors" / f"{vendor}.md").read_text()
        assert page.count("**Где лежат данные.**") == page.count("README.md#где-лежат-данные") == 1, vendor
    for page in (DOCS.parent / "README.md", DOCS / "operations.md"):
        assert "152-FZ" in page.read_text()


def test_every_vendor_is_named_where_people_choose() -> None:
    page = (DOCS.parent / "README.md").read_text("utf-8")
    (row,) = re.findall(r"^\| it listens to \|.*\n\|[-|]+\|\n(.+)$", page, re.M)
    listens, writes, _ = row.strip("|").split(" | ")
    for vendor in set(VENDORS) - {"http"}:
        manifest = load_manifest(vendor)
        name = manifest.title.split()[-1]
        if manifest.messenger or manifest.records or manifest.calendar:
            assert name in writes, f"README.md's table lacks {manifest.title} ({vendor}) among what it writes through"
        if not manifest.messenger and manifest.tells != frozenset():
            assert name in listens, f"README.md's table lacks {manifest.title} ({vendor}) among what it listens to"
    assert set(CALLS_US) <= set(VENDORS)


def test_every_command_stands_in_its_page() -> None:
    page = (DOCS / "command-line.md").read_text()
    tables = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert set(commands) == set(COMMANDS)
    for name, command in commands.items():
        for full in [f"{name} {inner}" for inner in getattr(command, "commands", {})] or [name]:
            assert re.search(rf"`{full}\b", tables), f"{full} isn't in docs/command-line.md"


PAID = Payment(
    id="pay_" + "0" * 24, tenant="kofe", connection="site", flow="pay", event="evt_1", order="42",
    amount=Money(kopecks=104930), created_at=datetime.now(UTC), changed_at=datetime.now(UTC),
)  # fmt: skip

OWED = ReceiptIntent(
    id="rct_" + "0" * 24 + "-t1-sale", tenant="kofe", payment=PAID.id, transaction="t1", kind=ReceiptKind.SALE,
    connection="cheki", vendor="atol", flow="pay", event="evt_1", order="42", amount=PAID.amount,
    owed_since=PAID.created_at, created_at=PAID.created_at, changed_at=PAID.created_at,
)  # fmt: skip

SUBSCRIBED = Subscription(
    id="sub_" + "0" * 24, tenant="kofe", connection="site", flow="pay", event="evt_1", number="42", every="month",
    amount=Money(kopecks=104930), agreed=Agreed(text="Согласна", at=datetime.now(UTC), where="site", event="evt_1"),
    first=PAID.id, zone="Europe/Moscow", anchor="2026-01-31", due_at=datetime.now(UTC), since=datetime.now(UTC),
    created_at=datetime.now(UTC), changed_at=datetime.now(UTC),
)  # fmt: skip


IN = SignedIn(id="5" * 64, who="ivan", began_at=datetime.now(UTC), expire_at=datetime.now(UTC) + timedelta(hours=12))


@pytest.mark.parametrize("command", sorted(FIELDS.keys() - {"demo", "reconcile", "partner turnover"}))
def test_the_documented_fields_are_the_printed_ones(hub: Installation, command: str) -> None:
    (event,) = hub.done([7])
    hub.done(order())
    arguments = {
        "urls": ["kofe"], "show": [event], "apply": [str(hub.write()), "--dry-run"], "secret list": ["kofe"],
        "preview": ["till"], "replay": [event, "--dry-run"], "forget": [PHONE, "--yes"],
        "send": ["sms", "--to", PHONE, "--text", "x"],
    }  # fmt: skip
    if command == "jobs":
        hub.opened(lambda worker, store: start(worker.hub, "kofe", "rows", "", "job_1"))
    if command == "payments":
        hub.opened(lambda worker, store: store.commit([journal.create(PAID)]))
    if command == "subscriptions":
        hub.opened(lambda worker, store: store.commit([journal.create(SUBSCRIBED)]))
    if command == "receipts":
        hub.opened(lambda worker, store: store.commit([journal.create(OWED)]))
    if command == "sign-ins":
        hub.opened(lambda worker, store: store.commit([journal.create(IN)]))
    hub.file.write_text(hub.file.read_text("utf-8").replace("Кофейня", "Чайная"), "utf-8")
    result = hub.svyazka(
        *command.split(), *arguments.get(command, []), "--json", status=1 if command == "replay" else 0
    )
    assert ", ".join(json.loads(result.stdout.splitlines()[0])) == FIELDS[command]


def test_the_page_names_the_fields_of_each_command() -> None:
    """Of `reconcile` and `partner turnover` they are seen where there is a provider:
    `tests/backends/google/test_google_commands.py`, `test_partner.py`."""
    assert len(FIELDS) == 23
