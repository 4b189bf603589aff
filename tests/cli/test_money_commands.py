"""What the commands about money say to a person who types as people do."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from cli.conftest import Installation
from svyazka.cli.checks.receipts import unsaid_vat
from svyazka.cli.commands.reconcile import _told
from svyazka.connectors.registry import load_manifest
from svyazka.engine.rules.reconciling import Month
from svyazka.model.tenants import FlowSpec


def test_a_sum_may_have_a_comma(hub: Installation) -> None:
    assert "1049.30" in hub.svyazka("refund", "pay_none", "--amount", "1,5,0", "--dry-run", status=2).output
    assert "pay_none" in hub.svyazka("refund", "pay_none", "--amount", "1,5", "--dry-run", status=1).output


def test_a_month_without_payments_is_not_one_that_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    whose: Any = SimpleNamespace(id="kofe", name="kassa")
    assert not _told(whose, whose, date(2026, 10, 1), Month(0, 0, 0, 0, ()), as_json=False)
    said = capsys.readouterr()
    assert "no payments in 2026-10" in said.out + said.err
    assert not _told(whose, whose, date(2026, 10, 1), Month(100, 100, 0, 1, ()), as_json=False)
    said = capsys.readouterr()
    assert "adds up" in said.out + said.err


@pytest.mark.parametrize(
    ("vendor", "via", "flow", "given", "warned"),
    [
        ("yookassa", ("kassa",), {}, {}, True), ("yookassa", ("kassa",), {}, {"vat": "none"}, False),
        ("yookassa", ("kassa",), {"receipt": False}, {}, False), ("yookassa", ("other",), {}, {}, False),
        ("yookassa", ("kassa", "cheki"), {}, {}, False), ("atol", ("kassa", "cheki"), {}, {}, True),
        ("tbank", ("kassa",), {}, {}, True), ("cloudpayments", ("kassa",), {}, {}, True),
        ("telegram", ("kassa",), {}, {}, False),
    ],
)  # fmt: skip
def test_a_vat_that_nobody_has_named_is_said_by_the_doctor(
    vendor: str, via: tuple[str, ...], flow: dict[str, Any], given: dict[str, Any], warned: bool
) -> None:
    manifest, name = load_manifest(vendor), "cheki" if vendor == "atol" else "kassa"
    connections = {"kassa": "yookassa", "cheki": "atol", "other": "yookassa"}
    spec = FlowSpec(id="pay", flow="take_payment", sources=("site",), via=via, settings=flow)
    tenant = SimpleNamespace(
        id="kofe", flows=(spec,), connections={one: SimpleNamespace(vendor=it) for one, it in connections.items()}
    )
    settings = manifest.settings.model_construct(set(given), **given)
    account: Any = SimpleNamespace(tenant=tenant, name=name, manifest=manifest, settings=settings)
    found = unsaid_vat(account)
    assert [one.check for one in found] == (["vat"] if warned else [])
    assert all("none" in one.message for one in found)
