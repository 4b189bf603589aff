"""Buttons about money, pressed in a hub whole: what the provider's till, the receipts' and the payers' phones hold."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.visitor import Visitor
from console.whole import Desk
from kits.paying_shop import START
from kits.test_receipts_house_kit import Till, connected
from matrix.conftest import empty, front, running, vendors  # noqa: F401
from matrix.hub import Front, Machine, machine
from simulators.serve import Running
from simulators.till import Payment as AtTill
from simulators.till import State
from svyazka.model.payments import Payment
from svyazka.model.receipts import IntentState, ReceiptKind

pytestmark = pytest.mark.asyncio(loop_scope="session")

BY, REGISTERS = "tbank", "atol"


class Counter(Desk):
    """A shop's money at the console."""

    def __init__(self, hub: Machine, owner: Visitor) -> None:
        super().__init__(hub, owner)
        self.shop = Till(REGISTERS, hub, BY)
        self.orders = 0

    async def asked(self, **more: object) -> Payment:
        """Somebody is to pay 100 roubles."""
        self.orders += 1
        await self.shop.ask(str(self.orders), **more)
        await self.hub.work()
        return (await self.shop.payments())[-1]

    async def paid(self, **more: object) -> Payment:
        one = await self.asked(**more)
        self.pays(one)
        await self.shop.notify(one.attempts[0].number)
        await self.hub.work()
        return one

    def pays(self, one: Payment) -> None:
        self.shop.till.pay(self.shop.till.of(one.attempts[0].number))

    def there(self, one: Payment) -> AtTill:
        return self.shop.till.of(one.attempts[0].number)

    def charged(self) -> list[AtTill]:
        """What was asked of saved cards, in its order."""
        first = {one.token for one in self.shop.till.payments.values() if one.save}
        return [one for one in self.shop.till.payments.values() if one.token in first and not one.save]


@pytest.fixture
def opened(tmp_path: Path, empty: Path, front: Front, vendors: Running):  # noqa: F811
    @asynccontextmanager
    async def counter(**settings: object) -> AsyncIterator[Counter]:
        connections = connected(vendors, BY, REGISTERS)
        takes = {"id": "pay", "flow": "take_payment", "from": ["site"], "via": ["provider", "fiscal"],
                 "return_url": "https://example.org/thanks", **settings}  # fmt: skip
        follows = {"id": "paid", "flow": "paid_order", "from": ["provider"], "via": ["sms"],
                   "text": "Оплачено: {number}, {sum}", "refunded": "Вернули {sum}"}  # fmt: skip
        data = shutil.copytree(empty, tmp_path / "data")
        async with machine(data, front, vendors, START, connections, [takes, follows]) as hub:
            await hub.worker.handle("/sweep", {})
            yield Counter(hub, await Visitor(hub).come_in())

    return counter


async def test_each_button_about_a_payment_is_seen_in_the_tills_books(opened) -> None:
    async with opened(receipt=False) as it:
        one = await it.asked()
        it.pays(one)
        await it.does(f"/payments/{one.id}", "Спросить платёжную систему сейчас")
        assert it.shop.texts() == ["Оплачено: 1, 100"]
        await it.does(f"/payments/{one.id}/refund?amount=40", "Вернуть 40\u00a0₽")
        await it.hub.pass_time(0.1)
        assert (it.there(one).refunded, it.shop.texts()[1:]) == (40_00, ["Вернули 40"])

        cash = await it.asked()
        await it.does(f"/payments/{cash.id}", "100\u00a0₽ заплатили наличными или переводом")
        await it.hub.pass_time(0.1)
        assert it.there(cash).state is State.OVER
        assert it.shop.texts()[2:] == ["Оплачено: 2, 100"]
        it.pays(cash)
        await it.shop.notify(cash.attempts[0].number)
        await it.hub.work()
        before = [vars(one) | {} for one in it.shop.till.payments.values()]
        assert "Оплачено дважды" in await it.owner.page(f"/payments/{cash.id}")
        await it.does(f"/payments/{cash.id}", "Уладили")
        await it.hub.pass_time(1)
        assert [vars(one) for one in it.shop.till.payments.values()] == before
        assert "оплачен дважды" not in await it.owner.page("/")


async def test_each_button_about_a_receipt_is_seen_where_receipts_are_registered(opened) -> None:
    async with opened(prepaid=True) as it:
        stand_in = it.shop.stand_in
        one = await it.paid()
        await it.hub.pass_time(0.1)
        assert [one.total for one in stand_in.printed()] == [100_00]
        await it.does(f"/payments/{one.id}", "Оплаченное выдано")
        await it.hub.pass_time(0.1)
        assert [one.total for one in stand_in.printed()] == [100_00, 100_00]
        assert (await it.shop.receipt(ReceiptKind.SETTLEMENT)).state is IntentState.DONE
        for label, filled, printed in (
            ("Пробить заново", {}, 3), ("Чек пробит", {"said": "касса в зале, ФД 18"}, 3),
        ):  # fmt: skip
            stand_in.ends.append(it.shop.registers.lasting)
            one = await it.paid()
            await it.hub.pass_time(0.1)
            assert len(stand_in.printed()) == (2 if label == "Пробить заново" else 3)
            before = len(stand_in.documents)
            await it.does(f"/payments/{one.id}", label, **filled)
            await it.hub.pass_time(1)
            assert len(stand_in.printed()) == printed, label
            assert len(stand_in.documents) - before == (label == "Пробить заново"), label


async def test_each_button_about_a_subscription_is_seen_in_what_its_card_is_charged(opened) -> None:
    agreed = {"text": "Согласна на списание 100 ₽ каждую неделю", "at": "2026-03-14T14:58:00+03:00"}
    async with opened(receipt=False) as it:
        for _ in range(3):
            await it.paid(recurring={"every": "week"}, consent=agreed)
        ids = [one.subscription for one in await it.shop.payments()]
        it.shop.till.charges.extend([(State.OVER, None)] * 2)
        await it.does(f"/subscriptions/{ids[2]}", "Закончить")
        await it.hub.pass_time(24 * 7 + 1)
        assert [one.state for one in it.charged()] == [State.OVER] * 2
        await it.come_in_anew()
        await it.does(f"/subscriptions/{ids[0]}", "Списать за этот период сейчас")
        await it.hub.pass_time(0.1)
        assert [one.state for one in it.charged()] == [State.OVER] * 2 + [State.PAID]
        await it.does(f"/subscriptions/{ids[1]}", "За этот период не списывать")
        await it.hub.pass_time(24 * 5)
        assert [one.state for one in it.charged()] == [State.OVER] * 2 + [State.PAID]
        await it.hub.pass_time(24 * 2)
        assert [one.state for one in it.charged()] == [State.OVER] * 2 + [State.PAID] * 3
