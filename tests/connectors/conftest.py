"""Every vendor's stand-in by its name, up for a whole file and made anew for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from simulators.registry import load_simulator
from simulators.serve import Running, serve

AT_ONCE = 100_000
TOKEN = "long-lived-token-for-tests"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Callable[[str], Running]]:
    """One that is up as soon as it is asked for."""
    with ExitStack() as stack:
        up: dict[str, Running] = {}

        def running(vendor: str) -> Running:
            if vendor not in up:
                up[vendor] = stack.enter_context(serve([load_simulator(vendor)]))
            up[vendor].of(vendor).clear()
            return up[vendor]

        yield running


StandIn = Callable[[str], Running]


@pytest.fixture
def smsru(stand_in: StandIn) -> Running:
    return stand_in("smsru")


@pytest.fixture
def exolve(stand_in: StandIn) -> Running:
    return stand_in("exolve")


@pytest.fixture
def resend(stand_in: StandIn) -> Running:
    return stand_in("resend")


@pytest.fixture
def invoicebox(stand_in: StandIn) -> Running:
    return stand_in("invoicebox")


@pytest.fixture
def whatsapp(stand_in: StandIn) -> Running:
    return stand_in("whatsapp")


@pytest.fixture
def telegram(stand_in: StandIn) -> Running:
    return stand_in("telegram")


@pytest.fixture
def bot(stand_in: StandIn) -> Running:
    """MAX."""
    return stand_in("max")


@pytest.fixture
def amo(stand_in: StandIn) -> Running:
    """The account's stand-in, with a long-lived token and no limit of calls."""
    running = stand_in("amocrm")
    running.of("amocrm").grants.long_lived.add(TOKEN)
    running.of("amocrm").pace.per_second = AT_ONCE
    return running


@pytest.fixture
def salon(stand_in: StandIn) -> Running:
    """The salon, hurried: its limits don't slow the tests that aren't about them."""
    running = stand_in("yclients")
    running.of("yclients").a_second = running.of("yclients").a_minute = AT_ONCE
    return running


@pytest.fixture
def portal(stand_in: StandIn) -> Running:
    """Bitrix24, with a bucket that never overflows."""
    running = stand_in("bitrix24")
    running.of("bitrix24").bucket.holds = AT_ONCE
    return running
