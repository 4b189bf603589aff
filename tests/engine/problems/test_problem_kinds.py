"""Every kind of problem says how bad it is, what it is, what mends it and who closes it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from string import Formatter

import pytest

from svyazka.cli.commands import COMMANDS
from svyazka.engine.problems.kinds import BLOCKED, KINDS, UNKNOWN, Closer, Kind
from svyazka.engine.upkeep.problem_looks import LOOKS

TOLD_BY = {
    "down": "outages/state.py: close", "blocked": "outages/state.py: close", "poll": "upkeep/poll.py: _page",
    "hook": "planning/planner.py: CONNECTION_ENABLED", "access_refused": "planning/planner.py: CONNECTION_ENABLED",
    "job_held": "jobs/steering.py: resume", "job_failed": "jobs/runner.py: _done",
}  # fmt: skip
"""Who tells the end of what no look of its own finds; the tests beside this one see them do it."""

GAPS = {"connection", "vendor", "tenant", "cause", "about"}


def lacking(kind: Kind) -> list[str]:
    """What a kind doesn't say."""
    found = []
    texts = [kind.title, kind.command, kind.person, *kind.alert]
    gaps = {gap for text in texts for _, gap, _, _ in Formatter().parse(text) if gap}
    if not kind.title:
        found.append("a title")
    if gaps - GAPS:
        found.append(f"gaps that are filled: {gaps - GAPS}")
    command = re.match(r"svyazka (\w+)", kind.command)
    if command is None or command[1] not in COMMANDS:
        found.append("a remedy that is a command")
    if kind.closed_by is Closer.LOOK and (kind.look_every is None or kind.name not in LOOKS):
        found.append("a look that closes it, and its period")
    if kind.look_every is not None and (kind.name not in LOOKS or kind.look_every > timedelta(days=1)):
        found.append("a look at least once a day")
    if kind.closed_by is not Closer.LOOK and kind.name not in TOLD_BY:
        found.append("somebody who tells its end")
    return found


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_says_all_that_is_asked_of_it(kind: Kind) -> None:
    assert lacking(kind) == []


def test_a_kind_that_says_less_is_refused() -> None:
    assert lacking(replace(BLOCKED, title="", command="phone the vendor")) == ["a title", "a remedy that is a command"]
    assert lacking(replace(UNKNOWN, look_every=None)) == ["a look that closes it, and its period"]
    assert lacking(replace(BLOCKED, name="new")) == ["somebody who tells its end"]


def test_nothing_is_looked_at_or_told_that_is_no_kind() -> None:
    assert set(LOOKS) == {kind.name for kind in KINDS.values() if kind.look_every is not None}
    assert set(TOLD_BY) == {kind.name for kind in KINDS.values() if kind.closed_by is not Closer.LOOK}
