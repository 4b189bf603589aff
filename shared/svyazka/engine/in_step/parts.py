"""A record's part of what happens to a delivery: computed from how the record stands when it is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.transition import Transition
from svyazka.engine.ports.store import Store, Task, Write
from svyazka.model.in_step import Record


@dataclass(frozen=True, slots=True)
class Part:
    """What is written and queued for a record."""

    writes: tuple[Write, ...] = ()
    tasks: tuple[Task, ...] = ()


Build = Callable[[Versioned[Record]], Awaitable[Part]]
"""The part, over the record as it stands."""


class LookAnew(Exception):
    """What a look was computed from has changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked(Transition):
    """What a look makes of a delivery that claims nothing. Wishes that come meanwhile don't make it look again."""

    record: str
    moves: int
    """Of the record that was looked at: a change of more than wishes makes the look worthless."""
    build: Build = field(repr=False)

    async def over_wishes(self, store: Store) -> Transition | None:
        """The same over the record as it stands now; None where that has changed by more than wishes."""
        held = await journal.load(store, Record, self.record)
        if held is None or held.model.moves != self.moves:
            return None
        try:
            part = await self.build(held)
        except LookAnew:
            return None
        return replace(self, writes=part.writes, tasks=part.tasks)


async def with_record(end: Transition, held: Versioned[Record], build: Build) -> Looked:
    """A transition with the record's part. What is to be queued for the delivery itself stands in `end`."""
    own = end.tasks

    async def both(fresh: Versioned[Record]) -> Part:
        part = await build(fresh)
        return Part((*end.writes, *part.writes), (*own, *part.tasks))

    part = await both(held)
    return Looked(
        delivery=end.delivery, writes=part.writes, tasks=part.tasks, seen_to=end.seen_to, record=held.model.id,
        moves=held.model.moves, build=both,
    )  # fmt: skip
