"""The cards of a system, as an import holds them: however many there are, and however a look at them is broken off."""

from __future__ import annotations

from typing import Any, cast

import pytest

from listed_side import Listed
from svyazka.importing.cards import ALIKE, Cards
from svyazka.importing.newcomers import Newcomers
from svyazka.model.errors import NotSent


def test_cards_of_one_name_are_found_by_an_index():
    """Else each line of a file that begins somebody new goes through all cards of the system."""
    (way,) = Cards()._base.execute(f"EXPLAIN QUERY PLAN {ALIKE}", ("иван петров",)).fetchall()
    assert "USING INDEX names" in way[-1]


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
