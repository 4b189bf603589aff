"""Fixtures of everything that runs against Firestore: imported by the conftest.py of each folder that does."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from backends.google.deployment import Deployment, StandIn, stand_in
from backends.google.emulator import emulator
from backends.google.firestore_proxy import FirestoreProxy, proxy


@pytest.fixture(scope="session")
def firestore() -> Iterator[str]:
    """The emulator's host:port. One for each test process: as quick as sharing one, and nobody has to be the last."""
    with emulator() as address:
        # Its first operation takes seconds: not within a test.
        path = f"http://{address}/v1/projects/warm/databases/(default)/documents"
        for content in ({"documentId": "a"}, {"documentId": "b"}):
            httpx.post(f"{path}/warm", params=content, json={}, headers={"Authorization": "Bearer owner"}, timeout=60)
        os.environ["FIRESTORE_EMULATOR_HOST"] = address
        yield address
        del os.environ["FIRESTORE_EMULATOR_HOST"]


@pytest.fixture(scope="session")
def cloud_tasks() -> Iterator[StandIn]:
    """A Cloud Tasks with REST, gRPC, certificates and a metadata server."""
    with stand_in() as running:
        yield running


@pytest.fixture
async def google(firestore: str, cloud_tasks: StandIn) -> AsyncIterator[Deployment]:
    """An empty project."""
    made = Deployment(firestore, cloud_tasks)
    yield made
    await made.close()


@pytest.fixture
async def wire(firestore: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FirestoreProxy]:
    """What lies between the product and Firestore: it counts, and it can be cut."""
    async with proxy(firestore) as made:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", made.grpc)
        yield made


@pytest.fixture
async def proxied(wire: FirestoreProxy, cloud_tasks: StandIn) -> AsyncIterator[Deployment]:
    """An empty project behind `wire`."""
    made = Deployment(wire.rest.removeprefix("http://"), cloud_tasks)
    yield made
    await made.close()
