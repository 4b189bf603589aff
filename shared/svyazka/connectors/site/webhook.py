"""What a call of the front door means in our words. Pure, and light to import.

Who may call, how often, and what is answered is the front door's (`svyazka/door`): it proves a call and hands it on in
an envelope, which no address of ours takes from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from pydantic import JsonValue, ValidationError

from svyazka.catalogue import N_
from svyazka.connectors.site.schema import (
    BODIES,
    Body,
    Booking,
    Envelope,
    Happening,
    Item,
    Lead,
    Order,
    Payment,
    Recurring,
    Refund,
)
from svyazka.engine.contracts.untrusted import filled, text, zoned_time
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact, Unreadable

DECIDED_BY_THE_BUSINESS = frozenset({
    "price", "sum", "amount", "total", "paid", "stage", "status", "pipeline", "responsible", "discount", "balance",
    "bonus",
})  # fmt: skip
"""Fields that a browser may not set, whatever it sends: only the site's back end says such things."""

TOLD_BY_SERVERS = frozenset(
    one.value for one in EventType if one.value.partition(".")[0] in ("order", "appointment", "lead")
) | {EventType.CONTACT_CREATED.value, EventType.CONTACT_CHANGED.value}
"""Types of ours that a back end may tell of by name; any other name is an activity of its own."""


class SiteWebhook(Webhook):
    """Calls of a business's own site, bot or app."""

    vendor = "site"
    public_settings = (
        "origins", "frames", "bot", "calendar", "codes", "limits", "daily_codes", "code_countries", "honeypot",
        "min_fill", "quick_goes_on_after",
    )  # fmt: skip

    heard = (EventType.SUBSCRIPTION_CANCEL_REQUESTED,)

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one call that an envelope holds."""
        try:
            envelope = Envelope.model_validate_json(request.body)
            if envelope.call in WRITTEN_BY_US:
                return [WRITTEN_BY_US[envelope.call](envelope)]
            body = BODIES[envelope.call].model_validate(envelope.body)
        except ValidationError:
            raise NotTheFormat(N_("expected a call of the front door")) from None
        return [_fact(envelope, body)]


def _fact(envelope: Envelope, body: Body) -> Fact:
    trusted = envelope.by == "server"
    fact: Fact = READERS[envelope.call](body, trusted)
    data = {**_common(body, trusted), "by": envelope.by, **fact.data}
    if envelope.test:
        data["test"] = True
    return fact.model_copy(
        update={
            "key": (envelope.call, envelope.named),
            "within": timedelta(seconds=envelope.within),
            "contact": contact_of(body),
            "data": data,
            "held": envelope.held,
            "held_for": timedelta(seconds=envelope.held_for) if envelope.held_for is not None else None,
            "ignored": envelope.ignored,
        }
    )


def contact_of(body: Body) -> Contact | None:
    """The person, as written."""
    chats = {body.chat.vendor: body.chat.id} if body.chat else {}
    if not (body.name or body.phone or body.email or chats):
        return None
    return Contact(name=body.name or None, phone=body.phone or None, email=body.email or None, chats=chats)


def _common(body: Body, trusted: bool) -> dict[str, JsonValue]:
    fields = {
        name: value
        for name, value in body.fields.items()
        if trusted or name.strip().lower() not in DECIDED_BY_THE_BUSINESS
    }
    utm, consent = body.utm and _plain(body.utm), body.consent and _plain(body.consent)
    found: dict[str, JsonValue] = {
        "text": body.text or None, "source": body.source or None, "start": body.start or None,
        "page": body.page or None, "utm": utm or None, "consent": consent or None, "fields": dict(fields) or None,
    }  # fmt: skip
    return filled(found)


def _plain(part: object) -> dict[str, JsonValue]:
    return {name: value for name, value in dict(part).items() if value}  # type: ignore[call-overload]


def _items(items: tuple[Item, ...], trusted: bool) -> list[JsonValue]:
    return [
        filled({
            "sku": item.sku or None,
            "name": item.name or None,
            "quantity": _number(item.quantity),
            "price": str(item.price) if trusted and item.price is not None else None,
        })
        for item in items
    ]  # fmt: skip


def _number(value: Decimal | None) -> JsonValue:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _total(items: tuple[Item, ...], said: Decimal | None, trusted: bool) -> str | None:
    """What it costs: as said, or the sum of its lines. Never by a browser's word."""
    if not trusted:
        return None
    if said is not None:
        return str(said)
    if not items or any(item.price is None for item in items):
        return None
    return str(sum((item.price or 0) * (item.quantity or 1) for item in items).quantize(Decimal("0.01")))  # type: ignore[union-attr]


def _lead(body: Lead, trusted: bool) -> Fact:
    data = filled({"items": _items(body.items, trusted) or None, "price": _total(body.items, body.price, trusted)})
    return Fact(type=EventType.LEAD_CREATED, data=data)


def _message(body: Body, trusted: bool) -> Fact:
    return Fact(type=EventType.MESSAGE_RECEIVED)


