"""A person says whose card it is, what a deletion means, that two were never one: one by one, or of many at once."""

from __future__ import annotations

from typing import Any

import pytest

from in_step_house import InStep, ivan
from svyazka.engine.operating.answering import choices
from svyazka.engine.operating.tombstones import revived
from svyazka.model.errors import ConfigError
from svyazka.model.in_step import SideState
from svyazka.model.outcomes import Refused


async def house_of(**settings: Any) -> InStep:
    house = InStep(**settings)
    await house.settle_in()
    return house


# Whose card it is


async def of_two(create: str = "all") -> tuple[InStep, list[str], str]:
    """Two cards in the CRM that one person of the salon's may be."""
    house = await house_of(create=create)
    house.crm.hook = False
    there = [house.crm.add(**ivan()), house.crm.add(**ivan())]
    house.crm.hook = True
    salon = house.salon.add(**ivan())
    await house.quiet(0.2)
    return house, there, salon


async def test_of_two_cards_a_person_says_which_and_they_are_in_step() -> None:
    house, there, salon = await of_two()
    (doubt,) = house.doubts()
    assert choices(doubt) == (*(f"crm/{id_}" for id_ in there), "new", "none")
    await house.answer(salon, "@crm", f"crm/{there[1]}")
    await house.quiet(0.2)
    assert {name: side.object for name, side in house.record_of(salon).sides.items()} == {
        "salon": salon, "crm": there[1],
    }  # fmt: skip
    assert (house.doubts(), house.record_of(salon).said) == ([], {})
    house.salon.edit(salon, name="Иван Ильич")
    await house.quiet(0.2)
    assert (house.crm.shows(there[1], "name"), house.crm.shows(there[0], "name")) == ("Иван Ильич", "Иван Петров")


@pytest.mark.parametrize(("said", "cards", "create"), [("new", 3, "all"), ("new", 3, "none"), ("none", 2, "all")])
async def test_a_person_says_that_it_is_none_of_them(said: str, cards: int, create: str) -> None:
    house, there, salon = await of_two(create)
    await house.answer(salon, "@crm", said)
    await house.quiet(0.2)
    assert (len(house.crm.cards), house.doubts()) == (cards, [])
    house.salon.edit(salon, name="Иван Ильич")
    await house.quiet(0.2)
    assert (len(house.crm.cards), house.doubts()) == (cards, []), "and is asked no more"
    if said == "none":
        await house.answer(salon, "@crm", f"crm/{there[0]}")
        await house.quiet(0.2)
        assert house.crm.shows(there[0], "name") in ("Иван Ильич", "Иван Петров")
        assert len(house.record_of(salon).live) == 2, "what was said may be said anew"


async def test_a_card_that_is_somebodys_already_is_refused_and_says_what_to_do() -> None:
    house = await house_of(create="all")
    house.salon.add(**ivan())
    await house.quiet(0.2)
    second = house.salon.add(**ivan())
    await house.quiet(0.2)
    (card,) = house.crm.cards
    with pytest.raises(ConfigError, match="merge the two cards there first"):
        await house.answer(second, "@crm", f"crm/{card}")
    for wrong in ("crm/c99", "leave"):
        with pytest.raises(ConfigError, match="expected one of"):
            await house.answer(second, "@crm", wrong)
    await house.answer(second, "@crm", "new")
    await house.quiet(0.2)
    assert (len(house.crm.cards), house.doubts()) == (2, [])


async def test_another_card_that_the_system_refused_is_told_in_its_words_and_not_offered_again() -> None:
    house, there, salon = await of_two()
    house.crm.refusal = Refused(code="phone_taken", message="this phone has a card")
    await house.answer(salon, "@crm", "new")
    await house.quiet(0.2)
    for _look in range(2):  # what is edited meanwhile tries nothing again
        (doubt,) = house.doubts()
        assert (doubt.cause, doubt.refusal) == ("several", "this phone has a card")
        assert choices(doubt) == (*(f"crm/{id_}" for id_ in there), "none")
        house.salon.edit(salon, name="Иван Ильич")
        house.salon.edit(salon, name="Иван Петров")
        await house.quiet(0.2)
    house.crm.refusal = None
    await house.answer(salon, "@crm", "new")  # it was mended there
    await house.quiet(0.2)
    assert (len(house.crm.cards), house.doubts(), house.record_of(salon).not_made) == (3, [], {})


