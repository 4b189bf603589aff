"""Those before and after a delivery in its plan, as the journal has them."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Store
from svyazka.engine.rules.sequences import hears, is_skipped, orphaned, with_word_of
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import WrittenByNewer

CHANNELS_MOST = 20

GONE_AFTER = timedelta(days=1)
"""A plan is written within moments: whatever goes before a delivery of this age and isn't there will never be."""

Load = Callable[[str], Awaitable[Delivery | None]]


async def those_after(store: Store, end: Delivery, now: datetime) -> list[Versioned[Delivery]]:
    """What becomes of those after a delivery that has ended, and of those after them where that is an end too."""
    found: dict[str, Versioned[Delivery] | None] = {}
    changed: dict[str, Versioned[Delivery]] = {}
    told = deque([end])
    while told:
        teller = told.popleft()
        for key in teller.then:
            held = changed.get(key) or found.get(key) or await _mine(store, key)
            found[key] = held
            if held is None:
                continue
            after = hears(held.model, teller, now)
            if after is held.model:
                continue
            changed[key] = Versioned(after, held.version)
            if is_skipped(after) is not is_skipped(held.model):
                told.append(after)
    return list(changed.values())


async def _mine(store: Store, key: str) -> Versioned[Delivery] | None:
    """None: not there, or only a newer release may touch it; its sweep wakes it then."""
    try:
        return await journal.load(store, Delivery, key)
    except WrittenByNewer:
        return None


async def looked(delivery: Delivery, load: Load, now: datetime) -> Delivery:
    """A delivery once it has looked how those before it stand; the same where nothing is new."""
    for before in delivery.after:
        first = await load(before.delivery)
        if first is not None:
            delivery = hears(delivery, await _best_channel(first, load), now)
        elif now - delivery.created_at > GONE_AFTER and delivery.status is Status.WAITING_FOR:
            return orphaned(delivery, before.step, now)
    return delivery


async def looked_back(delivery: Delivery, load: Load) -> Delivery:
    """A delivery that is to begin anew, with how those before it stand now; what doesn't exist is no obstacle."""
    for before in delivery.after:
        first = await load(before.delivery)
        if first is not None:
            delivery = with_word_of(delivery, await _best_channel(first, load))
    return delivery


async def _best_channel(first: Delivery, load: Load) -> Delivery:
    """Of a stage's channels the one that did it, else the last."""
    for _ in range(CHANNELS_MOST):
        if first.status is Status.SUCCEEDED or first.successor is None:
            break
        after = await load(first.successor)
        if after is None:
            break
        # Written by another release, it may not know whose place it takes.
        first = after.model_copy(update={"stage": first.stage_name})
    return first