def _order(body: Order, trusted: bool) -> Fact:
    data = filled({
        "number": body.number,
        "items": _items(body.items, trusted) or None,
        "sum": _total(body.items, body.sum, trusted),
    })  # fmt: skip
    # A stranger's number must not act on the order of that number: what a browser sends is a fact of its own.
    subject = f"order:{body.number}" if trusted else None
    return Fact(type=EventType(f"order.{body.status if trusted else 'created'}"), subject=subject, data=data)


def _happening(body: Happening, trusted: bool) -> Fact:
    known = body.type in TOLD_BY_SERVERS
    noun = body.type.partition(".")[0]
    return Fact(
        type=EventType(body.type) if known else EventType.ACTIVITY_RECORDED,
        subject=f"{noun}:{body.subject}" if known and body.subject else None,
        occurred_at=zoned_time(body.at),
        data=filled({"activity": None if known else body.type, "number": body.subject}),
    )


def _booking(body: Booking, trusted: bool) -> Fact:
    data = filled({
        "service": body.service, "staff": body.staff, "starts_at": body.starts_at, "comment": body.comment or None,
        "code": body.code,
    })  # fmt: skip
    return Fact(type=EventType.BOOKING_REQUESTED, data=data)


def _payment(body: Payment, trusted: bool) -> Fact:
    """What a browser says of the amount is only compared with what the order is known to cost."""
    data = filled({
        "order": body.order, "subscription": body.subscription, "part": body.part or None,
        "currency": body.currency, "inn": body.inn,
        "amount" if trusted else "shown": f"{body.amount:.2f}" if body.amount is not None else None,
        "return_url": body.return_url, "container": body.container,
        "items": _items(body.items, trusted) or None, "save_card": (trusted and body.save_card) or None,
        "split": {name: f"{one:.2f}" for name, one in body.split.items()} if trusted and body.split else None,
        "recurring": _again_and_again(body.recurring) if trusted else None,
    })  # fmt: skip
    return Fact(type=EventType.PAYMENT_REQUESTED, data=data)


def _again_and_again(said: Recurring | None) -> dict[str, JsonValue] | None:
    if said is None:
        return None
    return filled({"every": said.every, "amount": f"{said.amount:.2f}" if said.amount is not None else None})


def _refund(body: Refund, trusted: bool) -> Fact:
    data = filled({"payment": body.payment, "amount": f"{body.amount:.2f}" if body.amount is not None else None})
    return Fact(type=EventType.REFUND_REQUESTED, data=data)


def _code(envelope: Envelope) -> Fact:
    """A code to be sent by the tenant's own flow; one that a limit forbids is kept too, and goes nowhere."""
    body: Mapping[str, str] = envelope.body
    return Fact(
        type=EventType.SEND_REQUESTED,
        key=("code", envelope.named),
        contact=Contact(phone=body.get("phone")),
        data={"flow": body.get("flow"), "code": body.get("code")},
        ignored=envelope.ignored,
    )


def _calendars_code(envelope: Envelope) -> Fact:
    """A calendar is to send its own code; kept as the other is where a limit forbids it."""
    said = envelope.body
    return Fact(
        type=EventType.BOOKING_CODE_REQUESTED,
        key=("booking_code", envelope.named),
        contact=Contact(name=text(said.get("name")), phone=text(said.get("phone"))),
        data={"by": envelope.by},
        ignored=envelope.ignored,
    )


def _change(envelope: Envelope) -> Fact:
    """A booking is to be moved or cancelled: an event of the same subject as the booking's own."""
    said = envelope.body
    types = {"booking_move": EventType.BOOKING_MOVE_REQUESTED, "booking_cancel": EventType.BOOKING_CANCEL_REQUESTED}
    data = filled({name: text(said.get(name)) for name in ("booking", "visit", "starts_at")})
    return Fact(
        type=types[envelope.call],
        key=(envelope.call, envelope.named),
        within=timedelta(seconds=envelope.within),
        subject=text(said.get("subject")),
        data={**data, "by": envelope.by},
    )


def _unsubscribed(envelope: Envelope) -> Fact:
    """A subscription is to end, by the word of whoever holds its id."""
    id_ = text(envelope.body.get("subscription")) or ""
    return Fact(
        type=EventType.SUBSCRIPTION_CANCEL_REQUESTED, key=("subscription_cancel", envelope.named),
        within=timedelta(seconds=envelope.within), subject=f"subscription:{id_}",
        data={"subscription": id_, "by": envelope.by},
    )  # fmt: skip


WRITTEN_BY_US: dict[str, Callable[[Envelope], Fact]] = {
    "code": _code, "booking_code": _calendars_code, "booking_move": _change, "booking_cancel": _change,
    "subscription_cancel": _unsubscribed,
}  # fmt: skip
"""Calls whose bodies the front door makes itself."""

READERS: dict[str, Callable[..., Fact]] = {
    "lead": _lead, "message": _message, "order": _order, "event": _happening, "booking": _booking,
    "payment": _payment, "refund": _refund,
}  # fmt: skip

WEBHOOK = SiteWebhook()