# Many at once


async def test_all_rows_that_an_answer_fits_are_answered_by_it() -> None:
    house = await house_of()
    pairs = []
    for number in range(4):
        person = {"name": f"Человек {number}", "phone": (f"+7999000000{number}",)}
        pairs.append((house.salon.add(**person), house.crm.add(**person)))
    await house.quiet(0.2)
    for number, (salon, crm) in enumerate(pairs):
        house.salon.edit(salon, name=f"Салон {number}", **({"birthday": "1990-01-01"} if number == 0 else {}))
        house.crm.edit(crm, name=f"Отдел {number}", **({"birthday": "1991-01-01"} if number == 0 else {}))
    await house.quiet(0.2)
    assert len(house.doubts()) == 5
    assert await house.answer_all("salon", field="name", dry_run=True) == (4, 0)
    assert len(house.doubts()) == 5
    assert await house.answer_all("salon", field="name") == (4, 0)
    assert await house.answer_all("new") == (0, 5)
    await house.quiet(0.2)
    assert [house.crm.shows(crm, "name") for _, crm in pairs] == [f"Салон {number}" for number in range(4)]
    assert [doubt.field for doubt in house.doubts()] == ["birthday"]
    assert await house.answer_all("leave", cause="conflict") == (1, 0)
    await house.quiet(0.2)
    assert not house.doubts()


# What was deleted


async def gone(**settings: Any) -> tuple[InStep, str, str]:
    house = await house_of(**settings)
    salon, crm = await house.pair(**ivan())
    house.crm.delete(crm)
    await house.quiet(0.2)
    assert house.record().sides["crm"].state is SideState.GONE
    return house, salon, crm


@pytest.mark.parametrize("create", ["none", "all"])
async def test_only_a_persons_word_makes_anew_what_was_deleted(create: str) -> None:
    house, salon, _crm = await gone(create=create)
    house.salon.edit(salon, name="Иван Ильич")
    await house.quiet(0.2)
    assert not house.crm.cards
    assert await house.revive(salon) == ["crm"]
    await house.quiet(0.2)
    (card,) = house.crm.cards.values()
    assert (card.fields["name"], card.fields["phone"]) == ("Иван Ильич", ("+79991234567",))
    assert {name: side.state for name, side in house.record().sides.items()} == dict.fromkeys(house.sides, "live")
    with pytest.raises(ConfigError, match="gone nowhere"):
        await house.revive(salon)


@pytest.mark.parametrize("hook", [True, False])
async def test_what_was_made_anew_and_is_deleted_once_more_needs_another_word(hook: bool) -> None:
    """Also where nobody has looked at it since it was made: its system is asked not to tell of what we write."""
    house, salon, _crm = await gone(create="all", delete="ask")
    for _ in range(2):
        house.crm.hook = hook
        await house.revive(salon)
        await house.quiet(0.2)
        (again,) = house.crm.cards
        house.crm.hook = True
        house.crm.delete(again)
        await house.quiet(0.2)
        assert (list(house.crm.cards), len(house.doubts())) == ([], 1)


async def test_a_card_that_somebody_made_meanwhile_is_taken_and_none_is_made() -> None:
    house, salon, _crm = await gone()
    house.crm.hook = False
    there = house.crm.add(**ivan())
    await house.revive(salon, "crm")
    await house.quiet(0.2)
    assert (list(house.crm.cards), house.record_of(salon).sides["crm"].object) == ([there], there)


@pytest.mark.parametrize(("said", "cards"), [("leave", 0), ("revive", 1)])
async def test_what_a_deletion_means_is_answered(said: str, cards: int) -> None:
    house, salon, _crm = await gone(delete="ask")
    (doubt,) = house.doubts()
    assert (doubt.cause, choices(doubt)) == ("deleted", ("leave", "revive"))
    await house.answer(salon, "@crm", said)
    await house.quiet(0.2)
    assert (house.doubts(), len(house.crm.cards)) == ([], cards)
    house.salon.edit(salon, name="Иван Ильич")
    await house.quiet(0.2)
    assert (house.doubts(), len(house.crm.cards)) == ([], cards)


