from collections.abc import Iterator

import pytest

from simulators.amocrm import AmocrmSimulator
from simulators.serve import Running, serve

TOKEN = "long-lived-token-for-tests"


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with serve([AmocrmSimulator()]) as up:
        yield up


@pytest.fixture
def amo(served: Running) -> Running:
    """The account's stand-in, fresh, with a long-lived token and no limit of calls."""
    sim = served.of("amocrm")
    sim.clear()
    sim.grants.long_lived.add(TOKEN)
    sim.pace.per_second = 100_000
    return served
