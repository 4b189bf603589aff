"""White Server's events and orders as facts: the same from an event and from reading the order again.

An event holds no phone: who the guest is, only the order itself tells, where the till was given him.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper.schema import NotUnderstood, at, identifier, section
from svyazka.connectors.rkeeper.statuses import TYPES, StatusMap, folded
from svyazka.engine.contracts.untrusted import Section, number, text, zoned_time
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, EventType, Fact

ENVELOPE = "responseEventCommon"
"""Stands in every event of White Server, and in nothing else."""

STATUS_CHANGED, ORDER_CHANGED = "OrderStatusChanged", "OrderChanged"
ENDS = frozenset({EventType.ORDER_COMPLETED, EventType.ORDER_CANCELLED})


@dataclass(frozen=True, slots=True)
class Order:
    """A restaurant's order as White Server knows it."""

    object_id: str
    guid: str

    @property
    def entity(self) -> Entity:
        return Entity(kind="till_order", id=f"{self.object_id}/{self.guid}")

    @classmethod
    def of(cls, entity: Entity) -> Order:
        """The order that an event named."""
        object_id, _, guid = entity.id.partition("/")
        return cls(object_id, guid)


@dataclass(frozen=True, slots=True)
class Moment:
    """Which change it was: what an event says of itself, and a read order doesn't."""

    event: str | None = None
    occurred_at: datetime | None = None


def object_ids(setting: object) -> frozenset[str]:
    """The connection's restaurants: `object_id` is one or a list."""
    given = setting if isinstance(setting, list | tuple) else [setting]
    return frozenset(filter(None, map(text, given)))


def event_fact(item: Section, statuses: StatusMap, ours: frozenset[str]) -> Fact:
    """One event in our words. Raises NotUnderstood."""
    common, response = section(item, ENVELOPE), section(item, "response")
    kind, guid = text(common.get("eventType")) or "", identifier(common.get("eventGuid"))
    occurred_at = zoned_time(common.get("dateTimeServerReceiveEventFromAgent"))
    object_id = text(common.get("objectId")) or ""
    if ours and object_id not in ours:
        reason = N_("it belongs to objectId {value}, this connection is {names}").format(
            value=object_id[:40] or "(none)", names=", ".join(sorted(ours))
        )
        key = (object_id, guid) if guid else None
        return Fact(type=EventType.OTHER, key=key, occurred_at=occurred_at).of_another(reason)
    if kind not in (STATUS_CHANGED, ORDER_CHANGED):
        reason = N_("White Server sent {value}: nothing here acts on it").format(
            value=kind[:60] or "an event of no type"
        )
        key = ("event", guid) if guid else None
        return Fact(type=EventType.OTHER, key=key, occurred_at=occurred_at, ignored=reason)
    order = section(response, "order") or response
    order_guid = identifier(order.get("orderGuid")) or identifier(response.get("orderGuid"))
    if order_guid is None:
        raise NotUnderstood(N_("expected response.orderGuid or response.order.orderGuid, found neither"))
    moment = Moment(guid if kind == ORDER_CHANGED else None, occurred_at)
    return order_fact(order, Order(object_id, order_guid), statuses, moment)


def order_fact(body: Section, order: Order, statuses: StatusMap, moment: Moment) -> Fact:
    """An order of the till in our words; `body` may lack its own id (GetOrder's answer does)."""
    status = text(at(body, "status.value")) or text(body.get("status")) or ""
    meaning = statuses.white_server(status)
    type_ = TYPES[meaning]
    return Fact(
        type=type_,
        key=_key(order, status, type_, moment),
        subject=f"order:{order.guid}",
        occurred_at=moment.occurred_at,
        contact=_contact(body),
        position=int(moment.occurred_at.timestamp() * 1_000_000) if moment.occurred_at else None,
        entity=order.entity,
        data=_data(body, status),
        ignored=N_("status_map says that {status} is of no interest").format(status=status[:60])
        if meaning == "ignored"
        else None,
    )


def _key(order: Order, status: str, type_: EventType, moment: Moment) -> tuple[str, ...]:
    """The order and its status: all that an event and a read order have in common.

    A change within a status (a dish was added) has nothing but its event to tell it by; it is never an end.
    """
    if moment.event is not None and type_ not in ENDS:
        return ("till", order.guid, folded(status), moment.event)
    return ("till", order.guid, folded(status))


def _contact(body: Section) -> Contact | None:
    customer = section(body, "customer")
    phone, name, email = (text(customer.get(field)) for field in ("phone", "name", "email"))
    return Contact(name=name, phone=phone, email=email) if phone or name or email else None


def _data(body: Section, status: str) -> dict[str, JsonValue]:
    printed = at(body, "status.isBillPrinted")
    found: Mapping[str, JsonValue] = {
        "status": status or None,
        "substate": text(body.get("substate")),
        "bill_printed": printed if isinstance(printed, bool) else None,
        "external_number": text(body.get("originalOrderId")),
        "sum": number(at(body, "price.total")),
        "cancel_reason": text(at(body, "rejectingReason.message")) or text(at(body, "rejectingReason.code")),
    }
    return {name: value for name, value in found.items() if value is not None}
