"""The way in from iiko: who may knock, and what each event means in our words. Pure, and light to import.

One webhook is an array of events of mixed types (iikoCloud API contract 9.7.5.2); hand-made calls and the
brief's curl send one bare object. Nothing is signed: the `authToken` of the registration comes back in the
`Authorization` header, and that is all the proof there is, so the body stays a hint.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from hmac import compare_digest

from pydantic import JsonValue

from svyazka.catalogue import N_, _
from svyazka.connectors.iiko.schema import Change, NotUnderstood, identifier, utc_time
from svyazka.engine.contracts.untrusted import Section, filled, number, section, sections, text
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, EventType, Fact, Unreadable

FINAL_STATUSES = ("Delivered", "Closed", "Finished")
"""Visit finished. `Finished` is the brief's, iiko has no such status; a table order knows only `Closed`."""

CANCELLED_STATUSES = frozenset({"Cancelled", "Deleted"})
"""A delivery's with two l's; a table order's."""

RESERVE_STATUSES = {
    "New": EventType.APPOINTMENT_BOOKED,
    "Started": EventType.APPOINTMENT_CHANGED,
    "Closed": EventType.APPOINTMENT_COMPLETED,
}
"""`Started`: the banquet's guests have come; `Closed` without a cancelReason: the reservation's have."""

RESERVE_CANCEL_REASONS = {
    "ClientNotAppeared": EventType.APPOINTMENT_MISSED,
    "ClientRefused": EventType.APPOINTMENT_CANCELLED,
    "Other": EventType.APPOINTMENT_CANCELLED,
}

NOTICES = {
    "StopListUpdate": EventType.STOCK_CHANGED,
    "NomenclatureUpdate": EventType.CATALOG_CHANGED,
}
"""Say that something changed, and nothing of what it is now."""

UNUSED_EVENTS = frozenset({"PersonalShift", "KitchenOrderUpdate", "BusinessHoursAndMappingUpdate"})
"""Known, and no business of ours; the last two have no published schema."""

MOMENTS = ("eventTime", "correlationId")
"""What tells two changes into one status apart where there is no timestamp."""

CHATS = {"tgUserId": "telegram"}
"""externalData key of an order -> the vendor whose chat id it holds (orders of a Telegram Mini App)."""


class IikoWebhook(Webhook):
    """Events of iikoCloud API. The body of our answer is ignored; 200 is all that iiko wants."""

    vendor = "iiko"
    secret_settings = ("auth_token",)
    public_settings = ("organization_id", "final_statuses")

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """The `Authorization` header must hold the registered authToken, with or without `Bearer`.

        Without an auth_token nothing is looked at there: our own key may be travelling in that header.
        """
        token = inbound.secrets.get("auth_token")
        if token is None:
            return None
        given = _bare(request.header("authorization") or "")
        # The header was decoded as latin-1: back to the bytes that came.
        if token and compare_digest(given.encode("latin-1", "replace"), _bare(token).encode()):
            return None
        return N_("the Authorization header isn't the auth_token with which this webhook was registered at iiko")

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """Each event of the array in our words; one that can't be read doesn't take the others with it."""
        final = final_statuses(inbound.public.get("final_statuses"))
        ours = text(inbound.public.get("organization_id"))
        return [_item(item, final, ours) for item in _items(request.body)]


def _bare(token: str) -> str:
    token = token.strip()
    return token[7:].strip() if token[:7].lower() == "bearer " else token


def _items(body: bytes) -> list[object]:
    try:
        content = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise NotTheFormat(N_("expected JSON in UTF-8, got other bytes")) from None
    except RecursionError:
        raise NotTheFormat(N_("expected an event or an array of events, got JSON nested too deep")) from None
    except ValueError as error:
        # A JSONDecodeError's own text quotes nothing of the body.
        where = f" ({error})" if isinstance(error, json.JSONDecodeError) else ""
        raise NotTheFormat(N_("expected JSON, got something else{where}").format(where=where)) from None
    if isinstance(content, dict):
        return [content]
    if isinstance(content, list):
        return content
    raise NotTheFormat(N_("expected an event or an array of events, got {found}").format(found=type(content).__name__))


def _no_constant(name: str) -> None:
    raise ValueError(_("{name} is not JSON", name=name))


