"""Orders that no push told of. Only r_k Delivery can be asked, and it shows only the orders that were created
through the same API connection: orders of other sources have their push and nothing else.

White Server's GetOrderList wants a permission of its own and tells no status, so tills are not polled.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper import delivery
from svyazka.connectors.rkeeper.push import Reading, order_fact
from svyazka.connectors.rkeeper.reading import reading_of
from svyazka.connectors.rkeeper.schema import NotUnderstood
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Polled, Polling
from svyazka.engine.contracts.untrusted import Section, zoned_time
from svyazka.model.base import Frozen, Time
from svyazka.model.events import EventType, Fact, Unreadable

OVERLAP = timedelta(minutes=15)
"""How far before the newest change seen a look goes back."""

ORDER_LIFE = timedelta(days=3)
"""`fromDate` filters by a date that the documentation doesn't name (made, or expected): an order that changes
now may carry one this far from now."""


class Cursor(Frozen):
    """How far we have looked, in the vendor's time."""

    at: Time
    """The newest change seen."""
    since: Time
    """The first look: what had changed before is history."""


async def poll(cursor: str | None, call: Call[RKeeperSettings], reading: Reading) -> Polled:
    """One look. Raises VendorFailure, NotSent, MaybeSent."""
    if cursor is None:
        return Polled(facts=(), cursor=Cursor(at=call.now, since=call.now).model_dump_json())
    known = Cursor.model_validate_json(cursor)
    floor = max(known.at - OVERLAP, known.since)
    found = await delivery.orders(call, known.at - ORDER_LIFE)
    changed = [(moment, order) for order in found if (moment := _changed_at(order)) and moment >= floor]
    newest = max((moment for moment, _ in changed), default=known.at)
    moved = known if newest <= known.at else known.model_copy(update={"at": newest})
    return Polled(facts=_facts([order for _, order in changed], reading), cursor=moved.model_dump_json())


def _changed_at(order: Section) -> datetime | None:
    return zoned_time(order.get("updatedAt")) or zoned_time(order.get("createdAt"))


def _facts(orders: Sequence[Section], reading: Reading) -> list[Fact]:
    """Oldest first. An order that can't be read is kept as such, the others go on."""
    facts: list[Fact] = []
    for order in reversed(orders):
        try:
            fact = order_fact(order, reading)
        except NotUnderstood as error:
            fact = Unreadable(reason=str(error))
        if isinstance(fact, Unreadable):
            fact = Fact(
                type=EventType.OTHER,
                ignored=N_("an order of r_k Delivery's that can't be read: {reason}").format(reason=fact.reason),
            )
        facts.append(fact)
    return facts


class RKeeperPolling(Polling[RKeeperSettings]):
    """Asks r_k Delivery for what changed."""

    every = 300.0

    def ready(self, settings: RKeeperSettings) -> bool:
        return settings.has_delivery

    async def poll(self, cursor: str | None, call: Call[RKeeperSettings]) -> Polled:
        return await poll(cursor, call, reading_of(call.settings).of_api())
