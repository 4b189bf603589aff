"""Orders, read again in r_k Delivery and White Server."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper import delivery, white_server
from svyazka.connectors.rkeeper.events import Moment, Order
from svyazka.connectors.rkeeper.events import order_fact as till_order_fact
from svyazka.connectors.rkeeper.push import Reading as PushReading
from svyazka.connectors.rkeeper.push import order_fact
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.model.errors import NotShown
from svyazka.model.events import Entity, Fact, Unreadable


class RKeeperReading(Reading[RKeeperSettings]):
    """Orders."""

    def ready(self, settings: RKeeperSettings) -> bool:
        return settings.has_delivery or settings.has_white_server

    async def read(self, entity: Entity, call: Call[RKeeperSettings]) -> Fact | None:
        """The order as it is now. Raises NotShown for one that these credentials don't let us see: most pushes
        are of orders that were not made through our API connection. Raises VendorFailure, NotSent, MaybeSent."""
        reading = reading_of(call.settings)
        if entity.kind == "till_order":
            if not call.settings.has_white_server:
                raise NotShown(N_("without a token of White Server its orders can't be read"))
            wanted = Order.of(entity)
            found = await white_server.order(call, wanted)
            return till_order_fact(found, wanted, reading.statuses, Moment()) if found is not None else None
        if not call.settings.has_delivery:
            raise NotShown(N_("without client_id and client_secret orders of r_k Delivery can't be read"))
        found = await delivery.order(call, entity.id)
        if found is None:
            raise NotShown(N_("the order wasn't made through this API connection of r_k Delivery"))
        fact = order_fact({"orderId": entity.id, **found}, reading.of_api())
        if isinstance(fact, Unreadable):
            raise NotShown(N_("r_k Delivery's answer can't be read: {reason}").format(reason=fact.reason))
        return fact


def reading_of(settings: RKeeperSettings) -> PushReading:
    """How the tenant has explained its statuses and paths."""
    return PushReading.of(settings.model_dump(include={"status_map", "final_statuses", "paths"}, exclude_none=True))
