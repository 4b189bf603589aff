"""What is read of iiko, and the registration of our webhook: one function a method of iikoCloud API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from itertools import chain

from svyazka.catalogue import N_
from svyazka.connectors.iiko.client import ask, remembered
from svyazka.connectors.iiko.failures import RIGHTS
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.connectors.iiko.webhook import CHATS
from svyazka.connectors.iiko.zones import zone_of
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, sections, text, whole
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.outcomes import Blocked, Retry

RETURNED_KEYS = list(CHATS)
Zones = Mapping[str, tzinfo]


async def organizations(call: Call[IikoSettings]) -> dict[str, str]:
    """Organizations that these credentials see: id -> name."""
    answer = await ask(call, "/api/1/organizations", {"returnAdditionalInfo": False, "includeDisabled": False})
    found = ((text(each.get("id")), text(each.get("name"))) for each in sections(answer.get("organizations")))
    return {id_: name or id_ for id_, name in found if id_}


async def organization_ids(call: Call[IikoSettings]) -> list[str]:
    """The connection's own organization, or all that its credentials see."""
    if call.settings.organization_id:
        return [call.settings.organization_id]
    seen = await remembered(call, "organizations", lambda: organizations(call))
    if not seen:
        message = N_("этим ключам не видна ни одна организация")
        raise VendorFailure(Blocked(code="no_organization", message=message, remedy=RIGHTS))
    return list(seen)


async def terminal_zones(call: Call[IikoSettings]) -> Zones:
    """Zones of the terminal groups, by id; none where iiko won't tell, which is not asked again for an hour."""

    async def read() -> Zones:
        try:
            body: dict[str, object] = {"organizationIds": await organization_ids(call), "includeDisabled": True}
            answer = await ask(call, "/api/1/terminal_groups", body)
        except VendorFailure as failure:
            if isinstance(failure.outcome, Retry):
                raise
            return {}
        lists = (sections(answer.get(name)) for name in ("terminalGroups", "terminalGroupsInSleep"))
        groups = (group for owner in chain(*lists) for group in sections(owner.get("items")))
        found = ((text(group.get("id")), zone_of(group.get("timeZone"))) for group in groups)
        return {id_: zone for id_, zone in found if id_ and zone}

    return await remembered(call, f"zones of {call.settings.organization_id}", read)


async def delivery(call: Call[IikoSettings], order: str) -> Section | None:
    """A delivery by id, from the hot cache: the last 7 days are guaranteed."""
    for organization in await organization_ids(call):
        body: dict[str, object] = {"organizationId": organization, "orderIds": [order]}
        answer = await ask(call, "/api/1/deliveries/by_id", {**body, "returnExternalDataKeys": RETURNED_KEYS})
        if found := _with_id(answer.get("orders"), order):
            return found
    return None


async def table_order(call: Call[IikoSettings], order: str) -> Section | None:
    """A table order by id; the last 90 days are kept."""
    body = {"organizationIds": await organization_ids(call), "orderIds": [order]}
    answer = await ask(call, "/api/1/order/by_id", {**body, "returnExternalDataKeys": RETURNED_KEYS})
    return _with_id(answer.get("orders"), order)


async def reserve(call: Call[IikoSettings], reserve_id: str) -> Section | None:
    """A reservation or banquet by id."""
    for organization in await organization_ids(call):
        answer = await ask(
            call, "/api/1/reserve/status_by_id", {"organizationId": organization, "reserveIds": [reserve_id]}
        )
        if found := _with_id(answer.get("reserves"), reserve_id):
            return found
    return None


def _with_id(found: object, wanted: str) -> Section | None:
    return next((each for each in sections(found) if (text(each.get("id")) or "").lower() == wanted.lower()), None)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Deliveries of one look, and the newest revision that iiko named with them."""

    revision: int | None
    orders: Sequence[Section]


async def deliveries_since(call: Call[IikoSettings], revision: int) -> Deliveries:
    """What changed after `revision`; iiko goes back at most 3 hours."""
    body: dict[str, object] = {"startRevision": revision, "organizationIds": await organization_ids(call)}
    return _deliveries(await ask(call, "/api/1/deliveries/by_revision", body))


async def deliveries_of(call: Call[IikoSettings], first: date, last: date | None) -> Deliveries:
    """All deliveries due from the day `first` to `last` (None: open end), days of the terminal's own time."""
    body: dict[str, object] = {
        "organizationIds": await organization_ids(call),
        "deliveryDateFrom": _local(first, time.min),
    }
    if last is not None:
        body["deliveryDateTo"] = _local(last, time.max)
    return _deliveries(await ask(call, "/api/1/deliveries/by_delivery_date_and_status", body))


def _local(day: date, moment: time) -> str:
    return datetime.combine(day, moment).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _deliveries(answer: Section) -> Deliveries:
    by_organization = sections(answer.get("ordersByOrganizations"))
    orders = [order for each in by_organization for order in sections(each.get("orders"))]
    return Deliveries(whole(answer.get("maxRevision")), orders)


# The registration of our webhook


async def hook_settings(call: Call[IikoSettings], organization: str) -> Section:
    """What is registered for this API login and organization."""
    try:
        return await ask(call, "/api/1/webhooks/settings", {"organizationId": organization})
    finally:
        call.http.blank("response_body")  # it holds the key in our address


async def register_hook(call: Call[IikoSettings], body: dict[str, object]) -> None:
    """Overwrite the registration of one organization."""
    await ask(call, "/api/1/webhooks/update_settings", body)
