"""Walking through a list that its vendor gives by pages' numbers, by the ids of what stands in it.

A page's number means nothing by the next call: whatever was deleted meanwhile moves all that follows into an earlier
page. So each look begins at the last object seen, or before it: that it stands there again proves that nothing was
passed over. The number of objects before it is only a guess of where to look.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.outcomes import Refused
from svyazka.model.reasons import Reason


class Listed(NamedTuple):
    """One page as the vendor gave it, and whether there are more."""

    items: Sequence[Section]
    more: bool


Read = Callable[[int, int], Awaitable[Listed]]
"""A page of a list in the order of ids: its number, from 1, and its length."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list has been walked: behind which object, and how many stood up to there when it was seen."""

    id: int = 0
    count: int = 0

    @classmethod
    def of(cls, after: str | None) -> Place:
        """From `Page.next`, or from an object's id alone."""
        id_, _, count = (after or "0").partition("@")
        return cls(int(id_), int(count or 0))

    def __str__(self) -> str:
        return f"{self.id}@{self.count}"


class Walked(NamedTuple):
    """What stands behind a place, and the place to go on from; None at the list's end."""

    items: Sequence[Section]
    next: str | None


def window(count: int, most: int) -> tuple[int, int]:
    """Number and length of the page that holds the `count`-th object and the most of what follows it."""
    first = max(count - 1, 0)
    length = max(range(most // 2 + 1, most + 1), key=lambda length: (first // length * length + length, length))
    return first // length + 1, length


async def walked(after: str | None, most: int, read: Read) -> Walked:
    """The next objects behind `after`, by one call as a rule. Raises what `read` does, and VendorFailure where the list
    isn't in the order of ids."""
    place = Place.of(after)
    count = place.count
    while True:
        number, length = window(count, most)
        page = await read(number, length)
        ids = _ids(page.items)
        before = (number - 1) * length
        if before and (not ids or ids[0] > place.id):
            count = max(before - length, 0)  # so many are gone from before it: where it stands now lies further back
            continue
        found = [item for id_, item in zip(ids, page.items, strict=True) if id_ > place.id]
        count = before + len(ids)
        if found or not page.more:
            return Walked(found, str(Place(ids[-1], count)) if page.more else None)


def _ids(items: Sequence[Section]) -> list[int]:
    ids = [int(plain) if (plain := text(item.get("id"))) and plain.isdecimal() else -1 for item in items]
    if -1 in ids or any(one >= other for one, other in pairwise(ids)):
        why = N_("its list isn't in the order of ids: it can't be read whole")
        raise VendorFailure(Refused(code="no_order", message=why, reason=Reason.BAD_REQUEST))
    return ids
