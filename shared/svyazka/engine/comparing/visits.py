"""Which deal a visit belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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


def deal_of(deals: Iterable[Deal], mark: str, *, attach_open: bool) -> Placed:
    """The deal that a new visit belongs to."""
    listed = sorted(deals, key=lambda deal: deal.id)
    marked = [deal.id for deal in listed if deal.mark == mark]
    if len(marked) == 1:
        return Placed(Place.MARK, marked[0])
    if marked:
        return Placed(Place.ASK, candidates=tuple(marked))
    free = [deal.id for deal in listed if deal.is_open and not deal.has_visit] if attach_open else []
    if len(free) > 1:
        return Placed(Place.ASK, candidates=tuple(free))
    return Placed(Place.ATTACHED, free[0]) if free else Placed(Place.NEW)
