"""The worker's side of r_keeper: reading orders again, polling, and `doctor`.

No command is carried out yet: r_keeper is no messenger. Creating orders (from a Mini App) will be a command of
its own; its failure map lies ready in `client.py`.
"""

from __future__ import annotations

from datetime import timedelta

from svyazka.connectors.rkeeper import delivery, poll, white_server
from svyazka.connectors.rkeeper.client import RKeeperFailure, RKeeperSettings
from svyazka.connectors.rkeeper.events import Moment, Order
from svyazka.connectors.rkeeper.events import order_fact as till_order_fact
from svyazka.connectors.rkeeper.push import Reading, order_fact
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits, Polled, Silence
from svyazka.model.errors import MaybeSent, NotSent, NotShown
from svyazka.model.events import Entity, Fact, Unreadable
from svyazka.model.outcomes import Blocked

HOOK_DIES_AFTER = timedelta(days=7)
"""White Server deletes an address that fails for so long, and tells nobody."""


class RKeeperConnector(Connector[RKeeperSettings]):
    """r_k Delivery and White Server."""

    vendor = "rkeeper"
    # White Server: 360 a minute (5 with a test licence: `limit`). Delivery publishes none.
    limits = Limits(per_second=3.0, concurrency=2)
    secret_fields = ("client_secret", "token", "signature_key")
    optional_settings = {
        "client_id": "with client_secret: without them orders made through the API connection of r_k Delivery aren't "
        "read again before acting, and what a lost push told isn't found by polling",
        "object_id": "events of other restaurants of the same White Server licence aren't told apart",
        "token": "events of White Server hold no phone, and without it the guest's can't be read",
        "signature_recipe": "with signature_key: White Server's signature isn't checked (its recipe is unpublished), "
        "so whoever knows the webhook's address can send events",
    }
    poll_every = 300.0

    def settings_model(self) -> type[RKeeperSettings]:
        return RKeeperSettings

    def can_reread(self, settings: RKeeperSettings) -> bool:
        return settings.has_delivery or settings.has_white_server

    async def reread(self, entity: Entity, call: Call[RKeeperSettings]) -> Fact | None:
        """The order as it is now. Raises NotShown for one that these credentials don't let us see: most pushes
        are of orders that were not made through our API connection. Raises RKeeperFailure, NotSent, MaybeSent."""
        reading = _reading(call.settings)
        if entity.kind == "till_order":
            if not call.settings.has_white_server:
                raise NotShown("without a token of White Server its orders can't be read")
            wanted = Order.of(entity)
            found = await white_server.order(call, wanted)
            return till_order_fact(found, wanted, reading.statuses, Moment()) if found is not None else None
        if not call.settings.has_delivery:
            raise NotShown("without client_id and client_secret orders of r_k Delivery can't be read")
        found = await delivery.order(call, entity.id)
        if found is None:
            raise NotShown("the order wasn't made through this API connection of r_k Delivery")
        fact = order_fact({"orderId": entity.id, **found}, reading.of_api())
        if isinstance(fact, Unreadable):
            raise NotShown(f"r_k Delivery's answer can't be read: {fact.reason}")
        return fact

    def can_poll(self, settings: RKeeperSettings) -> bool:
        return settings.has_delivery

    async def poll(self, cursor: str | None, call: Call[RKeeperSettings]) -> Polled:
        return await poll.poll(cursor, call, _reading(call.settings).of_api())

    def silence(self, settings: RKeeperSettings) -> Silence | None:
        """A till that serves guests tells of them daily; a push comes only when its template's condition holds."""
        if not settings.has_white_server:
            return None
        return Silence(
            after=timedelta(days=3),
            why=f"White Server deletes an address that fails for {HOOK_DIES_AFTER.days} days and tells nobody",
            remedy="unless the restaurant is closed, ask integrations@rkeeper.ru whether the address is registered",
        )

    def can_check(self, settings: RKeeperSettings) -> bool:
        return settings.has_delivery or settings.has_white_server

    async def check(self, call: Call[RKeeperSettings]) -> list[Finding]:
        """Whether each product lets us in, and whether the restaurants' agents answer."""
        findings: list[Finding] = []
        if call.settings.has_delivery:
            findings.append(await _checked_delivery(call))
        if call.settings.has_white_server:
            findings += [await _checked_restaurant(call, str(id_)) for id_ in call.settings.object_id or ()]
        return findings


def _reading(settings: RKeeperSettings) -> Reading:
    return Reading.of(settings.model_dump(include={"status_map", "final_statuses", "paths"}, exclude_none=True))


async def _checked_delivery(call: Call[RKeeperSettings]) -> Finding:
    try:
        seen = await delivery.orders(call, call.now - timedelta(days=1))
    except (RKeeperFailure, NotSent, MaybeSent) as error:
        return _failed("r_k Delivery", error)
    message = f"r_k Delivery lets us in; orders of this API connection since yesterday: {len(seen)}"
    return Finding("r_k Delivery", "ok", message)


async def _checked_restaurant(call: Call[RKeeperSettings], object_id: str) -> Finding:
    check = f"White Server, objectId {object_id}"
    try:
        await white_server.ask(call, "GetRestaurantInfo", object_id)
    except (RKeeperFailure, NotSent, MaybeSent) as error:
        return _failed(check, error)
    return Finding(check, "ok", "White Server lets us in, the restaurant's agent answers")


def _failed(check: str, error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, RKeeperFailure) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else "try again; see that the restaurant's agent is on"
    return Finding(check, "fail", str(error), remedy)


CONNECTOR = RKeeperConnector()
