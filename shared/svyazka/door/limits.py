"""Limits that hold across instances, counted by documents that are created and never changed.

A limit of thirty in a minute is thirty places, each a document that can be created once; who finds all of them taken
is over the limit. So the function that everybody may call needs no right to change anything, and two instances can't
both take the last place. Large limits are taken in shares, so that instances rarely meet: a share that is lost with
its instance is lost for its window only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from svyazka.engine.ports.store import Counting, Document

SHARES = 30
"""Places of a large limit at most: each stands for a thirtieth of it."""

KEPT = 20_000
"""Windows that an instance remembers."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in each window of time; `name` says whose, and holds nothing of a person but keyed hashes."""

    name: str
    most: int
    seconds: int

    @property
    def share(self) -> int:
        """How many one place stands for."""
        return ceil(self.most / SHARES) if self.most > SHARES else 1

    @property
    def places(self) -> int:
        return ceil(self.most / self.share)

    def place(self, slot: int, number: int) -> tuple[str, str]:
        """The key of a place's document."""
        return ("takes", f"{self.name}.{slot}.{number}")


@dataclass(slots=True)
class _Window:
    slot: int
    left: int = 0
    """Of the share that this instance holds."""
    next: int = 0
    """The place that is tried next; those before it are taken."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A place was had. `number`: which one of its window's; `first`: just now, from the store."""

    number: int
    first: bool
    index: int = 0
    """Of the calls that its place stands for."""


class Limiter:
    """This instance's view of all limits."""

    def __init__(self, store: Counting) -> None:
        self._store = store
        self._windows: dict[str, _Window] = {}

    async def take(self, limit: Limit, now: datetime) -> Taken | None:
        """One of a limit, or None where all are taken. Raises Unavailable."""
        window = self._window(limit, now)
        if window.left > 0:
            window.left -= 1
            return Taken(window.next - 1, first=False, index=limit.share - 1 - window.left)
        number: int | None = window.next
        while number is not None and number < limit.places:
            if (await self._store.create([_document(limit, window.slot, number)]))[0]:
                window.next, window.left = number + 1, limit.share - 1
                return Taken(number, first=True)
            number = await self._free(limit, window.slot, number + 1)
        window.next = limit.places
        return None

    async def _free(self, limit: Limit, slot: int, since: int) -> int | None:
        """The first place that isn't taken. Others take some too, so all of them are read at once."""
        numbers = range(since, limit.places)
        found = await self._store.get_many([limit.place(slot, number) for number in numbers])
        return next((number for number, there in zip(numbers, found, strict=True) if there is None), None)

    def over(self, limit: Limit, now: datetime) -> bool:
        """Whether this instance knows that all are taken: asks nobody."""
        window = self._window(limit, now)
        return window.left == 0 and window.next >= limit.places

    async def untaken(self, limit: Limit, now: datetime) -> int:
        """How many places are free, by the store. Raises Unavailable."""
        slot = slot_of(limit.seconds, now)
        found = await self._store.get_many([limit.place(slot, number) for number in range(limit.places)])
        return sum(document is None for document in found)

    def _window(self, limit: Limit, now: datetime) -> _Window:
        slot, known = slot_of(limit.seconds, now), self._windows.get(limit.name)
        if known is None or known.slot != slot:
            if len(self._windows) >= KEPT:
                self._windows.clear()
            known = self._windows[limit.name] = _Window(slot)
        return known


def slot_of(seconds: int, now: datetime) -> int:
    """Which window a moment lies in."""
    return int(now.timestamp()) // seconds


def ends_in(limit: Limit, now: datetime) -> int:
    """Seconds until a limit's window ends."""
    return limit.seconds - int(now.timestamp()) % limit.seconds


def _document(limit: Limit, slot: int, number: int) -> Document:
    ends = datetime.fromtimestamp((slot + 1) * limit.seconds, UTC) + timedelta(hours=1)
    kind, key = limit.place(slot, number)
    return Document(kind, key, {"expire_at": ends}, b"{}")


def once(name: str, until: datetime) -> Document:
    """A document that says, once it could be created, that a thing is used up."""
    return Document("takes", name, {"expire_at": until + timedelta(hours=1)}, b"{}")


def noted(name: str, content: object, until: datetime) -> Document:
    """The same with something to be read again."""
    return Document("takes", name, {"expire_at": until + timedelta(hours=1)}, json.dumps(content).encode())


async def all_or_none(limiter: Limiter, limits: Sequence[Limit], now: datetime) -> Limit | None:
    """Take one of each limit in turn; the first that is over, where one is. What was taken before it stays taken: who
    is refused has knocked all the same."""
    for limit in limits:
        if await limiter.take(limit, now) is None:
            return limit
    return None