def _item(item: object, final: frozenset[str], ours: str | None) -> Fact | Unreadable:
    if not isinstance(item, dict):
        return Unreadable(reason=N_("expected an event object, got {found}").format(found=type(item).__name__))
    try:
        fact = _fact(item, final)
    except ValueError as error:
        # pydantic's own message would quote the guest's data
        return Unreadable(reason=str(error) if isinstance(error, NotUnderstood) else N_("expected an event of iiko's"))
    return of_organization(fact, ours, item.get("organizationId"), section(item, "eventInfo").get("organizationId"))


def _fact(item: Section, final: frozenset[str]) -> Fact:
    kind = text(item.get("eventType"))
    builder = _BUILDERS.get(kind or "DeliveryOrderUpdate")
    if builder is not None:
        return builder(item, final)
    reason = N_("iiko sent {value}: ").format(value=(kind or "")[:60]) + (
        N_("nothing here acts on it") if kind in UNUSED_EVENTS else N_("a type that we don't know")
    )
    return _notice(item, EventType.OTHER).model_copy(update={"ignored": reason})


def order_fact(change: Change, kind: str, final: frozenset[str], occurred_at: datetime | None) -> Fact:
    """An order as a fact, the same from a webhook, a poll and a re-read; `kind`: `delivery` or `table`."""
    type_ = _order_type(change, final)
    return Fact(
        type=type_,
        key=_key("order", change),
        subject=f"order:{change.id}" if change.id else None,
        occurred_at=occurred_at,
        contact=_contact(change),
        position=_position(change),
        entity=Entity(kind=kind, id=change.id) if change.id else None,
        data=_order_data(change, kind),
        ignored=_uncreated(change),
    )


def reserve_fact(change: Change, occurred_at: datetime | None) -> Fact:
    """A reservation or banquet as a fact."""
    reason = text(change.body.get("cancelReason"))
    if change.info.get("isDeleted") is True:
        type_ = EventType.APPOINTMENT_CANCELLED
    elif reason is not None:
        type_ = RESERVE_CANCEL_REASONS.get(reason, EventType.APPOINTMENT_CANCELLED)
    else:
        type_ = RESERVE_STATUSES.get(change.status or "", EventType.APPOINTMENT_CHANGED)
    return Fact(
        type=type_,
        key=_key("reserve", change),
        subject=f"appointment:{change.id}" if change.id else None,
        occurred_at=occurred_at,
        contact=_contact(change),
        position=_position(change),
        entity=Entity(kind="reserve", id=change.id) if change.id else None,
        data=filled(
            {
                "status": change.status,
                "cancel_reason": reason,
                "starts_at_local": text(change.body.get("estimatedStartTime")),
                "minutes": number(change.body.get("durationInMinutes")),
                "guests": number(change.body.get("guestsCount")),
                **_error_data(change),
            }
        ),
        ignored=_uncreated(change),
    )


def final_statuses(value: object) -> frozenset[str]:
    """The statuses that finish a visit: the connection's own, or the usual ones."""
    given = [status for status in value if isinstance(status, str)] if isinstance(value, list | tuple) else []
    return frozenset(status.casefold() for status in given or FINAL_STATUSES)


def of_organization(fact: Fact, ours: str | None, *named: object) -> Fact:
    """The fact itself, or its husk when it names another organization than ours."""
    foreign = foreign_organization(ours, *named)
    return (
        fact.of_another(
            N_("it belongs to organization {foreign}, this connection is {ours}").format(
                foreign=foreign[:60], ours=ours
            )
        )
        if foreign
        else fact
    )


def foreign_organization(ours: str | None, *named: object) -> str | None:
    """The first organization named that isn't ours; None when none is, or when we don't know ours."""
    return next((name for name in map(text, named) if ours and name and name.casefold() != ours.casefold()), None)


def _order_type(change: Change, final: frozenset[str]) -> EventType:
    status = change.status or ""
    if change.body.get("isDeleted") is True:
        return EventType.ORDER_CANCELLED
    if status.casefold() in final:
        return EventType.ORDER_COMPLETED
    if status in CANCELLED_STATUSES and not _moved_to(change):
        return EventType.ORDER_CANCELLED
    return EventType.ORDER_CHANGED


def _moved_to(change: Change) -> str | None:
    """Where a "cancelled" order lives on: iiko cancels it here when it is moved to another till."""
    places = ("movedToDeliveryId", "movedToTerminalGroupId", "movedToOrganizationId")
    return next((found for place in places if (found := text(change.body.get(place)))), None)


