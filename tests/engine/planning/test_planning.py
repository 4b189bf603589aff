"""From an event to obligations: one commit, whoever else is at it; what can't be planned waits and is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fakes import START, TILL, House, MemoryStore, order
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.engine.contracts.manifest import Limits
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import Route
from svyazka.engine.operating.operator import Operator
from svyazka.engine.operating.send import request_send
from svyazka.engine.planning.planner import Planner
from svyazka.engine.ports.store import Replace, Task, Write
from svyazka.flows.review_request import ReviewRequest
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.errors import Conflict, SourceUnavailable, Unavailable
from svyazka.model.events import Entity, Event, EventRecord, EventStatus, EventType, Fact
from svyazka.model.outcomes import Blocked, Retry
from svyazka.model.tenants import ConnectionSettings, ConnectionSpec

HOUR = 3600.0


class Meddling(MemoryStore):
    """Somebody else writes just before the n-th commit from now."""

    def __init__(self) -> None:
        super().__init__()
        self.meddlers: list[Any] = []

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        if self.meddlers and writes:
            meddler = self.meddlers.pop(0)
            if meddler is not None:
                await meddler(writes)
        return await super().commit(writes, tasks)


async def house_over(store: MemoryStore, **flow: Any) -> House:
    house = House(store, flow=flow)
    await house.settle_in()
    return house


def touched(store: Meddling, kind: str) -> Any:
    """As the sweep touches a document: the same content, a new version."""

    async def touch(writes: Sequence[Write]) -> None:
        for key, document in list(store.documents.items()):
            if key[0] == kind:
                store._apply(Replace(document))

    return touch


# One commit


async def test_an_event_that_the_sweep_touched_meanwhile_is_planned_all_the_same() -> None:
    store = Meddling()
    house = await house_over(store)
    await house.post(order())
    store.meddlers = [touched(store, "events")] * 2
    await house.run()
    assert [record.status for record in house.events()] == [EventStatus.PLANNED]
    assert len(house.sms.sent) == 1
    assert len(house.deliveries()[0].attempts) == 1


async def test_a_claim_that_lost_its_commit_leaves_no_trace_of_itself() -> None:
    store = Meddling()
    house = await house_over(store, at_most_once_per="30d")
    await house.post(order())
    store.meddlers = [touched(store, "events")]
    await house.worker.handle("/plan", house.store.tasks.pop(0).body)
    (delivery,) = house.deliveries()
    assert (delivery.status, delivery.claim, delivery.attempts, delivery.reservation) == (Status.PENDING, 0, (), None)
    assert house.sms.calls == 0
    await house.run()
    assert house.deliveries()[0].status is Status.SUCCEEDED


async def test_a_slot_is_given_back_however_the_commit_ends() -> None:
    store = Meddling()
    house = await house_over(store)
    house.sms.limits = Limits(1e9, 1)

    async def broken(writes: Sequence[Write]) -> None:
        raise Unavailable("the store is down")

    for number in range(4):
        await house.post(order(number))
        store.meddlers = [broken]
        assert await house.worker.handle("/plan", house.store.tasks[-1].body) == 503
    await house.pass_time(120)
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}
    assert len(house.sms.sent) == 4


async def test_whoever_planned_it_first_is_left_to_it(house: House) -> None:
    await house.post(order())
    (task,) = house.store.tasks
    house.store.tasks.clear()
    await asyncio.gather(*(house.worker.handle(task.path, task.body) for _ in range(50)))
    await house.run()
    assert len(house.deliveries()) == len(house.sms.sent) == 1


async def test_several_flows_of_one_event_each_get_theirs_though_one_delivery_is_there_already() -> None:
    house = House()
    (flow,) = house.tenant.flows
    second = flow.model_copy(update={"id": "second"})
    house.tenant = house.tenant.model_copy(update={"flows": (flow, second)})
    await house.settle_in()
    await house.post(order(1, revision=1))
    await house.run()
    gone = next(
        key for key, d in house.store.documents.items() if key[0] == "deliveries" and d.fields["flow"] == "second"
    )
    house.store.documents.pop(gone)
    await house.post(order(1, revision=2))
    await house.run()
    assert sorted(d.flow for d in house.deliveries()) == ["review_request", "second"]
    assert len(house.sms.sent) == 3


async def test_what_never_holds_still_is_left_to_the_queue() -> None:
    store = Meddling()
    house = await house_over(store)
    await house.post(order())
    store.meddlers = [touched(store, "events")] * 100
    assert await house.worker.handle(house.store.tasks[0].path, house.store.tasks[0].body) == 503
    store.meddlers.clear()
    await house.run()
    assert len(house.sms.sent) == 1


# What can't be planned now


class AskedTill(Reading[ConnectionSettings]):
    """Asked before planning; `trouble` is what it answers."""

    trouble: Exception | None = None

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    async def read(self, entity: Entity, call: Call[ConnectionSettings]) -> Fact | None:
        if self.trouble is not None:
            raise self.trouble
        return None


async def test_a_mistake_in_a_flow_delays_its_events_and_somebody_is_told_when_it_never_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = ReviewRequest.plan

    def broken(*args: object) -> None:
        raise ZeroDivisionError("+79991234567")

    monkeypatch.setattr(ReviewRequest, "plan", broken)
    await house.post(order(1))
    await house.run()
    (record,) = house.events()
    assert (record.status, record.plan_attempts) == (EventStatus.ACCEPTED, 1)
    assert record.reason == "our planning failed (ZeroDivisionError)"
    assert [task.due for task in house.store.tasks] == [START + timedelta(seconds=30)], "no haste"
    await house.pass_time(8 * 24 * HOUR, step=1800)
    (record,) = house.events()
    assert record.status is EventStatus.QUARANTINED
    assert (record.wake_at, record.expire_at) != (None, None)
    assert [alert.kind for alert in house.alerts()] == ["quarantined"]
    monkeypatch.setattr(ReviewRequest, "plan", plan)
    await house.post(order(2))
    await house.run()
    assert len(house.sms.sent) == 1


async def test_a_source_that_fails_in_a_way_nobody_foresaw_is_waited_for_and_then_the_webhook_is_believed() -> None:
    house = House()
    till = AskedTill()
    till.trouble = KeyError("whatever")
    house.manifests["till"] = replace(TILL, reading=till)
    house.start()
    await house.settle_in()
    await house.post(order())
    await house.pass_time(5 * HOUR, step=600)
    assert house.sms.sent == []
    await house.pass_time(2 * HOUR, step=600)
    assert len(house.sms.sent) == 1


async def test_settings_that_cannot_be_used_hold_events_up_and_are_told_once() -> None:
    house = House()
    good = house.tenant
    bad = ConnectionSpec(vendor="sms", settings={"nonsense": 1})
    house.tenant = good.model_copy(update={"connections": {**good.connections, "sms": bad}})
    await house.settle_in()
    await house.post([order(1), order(2)])
    await house.pass_time(HOUR)
    assert [record.status for record in house.events()] == [EventStatus.ACCEPTED] * 2
    assert [(alert.kind, alert.stage) for alert in house.alerts()] == [("settings", "first")]
    house.tenant = good
    await house.settle_in()
    await house.pass_time(HOUR)
    assert len(house.sms.sent) == 2


async def test_settings_that_cannot_be_used_block_what_was_planned_and_let_it_go_when_they_are_mended(
    house: House,
) -> None:
    house.sms.script.append(Retry(code="500", message="busy"))
    await house.post(order())
    await house.run()
    good = house.tenant
    bad = ConnectionSpec(vendor="sms", settings={"nonsense": 1})
    house.tenant = good.model_copy(update={"connections": {**good.connections, "sms": bad}})
    await house.settle_in()
    await house.pass_time(HOUR)
    (delivery,) = [d for d in house.deliveries() if d.flow != "alerts"]
    assert (delivery.status, delivery.last_error and delivery.last_error.code) == (Status.BLOCKED, "settings")
    assert [alert.kind for alert in house.alerts()] == ["settings"]
    house.tenant = good
    await house.settle_in()
    await house.worker.handle("/resume", {"tenant": "kofe", "connection": "sms"})
    await house.pass_time(60)
    assert len(house.sms.sent) == 1


async def test_an_old_event_that_is_replayed_has_its_seven_days_too() -> None:
    house = House()
    till = AskedTill()
    house.manifests["till"] = replace(TILL, reading=till)
    house.start()
    await house.settle_in()
    await house.post(order())
    house.clock.step(10 * 24 * HOUR)
    house.hub.directory.forget()
    till.trouble = SourceUnavailable("down")
    event = house.events()[0].event
    bare = event.model_copy(update={"contact": None, "partial": True})
    version = house.store.documents["events", event.id].version
    replayed = EventRecord(event=bare, status=EventStatus.ACCEPTED, wake_at=house.clock.now())
    await house.store.commit([journal.replace(replayed, version)])
    till.trouble.outcome = Blocked(code="401", message="not authorised", remedy="svyazka auth")
    await house.run()
    (record,) = house.events()
    assert (record.status, record.plan_attempts) == (EventStatus.ACCEPTED, 1)


async def test_a_message_that_was_asked_for_through_a_connection_that_is_gone_hangs_nowhere(house: House) -> None:
    operator = Operator(house.hub, lambda vendor: None, "root")
    await request_send(operator, house.tenant, "sms", Contact(phone="+79991234567"), {"text": "Привет"}, "+79991234567")
    connections = {name: spec for name, spec in house.tenant.connections.items() if name != "sms"}
    house.tenant = house.tenant.model_copy(update={"connections": connections})
    await house.store.commit([Replace(d) for d in [_tenant(house)]])
    assert await house.run() > 0
    (record,) = house.events()
    assert "has no connection sms" in (record.reason or "")


def _tenant(house: House) -> Any:
    return journal.document(house.tenant, house.store.documents["tenants", "kofe"].version)


async def test_an_event_of_a_tenant_that_is_gone_is_settled(house: House) -> None:
    await house.post(order())
    house.store.documents.pop(("tenants", "kofe"))
    await house.run()
    (record,) = house.events()
    assert (record.status, record.reason) == (EventStatus.PLANNED, "the tenant is gone")


async def test_an_unknown_event_or_delivery_is_nothing(house: House) -> None:
    for path, body in (
        ("/plan", {"event": "evt_x"}),
        ("/perform", {"delivery": "dlv_x"}),
        ("/quarantined", {"raw": "x"}),
    ):
        assert await house.worker.handle(path, body) == 204


async def test_every_route_that_a_task_may_name_is_work_that_the_worker_knows(house: House) -> None:
    """And a path outside the table is answered 404: a typo would be lost work."""
    for route in Route:
        with suppress(KeyError):  # of a body that isn't there
            assert await house.worker.handle(route, {}) != 404
    assert await house.worker.handle("/plam", {}) == 404


async def test_no_line_of_the_log_holds_what_a_source_said(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    till = AskedTill()
    till.trouble = SourceUnavailable("guest Пётр is not found")
    house.manifests["till"] = replace(TILL, reading=till)
    await house.post(order())
    await house.run()
    assert "Пётр" not in capsys.readouterr().out
    (record,) = house.events()
    assert "Пётр" in (record.reason or ""), "the journal tells, for those who may read it"


async def test_a_conflict_that_names_nothing_of_ours_is_no_endless_loop(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    async def conflict(*args: object) -> None:
        nonlocal calls
        calls += 1
        raise Conflict([("events", "evt_1")])

    await house.post(order())
    monkeypatch.setattr(Planner, "_commit", conflict)
    assert await house.worker.handle("/plan", house.store.tasks[0].body) == 503
    assert calls == 4
    assert [record.status for record in house.events()] == [EventStatus.ACCEPTED]


# From when ages count


@pytest.mark.parametrize(
    ("origin", "occurred", "base"),
    [
        ("webhook", -5, 0), ("webhook", None, 0), ("poll", -5, -5), ("poll", None, 0), ("import", -5, -5),
        ("salvage", -5, -5), ("salvage", None, 0), ("operator", -5, -5),
    ],
)  # fmt: skip
async def test_what_was_pushed_ages_from_its_arrival_and_what_was_found_from_when_it_happened(
    house: House, origin: Any, occurred: int | None, base: int
) -> None:
    event = Event(
        id="evt_1", tenant="kofe", connection="till", vendor="till", type=EventType.ORDER_COMPLETED, subject="order:1",
        identity="strong", origin=origin, received_at=START, contact=Contact(phone="+79991234567"),
        occurred_at=None if occurred is None else START + timedelta(hours=occurred),
    )  # fmt: skip
    planned = await house.worker.decider.decide(EventRecord(event=event, status=EventStatus.ACCEPTED), house.tenant)
    (delivery,) = planned.deliveries
    assert delivery.base_at == START + timedelta(hours=base)
    assert delivery.guards.expires_at == START + timedelta(hours=base + 24)
