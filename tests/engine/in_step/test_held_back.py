"""What happens to too many at once waits for a person, and nothing of it is written meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from dying import dies_at
from in_step_house import POINTS, InStep, survived
from svyazka.engine.comparing import holds
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.syncing import flow_named, switched
from svyazka.engine.ports.store import Put
from svyazka.model.in_step import SideState
from svyazka.model.records import CLEARED

MANY = 36


async def house_of(many: int = MANY, **settings: Any) -> tuple[InStep, list[str], list[str]]:
    """A house in which so many people are in both systems."""
    house = InStep(**settings)
    await house.settle_in()
    salon, crm = [], []
    for number in range(many):
        person = {"name": f"Человек {number}", "phone": (f"+7999{number:07}",), "birthday": f"19{number + 10}-01-02"}
        salon.append(house.salon.add(**person))
        crm.append(house.crm.add(**person))
    await house.quiet(0.2)
    for side in house.sides.values():
        side.writes.clear()
    return house, salon, crm


async def test_one_value_set_on_very_many_stops_at_the_twenty_first_and_other_fields_go_on() -> None:
    house, salon, crm = await house_of()
    for id_ in crm:
        house.crm.edit(id_, birthday="1900-01-01")
    await house.quiet(0.2)
    assert house.writes() == 20
    switch = await house.switch()
    assert (switch.held["birthday"].why, switch.held["birthday"].count) == ("mass_change", 21)
    assert len(switch.held["birthday"].examples) == 5
    assert [card.cause for card in house.cards("in_step_held")] == ["sync_contacts"]
    assert not house.doubts(), "one card, no list of forty"
    house.crm.edit(crm[30], name="Иван Другой")
    await house.quiet(0.2)
    assert house.salon.shows(salon[30], "name") == "Иван Другой"
    assert house.writes() == 21


@pytest.mark.parametrize(
    ("said", "salons", "crms"),
    [("go-on", ["1900-01-01"], ["1900-01-01"]), ("leave", ["1945-01-02"], ["1900-01-01"]),
     ("salon", ["1945-01-02"], ["1945-01-02"])],
)  # fmt: skip
async def test_a_person_says_that_it_goes_on_or_stays_or_is_put_back(
    said: str, salons: list[str], crms: list[str]
) -> None:
    house, salon, crm = await house_of()
    for id_ in crm:
        house.crm.edit(id_, birthday="1900-01-01")
    await house.quiet(0.2)
    assert len(await house.let_go("birthday", said, dry_run=True)) == MANY - 20
    assert house.writes() == 20, "a dry run only says how many"
    assert len(await house.let_go("birthday", said)) == MANY - 20
    await house.quiet(0.2)
    assert [house.salon.shows(salon[35], "birthday")] == salons
    assert [house.crm.shows(crm[35], "birthday")] == crms
    assert not (await house.switch()).held
    assert {one.held != {} for one in house.records()} == {False}
    done = house.writes()
    await house.quiet(0.2)
    assert house.writes() == done
    house.crm.edit(crm[35], birthday="1999-09-09")
    await house.quiet(0.2)
    assert house.salon.shows(salon[35], "birthday") == "1999-09-09", "and then it goes on as ever"


async def test_thousands_of_edits_each_of_its_own_are_no_mass_change() -> None:
    house, _salon, crm = await house_of()
    for number, id_ in enumerate(crm):
        house.crm.edit(id_, name=f"Новое имя {number}")
    await house.quiet(0.2)
    assert house.writes() == MANY


async def test_what_is_few_among_very_many_is_no_mass_change() -> None:
    """Twenty-one of a thousand who get one value are a tidy afternoon."""
    house, _salon, crm = await house_of(23)
    pattern = house.record_of(crm[0])
    for number in range(1000):
        other = pattern.model_copy(update={"id": f"rec_other{number}", "people": ()})
        await house.store.commit([Put(journal.document(other))])
    for id_ in crm:
        house.crm.edit(id_, birthday="1900-01-01")
    await house.quiet(0.2)
    assert house.writes() == 23
    assert not (await house.switch()).held


async def test_clearing_very_many_is_held_where_clearing_is_copied() -> None:
    house, salon, crm = await house_of(clear="mirror")
    for id_ in crm:
        house.crm.edit(id_, birthday=CLEARED)
    await house.quiet(0.2)
    assert sum(house.salon.shows(id_, "birthday") is CLEARED for id_ in salon) == 20
    assert "birthday" in (await house.switch()).held


async def test_a_mass_deletion_is_held_beyond_thirty_and_one_card_says_so() -> None:
    house, _salon, crm = await house_of(create="all", delete="ask")
    for id_ in crm:
        house.crm.delete(id_)
    await house.quiet(0.2)
    states = [one.sides["crm"].state for one in house.records()]
    assert (states.count(SideState.GONE), states.count(SideState.SUSPECT)) == (30, MANY - 30)
    assert len(house.doubts()) == 30
    switch = await house.switch()
    assert (switch.held["@crm"].why, switch.held["@crm"].count) == ("mass_deletion", 31)
    assert [card.cause for card in house.cards("in_step_held")] == ["sync_contacts"]
    assert house.writes() == 0
    assert len(house.salon.cards) == MANY
    house.crm.restore(crm[35])
    await house.quiet(0.2)
    assert house.record_of(crm[35]).sides["crm"].state is SideState.LIVE
    assert not house.record_of(crm[35]).held


@pytest.mark.parametrize(("said", "asked"), [("go-on", MANY), ("leave", 30)])
async def test_held_deletions_are_let_go_or_left(said: str, asked: int) -> None:
    house, _salon, crm = await house_of(delete="ask")
    for id_ in crm:
        house.crm.delete(id_)
    await house.quiet(0.2)
    assert len(await house.let_go("@crm", said)) == MANY - 30
    await house.quiet(0.2)
    assert {one.sides["crm"].state for one in house.records()} == {SideState.GONE}
    assert len(house.doubts()) == asked
    assert not (await house.switch()).held
    assert house.writes() == 0


@pytest.mark.parametrize("point", [point for point in POINTS if not point.startswith("plan.")])
async def test_whoever_dies_on_the_way_each_change_is_counted_once(point: str, monkeypatch: Any) -> None:
    house, salon, crm = await house_of(22)
    for id_ in crm[:19]:
        house.crm.edit(id_, birthday="1900-01-01")
    await house.quiet(0.2)
    assert house.writes() == 19
    left = dies_at(point, monkeypatch)
    house.crm.edit(crm[19], birthday="1900-01-01")
    await survived(house)
    assert not left
    house.crm.edit(crm[20], birthday="1900-01-01")
    await house.quiet(0.2)
    assert sorted({one.split()[0] for one in house.salon.writes}) == sorted(salon[:20])
    assert "birthday" in (await house.switch()).held
    assert house.salon.shows(salon[20], "birthday") != "1900-01-01"


def few_are_many(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Of what is made so many are enough for a day."""
    monkeypatch.setattr(holds, "MADE", holds.Threshold(count, 5))


