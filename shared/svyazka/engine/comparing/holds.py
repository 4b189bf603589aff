"""Holds against copying a disaster: what happens to many records of a flow within a day waits for a person.

Counted in hours of a rolling day, not by run: three hundred delete events in two hours are a mass deletion too. Count
each thing once: with the change of the record's own state, in the same commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from svyazka.model.bases import Prints
from svyazka.model.restraints import Deletions, Hold, Making, MassChange

DAY = timedelta(hours=24)
EXAMPLES = 5
VALUES = 200
"""Values of a field that are counted in one hour; the rarest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Held above both."""

    count: int
    percent: int

    def is_passed(self, count: int, of: int) -> bool:
        """Whether so many, of all that there are, are too many."""
        return count > self.count and count * 100 > self.percent * of


MASS_CHANGE = Threshold(20, 5)
CANCELLED = Threshold(20, 0)
"""Of visits, by their deals: whatever share of a flow's records that is, for most of them are over."""
INFERRED = Threshold(5, 2)
TOLD = Threshold(30, 10)
MADE = Threshold(100, 5)
"""Every day brings new people; a list that suddenly shows many more than that, or a filter that lets all through, is
another thing."""


# The same field of many records


def note_change(
    state: MassChange, record: str, value: Prints, now: datetime, of: int, most: Threshold = MASS_CHANGE
) -> tuple[MassChange, Hold]:  # fmt: skip
    """A field was cleared (`value` is empty) or set to a value: the count, and whether this one is held.

    `of`: the records that the flow keeps in step.
    """
    key = " ".join(sorted(value))
    hours = _of_the_day(state.hours, now)
    this = dict(hours.get(_hour(now), {}))
    this[key] = this.get(key, 0) + 1
    hours[_hour(now)] = dict(sorted(this.items(), key=lambda one: -one[1])[:VALUES])
    count = sum(values.get(key, 0) for values in hours.values())
    held = state.held or most.is_passed(count, of)
    examples = _with(state.examples, record) if count > 1 else state.examples
    changed = state.model_copy(update={"hours": hours, "held": held, "examples": examples})
    return changed, Hold.HELD if held else Hold.GO


def released_change(state: MassChange) -> MassChange:
    """A person said what becomes of it: counted anew."""
    return state.model_copy(update={"hours": {}, "held": False, "examples": ()})


# Deletions


def note_told(state: Deletions, record: str, now: datetime, of: int) -> tuple[Deletions, Hold]:
    """The vendor told of a deletion, and a reading confirmed it. What is beyond the threshold is held, and goes on
    being held until a person says."""
    told = _counted(state.told, now, 1)
    held = state.held or TOLD.is_passed(sum(told.values()), of)
    changed = state.model_copy(update={"told": told, "held": held, "examples": _with(state.examples, record)})
    return changed, Hold.HELD if held else Hold.GO


def note_inferred(state: Deletions, records: tuple[str, ...], now: datetime, of: int) -> tuple[Deletions, Hold]:
    """Objects that are missing from a list, all of one reading at once: beyond the threshold none of them is taken for
    deleted. A list that comes back half is no deletion."""
    inferred = _counted(state.inferred, now, len(records))
    held = state.held or INFERRED.is_passed(sum(inferred.values()), of)
    examples = state.examples
    for record in records[:EXAMPLES]:
        examples = _with(examples, record)
    changed = state.model_copy(update={"inferred": inferred, "held": held, "examples": examples})
    return changed, Hold.HELD if held else Hold.GO


def released_deletions(state: Deletions) -> Deletions:
    """A person said "apply" or "leave": counted anew."""
    return state.model_copy(update={"told": {}, "inferred": {}, "held": False, "examples": ()})


# What is made


def note_made(state: Making, record: str, now: datetime, of: int) -> tuple[Making, Hold]:
    """Something is about to be made where there was nothing. What is beyond the threshold is held, and goes on being
    held until a person says."""
    hours = _counted(state.hours, now, 1)
    held = state.held or MADE.is_passed(sum(hours.values()), of)
    changed = state.model_copy(update={"hours": hours, "held": held, "examples": _with(state.examples, record)})
    return changed, Hold.HELD if held else Hold.GO


def released_making(state: Making) -> Making:
    """A person said what becomes of it: counted anew."""
    return state.model_copy(update={"hours": {}, "held": False, "examples": ()})


# A rolling day in hours


def _hour(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H")


CountedT = TypeVar("CountedT")


def _of_the_day(hours: Mapping[str, CountedT], now: datetime) -> dict[str, CountedT]:
    return {hour: counted for hour, counted in hours.items() if hour >= _hour(now - DAY)}


def _counted(hours: Mapping[str, int], now: datetime, more: int) -> dict[str, int]:
    kept = _of_the_day(hours, now)
    return {**kept, _hour(now): kept.get(_hour(now), 0) + more}


def _with(examples: tuple[str, ...], record: str) -> tuple[str, ...]:
    return examples if record in examples or len(examples) >= EXAMPLES else (*examples, record)
