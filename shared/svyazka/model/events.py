"""Events: something that happened at a vendor, in our own words, immutable."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import JsonValue, field_validator

from svyazka.model.base import Frozen, Stored, Time, plausible
from svyazka.model.consent import Consent
from svyazka.model.contacts import Contact


class EventType(StrEnum):
    """Canonical types. Add in this style, never per vendor."""

    ORDER_CREATED = "order.created"
    ORDER_CHANGED = "order.changed"
    ORDER_COMPLETED = "order.completed"
    ORDER_CANCELLED = "order.cancelled"
    APPOINTMENT_BOOKED = "appointment.booked"
    APPOINTMENT_CHANGED = "appointment.changed"
    APPOINTMENT_CONFIRMED = "appointment.confirmed"
    APPOINTMENT_CANCELLED = "appointment.cancelled"
    APPOINTMENT_COMPLETED = "appointment.completed"
    APPOINTMENT_MISSED = "appointment.missed"
    LEAD_CREATED = "lead.created"
    DEAL_CREATED = "deal.created"
    DEAL_CHANGED = "deal.changed"
    DEAL_WON = "deal.won"
    DEAL_LOST = "deal.lost"
    CONTACT_CREATED = "contact.created"
    CONTACT_CHANGED = "contact.changed"
    CONTACT_DELETED = "contact.deleted"
    CONTACT_MERGED = "contact.merged"
    PAYMENT_REQUESTED = "payment.requested"
    """Somebody is about to pay for an order and wants a link."""
    PAYMENT_CHANGED = "payment.changed"
    """A provider says: look at this payment. What became of it is read."""
    REFUND_REQUESTED = "refund.requested"
    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_REFUNDED = "payment.refunded"
    SUBSCRIPTION_CANCEL_REQUESTED = "subscription.cancel_requested"
    SUBSCRIPTION_CARD_NEEDED = "subscription.card_needed"
    """Its payer's saved method brings no money: another is needed."""
    SUBSCRIPTION_STOPPED = "subscription.stopped"
    """A period wasn't paid: nobody is charged any more."""
    SUBSCRIPTION_CANCELLED = "subscription.cancelled"
    RECEIPT_CHANGED = "receipt.changed"
    """Its fiscaliser says that something has become of a fiscal receipt; only its report says what."""
    RECEIPT_REGISTERED = "receipt.registered"
    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_READ = "message.read"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_RECEIVED = "message.received"
    STOCK_CHANGED = "stock.changed"
    CATALOG_CHANGED = "catalog.changed"
    INVOICE_PAID = "invoice.paid"
    INVOICE_CANCELLED = "invoice.cancelled"
    ENROLMENT_CREATED = "enrolment.created"
    ENROLMENT_CHANGED = "enrolment.changed"
    BOOKING_REQUESTED = "booking.requested"
    """Somebody wants a visit: the calendar hasn't said yes yet."""
    BOOKING_MOVE_REQUESTED = "booking.move_requested"
    BOOKING_CANCEL_REQUESTED = "booking.cancel_requested"
    BOOKING_CODE_REQUESTED = "booking.code_requested"
    """The calendar wants phones confirmed: its own message with a code shall go to this one."""
    ACTIVITY_RECORDED = "activity.recorded"
    """What somebody did in an app or on a site, by the name that its makers gave it (`data["activity"]`)."""
    CONNECTION_DISABLED = "connection.disabled"
    CONNECTION_ENABLED = "connection.enabled"
    OTHER = "other"
    """Authentic, of no known type: kept, ignored, its reason says what the vendor called it."""
    SEND_REQUESTED = "message.requested"
    """Somebody asked for one message (`svyazka send`, a code, an alert)."""


class ReceiptState(StrEnum):
    """What the vendor says became of a message. Moves forward only, in this order."""

    NONE = "none"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"


