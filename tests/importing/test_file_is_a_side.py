"""A file is a side of a record, as a system is: whoever an import has brought is known to what keeps systems in step,
and the next file is compared by three."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from office import ANNA, IVAN, office

from bringing import written
from svyazka.engine.jobs.steering import start
from svyazka.importing.decisions import RESEMBLES, Decisions, Same
from svyazka.model.records import CLEARED


def foreseen(planned: Any) -> dict[str, int]:
    return dict(Counter(one.what for one in planned if one.what != "heading"))


async def test_a_flow_that_is_switched_on_after_an_import_makes_nobody_a_second_time(tmp_path: Path) -> None:
    house = await office(create="all", mode="watch")
    house.crm.hook = house.salon.hook = False
    known = house.salon.add(name="Иван Петров", phone=("8 999 123-45-67",))
    job = await house.bring(written(tmp_path, [IVAN, ANNA]))
    assert (job.counts.created, len(house.crm.cards)) == (2, 2)
    house.crm.hook = house.salon.hook = True
    house.bind(mode="on")
    await house.settle_in()
    for name, id_ in (("salon", known), *(("crm", id_) for id_ in list(house.crm.cards))):
        house.sides[name].edit(id_, birthday="1990-01-01")
    await house.quiet()
    assert sorted(one.fields["name"] for one in house.salon.cards.values()) == ["Иван Петров", "Сидорова Анна"]
    assert (len(house.crm.cards), len(house.records())) == (2, 2)
    assert all(set(one.sides) == {"salon", "crm", "file:base"} for one in house.records())


async def test_the_first_link_takes_who_was_imported_for_somebody_of_one_system(tmp_path: Path) -> None:
    house = await office(mode="watch")
    house.crm.hook = house.salon.hook = False
    house.salon.add(name="Иван Петров", phone=("8 999 123-45-67",))
    await house.bring(written(tmp_path, [IVAN, ANNA]))
    await start(house.hub, house.tenant.id, "first_link", "sync_contacts", "job_first", {"flow": "sync_contacts"})
    found = (await house.carry("job_first")).result
    assert (found["proposed"], found["doubts"], found["new"]) == (1, 0, {"salon": 0, "crm": 1})


async def test_the_same_file_brought_into_a_second_system_joins_the_two(tmp_path: Path) -> None:
    house = await office(mode="watch")
    house.crm.hook = house.salon.hook = False
    known = house.salon.add(name="Иван Петров", phone=("8 999 123-45-67",))
    file = written(tmp_path, [IVAN, ANNA])
    await house.bring(file, into="crm")
    job = await house.bring(file, into="salon")
    assert (job.counts.created, len(house.salon.cards)) == (1, 2)
    sides = [{name: side.object for name, side in one.sides.items()} for one in house.records()]
    assert len(sides) == 2
    assert known in {one["salon"] for one in sides}
    assert all(set(one) == {"salon", "crm", "file:base"} for one in sides)


async def test_who_a_flow_keeps_in_step_is_met_by_an_import_and_what_it_writes_goes_on(tmp_path: Path) -> None:
    house = await office()
    salon, crm = await house.pair(name="Иван Петров", phone=("+79991234567",))
    job = await house.bring(written(tmp_path, ["1;Петров Иван;+7 999 123-45-67;ivan@example.org;"]))
    assert (job.counts.updated, len(house.crm.cards)) == (1, 1)
    await house.quiet()
    assert house.salon.shows(salon, "email") == house.crm.shows(crm, "email") == ("ivan@example.org",)
    assert set(house.record().sides) == {"salon", "crm", "file:base"}


CORRECTED = {
    "the file alone": ({}, "1;Петров Иван;+7 999 123-45-67;new@example.org;", ("new@example.org",), "Петров Иван"),
    "a phone": ({}, "1;Петров Иван;+7 999 765-43-21;old@example.org;", ("old@example.org",), "Петров Иван"),
    "people's own word": ({"name": "Ваня"}, "1;Петров Иван;+7 999 123-45-67;old@example.org;",
        ("old@example.org",), "Ваня"),
    "both, unlike": ({"name": "Ваня"}, "1;Петров Пётр;+7 999 123-45-67;old@example.org;",
        ("old@example.org",), "Ваня"),
    "both, alike": ({"name": "Петров Пётр"}, "1;Петров Пётр;+7 999 123-45-67;old@example.org;",
        ("old@example.org",), "Петров Пётр"),
    "a cell was emptied": ({}, "1;Петров Иван;+7 999 123-45-67;;", ("old@example.org",), "Петров Иван"),
    "a cell can't be read": ({}, "1;Петров Иван;7,9991E+10;old@example.org;", ("old@example.org",), "Петров Иван"),
}  # fmt: skip


@pytest.mark.parametrize("case", CORRECTED)
async def test_a_corrected_row_goes_only_where_it_differs(case: str, tmp_path: Path) -> None:
    edit, line, email, name = CORRECTED[case]
    house = await office()
    house.crm.hook = False
    await house.bring(written(tmp_path, ["1;Петров Иван;+7 999 123-45-67;old@example.org;"]))
    (card,) = house.crm.cards
    if edit:
        house.crm.edit(card, **edit)
    house.crm.writes.clear()
    await house.bring(written(tmp_path, [line]))
    assert (house.crm.shows(card, "email"), house.crm.shows(card, "name")) == (email, name)
    phone = ("+79997654321",) if case == "a phone" else ("+79991234567",)
    assert house.crm.shows(card, "phone") == phone
    assert len(house.crm.writes) == (case in ("the file alone", "a phone"))
    assert len(house.crm.cards) == 1
    await house.bring(written(tmp_path, [line, ""]))
    assert len(house.crm.writes) == (case in ("the file alone", "a phone")), "and the third time there is nothing to do"


async def test_an_edit_that_a_flow_has_carried_on_is_no_agreement_of_the_files(tmp_path: Path) -> None:
    """The manager's word came after the file's: a later file that changes the same field is asked about."""
    house = await office(create="all")
    house.salon.hook = house.crm.hook = False
    await house.bring(written(tmp_path, [IVAN]))
    house.salon.hook = house.crm.hook = True
    (card,) = house.crm.cards
    house.crm.edit(card, name="Ваня Петров")
    await house.quiet()
    (salon,) = house.salon.cards
    assert house.salon.shows(salon, "name") == "Ваня Петров"
    (planned,) = [one for one in await house.plan(written(tmp_path, ["1;Петров Пётр;+7 999 123-45-67;;"])) if one.id]
    assert (planned.what, planned.left) == ("unchanged", ("name",))


async def test_a_file_that_was_sorted_anew_takes_nobody_of_a_household_for_another(tmp_path: Path) -> None:
    house = await office()
    house.crm.hook = False
    head = "ФИО;Телефон;Почта\n"
    his, hers = "Петров Иван;+7 999 123-45-67;", "Петрова Анна;+7 999 123-45-67;"
    await house.bring(written(tmp_path, [his], head))
    await house.bring(written(tmp_path, [his, hers], head))
    await house.bring(written(tmp_path, [hers + "anna@example.org", his], head))
    await house.bring(written(tmp_path, [hers + "anna@example.org"], head))
    emails = {one.fields["name"]: one.elements("email") for one in house.crm.cards.values()}
    assert emails == {"Петров Иван": (), "Петрова Анна": ("anna@example.org",)}
    assert len(house.records()) == 2


async def test_a_row_whose_key_was_corrected_is_found_by_what_is_left_and_keeps_its_past(tmp_path: Path) -> None:
    house = await office()
    house.crm.hook = False
    head = "ФИО;Телефон;Почта\n"
    await house.bring(written(tmp_path, ["Петров Иван;+7 999 123-45-67;ivan@example.org"], head))
    await house.bring(written(tmp_path, ["Петров Иван;+7 999 765-43-21;ivan@example.org"], head))
    (card,) = house.crm.cards
    assert house.crm.shows(card, "phone") == ("+79997654321",), "the number that was wrong is gone"
    assert len(house.records()) == 1


async def test_codes_of_another_tills_file_give_nobodys_card_to_somebody_else(tmp_path: Path) -> None:
    """Two branches' files are both called `clients`, and codes begin at 1 in each."""
    house = await office()
    house.crm.hook = False
    await house.bring(written(tmp_path, [IVAN, ANNA]))
    before = dict(house.crm.cards)
    others = written(tmp_path, ["1;Кузнецов Олег;+7 999 555-00-11;;", "2;Жуков Пётр;+7 999 555-00-12;;"])
    assert foreseen(await house.plan(others)) == {"other_person": 2}
    job = await house.bring(others)
    assert (job.counts.doubt, house.crm.cards) == (2, before)
    married = "2;Кузнецова Анна;+7 999 222-33-44;anna@example.org;"
    moved = "1;Петров Иван;+7 999 555-00-11;;"
    assert foreseen(await house.plan(written(tmp_path, [moved, married]))) == {"would_update": 2}
    house.crm.edit(next(iter(before)), name="Гость", phone=("+79990001122",))
    assert foreseen(await house.plan(written(tmp_path, [IVAN]))) == {"unchanged": 1}, "the file says nothing new"


