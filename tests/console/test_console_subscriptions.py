"""Subscriptions at the console: shown with their periods, and ended, charged or skipped by a button."""

from __future__ import annotations

import pytest

from console.visitor import Visitor
from engine.paying.test_subscriptions_way import SubscriptionHouse, at
from svyazka.console.veiling import veiled
from svyazka.model.seen import SeenState
from svyazka.model.subscriptions import PeriodState, SubscriptionState


@pytest.fixture
async def house() -> SubscriptionHouse:
    house = SubscriptionHouse()
    await house.settle_in()
    return house


async def test_it_is_shown_with_its_periods_and_leads_to_each_payment(house: SubscriptionHouse) -> None:
    one = await house.subscribes()
    visitor = await Visitor(house).come_in()
    assert veiled(house.keyring, f"/subscriptions/{one.id}") in await visitor.page("/subscriptions")
    asked: list[str] = []
    for name in ("find", "get"):
        real = getattr(house.store, name)

        async def counted(*args: object, real: object = real, name: str = name, **kwargs: object) -> object:
            if args[0] not in ("signed_in", "tenants"):
                asked.append(name)
            return await real(*args, **kwargs)  # type: ignore[operator]

        setattr(house.store, name, counted)
    page = await visitor.page(f"/subscriptions/{one.id}")
    assert [name for name in asked if name != "find"] + ["find"] == ["get", "find"]
    payment = house.payment.id
    assert f"/payments/{payment}" in page
    assert "каждый месяц" in page
    assert "79991234567" not in page
    assert veiled(house.keyring, f"/subscriptions/{one.id}") in await visitor.page(f"/payments/{payment}")


async def test_it_is_ended_by_a_button_and_nobody_is_charged_any_more(house: SubscriptionHouse) -> None:
    one = await house.subscribes()
    visitor = await Visitor(house).come_in()
    page = await visitor.page(f"/subscriptions/{one.id}")
    (where,) = {await visitor.press(page, "Закончить") for _ in range(2)}
    await house.run()
    assert "Готово" in await visitor.page(where)
    assert house.subscription.state is SubscriptionState.CANCELLED
    again = await visitor.press(page, "Закончить", key="another")
    await house.run()
    assert "Не сделано" in await visitor.page(again)
    await house.until(at("2026-04-15T11:00:00+03:00"), 86400)
    assert house.first.money() == 100_00


@pytest.mark.parametrize(
    ("label", "money", "period"),
    [("Списать за этот период сейчас", 200_00, PeriodState.PAID),
     ("За этот период не списывать", 100_00, PeriodState.SKIPPED)],
)  # fmt: skip
async def test_what_was_declined_is_charged_now_or_not_at_all(
    house: SubscriptionHouse, label: str, money: int, period: PeriodState
) -> None:
    one = await house.subscribes()
    house.first.charges.append(SeenState.OVER)
    await house.until(at("2026-04-14T11:00:00+03:00"), 86400)
    assert house.first.money() == 100_00
    visitor = await Visitor(house).come_in()
    where = await visitor.press(await visitor.page(f"/subscriptions/{one.id}"), label)
    await house.run()
    assert "Готово" in await visitor.page(where)
    await house.pass_time(600)
    assert house.first.money() == money
    assert next(it for it in house.periods() if it.n == 2).state is period