RECEIPT_RANK = {
    ReceiptState.NONE: 0,
    ReceiptState.SENT: 1,
    ReceiptState.UNDELIVERED: 2,
    ReceiptState.DELIVERED: 3,
    ReceiptState.READ: 4,
}
"""A receipt replaces one of lower rank. `delivered` outranks `undelivered`: proof beats supposition."""

EVENT_OF_RECEIPT = {
    ReceiptState.SENT: EventType.MESSAGE_SENT,
    ReceiptState.DELIVERED: EventType.MESSAGE_DELIVERED,
    ReceiptState.READ: EventType.MESSAGE_READ,
    ReceiptState.UNDELIVERED: EventType.MESSAGE_FAILED,
}
"""The event that a receipt is told as."""


class Receipt(Stored):
    """A vendor's word on one message of ours, named by the vendor's id and, where it has one, our key."""

    state: ReceiptState
    external_id: str | None = None
    key: str | None = None
    code: str | None = None
    message: str | None = None
    opt_out: bool = False
    """The person complained, unsubscribed or answered STOP."""
    last_word: bool = False
    """It holds whatever was told before or comes later: a letter that bounces after its server had taken it."""


class Entity(Stored):
    """The vendor's object that an event is about, for reading it again: kind and id in the vendor's words."""

    kind: str
    id: str


class Change(StrEnum):
    """What an event says has become of an object."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"
    MERGED = "merged"
    """Into another one, where its vendor says so; most say that it was deleted."""


class Hint(Stored):
    """An object that an event is about: "look at it". What has become of it is read, never believed."""

    kind: str
    """A `records.RecordKind`; a webhook function needn't load them."""
    id: str
    change: Change = Change.UPDATED
    into: str | None = None
    """Merged: the object that is left."""
    shown: dict[str, JsonValue] = {}
    """What the event's body shows of it by canonical name (null: nothing stands there), if it shows anything. It tells
    our own change that comes back, and is never written anywhere."""

    def blanked(self) -> Hint:
        """Without what it shows."""
        return self.model_copy(update={"shown": {}})


FLOOD, QUICK = "flood", "min_fill"
"""Why an event is held: one of far too many brought it, or a form that was filled in faster than fingers do it."""

HELD = frozenset({FLOOD, QUICK})

FOREIGN = "foreign"
"""In `data` of what is another business's. A mistyped id makes everything foreign: somebody is told."""


class Fact(Frozen):
    """What `parse` makes of one item of a vendor's request: pure, not yet anybody's event.

    `key` is the natural key: only fields that are present on *every* path by which the connector can
    learn of the fact. None when the item has nothing to tell it by: a hash of the body then serves,
    within a window, and the event is marked weak. `ignored` says why it is of no interest; where that is for
    want of a setting (a status that nobody has explained), `data["unexplained"]` holds the vendor's word.
    """

    type: EventType
    key: tuple[str, ...] | None = None
    subject: str | None = None
    occurred_at: Time | None = None
    contact: Contact | None = None
    position: int | None = None
    """Orders events of one subject, where the vendor numbers them; never compared across subjects."""
    entity: Entity | None = None
    about: tuple[Hint, ...] = ()
    """Objects that are kept in step with other systems: see `engine/in_step`."""
    data: dict[str, JsonValue] = {}
    receipt: Receipt | None = None
    consent: Consent | None = None
    """The contact's own word on being written to: the do-not-contact list follows it."""
    partial: bool = False
    """The item names an object and tells its state in part, or not at all: the object is read again, and what
    is found is journaled as a fact of its own. Its own word counts only where nothing can be read."""
    ignored: str | None = None
    held: str | None = None
    """Why it waits in quarantine for an operator's word, though it was understood: one of `HELD`."""
    held_for: timedelta | None = None
    """So long it is held; then it goes on by itself. None: until somebody says so."""
    within: timedelta | None = None
    """The key names it for so long only: a caller's own Idempotency-Key, said again a year later, is another fact."""

    @field_validator("occurred_at")
    @classmethod
    def _plausible(cls, moment: datetime | None) -> datetime | None:
        return plausible(moment)

    def of_another(self, why: str) -> Fact:
        """What is kept of it when it is about another business than the connection's: a husk that nothing acts on.

        The husk has an identity of its own, so that the real fact isn't taken for a repeat once a wrong setting
        has been put right, and holds nothing of a person who isn't this business's client.
        """
        key = ("foreign", *self.key) if self.key else None
        return Fact(type=self.type, key=key, occurred_at=self.occurred_at, data={FOREIGN: True}, ignored=why)

    @property
    def is_foreign(self) -> bool:
        """Whether it is such a husk."""
        return self.ignored is not None and self.data.get(FOREIGN) is True


