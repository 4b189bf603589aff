"""What stands between a delivery and its call: its flow, its connection, its hours, its account's calls at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from fakes import START, House, order
from svyazka.engine.contracts.manifest import Credentials, Limits
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.engine.telling import alerts
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.outcomes import Retry
from svyazka.model.tenants import Addressee, ConnectionSpec

S = Status
HOUR = 3600.0


async def settled(settings: Mapping[str, Any], **flow: Any) -> House:
    house = House(flow=flow)
    spec = ConnectionSpec(vendor="sms", settings=dict(settings))
    house.tenant = house.tenant.model_copy(update={"connections": {**house.tenant.connections, "sms": spec}})
    await house.settle_in()
    return house


def only(house: House) -> Delivery:
    (delivery,) = house.deliveries()
    return delivery


async def test_a_box_that_is_off_at_night_is_called_in_its_hours_only() -> None:
    house = await settled({"retry": {"business_hours": "09:00-18:00"}}, expires_after="3d")
    house.clock.step(4 * HOUR)  # 19:00 in Moscow
    await house.post(order())
    await house.pass_time(13 * HOUR)
    assert house.sms.calls == 0
    await house.pass_time(2 * HOUR)
    assert only(house).settled_at == START + timedelta(hours=18)


async def test_a_connections_own_retries_take_the_place_of_the_houses() -> None:
    house = await settled({"retry": {"delays": ["10m"], "horizon": "1h"}}, expires_after="3d")
    house.sms.script.extend([Retry(code="500", message="busy", outage=False)] * 100)
    await house.post(order())
    await house.pass_time(2 * HOUR)
    assert only(house).status is S.DEAD
    times = [round((a.started_at - START).total_seconds() / 60) for a in only(house).attempts]
    assert times == [0, 10, 25, 40, 55, 60]


async def test_no_more_calls_at_once_than_the_account_bears(house: House) -> None:
    house.sms.limits = Limits(1e9, 3)
    out, most = 0, 0

    async def slow(message: Any, to: str, call: Any) -> Any:
        nonlocal out, most
        out += 1
        most = max(most, out)
        for _ in range(10):
            await asyncio.sleep(0)
        out -= 1
        return house.sms.deliver(message, call.key)

    house.sms.send = slow  # type: ignore[method-assign]
    await house.post([order(number) for number in range(20)])
    tasks, house.store.tasks = house.store.tasks, []
    await asyncio.gather(*(house.worker.handle(task.path, task.body) for task in tasks))
    assert most == 3
    assert {delivery.status for delivery in house.deliveries()} == {S.SUCCEEDED}


async def test_a_tenant_that_is_gone_takes_its_messages_along(house: House) -> None:
    house.sms.script.append(Retry(code="500", message="busy"))
    await house.post(order())
    await house.run()
    house.store.documents.pop(("tenants", "kofe"))
    await house.pass_time(600)
    assert (only(house).status, only(house).last_error and only(house).last_error.code) == (
        S.CANCELLED,
        "tenant_removed",
    )  # type: ignore[union-attr]


async def test_alerts_need_no_flow_in_the_tenant_file(house: House) -> None:
    settings = house.tenant.alerts.model_copy(update={"to": (Addressee(connection="sms", phone="+79990000001"),)})
    house.tenant = house.tenant.model_copy(update={"alerts": settings, "flows": ()})
    await house.store.commit([Put(journal.document(house.tenant))])
    await alerts.tell(house.hub, house.tenant, "sms", "unknown", "first", START, "Слова", "x")
    await house.run()
    assert only(house).status is S.SUCCEEDED


async def test_with_messages_printed_nothing_goes_out_and_no_credential_is_needed(house: House) -> None:
    printed: list[tuple[str, Contact, str]] = []
    house.sms.credentials = Credentials(required=("base_url",))
    house.hub.printer = lambda connection, to, text: printed.append((connection, to, text))
    await house.post(order())
    await house.run()
    assert [(connection, text) for connection, _, text in printed] == [("sms", "Иван, спасибо! https://example.org/r")]
    assert (only(house).status, house.sms.calls) == (S.SUCCEEDED, 0)


@pytest.mark.parametrize("pause", [{"paused": True}, {"paused_connections": ("sms",)}, "flow"])
async def test_whatever_is_paused_waits_for_the_operator_and_its_deadlines_still_hold(house: House, pause: Any) -> None:
    if pause == "flow":
        flows = tuple(flow.model_copy(update={"paused": True}) for flow in house.tenant.flows)
        pause = {"flows": flows}
    running = house.tenant
    house.tenant = running.model_copy(update=pause)
    await house.settle_in()
    await house.post(order(1))
    await house.run()
    assert (only(house).status, only(house).last_error and only(house).last_error.code) == (S.PARKED, "paused")  # type: ignore[union-attr]
    await house.pass_time(25 * HOUR, step=600)
    assert only(house).status is S.EXPIRED
    await house.post(order(2))
    await house.run()
    house.tenant = running
    await house.settle_in()
    await house.worker.handle("/resume", {"tenant": "kofe", "connection": "sms"})
    await house.pass_time(60)
    assert [d.status for d in house.deliveries()] == [S.EXPIRED, S.SUCCEEDED]


async def test_an_early_copy_of_a_task_does_nothing(house: House) -> None:
    house.sms.script.append(Retry(code="500", message="busy"))
    await house.post(order())
    await house.run()
    before = only(house)
    house.clock.step(20)
    for _ in range(3):
        assert await house.worker.handle("/perform", {"delivery": before.id}) == 204
    assert only(house) == before
    assert house.sms.calls == 1
