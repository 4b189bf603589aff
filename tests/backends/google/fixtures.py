"""Fixtures of everything that runs against Firestore: imported by the conftest.py of each folder that does."""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import cache

import httpx
import pytest

from backends.google.deployment import Deployment, StandIn, stand_in
from backends.google.emulator import emulator
from backends.google.firestore_proxy import FirestoreProxy, proxy

_running = ExitStack()
"""What runs for the rest of this test process. Not in fixtures of session scope: pytest would keep one for each
conftest.py that imports them."""

atexit.register(_running.close)


@cache
def _emulator() -> str:
    """One for each test process: as quick as sharing one, and nobody has to be the last."""
    address = _running.enter_context(emulator())
    # Its first operation takes seconds: not within a test.
    path = f"http://{address}/v1/projects/warm/databases/(default)/documents"
    for content in ({"documentId": "a"}, {"documentId": "b"}):
        httpx.post(f"{path}/warm", params=content, json={}, headers={"Authorization": "Bearer owner"}, timeout=60)
    return address


@cache
def _cloud_tasks() -> StandIn:
    return _running.enter_context(stand_in())


@pytest.fixture
def firestore(monkeypatch: pytest.MonkeyPatch) -> str:
    """The emulator's host:port; it is in the environment too, where the official client looks."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", _emulator())
    return _emulator()


@pytest.fixture
def cloud_tasks() -> StandIn:
    """A Cloud Tasks with REST, gRPC, certificates and a metadata server."""
    return _cloud_tasks()


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