@pytest.mark.parametrize(("said", "made"), [("go-on", 15), ("leave", 10)])
async def test_very_many_new_ones_are_made_elsewhere_once_a_person_has_said(
    said: str, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_are_many(monkeypatch, 10)
    house, _salon, crm = await house_of(2, create="all")
    new = [house.crm.add(name=f"Новый {number}", phone=(f"+7988{number:07}",)) for number in range(15)]
    await house.quiet(0.2)
    assert len(house.salon.made) == 10
    switch = await house.switch()
    assert (switch.held["+salon"].why, switch.held["+salon"].count) == ("mass_making", 11)
    assert [card.cause for card in house.cards("in_step_held")] == ["sync_contacts"]
    house.crm.edit(crm[0], name="Иван Другой")
    await house.quiet(0.2)
    assert len(house.salon.writes) == 1, "nothing else waits with them"
    assert len(await house.let_go("+salon", said, dry_run=True)) == 5
    assert len(await house.let_go("+salon", said)) == 5
    await house.quiet(0.2)
    assert len(house.salon.made) == made
    assert not (await house.switch()).held
    assert {one.held != {} for one in house.records()} == {False}
    house.crm.edit(new[-1], name="Новый Другой")
    await house.quiet(0.2)
    assert len(house.salon.made) == made, "what was left is left whatever becomes of it"
    house.crm.add(name="Самый новый", phone=("+79880999999",))
    await house.quiet(0.2)
    assert len(house.salon.made) == made + 1, "and then it goes on as ever"


async def test_what_waits_to_be_made_isnt_let_go_by_stopping_the_flow_and_starting_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That is what one does who wonders where they all come from."""
    few_are_many(monkeypatch, 2)
    house, _salon, _crm = await house_of(2, create="all")
    new = [house.crm.add(name=f"Новый {number}", phone=(f"+7988{number:07}",)) for number in range(4)]
    await house.quiet(0.2)
    assert len(house.salon.made) == 2
    flow = await flow_named(house.hub, house.tenant, house.flow)
    for on in (False, True):
        await switched(house.hub, house.tenant, flow, ["salon"], on=on)
    for number, id_ in enumerate(new):
        house.crm.edit(id_, name=f"Новый Другой {number}")
    await house.quiet(0.2)
    assert len(house.salon.made) == 2
    assert len(await house.let_go("+salon", "go-on")) == 2


@pytest.mark.parametrize("point", ["claim.before", "claim.after", "perform.after_call", "settle.before"])
async def test_whoever_dies_on_the_way_what_is_made_is_counted_once(point: str, monkeypatch: Any) -> None:
    few_are_many(monkeypatch, 2)
    house, _salon, _crm = await house_of(2, create="all")
    left = dies_at(point, monkeypatch)
    for number in range(2):
        house.crm.add(name=f"Новый {number}", phone=(f"+7988{number:07}",))
    await survived(house)
    assert not left
    assert len(house.salon.made) == 2
    house.crm.add(name="Третий", phone=("+79880000009",))
    await house.quiet(0.2)
    assert len(house.salon.made) == 2
    assert "+salon" in (await house.switch()).held
