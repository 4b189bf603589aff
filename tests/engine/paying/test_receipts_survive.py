"""Receipts while everybody lies and processes are lost: exactly one of each kind, and sums equal to the kopeck. Short
form; the long one is `python -m chaos --receipts 10000`."""

from __future__ import annotations

import pytest

from pay_house import PayHouse
from receipts_day import Day
from svyazka.model.receipts import IntentState
from svyazka.model.tenants import ConnectionSpec


@pytest.mark.parametrize("seed", range(3))
async def test_each_movement_of_money_has_one_receipt_whoever_lies_and_whatever_dies(seed: int) -> None:
    day = Day(seed, 10)
    await day.go()
    assert day.check() >= 5


async def test_a_receipt_is_looked_at_also_while_its_providers_settings_cant_be_used() -> None:
    house = PayHouse(receipt=True)
    await house.settle_in()
    await house.pay("1", "100.00")
    number = house.payment.attempts[0].number
    house.first.pays(number)
    await house.notify(house.first, number)
    unusable = {"first": ConnectionSpec(vendor="first", settings={"nonsense": "1"})}
    house.tenant = house.tenant.model_copy(update={"connections": {**house.tenant.connections, **unusable}})
    await house.settle_in()
    house.start()
    looked = await house.worker.fiscalising.look(house.payment.receipts[0], told=True)
    assert looked is not None
    assert looked.state is IntentState.REGISTERING
