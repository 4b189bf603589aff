"""What does an event cost, counted at the wire? DESIGN 9's budgets, warm."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from backends.google.deployment import Deployment
from backends.google.firestore_proxy import Bill, FirestoreProxy
from backends.google.house import GoogleHouse
from fakes import order
from svyazka.engine.journal.kinds import queries
from svyazka.model.outcomes import Retry

DELAY = 1800


@dataclass(frozen=True)
class Cost:
    """Documents written and read, tasks made."""

    writes: int
    reads: int
    tasks: int


class Meter:
    """Counts from one `start` to the next."""

    def __init__(self, wire: FirestoreProxy, deployment: Deployment) -> None:
        self._wire, self._deployment = wire, deployment
        self.start()

    def start(self) -> None:
        self._wire.bill = Bill()
        self._tasks = self._made()

    def cost(self) -> Cost:
        """Since `start`."""
        return Cost(self._wire.bill.writes, self._wire.bill.reads, self._made() - self._tasks)

    def _made(self) -> int:
        return self._deployment.tasks.call(lambda service: service.stats["created"])


async def warm(deployment: Deployment, wire: FirestoreProxy, **flow: object) -> tuple[GoogleHouse, Meter]:
    """A house that has done one event already."""
    house = GoogleHouse(deployment, flow=flow)
    await house.settle_in()
    await house.post(order(1))
    await house.run()
    await house.live(DELAY + 60)
    return house, Meter(wire, deployment)


async def test_an_event_with_one_immediate_delivery(proxied, wire):
    """Its event, the do-not-contact list, and every few seconds whether the connection is down."""
    house, meter = await warm(proxied, wire)
    await house.post(order(2))
    await house.run()
    assert len(house.sms.sent) == 2
    assert meter.cost() == Cost(writes=4, reads=2, tasks=1)
    house.worker.outages._cache.clear()
    meter.start()
    await house.post(order(3))
    await house.run()
    assert meter.cost() == Cost(writes=4, reads=3, tasks=1)


async def test_once_per_person_adds_one_and_one(proxied, wire):
    house, meter = await warm(proxied, wire, at_most_once_per="30d")
    house.worker.outages._cache.clear()
    await house.post(order(2, phone="+79991234568"))
    await house.run()
    assert len(house.sms.sent) == 2
    assert meter.cost() == Cost(writes=5, reads=4, tasks=1)


async def test_a_delay_adds_one_write_one_read_and_one_task(proxied, wire):
    """Two reads where the connection's state is known: the delivery again, and whether the message is still true."""
    house, meter = await warm(proxied, wire, delay=f"{DELAY}s")
    await house.post(order(2))
    await house.run()
    assert len(house.sms.sent) == 1
    await house.live(DELAY)
    assert len(house.sms.sent) == 2
    assert meter.cost() == Cost(writes=5, reads=4, tasks=2)


async def test_each_retry_adds_two_writes_and_a_task(proxied, wire):
    house, meter = await warm(proxied, wire)
    house.sms.script.append(Retry(code="http_500", message="later", outage=False))
    await house.post(order(2))
    await house.run()
    first = meter.cost()
    assert (first.writes, first.tasks) == (4, 2)
    meter.start()
    await house.live(120)
    assert len(house.sms.sent) == 2
    retry = meter.cost()
    assert (retry.writes, retry.tasks) == (2, 0)


async def test_a_receipt_takes_at_most_three_writes(proxied, wire):
    house, meter = await warm(proxied, wire)
    delivery = (await house.owed())[0]
    await house.receipt("delivered", str(delivery.external_id))
    await house.run()
    assert (await house.owed())[0].receipt == "delivered"
    cost = meter.cost()
    assert cost.writes <= 3
    assert cost.tasks == 1


async def test_an_ignored_event_is_one_write(proxied, wire):
    house, meter = await warm(proxied, wire)
    answer = await house.post(order(2, status="cooking"))
    await house.run()
    assert b"ignored" in answer.body
    assert meter.cost() == Cost(writes=1, reads=0, tasks=0)


async def test_a_duplicate_of_a_planned_one_is_one_read(proxied, wire):
    house, meter = await warm(proxied, wire)
    answer = await house.post(order(1))
    await house.run()
    assert b"duplicate" in answer.body
    assert meter.cost() == Cost(writes=0, reads=1, tasks=0)


@pytest.mark.parametrize("key", ["", "nonsense", "1.kofe.till.1." + "a" * 32])
async def test_a_forged_key_costs_nothing(proxied, wire, key):
    house, meter = await warm(proxied, wire)
    assert (await house.post(order(2), key=key)).status == 401
    assert meter.cost() == Cost(writes=0, reads=0, tasks=0)


async def test_a_sweep_with_nothing_to_do_is_a_query_for_each_kind_that_can_be_due(proxied, wire):
    house, meter = await warm(proxied, wire)
    await house.swept()
    assert meter.cost().writes == 1, "the first of an installation lays out the vault's lock"
    meter.start()
    await house.swept()
    sweeps = [query for query in queries() if query.at_most == "wake_at" and not query.equal]
    assert meter.cost() == Cost(writes=0, reads=len(sweeps), tasks=0)
