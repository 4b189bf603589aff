"""A messenger that takes what never arrives: its word counts only with a receipt, and the next channel waits for it."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import START, House, order
from svyazka.model.commands import Guards, Repeat, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import MaybeSent
from svyazka.model.events import Receipt, ReceiptState
from svyazka.model.outcomes import Succeeded

HOUR = 3600.0


async def settled(needs_receipt: bool = True, **flow: Any) -> House:
    house = House(via=("sms", "mail"), flow={"fallback_after": "1h", **flow})
    house.sms.needs_receipt = needs_receipt  # type: ignore[misc]
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await house.settle_in()
    await house.post({**order(), "email": "ivan@example.org"})
    await house.run()
    return house


async def test_without_a_receipt_in_time_the_next_channel_tries_once() -> None:
    house = await settled()
    await house.pass_time(HOUR - 60)
    assert [d.connection for d in house.deliveries()] == ["sms"]
    await house.pass_time(120)
    first, second = house.deliveries()
    assert (first.status, first.successor) == (Status.SUCCEEDED, second.id)
    assert first.last_error is not None
    assert first.last_error.code == "no_receipt"
    assert (second.connection, second.status) == ("mail", Status.SUCCEEDED)
    await house.pass_time(48 * HOUR, step=1800)
    assert len(house.mail.sent) == 1


@pytest.mark.parametrize("word", ["sent", "delivered"])
async def test_a_receipt_of_delivery_ends_the_wait_and_one_of_sending_does_not(word: str) -> None:
    house = await settled()
    await house.receipt(word, "m1")
    await house.pass_time(3 * HOUR)
    assert len(house.mail.sent) == (word == "sent")
    assert house.deliveries()[0].wake_at is None


async def test_what_could_not_be_delivered_goes_on_at_once_and_only_once() -> None:
    house = await settled()
    await house.receipt("undelivered", "m1")
    await house.pass_time(3 * HOUR)
    assert len(house.mail.sent) == 1


async def test_a_receipt_that_comes_too_late_is_kept_and_takes_nothing_back() -> None:
    house = await settled()
    await house.pass_time(2 * HOUR)
    await house.receipt("delivered", "m1")
    await house.run()
    assert house.deliveries()[0].receipt is ReceiptState.DELIVERED
    assert len(house.mail.sent) == 1


async def test_a_messenger_whose_word_is_good_is_not_waited_for() -> None:
    house = await settled(needs_receipt=False)
    await house.pass_time(3 * HOUR)
    assert house.mail.sent == []


async def test_the_sweep_remembers_what_the_queue_forgot() -> None:
    house = await settled()
    house.store.tasks.clear()
    await house.pass_time(2 * HOUR)
    assert len(house.mail.sent) == 1


async def test_the_last_channel_waits_for_nobody() -> None:
    house = await settled()
    house.mail.needs_receipt = True  # type: ignore[misc]
    await house.pass_time(3 * HOUR)
    assert house.deliveries()[-1].wake_at is None


@pytest.mark.parametrize("how", ["no receipt", "undelivered"])
async def test_a_person_whose_one_message_did_not_arrive_gets_it_through_the_next_channel(how: str) -> None:
    house = await settled(at_most_once_per="30d")
    if how == "undelivered":
        await house.receipt("undelivered", "m1")
    await house.pass_time(2 * HOUR)
    assert [d.status for d in house.deliveries()] == [Status.SUCCEEDED, Status.SUCCEEDED]
    await house.post({**order(2), "email": "ivan@example.org"})
    await house.pass_time(2 * HOUR)
    assert (len(house.mail.sent), house.deliveries()[-1].status) == (1, Status.CANCELLED)


async def test_an_unknown_message_that_turns_out_to_be_sent_is_waited_for_too() -> None:
    house = House(via=("sms", "mail"), flow={"fallback_after": "1h"})
    house.sms.needs_receipt = True  # type: ignore[misc]
    house.sms.script.append(MaybeSent("timeout"))
    await house.settle_in()
    await house.post({**order(), "email": "ivan@example.org"})
    await house.pass_time(2 * HOUR)
    assert [d.status for d in house.deliveries()] == [Status.UNKNOWN]
    await house.receipt("sent", "m1")
    await house.pass_time(2 * HOUR)
    assert [d.status for d in house.deliveries()] == [Status.SUCCEEDED, Status.SUCCEEDED]


# A vendor's last word


def test_a_last_word_takes_back_what_was_told_and_lets_nothing_take_it_back() -> None:
    words = [ReceiptState.DELIVERED, ReceiptState.UNDELIVERED, ReceiptState.DELIVERED, ReceiptState.READ]
    delivery, seen = _delivery(), []
    for word in words:
        delivery = delivery.with_receipt(Receipt(state=word, last_word=word is ReceiptState.UNDELIVERED))
        seen.append(delivery.receipt)
    assert seen == [ReceiptState.DELIVERED, *[ReceiptState.UNDELIVERED] * 3]


def test_without_a_last_word_delivered_outweighs_undelivered() -> None:
    delivery = _delivery().with_receipt(Receipt(state=ReceiptState.DELIVERED))
    assert delivery.with_receipt(Receipt(state=ReceiptState.UNDELIVERED)) is delivery


def test_a_new_generation_has_heard_nothing_yet() -> None:
    told = _delivery().with_receipt(Receipt(state=ReceiptState.UNDELIVERED, last_word=True))
    again = told.moved(Status.FAILED).reopened("ivan", "replay", told.created_at)
    assert again.with_receipt(Receipt(state=ReceiptState.SENT)).receipt is ReceiptState.SENT


def _delivery() -> Delivery:
    return Delivery(
        id="dlv_1", event="evt_1", tenant="kofe", flow="f", step="s", connection="mail", vendor="mail", subject="s",
        command=SendMessage(to=Contact(), text="x"), repeat=Repeat.UNSAFE, guards=Guards(), created_at=START,
        base_at=START,
    )  # fmt: skip
