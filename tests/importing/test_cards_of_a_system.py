"""The cards of a system, as an import holds them: however many there are, and however a look at them is broken off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from fakes import START
from listed_side import Listed
from svyazka.importing.cards import ALIKE, Cards
from svyazka.importing.newcomers import Newcomers
from svyazka.importing.outcomes import Outcome
from svyazka.importing.rows import Row
from svyazka.model.errors import NotSent
from svyazka.model.records import Object, RecordKind


def test_cards_of_one_name_are_found_by_an_index():
    """Else each line of a file that begins somebody new goes through all cards of the system."""
    (way,) = Cards()._base.execute(f"EXPLAIN QUERY PLAN {ALIKE}", ("иван петров",)).fetchall()
    assert "USING INDEX names" in way[-1]


ANNA = ("+79991234567", "1990-01-02")


@pytest.mark.parametrize(
    ("row", "card", "may"),
    [
        (ANNA, ANNA, True), (ANNA, (ANNA[0], None), True), (ANNA, (ANNA[0], "1961-01-02"), False),
        ((None, ANNA[1]), (None, ANNA[1]), True), ((None, ANNA[1]), (None, "1961-01-02"), False),
        ((None, None), (None, None), True), ((None, None), ANNA, False),
    ],
)  # fmt: skip
def test_of_two_people_of_one_name_the_other_ones_card_is_not_taken_for_what_was_made(
    row: tuple[str | None, str | None], card: tuple[str | None, str | None], may: bool
):
    """An answer was lost, and somebody of the same name was put there at that moment."""
    told, shown = [
        {"name": "Анна Петрова", **({"phone": (phone,)} if phone else {}), **({"birthday": day} if day else {})}
        for phone, day in (row, card)
    ]
    cards = Cards()
    cards.add([Object(RecordKind.CONTACT, "1", shown, created_at=START)])
    made = cards.made_as(Row(1, Outcome.READY, told), START - timedelta(seconds=60))
    assert [one.id for one in made] == (["1"] if may else [])


async def test_a_look_at_newcomers_that_is_broken_off_goes_on_where_it_was():
    house = Listed()
    side, call = house.crm, cast("Any", None)
    for number in range(8):
        side.add(name=f"Клиент {number}")
    newcomers = Newcomers(house.clock.now())
    assert not await newcomers.look(side, house.clock.now(), call)
    side.down = True
    with pytest.raises(NotSent):
        await newcomers.look(side, house.clock.now(), call)
    side.down = False
    assert not await newcomers.look(side, house.clock.now(), call)
    assert await newcomers.look(side, house.clock.now(), call)
    assert (len(newcomers.cards), side.listed) == (8, 3)
