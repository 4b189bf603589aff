"""A webhook function is started cold for almost every call: its vendor's half loads nothing that it can do without."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from svyazka.connectors.registry import CALLS_US

HEAVY = ("httpx", "aiohttp", "phonenumbers", "asyncio", "yaml", "cryptography", "grpc", "google", "requests", "oauth")
OWN = {
    "amocrm": {"facts", "forms"},
    "resend": {"unsubscribe"},
    "rkeeper": {"push", "events", "capture", "statuses"},
    "whatsapp": {"account", "failures", "messages", "statuses"},
    "yclients": {"facts"},
}
"""Modules of its own folder that a webhook loads beside `webhook` and `schema`: none of them calls anybody."""

CODE = """
import importlib, json, sys
loaded = {}
for vendor in sys.argv[1:]:
    before = set(sys.modules)
    importlib.import_module(f"svyazka.connectors.{vendor}.webhook")
    loaded[vendor] = sorted(set(sys.modules) - before)
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """What each brings that those before it hadn't: one interpreter for all of them."""
    done = subprocess.run([sys.executable, "-c", CODE, *CALLS_US], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("vendor", CALLS_US)
def test_the_webhook_imports_nothing_heavy(vendor: str, loaded: dict[str, list[str]]) -> None:
    own = f"svyazka.connectors.{vendor}."
    light = {f"{own}{name}" for name in ("webhook", "schema", *OWN.get(vendor, ()))}
    assert f"{own}webhook" in loaded[vendor]
    assert [name for name in loaded[vendor] if name.split(".")[0] in HEAVY or "oauth" in name] == []
    assert {name for name in loaded[vendor] if name.startswith("svyazka.connectors.") and name.count(".") == 3} <= light
