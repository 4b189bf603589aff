"""What iiko's methods take: its schema refuses a missing, a wrong and an unknown property alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from simulators.iiko.orders import DELIVERY_STATUSES, TABLE_STATUSES, Json
from simulators.iiko.world import Refusal

BODIES: dict[str, dict[str, str]] = {
    "/api/1/access_token": {"apiLogin": "text!"},
    "/api/v2/access_token": {"apiKey": "text!", "appId": "uuid!", "clientSecret": "text!"},
    "/api/1/organizations": {
        "organizationIds": "uuids", "returnAdditionalInfo": "bool", "includeDisabled": "bool",
        "returnExternalData": "texts",
    },
    "/api/1/terminal_groups": {"organizationIds": "uuids!", "includeDisabled": "bool", "returnExternalData": "texts"},
    "/api/1/deliveries/by_id": {
        "organizationId": "uuid!", "orderIds": "uuids", "posOrderIds": "uuids", "sourceKeys": "texts",
        "returnExternalDataKeys": "texts", "returnLockedByUser": "bool",
    },
    "/api/1/deliveries/by_revision": {"startRevision": "int!", "organizationIds": "uuids!", "sourceKeys": "texts"},
    "/api/1/deliveries/by_delivery_date_and_status": {
        "organizationIds": "uuids!", "deliveryDateFrom": "time!", "deliveryDateTo": "time",
        "statuses": "delivery statuses", "sourceKeys": "texts", "courierIds": "uuids",
    },
    "/api/1/deliveries/update_order_delivery_status": {
        "organizationId": "uuid!", "orderId": "uuid!", "deliveryStatus": "text!", "deliveryDate": "time",
    },
    "/api/1/order/by_id": {
        "organizationIds": "uuids!", "orderIds": "uuids", "posOrderIds": "uuids", "sourceKeys": "texts",
        "returnExternalDataKeys": "texts",
    },
    "/api/1/order/by_table": {
        "organizationIds": "uuids!", "tableIds": "uuids!", "statuses": "table statuses", "dateFrom": "time",
        "dateTo": "time", "sourceKeys": "texts",
    },
    "/api/1/order/init_by_table": {"organizationId": "uuid!", "terminalGroupId": "uuid!", "tableIds": "uuids!"},
    "/api/1/order/add_payments": {
        "organizationId": "uuid!", "orderId": "uuid!", "payments": "payments!", "tips": "objects",
    },
    "/api/1/order/close": {"organizationId": "uuid!", "orderId": "uuid!", "chequeAdditionalInfo": "object"},
    "/api/1/reserve/available_restaurant_sections": {
        "terminalGroupIds": "uuids!", "returnSchema": "bool", "revision": "int",
    },
    "/api/1/reserve/status_by_id": {"organizationId": "uuid!", "reserveIds": "uuids!", "sourceKeys": "texts"},
    "/api/1/webhooks/settings": {"organizationId": "uuid!"},
    "/api/1/webhooks/update_settings": {
        "organizationId": "uuid!", "webHooksUri": "text!", "authToken": "text", "webHooksFilter": "filter",
    },
    "/api/1/commands/status": {"organizationId": "uuid!", "correlationId": "uuid!"},
}  # fmt: skip
"""Path -> property -> what it is; `!`: required. From the vendor's OpenAPI document."""

PAYMENT = {
    "paymentTypeKind": "text!", "sum": "number!", "paymentTypeId": "uuid!", "isProcessedExternally": "bool",
    "paymentAdditionalData": "object", "isFiscalizedExternally": "bool", "isPrepay": "bool",
}  # fmt: skip

FILTER: dict[str, dict[str, str]] = {
    "deliveryOrderFilter": {
        "orderStatuses": "delivery statuses", "itemStatuses": "texts", "errors": "bool",
        "returnedExternalDataKeys": "texts",
    },
    "tableOrderFilter": {"orderStatuses": "table statuses", "itemStatuses": "texts", "errors": "bool"},
    "reserveFilter": {"updates": "bool", "errors": "bool"},
    "stopListUpdateFilter": {"updates": "bool"},
    "personalShiftFilter": {"updates": "bool"},
    "nomenclatureUpdateFilter": {"updates": "bool"},
    "businessHoursAndMappingUpdateFilter": {"updates": "bool"},
}  # fmt: skip


def body_of(path: str, raw: bytes) -> Json:
    """The body of a call, nulls left out. Raises Refusal as iiko's schema does."""
    try:
        content = json.loads(raw)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refusal(400, "The request body is not valid JSON.")
    _check(content, BODIES[path], "")
    return {name: value for name, value in content.items() if value is not None}


def _check(content: Mapping[str, object], properties: Mapping[str, str], place: str) -> None:
    for name in content.keys() - properties.keys():
        raise Refusal(400, f'Could not find member "{place}{name}" on object.')
    for name, kind in properties.items():
        value = content.get(name)
        if value is None:
            if kind.endswith("!"):
                raise Refusal(400, f'Required property "{place}{name}" not found in JSON.')
        elif not CHECKS[kind.removesuffix("!")](value):
            raise Refusal(400, f'Field "{place}{name}" has incorrect format.')


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f"))
    except ValueError:
        return False


def _is_filter(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    _check(value, dict.fromkeys(FILTER, "object"), "webHooksFilter.")
    for name, part in value.items():
        if part is not None:
            _check(part, FILTER[name], f"webHooksFilter.{name}.")
    return True


def _is_payment(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    _check(value, PAYMENT, "payments.")
    return True


def _list_of(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


CHECKS: dict[str, Callable[[object], bool]] = {
    "text": _is_text,
    "texts": _list_of(_is_text),
    "uuid": _is_uuid,
    "uuids": _list_of(_is_uuid),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "time": _is_time,
    "object": lambda value: isinstance(value, dict),
    "objects": lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "payments": lambda value: bool(value) and _list_of(_is_payment)(value),
    "delivery statuses": _list_of(lambda value: value in DELIVERY_STATUSES),
    "table statuses": _list_of(lambda value: value in TABLE_STATUSES),
    "filter": _is_filter,
}
