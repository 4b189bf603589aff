"""The accepting process in a thread, over a store of its own, with one tenant whose till is an iiko."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import uvicorn

from svyazka.app import build_hub, local_keyring
from svyazka.apply import commit_apply, plan_apply
from svyazka.backends.local.queue import LocalQueue
from svyazka.backends.local.store import LocalStore
from svyazka.engine.ports.clock import SystemClock
from svyazka.engine.security.keyring import Keyring
from svyazka.model.tenants import ConnectionSpec, FlowSpec, Tenant
from svyazka.server.accept import AcceptApp
from svyazka.server.doorkeeper import Doorkeeper
from svyazka.server.protocol import protocol_of
from svyazka.settings import Settings

TENANT = Tenant(
    id="kofe", name="Кофейня", timezone="Europe/Moscow",
    connections={
        "till": ConnectionSpec(vendor="iiko"),
        "sms": ConnectionSpec(vendor="smsru", settings={"api_id": {"secret": "smsru-api-id"}}),
        "site": ConnectionSpec(
            vendor="http",
            settings={"type": "order.completed", "key": "tranid", "contact": {"name": "Name", "phone": "Phone"}},
        ),
    },
    flows=(
        FlowSpec(
            id="review_request", flow="review_request", sources=("till", "site"), via=("sms",),
            settings={"text": "{name}, спасибо! {review_url}", "review_url": "https://example.org/r"},
        ),
    ),
)  # fmt: skip


@dataclass
class Front:
    """The way in, listening."""

    url: str
    data: Path
    keyring: Keyring

    def hook(self, vendor: str = "iiko", connection: str = "till") -> str:
        return f"{self.url}/webhook_{vendor}?key={self.keyring.mint(vendor, 'kofe', connection)}"


async def settle_in(data: Path, tenant: Tenant = TENANT) -> Keyring:
    """A data folder with keys and a tenant."""
    keyring, store = local_keyring(data), LocalStore.open(data)
    hub = build_hub(Settings(data=data), store=store, queue=LocalQueue(store), keyring=keyring)
    await commit_apply(store, hub.directory, await plan_apply(store, hub.directory, keyring, tenant))
    await store.close()
    return keyring


@contextmanager
def listening(data: Path) -> Iterator[Front]:
    """Serve a data folder on a free loopback port."""
    keyring = asyncio.run(settle_in(data))
    listener = socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    started: Future[None] = Future()
    servers: list[uvicorn.Server] = []

    async def main() -> None:
        store = LocalStore.open(data)
        application = AcceptApp(store, keyring, SystemClock())
        serving = uvicorn.Config(
            application, http=protocol_of(Doorkeeper()), log_level="error", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(serving)
        servers.append(server)
        started.set_result(None)
        await server.serve(sockets=[listener])
        await store.close()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    started.result(20)
    try:
        yield Front(f"http://127.0.0.1:{listener.getsockname()[1]}", data, keyring)
    finally:
        servers[0].should_exit = True
        thread.join(20)
        listener.close()


@asynccontextmanager
async def store_of(front: Front) -> AsyncIterator[LocalStore]:
    """A second view of the same file."""
    store = LocalStore.open(front.data)
    try:
        yield store
    finally:
        await store.close()
