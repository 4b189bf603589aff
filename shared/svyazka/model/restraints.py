"""What keeps systems in step from fighting or from copying a disaster: what was counted so far, as it is stored."""

from __future__ import annotations

from enum import StrEnum

from svyazka.model.base import Stored, Time
from svyazka.model.bases import Prints


class Stop(StrEnum):
    """Why a field is written no more until a person says."""

    TOO_OFTEN = "too_often"
    """Six writes within an hour."""
    BACK_AND_FORTH = "back_and_forth"
    """The same two values took each other's place more than three times in a week: a nightly robot."""
    PUT_BACK = "put_back"
    """It is owned by another system and was edited here again within a day of being put back."""


class Written(Stored):
    """One write of a field."""

    at: Time
    before: Prints
    after: Prints


class RecentWrites(Stored):
    """What was written of one field to one side lately."""

    writes: tuple[Written, ...] = ()
    put_back_at: Time | None = None
    """When an edit of a field that another system owns was last put back."""
    stopped: Stop | None = None


class Hold(StrEnum):
    """What becomes of something that happens to many at once."""

    GO = "go"
    HELD = "held"


class MassChange(Stored):
    """One field of one flow: how many records had it cleared, or set to one same value, in a day."""

    hours: dict[str, dict[str, int]] = {}
    """By hour (`2026-03-14T12`) and print of the value ("" for cleared) the records."""
    examples: tuple[str, ...] = ()
    held: bool = False


class Making(Stored):
    """One side of one flow: how many objects were made there in a day."""

    hours: dict[str, int] = {}
    """By hour (`2026-03-14T12`)."""
    examples: tuple[str, ...] = ()
    held: bool = False


class Deletions(Stored):
    """One side of one flow: how many of its objects were deleted in a day."""

    told: dict[str, int] = {}
    """By hour those that the vendor told of and a reading confirmed."""
    inferred: dict[str, int] = {}
    """By hour those that were missing from lists."""
    examples: tuple[str, ...] = ()
    held: bool = False
