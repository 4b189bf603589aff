"""Two sources of one tenant count from 1 each: an order's number is its connection's."""

from __future__ import annotations

import asyncio

import pytest

from svyazka.model.deliveries import Status
from svyazka.model.ids import delivery_id
from svyazka.model.outcomes import Refused
from upgrade.town import Town, order

ANNA, BORIS = "+79990000001", "+79990000002"


@pytest.fixture
async def town() -> Town:
    made = Town()
    await made.settle_in()
    return made


def sent(town: Town) -> list[tuple[str, str]]:
    """To whom, and whose order it was about."""
    done = [d for d in town.deliveries() if d.status is Status.SUCCEEDED]
    return sorted((str(d.command.to.phone or d.command.to.email), str(d.source)) for d in done)  # type: ignore[union-attr]


async def test_each_source_s_order_is_a_message_and_each_only_once(town: Town) -> None:
    for revision in (1, 2, 3):
        await town.tell("kofe/till", order(1, revision=revision, phone=ANNA))
        await town.tell("kofe/shop", order(1, revision=revision, phone=BORIS))
        await town.run()
    assert sent(town) == [(ANNA, "till"), (BORIS, "shop")]
    assert {len(record.deliveries) for record in town.events()} == {1}
    ids = {delivery.id for delivery in town.deliveries()}
    assert {name for record in town.events() if record.event.position == 1 for name in record.deliveries} == ids


async def test_told_at_the_same_moment_neither_is_taken_for_the_other(town: Town) -> None:
    tills = [("kofe/till", ANNA), ("kofe/shop", BORIS)]
    await asyncio.gather(*(town.tell(w, order(1, revision=n, phone=p)) for w, p in tills for n in range(5)))
    tasks, town.store.tasks = town.store.tasks, []
    await asyncio.gather(*(town.worker.handle(task.path, task.body) for task in tasks))
    await town.run()
    assert sent(town) == [(ANNA, "till"), (BORIS, "shop")]


async def test_a_worker_of_the_release_before_beside_us_knows_what_we_planned_by_its_name(town: Town) -> None:
    await town.tell("kofe/till", order(1, phone=ANNA))
    await town.run()
    (delivery,) = town.deliveries()
    assert delivery.id == delivery_id("kofe", "thanks", "order:1", "review/sms")


async def test_one_s_next_channel_isn_t_the_other_s_first(town: Town) -> None:
    """The shop's client has a mailbox only: his letter bears the name under which the till's would be looked for."""
    await town.tell("kofe/shop", order(1, email="boris@example.org"))
    town.sms.script.append(Refused(code="bad_number", message="no such number"))
    await town.tell("kofe/till", order(1, phone=ANNA, email="anna@example.org"))
    await town.run()
    assert [(who, source) for who, source in sent(town)] == [(ANNA, "till"), ("boris@example.org", "shop")]
    assert len(town.mail.sent) == 2


@pytest.mark.parametrize("cancelled", ["kofe/evening", "kofe/till"])
async def test_a_cancellation_stops_its_own_only(town: Town, cancelled: str) -> None:
    await town.tell("kofe/evening", order(1, phone=ANNA))
    await town.run()
    await town.pass_time(120)
    await town.tell(cancelled, order(1, "cancelled", 2, phone=ANNA))
    await town.pass_time(3600)
    assert sent(town) == ([] if cancelled == "kofe/evening" else [(ANNA, "evening")])


async def test_one_person_s_orders_of_equal_number_share_the_turn_once() -> None:
    town = Town(evening=("evening", "kiosk"))
    await town.settle_in()
    await town.tell("kofe/evening", order(1, phone=ANNA))
    await town.tell("kofe/kiosk", order(1, phone=ANNA))
    await town.pass_time(3600)
    told = [d for d in town.deliveries() if d.flow == "later"]
    assert sorted(d.status.value for d in told) == ["cancelled", "succeeded"]
