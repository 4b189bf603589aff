"""What is changed in one system is changed in the others: once, whoever dies on the way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dying import dies_at
from in_step_house import POINTS, InStep, ivan, survived
from svyazka.model.deliveries import Status
from svyazka.model.events import Change, Hint
from svyazka.model.in_step import SideState
from svyazka.model.outcomes import Refused
from svyazka.model.records import CLEARED

# One change


async def test_a_person_of_two_systems_is_linked_and_a_change_goes_over() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    assert {link.object for link in house.links()} == {salon, crm}
    house.salon.edit(salon, name="Иван Петрович")
    await house.quiet()
    assert house.crm.shows(crm, "name") == "Иван Петрович"
    assert (house.crm.writes, house.salon.writes) == ([f"{crm} name"], [])
    house.crm.edit(crm, email=("ivan@example.org",))
    await house.quiet()
    assert house.salon.shows(salon, "email") == ("ivan@example.org",)
    assert house.writes() == 2


@pytest.mark.parametrize("point", POINTS)
async def test_a_change_goes_over_once_wherever_its_worker_dies(point: str, monkeypatch: Any) -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    left = dies_at(point, monkeypatch)
    house.salon.edit(salon, name="Иван Сидоров")
    await survived(house)
    await house.quiet()
    assert not left, "the point was never reached"
    assert house.crm.shows(crm, "name") == house.salon.shows(salon, "name") == "Иван Сидоров"
    assert house.writes() == 1
    assert len(house.records()) == 1
    assert house.record().running is None
    assert house.record().intent is None


@pytest.mark.parametrize("point", POINTS)
async def test_a_new_person_is_made_once_wherever_the_worker_dies(point: str, monkeypatch: Any) -> None:
    house = InStep(create="all")
    house.crm.seen_after = house.salon.seen_after = __import__("datetime").timedelta(seconds=30)
    await house.settle_in()
    left = dies_at(point, monkeypatch)
    house.salon.add(**ivan())
    await survived(house)
    await house.quiet()
    assert not left, "the point was never reached"
    assert len(house.crm.cards) == len(house.salon.cards) == 1
    assert len(house.record().live) == 2
    assert house.writes() == 0


# What comes at the worst moment


async def test_an_edit_between_reading_and_settling_is_looked_at_again() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.crm.meanwhile.append(lambda: house.salon.edit(salon, name="Пётр"))
    house.salon.edit(salon, name="Павел")
    await house.quiet()
    assert house.crm.shows(crm, "name") == house.salon.shows(salon, "name") == "Пётр"
    assert house.writes() == 2


async def test_a_second_save_in_the_second_in_which_we_read_is_seen_though_its_hook_looks_like_a_repeat() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.salon.exact_versions = False  # type: ignore[misc]
    house.salon.edit(salon, name="Иван Первый")
    await house.hooks()
    await house.run()
    house.salon.hook = False  # it comes, with the same second as its version, and is dropped as a repeat
    house.salon.edit(salon, name="Иван Второй")
    house.salon.hook = True
    reads = house.salon.reads
    await house.pass_time(60, 1)
    assert house.crm.shows(crm, "name") == "Иван Второй"
    assert house.salon.reads - reads <= 3, "and looked at once more, not for ever"


async def test_a_thousand_events_of_one_record_make_few_rounds() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    for number in range(100):
        house.salon.edit(salon, name=f"Иван {number}")
        await house.hooks()
    house.salon.reads = 0
    await house.quiet()
    assert house.crm.shows(crm, "name") == "Иван 99"
    assert house.writes() == 1
    assert house.salon.reads <= 4


async def test_whoever_is_called_off_loses_no_wish() -> None:
    """A queued delivery that ends past its look: the next event isn't left to wait with it."""
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.crm.refusal = Refused(code="422", message="no")
    house.salon.edit(salon, name="Пётр")
    await house.quiet()
    assert [one.status for one in house.deliveries()][-1] is Status.FAILED
    house.crm.refusal = None
    house.salon.edit(salon, name="Павел")
    await house.quiet()
    assert house.crm.shows(crm, "name") == "Павел"


