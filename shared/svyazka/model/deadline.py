"""How patient an operation is, apart from commands: the way in knows it and needs none of those."""

from __future__ import annotations

from enum import StrEnum


class Deadline(StrEnum):
    """How long an operation's vendor may take; the seconds stand in the one table (`engine/rules/deadlines.py`)."""

    QUICK = "quick"
    """Somebody waits in front of a page."""
    CALL = "call"
    MONEY = "money"
    """A bank may be asked behind it."""
    SLOW = "slow"
    """A report, or a box in a back room that works it out itself."""
