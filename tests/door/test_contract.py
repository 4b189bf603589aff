"""The front door against its own OpenAPI document: nothing that the document allows fails, nothing else passes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.support import settle_in
from svyazka.backends.local.store import LocalStore
from svyazka.door.callers import SERVER
from svyazka.door.openapi import document
from svyazka.engine.ports.clock import SystemClock
from svyazka.model.tenants import ConnectionSpec, Tenant
from svyazka.server.accept import AcceptApp

WIDE = {"per_address": "999999/m", "per_site": "999999/m"}
TENANT = Tenant(
    id="kofe", name="Кофейня", timezone="Europe/Moscow",
    connections={"web": ConnectionSpec(vendor="site", settings={"limits": WIDE})},
)  # fmt: skip
EXAMPLES = 5
SCHEMA = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig())


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Its address and the server key."""
    data = tmp_path_factory.mktemp("contract")
    keyring = asyncio.run(settle_in(data, TENANT))
    listener = socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    servers: list[uvicorn.Server] = []
    started = threading.Event()

    async def main() -> None:
        store = LocalStore.open(data)
        application = AcceptApp(store, keyring, SystemClock())
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", timeout_graceful_shutdown=1))
        servers.append(server)
        started.set()
        await server.serve(sockets=[listener])
        await store.close()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert started.wait(20)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", keyring.mint(SERVER, "kofe", "web")
    servers[0].should_exit = True
    thread.join(20)
    listener.close()


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck), derandomize=True,
)  # fmt: skip
def test_what_is_said_and_what_is_done_agree(case: schemathesis.Case, front: tuple[str, str]) -> None:
    url, key = front
    case.call_and_validate(
        base_url=url, headers={"X-Site-Secret": key}, timeout=20,
        checks=[not_a_server_error_but_unavailable, status_code_conformance, content_type_conformance,
                response_schema_conformance],
    )  # fmt: skip


def not_a_server_error_but_unavailable(ctx: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """The calendar and the worker aren't there in this test, and 503 says so."""
    if response.status_code != 503:
        not_a_server_error(ctx, response, case)  # type: ignore[arg-type]


def test_the_document_is_served_and_names_every_call(front: tuple[str, str], tmp_path: Path) -> None:
    import httpx

    url, _ = front
    served = httpx.get(f"{url}/ingest/openapi.json", trust_env=False)
    assert served.json() == document()
    assert served.headers["access-control-allow-origin"] == "*"
