"""A delivery on its way into the journal: what it becomes, and what is written and queued in the same commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.obligations import still_to_make
from svyazka.engine.journal.sequences import those_after
from svyazka.engine.journal.tasks import lane_task, pay_task, perform_task, receipt_task
from svyazka.engine.ports.store import COMMIT_MOST, Create, Replace, Store, Task, Write
from svyazka.engine.rules.transitions import NO_RECEIPT, fallback_of, wants_fallback
from svyazka.engine.support.failpoints import reach
from svyazka.model.deliveries import AT_REST, Delivery, Status
from svyazka.model.errors import Conflict
from svyazka.model.paying import LOOKED_AT
from svyazka.model.receipts import RegisterReceipt

FELL_BACK = frozenset({"fell_back", NO_RECEIPT})
"""Codes of a delivery that gave way to the next channel: without success in time, without word that it arrived."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What a delivery becomes, and what goes with it: all of it in one commit, or none."""

    delivery: Delivery
    writes: tuple[Write, ...] = ()
    tasks: tuple[Task, ...] = ()
    seen_to: bool = False
    """What follows from its end is among `writes` and `tasks`: `ended` alone says so."""

    def __post_init__(self) -> None:
        if self.delivery.status in AT_REST and not self.seen_to:
            raise ValueError(f"{self.delivery.id} ends as {self.delivery.status} past `ended`: nothing would follow")

    async def over_wishes(self, store: Store) -> Transition | None:
        """The same once more after a conflict, where only what doesn't matter to it was moved; None: it must be worked
        out anew."""
        return None

    def over(self, version: str | None) -> list[Write]:
        """Written over the version that was read."""
        return [Replace(journal.document(self.delivery, version)), *self.writes]

    def anew(self) -> list[Write]:
        """Written as a delivery that isn't there yet."""
        return [journal.create(self.delivery), *self.writes]


def replace_delivery(held: Versioned[Delivery], after: Delivery) -> Replace:
    """A delivery that goes on, or that had ended before: an end is written by what `ended` makes of it."""
    if after.status in AT_REST and held.model.status not in AT_REST:
        raise ValueError(f"{after.id} ends as {after.status} past `ended`: nothing would follow")
    return Replace(journal.document(after, held.version))


async def ended(store: Store, delivery: Delivery, now: datetime, alone: bool = False) -> Transition:
    """What follows from the end of a delivery, however it came: the one way to end one. Of one that goes on after all,
    nothing follows.

    Where its end calls for the next channel, that one is made here; in a lane, whoever is next is woken; in a plan with
    an order, those after it hear of it. `alone`: these are left to look for themselves (the sweep wakes them).
    """
    end = await _with_next_channel(store, delivery, now)
    if delivery.command.kind in LOOKED_AT and delivery.status in AT_REST:
        # Its payment takes in what it came to, whoever ended it.
        end = replace(end, tasks=(*end.tasks, pay_task(getattr(delivery.command, "payment", ""), delivery.vendor)))
    if isinstance(delivery.command, RegisterReceipt) and delivery.status in AT_REST:
        end = replace(end, tasks=(*end.tasks, receipt_task(delivery.command.receipt, delivery.vendor)))
    if not delivery.then or alone or delivery.status not in AT_REST:
        return end
    if end.delivery.successor is not None and delivery.status is not Status.SUCCEEDED:
        return end  # the stage isn't over: its next channel is on the way, or was
    heard = await those_after(store, end.delivery, now)
    writes = tuple(Replace(journal.document(one.model, one.version)) for one in heard)
    due = tuple(perform_task(one.model) for one in heard if one.model.status is Status.PENDING)
    return replace(end, writes=(*end.writes, *writes), tasks=(*end.tasks, *due))


async def _with_next_channel(store: Store, delivery: Delivery, now: datetime) -> Transition:
    wakes = (lane_task(delivery.lane),) if delivery.lane is not None and delivery.status in AT_REST else ()
    fell_back = delivery.last_error is not None and delivery.last_error.code in FELL_BACK
    successor = fallback_of(delivery, now) if fell_back or wants_fallback(delivery) else None
    if successor is None:
        return Transition(delivery, tasks=wakes, seen_to=True)
    reach("fallback.before")
    made = await still_to_make(store, successor)
    if made is None:  # an earlier generation made it, or the flow's order of channels was another
        return Transition(delivery.model_copy(update={"successor": successor.id}), tasks=wakes, seen_to=True)
    older = delivery.model_copy(update={"successor": made.id})
    return Transition(older, (journal.create(made),), (perform_task(made), *wakes), seen_to=True)


async def commit(store: Store, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
    """As `Store.commit`; a delivery to be created that exists already (an earlier generation made it, or the flow's
    order of channels was another) is left as it is."""
    try:
        return await store.commit(writes, tasks)
    except Conflict:
        rest = await not_there_yet(store, writes)
        if len(rest) == len(writes):
            raise
        return await store.commit(rest, tasks) if rest or tasks else []


async def commit_in_parts(
    store: Store, last: Sequence[Write], writes: Sequence[Write], tasks: Sequence[Task] = ()
) -> list[str]:
    """As `Store.commit`, of what may be more than one commit takes: `last` says that it is done, and comes last.
    Answers the versions where one part was enough.

    Whoever dies in between begins anew, so what the parts create may be there already.
    """
    if len(last) + len(writes) <= COMMIT_MOST:
        return await store.commit([*last, *writes], tasks)
    rest = list(writes)
    while rest and len(last) + len(rest) > COMMIT_MOST:
        await commit(store, rest[:COMMIT_MOST])
        del rest[:COMMIT_MOST]
    await commit(store, [*last, *rest], tasks)
    return []


async def not_there_yet(store: Store, writes: Sequence[Write]) -> list[Write]:
    """Without those that would create a delivery that exists already."""
    return [write for write in writes if not await _is_there(store, write)]


async def _is_there(store: Store, write: Write) -> bool:
    if not isinstance(write, Create) or write.document.kind != "deliveries":
        return False
    return await store.get(*write.document.key) is not None