async def test_who_was_forgotten_or_is_gone_everywhere_isnt_made_from_nothing() -> None:
    house, _salon, _crm = await gone()
    record, now = house.record(), house.clock.now()
    with pytest.raises(ConfigError, match="asked to be forgotten"):
        revived(record.forgotten(now), "crm")
    nowhere = {name: side.model_copy(update={"state": SideState.GONE}) for name, side in record.sides.items()}
    with pytest.raises(ConfigError, match="gone everywhere"):
        revived(record.model_copy(update={"sides": nowhere}), "crm")


# Merges in a system


@pytest.mark.parametrize("first", ["deleted", "updated"])
async def test_a_card_that_was_merged_into_a_free_one_goes_on_in_that(first: str) -> None:
    house = await house_of(create="all")
    salon, crm = await house.pair(**ivan())
    house.crm.hook = False
    stays = house.crm.add(name="Иван Петров", phone=("+79995550000",))
    house.crm.hook = True
    house.crm.merge(crm, stays)
    if first == "updated":
        house.crm.told.rotate(1)
    await house.quiet(0.2)
    assert (list(house.crm.cards), list(house.salon.cards)) == ([stays], [salon]), "nothing is made for a merge"
    record = house.record_of(salon)
    assert (record.sides["crm"].object, house.doubts()) == (stays, [])
    house.salon.edit(salon, name="Иван Ильич")
    await house.quiet(0.2)
    assert house.crm.shows(stays, "name") == "Иван Ильич"


async def test_two_that_are_linked_both_and_were_merged_in_one_system_are_asked_about() -> None:
    house = await house_of(create="all")
    ids = []
    for phone in ("+79991234567", "+79990000002"):
        person = ivan(phone=(phone,))
        ids.append((house.salon.add(**person), house.crm.add(**person)))
    await house.quiet(0.2)
    (salon, crm), (other, stays) = ids
    house.crm.merge(crm, stays)
    await house.quiet(0.2)
    assert [(doubt.cause, doubt.candidates) for doubt in house.doubts()] == [("merge_suspected", (f"crm/{stays}",))]
    assert len(house.salon.cards) == 2, "nothing is deleted for a merge elsewhere"
    house.salon.edit(salon, email=("ivan@example.org",))
    await house.quiet(0.2)
    assert len(house.crm.cards) == 1
    await house.answer(salon, "@crm", "leave")
    await house.quiet(0.2)
    assert (house.doubts(), len(house.crm.cards)) == ([], 1)
    assert house.record_of(other).sides["crm"].object == stays


# Taken apart


async def test_what_was_joined_by_mistake_is_taken_apart_and_never_joined_by_itself_again() -> None:
    house = await house_of(create="all")
    salon, crm = await house.pair(**ivan())
    await house.unmerge(salon, f"crm/{crm}")
    await house.quiet(0.2)
    assert sorted(tuple(one.sides) for one in house.records()) == [("crm",), ("salon",)]
    house.salon.edit(salon, name="Мария Иванова")
    await house.quiet(0.2)
    assert (house.crm.shows(crm, "name"), len(house.crm.cards), len(house.salon.cards)) == ("Иван Петров", 1, 1)
    await house.answer(salon, "@crm", "new")
    await house.quiet(0.2)
    assert sorted(card.fields["name"] for card in house.crm.cards.values()) == ["Иван Петров", "Мария Иванова"]


async def test_a_card_from_the_bin_takes_its_own_person_back() -> None:
    house = await house_of(create="all")
    salon, crm = await house.pair(**ivan())
    house.crm.hook = False
    stays = house.crm.add(name="Иван Петров", phone=("+79995550000",))
    house.crm.hook = True
    house.crm.merge(crm, stays)
    await house.quiet(0.2)
    house.crm.restore(crm)
    await house.quiet(0.2)
    await house.unmerge(salon, f"salon/{salon}", f"crm/{crm}")
    await house.quiet(0.2)
    assert {name: side.object for name, side in house.record_of(salon).sides.items()} == {"salon": salon, "crm": crm}
    assert tuple(house.record_of(stays).sides) == ("crm",)
    for wrong in ((f"crm/{crm}", f"salon/{salon}"), ("till/1",), ("crm",)):
        with pytest.raises(ConfigError, match="expected"):
            await house.unmerge(salon, *wrong)