async def test_a_number_that_a_manager_has_put_in_anothers_place_is_brought_back_by_no_file(tmp_path: Path) -> None:
    house = await office()
    house.crm.hook = False
    file = written(tmp_path, [IVAN])
    await house.bring(file)
    house.crm.edit("c1", phone=("+79990001122",))
    await house.bring(file)
    await house.bring(written(tmp_path, ["1;Петров Иван;+7 999 123-45-67;ivan@example.org;"]))
    assert (house.crm.shows("c1", "phone"), house.crm.shows("c1", "email")) == (
        ("+79990001122",), ("ivan@example.org",)
    )  # fmt: skip


@pytest.mark.parametrize("answers", ["cards", "versions", "ids"])
@pytest.mark.parametrize("field", ["email", "birthday"])
async def test_what_came_with_a_card_and_was_emptied_stays_empty(field: str, answers: str, tmp_path: Path) -> None:
    """Cleared means cleared, by the same file as by a flow that keeps systems in step."""
    house = await office()
    house.crm.hook, house.crm.answers_whole = False, answers == "cards"
    house.crm.tells_version = answers != "ids"
    file = written(tmp_path, ["1;Петров Иван;+7 999 123-45-67;ivan@example.org;01.02.1990"])
    await house.bring(file)
    assert house.crm.shows("c1", field) is not CLEARED
    house.clock.step(90)
    house.crm.edit("c1", **{field: CLEARED})
    await house.bring(file)
    assert house.crm.shows("c1", field) is CLEARED
    house.crm.hook = True
    house.crm.edit("c1", name="Иван Петров-Водкин")
    await house.quiet()
    assert house.crm.shows("c1", field) is CLEARED


