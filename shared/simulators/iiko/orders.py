"""Orders and reservations in iiko's shape, made and changed by a few words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

Kind = Literal["delivery", "table", "reserve"]
Json = dict[str, Any]

DELIVERY_STATUSES = (
    "Unconfirmed", "WaitCooking", "ReadyForCooking", "CookingStarted", "CookingCompleted", "Waiting", "OnWay",
    "Delivered", "Closed", "Cancelled",
)  # fmt: skip
TABLE_STATUSES = ("New", "Bill", "Closed", "Deleted")
RESERVE_STATUSES = ("New", "Started", "Closed")
STATUSES: dict[Kind, tuple[str, ...]] = {
    "delivery": DELIVERY_STATUSES, "table": TABLE_STATUSES, "reserve": RESERVE_STATUSES,
}  # fmt: skip

BODY: dict[Kind, str] = {"delivery": "order", "table": "order", "reserve": "reserve"}
"""Where in the info the order or the reservation itself stands."""

EVENTS: dict[Kind, str] = {"delivery": "DeliveryOrder", "table": "TableOrder", "reserve": "Reserve"}
"""Webhook event types, without their `Update` or `Error`."""

TIMES: dict[tuple[Kind, str], str] = {
    ("delivery", "WaitCooking"): "whenConfirmed",
    ("delivery", "CookingStarted"): "whenPrinted",
    ("delivery", "CookingCompleted"): "whenCookingCompleted",
    ("delivery", "OnWay"): "whenSended",
    ("delivery", "Delivered"): "whenDelivered",
    ("delivery", "Closed"): "whenClosed",
    ("table", "Bill"): "whenBillPrinted",
    ("table", "Closed"): "whenClosed",
    ("reserve", "Started"): "guestsComingTime",
}
"""Which of its times a status writes."""

NULLS: dict[Kind, tuple[str, ...]] = {
    "delivery": (
        "parentDeliveryId", "phoneExtension", "deliveryPoint", "cancelInfo", "courierInfo", "whenConfirmed",
        "whenPrinted", "whenCookingCompleted", "whenSended", "whenDelivered", "comment", "operator",
        "marketingSource", "indexInCourierRoute", "whenReceivedByApi", "whenReceivedFromFront",
        "movedFromDeliveryId", "movedFromTerminalGroupId", "movedFromOrganizationId", "externalCourierService",
        "movedToDeliveryId", "movedToTerminalGroupId", "movedToOrganizationId", "menuId", "deliveryZone", "lockedAt",
        "estimatedTime", "isAsap", "whenPacked", "priceCategory", "trackingLink",
    ),
    "table": ("waiter", "tabName", "splitOrderBetweenCashRegisters", "menuId", "priceCategory"),
    "reserve": ("comment", "cancelReason", "guestsComingTime", "eventType", "order"),
}  # fmt: skip


@dataclass
class Told:
    """What a test or a demo says of an order; what it leaves out stays as it is, or is the usual.

    An order is found again by `id`, or by its `kind` and `number`. `customer`: `regular`, `one-time` (an
    aggregator's) or `none`. `error`: code of a creation that the till refused; the order itself is then null.
    """

    id: str | None = None
    number: int | None = None
    kind: Kind = "delivery"
    status: str | None = None
    phone: str | None = None
    name: str | None = None
    customer: Literal["regular", "one-time", "none"] | None = None
    phone_extension: str | None = None
    external: dict[str, str] | None = None
    sum: float | None = None
    cancel_reason: str | None = None
    moved_to: str | None = None
    complete_before: str | None = None
    deleted: bool | None = None
    error: str | None = None
    organization: str | None = None
    terminal_group: str | None = None
    table: str | None = None
    """Of a table order: the number of its table."""
    dishes: list[Json] | None = None
    """What was ordered: {name, price, amount?, sum?, modifiers?}; `sum`: after its discounts."""
    discount: float | None = None
    surcharge: float | None = None
    """What is taken off the whole order, or put on it."""

    def __post_init__(self) -> None:
        if self.kind not in STATUSES:
            raise ValueError(f"kind: expected one of {', '.join(STATUSES)}, got {self.kind!r}")
        if self.status is not None and self.status not in STATUSES[self.kind]:
            raise ValueError(f"status of a {self.kind}: expected one of {', '.join(STATUSES[self.kind])}")


@dataclass
class Thing:
    """One order or reservation as iiko's server keeps it."""

    kind: Kind
    number: int
    terminal_group: str
    info: Json
    revision: int = 0
    external: dict[str, str] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)
    """What is taken off the order as a whole, and put on it."""

    @property
    def id(self) -> str:
        return str(self.info["id"])

    @property
    def organization(self) -> str:
        return str(self.info["organizationId"])

    @property
    def body(self) -> Json | None:
        """The order or reservation itself; null while the till hasn't taken it."""
        found: Json | None = self.info[BODY[self.kind]]
        return found

    @property
    def status(self) -> str | None:
        return None if self.body is None else str(self.body["status"])

    def shown(self, keys: list[str] | None) -> Json:
        """The info as it goes out; of `externalData` only the keys that were asked for."""
        if self.body is None or self.kind == "reserve":
            return self.info
        data = [{"key": key, "value": value} for key, value in self.external.items() if key in (keys or ())]
        return {**self.info, "order": {**self.body, "externalData": data or None}}


