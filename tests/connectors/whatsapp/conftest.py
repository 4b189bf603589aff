"""WhatsApp's stand-in, up for a whole file and made anew for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.registry import load_simulator
from simulators.serve import Running, serve


@pytest.fixture(scope="module")
def _stand_in() -> Iterator[Running]:
    with serve([load_simulator("whatsapp")]) as running:
        yield running


@pytest.fixture
def whatsapp(_stand_in: Running) -> Running:
    _stand_in.of("whatsapp").clear()
    return _stand_in
