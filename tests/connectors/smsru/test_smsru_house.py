"""sms.ru within the engine: what its answers and its callbacks make of a delivery."""

from __future__ import annotations

import pytest

from connectors.house import VendorHouse
from fakes import START, order
from simulators.serve import Running
from simulators.smsru.account import Account
from simulators.smsru.receipts import heartbeat, signed, status_record
from svyazka.engine.contracts.webhook import Answer
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import EventStatus

KEY = "00000000-AAAA-BBBB-CCCC-000000000001"
SECRET = {"secret": "smsru-api-id"}


class SmsHouse(VendorHouse):
    """With sms.ru's account and its callbacks."""

    @property
    def account(self) -> Account:
        found: Account = self.vendor.account(KEY)
        return found

    async def callback(self, *records: str, key: str = KEY) -> Answer:
        """sms.ru calls."""
        body, headers = signed(key, records)
        return await self.heard(body, headers, work=False)

    def status(self, code: int, sms_id: str) -> str:
        """A record of sms.ru's, now."""
        return status_record(sms_id, code, self.clock.now().timestamp())

    def numbers(self) -> list[str]:
        """Those to which messages went."""
        return [effect["to"] for effect in self.sent()]

    def only(self) -> Delivery:
        (delivery,) = self.deliveries()
        return delivery


@pytest.fixture
async def house(smsru: Running) -> SmsHouse:
    made = SmsHouse(smsru, "smsru", "sms", {"sender": "KOFE"}, {"api_id": KEY})
    await made.settle_in()
    return made


async def test_a_batch_is_journaled_record_by_record_and_answered_with_100(house: SmsHouse) -> None:
    records = (heartbeat(START.timestamp()), "sms_status\nunreadable", "new\n1", house.status(103, "202611-1000001"))
    for _ in range(2):
        answer = await house.callback(*records)
        assert (answer.status, answer.body) == (200, b"100")
    assert sorted(record.status for record in house.events()) == sorted(
        [EventStatus.IGNORED, EventStatus.QUARANTINED, EventStatus.IGNORED, EventStatus.ACCEPTED]
    )
    await house.run()
    assert [alert.kind for alert in house.alerts()] == ["quarantined"]


async def test_a_repeat_that_sms_ru_asked_for_and_then_refuses_as_a_double_is_unknown(house: SmsHouse) -> None:
    """It answered 500 and had taken the message all the same."""
    house.account.duplicates = True
    house.account.same["79991234567", "Иван, спасибо! https://example.org/r"].append(house.vendor.now())
    failed = {"status": "ERROR", "status_code": 500, "status_text": "Ошибка на сервере"}
    house.running.fault("smsru", kind="answer", path="/sms/send", status=200, body=failed)
    await house.post(order())
    await house.pass_time(3600)
    delivery = house.only()
    assert [attempt.outcome for attempt in delivery.attempts] == ["retry", "unknown"]
    assert delivery.status is Status.UNKNOWN
    assert delivery.last_error is not None
    assert delivery.last_error.code == "231"


async def test_no_money_stops_the_connection_tells_once_and_goes_on_by_itself_when_there_is_some(
    house: SmsHouse,
) -> None:
    house.account.balance = 0.5
    for number in (1, 2, 3):
        await house.post(order(number, phone=f"+7999123456{number}"))
    await house.pass_time(2 * 3600, step=300)
    assert {delivery.status for delivery in house.deliveries()} == {Status.BLOCKED}
    (alert,) = house.alerts()
    assert "не хватает денег" in alert.text
    assert "Пополните баланс" in alert.text
    house.account.balance = 500.0
    await house.pass_time(2 * 3600, step=300)
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}
    assert sorted(house.numbers()) == ["79991234561", "79991234562", "79991234563"]


async def test_a_name_unknown_to_one_operator_fails_that_message_tells_once_a_day_and_stops_nobody(
    house: SmsHouse,
) -> None:
    house.account.refusals.update({"79991234561": 204, "79991234562": 204})
    for number in (1, 2, 3):
        await house.post(order(number, phone=f"+7999123456{number}"))
    await house.run()
    by_phone = {d.command.to.phone[-1]: d.status for d in house.deliveries()}
    assert by_phone == {"1": Status.FAILED, "2": Status.FAILED, "3": Status.SUCCEEDED}
    (alert,) = house.alerts()
    assert "имя отправителя не зарегистрировано" in alert.text
    assert "svyazka show dlv_" in alert.text


async def test_who_complained_about_spam_is_never_messaged_again(house: SmsHouse) -> None:
    house.account.complaints.append("79991234567")
    await house.post(order(1))
    await house.run()
    house.account.complaints.clear()
    await house.post(order(2))
    await house.run()
    assert [delivery.status for delivery in house.deliveries()] == [Status.FAILED, Status.CANCELLED]
    assert house.numbers() == []


async def test_the_daily_limit_is_waited_for_until_the_next_day_in_moscow(house: SmsHouse) -> None:
    house.account.daily_limit = 0
    await house.post(order())
    await house.run()
    waiting = house.only().next_attempt_at
    assert waiting is not None
    assert waiting.isoformat() >= "2026-03-14T21:05", "midnight in Moscow, and a little later"
    house.account.daily_limit = 10
    await house.pass_time(10 * 3600, step=600)
    assert house.only().status is Status.SUCCEEDED


async def test_a_land_line_gets_no_delivery_at_all(house: SmsHouse) -> None:
    await house.post(order(phone="8 495 123-45-67"))
    await house.run()
    assert house.deliveries() == []
    assert house.vendor.calls == []


async def test_a_day_without_even_a_heartbeat_is_told_of_once(house: SmsHouse) -> None:
    await house.callback(heartbeat(START.timestamp()))
    for hours, told in ((23, 0), (2, 1), (24, 1)):
        house.clock.step(hours * 3600)
        await house.worker.watch.tell_silent()
        assert [alert.kind for alert in house.alerts()] == ["silent"] * told
    assert "SMS.ru" in house.alerts()[0].text
