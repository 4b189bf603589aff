"""A flow is changed while its records live on: what a system that it left still holds is nobody's business any more."""

from __future__ import annotations

from collections import Counter

import pytest

from fake_visits import STAGES, VisitHouse
from in_step_house import InStep, ivan
from listed_side import Listed
from svyazka.engine.agreeing.nightly import begin_check
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.model.jobs import JobState

THREE = ("salon", "crm", "accounts")


async def changed(house: InStep, between: list[str], *, stays_connected: bool = True) -> None:
    """The tenant's file names these systems now."""
    house.bind(between=between)
    if not stays_connected:
        left = {name: one for name, one in house.tenant.connections.items() if name in between}
        house.tenant = house.tenant.model_copy(update={"connections": left})
    await house.settle_in()
    house.start()


@pytest.mark.parametrize("stays_connected", [True, False])
async def test_a_system_that_left_a_flow_neither_stops_the_others_nor_is_copied(stays_connected: bool) -> None:
    house = InStep(THREE)
    await house.settle_in()
    salon, crm, account = await house.pair(**ivan())
    await changed(house, ["salon", "crm"], stays_connected=stays_connected)
    house.accounts.hook = False
    house.accounts.edit(account, name="Сидор")
    house.salon.edit(salon, phone=("+79990000777",))
    await house.quiet()
    assert (house.crm.shows(crm, "phone"), house.crm.shows(crm, "name")) == (("+79990000777",), "Иван Петров")
    assert (house.salon.writes, house.accounts.writes) == ([], [])
    assert not house.doubts()


async def test_a_system_that_comes_back_to_a_flow_overwrites_nobody_and_is_asked_about() -> None:
    house = InStep(THREE)
    await house.settle_in()
    salon, crm, account = await house.pair(**ivan())
    await changed(house, ["salon", "crm"])
    house.salon.edit(salon, name="Пётр")
    await house.quiet()
    await changed(house, list(THREE))
    house.crm.edit(crm, phone=("+79990000777",))
    await house.quiet()
    names = [side.shows(id_, "name") for side, id_ in zip(house.sides.values(), (salon, crm, account), strict=True)]
    assert names == ["Пётр", "Пётр", "Иван Петров"]
    assert [(one.field, sorted(one.sides)) for one in house.doubts()] == [("name", ["accounts", "crm", "salon"])]
    assert house.accounts.shows(account, "phone") == ("+79990000777",)


async def test_the_weekly_check_asks_the_systems_that_are_left() -> None:
    house = Listed(*THREE)
    await house.settle_in()
    await house.pair(**ivan())
    await changed(house, ["salon", "crm"], stays_connected=False)
    (flow,) = await in_step_flows(house.hub, house.tenant)
    await begin_check(house.hub, house.tenant, flow, "2026-W11")
    await house.quiet(0.2)
    (job,) = [one for one in house.jobs() if one.kind == "check"]
    assert (job.state, job.counts.unchanged) == (JobState.DONE, 1)


async def test_a_wrong_table_of_stages_cancels_no_more_than_twenty_visits() -> None:
    """Somebody mistypes it: where all new deals stand means cancelled. Clients hear of each visit that is."""
    house = VisitHouse()
    await house.settle_in()
    for number in range(30):
        house.journal.book(48 + number, name=f"Имя{number} Фамилия", phone=(f"+7999{number:07d}",))
    await house.quiet(0.2)
    await changed_stages(house, booked="called", cancelled=("new", "lost"))
    for deal in house.deals.cards:
        house.deals.edit(deal, price="1500")
    await house.quiet(0.2)
    assert statuses(house) == {"booked": 10, "cancelled": 20}
    assert "status" in (await house.switch()).held
    await changed_stages(house)
    await house.let_go("status", "salon")
    await house.quiet(0.2)
    assert statuses(house) == {"booked": 10, "cancelled": 20}


async def changed_stages(house: VisitHouse, **stages: object) -> None:
    house.bind(stages={**STAGES, **stages})
    await house.settle_in()
    house.start()


def statuses(house: VisitHouse) -> dict[object, int]:
    return dict(Counter(one.fields["status"] for one in house.journal.cards.values()))
