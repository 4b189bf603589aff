"""What the queue forgot is woken, all of it, whatever stands in the way of one; payloads end with their retention."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes import START, House, MemoryStore, order
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.reopen import reopen
from svyazka.engine.ports.store import Document, Put
from svyazka.engine.support.each_due import BATCH
from svyazka.engine.upkeep import retention
from svyazka.engine.upkeep.retention import blank
from svyazka.model.commands import Command, Forward, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.errors import MaybeSent
from svyazka.model.events import EventStatus
from svyazka.model.outcomes import Refused, Retry

DAY = 86400.0
GUEST = Contact(name="Пётр", phone="+79990001122")


async def forgotten(count: int) -> House:
    """A house with so many orders of which the queue forgot the tasks."""
    house = House()
    await house.settle_in()
    house.store.forget_tasks = True
    await house.post([order(number) for number in range(count)])
    house.store.forget_tasks = False
    return house


async def test_everything_that_is_due_is_woken_however_much_it_is() -> None:
    house = await forgotten(2 * BATCH + 7)
    house.clock.step(120)
    await house.worker.handle("/sweep", {})
    assert len(house.store.tasks) == 2 * BATCH + 7


async def test_what_was_woken_is_left_alone_for_twice_as_long_each_time() -> None:
    house = await forgotten(1)
    waits = []
    for _ in range(5):
        (record,) = house.events()
        assert record.wake_at is not None
        house.clock.step((record.wake_at - house.clock.now()).total_seconds())
        await house.worker.handle("/sweep", {})
        (record,) = house.events()
        assert record.wake_at is not None
        waits.append((record.wake_at - house.clock.now()).total_seconds())
        await house.worker.handle("/sweep", {})
    assert waits == [60, 120, 240, 480, 960]
    assert len(house.store.tasks) == 5


async def test_one_document_that_cannot_be_read_keeps_no_other_from_being_woken() -> None:
    house = await forgotten(3)
    broken = Document("events", "evt_broken", {"tenant": "kofe", "wake_at": START}, b'{"of": "another version"}')
    outage = Document("outages", "kofe.gone", {"tenant": "kofe", "status": "open", "wake_at": START}, b"{}")
    await house.store.commit([Put(broken), Put(outage)])
    await house.pass_time(180)
    assert len(house.sms.sent) == 3


async def test_a_store_that_is_down_ends_the_sweep_and_says_so() -> None:
    house = await forgotten(1)
    house.store.down = True
    assert await house.worker.handle("/sweep", {}) == 503


# Retention


def payloads(house: House) -> str:
    return "".join(
        document.data.decode()
        for key, document in house.store.documents.items()
        if key[0] in ("events", "raws", "deliveries")
    )


async def lived() -> House:
    """A house with one order in a request of its own, two in a list, and one message that was refused."""
    house = House()
    await house.settle_in()
    house.sms.script.append(Refused(code="202", message="bad number 79991234567 of Иван"))
    await house.post(order(1))
    await house.post([order(2), order(3)])
    await house.run()
    (refused,) = [d for d in house.deliveries() if d.status is Status.FAILED]
    operator = Operator(house.hub, lambda vendor: None, "root")
    house.sms.script.append(Refused(code="202", message="bad number 79991234567"))
    await reopen(operator, refused.id, How(why="Иван звонил"))
    await house.run()
    return house


async def test_after_the_retention_nothing_of_a_person_is_left_but_the_skeleton_is() -> None:
    house = await lived()
    before = {delivery.id: delivery for delivery in house.deliveries()}
    hashes = {record.event.id: record.people for record in house.events()}
    for word in ("9991234567", "Иван", "спасибо"):
        assert word in payloads(house)
    house.clock.step(90 * DAY + 1)
    await house.worker.handle("/retain", {})
    for word in ("9991234567", "Иван", "спасибо"):
        assert word not in payloads(house)
    for delivery in house.deliveries():
        was = before[delivery.id]
        assert (delivery.status, delivery.settled_at, delivery.external_id) == (
            was.status,
            was.settled_at,
            was.external_id,
        )
        assert [(a.number, a.outcome) for a in delivery.attempts] == [(a.number, a.outcome) for a in was.attempts]
        assert (delivery.last_error and delivery.last_error.code) == (was.last_error and was.last_error.code)
        assert delivery.people == was.people != ()
    for record in house.events():
        assert record.people == hashes[record.event.id] != ()
        assert record.status is EventStatus.PLANNED
        assert record.expire_at == START + timedelta(days=400)
    assert {delivery.expire_at for delivery in house.deliveries()} == {START + timedelta(days=400)}


async def test_before_the_retention_everything_is_there() -> None:
    house = await lived()
    house.clock.step(89 * DAY)
    before = payloads(house)
    await house.worker.handle("/retain", {})
    assert payloads(house) == before


async def test_each_tenants_own_retention_counts() -> None:
    house = House()
    house.tenant = house.tenant.model_copy(update={"retention": timedelta(days=1)})
    await house.settle_in()
    await house.post(order(1))
    await house.run()
    house.clock.step(2 * DAY)
    await house.worker.handle("/retain", {})
    (delivery,) = house.deliveries()
    assert delivery.command.to == Contact()  # type: ignore[union-attr]


async def test_nothing_open_is_blanked_and_nothing_open_expires() -> None:
    house = House(flow={"expires_after": "200d"})
    await house.settle_in()
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order(1))
    await house.run()
    house.sms.script.extend([Retry(code="500", message="down")] * 10_000)
    await house.post(order(2, phone="+79991112233"))
    await house.run()
    house.store.forget_tasks = True
    await house.post(order(3))
    house.clock.step(91 * DAY)
    await house.worker.handle("/retain", {})
    by_status = {delivery.status: delivery for delivery in house.deliveries()}
    assert set(by_status) == {Status.UNKNOWN, Status.RETRYING}
    assert all(d.command.text for d in by_status.values())  # type: ignore[union-attr]
    assert all(d.expire_at is None and d.blank_at for d in by_status.values())
    (accepted,) = [record for record in house.events() if record.status is EventStatus.ACCEPTED]
    assert accepted.event.contact is not None
    assert accepted.expire_at is None


async def test_a_long_backlog_is_blanked_in_one_night() -> None:
    house = await forgotten(2 * BATCH + 7)
    house.clock.step(60)
    await house.run()
    await house.pass_time(120)
    house.clock.step(91 * DAY)
    await house.worker.handle("/retain", {})
    assert "9991234567" not in payloads(house)


async def test_what_one_run_has_no_time_for_the_next_one_goes_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    house = await forgotten(2 * BATCH)
    await house.pass_time(180)
    house.clock.step(91 * DAY)
    monkeypatch.setattr(retention, "RETAIN_LIMIT", 0.0)
    await house.worker.handle("/retain", {})
    assert "9991234567" in payloads(house)
    await house.run()
    assert "9991234567" not in payloads(house)


@pytest.mark.parametrize(
    "command",
    [
        Forward(type="order.completed", payload={"name": "Пётр"}, occurred_at=START),
        SendMessage(to=GUEST, text="Пётр, спасибо!", subject="Пётр", template={"name": "Пётр"}),
    ],
    ids=lambda command: command.kind,
)
async def test_every_kind_of_command_is_blanked_and_then_cannot_be_replayed(house: House, command: Command) -> None:
    await house.post(order(1))
    await house.run()
    (delivery,) = house.deliveries()
    blanked = blank(delivery.model_copy(update={"command": command, "status": Status.FAILED}))
    assert "Пётр" not in blanked.model_dump_json()
    assert "+79990001122" not in blanked.model_dump_json()
    from svyazka.engine.journal.documents import document

    await house.store.commit([Put(document(blanked))])
    operator = Operator(house.hub, lambda vendor: None, "root")
    done = await reopen(operator, delivery.id, How(again=True, ignore_age=True))
    assert done.skipped
    assert "blanked" in (done.reason or "")


async def test_a_blanked_store_is_still_whole_json(house: House) -> None:
    assert isinstance(house.store, MemoryStore)
    await house.post(order(1))
    await house.run()
    house.clock.step(91 * DAY)
    await house.worker.handle("/retain", {})
    await house.worker.handle("/retain", {})
    assert len(house.deliveries()) == len(house.events()) == 1
