"""Reading what changed, oldest first, from vendors that list it by the time of change. Pure.

Pages are taken by the last change seen, not by their number: whatever is saved meanwhile moves to the end, and a
numbered page would skip what moved up into its place. Only among changes of one and the same second, more than a page
holds, there is nothing else to go by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from svyazka.model.base import Frozen

OVERLAP = 300
"""Seconds that a look goes back behind the newest change seen: clocks of a cluster differ."""

SEEN = 1000
"""Changes within the overlap that are remembered, so that they aren't told at every look."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object as a list of changes shows it; `at`: Unix seconds."""

    id: str | None
    at: int | None

    @property
    def name(self) -> str:
        return f"{self.id}.{self.at}"


class Mark(Frozen):
    """How far the changes of one kind have been read."""

    at: int
    """Unix seconds of the vendor's clock: the newest change seen."""
    busy: bool = False
    """There is more after `at`: the next page goes on from there, without going back."""
    page: int = 1
    """Above 1 while more changes bear the very same second than a page holds."""
    seen: tuple[str, ...] = ()
    """`id.at` of what was seen within the overlap."""
    floor: int = 0
    """Where the vendor stood at the first look: what is before is history."""

    @classmethod
    def going_on(cls, since: datetime, after: str | None) -> Mark:
        """For reading all changes since a time, once; `after`: as its text said of the page before."""
        at, _, page = (after or f"{int(since.timestamp())}.1").partition(".")
        return cls(at=int(at), busy=True, page=int(page))

    def __str__(self) -> str:
        return f"{self.at}.{self.page}"

    @classmethod
    def first(cls, newest: Sequence[Change]) -> Mark:
        """Where the vendor stands now, by its newest changes."""
        at = max(_times(newest), default=0)
        return cls(at=at, floor=at, seen=tuple(change.name for change in newest))

    def since(self) -> int:
        """From when on changes are to be listed."""
        return self.at if self.busy else max(self.at - OVERLAP, self.floor)

    def earliest(self, found: Sequence[Change]) -> int:
        """The oldest time of a page: before `since` only where the vendor doesn't heed that."""
        return min(_times(found), default=self.since())

    def is_new(self, change: Change) -> bool:
        """Whether a change hasn't been told yet."""
        return change.name not in self.seen

    def after(self, found: Sequence[Change], more: bool) -> Mark:
        """The mark once this page is told; this very one where nothing moved: it isn't written then."""
        if not more and not self.busy and not any(map(self.is_new, found)):
            return self
        at = max(_times(found), default=self.at)
        recent = (change.name for change in found if (change.at or 0) >= at - OVERLAP)
        return Mark(
            at=at,
            busy=more,
            page=self.page + 1 if more and at == self.since() else 1,
            seen=tuple(dict.fromkeys([*recent, *self.seen]))[:SEEN],
            floor=self.floor,
        )


def _times(changes: Sequence[Change]) -> list[int]:
    return [change.at for change in changes if change.at is not None]
