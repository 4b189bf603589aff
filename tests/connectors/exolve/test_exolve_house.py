"""Exolve within the engine: what its answers and its events make of a delivery."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.house import VendorHouse
from simulators.exolve import KEY
from simulators.serve import Running
from svyazka.model.deliveries import Status
from svyazka.model.events import ReceiptState

JSON = {"content-type": "application/json"}
SAMPLES = Path(__file__).parents[2] / "samples" / "exolve"


@pytest.fixture
async def house(exolve: Running) -> VendorHouse:
    made = VendorHouse(exolve, "exolve", "sms", {"sender": "KOFE"}, {"api_key": KEY}, via=("sms", "mail"))
    await made.settle_in()
    return made


async def bought(house: VendorHouse, number: int = 1) -> None:
    await house.order(number, email="ivan@example.org")


async def test_the_late_sample_leaves_delivered_as_it_is(house: VendorHouse) -> None:
    body = json.loads((SAMPLES / "event_late_not_final.json").read_bytes())
    house.vendor.messages = [{}] * 270  # the stand-in's next id is the sample's
    await bought(house)
    assert house.first().external_id == body["message_id"]
    delivered = {**body, "delivery_status": "DELIVERY_STATUS_DELIVERED", "status": "STATUS_DELIVERED"}
    for event in (delivered, body):
        await house.heard(json.dumps(event).encode(), JSON)
    assert house.first().receipt is ReceiptState.DELIVERED


@pytest.mark.parametrize("word", ["FAILED", "RETRIES_EXCEEDED", "PROHIBITED"])
async def test_what_cannot_be_delivered_goes_to_the_next_channel(house: VendorHouse, word: str) -> None:
    await bought(house)
    await house.tell("event", id=house.sent()[0]["id"], delivery=word)
    assert [(d.connection, d.receipt) for d in house.deliveries()] == [
        ("sms", ReceiptState.UNDELIVERED), ("mail", ReceiptState.NONE),
    ]  # fmt: skip
    assert len(house.mail.sent) == 1


async def test_an_answer_without_an_id_is_tried_once_more_then_told_and_goes_to_the_next_channel(
    house: VendorHouse,
) -> None:
    house.vendor.refusals = {"*": ""}
    await bought(house)
    assert house.first().status is Status.RETRYING
    await house.pass_time(900)
    assert house.first().status is Status.FAILED
    assert [call["path"].rpartition("/")[2] for call in house.vendor.calls] == ["SendSMS", "GetList", "SendSMS"]
    (alert,) = house.alerts()
    assert "поддержке exolve.ru" in alert.text
    assert len(house.mail.sent) == 1


async def test_an_account_that_is_not_active_is_told_once_and_goes_on_by_itself(house: VendorHouse) -> None:
    house.vendor.refusals = {"*": "incorrect customer state"}
    for number in (1, 2):
        await bought(house, number)
    await house.pass_time(1800, step=300)
    assert {delivery.status for delivery in house.deliveries()} == {Status.BLOCKED}
    (alert,) = house.alerts()
    assert "не активен" in alert.text
    house.vendor.refusals = {}
    await house.pass_time(3600, step=300)
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}


async def test_who_answers_stop_gets_nothing_more(house: VendorHouse) -> None:
    await house.tell("incoming", **{"from": "79991234567", "text": "Стоп"})
    await bought(house)
    assert house.first().status is Status.CANCELLED
    assert house.sent() == []
