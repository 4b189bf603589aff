"""A vendor's folder: the same file names everywhere, each there when the manifest says so, others only by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from svyazka.connectors.registry import CALLS_US, VENDORS, load_manifest

CONNECTORS = Path(__file__).parents[2] / "shared" / "svyazka" / "connectors"

ALWAYS = {"__init__", "settings", "manifest"}
WHERE_IT_IS_CALLED = {"failures", "client"}
OF_A_CAPABILITY = (
    "messenger", "forwarder", "records", "calendar", "visits", "payments", "receipts", "identity", "reading", "polling",
    "doctor", "hook", "access", "signing_in",
)  # fmt: skip
"""Fields of the manifest, each in a file of its name."""

FURTHER = {
    "amocrm": {"cards", "dictionary", "facts", "moving", "values", "watch"},
    "atol": {"document"},
    "bitrix24": {"cards", "dictionary", "facts"},
    "cloudpayments": {"receipt", "shown"},
    "dikidi": {"journal", "office", "sessions", "watch"},
    "http": {"cards", "facts"},
    "iiko": {"checks", "reads", "tables", "tills", "zones"},
    "max": {"authority", "init_data"},
    "resend": {"unsubscribe"},
    "rkeeper": {"capture", "delivery", "events", "push", "statuses", "tills", "white_server"},
    "invoicebox": {"basket", "onboarding", "shipping"},
    "tbank": {"receipt", "shown", "signing"},
    "telegram": {"init_data"},
    "whatsapp": {"account", "messages", "statuses", "templates"},
    "yclients": {"booking", "cards", "facts"},
    "yookassa": {"receipts"},
}
"""What one vendor needs beside the common files. A new name here is a decision: whoever knows one folder knows all."""


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendors_folder_holds_the_common_files_and_no_others_unnamed(vendor: str) -> None:
    manifest = load_manifest(vendor)
    can = {name for name in OF_A_CAPABILITY if getattr(manifest, name) is not None}
    calling = WHERE_IT_IS_CALLED if manifest.failures is not None else set()
    expected = ALWAYS | calling | can | FURTHER.get(vendor, set()) | ({"webhook"} if vendor in CALLS_US else set())
    found = {path.stem for path in (CONNECTORS / vendor).glob("*.py")}
    assert expected - found == set(), f"{vendor}: the manifest speaks of what has no file of its name"
    assert found - expected - {"schema"} == set(), (
        f"{vendor}: belongs into a common file, or into FURTHER with a reason"
    )


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_part_stands_in_the_file_of_its_name(vendor: str) -> None:
    manifest = load_manifest(vendor)
    parts = {name: type(part) for name in OF_A_CAPABILITY if (part := getattr(manifest, name)) is not None}
    assert {name: part.__module__.rpartition(".")[2] for name, part in parts.items()} == {name: name for name in parts}
    assert manifest.settings.__module__.endswith(f"{vendor}.settings")
