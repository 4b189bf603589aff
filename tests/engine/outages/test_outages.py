"""An outage is its vendor's only: parked, probed, released at the vendor's rate, told once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from fakes import House, order
from svyazka.engine.contracts.manifest import Limits
from svyazka.model.deliveries import Status
from svyazka.model.errors import MaybeSent
from svyazka.model.outcomes import Retry

DOWN = Retry(code="503", message="down")
HOUR = 3600.0


async def down(orders: int, **flow: object) -> House:
    """A house whose messenger is down, with so many orders waiting."""
    house = House(flow={"expires_after": "30d", **flow})
    house.sms.limits = Limits(10.0, 16)
    await house.settle_in()
    house.sms.script.extend([DOWN] * 10_000)
    await house.post([order(number) for number in range(orders)])
    await house.pass_time(2 * HOUR)
    return house


async def test_a_thousand_parked_deliveries_are_let_go_at_the_connections_rate() -> None:
    house = await down(1000)
    assert {d.status for d in house.deliveries()} == {Status.PARKED}
    house.sms.script.clear()
    begun = house.clock.now()
    await house.pass_time(HOUR, step=10)
    done = [d for d in house.deliveries() if d.status is Status.SUCCEEDED]
    assert len(done) == 1000
    assert len({key for key, _ in house.sms.sent}) == len(house.sms.sent) == 1000
    times = sorted(d.settled_at for d in done if d.settled_at)
    took = (times[-1] - times[1]).total_seconds()
    assert 95 <= took <= 200, f"1 000 at 10 a second, in steps of 10 s: took {took}"
    for start in range(0, int((times[-1] - begun).total_seconds()), 10):
        window = [t for t in times if begun + timedelta(seconds=start) <= t < begun + timedelta(seconds=start + 10)]
        assert len(window) <= 130


async def test_three_days_down_probe_a_bounded_number_of_times_and_tell_twice() -> None:
    house = await down(20, expires_after="24h")
    house.tenant = house.tenant.model_copy(
        update={"alerts": house.tenant.alerts.model_copy(update={"after": timedelta(hours=3)})}
    )
    await house.settle_in()
    house.start()
    before = house.sms.calls
    await house.pass_time(3 * 24 * HOUR, step=600)
    assert house.sms.calls - before < 120, "one probe at a time, hourly at the end"
    assert {d.status for d in house.deliveries()} == {Status.EXPIRED}
    await house.post(order(100))
    await house.pass_time(600)
    house.sms.script.clear()
    await house.pass_time(2 * HOUR)
    assert [d.status for d in house.deliveries() if d.subject == "order:100"] == [Status.SUCCEEDED]
    told = [(alert.kind, alert.stage) for alert in house.alerts() if alert.kind == "outage"]
    assert sorted(told) == [("outage", "down"), ("outage", "recovered")]


async def test_what_an_operator_paused_stays_when_its_connection_recovers() -> None:
    house = await down(3)
    house.tenant = house.tenant.model_copy(update={"paused_connections": ("sms",)})
    await house.settle_in()
    house.sms.script.clear()
    await house.worker.outages.close(house.tenant, "sms")
    await house.pass_time(2 * HOUR)
    assert {d.status for d in house.deliveries()} == {Status.PARKED}
    house.tenant = house.tenant.model_copy(update={"paused_connections": ()})
    await house.settle_in()
    await house.worker.handle("/resume", {"tenant": "kofe", "connection": "sms"})
    await house.pass_time(60)
    assert {d.status for d in house.deliveries()} == {Status.SUCCEEDED}


async def test_a_paused_flow_does_not_hold_up_the_others_release() -> None:
    house = await down(3)
    flow = house.tenant.flows[0]
    second = flow.model_copy(update={"id": "again"})
    house.tenant = house.tenant.model_copy(update={"flows": (flow.model_copy(update={"paused": True}), second)})
    await house.settle_in()
    await house.post(order(50))
    await house.pass_time(600)
    house.sms.script.clear()
    await house.worker.outages.close(house.tenant, "sms")
    await house.pass_time(2 * HOUR)
    by_flow = {(d.flow, d.status) for d in house.deliveries()}
    assert by_flow == {("review_request", Status.PARKED), ("again", Status.SUCCEEDED)}


async def test_a_vendor_that_never_answers_counts_as_down_before_everything_is_unknown() -> None:
    house = House(flow={"expires_after": "30d"})
    await house.settle_in()
    house.sms.script.extend([MaybeSent("timeout")] * 200)
    await house.post([order(number) for number in range(100)])
    await house.pass_time(HOUR)
    states = Counter(d.status for d in house.deliveries() if d.flow != "alerts")
    assert states[Status.UNKNOWN] < 20, "one probe at a time, the rest waits"
    assert states[Status.PARKED] > 80
    house.sms.script.clear()
    await house.pass_time(3 * HOUR)
    states = Counter(d.status for d in house.deliveries() if d.flow != "alerts")
    assert states[Status.SUCCEEDED] > 80
    assert states[Status.PARKED] == 0
