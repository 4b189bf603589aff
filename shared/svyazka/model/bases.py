"""What systems that are kept in step last agreed on, as it is stored: prints, never values."""

from __future__ import annotations

from enum import StrEnum

from svyazka.model.base import Stored

Prints = tuple[str, ...]
"""Of one field: none for what is empty, one for a plain value, one for each element of a set. Each is the text of a
`Print`, in no order that means anything."""


class Owed(Stored):
    """A side doesn't hold yet what was agreed: its write is to come, or proved nothing, or it was unread."""

    before: tuple[Prints, ...]
    """What it may show as long as nobody has changed it there: what it showed when that was agreed, or, where it
    couldn't be read for longer, each thing that it was last known or due to show."""
    times: int = 0
    """Writes that the vendor took and that changed nothing which we saw."""
    edited: bool = False
    """Somebody changed it there, and the others' value holds all the same."""
    made: bool = False
    """It was given with the very call that made the object: nobody's save can have undone it unseen."""


class FieldBase(Stored):
    """What one side of a record last agreed to hold in one field."""

    prints: Prints
    owed: Owed | None = None


class AcceptedFor(StrEnum):
    """Why two sides may differ."""

    SPELLING = "spelling"
    """It is the vendor's own spelling of what we wrote, or a difference of case, ё and word order that nobody made."""
    LEFT = "left"
    """A person said so."""
    KEPT = "kept"
    """It was cleared on one side, and the flow's rule keeps it on the others."""


class Accepted(Stored):
    """A difference between sides that stands as long as each shows these very prints."""

    sides: dict[str, Prints]
    why: AcceptedFor


class Decided(Stored):
    """A person's answer to what was asked: whose value holds. Good as long as each side shows what the person saw."""

    winner: str
    sides: dict[str, Prints]
