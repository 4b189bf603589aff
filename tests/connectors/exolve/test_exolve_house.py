"""Exolve within the engine: what its answers and its events make of a delivery."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.support import scripted
from fakes import START, House, order
from simulators.exolve import KEY
from simulators.serve import Running
from svyazka.connectors.exolve.manifest import MANIFEST
from svyazka.connectors.exolve.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Document, Put
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import ReceiptState
from svyazka.model.tenants import CompiledConnection, ConnectionSpec

SAMPLES = Path(__file__).parents[2] / "samples" / "exolve"


class ExolveHouse(House):
    """The house with Exolve for its messenger, and plain mail for a fallback. Both share a clock."""

    def __init__(self, exolve: Running) -> None:
        super().__init__(via=("sms", "mail"))
        self.vendor = exolve.of("exolve")
        self.vendor.ahead = START.timestamp() - time.time()
        self.controls = f"{exolve.url}/_sim/exolve"
        self.manifests["exolve"] = MANIFEST
        settings: dict[str, Any] = {
            "api_key": {"secret": "exolve"}, "sender": "KOFE", "base_url": exolve.base_url("exolve"),
            "limit": {"per_second": 1e9},
        }  # fmt: skip
        sms = ConnectionSpec(vendor="exolve", settings=settings)
        self.tenant = self.tenant.model_copy(update={"connections": {**self.tenant.connections, "sms": sms}})
        self.start()

    async def settle_in(self) -> None:
        await super().settle_in()
        secret = self.keyring.seal("vault", KEY, "kofe.exolve").encode()
        compiled = CompiledConnection(tenant="kofe", connection="sms", vendor="exolve")
        await self.store.commit(
            [
                Put(Document("secrets", "kofe.exolve", {"tenant": "kofe"}, secret)),
                Put(journal.document(compiled)),
            ]
        )

    async def order(self, number: int = 1) -> None:
        await self.post({**order(number), "email": "ivan@example.org"})
        await self.run()

    async def hear(self, body: bytes) -> Answer:
        """Exolve calls."""
        query = f"key={self.keyring.mint('exolve', 'kofe', 'sms')}".encode()

        async def read(limit: int) -> bytes | None:
            return body

        head = RawRequest("POST", "/webhook_exolve", query, [(b"content-type", b"application/json")], b"")
        answer = await Receiver(WEBHOOK, self.store, self.keyring, self.clock).handle(head, read)
        await self.run()
        return answer

    async def tell(self, control: str = "event", **told: Any) -> None:
        """Exolve tells of something."""
        with scripted() as ear:
            ear.on("/hook", 200)
            async with httpx.AsyncClient(trust_env=False) as controls:
                await controls.post(f"{self.controls}/{control}", json={**told, "hook": f"{ear.url}/hook"})
            for body in ear.asked("/hook"):
                assert (await self.hear(json.dumps(body).encode())).status == 200

    def sent(self) -> list[dict[str, Any]]:
        return list(self.vendor.effects)

    def first(self) -> Delivery:
        return self.deliveries()[0]


@pytest.fixture
async def house(exolve: Running) -> ExolveHouse:
    made = ExolveHouse(exolve)
    await made.settle_in()
    return made


async def test_an_order_becomes_a_message_and_its_events_move_it_forward_only(house: ExolveHouse) -> None:
    await house.order()
    (taken,) = house.sent()
    assert (taken["to"], taken["sender"]) == ("79991234567", "KOFE")
    seen = []
    for word in ("SENT", "DELIVERED", "SENT", "NEW_WORD"):
        await house.tell(id=taken["id"], delivery=word)
        seen.append(house.first().receipt)
    assert seen == [ReceiptState.SENT, ReceiptState.DELIVERED, ReceiptState.DELIVERED, ReceiptState.DELIVERED]


async def test_the_late_sample_leaves_delivered_as_it_is(house: ExolveHouse) -> None:
    body = json.loads((SAMPLES / "event_late_not_final.json").read_bytes())
    house.vendor.messages = [{}] * 270  # the stand-in's next id is the sample's
    await house.order()
    assert house.first().external_id == body["message_id"]
    delivered = {**body, "delivery_status": "DELIVERY_STATUS_DELIVERED", "status": "STATUS_DELIVERED"}
    for event in (delivered, body):
        await house.hear(json.dumps(event).encode())
    assert house.first().receipt is ReceiptState.DELIVERED


@pytest.mark.parametrize("word", ["FAILED", "RETRIES_EXCEEDED", "PROHIBITED"])
async def test_what_cannot_be_delivered_goes_to_the_next_channel(house: ExolveHouse, word: str) -> None:
    await house.order()
    await house.tell(id=house.sent()[0]["id"], delivery=word)
    assert [(d.connection, d.receipt) for d in house.deliveries()] == [
        ("sms", ReceiptState.UNDELIVERED), ("mail", ReceiptState.NONE),
    ]  # fmt: skip
    assert len(house.mail.sent) == 1


@pytest.mark.parametrize(("kind", "calls"), [("cut_after", 1), ("cut_before", 2)])
async def test_no_answer_is_asked_about_and_repeated_only_if_it_was_not_sent(
    house: ExolveHouse, kind: str, calls: int
) -> None:
    house.vendor.faults.clear()
    async with httpx.AsyncClient(trust_env=False) as controls:
        await controls.post(f"{house.controls}/faults", json={"kind": kind, "path": "/messaging/v1/SendSMS"})
    await house.order()
    house.vendor.ahead += 600
    await house.pass_time(600)
    assert (house.first().status, len(house.sent())) == (Status.SUCCEEDED, 1)
    paths = [call["path"].rpartition("/")[2] for call in house.vendor.calls]
    assert paths == ["SendSMS", "GetList", "SendSMS"][: calls + 1]
    assert house.mail.sent == []


async def test_an_answer_without_an_id_is_tried_once_more_then_told_and_goes_to_the_next_channel(
    house: ExolveHouse,
) -> None:
    house.vendor.refusals = {"*": ""}
    await house.order()
    assert house.first().status is Status.RETRYING
    await house.pass_time(900)
    assert house.first().status is Status.FAILED
    assert [call["path"].rpartition("/")[2] for call in house.vendor.calls] == ["SendSMS", "GetList", "SendSMS"]
    (alert,) = house.alerts()
    assert "поддержке exolve.ru" in alert.text
    assert len(house.mail.sent) == 1


async def test_an_account_that_is_not_active_is_told_once_and_goes_on_by_itself(house: ExolveHouse) -> None:
    house.vendor.refusals = {"*": "incorrect customer state"}
    for number in (1, 2):
        await house.order(number)
    await house.pass_time(1800, step=300)
    assert {delivery.status for delivery in house.deliveries()} == {Status.BLOCKED}
    (alert,) = house.alerts()
    assert "не активен" in alert.text
    house.vendor.refusals = {}
    await house.pass_time(3600, step=300)
    assert {delivery.status for delivery in house.deliveries()} == {Status.SUCCEEDED}


async def test_who_answers_stop_gets_nothing_more(house: ExolveHouse) -> None:
    await house.tell("incoming", **{"from": "79991234567", "text": "Стоп"})
    await house.order()
    assert house.first().status is Status.CANCELLED
    assert house.sent() == []
