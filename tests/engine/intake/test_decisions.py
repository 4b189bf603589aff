"""Answers that are decisions: equal for whoever asks again, yes to one where there can be one, whatever dies."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from dying import Killed, strikes
from fakes import House
from svyazka.engine.contracts.deciding import Asked, Book, Decision, KnownPayment, Verdict, judged
from svyazka.engine.contracts.webhook import Answer, Inbound, RawRequest, Webhook
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.events import Entity, EventType, Fact, Unreadable
from svyazka.model.money import Money
from svyazka.model.payments import Attempt, By, Payment, attempt_number
from svyazka.model.tenants import CompiledConnection

KILLS = int(os.environ.get("SVYAZKA_DECISIONS", "1000"))
POINTS = ("receive.before_parse", "accept.before", "accept.after", "answer.before", "decide.before", "decide.after")

CODES = {
    Verdict.ACCEPT: None, Verdict.REPEATED: None, Verdict.UNKNOWN_ORDER: "order_not_found",
    Verdict.OTHER_AMOUNT: "order_wrong_amount", Verdict.PAID_ALREADY: "order_already_paid",
    Verdict.CANCELLED: "order_cancelled",
}  # fmt: skip


def said(code: str | None) -> Answer:
    body = {"status": "success"} if code is None else {"status": "error", "code": code}
    return Answer(200, json.dumps(body).encode())


class Gate(Webhook):
    """A provider that tells of its orders and wants to hear whether that was right."""

    vendor = "gate"
    decides = True
    salvage = False
    budget = 12.0

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        body = json.loads(request.body)
        return [
            Fact(
                type=EventType.PAYMENT_CHANGED, key=(body["id"], body["status"]), subject=f"payment:{body['id']}",
                entity=Entity(kind="payment", id=body["id"]), data={"number": body["number"]},
            )
        ]  # fmt: skip

    def asks(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Asked:
        body = json.loads(request.body)
        return Asked(body["number"], (self._name(body),))

    def decide(self, request: RawRequest, facts: Sequence[Fact | Unreadable], book: Book) -> Decision:
        body = json.loads(request.body)
        verdict = judged(book, self._name(body), body["id"], Money.read(body["amount"]).kopecks, "RUB")
        accepts = {self._name(body): body["id"]} if verdict is Verdict.ACCEPT else {}
        return Decision(said(CODES[verdict]), accepts)

    def out_of_service(self, request: RawRequest) -> Answer:
        return said("out_of_service")

    def _name(self, body: Any) -> str:
        return "paid." + str(body["number"]).rpartition("-")[0]


class Gated(House):
    """An engine with such a provider."""

    async def settle_in(self) -> None:
        wants = (EventType.PAYMENT_CHANGED.value,)
        compiled = CompiledConnection(tenant="kofe", connection="gate", vendor="gate", wants=wants)
        await self.store.commit([Put(journal.document(self.tenant)), Put(journal.document(compiled))])

    async def order(self, number: int, amount: str = "100.00", **more: Any) -> str:
        """A payment that is begun; our number of it."""
        id_ = f"pay_{number:024x}"
        ours = attempt_number(id_, 1)
        attempt = Attempt(n=1, connection="gate", vendor="gate", by=By.LINK, number=ours)
        now = self.clock.now()
        payment = Payment(
            id=id_, tenant="kofe", connection="site", flow="pay", event="evt_1", order=str(number),
            amount=Money.read(amount), attempts=(attempt,), created_at=now, changed_at=now, **more,
        )  # fmt: skip
        await self.store.commit([Put(journal.document(payment))])
        return ours

    async def asks(self, id_: str, number: str, amount: str = "100.00") -> str | None:
        """The provider asks; the code that it hears, `success` or a refusal's. None: nobody answered."""
        receiver = Receiver(Gate(), self.inbox, self.keyring, self.clock, self.store)
        key = self.keyring.mint("gate", "kofe", "gate")
        body = json.dumps({"id": id_, "status": "completed", "number": number, "amount": amount}).encode()
        head = RawRequest("POST", "/webhook_gate", f"key={key}".encode(), [(b"content-type", b"application/json")], b"")

        async def read(limit: int) -> bytes | None:
            return body

        try:
            answer = await receiver.handle(head, read)
        except Killed:
            return None
        assert answer.status == 200
        told = json.loads(answer.body)
        return str(told.get("code", told["status"]))


