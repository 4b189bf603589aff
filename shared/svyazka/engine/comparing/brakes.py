"""Brakes against fights: one field of one side that is written again and again is stopped until a person says.

Asked before each write, with what was counted so far; the new count is stored with the write's intent. Echoes can't
make a loop, but a robot in one of the systems can.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from svyazka.model.bases import Prints
from svyazka.model.restraints import RecentWrites, Stop, Written

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
WRITES_IN_AN_HOUR = 6
TURNS_IN_A_WEEK = 3
REMEMBERED = 12
"""Writes of a field that are remembered: twice what an hour takes."""


def may_write(
    recent: RecentWrites, before: Prints, after: Prints, now: datetime, *, puts_back: bool = False
) -> RecentWrites:
    """The count with this write in it, or one that says `stopped`: then the write is not made.

    `puts_back`: it undoes an edit of a field that another system owns.
    """
    if recent.stopped is not None:
        return recent
    kept = tuple(one for one in recent.writes if now - one.at <= WEEK)
    stop = _stop(recent, kept, before, after, now, puts_back)
    if stop is not None:
        return recent.model_copy(update={"writes": kept, "stopped": stop})
    written = (*kept, Written(at=now, before=before, after=after))[-REMEMBERED:]
    put_back = now if puts_back else recent.put_back_at
    return recent.model_copy(update={"writes": written, "put_back_at": put_back})


def released(recent: RecentWrites) -> RecentWrites:
    """A person said that it goes on: counted anew."""
    return recent.model_copy(update={"writes": (), "put_back_at": None, "stopped": None})


def _stop(
    recent: RecentWrites, writes: tuple[Written, ...], before: Prints, after: Prints, now: datetime, puts_back: bool
) -> Stop | None:
    if puts_back and recent.put_back_at is not None and now - recent.put_back_at <= DAY:
        return Stop.PUT_BACK
    if sum(now - one.at <= HOUR for one in writes) >= WRITES_IN_AN_HOUR:
        return Stop.TOO_OFTEN
    pair = {frozenset(before), frozenset(after)}
    turns = sum({frozenset(one.before), frozenset(one.after)} == pair for one in writes)
    return Stop.BACK_AND_FORTH if turns >= TURNS_IN_A_WEEK else None
