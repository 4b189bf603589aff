"""What a provider of payments promises together with the engine: a link, paid at its stand-in, told and written once,
whatever is repeated, forged, late, cut or killed.

A hub whole: a request for a payment, the provider's stand-in over HTTP, its notifications by our webhook.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from console.visitor import Visitor
from dying import dies_once
from kits.paying import number_of, payments_of
from kits.paying_shop import POINTS, START, Opened, Shop, shop
from kits.test_payments_kit import able
from matrix.hub import TENANT
from simulators.till import State
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.journal import documents as journal
from svyazka.engine.paying.month import month_of
from svyazka.engine.rules.paying import with_state
from svyazka.engine.rules.reconciling import Cause
from svyazka.model.money import Money
from svyazka.model.payments import (
    Attempt,
    OddityKind,
    Payment,
    PaymentState,
    Transaction,
    TransactionKind,
    TransactionStatus,
)
from svyazka.tenantfile.mistakes import TenantFileError

__all__ = ["shop"]  # the fixture

pytestmark = pytest.mark.asyncio(loop_scope="session")


# One payment's way


@able(Can.LINK)
async def test_from_a_request_to_a_link_to_paid_to_what_follows(name: str, shop: Opened) -> None:
    async with shop(name) as it:
        number = await it.linked()
        payment = await it.payment()
        assert (payment.state, payment.attempts[0].url is not None) == (PaymentState.WAITING, True)
        it.till.pay(it.till.of(number))
        await it.notify(number)
        await it.hub.work()
        payment = await it.payment()
        assert (payment.state, payment.captured.text) == (PaymentState.PAID, "100.00")
        assert payment.oddities == ()
        assert it.texts() == ["Оплачено: 42, 100"]


@able(Can.LINK)
async def test_notifications_come_twice_and_late_and_out_of_order_and_are_told_once(name: str, shop: Opened) -> None:
    async with shop(name) as it:
        number = await it.linked()
        early = it.described.told(it.hub.vendors, number)
        it.till.pay(it.till.of(number))
        late = it.described.told(it.hub.vendors, number)
        for told in (late, early, late, late):
            await it.post(told)
            await it.hub.work()
        await it.hub.pass_time(30)
        await it.post(late)
        await it.hub.work()
        payment = await it.payment()
        assert (payment.state, payment.captured.text, payment.oddities) == (PaymentState.PAID, "100.00", ())
        assert it.texts() == ["Оплачено: 42, 100"]


@able(Can.LINK)
async def test_a_forged_notification_changes_nothing(name: str, shop: Opened) -> None:
    async with shop(name) as it:
        number = await it.linked()
        before = (await it.payment()).state
        for told in it.described.forged(it.hub.vendors, number):
            await it.post(told)
            await it.hub.work()
        assert (await it.payment()).state is before
        assert it.texts() == []


@able(Can.LINK, Can.READ)
async def test_a_payment_of_which_nobody_tells_is_found_out(name: str, shop: Opened) -> None:
    async with shop(name) as it:
        number = await it.linked()
        it.till.pay(it.till.of(number))
        await it.hub.pass_time(3)
        assert (await it.payment()).state is PaymentState.PAID
        assert it.texts() == ["Оплачено: 42, 100"]


@able(Can.LINK, Can.READ)
async def test_nothing_is_decided_by_time_alone(name: str, shop: Opened) -> None:
    async with shop(name) as it:
        number = await it.linked()
        method, path = it.described.reading
        it.hub.vendors.fault(name, kind="answer", path=path, method=method, status=500, times=-1)
        await it.hub.pass_time(50)
        assert (await it.payment()).state is PaymentState.WAITING
        it.hub.vendors.of(name).faults.clear()
        it.till.pay(it.till.of(number))
        await it.hub.pass_time(30)
        assert (await it.payment()).state is PaymentState.PAID


@able(Can.LINK)
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
async def test_after_a_cut_answer_there_is_one_link_that_can_be_paid(name: str, fault: str, shop: Opened) -> None:
    async with shop(name) as it:
        method, path = it.described.writes["link"]
        it.hub.vendors.fault(name, kind=fault, path=path, method=method)
        await it.ask()
        await it.hub.pass_time(1)
        payment = await it.payment()
        waiting = [one for one in it.till.payments.values() if one.state is State.WAITS]
        assert len(waiting) == 1
        if payments_of(name).can >= {Can.READ}:
            assert payment.state is PaymentState.WAITING
            assert payment.attempts[0].url


@able(Can.LINK)
async def test_wherever_a_process_dies_each_order_is_paid_once_and_told_once(name: str, shop: Opened) -> None:
    async with shop(name) as it:
        for number, point in enumerate(POINTS):
            with dies_once(point):
                await it.ask(str(number))
                await it.alive()
            await it.hub.pass_time(0.2)
        for payment in await it.payments():
            (there,) = [one for one in it.till.numbered(payment.attempts[0].number) if one.state is State.WAITS]
            it.till.pay(there)
        for number, point in enumerate(POINTS):
            payment = (await it.payments())[number]
            with dies_once(point):
                await it.notify(payment.attempts[0].number)
                await it.alive()
        await it.hub.pass_time(2)
        payments = await it.payments()
        assert [one.state for one in payments] == [PaymentState.PAID] * len(POINTS)
        assert it.till.money() == sum(one.captured.kopecks for one in payments) == 10_000 * len(POINTS)
        assert not [one for one in it.till.payments.values() if one.state is State.WAITS]
        assert len(it.texts()) == len({*it.texts()}) >= len(POINTS) - 2  # an SMS cut by a death stays unknown


# Shares of sellers

SELLERS = {
    "anna": {"accounts": {"provider": "700456"}, "part": 2, "fee": 10},
    "boris": {"accounts": {"provider": "700457"}, "part": 1},
}


@able(Can.LINK, Can.REFUND, Can.PART_REFUND)
async def test_a_payment_is_divided_among_sellers_and_goes_back_from_each(name: str, shop: Opened) -> None:
    if Can.SPLIT not in payments_of(name).can:
        with pytest.raises(TenantFileError, match="divides no payment"):
            async with shop(name, sellers=SELLERS):
                pass
        return
    async with shop(name, sellers=SELLERS) as it:
        await it.paid()
        payment = await it.payment()
        assert [(one.seller, one.amount.text, str(one.fee)) for one in payment.shares] == [
            ("anna", "66.67", "6.67 RUB"), ("boris", "33.33", "None"),
        ]  # fmt: skip
        for amount in ("33.33", "0.01", "66.65", None):
            await it.refund(payment.id, amount)
            await it.hub.pass_time(1)
        payment = await it.payment()
        assert (it.till.money(), payment.state) == (0, PaymentState.REFUNDED)
        back = [one.shares for one in payment.transactions if one.kind is TransactionKind.REFUND]
        assert [sum(part) for part in back] == [3333, 1, 6665, 1]
        assert [sum(parts) for parts in zip(*back, strict=True)] == [6667, 3333]


@able(Can.LINK, Can.SPLIT)
async def test_a_server_says_whose_a_payment_is_and_what_does_not_add_up_is_refused(name: str, shop: Opened) -> None:
    async with shop(name, sellers=SELLERS) as it:
        for split in ({"anna": "99.99"}, {"vera": "100.00"}, {"anna": "x"}):
            await it.ask(split=split)
            await it.hub.work()
            assert it.till.payments == {}
        await it.ask(split={"boris": "80.00", "anna": "20.00"})
        await it.hub.work()
        assert [(one.seller, one.amount.text) for one in (await it.payment()).shares] == [
            ("anna", "20.00"), ("boris", "80.00"),
        ]  # fmt: skip


# Subscriptions

AGREED = {"text": "Согласна на списание 100 ₽ каждую неделю"}


async def _subscribed(it: Shop) -> None:
    """Somebody has paid for the first time, and has agreed to a charge each week."""
    await it.ask(recurring={"every": "week"}, consent=AGREED)
    await it.hub.work()
    number = await it.number()
    it.till.pay(it.till.of(number))
    await it.notify(number)
    await it.hub.work()


@able(Can.LINK, Can.CHARGE, Can.SAVE)
async def test_a_subscription_is_charged_once_a_period_by_what_was_saved(name: str, shop: Opened) -> None:
    divided = {"sellers": SELLERS} if Can.SPLIT in payments_of(name).can else {}
    async with shop(name, **divided) as it:
        await _subscribed(it)
        method, path = it.described.writes["charge"]
        for week in range(2, 5):
            fault = {3: "cut_after", 4: "cut_before"}.get(week)
            if fault is not None:
                it.hub.vendors.fault(name, kind=fault, path=path, method=method)
            it.hub.skip(6 * 24)
            await it.hub.pass_time(24)
            payments = await it.payments()
            assert [(one.order, one.state) for one in payments[1:]] == [
                (f"42/{n}", PaymentState.PAID) for n in range(2, week + 1)
            ]
            assert it.till.money() == 10_000 * week
        assert [one.oddities for one in payments] == [()] * 4
        assert len({tuple(share.amount.text for share in one.shares) for one in payments}) == 1


# Refunds


@able(Can.LINK, Can.REFUND, Can.PART_REFUND)
@pytest.mark.parametrize("fault", [None, "cut_before", "cut_after"])
async def test_money_goes_back_once_and_is_told(name: str, fault: str | None, shop: Opened) -> None:
    async with shop(name) as it:
        await it.paid()
        payment = await it.payment()
        method, path = it.described.writes["refund"]
        if fault is not None:
            it.hub.vendors.fault(name, kind=fault, path=path, method=method, times=2)
        await it.refund(payment.id, "60.00")
        await it.hub.work()
        await it.refund(payment.id, "50.00")  # what may have gone back isn't free
        await it.hub.pass_time(3)
        payment = await it.payment()
        assert (it.till.money(), payment.refunded.text) == (4_000, "60.00")
        assert payment.state is PaymentState.PART_REFUNDED
        await it.refund(payment.id)
        await it.hub.pass_time(1)
        assert (it.till.money(), (await it.payment()).state) == (0, PaymentState.REFUNDED)
        assert it.texts() == ["Оплачено: 42, 100", "Вернули 60", "Вернули 40"]


@able(Can.LINK, Can.REFUND, Can.READ)
async def test_cancelled_orders_give_back_once_wherever_a_process_dies(name: str, shop: Opened) -> None:
    async with shop(name, gives_back=True) as it:
        for number in range(len(POINTS)):
            await it.ask(str(number))
        await it.hub.work()
        for payment in await it.payments():
            it.till.pay(it.till.of(payment.attempts[0].number))
            await it.notify(payment.attempts[0].number)
        await it.hub.work()
        for number, point in enumerate(POINTS):
            with dies_once(point):
                for _ in range(2):
                    await it.cancels(str(number))
                    await it.alive()
        await it.hub.pass_time(3)
        payments = await it.payments()
        assert {one.state for one in payments} == {PaymentState.REFUNDED}
        assert {len(one.transactions) for one in payments} == {2}
        assert (it.till.money(), [one.oddities for one in payments if one.oddities]) == (0, [])


@able(Can.LINK, Can.HOLD)
async def test_money_that_is_only_held_is_let_go_of_a_cancelled_order(name: str, shop: Opened) -> None:
    async with shop(name, gives_back=True, hold=True) as it:
        number = await it.linked()
        it.till.pay(it.till.of(number))
        await it.notify(number)
        await it.hub.work()
        assert (await it.payment()).state is PaymentState.HELD
        for _ in range(2):
            await it.cancels("42")
            await it.hub.work()
        await it.hub.pass_time(2)
        payment = await it.payment()
        assert (payment.state, payment.oddities, it.till.of(number).state) == (PaymentState.CANCELLED, (), State.OVER)


@able(Can.LINK, Can.REFUND, Can.PART_REFUND)
async def test_the_consoles_button_gives_back_at_the_provider_once(name: str, shop: Opened) -> None:
    """However often the form is sent, and though an answer is lost."""
    async with shop(name) as it:
        await it.paid()
        id_ = (await it.payment()).id
        owner = await Visitor(it.hub).come_in()
        assert "«provider» сообщила" in await owner.page(f"/payments/{id_}")
        proposed = await owner.page(f"/payments/{id_}/refund?amount=60")
        method, path = it.described.writes["refund"]
        it.hub.vendors.fault(name, kind="cut_after", path=path, method=method)
        (asked,) = {await owner.press(proposed, "Вернуть 60\u00a0₽") for _ in range(2)}
        await it.hub.pass_time(3)
        assert "60.00 ₽ возвращаются" in await owner.page(asked)
        payment = await it.payment()
        assert (it.till.money(), payment.refunded.text, payment.oddities) == (4_000, "60.00", ())
        assert it.texts() == ["Оплачено: 42, 100", "Вернули 60"]


@able(Can.LINK, Can.REFUND, Can.READ, where=lambda described: described.shows_refunds)
async def test_a_refund_that_waits_and_then_isnt_carried_out_is_a_card(name: str, shop: Opened) -> None:
    async with shop(name) as it:
        number = await it.paid()
        it.till.refunds.append((State.WAITS, None))
        await it.refund((await it.payment()).id)
        await it.hub.work()
        payment = await it.payment()
        assert (payment.state, payment.oddities) == (PaymentState.PAID, ())
        it.till.of(number).refunds[-1].state = State.OVER
        await it.hub.pass_time(2)
        payment = await it.payment()
        assert (payment.state, [one.kind for one in payment.oddities]) == (
            PaymentState.PAID, [OddityKind.REFUND_REFUSED],
        )  # fmt: skip
        assert it.till.money() == 10_000


@able(Can.LINK, Can.REFUND, Can.READ)
@pytest.mark.parametrize("lag", [0.0, 200.0])
async def test_a_refund_made_in_the_providers_cabinet_is_learnt(name: str, lag: float, shop: Opened) -> None:
    async with shop(name) as it:
        number = await it.paid()
        it.till.lag = lag if it.described.tells_refunds else 0.0
        it.till.refund(it.till.of(number), None, 10_000)
        await it.notify(number)
        await it.hub.work()
        assert (await it.payment()).state is PaymentState.REFUNDED
        assert it.texts()[-1] == "Вернули 100"


# A month


@able(Can.LINK, Can.LIST)
async def test_a_month_adds_up_and_each_planted_difference_is_found(name: str, shop: Opened) -> None:
    async with shop(name) as it:
        chance = Random(7)
        account = await it.hub.hub.directory.account(TENANT, "provider")
        await _month(it, chance, 130)
        clean = await month_of(it.hub.hub, account, START.date())
        assert (clean.ours, clean.theirs, clean.differences) == (it.till.money(), it.till.money(), ())
        assert clean.agreed >= 130
        planted = _planted(it, chance)
        found = await month_of(it.hub.hub, account, START.date())
        assert Counter(one.cause for one in found.differences) == planted
        assert sum(planted.values()) == 20
        assert found.left == 0


async def _month(it: Shop, chance: Random, count: int) -> None:
    """So many payments in the journal and at the provider, some of them given back."""
    writes = []
    for n in range(count):
        at = START + timedelta(minutes=chance.randrange(-12 * 1440, -60))
        number, amount = number_of(n), chance.randrange(100, 10**6)
        there = it.till.make(number, amount, said={"metadata": {"svyazka": number}})
        it.till.pay(there)
        there.at = there.captured_at = at.timestamp()
        moved = [_moved("t1", TransactionKind.PURCHASE, amount, at)]
        if n % 4 == 0:
            back = it.till.refund(there, f"{number}-r1", amount // 2, {"metadata": {"svyazka": f"{number}-r1"}})
            back.at = at.timestamp()
            done = _moved("t2", TransactionKind.REFUND, back.amount, at)
            moved.append(done.model_copy(update={"external_id": back.id}))
        attempt = Attempt(n=1, connection="provider", vendor=it.name, by="link", number=number, external_id=there.id)
        payment = Payment(
            id=f"pay_{n:024x}", tenant=TENANT, connection="site", flow="pay", event="evt", order=str(n),
            amount=Money(kopecks=amount), attempts=(attempt,), transactions=tuple(moved), created_at=at, changed_at=at,
        )  # fmt: skip
        writes.append(journal.create(with_state(payment)))
    for place in range(0, count, 20):
        await it.hub.store.commit(writes[place : place + 20])


def _moved(id_: str, kind: TransactionKind, kopecks: int, at: datetime) -> Transaction:
    amount = Money(kopecks=kopecks)
    return Transaction(id=id_, kind=kind, attempt=1, status=TransactionStatus.DONE, amount=amount, at=at)


def _planted(it: Shop, chance: Random) -> Counter[Cause]:
    """Twenty differences at the provider, and which."""
    alone = [one for one in it.till.payments.values() if not one.refunds]
    chosen = iter(chance.sample(alone, 12))
    over = datetime(2026, 4, 1, 12, tzinfo=UTC).timestamp()
    for _ in range(4):
        it.till.payments.pop(next(chosen).id)
    for _ in range(4):
        next(chosen).amount += 1
    for _ in range(4):
        next(chosen).captured_at = over
    for n in range(8):
        number = number_of(900 + n) if n % 2 else None
        there = it.till.make(number, 5_000, said={"metadata": {"svyazka": number}} if number else {})
        it.till.pay(there)
        there.at = there.captured_at = (START - timedelta(hours=2)).timestamp()
    return Counter(
        {Cause.NOT_THERE: 4, Cause.OTHER_AMOUNT: 4, Cause.OVER_THE_EDGE: 4, Cause.NOT_HERE: 4, Cause.NOT_OURS: 4}
    )
