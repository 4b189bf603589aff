"""A delivery on its way into the journal: what it becomes, and what is written and queued in the same commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from svyazka.engine.delivering.obligations import still_to_make
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.ports.store import Create, Store, Task, Write
from svyazka.engine.rules.transitions import NO_RECEIPT, fallback_of, wants_fallback
from svyazka.engine.support.failpoints import reach
from svyazka.engine.tenants.directory import Account
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import Conflict

FELL_BACK = frozenset({"fell_back", NO_RECEIPT})
"""Codes of a delivery that gave way to the next channel: without success in time, without word that it arrived."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A delivery after its guards: what it becomes, and whether that is a claim to be carried out."""

    delivery: Delivery
    writes: tuple[Write, ...] = ()
    tasks: tuple[Task, ...] = ()
    account: Account | None = None
    """Set when `delivery` is a claim: the call follows once the claim is durable."""
    slot: asyncio.Semaphore | None = None
    """One of the account's calls at once, taken before the claim so that no claim waits; `release` it after."""

    def release(self) -> None:
        """Let the next call of the account begin."""
        if self.slot is not None:
            self.slot.release()


async def with_fallback(store: Store, delivery: Delivery, now: datetime) -> Ready:
    """The delivery with its successor, where its end calls for the next channel."""
    fell_back = delivery.last_error is not None and delivery.last_error.code in FELL_BACK
    successor = fallback_of(delivery, now) if fell_back or wants_fallback(delivery) else None
    if successor is None:
        return Ready(delivery)
    reach("fallback.before")
    made = await still_to_make(store, successor)
    if made is None:  # an earlier generation made it, or the flow's order of channels was another
        return Ready(delivery.model_copy(update={"successor": successor.id}))
    older = delivery.model_copy(update={"successor": made.id})
    return Ready(older, (journal.create(made),), (perform_task(made),))


async def commit(store: Store, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
    """As `Store.commit`; a delivery to be created that exists already (an earlier generation made it, or the flow's
    order of channels was another) is left as it is."""
    try:
        return await store.commit(writes, tasks)
    except Conflict:
        rest = [write for write in writes if not await is_there(store, write)]
        if len(rest) == len(writes):
            raise
        return await store.commit(rest, tasks)


async def is_there(store: Store, write: Write) -> bool:
    """Whether a write would create a delivery that exists already."""
    if not isinstance(write, Create) or write.document.kind != "deliveries":
        return False
    return await store.get(*write.document.key) is not None