@pytest.fixture
async def gate() -> Gated:
    made = Gated()
    await made.settle_in()
    return made


async def test_each_row_of_the_table(gate: Gated) -> None:
    ours = await gate.order(1)
    assert await gate.asks("a", "p" + "f" * 24 + "-1") == "order_not_found"
    assert await gate.asks("a", "42") == "order_not_found"
    assert await gate.asks("a", ours, "99.99") == "order_wrong_amount"
    assert await gate.asks("a", ours) == "success"
    assert await gate.asks("a", ours) == "success"
    assert await gate.asks("b", ours) == "order_already_paid"
    assert await gate.asks("c", await gate.order(2, closed=True)) == "order_cancelled"
    gate.store.down = True
    assert await gate.asks("a", ours) == "out_of_service"


async def test_what_was_unknown_a_moment_ago_is_accepted_once_it_is_known(gate: Gated) -> None:
    ours = attempt_number(f"pay_{7:024x}", 1)
    assert await gate.asks("a", ours) == "order_not_found"
    await gate.order(7)
    assert await gate.asks("a", ours) == "success"


async def test_the_event_is_durable_whatever_is_answered(gate: Gated) -> None:
    await gate.asks("a", "42")
    (record,) = gate.events()
    assert record.event.type is EventType.PAYMENT_CHANGED


async def test_of_two_who_ask_at_once_one_hears_yes(gate: Gated) -> None:
    for number in range(50):
        ours = await gate.order(number)
        heard = await asyncio.gather(*(gate.asks(f"{who}{number}", ours) for who in "abcd"))
        assert sorted(heard) == ["order_already_paid"] * 3 + ["success"]


async def test_a_thousand_kills_around_the_answer_change_no_answer(
    gate: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was told yes is told yes for ever, nobody else is; and yes comes in the end."""
    chance, kills = Random(KILLS), 0

    def reach(at: str) -> None:
        nonlocal kills
        if at in POINTS and chance.random() < 0.25:
            kills += 1
            raise Killed(at)

    strikes(reach, monkeypatch)
    number = 0
    while kills < KILLS:
        number += 1
        ours, winner = await gate.order(number), None
        for _ in range(10):
            who = chance.choice("ab")
            gate.store.down = chance.random() < 0.1
            heard = await gate.asks(f"{who}{number}", ours)
            gate.store.down = False
            if heard == "success":
                assert winner in (None, who)
                winner = who
            elif heard == "order_already_paid":
                assert winner != who
            else:
                assert heard in (None, "out_of_service")
        strikes(lambda at: None, monkeypatch)
        last = [await gate.asks(f"{who}{number}", ours) for who in "ab"]
        assert sorted(str(one) for one in last) == ["order_already_paid", "success"]
        assert winner in (None, "ab"[last.index("success")])
        strikes(reach, monkeypatch)


PAYMENT = KnownPayment(id="pay_1", kopecks=10_000, currency="RUB", state="waiting", closed=False)


@pytest.mark.parametrize(
    ("book", "whose", "kopecks", "verdict"),
    [
        (Book(), "a", 10_000, Verdict.UNKNOWN_ORDER), (Book(PAYMENT), "a", 10_000, Verdict.ACCEPT),
        (Book(PAYMENT), "a", None, Verdict.OTHER_AMOUNT), (Book(PAYMENT), "a", 10_001, Verdict.OTHER_AMOUNT),
        (Book(PAYMENT, {"n": "a"}), "a", 10_000, Verdict.REPEATED), (Book(None, {"n": "a"}), "a", 1, Verdict.REPEATED),
        (Book(PAYMENT, {"n": "a"}), "b", 10_000, Verdict.PAID_ALREADY),
    ],
)  # fmt: skip
def test_a_verdict_follows_from_the_book_alone(book: Book, whose: str, kopecks: int | None, verdict: Verdict) -> None:
    assert judged(book, "n", whose, kopecks, "RUB") is verdict
