"""Which deal a visit belongs to, and which visit a deal shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from svyazka.model.bookings import Visit


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal of the visit's person, as far as it matters here."""

    id: str
    mark: str | None
    is_open: bool
    has_visit: bool
    """Whether it belongs to another visit already."""


class Place(StrEnum):
    """Why a visit gets this deal."""

    MARK = "mark"
    """It bears our mark for this visit."""
    BOOKING = "booking"
    """The visit's own booking made it."""
    ATTACHED = "attached"
    """It is the person's only open one without a visit."""
    NEW = "new"
    ASK = "ask"
    """Several could be meant."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The deal that a visit gets; none where one is to be made, or a person has to say."""

    why: Place
    deal: str | None = None
    candidates: tuple[str, ...] = ()


def deal_of(deals: Iterable[Deal], mark: str, made_by_booking: str | None, *, attach_open: bool) -> Placed:
    """The deal that a new visit belongs to."""
    listed = sorted(deals, key=lambda deal: deal.id)
    marked = [deal.id for deal in listed if deal.mark == mark]
    if len(marked) == 1:
        return Placed(Place.MARK, marked[0])
    if marked:
        return Placed(Place.ASK, candidates=tuple(marked))
    if made_by_booking is not None and any(deal.id == made_by_booking for deal in listed):
        return Placed(Place.BOOKING, made_by_booking)
    free = [deal.id for deal in listed if deal.is_open and not deal.has_visit] if attach_open else []
    if len(free) > 1:
        return Placed(Place.ASK, candidates=tuple(free))
    return Placed(Place.ATTACHED, free[0]) if free else Placed(Place.NEW)


def shown_visit(visits: Sequence[Visit], now: datetime) -> Visit | None:
    """The visit that a person's one deal shows (`per: person`): the next that somebody is expected at, else the latest
    one; a cancelled one only where there is no other."""
    expected = [visit for visit in visits if not visit.is_off]
    ahead = [visit for visit in expected if visit.starts_at.moment >= now]
    if ahead:
        return min(ahead, key=_order)
    return max(expected or visits, key=_order, default=None)


def _order(visit: Visit) -> tuple[datetime, str]:
    return visit.starts_at.moment, visit.id
