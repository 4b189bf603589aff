"""One channel after the other: a delivery each, never two at once, and nobody written to twice."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import FakeMessenger, House, order
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Create
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import MaybeSent
from svyazka.model.ids import delivery_id
from svyazka.model.outcomes import Refused, Retry, Succeeded

NO = Refused(code="202", message="no route")
BUSY = Retry(code="500", message="busy", outage=False)
HOUR = 3600.0
S = Status


async def channels(*via: str, **flow: Any) -> House:
    house = House(via=via or ("sms", "mail"), flow=flow)
    house.third = FakeMessenger("third", repeat=Repeat.IDEMPOTENT)  # type: ignore[attr-defined]
    await house.settle_in()
    return house


async def ordered(house: House, number: int = 1) -> None:
    await house.post({**order(number), "email": "ivan@example.org"})
    await house.run()


def by(house: House, connection: str) -> Delivery | None:
    return next((d for d in house.deliveries() if d.connection == connection), None)


def states(house: House) -> dict[str, Status]:
    return {d.connection: d.status for d in house.deliveries()}


async def test_while_the_first_channel_is_at_work_there_is_no_second() -> None:
    house = await channels()
    house.sms.script.append(BUSY)
    await ordered(house)
    assert states(house) == {"sms": S.RETRYING}
    await house.pass_time(600)
    assert states(house) == {"sms": S.SUCCEEDED}
    assert house.mail.sent == []


async def test_failed_and_its_successor_are_one_commit_and_name_each_other() -> None:
    house = await channels()
    house.sms.script.append(NO)
    await house.post({**order(), "email": "ivan@example.org"})
    house.store.forget_tasks = True
    await house.worker.handle("/plan", house.store.tasks[0].body)
    house.store.forget_tasks = False
    first, second = by(house, "sms"), by(house, "mail")
    assert first is not None
    assert second is not None
    assert (first.status, second.status) == (S.FAILED, S.PENDING)
    assert (first.successor, second.predecessor) == (second.id, first.id)
    house.store.tasks.clear()
    await house.pass_time(180)
    assert states(house) == {"sms": S.FAILED, "mail": S.SUCCEEDED}


async def test_dead_goes_to_the_next_channel() -> None:
    house = await channels(expires_after="30d", fallback_after="20d")
    house.sms.script.extend([BUSY] * 1000)
    await ordered(house)
    await house.pass_time(7 * 24 * HOUR + 2 * HOUR, step=900)
    assert states(house) == {"sms": S.DEAD, "mail": S.SUCCEEDED}


async def test_without_success_in_time_the_older_is_cancelled_in_the_same_commit() -> None:
    house = await channels(fallback_after="1h")
    house.sms.script.extend([BUSY] * 100)
    await ordered(house)
    await house.pass_time(HOUR - 120)
    assert set(states(house)) == {"sms"}
    await house.pass_time(300)
    assert states(house) == {"sms": S.CANCELLED, "mail": S.SUCCEEDED}
    await house.pass_time(12 * HOUR)
    assert house.sms.sent == []


async def test_half_of_the_life_is_the_time_where_none_is_set() -> None:
    house = await channels(expires_after="10h")
    house.sms.script.extend([BUSY] * 100)
    await ordered(house)
    await house.pass_time(5 * HOUR - 120)
    assert set(states(house)) == {"sms"}
    await house.pass_time(240)
    assert states(house)["mail"] is S.SUCCEEDED


async def test_a_parked_delivery_gives_way_in_time_too() -> None:
    house = await channels(fallback_after="2h")
    house.sms.script.extend([Retry(code="503", message="down")] * 100)
    await ordered(house)
    await house.pass_time(HOUR)
    assert states(house) == {"sms": S.PARKED}
    await house.pass_time(2 * HOUR)
    assert states(house) == {"sms": S.CANCELLED, "mail": S.SUCCEEDED}


async def test_what_is_in_flight_never_gives_way() -> None:
    house = await channels(fallback_after="1h")
    house.sms.repeat = Repeat.IDEMPOTENT

    async def die(*args: object) -> None:
        raise SystemExit

    house.sms.script.append(BUSY)
    await ordered(house)
    first = by(house, "sms")
    assert first is not None
    house.clock.step(HOUR - 30)
    house.worker.attempts.run = die  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        await house.run()
    house.start()
    house.clock.step(40)
    await house.worker.handle("/perform", {"delivery": first.id})
    assert states(house) == {"sms": S.IN_FLIGHT}


async def test_what_nobody_knows_of_never_gives_way() -> None:
    house = await channels(fallback_after="1h")
    house.sms.script.append(MaybeSent("timeout"))
    await ordered(house)
    await house.pass_time(24 * HOUR, step=600)
    assert states(house) == {"sms": S.UNKNOWN}


async def test_waiting_for_the_morning_is_no_failure() -> None:
    house = await channels(fallback_after="1h", quiet_hours="21:00-10:00")
    house.clock.step(8 * HOUR)  # 23:00 in Moscow
    await ordered(house)
    await house.pass_time(11 * HOUR + 300)
    assert states(house) == {"sms": S.SUCCEEDED}


async def test_an_opt_out_on_one_channel_stops_all_of_them() -> None:
    house = await channels()
    house.sms.script.append(Refused(code="215", message="stop list", opt_out=True))
    await ordered(house)
    await house.pass_time(24 * HOUR, step=600)
    assert states(house) == {"sms": S.FAILED}
    assert house.mail.sent == []


async def test_an_opt_out_in_a_receipt_stops_the_channel_that_would_follow() -> None:
    from svyazka.engine.planning.receipts import Receipts
    from svyazka.model.events import Event, EventRecord, EventStatus, EventType, Receipt, ReceiptState

    house = await channels()
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await ordered(house)
    complaint = Receipt(state=ReceiptState.UNDELIVERED, external_id="m1", opt_out=True, code="complaint")
    event = Event(
        id="evt_c", tenant="kofe", connection="sms", vendor="sms", type=EventType.MESSAGE_FAILED, subject="m1",
        identity="strong", origin="webhook", received_at=house.clock.now(), receipt=complaint,
    )  # fmt: skip
    record = EventRecord(event=event, status=EventStatus.ACCEPTED)
    _, writes, tasks, _ = await Receipts(house.hub, house.worker.recorder).apply(event, record)
    await house.store.commit(writes, tasks)
    await house.run()
    assert states(house) == {"sms": S.SUCCEEDED, "mail": S.CANCELLED}
    assert house.mail.sent == []


async def test_undelivered_gives_way_and_delivered_after_all_takes_it_back_while_it_can() -> None:
    house = await channels()
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    house.mail.script.append(Retry(code="500", message="busy", after=600.0, outage=False))
    await ordered(house)
    await house.receipt("undelivered", "m1")
    await house.run()
    assert states(house) == {"sms": S.SUCCEEDED, "mail": S.RETRYING}
    await house.receipt("delivered", "m1")
    await house.pass_time(HOUR)
    assert states(house) == {"sms": S.SUCCEEDED, "mail": S.CANCELLED}
    second = by(house, "mail")
    assert second is not None
    assert second.last_error is not None
    assert second.last_error.code == "already_told"


async def test_three_channels_are_tried_one_after_the_other() -> None:
    house = House(via=("sms", "third", "mail"))
    third = FakeMessenger("third", repeat=Repeat.IDEMPOTENT)
    house.manifests["third"] = third.manifest
    from svyazka.model.tenants import ConnectionSpec

    connections = {**house.tenant.connections, "third": ConnectionSpec(vendor="third")}
    house.tenant = house.tenant.model_copy(update={"connections": connections})
    house.start()
    await house.settle_in()
    house.sms.script.append(NO)
    third.script.append(NO)
    await ordered(house)
    await house.pass_time(120)
    assert states(house) == {"sms": S.FAILED, "third": S.FAILED, "mail": S.SUCCEEDED}
    assert len({d.id for d in house.deliveries()}) == 3


async def test_a_fallback_that_is_there_already_is_left_as_it_is_and_nothing_hangs() -> None:
    """The tenant had its channels in another order before: that delivery of this very subject has been made."""
    house = await channels(fallback_after="1h")
    house.sms.script.extend([BUSY] * 100)
    await ordered(house)
    first = by(house, "sms")
    assert first is not None
    key = delivery_id("kofe", "review_request", "order:1", "review/mail")
    done = first.model_copy(update={"id": key, "connection": "mail", "vendor": "mail", "status": S.SUCCEEDED})
    await house.store.commit([Create(journal.document(done.model_copy(update={"wake_at": None})))])
    await house.pass_time(3 * HOUR)
    assert states(house) == {"sms": S.CANCELLED, "mail": S.SUCCEEDED}
    assert house.mail.sent == []
