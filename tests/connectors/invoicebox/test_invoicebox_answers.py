"""What Invoicebox hears to a notification: every row of its table, always 200, the same whenever it asks again."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from dying import Killed, strikes
from fakes import House
from simulators.invoicebox import MERCHANT, NOTIFICATION_KEY, PROBE, signed
from svyazka.connectors.invoicebox.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Answer, Inbound, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.events import EventStatus, EventType
from svyazka.model.money import Money
from svyazka.model.payments import Attempt, By, Payment, Transaction, TransactionKind, TransactionStatus, attempt_number
from svyazka.model.tenants import CompiledConnection
from vendors.invoicebox import HOOKS

POINTS = ("receive.before_parse", "accept.before", "accept.after", "answer.before", "decide.before", "decide.after")
A, B = "0195a000-0000-7000-8000-00000000000a", "0195a000-0000-7000-8000-00000000000b"


class Shop(House):
    """An engine that takes payments by Invoicebox."""

    async def settle_in(self) -> None:
        sealed = self.keyring.seal("verify", NOTIFICATION_KEY, "kofe.bills.notification_key")
        compiled = CompiledConnection(
            tenant="kofe", connection="bills", vendor="invoicebox", public={"merchant_id": MERCHANT},
            sealed={"notification_key": sealed}, wants=(EventType.PAYMENT_CHANGED.value,),
        )  # fmt: skip
        await self.store.commit([Put(journal.document(self.tenant)), Put(journal.document(compiled))])

    async def order(self, number: int = 1, amount: str = "1049.30", **more: Any) -> str:
        """A payment that is begun; our number of it."""
        id_, now = f"pay_{number:024x}", self.clock.now()
        attempt = Attempt(n=1, connection="bills", vendor="invoicebox", by=By.LINK, number=attempt_number(id_, 1))
        payment = Payment(
            id=id_, tenant="kofe", connection="site", flow="pay", event="evt_1", order=str(number),
            amount=Money.read(amount), created_at=now, changed_at=now, **{"attempts": (attempt,), **more},
        )  # fmt: skip
        await self.store.commit([Put(journal.document(payment))])
        return attempt.number

    async def hears(self, body: bytes, headers: dict[str, str]) -> Answer:
        receiver = Receiver(WEBHOOK, self.inbox, self.keyring, self.clock, self.store)
        key = self.keyring.mint("invoicebox", "kofe", "bills")
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        head = RawRequest("POST", "/webhook_invoicebox", f"key={key}".encode(), pairs, b"")

        async def read(limit: int) -> bytes | None:
            return body

        return await receiver.handle(head, read)

    async def tells(self, number: object, id_: str = A, **changed: Any) -> str:
        """What Invoicebox hears: `success`, or a code. The amount is as PHP writes it."""
        told = {
            "id": id_, "status": "completed", "merchantId": MERCHANT, "merchantOrderId": number, "amount": 1049.3,
            "currencyId": "RUB", **changed,
        }  # fmt: skip
        return said(await self.hears(*signed(told)))


def said(answer: Answer) -> str:
    told = json.loads(answer.body)
    assert answer.status == 200
    assert told.keys() <= {"status", "code", "message"}
    assert len(told.get("message", "")) <= 500
    return str(told["status"] if told["status"] == "success" else told["code"])


@pytest.fixture
async def shop() -> Shop:
    made = Shop()
    await made.settle_in()
    return made


def paid_by(id_: str) -> dict[str, Any]:
    """What a payment has that was paid by this order of Invoicebox's, in whichever way we learnt it."""
    payment = f"pay_{9:024x}"
    attempt = Attempt(
        n=1, connection="bills", vendor="invoicebox", by=By.LINK, number=attempt_number(payment, 1), external_id=id_
    )
    taken = Transaction(
        id="t1", kind=TransactionKind.PURCHASE, attempt=1, status=TransactionStatus.DONE,
        amount=Money.read("1049.30"), at="2026-03-14T16:00:00Z",
    )  # fmt: skip
    return {"attempts": (attempt,), "transactions": (taken,)}