async def test_two_rows_are_never_one_card_unasked(tmp_path: Path) -> None:
    house = await office()
    house.crm.hook = False
    house.crm.add(name="Петров Иван", phone=("+79991234567",), email=("ivan@example.org",))
    lines = ["1;Петров Иван;+7 999 123-45-67;;", "2;Иван Петров;;ivan@example.org;"]
    assert foreseen(await house.plan(written(tmp_path, lines))) == {"unchanged": 1, "taken": 1}
    job = await house.bring(written(tmp_path, lines))
    assert (job.counts.unchanged, job.counts.doubt, len(house.crm.cards)) == (1, 1, 1)


async def test_somebody_of_one_name_and_birthday_is_asked_about_before_a_second_card_is_made(tmp_path: Path) -> None:
    house = await office()
    house.crm.hook = False
    house.crm.add(name="Петров Иван", phone=("+79991234567",), birthday="1985-02-14")
    house.crm.add(name="Сидорова Анна", phone=("+79992223344",))
    file = written(tmp_path, ["1;Иван Петров;+7 903 765-43-21;;14.02.1985", "2;Анна Сидорова;+7 999 222-33-45;;"])
    assert foreseen(await house.plan(file)) == {"resembles": 2}
    house.decisions = Decisions(duplicates={RESEMBLES: Same.EACH})
    assert foreseen(await house.plan(file)) == {"would_create": 2}
    house.decisions = Decisions(duplicates={RESEMBLES: Same.ONE})
    assert foreseen(await house.plan(file)) == {"would_update": 2}


async def test_what_a_system_requires_is_said_before_it_refuses(tmp_path: Path) -> None:
    house = await office()
    house.crm.needs = frozenset({"name", "phone"})
    (planned,) = [one for one in await house.plan(written(tmp_path, ["1;Петров Иван;;i@ya.ru;"])) if one.id]
    assert (planned.what, planned.lacking) == ("lacks", ("phone",))
