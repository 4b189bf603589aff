"""The console as it is deployed: its bundle over Firestore, the proxy before it, the worker's queue behind it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from backends.google.deployment import Deployment
from backends.google.fixtures import cloud_tasks, google
from backends.google.http_server import Asked, response, serving
from backends.google.test_google_proxy import AUDIENCE, HEADER, HOST, OWNER, Proxy
from infra.serving import serving as started
from infra.test_bundles_serve import environment
from infra.unpacked import Bundles
from svyazka.engine.journal import documents as journal
from svyazka.engine.security.keyring import Keyring
from svyazka.model.tenants import ConnectionSpec, Person, Tenant

__all__ = ["cloud_tasks", "google"]

MARIA = "maria@example.org"
TENANT = Tenant(
    id="kofe", name="Кофейня на Покровке", timezone="Europe/Moscow",
    connections={"sms": ConnectionSpec(vendor="smsru", settings={"api_id": {"secret": "smsru-api-id"}})},
    people=(Person.model_validate({"name": "Мария", "role": "looker", "google": MARIA}),),
)  # fmt: skip


@dataclass
class Served:
    """The function, and who calls it through the proxy."""

    url: str
    proxy: Proxy

    def browser(self, account: str | None) -> httpx.AsyncClient:
        headers = {"host": HOST, "accept-language": "ru"} | ({HEADER: self.proxy.word(account)} if account else {})
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, trust_env=False)


@pytest.fixture
async def served(google: Deployment, bundles: Bundles, tmp_path: Path) -> AsyncIterator[Served]:
    unpacked, proxy = bundles.of("console"), Proxy()
    await google.store.commit([journal.create(TENANT)])

    async def keys(asked: Asked) -> bytes:
        return response(json.dumps(proxy.keys).encode(), 200)

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(keys))
        given: dict[str, str] = environment(unpacked, {"mint": Keyring.generate()}) | {
            "SVYAZKA_PROJECT": google.project, "SVYAZKA_CONSOLE_AUDIENCE": AUDIENCE, "SVYAZKA_CONSOLE_OWNERS": OWNER,
            "SVYAZKA_PROXY_KEYS_URL": f"{server.url}/iap/verify/public_key",
            "FIRESTORE_EMULATOR_HOST": os.environ["FIRESTORE_EMULATOR_HOST"],
        }  # fmt: skip
        yield Served(stack.enter_context(started(unpacked, given, tmp_path)).url, proxy)


async def test_the_console_is_shown_to_whom_the_proxy_lets_in_and_to_nobody_else(served: Served) -> None:
    pages: dict[str | None, Any] = {}
    for account in (None, "nobody@example.org", MARIA, OWNER):
        async with served.browser(account) as browser:
            # A page sets the cookie for https alone; here it is carried by hand.
            first = await browser.get("/")
            cookie = first.headers.get("set-cookie", "").partition(";")[0]
            systems = await browser.get("/systems", headers={"cookie": cookie})
            people = await browser.get("/people", headers={"cookie": cookie})
            pages[account] = (first.status_code, systems.status_code, people.status_code, systems.text)
    assert [one[:3] for one in pages.values()] == [(401,) * 3, (401,) * 3, (200, 200, 403), (200, 200, 200)]
    assert "sms" not in pages[None][3]
    assert ("Пауза" in pages[MARIA][3], "Пауза" in pages[OWNER][3]) == (False, True)
    assert "Мария" in pages[MARIA][3]
