from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backends.google.fixtures import cloud_tasks, firestore
from conformance.harness import Backend
from conformance.harnesses import BACKENDS
from svyazka.engine.ports.store import Store

__all__ = ["cloud_tasks", "firestore"]


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    """Each backend in turn, empty."""
    made = BACKENDS[request.param](request)
    yield made
    await made.close()


@pytest.fixture
def store(backend: Backend) -> Store:
    return backend.store
