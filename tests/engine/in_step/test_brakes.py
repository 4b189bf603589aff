"""Systems in step don't fight: a robot, or two, is stopped until a person says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dying import Killed
from in_step_house import InStep, ivan
from svyazka.model.bases import AcceptedFor
from svyazka.model.errors import ConfigError


async def test_a_field_that_a_robot_changes_all_the_time_is_written_six_times_an_hour_and_holds_up_no_other() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    for number in range(10):
        house.salon.edit(salon, name=f"Иван {number}")
        await house.quiet(hours=0.08)
    assert house.writes() == 6
    assert house.record().stopped == {"name": "too_often"}
    assert [(one.field, one.cause) for one in house.doubts()] == [("name", "too_often")]
    house.salon.edit(salon, email=("ivan@example.org",))
    await house.quiet(hours=0.1)
    assert house.crm.shows(crm, "email") == ("ivan@example.org",)
    await house.answer(salon, "name", "go-on")
    await house.quiet(hours=0.1)
    assert house.crm.shows(crm, "name") == "Иван 9"
    assert (house.record().stopped, house.doubts()) == ({}, [])


async def test_an_owned_field_that_is_edited_elsewhere_is_put_back_once_a_day() -> None:
    house = InStep(fields={"name": "crm", "phone": "both"})
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    ours = house.crm.shows(crm, "name")
    house.salon.edit(salon, name="Ваня")
    await house.quiet()
    assert house.salon.shows(salon, "name") == ours
    house.salon.edit(salon, name="Ванюша")
    await house.quiet()
    assert house.salon.shows(salon, "name") == "Ванюша"
    assert house.record().stopped == {"name": "put_back"}
    assert house.writes() == 1


async def test_a_try_that_a_vendor_refused_is_no_part_of_a_fight() -> None:
    house = InStep()
    await house.settle_in()
    salon, _crm = await house.pair(**ivan())
    house.salon.edit(salon, name="Иван Петрович")
    await house.quiet()
    (written,) = house.record().sides["crm"].written["name"].writes
    assert house.clock.now() - written.at < timedelta(hours=2)


async def conflict() -> tuple[InStep, str, str]:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.salon.edit(salon, name="Иван Петрович")
    house.crm.edit(crm, name="Иван Иваныч")
    await house.quiet()
    assert [(one.field, one.cause) for one in house.doubts()] == [("name", "conflict")]
    return house, salon, crm


async def test_a_person_says_whose_value_holds() -> None:
    house, salon, crm = await conflict()
    await house.answer(salon, "name", "crm")
    await house.quiet()
    assert house.salon.shows(salon, "name") == house.crm.shows(crm, "name") == "Иван Иваныч"
    assert (house.writes(), house.doubts(), house.record().decided) == (1, [], {})


@pytest.mark.parametrize("names", [("salon", "crm"), ("crm", "salon")])
@pytest.mark.parametrize(
    ("said", "salon_phones", "crm_phones"),
    [("crm", ("+79991234567",), ("+79991234567",)),
     ("salon", ("+79990000777",), ("+79991234567", "+79990000777"))],
)  # fmt: skip
async def test_a_persons_word_holds_whoever_owns_the_field_and_whichever_side_is_looked_at_first(
    names: tuple[str, str], said: str, salon_phones: tuple[str, ...], crm_phones: tuple[str, ...]
) -> None:
    house = InStep(names, fields={"comment": "crm", "phone": "crm"})
    await house.settle_in()
    crm = house.crm.add(**ivan(email=("ivan@example.org",), comment="of the crm"))
    phone = ("+79990000777",)
    salon = house.salon.add(**ivan(email=("ivan@example.org",), comment="of the salon", phone=phone))
    await house.quiet()
    assert {one.field: one.cause for one in house.doubts()} == {"comment": "first", "phone": "first"}
    for field in ("comment", "phone"):
        await house.answer(salon, field, said)
    await house.quiet()
    house.crm.edit(crm, birthday="1990-02-28")
    await house.quiet()
    assert house.salon.shows(salon, "comment") == house.crm.shows(crm, "comment") == f"of the {said}"
    assert (house.salon.shows(salon, "phone"), house.crm.shows(crm, "phone")) == (salon_phones, crm_phones)
    assert (house.doubts(), house.record().decided) == ([], {})


async def test_a_person_says_that_a_difference_stays_until_somebody_edits_it() -> None:
    house, salon, crm = await conflict()
    await house.answer(salon, "name", "leave")
    await house.quiet()
    assert (house.writes(), house.doubts()) == (0, [])
    assert house.record().accepted["name"].why is AcceptedFor.LEFT
    house.salon.edit(salon, name="Иван Ильич")
    await house.quiet()
    assert house.crm.shows(crm, "name") == "Иван Ильич"


@pytest.mark.parametrize(
    ("first", "then", "shows"), [("leave", "crm", "Иван Иваныч"), ("crm", "leave", "Иван Петрович")]
)
async def test_of_two_answers_before_anybody_looks_the_last_one_holds(first: str, then: str, shows: str) -> None:
    house, salon, _ = await conflict()
    await house.answer(salon, "name", first)
    await house.answer(salon, "name", then)
    await house.quiet()
    assert (house.salon.shows(salon, "name"), house.doubts()) == (shows, [])


async def test_an_answer_is_carried_out_though_whoever_took_it_down_died(monkeypatch: pytest.MonkeyPatch) -> None:
    house, salon, crm = await conflict()
    commit = house.store.commit

    async def commit_and_die(*args: Any, **more: Any) -> None:
        await commit(*args, **more)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(house.store, "commit", commit_and_die)
        with pytest.raises(Killed):
            await house.answer(salon, "name", "crm")
    house.start()
    await house.quiet()
    assert house.salon.shows(salon, "name") == house.crm.shows(crm, "name") == "Иван Иваныч"


async def test_an_answer_is_about_what_was_shown_when_it_was_asked_and_must_be_one() -> None:
    house, salon, crm = await conflict()
    for field, said, says in (
        ("name", "till", "whose value"),
        ("name", "go-on", "whose value"),
        ("phone", "crm", "isn't asked"),
    ):
        with pytest.raises(ConfigError, match=says):
            await house.answer(salon, field, said)
    house.crm.edit(crm, name="Иван Ильич")
    await house.answer(salon, "name", "crm")
    await house.quiet()
    assert [(one.field, one.cause) for one in house.doubts()] == [("name", "conflict")], "it shows another value by now"
    assert house.writes() == 0
