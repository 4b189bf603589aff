"""WhatsApp within the engine: what Meta's answers and its webhooks make of a delivery."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.support import scripted
from fakes import START, House, order
from simulators.serve import Running
from simulators.whatsapp import APP_SECRET, NUMBER, TOKEN, signed
from svyazka.connectors.whatsapp.manifest import MANIFEST
from svyazka.connectors.whatsapp.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Document, Put
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import ReceiptState
from svyazka.model.tenants import CompiledConnection, ConnectionSpec

SAMPLES = Path(__file__).parents[2] / "samples" / "whatsapp-meta"
SECRETS = {"access_token": TOKEN, "app_secret": APP_SECRET, "verify_token": "verify-token-for-tests"}
TEMPLATE = {"name": "review_request", "language": "ru", "parameters": ["{name}"]}
IVAN = "79991234567"


class WhatsappHouse(House):
    """The house with WhatsApp first and plain SMS after it. Meta's clock is the house's."""

    def __init__(self, whatsapp: Running, **flow: Any) -> None:
        super().__init__(via=("wa", "sms"), flow={"fallback_after": "30m", "template": TEMPLATE, **flow})
        self.vendor = whatsapp.of("whatsapp")
        self.vendor.ahead = START.timestamp() - time.time()
        self.controls = f"{whatsapp.url}/_sim/whatsapp"
        self.manifests["whatsapp"] = MANIFEST
        settings: dict[str, Any] = {
            **{name: {"secret": name} for name in SECRETS}, "phone_number_id": NUMBER,
            "base_url": whatsapp.base_url("whatsapp"), "limit": {"per_second": 1e9},
        }  # fmt: skip
        wa = ConnectionSpec(vendor="whatsapp", settings=settings)
        self.tenant = self.tenant.model_copy(update={"connections": {**self.tenant.connections, "wa": wa}})
        self.start()

    async def settle_in(self) -> None:
        await super().settle_in()
        vault = {f"kofe.{name}": self.keyring.seal("vault", value, f"kofe.{name}") for name, value in SECRETS.items()}
        sealed = {
            name: self.keyring.seal("verify", SECRETS[name], f"kofe.wa.{name}") for name in WEBHOOK.secret_settings
        }
        compiled = CompiledConnection(
            tenant="kofe", connection="wa", vendor="whatsapp", sealed=sealed, public={"phone_number_id": NUMBER}
        )
        secrets = [Put(Document("secrets", key, {"tenant": "kofe"}, value.encode())) for key, value in vault.items()]
        await self.store.commit([*secrets, Put(journal.document(compiled))])

    async def order(self, number: int = 1, phone: str = f"+{IVAN}") -> None:
        await self.post(order(number, phone=phone))
        await self.run()

    async def hear(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Meta calls."""
        query = f"key={self.keyring.mint('whatsapp', 'kofe', 'wa')}".encode()
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]

        async def read(limit: int) -> bytes | None:
            return body

        head = RawRequest("POST", "/webhook_whatsapp", query, pairs, b"")
        answer = await Receiver(WEBHOOK, self.store, self.keyring, self.clock).handle(head, read)
        await self.run()
        return answer

    async def tell(self, control: str = "status", **told: Any) -> int:
        """Meta tells of something; the status of our answer."""
        with scripted() as ear:
            ear.on("/hook", 200)
            async with httpx.AsyncClient(trust_env=False) as controls:
                await controls.post(f"{self.controls}/{control}", json={**told, "hook": f"{ear.url}/hook"})
            (seen,) = ear.seen
        body = json.dumps(seen[1], separators=(",", ":")).replace("/", "\\/").encode()
        return (await self.hear(body, seen[2])).status

    def sent(self) -> list[dict[str, Any]]:
        return list(self.vendor.effects)

    def first(self) -> Delivery:
        return self.deliveries()[0]


@pytest.fixture
async def house(whatsapp: Running) -> WhatsappHouse:
    made = WhatsappHouse(whatsapp)
    await made.settle_in()
    return made


async def test_an_order_becomes_a_template_and_its_statuses_move_it_forward_only(house: WhatsappHouse) -> None:
    await house.order()
    (taken,) = house.sent()
    assert taken["template"]["components"] == [{"type": "body", "parameters": [{"type": "text", "text": "Иван"}]}]
    assert taken["key"] == house.first().key
    seen = []
    for status in ("delivered", "sent", "read", "delivered"):
        assert await house.tell(id=taken["id"], status=status) == 200
        seen.append(house.first().receipt)
    assert seen == [ReceiptState.DELIVERED, ReceiptState.DELIVERED, ReceiptState.READ, ReceiptState.READ]
    await house.pass_time(3600)
    assert house.sms.sent == []


async def test_a_forged_webhook_is_403_and_leaves_no_event(house: WhatsappHouse) -> None:
    await house.order()
    before = len(house.events())
    assert await house.tell(id=house.sent()[0]["id"], status="delivered", forged=True) == 403
    assert len(house.events()) == before


async def test_without_word_of_delivery_in_time_the_next_channel_sends(house: WhatsappHouse) -> None:
    await house.order()
    await house.tell(id=house.sent()[0]["id"], status="sent")
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
    await house.tell(id=house.sent()[0]["id"], status="failed", code=code)
    assert len(house.sms.sent) == 1
    assert house.first().receipt is ReceiptState.UNDELIVERED
    await house.pass_time(25 * 3600, step=3600)
    assert (len(house.sent()), len(house.sms.sent)) == (1, 1)


async def test_no_answer_is_unknown_and_cleared_up_by_the_status_under_our_key(house: WhatsappHouse) -> None:
    async with httpx.AsyncClient(trust_env=False) as controls:
        await controls.post(f"{house.controls}/faults", json={"kind": "cut_after", "path": "/*/messages"})
    for number in (1, 2):
        await house.order(number, f"+7999123456{number}")
    unknown, _ = house.deliveries()
    assert unknown.status is Status.UNKNOWN
    await house.pass_time(3600)
    assert len(house.sent()) == 2, "never sent again by itself"
    await house.tell(id=house.sent()[0]["id"], status="delivered")
    cleared = next(delivery for delivery in house.deliveries() if delivery.id == unknown.id)
    assert (cleared.status, cleared.receipt, cleared.notes) == (Status.SUCCEEDED, ReceiptState.DELIVERED, ())


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
            end = time.monotonic() + 10
            while len(ear.seen) < 4 and time.monotonic() < end:
                await controls.get(f"{house.controls}/ledger")
            for _, body, headers in ear.seen:
                await house.hear(json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode(), headers)
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
    assert await house.tell("change", **paused) == 200
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
        assert await house.tell("incoming", **{"from": IVAN, "text": word}) == 200
        await house.order(number)
        assert [delivery.status for delivery in house.deliveries()] == statuses


async def test_who_stops_marketing_in_whatsapp_itself_is_on_the_list_too(house: WhatsappHouse) -> None:
    stopped = json.loads((SAMPLES / "user_preferences_stop.json").read_bytes())["entry"][0]["changes"][0]
    assert await house.tell("change", **stopped) == 200
    await house.order()
    assert house.first().status is Status.CANCELLED
    assert house.sent() == []


async def test_the_same_message_twice_is_one_event(house: WhatsappHouse) -> None:
    body = (SAMPLES / "text.json").read_bytes()
    for _ in range(2):
        assert (await house.hear(body, signed(body))).status == 200
    assert len(house.events()) == 1
