"""The kit of failover: a provider that is silent, or known to be down, holds nobody up who waits for a link.

Measured over loopback, with real time: what is promised is seconds.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kits.paying_shop import START, Shop
from kits.test_payments_kit import NAMES, payments_of, till_of
from matrix.hub import Connection, Front, machine
from simulators.serve import Running
from simulators.till import State
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.model.events import EventType
from svyazka.model.payments import OddityKind, PaymentState
from vendors import MESSENGERS, PROVIDERS

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINKS = sorted(name for name in NAMES if Can.LINK in payments_of(name).can)
EVERY = pytest.mark.parametrize("name", LINKS)
AT_MOST = 2.0
"""Seconds from the request to the second provider's link."""


class Two(Shop):
    """The same with two providers, asked in this order."""

    def __init__(self, first: str, second: str, hub: Any) -> None:
        super().__init__(first, hub)
        self.second = second

    async def wait_for_a_link(self, order: str) -> tuple[str | None, float]:
        """What somebody gets who waits in front of a page, and after how many seconds."""
        await self.ask(order)
        (asked,) = [
            one.event for one in await self.hub.events()
            if one.event.type is EventType.PAYMENT_REQUESTED and one.event.data["order"] == order
        ]  # fmt: skip
        begun = time.monotonic()
        standing = await self.hub.worker.at_once.carry_out(asked.id)
        assert standing is not None
        assert standing.payment is not None
        return standing.payment.url, time.monotonic() - begun


def after(name: str) -> str:
    """The provider that stands in for it."""
    return LINKS[(LINKS.index(name) + 1) % len(LINKS)]


@pytest.fixture
def two(tmp_path: Path, empty: Path, front: Front, vendors: Running) -> Callable[..., Any]:
    @asynccontextmanager
    async def opened(first: str, second: str) -> AsyncIterator[Two]:
        sms = MESSENGERS["smsru"]
        for name in (first, second):
            PROVIDERS[name].begin(vendors)
        connections = {
            "site": Connection("site"), "sms": Connection("smsru", sms.settings, sms.secrets),
            "provider": Connection(first, PROVIDERS[first].settings, PROVIDERS[first].secrets),
            "other": Connection(second, PROVIDERS[second].settings, PROVIDERS[second].secrets),
        }  # fmt: skip
        takes = {
            "id": "pay", "flow": "take_payment", "from": ["site"], "via": ["provider", "other"], "receipt": False,
            "return_url": "https://example.org/thanks",
        }  # fmt: skip
        follows = {
            "id": "paid", "flow": "paid_order", "from": ["provider", "other"], "via": ["sms"],
            "text": "Оплачено: {number}, {sum}", "refunded": "Вернули {sum}",
        }  # fmt: skip
        data = shutil.copytree(empty, tmp_path / "data")
        async with machine(data, front, vendors, START, connections, [takes, follows]) as hub:
            yield Two(first, second, hub)

    return opened


@EVERY
async def test_a_silent_provider_gives_way_within_two_seconds_and_one_that_is_known_to_be_down_at_once(
    name: str, two: Callable[..., Any]
) -> None:
    async with two(name, after(name)) as it:
        method, path = it.described.writes["link"]
        it.hub.vendors.fault(name, kind="slow", path=path, method=method, seconds=30.0, times=-1)
        took = []
        for order in ("1", "2", "3"):  # a machine that is busy with other things may be slow itself, not three times
            url, seconds = await it.wait_for_a_link(order)
            assert url is not None
            took.append(seconds)
            if seconds < AT_MOST:
                break
        assert min(took) < AT_MOST, took
        payment = (await it.payments())[0]
        other = payment.attempts[-1]
        assert (payment.state, other.connection, bool(other.url)) == (PaymentState.WAITING, "other", True)
        it.hub.vendors.of(name).faults.clear()
        it.hub.vendors.fault(name, kind="cut_before", path=path, method=method, times=-1)
        for order in ("4", "5", "6", "7"):
            assert (await it.wait_for_a_link(order))[0] is not None
        it.hub.vendors.of(name).calls.clear()
        url, seconds = await it.wait_for_a_link("8")
        assert url is not None
        assert seconds < AT_MOST / 2, f"{seconds:.2f} s"
        assert it.hub.vendors.of(name).calls == [], "its outage is known"


@EVERY
async def test_what_a_silent_provider_has_made_all_the_same_is_paid_by_nobody_or_told(
    name: str, two: Callable[..., Any]
) -> None:
    """Its link was made after we had gone on. Nobody holds it; a liar takes money by it all the same."""
    async with two(name, after(name)) as it:
        method, path = it.described.writes["link"]
        it.hub.vendors.fault(name, kind="cut_after", path=path, method=method, times=1)
        url, _ = await it.wait_for_a_link("1")
        assert url is not None
        payment = await it.payment()
        till, other = till_of(name, it.hub.vendors), till_of(after(name), it.hub.vendors)
        other.pay(other.of(payment.attempts[-1].number))
        orphan = till.of(payment.attempts[0].number)
        till.pay(orphan)
        await it.notify(payment.attempts[0].number)
        await it.hub.pass_time(2)
        payment = await it.payment()
        assert [one.kind for one in payment.oddities] == [OddityKind.PAID_TWICE]
        assert payment.captured.kopecks == 20_000
        await it.refund(payment.id, "100.00")
        await it.hub.pass_time(1)
        payment = await it.payment()
        assert (payment.refunded.kopecks, payment.state) == (10_000, PaymentState.PAID)
        assert till.money() + other.money() == 10_000
        assert State.WAITS not in {one.state for one in (*till.payments.values(), *other.payments.values())}
