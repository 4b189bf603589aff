"""At most once per person: the turn is taken with the claim, kept by success and doubt, given back otherwise."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from fakes import House, order
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.resolve import resolve_delivery
from svyazka.engine.ports.store import Document
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import Attempt, Delivery, Status
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Refused, Retry, Succeeded

DAY = 86400.0
S = Status


async def once(via: tuple[str, ...] = ("sms",), **flow: Any) -> House:
    house = House(via=via, flow={"at_most_once_per": "30d", "expires_after": "90d", **flow})
    await house.settle_in()
    return house


def status(house: House, number: int) -> list[Status]:
    return [d.status for d in house.deliveries() if d.subject == f"order:{number}"]


def turns(house: House) -> list[Document]:
    return [document for document in house.store.documents.values() if document.kind == "reservations"]


def operator(house: House) -> Operator:
    return Operator(house.hub, lambda vendor: None, "root")


def of(house: House, number: int, connection: str = "sms") -> Delivery:
    return next(d for d in house.deliveries() if d.subject == f"order:{number}" and d.connection == connection)


async def test_success_keeps_the_turn_until_the_period_is_over() -> None:
    house = await once()
    for days, expected in ((0, S.SUCCEEDED), (29, S.CANCELLED), (2, S.SUCCEEDED), (29, S.CANCELLED)):
        house.clock.step(days * DAY)
        number = len(house.deliveries()) + 1
        await house.post(order(number))
        await house.run()
        assert status(house, number) == [expected]
    assert len(turns(house)) == 1


async def test_a_turn_whose_time_is_over_is_nobodys_though_its_document_is_still_there() -> None:
    house = await once()
    await house.post(order(1))
    await house.run()
    house.clock.step(31 * DAY)
    assert len(turns(house)) == 1
    await house.post(order(2))
    await house.run()
    assert status(house, 2) == [S.SUCCEEDED]


async def test_a_turn_holds_even_when_the_delivery_that_took_it_is_gone() -> None:
    house = await once()
    await house.post(order(1))
    await house.run()
    house.store.documents.pop(("deliveries", of(house, 1).id))
    await house.post(order(2))
    await house.run()
    assert status(house, 2) == [S.CANCELLED]


@pytest.mark.parametrize("no", [Refused(code="202", message="no"), NotSent("refused"), Retry(code="500", message="x")])
async def test_what_was_provably_not_sent_gives_the_turn_back(no: Any) -> None:
    house = await once()
    house.sms.script.append(no)
    await house.post(order(1))
    await house.run()
    assert turns(house) == []
    await house.post(order(2))
    await house.run()
    assert status(house, 2) == [S.SUCCEEDED]
    await house.pass_time(600)
    assert status(house, 1) in ([S.FAILED], [S.CANCELLED])
    assert len(house.sms.sent) == 1


async def test_doubt_keeps_the_turn_and_only_whoever_knows_gives_it_back() -> None:
    house = await once()
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order(1))
    await house.run()
    await house.post(order(2))
    await house.run()
    assert (status(house, 1), status(house, 2)) == ([S.UNKNOWN], [S.CANCELLED])
    await resolve_delivery(operator(house), of(house, 1).id, "failed", How())
    await house.post(order(3))
    await house.run()
    assert status(house, 3) == [S.SUCCEEDED]


async def test_doubt_that_turns_out_well_keeps_the_turn() -> None:
    house = await once()
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order(1))
    await house.run()
    await resolve_delivery(operator(house), of(house, 1).id, "succeeded", How())
    await house.post(order(2))
    await house.run()
    assert status(house, 2) == [S.CANCELLED]


@pytest.mark.parametrize("safety", [Repeat.IDEMPOTENT, Repeat.CHECKABLE])
async def test_between_repeats_of_what_may_have_been_sent_nobody_else_has_the_turn(safety: Repeat) -> None:
    house = await once()
    house.sms.repeat = safety

    def took_it_and_vanished(command: Any, key: str) -> Any:
        house.sms.deliver(command, key)
        raise MaybeSent("timeout")

    house.sms.script.append(took_it_and_vanished)
    await house.post(order(1))
    await house.run()
    assert status(house, 1) == [S.RETRYING]
    await house.post(order(2))
    await house.run()
    assert status(house, 2) == [S.CANCELLED]
    await house.pass_time(600)
    assert status(house, 1) == [S.SUCCEEDED]
    assert len(house.sms.sent) == 1


async def test_the_channels_of_one_message_share_its_turn() -> None:
    house = await once(via=("sms", "mail"))
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await house.post({**order(1), "email": "ivan@example.org"})
    await house.run()
    await house.receipt("undelivered", "m1")
    await house.run()
    assert of(house, 1, "mail").status is S.SUCCEEDED
    assert len(house.mail.sent) == 1
    await house.post({**order(2), "email": "ivan@example.org"})
    await house.run()
    assert status(house, 2) == [S.CANCELLED]


async def test_a_channel_that_gives_way_in_doubt_leaves_its_turn_to_the_next() -> None:
    house = await once(via=("sms", "mail"), fallback_after="1h")
    house.sms.repeat = Repeat.IDEMPOTENT
    house.sms.script.extend([MaybeSent("timeout")] * 50)
    await house.post({**order(1), "email": "ivan@example.org"})
    await house.pass_time(2 * 3600)
    assert (of(house, 1).status, of(house, 1, "mail").status) == (S.CANCELLED, S.SUCCEEDED)


async def test_whoever_gives_his_turn_back_late_takes_it_from_nobody() -> None:
    house = await once()
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order(1))
    await house.run()
    house.clock.step(31 * DAY)
    await house.post(order(2))
    await house.run()
    assert status(house, 2) == [S.SUCCEEDED]
    await resolve_delivery(operator(house), of(house, 1).id, "failed", How())
    await house.post(order(3))
    await house.run()
    assert status(house, 3) == [S.CANCELLED], "the second one's turn still holds"


async def test_a_success_that_is_heard_of_late_takes_the_turn_after_all() -> None:
    house = await once()
    house.sms.repeat = Repeat.IDEMPOTENT
    house.sms.script.append(NotSent("refused"))
    await house.post(order(1))
    await house.run()
    assert turns(house) == []
    retrying = of(house, 1)
    frozen = retrying.model_copy(update={"status": S.IN_FLIGHT, "claim": 0, "reservation": None})
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    attempt = Attempt(number=7, generation=1, started_at=house.clock.now(), outcome="succeeded")
    await house.worker.recorder.settle(frozen, "0", account, Succeeded(external_id="late"), attempt)
    assert status(house, 1) == [S.SUCCEEDED]
    await house.post(order(2))
    await house.run()
    assert status(house, 2) == [S.CANCELLED]


async def test_the_same_person_in_another_spelling_or_by_another_source_has_the_same_turn() -> None:
    house = await once()
    await house.post([order(1), order(2, phone="8 (999) 123-45-67"), order(3, phone="+79990001122")])
    await house.run()
    assert [status(house, number) for number in (1, 2, 3)] == [[S.SUCCEEDED], [S.CANCELLED], [S.SUCCEEDED]]


async def test_of_many_at_the_same_moment_one_has_the_turn_and_the_others_hear_of_it_at_once() -> None:
    house = await once()
    await house.post([order(number) for number in range(8)])
    tasks, house.store.tasks = house.store.tasks, []
    await asyncio.gather(*(house.worker.handle(task.path, task.body) for task in tasks))
    await house.run()
    assert len(house.sms.sent) == 1
    assert sorted(d.status for d in house.deliveries()) == [S.CANCELLED] * 7 + [S.SUCCEEDED]


async def test_a_turn_is_counted_from_the_attempt_that_took_it() -> None:
    house = await once()
    house.sms.script.append(NotSent("refused"))
    await house.post(order(1))
    await house.pass_time(3600)
    (turn,) = turns(house)
    (delivery,) = house.deliveries()
    assert turn.fields["expire_at"] == delivery.attempts[-1].started_at + timedelta(days=30)
