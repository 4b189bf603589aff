"""A month adds up to 0.00: every difference is found, has its cause, and nothing else is one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svyazka.engine.rules.reconciling import Cause, Moved, What, compared
from svyazka.model.money import Money

FIRST, UNTIL = datetime(2026, 10, 31, 21, tzinfo=UTC), datetime(2026, 11, 30, 21, tzinfo=UTC)
"""November, by Moscow's clock."""


def month(chance: Random, count: int) -> list[Moved]:
    made = []
    for number in range(count):
        at = FIRST + timedelta(minutes=chance.randrange(24 * 60, 29 * 24 * 60))
        what = chance.choice((What.PAYMENT, What.PAYMENT, What.PAYMENT, What.REFUND))
        made.append(Moved(what, f"x{number}", Money(kopecks=chance.randrange(1, 10**6)), at, f"pay_{number}"))
    return made


Sides = tuple[list[Moved], list[Moved], set[str]]


def planted(chance: Random, both: list[Moved], count: int) -> tuple[Sides, Counter[Cause]]:
    """Both sides with so many differences among them, what was refused here, and which they are."""
    ours, theirs, refused, causes = list(both), list(both), {"x-another"}, Counter[Cause]()
    for place in chance.sample(range(len(both)), count):
        cause, one = chance.choice(list(Cause)), both[place]
        causes[cause] += 1
        match cause:
            case Cause.NOT_THERE:
                theirs.remove(one)
            case Cause.NOT_HERE:
                ours.remove(one)
            case Cause.REFUSED_HERE:
                ours.remove(one)
                refused.add(one.external_id)
            case Cause.NOT_OURS:
                ours.remove(one)
                theirs[theirs.index(one)] = replace(one, payment=None)
            case Cause.OTHER_AMOUNT:
                theirs[theirs.index(one)] = replace(one, amount=one.amount + Money(kopecks=1))
            case Cause.PLAY_MONEY:
                theirs[theirs.index(one)] = replace(one, test=True)
            case Cause.OVER_THE_EDGE:
                moved, side = replace(one, at=UNTIL + timedelta(minutes=1)), chance.choice((ours, theirs))
                side[side.index(one)] = moved
    return (ours, theirs, refused), causes


@pytest.mark.parametrize("seed", range(10))
def test_a_month_with_twenty_planted_differences_shows_exactly_those(seed: int) -> None:
    chance = Random(seed)
    both = month(chance, 400)
    clean = compared(both, reversed(both), FIRST, UNTIL)
    assert (clean.ours - clean.theirs, clean.differences, clean.agreed) == (0, (), 400)
    (ours, theirs, refused), causes = planted(chance, both, 20)
    found = compared(ours, theirs, FIRST, UNTIL, refused)
    assert Counter(one.cause for one in found.differences) == causes
    assert (found.left, found.agreed) == (0, 380)


@given(st.integers(0, 10**6), st.integers(0, 30))
def test_what_differs_is_always_explained_to_the_kopeck(seed: int, count: int) -> None:
    chance = Random(seed)
    (ours, theirs, refused), _ = planted(chance, month(chance, 40), count)
    assert compared(ours, theirs, FIRST, UNTIL, refused).left == 0


def test_what_lies_outside_on_both_sides_is_another_months() -> None:
    one = Moved(What.PAYMENT, "x", Money(kopecks=1), UNTIL, "pay_1")
    assert compared([one], [one], FIRST, UNTIL).agreed == 0
    assert compared([replace(one, at=FIRST)], [replace(one, at=FIRST)], FIRST, UNTIL).agreed == 1
