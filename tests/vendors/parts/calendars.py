"""A vendor whose calendar is booked in, or whose visits are kept in step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulators.serve import Running
from svyazka.engine.contracts.failures import Case
from svyazka.model.bookings import VisitStatus
from vendors.parts.base import Part


@dataclass(frozen=True, slots=True)
class There:
    """A visit as the vendor itself holds it."""

    id: str
    clock: datetime
    """On the wall of the place."""
    staff: str
    mark: str
    """Where our mark stands; all of that field."""


@dataclass(frozen=True, kw_only=True)
class Calendar(Part):
    """A vendor whose calendar is booked in."""

    service: str
    staff: str
    other_staff: str
    begin: Callable[[Running], None]
    """No rates in the way."""
    offer: Callable[[Running, str, Mapping[str, Sequence[str]]], None]
    """Sets the zone of the place, and which times a day has: `{"2026-10-05": ["12:00"]}`. Other days have their usual
    ones."""
    visits: Callable[[Running], Sequence[There]]
    """Those that aren't cancelled."""
    empty: Callable[[Running], None]
    """Nothing can be booked, and nobody."""
    booking: str
    """Path of the call that books, for faults."""
    moving: str
    cancelling: str
    reading: str
    """Path of the call that shows free times."""
    says: Callable[[Case], Iterable[tuple[int, object]]]
    """The answers, status and body, by which it says a case of its failure map."""
    sees_only_its_own: bool = False
    """A visit that we haven't booked can't be read: it is refused, and never taken for gone."""
    own_pages: frozenset[int] = frozenset()
    """Statuses whose pages are the vendor's own, for pages are what is called: somebody has to look, at once."""
    wants_code: Callable[[Running], None] | None = None
    """Has phones confirmed from now on; the code is `code`."""
    code: str = ""
    coded: Mapping[str, Any] = field(default_factory=dict)
    """Settings under which that is known."""


@dataclass(frozen=True, kw_only=True)
class Journal(Part):
    """A vendor whose visits are kept in step with other systems."""

    begin: Callable[[Running, datetime], None]
    """It is that time there."""
    book: Callable[[Running, datetime, str], str]
    """Somebody comes at that clock, for an hour, by that phone; the visit's id."""
    move: Callable[[Running, str, datetime], None]
    """The administrator moves a visit."""
    says: Mapping[VisitStatus, Callable[[Running, str], None]]
    """What the administrator can say of one."""
    drop: Callable[[Running, str], None]
    """It isn't shown any more."""
    writes: Callable[[Running], int]
    """Changes that were made through its API."""
    first: VisitStatus = VisitStatus.BOOKED
    """Where one stands that the administrator has just booked."""
