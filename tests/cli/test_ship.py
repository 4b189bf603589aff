"""`svyazka ship`: a provider hears once what was handed over, whatever answer never came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.conftest import Installation
from simulators.invoicebox import MERCHANT, NOTIFICATION_KEY, TOKEN
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.backends.local.store import LocalStore
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.engine.worker import Worker
from svyazka.model.money import Money
from svyazka.model.payments import Attempt, By, Payment, Transaction, TransactionKind, TransactionStatus, attempt_number

FILE = """\
id: kofe
name: Кофейня
timezone: Europe/Moscow
connections:
  scheta:
    vendor: invoicebox
    base_url: "%s"
    merchant_id: "%s"
    token: {secret: shop}
    notification_key: {secret: key}
"""
ID = f"pay_{7:024x}"
PATH = "/v3/billing/api/order/shipment"


class Shop:
    """A bill of 1049.30 that is paid, and of which 49.30 went back."""

    def __init__(self, bare: Installation, running: Running) -> None:
        self.bare, self.there = bare, running.of("invoicebox")
        bare.file.write_text(FILE % (running.base_url("invoicebox"), MERCHANT), "utf-8")
        bare.svyazka("apply", str(bare.file), "--yes")
        bare.svyazka("secret", "set", "kofe", "shop", given=TOKEN)
        bare.svyazka("secret", "set", "kofe", "key", given=NOTIFICATION_KEY)
        order = self.there.till.pay(self.there.till.make("p", 104930))
        self.there.till.refund(order, "p-r1", 4930)
        at = datetime.now(UTC)
        attempt = Attempt(
            n=1, connection="scheta", vendor="invoicebox", by=By.LINK, number=attempt_number(ID, 1),
            external_id=order.id,
        )  # fmt: skip
        done = {"attempt": 1, "status": TransactionStatus.DONE, "at": at}
        moved = (
            Transaction(id="t1", kind=TransactionKind.PURCHASE, amount=Money.read("1049.30"), **done),
            Transaction(id="t2", kind=TransactionKind.REFUND, amount=Money.read("49.30"), **done),
        )
        self.payment = Payment(
            id=ID, tenant="kofe", connection="site", flow="pay", event="evt_1", order="A-1",
            amount=Money.read("1049.30"), attempts=(attempt,), transactions=moved, created_at=at, changed_at=at,
        )  # fmt: skip
        self.put()

    def put(self, **changed: Any) -> None:
        async def body(worker: Worker, store: LocalStore) -> None:
            await store.commit([Put(journal.document(self.payment.model_copy(update=changed)))])

        self.bare.opened(body)

    def stored(self) -> Payment:
        async def body(worker: Worker, store: LocalStore) -> Payment:
            held = await journal.load(store, Payment, ID)
            assert held is not None
            return held.model

        return self.bare.opened(body)

    def shipped(self) -> list[int]:
        return [one["kopecks"] for one in self.there.effects if one["kind"] == "shipment"]


@pytest.fixture
def running() -> Iterator[Running]:
    with serve([load_simulator("invoicebox")]) as found:
        yield found


def test_a_provider_hears_once_what_was_handed_over_whatever_answer_never_came(
    bare: Installation, running: Running
) -> None:
    shop = Shop(bare, running)
    running.fault("invoicebox", kind="answer", status=401, path=PATH, body={"error": {"code": "unauthorized"}})
    assert "refuses" in bare.svyazka("ship", ID, status=1).stderr
    assert shop.stored().shipment is None, "nothing was done: it may be tried at once"
    running.fault("invoicebox", kind="cut_after", path=PATH, method="POST")
    assert "it looks first" in bare.svyazka("ship", ID, "--document", "1024", status=1).stderr
    assert "two minutes" in bare.svyazka("ship", ID, status=1).stderr
    asked = shop.stored().shipment
    assert asked is not None
    shop.put(shipment=asked.model_copy(update={"asked_at": asked.asked_at - timedelta(minutes=3)}))
    assert bare.rows("ship", ID) == [{"payment": ID, "shipment": "1"}]
    assert "already" in bare.svyazka("ship", ID, status=1).stderr
    assert "handed over" in bare.svyazka("payments", ID).output
    assert shop.shipped() == [100000]
    assert [told["documentNumber"] for _, told in shop.there.shipments] == ["1024"]
    assert [one[0] for one in bare.audit()].count("ship") == 3


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"transactions": ()}, "nothing to close"),
        ({"attempts": ()}, "nothing to close"),
        ({"connection of the attempt": "gone"}, "isn't there"),
        ({"refund": TransactionStatus.PENDING}, "on its way"),
    ],
)
def test_where_there_is_nothing_to_close_nothing_is_told(
    bare: Installation, running: Running, changed: dict[str, Any], why: str
) -> None:
    shop = Shop(bare, running)
    attempt, (taken, back) = shop.payment.attempts[0], shop.payment.transactions
    if gone := changed.pop("connection of the attempt", None):
        changed["attempts"] = (attempt.model_copy(update={"connection": gone}),)
    if status := changed.pop("refund", None):
        changed["transactions"] = (taken, back.model_copy(update={"status": status}))
    shop.put(**changed)
    assert why in bare.svyazka("ship", ID, status=1).stderr
    assert shop.shipped() == []