def create(told: Told, number: int, organization: str, terminal_group: str, local: datetime) -> Thing:
    """A new order, as the till has just taken it."""
    info: Json = {
        "id": told.id or str(uuid4()), "posId": str(uuid4()), "externalNumber": None, "organizationId": organization,
        "timestamp": 0, "creationStatus": "Success", "errorInfo": None,
    }  # fmt: skip
    body: Json = dict.fromkeys(NULLS[told.kind])
    body |= {"customer": _customer("regular", "Иван"), "phone": "+79991234567", "status": STATUSES[told.kind][0]}
    if told.kind == "reserve":
        del info["posId"]
        info["isDeleted"] = False
        body |= {
            "guestsCount": 2, "durationInMinutes": 120, "shouldRemind": True, "tableIds": [str(uuid4())],
            "estimatedStartTime": written(local + timedelta(days=1)),
        }  # fmt: skip
    else:
        body |= _order(number, terminal_group) | {"whenCreated": written(local)}
        body |= _delivery(local) if told.kind == "delivery" else {"tableIds": [str(uuid4())]}
    info[BODY[told.kind]] = body
    return Thing(told.kind, number, terminal_group, info)


def change(thing: Thing, told: Told, local: datetime) -> None:
    """What is told of an order happens to it, at this local time of its till."""
    if told.external is not None:
        thing.external = dict(told.external)
    if told.error is not None:
        thing.info["creationStatus"] = "Error"
        thing.info["errorInfo"] = {
            "code": told.error, "message": f"Ошибка {told.error}", "description": told.error, "additionalData": None,
            "errorReason": None,
        }  # fmt: skip
        thing.info[BODY[thing.kind]] = None
    body = thing.body
    if body is None:
        return
    if told.status is not None:
        body["status"] = told.status
        if (moment := TIMES.get((thing.kind, told.status))) is not None:
            body[moment] = written(local)
    if told.status == "Cancelled":
        body["cancelInfo"] = {
            "whenCancelled": written(local), "comment": None,
            "cause": {"id": str(uuid4()), "name": told.cancel_reason or "Отказ клиента"},
        }  # fmt: skip
    if thing.kind == "reserve" and told.cancel_reason is not None:
        body["cancelReason"] = told.cancel_reason
    if told.customer is not None or told.name is not None:
        known = body["customer"] or {}
        kind = told.customer or known.get("type") or "regular"
        body["customer"] = _customer(kind, told.name or known.get("name") or "Иван")
    if told.deleted is not None:
        (thing.info if thing.kind == "reserve" else body)["isDeleted"] = told.deleted
    if told.dishes is not None:
        body["items"] = [_item(dish) for dish in told.dishes]
    if told.dishes is not None or told.discount is not None or told.surcharge is not None:
        kept = thing.sums
        kept["off"] = told.discount if told.discount is not None else kept.get("off", 0)
        kept["on"] = told.surcharge if told.surcharge is not None else kept.get("on", 0)
        whole = sum(item["resultSum"] + sum(m["resultSum"] for m in item["modifiers"]) for item in body["items"])
        body["sum"] = round(whole - kept["off"] + kept["on"], 2)
    said = {
        "phone": told.phone, "phoneExtension": told.phone_extension, "sum": told.sum,
        "movedToDeliveryId": told.moved_to, "completeBefore": told.complete_before,
    }  # fmt: skip
    body.update({name: value for name, value in said.items() if value is not None and name in body})


