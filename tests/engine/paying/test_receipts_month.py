"""A month's receipts in three columns: a generated month comes to 0.00, and of twenty planted differences each is found
with its cause, and nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from fake_fiscaliser import FakeFiscaliser
from receipts_day import Day
from svyazka.engine.journal import documents as journal
from svyazka.engine.paying.receipts_month import receipts_of_month
from svyazka.engine.ports.store import Put
from svyazka.engine.rules.receipts import with_state
from svyazka.engine.rules.reconciling_receipts import Lack, ReceiptMonth
from svyazka.model.events import EventType, Fact
from svyazka.model.money import Money
from svyazka.model.receipts import ReceiptIntent, TryState

ORDERS = 14


class Month(Day):
    """A quiet month: nobody lies, and all is paid, handed over, and given back in part."""

    async def pass_quietly(self) -> None:
        house = self.house
        await house.settle_in()
        for number in range(self.orders):
            await house.pay(str(number), f"{100 + 7 * number}.{number:02}")
            payment = next(one for one in house.payments() if one.order == str(number))
            house.first.pays(payment.attempts[0].number)
            await house.notify(house.first, payment.attempts[0].number)
            if number % 3 == 0:
                await house.refund(payment.id, "33.33")
            await house.told(
                "site", Fact(type=EventType.ORDER_COMPLETED, key=("o", str(number)), data={"number": str(number)})
            )
            await house.run()
        await house.pass_time(3 * 3600, step=600)

    async def compared(self) -> ReceiptMonth:
        tenant = await self.house.hub.directory.tenant("kofe")
        assert tenant is not None
        return await receipts_of_month(self.house.hub, tenant, self.house.clock.now().date().replace(day=1))

    async def put(self, intent: ReceiptIntent) -> None:
        await self.house.store.commit([Put(journal.document(with_state(intent)))])


async def test_a_generated_month_comes_to_nothing() -> None:
    month = Month(1, ORDERS)
    await month.pass_quietly()
    found = await month.compared()
    money = sum((one.captured - one.refunded).kopecks for one in month.house.payments())
    assert (found.money, found.here, found.there, found.left) == (money, money, money, 0)
    assert found.differences == ()
    assert found.agreed == len(month.receipts()) == ORDERS * 2 + (ORDERS + 2) // 3
    house_count = Counter(one.kind for one in month.receipts())
    assert set(house_count.values()) == {ORDERS, (ORDERS + 2) // 3}


PLANTED = {
    Lack.NOT_OWED: 1, Lack.NOT_DONE: 2, Lack.REFUSED: 2, Lack.BY_HAND: 2, Lack.NOT_THERE: 3, Lack.WAITS_THERE: 2,
    Lack.FAILED_THERE: 3, Lack.OTHER_AMOUNT: 3, Lack.NOT_SHOWN: 1, Lack.OVER_THE_EDGE: 1,
}  # fmt: skip


async def test_twenty_planted_differences_are_found_each_with_its_cause() -> None:
    month = Month(0, 24)
    await month.pass_quietly()
    given_back = {one.payment for one in month.receipts() if one.kind == "refund"}
    sales = [one for one in month.receipts() if one.kind == "sale"]
    sales.sort(key=lambda one: (one.payment not in given_back, one.id))  # the first planted owes one receipt
    assert sum(PLANTED.values()) == 20
    expected: dict[str, Lack] = {}
    for lack, count in PLANTED.items():
        for _ in range(count):
            expected[sales[-1].id] = lack
            await _plant(month, month.fiscal, sales.pop(), lack)
    found = await month.compared()
    assert {one.receipt: one.lack for one in found.differences} == expected
    assert found.left == 0


async def test_a_fiscaliser_that_cannot_be_asked_is_not_said_to_have_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    month = Month(0, 2)
    await month.pass_quietly()
    monkeypatch.setattr(month.fiscal, "ready", lambda settings: False)
    found = await month.compared()
    assert {one.lack for one in found.differences} == {Lack.COULD_NOT_ASK}
    assert (found.money, found.left) == (found.there, 0)


async def _plant(month: Month, fiscal: FakeFiscaliser, intent: ReceiptIntent, lack: Lack) -> None:
    (last,) = intent.tries
    paper = fiscal.papers[last.number]
    match lack:
        case Lack.NOT_OWED:
            (payment,) = [one for one in month.house.payments() if one.id == intent.payment]
            bare = payment.model_copy(update={"fiscaliser": None, "receipts": ()})
            await month.house.store.commit([Put(journal.document(bare))])
            for document in [one for one in month.house.store.documents.values() if one.id in payment.receipts]:
                del month.house.store.documents["receipts", document.id]
        case Lack.NOT_DONE | Lack.REFUSED:
            state = TryState.WAITS if lack is Lack.NOT_DONE else TryState.REFUSED
            await month.put(intent.model_copy(update={"tries": (last.model_copy(update={"state": state}),)}))
        case Lack.BY_HAND:
            await month.put(intent.model_copy(update={"by_hand": "ivan: в кассе, 3 марта"}))
        case Lack.NOT_THERE:
            del fiscal.papers[last.number]
        case Lack.WAITS_THERE:
            paper.at += timedelta(days=1)
        case Lack.FAILED_THERE:
            paper.fails = True
        case Lack.OTHER_AMOUNT:
            paper.command = paper.command.model_copy(update={"amount": intent.amount + Money(kopecks=1)})
        case Lack.NOT_SHOWN:
            await month.put(intent.model_copy(update={"tries": (last.model_copy(update={"external_id": None}),)}))
        case Lack.OVER_THE_EDGE:
            paper.at -= timedelta(days=40)
        case _:
            pytest.fail(lack)
