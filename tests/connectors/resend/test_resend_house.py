"""Resend within the engine: what its answers and its events make of a delivery."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from connectors.house import VendorHouse
from simulators.resend import KEY, SECRET, signed
from simulators.serve import Running
from svyazka.connectors.resend.unsubscribe import ONE_CLICK, Reader, link
from svyazka.connectors.resend.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import EventStatus, ReceiptState

SECRETS = {"api_key": KEY, "signing_secret": SECRET}


class MailHouse(VendorHouse):
    """Resend for its letters, and its plain SMS for a fallback."""

    def __init__(self, resend: Running, via: tuple[str, ...] = ("mail", "sms"), **flow: Any) -> None:
        letter = {"subject": "Как вам?", "html": "<p>{name}, спасибо!</p>", **flow}
        sender = {"sender": "Кофейня <noreply@example.com>"}
        super().__init__(
            resend, "resend", "mail", sender, SECRETS, wants=("message.received",), via=via, flow=letter
        )  # fmt: skip

    async def order(self, number: int = 1, email: str = "anna@example.org") -> None:
        await super().order(number, email=email)

    async def tell(self, control: str = "event", **told: Any) -> list[Answer]:
        return await super().tell(control, **told)

    def letters(self) -> list[dict[str, Any]]:
        """Letters that Resend took."""
        return self.sent()

    def only(self) -> Delivery:
        (delivery,) = self.deliveries()
        return delivery


@pytest.fixture
async def house(resend: Running) -> MailHouse:
    made = MailHouse(resend)
    await made.settle_in()
    return made


async def test_a_bounce_goes_to_the_next_channel_even_after_delivered_and_whatever_comes_then(house: MailHouse) -> None:
    await house.order()
    id_ = house.letters()[0]["id"]
    for event in ("delivered", "bounced", "delivered"):
        await house.tell(id=id_, event=event)
    mail, sms = house.deliveries()
    assert (mail.status, mail.receipt) == (Status.SUCCEEDED, ReceiptState.UNDELIVERED)
    assert mail.last_error is not None
    assert mail.last_error.code == "Permanent/NoEmail"
    assert (sms.connection, sms.status) == ("sms", Status.SUCCEEDED)
    assert len(house.sms.sent) == 1


async def test_who_complains_is_written_to_on_no_channel_any_more(house: MailHouse) -> None:
    await house.order(1)
    await house.tell(id=house.letters()[0]["id"], event="complained")
    await house.order(2)
    assert [(d.status, d.receipt) for d in house.deliveries()] == [
        (Status.SUCCEEDED, ReceiptState.DELIVERED), (Status.CANCELLED, ReceiptState.NONE),
    ]  # fmt: skip
    assert len(house.letters()) == 1
    assert house.sms.sent == []
    (alert,) = house.alerts()
    assert "спам" in alert.text


async def test_one_click_unsubscribes_and_looking_does_not(house: MailHouse) -> None:
    url = link("https://hub.example.ru/webhook_resend", SECRET, Reader("dlv_1", "anna@example.org", None))
    path = url.removeprefix("https://hub.example.ru")
    receiver = Receiver(WEBHOOK, house.store, house.keyring, house.clock)
    query = f"key={house.keyring.mint('resend', 'kofe', 'mail')}".encode()

    async def nothing(limit: int) -> bytes | None:
        return b""

    looked = await receiver.handle(RawRequest("GET", path, query, [], b""), nothing)
    assert looked.status == 200
    assert house.events() == []
    answer = await house.heard(ONE_CLICK.encode(), {"content-type": "application/x-www-form-urlencoded"}, path)
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    await house.run()
    await house.order()
    assert house.only().status is Status.CANCELLED
    assert house.letters() == []


async def test_nobody_is_told_that_he_is_unsubscribed_while_it_cannot_be_written_down(house: MailHouse) -> None:
    url = link("https://hub.example.ru/webhook_resend", SECRET, Reader("dlv_1", "anna@example.org", None))
    head = {"content-type": "application/x-www-form-urlencoded"}
    assert (await house.heard(ONE_CLICK.encode(), head, url.removeprefix("https://hub.example.ru"))).status == 200
    house.store.documents = {key: d for key, d in house.store.documents.items() if key[0] != "events"}
    house.store.down = True
    answer = await house.heard(ONE_CLICK.encode(), head, url.removeprefix("https://hub.example.ru"))
    assert answer.status == 503


async def test_a_letter_of_theirs_is_read_whole_and_its_word_counts(house: MailHouse) -> None:
    await house.tell("incoming", **{"from": "Анна <anna@example.org>", "subject": "Re: Как вам?", "text": "Отписаться"})
    announced, whole = sorted(house.events(), key=lambda record: record.event.partial, reverse=True)
    assert announced.reason is not None
    assert whole.event.id in announced.reason
    assert (whole.event.data["text"], whole.status) == ("Отписаться", EventStatus.PLANNED)
    await house.order()
    assert house.only().status is Status.CANCELLED


async def test_an_event_clears_up_what_no_repeat_may(resend: Running) -> None:
    """Resend was away for more than a day: a repeat would be another letter."""
    house = MailHouse(resend, via=("mail",), expires_after="5d")
    await house.settle_in()
    house.running.fault("resend", kind="cut_after", path="/emails")
    house.running.fault("resend", kind="answer", path="/emails", status=503, body="<html>", times=-1)
    await house.order()
    await house.pass_time(timedelta(hours=30).total_seconds(), step=1800)
    assert house.only().status is Status.UNKNOWN
    house.vendor.faults.clear()
    await house.pass_time(timedelta(hours=30).total_seconds(), step=1800)
    assert len(house.letters()) == 1
    await house.tell(id=house.letters()[0]["id"], event="delivered")
    assert (house.only().status, house.only().receipt) == (Status.SUCCEEDED, ReceiptState.DELIVERED)


async def test_an_unverified_domain_goes_to_the_next_channel_and_is_told(house: MailHouse) -> None:
    house.vendor.domains = {}
    await house.order()
    mail, sms = house.deliveries()
    assert (mail.status, sms.status) == (Status.FAILED, Status.SUCCEEDED)
    (alert,) = house.alerts()
    assert "DKIM" in alert.text


async def test_a_spent_quota_stops_the_connection_tells_once_and_goes_on_by_itself(resend: Running) -> None:
    house = MailHouse(resend, via=("mail",))
    await house.settle_in()
    house.vendor.left = 0
    for number in (1, 2, 3):
        await house.order(number, f"a{number}@example.org")
    await house.pass_time(3600)
    assert {delivery.status for delivery in house.deliveries()} == {Status.BLOCKED}
    (alert,) = house.alerts()
    assert "дневной объём" in alert.text
    house.vendor.left = 10
    await house.pass_time(2 * 3600, step=300)
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}


async def test_a_lost_domain_is_told_once(house: MailHouse) -> None:
    lost = {"name": "example.com", "status": "failed"}
    body = json.dumps({"type": "domain.updated", "created_at": "2026-03-14T12:00:00Z", "data": lost}).encode()
    for _ in range(2):
        assert (await house.heard(body, signed(body, house.clock.real().timestamp()))).status == 200
        await house.run()
    (alert,) = house.alerts()
    assert "example.com" in alert.text
