"""Questions that are asked for somebody who waits, and their answers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, field_validator, model_validator

from svyazka.model.base import Frozen, Time
from svyazka.model.bookings import Id, Service, Slot, Staff, Visit, WallTime

LONGEST = 62
"""Days of one question about free days."""


class AskServices(Frozen):
    """What can be booked."""

    kind: Literal["services"] = "services"


class AskStaff(Frozen):
    """Who can be booked, for a service or at all."""

    kind: Literal["staff"] = "staff"
    service: Id | None = None


class AskDays(Frozen):
    """Days on which anything is free."""

    kind: Literal["days"] = "days"
    service: Id
    staff: Id | None = None
    first: date
    last: date

    @model_validator(mode="after")
    def _bounded(self) -> AskDays:
        if not timedelta(0) <= self.last - self.first < timedelta(days=LONGEST):
            raise ValueError(f"expected a last day of at most {LONGEST} days from the first")
        return self


class AskSlots(Frozen):
    """Free times of one day."""

    kind: Literal["slots"] = "slots"
    service: Id
    staff: Id | None = None
    day: date


class AskNearest(Frozen):
    """The next free times after one that is taken."""

    kind: Literal["nearest"] = "nearest"
    service: Id
    staff: Id | None = None
    after: str = Field(max_length=40)
    """As `WallTime.read` reads it."""
    count: int = Field(default=3, ge=1, le=10)

    @field_validator("after")
    @classmethod
    def _a_time(cls, value: str) -> str:
        WallTime.read(value, "UTC")
        return value


class AskVisit(Frozen):
    """One visit as it is now."""

    kind: Literal["visit"] = "visit"
    visit: Id


Question = Annotated[AskServices | AskStaff | AskDays | AskSlots | AskNearest | AskVisit, Field(discriminator="kind")]
QUESTION: TypeAdapter[Question] = TypeAdapter(Question)
"""Reads a question from JSON. Raises ValidationError."""

Told = Service | Staff | date | Slot | Visit


class Answer(Frozen):
    """What is known, and since when."""

    value: tuple[Told, ...]
    as_of: Time
    stale: bool = False
    """Older than we would like: its source couldn't be asked just now."""

    def told(self) -> dict[str, Any]:
        """As JSON for those who asked: a time with its offset, money as text."""
        return {"value": [_told(one) for one in self.value], "as_of": self.as_of.isoformat(), "stale": self.stale}


def _told(one: Told) -> Any:
    if isinstance(one, date):
        return one.isoformat()
    plain = one.model_dump(mode="json", exclude_none=True)
    if isinstance(one, Slot | Visit):
        plain["starts_at"] = one.starts_at.iso
        plain["zone"] = one.starts_at.zone
    return plain