ROWS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    # what the payment is like, what is told, what is heard
    ({}, {}, "success"),
    ({}, {"amount": 1049.30}, "success"),
    ({}, {"amount": 1049.31}, "order_wrong_amount"),
    ({}, {"amount": "1e3"}, "order_wrong_amount"),
    ({}, {"amount": None}, "order_wrong_amount"),
    ({}, {"amount": True}, "order_wrong_amount"),
    ({"amount": "1050.00"}, {"amount": 1050}, "success"),
    ({"amount": "1050.00"}, {"amount": 1050.0}, "success"),
    ({}, {"currencyId": "USD"}, "order_wrong_amount"),
    ({"closed": True}, {}, "shipping_unavailable"),
    (paid_by(A), {}, "success"),
    (paid_by(B), {}, "order_already_paid"),
    ({}, {"merchantOrderId": "r1-check-1024"}, "order_not_found"),
    ({}, {"merchantOrderId": ""}, "order_not_found"),
    ({}, {"merchantOrderId": attempt_number(f"pay_{404:024x}", 1)}, "order_not_found"),
    ({}, {"merchantId": "02900000-1111-7222-8333-444444444444"}, "order_not_found"),
    ({}, {"merchantId": None}, "order_not_found"),
    ({}, {"status": "created"}, "success"),
    ({}, {"status": "expired"}, "success"),
    ({}, {"status": "canceled", "amount": 1}, "success"),
    ({}, {"status": "canceled", "merchantOrderId": "42"}, "order_not_found"),
    # What nobody has said to mean money: it comes again, and is taken once it was read as paid.
    ({}, {"status": "success"}, "out_of_service"),
    (paid_by(A), {"status": "success"}, "success"),
    (paid_by(B), {"status": "success"}, "out_of_service"),
    ({}, {"status": None}, "out_of_service"),
    ({}, {"id": PROBE, "merchantOrderId": ""}, "success"),
    ({}, {"id": PROBE, "merchantId": "02900000-1111-7222-8333-444444444444"}, "order_not_found"),
]


@pytest.mark.parametrize(("payment", "told", "heard"), ROWS)
async def test_each_row_of_the_table(payment: dict[str, Any], told: dict[str, Any], heard: str, shop: Shop) -> None:
    number = await shop.order(9, **payment)
    told = {**told}
    assert await shop.tells(told.pop("merchantOrderId", number), told.pop("id", A), **told) == heard


async def test_a_signature_that_isnt_right_or_isnt_there(shop: Shop) -> None:
    number = await shop.order()
    body, headers = signed({"id": A, "status": "completed", "merchantId": MERCHANT, "merchantOrderId": number})
    wrong = {**headers, "x-signature": "0" * 40}
    for given, heard in ((wrong, "signature_error"), ({"content-type": "application/json"}, "out_of_service")):
        assert said(await shop.hears(body, given)) == heard
    assert said(await shop.hears(body.replace(b"\\/", b"/") + b" ", headers)) == "signature_error"
    assert shop.events() == []


async def test_a_store_that_is_silent_is_no_refusal_of_the_money(shop: Shop) -> None:
    number = await shop.order()
    shop.store.down = True
    assert await shop.tells(number) == "out_of_service"
    shop.store.down = False
    assert await shop.tells(number) == "success"


async def test_what_we_dont_know_stays_with_us_to_be_read(shop: Shop) -> None:
    assert await shop.tells("42") == "order_not_found"
    (record,) = shop.events()
    assert (record.event.type, record.event.subject) == (EventType.PAYMENT_CHANGED, f"payment:{A}")


async def test_its_monitoring_leaves_one_line_and_nothing_to_do(shop: Shop) -> None:
    for _ in range(5):
        assert await shop.tells("", PROBE) == "success"
    assert [one.status for one in shop.events()] == [EventStatus.IGNORED]


async def test_ten_repeats_in_a_day_get_one_answer_whatever_dies(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bills of one payment, both told again and again: one of them hears yes for ever."""
    chance = Random(10)

    def reach(at: str) -> None:
        if at in POINTS and chance.random() < 0.3:
            raise Killed(at)

    strikes(reach, monkeypatch)
    for number in range(30):
        ours, winner = await shop.order(number), None
        for repeat in range(22):
            id_ = chance.choice([f"{A[:-3]}{number:03}", f"{B[:-3]}{number + 500:03}"])
            shop.store.down = repeat < 20 and chance.random() < 0.1
            if repeat >= 20:
                strikes(lambda at: None, monkeypatch)
                id_ = (f"{A[:-3]}{number:03}", f"{B[:-3]}{number + 500:03}")[repeat - 20]
            try:
                heard = await shop.tells(ours, id_)
            except Killed:
                continue
            finally:
                shop.store.down = False
                shop.clock.step(timedelta(hours=1).total_seconds())
            if heard == "success":
                assert winner in (None, id_)
                winner = id_
            elif heard == "order_already_paid":
                assert winner != id_
            else:
                assert heard == "out_of_service"
        assert winner is not None
        strikes(reach, monkeypatch)


def test_the_signature_is_the_vendors_own_packages() -> None:
    request = HOOKS.requests["notification-of-the-sdk.http"]
    assert len(request.body) == 1028
    assert WEBHOOK.verify(request, Inbound({}, {"notification_key": "test"})) is None
    assert WEBHOOK.verify(request, Inbound({}, {"notification_key": "test2"})) is not None


@pytest.mark.parametrize("name", ["notification-completed.http", "notification-canceled.http"])
def test_the_samples_signatures_are_right(name: str) -> None:
    assert WEBHOOK.verify(HOOKS.requests[name], HOOKS.inbound()) is None


@pytest.mark.parametrize("code", ["out-of-service", "wrong-amount", "signature"])
def test_our_answers_are_those_of_its_pages(code: str) -> None:
    told = json.loads((HOOKS.folder / f"notification-answer-error-{code}.json").read_text())
    from svyazka.connectors.invoicebox.webhook import WORDS

    assert WORDS[told["code"]] == told["message"]
