"""A salon at DIKIDI whose clock is the tests' own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from connectors.support import NOW, calling
from simulators.dikidi import Dikidi
from simulators.serve import Running, serve
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.engine.contracts.calls import Call
from svyazka.model.bookings import WallTime
from svyazka.model.commands import BookVisit
from svyazka.model.contacts import Contact

AT = datetime(2026, 3, 16, 12, 0)
"""A time that is free."""

Calling = Callable[..., AbstractAsyncContextManager[Call[DikidiSettings]]]


@pytest.fixture(scope="package")
def up() -> Iterator[Running]:
    with serve([Dikidi()]) as running:
        yield running


@pytest.fixture
def salon(up: Running) -> Dikidi:
    found: Dikidi = up.of("dikidi")
    found.clear()
    found.ahead = NOW.timestamp() - time.time()
    return found


@pytest.fixture
def widget(up: Running, salon: Dikidi) -> Calling:
    """Calls of one connection; the same `key` is a further try of the same command, the same `memo` the same store."""
    memo: dict[str, Any] = {}

    @asynccontextmanager
    async def make(key: str = "dlv_1.1", **settings: Any) -> AsyncIterator[Call[DikidiSettings]]:
        wanted = DikidiSettings(company=4242, unofficial=True, **settings)
        async with calling(wanted, up.base_url("dikidi"), key=key, memo=memo) as call:
            yield call

    return make


def visit_of(at: datetime = AT, **changes: Any) -> BookVisit:
    """What somebody wants booked."""
    given = {
        "services": ("2001",), "staff": "555", "starts_at": WallTime(clock=at, zone="Europe/Moscow"),
        "person": Contact(name="Мария Иванова", phone="+79991234567"), **changes,
    }  # fmt: skip
    return BookVisit.model_validate(given)
