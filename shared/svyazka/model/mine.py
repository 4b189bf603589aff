"""What a person is shown of their own: visits and bookings, each with where it is known from."""

from __future__ import annotations

from typing import Any, Literal

from svyazka.model.base import Frozen, Time
from svyazka.model.bookings import VisitStatus


class MyVisit(Frozen):
    """One visit. `starts_at` is the clock of the place with its offset."""

    id: str
    status: VisitStatus
    starts_at: str | None = None
    minutes: int | None = None
    title: str | None = None
    """Of its services."""
    staff_name: str | None = None
    seen: Literal["calendar", "journal"]
    """Looked up in the calendar just now, or as we last heard of it."""
    as_of: Time


class MyBooking(Frozen):
    """What was asked for through the front door, and what became of it."""

    id: str
    """By which it is moved and cancelled."""
    status: str
    service: str | None = None
    staff: str | None = None
    starts_at: str | None = None


class Mine(Frozen):
    """An answer to whom a session is of."""

    value: tuple[MyVisit, ...] | tuple[MyBooking, ...] = ()
    as_of: Time
    stale: bool = False
    """Something in it should have been looked up, and nobody could be asked."""

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return self.model_dump(mode="json", exclude_none=True)
