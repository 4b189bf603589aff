"""What goes into a comparison of one field, and what comes out of it. Nothing here is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from svyazka.engine.comparing.normalising import FieldType
from svyazka.model.bases import Accepted, FieldBase
from svyazka.model.records import Shown, Value, Wanted


def as_it_is(value: Value) -> Value:
    """What a side keeps of a value that it keeps whole."""
    return value


# What goes in


@dataclass(frozen=True, slots=True)
class Window:
    """When a field was changed, as far as anybody knows: after the one, not after the other."""

    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """One side's field as it was read, and what was last agreed there."""

    shown: Shown
    base: FieldBase | None = None
    keeps: Callable[[Value], Value] = as_it_is
    """What this side would make of a value; of a set, of each element."""
    one_value: bool = False
    """Of a set, it holds one element: it is a view of the others' sets."""
    writable: bool = True
    window: Window | None = None
    saved: bool = False
    """Somebody has saved its object since we last wrote or read it."""
    gone: bool = False
    """Its object was deleted: it says nothing, and comes to hold what was agreed meanwhile should it be restored."""


class Clear(StrEnum):
    """What follows when a value is cleared on one side."""

    KEEP = "keep"
    MIRROR = "mirror"
    ASK = "ask"


class Conflicts(StrEnum):
    """What follows when several sides changed a field, unlike."""

    ASK = "ask"
    NEWEST = "newest"
    PREFER = "prefer"


class First(StrEnum):
    """What follows when sides differ that have never agreed."""

    ASK = "ask"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How a flow keeps a field in step. A field without a rule isn't kept."""

    owner: str | None = None
    """The side that leads. None: each side may change it."""
    clear: Clear = Clear.KEEP
    conflicts: Conflicts = Conflicts.ASK
    prefer: str | None = None
    """Whose change holds with PREFER; with NEWEST, where the times don't tell."""
    first: First = First.ASK
    type: FieldType | None = None
    """Of a field that isn't in the table of types."""


# What comes out


class Standing(StrEnum):
    """What `diff` counts."""

    EQUAL = "equal"
    ACCEPTED = "accepted"
    DISAGREEMENT = "disagreement"
    ON_ITS_WAY = "on_its_way"
    UNSEEN = "unseen"

    @property
    def is_open(self) -> bool:
        """Whether something is still to be written or said."""
        return self in (Standing.DISAGREEMENT, Standing.ON_ITS_WAY)


class Verdict(StrEnum):
    """What a comparison says of a field."""

    UNSEEN = "unseen"
    """Too few sides show it for anything to follow."""
    EQUAL = "equal"
    CONVERGED = "converged"
    """Equal now, and the bases didn't know it."""
    ACCEPTED = "accepted"
    WRITES = "writes"
    ASKED = "asked"
    """A person has to say; other sides may be written meanwhile."""
    HELD = "held"
    """A side doesn't take it; other sides may be written meanwhile."""

    @property
    def standing(self) -> Standing:
        """What `diff` counts it as."""
        return _STANDING[self]


_STANDING: Mapping[Verdict, Standing] = {
    Verdict.UNSEEN: Standing.UNSEEN,
    Verdict.EQUAL: Standing.EQUAL,
    Verdict.CONVERGED: Standing.EQUAL,
    Verdict.ACCEPTED: Standing.ACCEPTED,
    Verdict.WRITES: Standing.ON_ITS_WAY,
    Verdict.ASKED: Standing.DISAGREEMENT,
    Verdict.HELD: Standing.DISAGREEMENT,
}


class Reason(StrEnum):
    """Why."""

    # Why it is written
    CHANGED = "changed"
    """One side changed it, or several alike."""
    MERGED = "merged"
    """Elements of a set were added and removed."""
    OWNER = "owner"
    FILLED = "filled"
    NEWEST = "newest"
    PREFERRED = "preferred"
    DECIDED = "decided"
    """A person said so."""
    OWED = "owed"
    """It was agreed before, and that side doesn't hold it yet."""

    # Why it is asked
    CONFLICT = "conflict"
    """Several sides changed it, unlike."""
    MONEY = "money"
    """The same of an amount: never decided by a rule."""
    FIRST = "first"
    """Unlike, and a side has never agreed (or its base was lost)."""
    DISAGREEMENT = "disagreement"
    """Unlike, and no side changed it since they agreed."""
    CLEARED = "cleared"
    """Cleared on one side, and the rule says to ask."""
    NARROW = "narrow"
    """The side that changed it can't hold all of the text that would be overwritten."""

    # Why it is held
    NOT_TAKEN = "not_taken"
    """The side showed its old value after two writes."""
    TOO_MANY = "too_many"
    """A set of more than twenty."""
    OWNER_UNREAD = "owner_unread"
    """Its owner couldn't be read."""

    # Why it is accepted
    SPELLING = "spelling"
    LEFT = "left"
    KEPT = "kept"
    READ_ONLY = "read_only"
    """The side that differs is never written: a file."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What follows for one field."""

    verdict: Verdict
    reason: Reason | None = None
    """Why it is written, where anything is; else why it stays apart."""
    writes: Mapping[str, Wanted] = field(default_factory=dict)
    """By side, as that side keeps it. A set comes whole: what stands there in its own spelling, then what is new."""
    bases: Mapping[str, FieldBase] = field(default_factory=dict)
    """What sides have agreed on now, as if no write had been made yet. Whoever isn't in it keeps its base."""
    open: Mapping[str, Reason] = field(default_factory=dict)
    """Sides that stay apart, and why."""
    accepted: Accepted | None = None
    """The difference that stands, if any: it takes the place of the one before."""
    restamped: bool = False
    """Of the bases only key or normaliser are new: nobody needs to hurry."""
