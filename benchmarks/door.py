"""The front door: how long whoever leaves his words at a site waits for "accepted", while a CRM is written to."""

from __future__ import annotations

import asyncio
import json
import tempfile
import urllib.request
from pathlib import Path

from benchmarks.driver import drive
from benchmarks.local import milliseconds
from benchmarks.processes import free_port, running
from svyazka.app import build_hub, server_key_of
from svyazka.apply import commit_apply, plan_apply, set_secret
from svyazka.backends.local.queue import LocalQueue
from svyazka.backends.local.store import LocalStore
from svyazka.model.tenants import ConnectionSpec, FlowSpec, Tenant
from svyazka.settings import Settings
from svyazka.way_in import local_keyring

TOGETHER = 8
"""Visitors at a time: more than a business has."""

WARMING = 200

TOKEN = "a-token-of-the-benchmark"


def lead(number: int) -> bytes:
    """What one of many people sends."""
    phone = f"+7999{number % 10_000_000:07d}"
    body = {"name": "Иван", "phone": phone, "text": "Перезвоните мне", "source": "landing"}
    return json.dumps(body, ensure_ascii=False).encode()


def tenant(crm: str) -> Tenant:
    """A site whose leads go into amoCRM."""
    settings = {"subdomain": "kofeinya-test", "token": {"secret": "token"}, "base_url": crm}
    return Tenant(
        id="bench", name="Bench", timezone="Europe/Moscow",
        connections={
            "web": ConnectionSpec(vendor="site", settings={"origins": ["https://example.org"]}),
            "crm": ConnectionSpec(vendor="amocrm", settings=settings),
        },
        flows=(FlowSpec(id="leads", flow="lead_intake", sources=("web",), via=("crm",)),),
    )  # fmt: skip


async def settle_in(data: Path, crm: str) -> str:
    """The tenant in a fresh data folder; the key of its site's own server, whose calls nobody counts."""
    keyring, store = local_keyring(data), LocalStore.open(data)
    hub = build_hub(Settings(data=data), store=store, queue=LocalQueue(store), keyring=keyring)
    await commit_apply(store, hub.directory, await plan_apply(store, hub.directory, keyring, tenant(crm)))
    await set_secret(store, hub.directory, keyring, "bench", "token", TOKEN)
    await store.close()
    key = server_key_of(keyring, "site", "bench", "web", 1)
    assert key is not None
    return key


def _let_in(settings: str) -> None:
    """The CRM's stand-in knows our token from now on."""
    body = json.dumps({"long_lived": [TOKEN]}).encode()
    urllib.request.urlopen(urllib.request.Request(settings, body, {"Content-Type": "application/json"})).close()


def lead_accept(count: int) -> dict[str, object]:
    """Leads through a warm hub: both processes, their CRM's stand-in and the callers on the same machine."""
    with tempfile.TemporaryDirectory() as folder:
        port, vendors, data = free_port(), free_port(), Path(folder) / "data"
        headers = {"X-Site-Secret": asyncio.run(settle_in(data, f"http://127.0.0.1:{vendors}/amocrm"))}
        environment = {"SVYAZKA_DATA": str(data)}
        with (
            running(["-m", "simulators", "--port", str(vendors)], vendors),
            running(["-m", "svyazka.server", "accept", "--port", str(port)], port, environment),
            running(["-m", "svyazka.server", "work"], None, environment),
        ):
            _let_in(f"http://127.0.0.1:{vendors}/_sim/amocrm/settings")
            url = f"http://127.0.0.1:{port}/ingest/lead"
            asyncio.run(drive(url, lambda number: lead(9_000_000 + number), WARMING, TOGETHER, headers))
            driven = asyncio.run(drive(url, lead, count, TOGETHER, headers))
    assert set(driven.statuses) == {202}, driven.statuses
    return {"leads": count, "together": TOGETHER, **milliseconds(driven)}