class Unreadable(Frozen):
    """An authentic item that couldn't be understood: quarantined with its reason, its bytes kept."""

    reason: str
    key: tuple[str, ...] | None = None


Origin = Literal["webhook", "poll", "import", "salvage", "operator", "engine"]


class Event(Stored):
    """A fact with its owner and its identity."""

    id: str
    tenant: str
    connection: str
    vendor: str
    type: EventType
    subject: str
    identity: Literal["strong", "weak"]
    origin: Origin
    received_at: Time
    occurred_at: Time | None = None
    contact: Contact | None = None
    position: int | None = None
    entity: Entity | None = None
    about: tuple[Hint, ...] = ()
    data: dict[str, JsonValue] = {}
    receipt: Receipt | None = None
    consent: Consent | None = None
    partial: bool = False

    def blanked(self) -> Event:
        """Without what it tells of people."""
        about = tuple(hint.blanked() for hint in self.about)
        return self.model_copy(update={"contact": None, "data": {}, "about": about})


class EventStatus(StrEnum):
    """Where an event stands in the journal."""

    ACCEPTED = "accepted"
    PLANNED = "planned"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


class StoredRequest(Stored):
    """A vendor's request as the journal keeps it: without keys, the body untouched."""

    method: str
    path: str
    content_type: str | None = None
    body: str
    encoding: Literal["utf-8", "base64"] = "utf-8"

    @classmethod
    def of(cls, method: str, path: str, content_type: str | None, body: bytes) -> StoredRequest:
        """Text stays readable; what isn't UTF-8 is kept as base64."""
        try:
            return cls(method=method, path=path, content_type=content_type, body=body.decode())
        except UnicodeDecodeError:
            text = base64.b64encode(body).decode()
            return cls(method=method, path=path, content_type=content_type, body=text, encoding="base64")

    def bytes(self) -> bytes:
        """The body as it came."""
        return base64.b64decode(self.body) if self.encoding == "base64" else self.body.encode()


class RawRecord(Stored):
    """A request that held several events, or none that could be read: stored once for all of them."""

    id: str
    tenant: str
    connection: str
    vendor: str
    status: Literal["kept", "quarantined"]
    reason: str | None = None
    received_at: Time
    request: StoredRequest | None = None
    people: tuple[str, ...] = ()
    blank_at: Time | None = None
    expire_at: Time | None = None


class EventRecord(Stored):
    """An event in the journal: the immutable event and what became of it."""

    event: Event
    status: EventStatus
    reason: str | None = None
    deliveries: tuple[str, ...] = ()
    request: StoredRequest | None = None
    """The raw request, where this event was all that it held."""
    raw: str | None = None
    """Id of the raw request's own document otherwise."""
    people: tuple[str, ...] = ()
    """Keyed hashes of every phone and e-mail in the raw request, for `forget`."""
    plan_attempts: int = 0
    wake_at: Time | None = None
    wake_step: int = 0
    goes_on_at: Time | None = None
    """When what is held goes on by itself; None: when somebody says so."""
    blank_at: Time | None = None
    expire_at: Time | None = None

    @property
    def is_held(self) -> bool:
        """Whether it is in quarantine though it was understood: it waits for somebody's word."""
        return self.status is EventStatus.QUARANTINED and self.reason in HELD