def written(moment: datetime) -> str:
    """A time as iiko writes it: without a zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _customer(kind: str, name: str) -> Json | None:
    if kind == "none":
        return None
    if kind == "one-time":
        return {"type": "one-time", "name": name}
    return {
        "type": "regular", "id": str(uuid4()), "name": name, "surname": "Петров", "comment": None, "gender": "Male",
        "inBlacklist": False, "blacklistReason": None, "birthdate": None,
    }  # fmt: skip


def _item(dish: Json) -> Json:
    amount = dish.get("amount", 1)
    whole = round(dish["price"] * amount, 2)
    return {
        "type": "Product", "product": {"id": str(uuid4()), "name": dish["name"]},
        "modifiers": [
            {
                "product": {"id": str(uuid4()), "name": one["name"]}, "amount": one.get("amount", 1),
                "amountIndependentOfParentAmount": False, "productGroup": None, "price": one["price"],
                "pricePredefined": True, "resultSum": round(one["price"] * one.get("amount", 1), 2), "deleted": None,
                "positionId": str(uuid4()), "taxPercent": None,
            }
            for one in dish.get("modifiers", ())
        ],
        "price": dish["price"], "cost": whole, "pricePredefined": True, "positionId": str(uuid4()),
        "taxPercent": dish.get("tax"), "resultSum": dish.get("sum", whole), "status": "Served",
        "deleted": dish.get("deleted"), "amount": amount, "comment": None, "whenPrinted": None, "size": None,
        "comboInformation": None,
    }  # fmt: skip


def _order(number: int, terminal_group: str) -> Json:
    """What deliveries and table orders have in common."""
    item = {
        "type": "Product", "product": {"id": str(uuid4()), "name": "Пицца «Маргарита»"}, "modifiers": [],
        "price": 650, "cost": 1300, "pricePredefined": True, "positionId": str(uuid4()), "taxPercent": None,
        "resultSum": 1300, "status": "Added", "deleted": None, "amount": 2, "comment": None, "whenPrinted": None,
        "size": None, "comboInformation": None,
    }  # fmt: skip
    return {
        "sum": 1300.0, "number": number, "sourceKey": None, "whenBillPrinted": None, "whenClosed": None,
        "conception": None, "guestsInfo": {"count": 2, "splitBetweenPersons": False}, "items": [item], "combos": [],
        "payments": [], "tips": [], "discounts": [],
        "orderType": {"id": str(uuid4()), "name": "Обычный заказ", "orderServiceType": "Common"},
        "terminalGroupId": terminal_group, "processedPaymentsSum": 0, "loyaltyInfo": None, "externalData": None,
    }  # fmt: skip


def _delivery(local: datetime) -> Json:
    return {
        "completeBefore": written(local + timedelta(hours=1)), "cookingStartTime": written(local),
        "deliveryDuration": 60, "problem": {"hasProblem": False, "description": None}, "isDeleted": False,
        "orderType": {"id": str(uuid4()), "name": "Доставка курьером", "orderServiceType": "DeliveryByCourier"},
    }  # fmt: skip
