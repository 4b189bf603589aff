"""YCLIENTS' stand-in, up for a whole file and made anew for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.registry import load_simulator
from simulators.serve import Running, serve


@pytest.fixture(scope="module")
def _stand_in() -> Iterator[Running]:
    with serve([load_simulator("yclients")]) as running:
        yield running


@pytest.fixture
def salon(_stand_in: Running) -> Running:
    """The salon, hurried: its limits don't slow the tests that aren't about them."""
    stand_in = _stand_in.of("yclients")
    stand_in.clear()
    stand_in.a_second = stand_in.a_minute = 10_000
    return _stand_in
