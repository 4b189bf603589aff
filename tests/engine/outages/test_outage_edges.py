"""Outages where processes die, race or are late: nobody waits for ever, and nobody is left untold."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from fakes import House, order
from svyazka.engine.contracts.manifest import Credentials, Limits
from svyazka.engine.journal import documents as journal
from svyazka.engine.outages.learning import THRESHOLD
from svyazka.engine.ports.store import Put, Replace, Task
from svyazka.engine.worker import Worker
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import Unavailable
from svyazka.model.outages import Outage
from svyazka.model.outcomes import Blocked, Retry
from svyazka.model.tenants import ConnectionSpec

DOWN = Retry(code="503", message="down")
NO_MONEY = Blocked(code="201", message="no money", remedy="top up")
HOUR = 3600.0


async def in_trouble(*outcomes: Any, orders: int = 1, house: House | None = None) -> House:
    house = house or House(flow={"expires_after": "30d"})
    await house.settle_in()
    house.sms.script.extend(outcomes or [DOWN] * 10_000)
    await house.post([order(number) for number in range(orders)])
    await house.pass_time(HOUR)
    return house


def outage(house: House) -> Outage:
    return journal.read(Outage, house.store.documents["outages", "kofe.sms"]).model


def told(house: House) -> list[str]:
    return [alert.stage for alert in sorted(house.alerts(), key=lambda alert: alert.created_at)]


def tasks(house: House, path: str) -> list[Task]:
    return [task for task in house.store.tasks if task.path == path]


# Late and lost


async def test_what_was_parked_by_a_worker_that_had_not_heard_of_the_recovery_goes_out() -> None:
    house = await in_trouble()
    late: Worker = house.worker
    assert await late.outages.of("kofe", "sms") is not None
    house.start()
    house.sms.script.clear()
    await house.worker.outages.close(house.tenant, "sms")
    await house.run()
    await house.post(order(9))
    (task,) = tasks(house, "/plan")
    house.store.tasks.remove(task)
    await late.handle(task.path, task.body)
    assert Status.PARKED in {delivery.status for delivery in house.deliveries()}
    await house.pass_time(60)
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}


async def test_a_failed_attempt_that_parks_after_the_recovery_goes_out() -> None:
    house = await in_trouble()
    house.sms.script.clear()
    late: Worker = house.worker
    (delivery,) = house.deliveries()
    assert delivery.status is Status.PARKED
    outages, hub = late.outages, house.hub

    async def note(*args: object) -> bool:
        """It learns that the connection is down, and then sleeps while another sees it recover."""
        other = Worker(hub).outages
        assert await other.close(house.tenant, "sms")
        await other.releasing.release("kofe", "sms")
        return True

    outages.note = note  # type: ignore[method-assign,assignment]
    held = outage(house)
    house.clock.step((held.next_probe_at - house.clock.now()).total_seconds())
    house.sms.script.append(DOWN)
    await late.handle("/perform", {"delivery": delivery.id})
    house.start()
    await house.pass_time(120)
    assert house.deliveries()[0].status is Status.SUCCEEDED


async def test_a_wake_up_that_comes_to_another_who_had_not_heard_of_the_recovery_is_not_lost() -> None:
    house = await in_trouble()
    late, later = house.worker, Worker(house.hub)
    for one in (late, later):
        assert await one.outages.of("kofe", "sms") is not None
    house.start()
    house.sms.script.clear()
    await house.worker.outages.close(house.tenant, "sms")
    await house.pass_time(HOUR)
    await house.post(order(9))
    (task,) = house.store.tasks
    house.store.tasks.clear()
    await late.handle(task.path, task.body)
    (woken,) = tasks(house, "/perform")
    house.store.tasks.clear()
    await later.handle(woken.path, woken.body)
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED, Status.PARKED}
    await house.run()
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}


@pytest.mark.parametrize("lost", [Unavailable("the queue is down"), SystemExit()], ids=["queue", "process"])
async def test_what_parks_after_the_recovery_goes_out_though_its_wake_up_is_lost(lost: BaseException) -> None:
    house = await in_trouble()
    house.sms.script.clear()
    late: Worker = house.worker
    await house.post(order(9))
    await house.run()
    probe = house.deliveries()[0]
    outages, hub = late.outages, house.hub

    async def note(*args: object) -> bool:
        house.worker = Worker(hub)
        assert await house.worker.outages.close(house.tenant, "sms")
        await house.run()
        return True

    unpark = outages.releasing.unpark

    async def lost_once(delivery: Delivery) -> None:
        outages.releasing.unpark = unpark  # type: ignore[method-assign]
        raise lost

    outages.note = note  # type: ignore[method-assign,assignment]
    outages.releasing.unpark = lost_once  # type: ignore[method-assign]
    house.clock.step((outage(house).next_probe_at - house.clock.now()).total_seconds())
    house.sms.script.append(DOWN)
    with suppress(SystemExit):
        await late.handle("/perform", {"delivery": probe.id})
    house.start()
    await house.pass_time(600)
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}


async def test_whoever_believed_old_settings_for_a_while_is_resumed_with_the_others() -> None:
    """Another instance may park what was resumed a moment before it hears of it."""
    house = House()
    await house.settle_in()
    house.tenant = house.tenant.model_copy(update={"paused_connections": ("sms",)})
    await house.settle_in()
    await house.worker.handle("/resume", {"tenant": "kofe", "connection": "sms"})
    await house.run(limit=1)
    await house.post(order(1))
    await house.worker.handle("/plan", tasks(house, "/plan")[0].body)
    assert house.deliveries()[0].status is Status.PARKED
    house.tenant = house.tenant.model_copy(update={"paused_connections": ()})
    await house.settle_in()
    await house.pass_time(120)
    assert house.deliveries()[0].status is Status.SUCCEEDED


async def test_a_second_resume_is_the_last() -> None:
    house = House()
    await house.settle_in()
    await house.worker.handle("/resume", {"tenant": "kofe", "connection": "sms"})
    assert len(tasks(house, "/resume")) == 1
    await house.pass_time(600)
    assert tasks(house, "/resume") == []


# Who is told


async def test_a_vendor_that_comes_back_to_say_that_it_wants_money_is_told_of() -> None:
    house = await in_trouble(*[DOWN] * (THRESHOLD + 2), *[NO_MONEY] * 100)
    await house.pass_time(HOUR)
    assert outage(house).kind == "blocked"
    assert told(house) == ["blocked"]
    await house.pass_time(10 * HOUR)
    assert told(house) == ["blocked"]
    house.sms.script.clear()
    await house.pass_time(2 * HOUR)
    assert told(house) == ["blocked", "recovered"]


def dies(house: House, state: str, *, after: bool) -> None:
    """The process dies at the commit that brings the outage into this state: just before it, or just after."""
    commit = house.store.commit

    async def dying(writes: Any, tasks: Any = ()) -> list[str]:
        if all(write.document.fields.get("status") != state for write in writes if write.document.kind == "outages"):
            return await commit(writes, tasks)
        if any(write.document.kind == "outages" for write in writes):
            house.store.commit = commit  # type: ignore[method-assign]
            if after:
                await commit(writes, tasks)
            raise SystemExit
        return await commit(writes, tasks)

    house.store.commit = dying  # type: ignore[method-assign]


@pytest.mark.parametrize("after", [False, True], ids=["before it is written", "once it is written"])
async def test_who_dies_while_opening_an_outage_has_told_of_it_or_somebody_else_does(house: House, after: bool) -> None:
    house.sms.script.extend([NO_MONEY] * 10)
    await house.post(order())
    dies(house, "open", after=after)
    with pytest.raises(SystemExit):
        await house.run()
    house.start()
    await house.pass_time(600)
    assert told(house).count("blocked") == after, "what is known of nobody is found anew"
    assert "first" in told(house), "the delivery that it met was lost"


@pytest.mark.parametrize("after", [False, True], ids=["before it is written", "once it is written"])
async def test_who_dies_while_closing_an_outage_leaves_its_end_to_be_told(after: bool) -> None:
    house = await in_trouble()
    await house.pass_time(4 * HOUR)
    assert told(house) == ["down"]
    house.sms.script.clear()
    dies(house, "releasing", after=after)
    with pytest.raises(SystemExit):
        await house.worker.outages.close(house.tenant, "sms")
    house.start()
    await house.pass_time(2 * HOUR)
    assert told(house) == ["down", "recovered"]
    assert house.deliveries()[0].status is Status.SUCCEEDED


async def test_a_conflict_while_settling_is_no_second_failure() -> None:
    house = House()
    await house.settle_in()
    house.sms.script.append(DOWN)
    record, tries = house.worker.recorder._record, []

    async def contended(*args: Any) -> None:
        tries.append(args)
        if len(tries) < THRESHOLD:
            (delivery,) = house.deliveries()
            version = house.store.documents["deliveries", delivery.id].version
            await house.store.commit([Replace(journal.document(delivery, version))])  # the sweep touches it
        await record(*args)

    house.worker.recorder._record = contended  # type: ignore[method-assign]
    await house.post(order())
    await house.run()
    assert house.deliveries()[0].status is Status.RETRYING
    assert ("outages", "kofe.sms") not in house.store.documents


# Connections without a way out


async def test_an_outage_of_a_connection_that_left_the_tenant_file_ends_with_it() -> None:
    house = await in_trouble()
    connections = {name: spec for name, spec in house.tenant.connections.items() if name != "sms"}
    house.tenant = house.tenant.model_copy(update={"connections": connections})
    await house.store.commit([Put(journal.document(house.tenant))])
    await house.pass_time(10 * HOUR)
    assert not outage(house).is_open
    assert told(house) == []
    house.tenant = house.tenant.model_copy(update={"connections": {**connections, "sms": ConnectionSpec(vendor="sms")}})
    await house.settle_in()
    house.sms.script.clear()
    await house.worker.handle("/resume", {"tenant": "kofe", "connection": "sms"})
    await house.pass_time(600)
    assert house.deliveries()[0].status is Status.SUCCEEDED


async def test_a_connection_without_its_credential_is_looked_at_seldom_and_told_of_once() -> None:
    house = House(flow={"expires_after": "30d"})
    house.sms.credentials = Credentials(required=("base_url",))
    await in_trouble(house=house)
    assert house.deliveries()[0].status is Status.BLOCKED
    assert told(house) == ["blocked"]
    writes = house.store.writes
    await house.pass_time(24 * HOUR)
    assert house.store.writes - writes < 60, "hourly at most"
    assert house.sms.calls == 0
    house.sms.script.clear()
    spec = ConnectionSpec(vendor="sms", settings={"base_url": "http://127.0.0.1"})
    house.tenant = house.tenant.model_copy(update={"connections": {**house.tenant.connections, "sms": spec}})
    await house.settle_in()
    await house.worker.handle("/resume", {"tenant": "kofe", "connection": "sms"})
    await house.pass_time(60)
    assert house.deliveries()[0].status is Status.SUCCEEDED
    assert told(house) == ["blocked"], "one success may be chance"
    await house.pass_time(1200)
    assert told(house) == ["blocked", "recovered"]


async def test_settings_that_cannot_be_used_block_and_are_told_and_resume() -> None:
    """After an upgrade, or with a key that is lost: nothing is skipped, and nothing is tried for ever in haste."""
    house = House(flow={"expires_after": "30d"})
    good = house.tenant
    spec = ConnectionSpec(vendor="sms", settings={"nonsense": 1})
    house.tenant = good.model_copy(update={"connections": {**good.connections, "sms": spec}})
    await house.settle_in()
    await house.post(order(1))
    await house.pass_time(HOUR)
    assert [record.status.value for record in house.events()] == ["accepted"]
    assert house.deliveries() == []
    house.tenant = good
    await house.settle_in()
    await house.pass_time(HOUR)
    assert len(house.sms.sent) == 1
    assert house.clock.now() > house.events()[0].event.received_at + timedelta(hours=1)


async def test_what_an_operator_holds_back_is_no_probe_and_keeps_no_other_from_being_one() -> None:
    house = await in_trouble()
    flow = house.tenant.flows[0]
    second = flow.model_copy(update={"id": "second"})
    house.tenant = house.tenant.model_copy(update={"flows": (flow.model_copy(update={"paused": True}), second)})
    await house.settle_in()
    await house.post(order(2))
    await house.pass_time(HOUR)
    house.sms.script.clear()
    await house.pass_time(2 * HOUR)
    states = {(d.flow, d.subject): d.status for d in house.deliveries()}
    assert states["second", "order:2"] is Status.SUCCEEDED
    assert states["review_request", "order:0"] is Status.PARKED
    assert not outage(house).is_open


async def test_a_connection_out_of_its_hours_is_not_probed_and_its_outage_waits_for_them() -> None:
    house = House(flow={"expires_after": "30d"})
    spec = ConnectionSpec(vendor="sms", settings={"retry": {"business_hours": "09:00-18:00"}})
    house.tenant = house.tenant.model_copy(update={"connections": {**house.tenant.connections, "sms": spec}})
    house = await in_trouble(house=house)
    assert outage(house).is_open
    house.clock.step(3 * HOUR)
    await house.pass_time(HOUR)
    calls = house.sms.calls
    await house.pass_time(12 * HOUR, step=600)
    assert house.sms.calls == calls
    house.sms.script.clear()
    await house.pass_time(4 * HOUR, step=300)
    assert house.deliveries()[0].status is Status.SUCCEEDED


async def test_a_long_release_is_one_chain_of_tasks_however_long_it_takes() -> None:
    house = House(flow={"expires_after": "30d"})
    house.sms.limits = Limits(1.0, 16)
    house = await in_trouble(house=house, orders=400)
    house.sms.script.clear()

    async def others_work_meanwhile(seconds: float) -> None:
        """Waiting for one's turn holds nobody else up."""

    house.hub.limiter.rest = others_work_meanwhile
    await house.worker.outages.close(house.tenant, "sms")
    most = 0
    for _ in range(60):
        await house.pass_time(10, step=10)
        most = max(most, len(tasks(house, "/release")))
    assert most == 1
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}
