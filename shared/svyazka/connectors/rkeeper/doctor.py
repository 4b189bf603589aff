"""`doctor`: whether each product of r_keeper lets us in, and whether its hook may be dead."""

from __future__ import annotations

from datetime import timedelta

from svyazka.catalogue import N_, _
from svyazka.connectors.rkeeper import delivery, white_server
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, Silence, no_access
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked

HOOK_DIES_AFTER = timedelta(days=7)
"""White Server deletes an address that fails for so long, and tells nobody."""


class RKeeperDoctor(Doctor[RKeeperSettings]):
    """Asks each product that the connection has."""

    def ready(self, settings: RKeeperSettings) -> bool:
        return settings.has_delivery or settings.has_white_server

    async def check(self, call: Call[RKeeperSettings]) -> list[Finding]:
        """Whether each product lets us in, and whether the restaurants' agents answer."""
        findings: list[Finding] = []
        if call.settings.has_delivery:
            findings.append(await _checked_delivery(call))
        if call.settings.has_white_server:
            findings += [await _checked_restaurant(call, str(id_)) for id_ in call.settings.object_id or ()]
        return findings


def silence(settings: RKeeperSettings) -> Silence | None:
    """A till that serves guests tells of them daily; a push comes only when its template's condition holds."""
    if not settings.has_white_server:
        return None
    return Silence(
        after=timedelta(days=3),
        why=N_("White Server deletes an address that fails for {days} days and tells nobody").format(
            days=HOOK_DIES_AFTER.days
        ),
        remedy=N_("unless the restaurant is closed, ask integrations@rkeeper.ru whether the address is registered"),
    )


async def _checked_delivery(call: Call[RKeeperSettings]) -> Finding:
    try:
        seen = await delivery.orders(call, call.now - timedelta(days=1))
    except (VendorFailure, NotSent, MaybeSent) as error:
        return _failed("r_k Delivery", error)
    message = N_("r_k Delivery lets us in; orders of this API connection since yesterday: {count}").format(
        count=len(seen)
    )
    return Finding("r_k Delivery", "ok", message)


async def _checked_restaurant(call: Call[RKeeperSettings], object_id: str) -> Finding:
    check = N_("White Server, objectId {object_id}").format(object_id=object_id)
    try:
        await white_server.ask(call, "GetRestaurantInfo", object_id)
    except (VendorFailure, NotSent, MaybeSent) as error:
        return _failed(check, error)
    return Finding(check, "ok", _("White Server lets us in, the restaurant's agent answers"))


def _failed(check: str, error: Exception) -> Finding:
    outcome = error.outcome if isinstance(error, VendorFailure) else None
    remedy = outcome.remedy if isinstance(outcome, Blocked) else N_("try again; see that the restaurant's agent is on")
    return no_access(check, str(error), remedy, error)
