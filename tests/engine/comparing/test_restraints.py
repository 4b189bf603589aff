"""Systems in step neither fight a robot nor copy a disaster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from svyazka.engine.comparing.brakes import may_write, released
from svyazka.engine.comparing.holds import (
    EXAMPLES,
    note_change,
    note_inferred,
    note_told,
    released_change,
    released_deletions,
)
from svyazka.model.restraints import Deletions, Hold, MassChange, RecentWrites, Stop

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
A, B = ("1.1.a",), ("1.1.b",)


def written(times: int, every: timedelta, *, alike: bool = False, puts_back: bool = False) -> tuple[int, Stop | None]:
    """How many of so many writes were made, and what stopped them."""
    recent = RecentWrites()
    for number in range(times):
        before, after = (A, B) if alike else ((f"1.1.{number}",), (f"1.1.{number + 1}",))
        recent = may_write(recent, before, after, NOON + number * every, puts_back=puts_back)
        if recent.stopped is not None:
            return number, recent.stopped
    return times, None


@pytest.mark.parametrize(
    ("times", "every", "alike", "puts_back", "made", "stop"),
    [
        (20, MINUTE, False, False, 6, Stop.TOO_OFTEN),
        (20, 10 * MINUTE, False, False, 6, Stop.TOO_OFTEN),
        (20, 13 * MINUTE, False, False, 20, None),
        (20, DAY, True, False, 3, Stop.BACK_AND_FORTH),  # a nightly robot
        (20, 3 * DAY, True, False, 20, None),
        (20, HOUR, False, True, 1, Stop.PUT_BACK),
        (20, DAY + MINUTE, False, True, 20, None),
    ],
)
def test_a_field_that_is_written_again_and_again_is_stopped(
    times: int, every: timedelta, alike: bool, puts_back: bool, made: int, stop: Stop | None
) -> None:
    assert written(times, every, alike=alike, puts_back=puts_back) == (made, stop)


def test_two_values_that_take_turns_are_a_pair_whichever_was_first_and_a_person_lets_them_go_on() -> None:
    recent = RecentWrites()
    for number, (before, after) in enumerate([(A, B), (B, A), (A, B), (B, A)]):
        recent = may_write(recent, before, after, NOON + number * DAY)
    assert recent.stopped is Stop.BACK_AND_FORTH
    assert len(recent.writes) == 3
    assert may_write(recent, A, ("1.1.c",), NOON + 30 * DAY).stopped is Stop.BACK_AND_FORTH, "time alone frees nothing"
    assert may_write(released(recent), A, B, NOON + 5 * DAY).stopped is None


def test_more_than_twenty_and_a_twentieth_of_all_cleared_or_set_to_one_value_within_a_day_are_held() -> None:
    def held_at(values: list[tuple[str, ...]], of: int, every: timedelta = MINUTE) -> int | None:
        state = MassChange()
        for number, value in enumerate(values):
            state, hold = note_change(state, f"rec{number}", value, NOON + number * every, of)
            if hold is Hold.HELD:
                assert len(state.examples) == EXAMPLES
                return number + 1
        return None

    assert held_at([()] * 50, of=100) == 21
    assert held_at([A] * 50, of=100) == 21
    assert held_at([(), A] * 50, of=100) == 41, "each value is counted apart"
    assert held_at([()] * 200, of=3000) == 151
    assert held_at([(f"1.1.{number}",) for number in range(500)], of=100) is None
    assert held_at([()] * 100, of=100, every=2 * HOUR) is None
    state, hold = note_change(MassChange(held=True), "rec", A, NOON, 100)
    assert hold is Hold.HELD
    assert not released_change(state).held


def test_deletions_are_counted_over_a_day_however_they_come() -> None:
    state = Deletions()
    told = []
    for number in range(300):
        state, hold = note_told(state, f"rec{number}", NOON + number * timedelta(seconds=24), of=1000)
        told.append(hold)
    assert told.count(Hold.GO) == 100, "three hundred delete events in two hours: what is beyond a tenth waits"
    assert len(state.examples) == EXAMPLES
    assert not released_deletions(state).held

    half = tuple(f"rec{number}" for number in range(500))
    assert note_inferred(Deletions(), half, NOON, of=1000)[1] is Hold.HELD, "a list that came back half"
    few, first = note_inferred(Deletions(), half[:20], NOON, of=1000)
    assert first is Hold.GO
    assert note_inferred(few, half[20:21], NOON + HOUR, of=1000)[1] is Hold.HELD
    assert note_inferred(few, half[20:21], NOON + 26 * HOUR, of=1000)[1] is Hold.GO
    assert note_inferred(Deletions(), half[:5], NOON, of=10)[1] is Hold.GO, "five are never many"
