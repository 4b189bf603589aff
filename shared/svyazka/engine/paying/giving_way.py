"""Failover of links while somebody waits: a provider that hasn't said yes by now gives way to the next at once.

A link takes no money by itself, and nobody holds one whose address never came. A charge never gives way.
"""

from __future__ import annotations

from collections.abc import Iterable

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.transition import ended
from svyazka.engine.rules.transitions import stopped
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import Conflict
from svyazka.model.paying import MakeLink

NOT_NOW = frozenset({Status.RETRYING, Status.PARKED, Status.BLOCKED, Status.PENDING})


async def give_way(hub: Hub, ids: Iterable[str]) -> bool:
    """Whether any of these links was given up, so that there is another delivery now."""
    gave_way = False
    for key in ids:
        held = await journal.load(hub.store, Delivery, key)
        if held is None or not _may(held.model):
            continue
        why = N_("no link by now, and somebody waits: the next provider tries")
        now = hub.clock.now()
        end = await ended(hub.store, stopped(held.model, Status.CANCELLED, "fell_back", why, now), now)
        try:
            await hub.store.commit(end.over(held.version), end.tasks)
        except Conflict:
            continue  # its answer came in this very moment
        gave_way = True
    return gave_way


def _may(delivery: Delivery) -> bool:
    """Tried, or kept from being tried, and there is another provider."""
    if not isinstance(delivery.command, MakeLink) or not delivery.fallbacks or delivery.successor is not None:
        return False
    if delivery.status not in NOT_NOW:
        return False
    return delivery.status is not Status.PENDING or delivery.attempt_count > 0