async def test_our_own_change_coming_back_is_closed_without_a_read() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    for side in house.sides.values():
        side.tells_fields = True
    house.salon.edit(salon, name="Пётр")
    await house.quiet()
    before = house.salon.reads + house.crm.reads
    house.crm.told.append(Hint(kind="contact", id=crm, shown={"name": "Пётр", "phone": ["+79991234567"]}))
    await house.quiet()
    assert house.salon.reads + house.crm.reads == before
    assert (house.events()[-1].reason or "").endswith("our own change coming back")
    assert house.writes() == 1


# Deletions


async def test_who_was_deleted_doesnt_rise_again() -> None:
    house = InStep(create="all")
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.salon.delete(salon)
    await house.quiet()
    assert house.record().sides["salon"].state is SideState.GONE
    assert crm in house.crm.cards
    house.crm.edit(crm, name="Пётр")
    await house.quiet()
    assert not house.salon.cards
    house.salon.restore(salon)
    await house.quiet()
    assert house.record().sides["salon"].state is SideState.LIVE
    assert house.salon.shows(salon, "name") == house.crm.shows(crm, "name")


async def test_what_two_agree_on_while_a_third_is_in_the_bin_it_gets_when_it_is_restored() -> None:
    house = InStep(("salon", "crm", "accounts"))
    await house.settle_in()
    salon, crm, account = await house.pair(**ivan())
    house.accounts.delete(account)
    await house.quiet()
    house.salon.edit(salon, name="Пётр", phone=("+79990000777",))
    await house.quiet()
    house.accounts.restore(account)
    await house.quiet()
    assert [house.accounts.shows(account, name) for name in ("name", "phone")] == ["Пётр", ("+79990000777",)]
    assert not house.doubts()
    assert house.crm.shows(crm, "name") == "Пётр"


async def test_a_deletion_that_was_only_told_changes_nothing() -> None:
    house = InStep()
    await house.settle_in()
    salon, _ = await house.pair(**ivan())
    house.salon.told.append(Hint(kind="contact", id=salon, change=Change.DELETED))
    await house.quiet()
    assert house.record().sides["salon"].state is SideState.LIVE
    assert house.writes() == 0


# Rights


async def test_a_right_withdrawn_clears_nothing() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.salon.hidden.add("phone")
    house.salon.edit(salon, name="Пётр")
    await house.quiet()
    assert house.crm.shows(crm, "phone") == ("+79991234567",)
    house.salon.hidden.clear()
    house.salon.edit(salon, name="Павел")
    await house.quiet()
    assert (house.crm.shows(crm, "phone"), house.crm.shows(crm, "name")) == (("+79991234567",), "Павел")
    assert house.writes() == 2
    assert CLEARED not in (house.crm.shows(crm, "phone"), house.salon.shows(salon, "phone"))


async def test_where_a_deletion_is_to_be_asked_about_it_is_until_somebody_acts() -> None:
    house = InStep(delete={"salon": "ask"})
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.salon.delete(salon)
    await house.quiet()
    assert [(doubt.field, doubt.cause) for doubt in house.doubts()] == [("@salon", "deleted")]
    house.salon.restore(salon)
    await house.quiet()
    assert not house.doubts()
    house.crm.delete(crm)
    await house.quiet()
    assert not house.doubts(), "of a deletion there nobody is to be asked"


async def test_a_hundred_hooks_of_one_record_at_once_are_all_planned() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    for number in range(100):
        house.salon.edit(salon, name=f"Иван {number}")
    await house.hooks()
    plans, house.store.tasks = house.store.tasks, []
    answers = await asyncio.gather(*(house.worker.handle(task.path, task.body) for task in plans))
    house.store.tasks += [plan for plan, answer in zip(plans, answers, strict=True) if answer >= 300]
    await house.quiet()
    assert {record.status.value for record in house.events()} == {"planned"}
    assert house.crm.shows(crm, "name") == "Иван 99"
