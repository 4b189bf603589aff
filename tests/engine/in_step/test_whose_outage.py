"""A system that is away: the others go on, nothing is lost, nobody else is blamed, and one card says so."""

from __future__ import annotations

import pytest

from fake_visits import VisitHouse
from in_step_house import InStep, ivan
from svyazka.engine.journal import documents as journal
from svyazka.model.deliveries import Status
from svyazka.model.outages import Outage

DAY = 24.0


def outages(house: InStep) -> set[str]:
    found = [journal.read(Outage, d).model for d in house.store.documents.values() if d.kind == "outages"]
    return {one.connection for one in found if one.is_open}


async def house_of(*names: str) -> tuple[InStep, tuple[str, ...]]:
    house = InStep(names or ("salon", "crm"))
    await house.settle_in()
    return house, await house.pair(**ivan())


@pytest.mark.parametrize("away", ["salon", "crm"])
async def test_whichever_side_is_away_it_is_the_one_that_is_waited_for(away: str) -> None:
    house, (salon, crm) = await house_of()
    house.sides[away].down = True
    for number in range(5):
        house.salon.edit(salon, name=f"Иван {number}")
        await house.quiet(0.5)
    assert outages(house) == {away}
    waiting = [one for one in house.deliveries() if one.is_open]
    assert {one.status for one in waiting} == {Status.PARKED}
    assert {one.hangs_on for one in waiting} == {away}
    assert all(one.failures == 0 for one in waiting)
    house.sides[away].down = False
    await house.quiet(DAY)
    assert house.crm.shows(crm, "name") == "Иван 4"
    assert not outages(house)
    assert house.writes() == 1


async def test_of_three_one_that_is_away_for_a_weekend_doesnt_stop_the_others() -> None:
    house, (salon, crm, accounts) = await house_of("salon", "crm", "accounts")
    house.accounts.down = True
    house.salon.edit(salon, name="Пётр")
    await house.quiet(2 * DAY)
    assert house.crm.shows(crm, "name") == "Пётр"
    house.crm.edit(crm, email=("p@example.org",))
    await house.quiet(1)
    assert house.salon.shows(salon, "email") == ("p@example.org",)
    house.accounts.down = False
    await house.quiet(DAY)
    assert house.accounts.shows(accounts, "name") == "Пётр"
    assert house.accounts.shows(accounts, "email") == ("p@example.org",)
    assert not house.doubts()
    assert [len(side.writes) for side in house.sides.values()] == [1, 1, 1]


async def test_what_two_agreed_on_without_a_write_is_a_conflict_with_the_edit_of_a_third_that_was_away() -> None:
    """Two people type the same; a third, whose system was away, types another thing. Nobody is overwritten."""
    house, (salon, crm, accounts) = await house_of("salon", "crm", "accounts")
    house.accounts.down = True
    house.accounts.edit(accounts, birthday="1990-01-01")
    house.salon.edit(salon, birthday="1985-05-05")
    house.crm.edit(crm, birthday="1985-05-05")
    await house.quiet(DAY)
    house.accounts.down = False
    await house.quiet(DAY)
    assert house.writes() == 0
    assert {doubt.field: doubt.cause for doubt in house.doubts()} == {"birthday": "conflict"}


async def test_a_week_of_silence_ends_nothing_and_is_one_card() -> None:
    house, (salon, crm) = await house_of()
    house.crm.down = True
    house.salon.edit(salon, name="Пётр")
    await house.quiet(12 * DAY, step=900)
    (waiting,) = [one for one in house.deliveries() if one.is_open]
    assert waiting.status in (Status.PARKED, Status.PENDING)
    assert [one.kind for one in house.problems() if one.is_open and one.kind == "in_step_waits"] == ["in_step_waits"]
    house.crm.down = False
    await house.quiet(DAY)
    assert house.crm.shows(crm, "name") == "Пётр"
    assert not [one for one in house.deliveries() if one.status is Status.DEAD]
    assert not [one for one in house.problems() if one.is_open]


async def test_systems_that_were_away_at_once_dont_wait_for_each_other() -> None:
    """Whoever goes to see whether one of them is back needs the other too."""
    house, (salon, crm) = await house_of()
    house.bind(create="all")
    await house.settle_in()
    house.salon.down = house.crm.down = True
    for number in range(8):
        house.salon.add(name=f"Новый {number}", phone=(f"+7999111000{number}",))
        house.crm.add(name=f"Другой {number}", phone=(f"+7999222000{number}",))
        await house.quiet(0.5)
    house.salon.edit(salon, name="Пётр")
    await house.quiet(DAY)
    assert outages(house) == {"salon", "crm"}
    house.salon.down = False
    await house.quiet(3)
    assert outages(house) == {"crm"}, "it is seen to be back, though whatever waits for it needs the other"
    house.crm.down = False
    await house.quiet(3)
    assert not outages(house)
    assert not [one.id for one in house.deliveries() if one.is_open]
    assert house.crm.shows(crm, "name") == "Пётр"
    assert len(house.salon.cards) == len(house.crm.cards) == 17


async def test_a_robot_that_edits_every_five_seconds_starves_nobody() -> None:
    house, (salon, crm) = await house_of()
    other = house.salon.add(name="Анна", phone=("+79990000002",))
    house.crm.add(name="Анна", phone=("+79990000002",))
    await house.quiet()
    house.salon.edit(other, name="Анна Петрова")
    for number in range(120):
        house.salon.edit(salon, name=f"Иван {number}")
        await house.hooks()
        await house.run()
        house.clock.step(5)
    assert house.crm.shows("c2", "name") == "Анна Петрова"
    assert house.crm.shows(crm, "name") == "Иван 5", "it is looked at all the time, until the brake stops it"
    assert house.record_of(salon).stopped == {"name": "too_often"}
    await house.answer(salon, "name", "go-on")
    await house.quiet()
    assert house.crm.shows(crm, "name") == "Иван 119"


async def test_a_rate_that_is_used_up_is_waited_for_and_no_failure() -> None:
    house, (salon, crm) = await house_of()
    house.crm.busy = 2
    house.salon.edit(salon, name="Пётр")
    await house.quiet()
    assert house.crm.shows(crm, "name") == "Пётр"
    assert not outages(house)


async def test_what_waits_for_another_delivery_sees_all_the_same_whether_its_system_is_well_again() -> None:
    """A deal waits for its person's card, which waits for the CRM to be well: somebody has to ask."""
    house = VisitHouse()
    await house.settle_in()
    house.journal.book(24, name="Иван Петров", phone=("+79991234567",))
    await house.hooks()
    while not any(one.command.kind == "PutRecord" for one in house.deliveries()):
        if not house.store.tasks:
            house.clock.step(61)
            await house.worker.handle("/sweep", {})
            continue
        task = house.store.tasks.pop(0)
        await house.worker.handle(task.path, task.body)
    house.deals.down = True
    await house.quiet(1)
    assert outages(house) == {"crm"}
    house.deals.down = False
    await house.quiet(DAY)
    assert not outages(house)
    assert [one.fields["title"] for one in house.deals.cards.values()] == ["Стрижка: Иван Петров"]
