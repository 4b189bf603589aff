"""Money that is held and that nobody wants: its payer can't spend it meanwhile, so that it is let go of."""

from __future__ import annotations

import pytest

from pay_house import PayHouse
from svyazka.model.events import EventType, Fact
from svyazka.model.payments import PaymentState
from svyazka.model.seen import Decline, SeenState

S = PaymentState


@pytest.fixture
async def house() -> PayHouse:
    house = PayHouse(hold=True)
    await house.settle_in()
    await house.pay()
    return house


def number(house: PayHouse) -> str:
    return house.payment.attempts[0].number


async def test_who_was_declined_and_pays_by_another_card_has_his_money_held_here_too(house: PayHouse) -> None:
    house.first.gives_up(number(house), Decline.NO_MONEY)
    await house.notify(house.first, number(house))
    assert house.payment.state is S.FAILED
    again = house.first.pays_again(number(house))
    again.state = SeenState.HELD
    house.first.old.append(house.first.shown(again))  # by the number, as some show what came of a link in the end
    await house.pass_time(90)
    assert house.payment.state is S.HELD
    assert (await house.pay()).payment.code == "paid"  # type: ignore[union-attr]
    house.first.pays(number(house))
    await house.notify(house.first, number(house), "taken")
    assert (house.payment.state, house.payment.captured.text) == (S.PAID, "100.00")


async def test_once_money_is_held_no_other_link_waits_for_more(house: PayHouse) -> None:
    first = house.first.of(number(house))
    again = house.first.pays_again(number(house))
    again.state = SeenState.HELD
    house.first.old.append(house.first.shown(again))
    await house.pass_time(600)
    assert (first.state, again.state, house.payment.state) == (SeenState.OVER, SeenState.HELD, S.HELD)


@pytest.mark.parametrize("taken", [False, True])
async def test_of_money_that_is_held_twice_the_second_is_let_go(house: PayHouse, taken: bool) -> None:
    first = house.first.of(number(house))
    first.state = SeenState.HELD
    await house.notify(house.first, number(house))
    if taken:
        first.state = SeenState.PAID
        await house.notify(house.first, number(house), "taken")
    again = house.first.pays_again(number(house))
    again.state = SeenState.HELD
    await house.notify(house.first, number(house))
    await house.pass_time(600)
    assert (first.state, again.state) == (SeenState.PAID if taken else SeenState.HELD, SeenState.OVER)
    assert (house.payment.state, house.payment.oddities) == (S.PAID if taken else S.HELD, ())


async def test_what_is_held_after_its_order_was_cancelled_is_let_go(house: PayHouse) -> None:
    cancelled = Fact(type=EventType.ORDER_CANCELLED, key=("o", "1"), data={"number": "42", "by": "server"})
    await house.told("site", cancelled)
    await house.pass_time(600)
    there = house.first.of(number(house))
    there.state = SeenState.HELD  # who was at the bank's page already
    await house.notify(house.first, number(house))
    await house.pass_time(600)
    assert (there.state, house.payment.state) == (SeenState.OVER, S.CANCELLED)


async def test_what_was_held_before_its_order_was_cancelled_waits_for_the_business(house: PayHouse) -> None:
    there = house.first.of(number(house))
    there.state = SeenState.HELD
    await house.notify(house.first, number(house))
    cancelled = Fact(type=EventType.ORDER_CANCELLED, key=("o", "1"), data={"number": "42", "by": "server"})
    await house.told("site", cancelled)
    await house.pass_time(86400, step=3600)
    assert (there.state, house.payment.state) == (SeenState.HELD, S.HELD)


@pytest.mark.parametrize("hold", [True, False])
async def test_who_pays_once_more_after_his_money_was_let_go_is_known(hold: bool) -> None:
    house = PayHouse(hold=hold)
    await house.settle_in()
    await house.pay()
    came = SeenState.HELD if hold else SeenState.PAID
    house.first.of(number(house)).state = came
    await house.notify(house.first, number(house))
    house.first.gives_up(number(house), Decline.SHOP)
    await house.notify(house.first, number(house), "let go")
    house.first.pays_again(number(house)).state = came
    await house.notify(house.first, number(house))
    assert [one.status for one in house.events() if one.event.type == EventType.PAYMENT_CHANGED] == ["planned"] * 3
    assert house.payment.state is (S.HELD if hold else S.PAID)
    assert house.payment.attempts[-1].external_id == "first-2"