def _key(what: str, change: Change) -> tuple[str, ...] | None:
    """id + timestamp + status: the same from a webhook, a poll and a re-read (iiko always sends a timestamp)."""
    if change.id is None:
        return None
    moment = next(filter(None, map(text, (change.info.get("timestamp"), *map(change.root.get, MOMENTS)))), "")
    status = change.status or N_("creation {value}").format(value=change.creation or "unknown")
    return (what, change.id, moment, status)


def _position(change: Change) -> int | None:
    """What tells no state (a creation or an edit that the till refused) is never the object's newest one."""
    return change.timestamp if change.status or change.info.get("isDeleted") is True else None


def _uncreated(change: Change) -> str | None:
    """Why there is nothing to act on yet, or None. `order` is null unless creationStatus is Success."""
    if change.creation == "Error" or text(change.root.get("eventType")) in _ERROR_EVENTS:
        code = text(change.error.get("code")) or N_("no code")
        return N_("the till didn't take it: {code}").format(code=code)
    if change.creation == "InProgress" and not change.body:
        return N_("the till hasn't taken it yet")
    return None


def _contact(change: Change) -> Contact | None:
    """The guest. A one-time guest and a phone with an extension are an aggregator's: never messaged."""
    chats = {CHATS[key]: value for key, value in change.external_data().items() if key in CHATS}
    phone, name = change.phone(), change.name()
    if not (phone or name or chats):
        return None
    one_time = section(change.body, "customer").get("type") == "one-time"
    return Contact(
        name=name, phone=phone, chats=chats, proxy=one_time or text(change.body.get("phoneExtension")) is not None
    )


def _order_data(change: Change, kind: str) -> dict[str, JsonValue]:
    body = change.body
    cancel = section(body, "cancelInfo")
    external: dict[str, JsonValue] = {**change.external_data()}
    return filled(
        {
            "kind": kind,
            "status": change.status,
            "number": number(body.get("number")) or text(body.get("number")),
            "external_number": text(change.info.get("externalNumber")),
            "sum": number(body.get("sum")),
            "order_type": text(section(body, "orderType").get("name")),
            "service": text(section(body, "orderType").get("orderServiceType")),
            "source": text(body.get("sourceKey")),
            "cancel_reason": text(section(cancel, "cause").get("name")),
            "moved_to": _moved_to(change),
            "blacklisted": True if section(body, "customer").get("inBlacklist") is True else None,
            "external": external or None,
            **_error_data(change),
        }
    )


def _error_data(change: Change) -> dict[str, JsonValue]:
    return {"error_code": text(change.error.get("code")), "error_message": text(change.error.get("message"))}


def _notice(item: Section, type_: EventType) -> Fact:
    """An event that isn't an order's: told by its correlationId, which names the change."""
    correlation, name = identifier(item.get("correlationId")), text(item.get("eventType")) or ""
    info = section(item, "eventInfo")
    terminals: list[JsonValue] = [
        {"id": group, "full": update.get("isFull") is True}
        for update in sections(info.get("terminalGroupsStopListsUpdates"))
        if (group := text(update.get("id")))
    ]
    return Fact(
        type=type_,
        key=(name, correlation, identifier(info.get("id")) or "") if correlation else None,
        occurred_at=utc_time(item.get("eventTime")),
        data=filled({"event": name or None, "terminals": terminals or None}),
    )


def _order_event(kind: str) -> Callable[[Section, frozenset[str]], Fact]:
    return lambda item, final: order_fact(Change.of_order(item), kind, final, utc_time(item.get("eventTime")))


def _reserve_event(item: Section, final: frozenset[str]) -> Fact:
    return reserve_fact(Change.of_reserve(item), utc_time(item.get("eventTime")))


def _notice_event(type_: EventType) -> Callable[[Section, frozenset[str]], Fact]:
    return lambda item, final: _notice(item, type_)


def _builders() -> Iterable[tuple[str, Callable[[Section, frozenset[str]], Fact]]]:
    for name in ("Update", "Error"):
        yield f"DeliveryOrder{name}", _order_event("delivery")
        yield f"TableOrder{name}", _order_event("table")
        yield f"Reserve{name}", _reserve_event
    for notice, type_ in NOTICES.items():
        yield notice, _notice_event(type_)


_BUILDERS = dict(_builders())
_ERROR_EVENTS = frozenset({"DeliveryOrderError", "TableOrderError", "ReserveError"})

WEBHOOK = IikoWebhook()
