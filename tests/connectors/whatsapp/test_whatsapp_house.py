"""WhatsApp within the engine: what Meta's answers and its webhooks make of a delivery."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.house import VendorHouse
from connectors.support import scripted
from fakes import order
from simulators.serve import Running
from simulators.whatsapp import APP_SECRET, NUMBER, TOKEN
from svyazka.model.deliveries import Status
from svyazka.model.events import ReceiptState

SAMPLES = Path(__file__).parents[2] / "samples" / "whatsapp-meta"
SECRETS = {"access_token": TOKEN, "app_secret": APP_SECRET, "verify_token": "verify-token-for-tests"}
TEMPLATE = {"name": "review_request", "language": "ru", "parameters": ["{name}"]}
IVAN = "79991234567"


class WhatsappHouse(VendorHouse):
    """WhatsApp first and plain SMS after it."""

    def __init__(self, whatsapp: Running, **flow: Any) -> None:
        how = {"via": ("wa", "sms"), "flow": {"fallback_after": "30m", "template": TEMPLATE, **flow}}
        super().__init__(whatsapp, "whatsapp", "wa", {"phone_number_id": NUMBER}, SECRETS, **how)

    async def order(self, number: int = 1, phone: str = f"+{IVAN}") -> None:
        await self.post(order(number, phone=phone))
        await self.run()

    async def told(self, control: str = "status", **what: Any) -> int:
        """Meta tells of something; the status of our answer."""
        (answer,) = await self.tell(control, **what)
        return answer.status


@pytest.fixture
async def house(whatsapp: Running) -> WhatsappHouse:
    made = WhatsappHouse(whatsapp)
    await made.settle_in()
    return made


async def test_without_word_of_delivery_in_time_the_next_channel_sends(house: WhatsappHouse) -> None:
    await house.order()
    await house.told(id=house.sent()[0]["id"], status="sent")
    await house.pass_time(29 * 60)
    assert house.sms.sent == []
    await house.pass_time(3 * 60)
    assert len(house.sms.sent) == 1
    assert [delivery.connection for delivery in house.deliveries()] == ["wa", "sms"]


@pytest.mark.parametrize("code", [131026, 131049, 131047])
async def test_what_fails_later_goes_to_the_next_channel_at_once_and_is_not_sent_here_again(
    house: WhatsappHouse, code: int
) -> None:
    await house.order()
    await house.told(id=house.sent()[0]["id"], status="failed", code=code)
    assert len(house.sms.sent) == 1
    assert house.first().receipt is ReceiptState.UNDELIVERED
    await house.pass_time(25 * 3600, step=3600)
    assert (len(house.sent()), len(house.sms.sent)) == (1, 1)


async def test_a_plain_text_reaches_only_whoever_wrote_within_a_day(whatsapp: Running) -> None:
    house = WhatsappHouse(whatsapp, template=None)
    await house.settle_in()
    async with httpx.AsyncClient(trust_env=False) as controls:
        with scripted() as ear:
            ear.on("/hook", 200)
            await controls.post(f"{house.controls}/settings", json={"hook": f"{ear.url}/hook"})
            await controls.post(f"{house.controls}/incoming", json={"from": "79991234561", "text": "Есть столик?"})
            for number in (1, 2):
                await house.order(number, f"+7999123456{number}")
            end = time.monotonic() + 60
            while len(ear.seen) < 4 and time.monotonic() < end:
                await controls.get(f"{house.controls}/ledger")
            for _, body, headers in ear.seen:
                await house.heard(json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode(), headers)
    by_phone = {d.command.to.phone[-1]: d.receipt for d in house.deliveries() if d.connection == "wa"}
    assert by_phone == {"1": ReceiptState.DELIVERED, "2": ReceiptState.UNDELIVERED}
    assert len(house.sms.sent) == 1
    assert any("шаблон" in alert.text for alert in house.alerts())


async def test_a_token_that_ran_out_stops_the_number_tells_once_and_the_messages_go_by_sms(
    house: WhatsappHouse,
) -> None:
    house.vendor.refusals = {"*": 190}
    for number in (1, 2):
        await house.order(number, f"+7999123456{number}")
    assert {delivery.status for delivery in house.deliveries()} == {Status.BLOCKED}
    await house.pass_time(3600)
    assert len(house.sms.sent) == 2
    (alert,) = house.alerts()
    assert "истёк" in alert.text
    assert "svyazka secret set" in alert.text


async def test_a_paused_template_is_told_and_its_messages_wait_for_the_next_channel(house: WhatsappHouse) -> None:
    paused = json.loads((SAMPLES / "template_paused.json").read_bytes())["entry"][0]["changes"][0]
    assert await house.told("change", **paused) == 200
    (alert,) = house.alerts()
    assert "приостановила" in alert.text
    house.vendor.refusals = {"*": 132015}
    await house.order()
    assert house.first().status is Status.RETRYING
    await house.pass_time(3600)
    assert len(house.sms.sent) == 1


async def test_who_answers_stop_gets_nothing_more_on_any_channel_until_he_says_start(house: WhatsappHouse) -> None:
    for word, number, statuses in [("Стоп", 1, [Status.CANCELLED]), ("старт", 2, [Status.CANCELLED, Status.SUCCEEDED])]:
        house.clock.step(60)
        house.vendor.ahead += 60
        assert await house.told("incoming", **{"from": IVAN, "text": word}) == 200
        await house.order(number)
        assert [delivery.status for delivery in house.deliveries()] == statuses


async def test_who_stops_marketing_in_whatsapp_itself_is_on_the_list_too(house: WhatsappHouse) -> None:
    stopped = json.loads((SAMPLES / "user_preferences_stop.json").read_bytes())["entry"][0]["changes"][0]
    assert await house.told("change", **stopped) == 200
    await house.order()
    assert house.first().status is Status.CANCELLED
    assert house.sent() == []
