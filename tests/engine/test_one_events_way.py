"""An event becomes one message; duplicates repair and never double."""

import asyncio
import json

from fakes import House, order
from svyazka.model.deliveries import Status
from svyazka.model.events import EventStatus


async def test_a_done_order_becomes_one_message(house: House) -> None:
    answer = await house.post(order())
    assert answer.status == 200
    told = json.loads(answer.body)["events"]
    assert [(e["type"], e["status"], e["reason"]) for e in told] == [("order.completed", "accepted", None)]
    await house.run()
    (delivery,) = house.deliveries()
    assert delivery.status is Status.SUCCEEDED
    assert [text for _, text in house.sms.sent] == ["Иван, спасибо! https://example.org/r"]
    (record,) = house.events()
    assert record.status is EventStatus.PLANNED
    assert record.deliveries == (delivery.id,)
    assert [attempt.outcome for attempt in delivery.attempts] == ["succeeded"]


async def test_operations_of_one_event_with_one_immediate_delivery(house: House) -> None:
    await house.run()
    before = house.store.writes, house.store.reads
    await house.post(order())
    tasks = len(house.store.tasks)
    await house.run()
    assert house.store.writes - before[0] == 4
    assert tasks == 1


async def test_a_hundred_equal_webhooks_at_once_make_one_message(house: House) -> None:
    answers = await asyncio.gather(*(house.post(order()) for _ in range(100)))
    assert {answer.status for answer in answers} == {200}
    await house.run()
    assert len(house.sms.sent) == 1
    assert len(house.deliveries()) == 1


async def test_done_and_then_done_again_of_one_order_is_one_message(house: House) -> None:
    await house.post(order(revision=1))
    await house.post(order(revision=2))
    await house.run()
    assert len(house.events()) == 2
    assert len(house.sms.sent) == 1


async def test_a_duplicate_of_a_journaled_but_unplanned_event_gets_it_planned(house: House) -> None:
    house.store.queue_down, house.store.forget_tasks = False, True
    await house.post(order())
    house.store.forget_tasks = False
    assert house.store.tasks == []
    answer = await house.post(order())
    assert json.loads(answer.body)["events"][0]["status"] == "duplicate"
    await house.run()
    assert len(house.sms.sent) == 1


async def test_the_sweep_plans_what_the_queue_forgot(house: House) -> None:
    house.store.forget_tasks = True
    await house.post(order())
    house.store.forget_tasks = False
    await house.pass_time(180)
    assert len(house.sms.sent) == 1


async def test_an_event_that_no_flow_wants_is_journaled_with_its_reason_and_makes_no_task(house: House) -> None:
    answer = await house.post(order(status="cooking"))
    told = json.loads(answer.body)["events"][0]
    assert told["status"] == "ignored"
    assert "order.changed" in told["reason"]
    assert house.store.tasks == []


async def test_one_unreadable_item_never_refuses_the_others(house: House) -> None:
    answer = await house.post([order(1), "nonsense", order(2)])
    assert answer.status == 200
    assert [e["status"] for e in json.loads(answer.body)["events"]] == ["accepted", "quarantined", "accepted"]
    await house.run()
    assert len(house.sms.sent) == 2
    assert [alert.kind for alert in house.alerts()] == ["quarantined"]


async def test_a_forged_key_touches_no_store(house: House) -> None:
    genuine = house.keyring.mint("till", "kofe", "till")
    reads, writes = house.store.reads, house.store.writes
    for forged in (
        "",
        "nonsense",
        genuine[:-1] + ("a" if genuine[-1] != "a" else "b"),
        genuine.replace("kofe", "chay"),
    ):
        answer = await house.post(order(), key=forged)
        assert answer.status == 401
    assert (house.store.reads, house.store.writes) == (reads, writes)


async def test_what_is_not_the_format_is_refused_and_kept(house: House) -> None:
    answer = await house.post(b"{not json")
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"
    (raw,) = [d for d in house.store.documents.values() if d.kind == "raws"]
    assert raw.fields["status"] == "quarantined"
    assert b"{not json" in raw.data


async def test_a_store_that_is_down_means_503_and_nothing_half_written(house: House) -> None:
    house.store.down = True
    answer = await house.post(order())
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    house.store.down = False
    assert house.events() == []


async def test_weak_events_are_one_within_the_window_and_two_after_it(house: House) -> None:
    body = {"status": "done", "phone": "+79991234567"}
    await house.post(body)
    house.clock.step(3600)
    await house.post(body)
    await house.run()
    assert len(house.sms.sent) == 1
    assert house.events()[0].event.identity == "weak"
    house.clock.step(25 * 3600)
    await house.post(body)
    await house.run()
    assert len(house.sms.sent) == 2


async def test_a_flow_removed_between_crash_and_resume_sends_nothing(house: House) -> None:
    house.sms.script.extend([_retry()])
    await house.post(order())
    await house.run()
    assert house.deliveries()[0].status is Status.RETRYING
    house.tenant = house.tenant.model_copy(update={"flows": ()})
    await house.settle_in()
    house.start()
    await house.pass_time(600)
    (delivery,) = house.deliveries()
    assert delivery.status is Status.CANCELLED
    assert delivery.last_error is not None
    assert delivery.last_error.code == "flow_removed"
    assert house.sms.sent == []


def _retry():  # type: ignore[no-untyped-def]
    from svyazka.model.outcomes import Retry

    return Retry(code="500", message="server error")


async def test_two_orders_of_one_guest_planned_at_the_same_moment_make_one_message() -> None:
    house = House(flow={"at_most_once_per": "30d"})
    await house.settle_in()
    await house.post([order(1), order(2)])
    tasks, house.store.tasks = house.store.tasks, []
    await asyncio.gather(*(house.worker.handle(task.path, task.body) for task in tasks))
    await house.pass_time(300)
    assert len(house.sms.sent) == 1
    assert sorted(delivery.status for delivery in house.deliveries()) == [Status.CANCELLED, Status.SUCCEEDED]
