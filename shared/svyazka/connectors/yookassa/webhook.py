"""The way in from ЮKassa. Pure, and light to import.

Nothing is signed: a notification only says which payment is to be read, and only what is read then counts. The key in
our address keeps strangers from having us read; ЮKassa's addresses can be demanded besides.
"""

from __future__ import annotations

import ipaddress
import re

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import Section, json_of, section, text, zoned_time
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import Entity, EventType, Fact, Unreadable

OF_PAYMENTS = frozenset({"payment.waiting_for_capture", "payment.succeeded", "payment.canceled"})
OF_REFUNDS = frozenset({"refund.succeeded"})

NETWORKS = (
    "185.71.76.0/27", "185.71.77.0/27", "77.75.153.0/25", "77.75.154.128/25", "77.75.156.11/32", "77.75.156.35/32",
    "2a02:5180::/32",
)  # fmt: skip
"""Where notifications come from: yookassa.ru/developers, «Входящие уведомления»."""

_ID = re.compile(r"[0-9A-Za-z-]+", re.ASCII)
_OUR_NUMBER = re.compile(r"p[0-9a-f]{24}-\d{1,3}(?:-r\d{1,3})?", re.ASCII)


class YookassaWebhook(Webhook):
    """What ЮKassa tells of payments and refunds."""

    vendor = "yookassa"
    public_settings = ("only_their_addresses",)
    # Whatever isn't 200 comes again, for a day.
    tolerates_400 = False
    budget = 6.0

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        if not inbound.public.get("only_their_addresses") or _is_theirs(request.header("x-forwarded-for")):
            return None
        return N_("it doesn't come from an address of YooKassa's")

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """One notification: an event's name and the object."""
        told = json_of(request.body, request.header("content-type"))
        if not isinstance(told, dict):
            raise NotTheFormat(N_("expected an object, got {found}").format(found=type(told).__name__))
        return [_item(told)]


def _item(told: Section) -> Fact | Unreadable:
    event, thing = text(told.get("event"), 60), section(told.get("object"))
    id_ = text(thing.get("id"), 64)
    if event is None or id_ is None:
        return Unreadable(reason=N_("expected `event` and `object.id`"))
    payment = text(thing.get("payment_id"), 64) if event in OF_REFUNDS else id_ if event in OF_PAYMENTS else None
    if payment is None:
        words = N_("YooKassa tells of {event}: nothing here acts on it").format(event=event)
        return Fact(type=EventType.OTHER, key=(event, id_), subject=f"{event}:{id_}", ignored=words)
    number = text(section(thing.get("metadata")).get("svyazka"), 64)
    ours = number if number is not None and _OUR_NUMBER.fullmatch(number) else None
    refunded = event in OF_REFUNDS and _ID.fullmatch(id_) is not None
    return Fact(
        type=EventType.PAYMENT_CHANGED, key=(event, id_), subject=f"payment:{payment}",
        occurred_at=zoned_time(thing.get("captured_at") or thing.get("created_at")),
        entity=Entity(kind="payment", id=payment),
        data={"told": event, **({"number": ours} if ours else {}), **({"refund": id_} if refunded else {})},
    )  # fmt: skip


def _is_theirs(forwarded: str | None) -> bool:
    """Whether the call came from them: by the last address that the front end itself has written."""
    try:
        address = ipaddress.ip_address((forwarded or "").rpartition(",")[2].strip())
    except ValueError:
        return False
    networks = (ipaddress.ip_network(one) for one in NETWORKS)
    return any(address in network for network in networks if network.version == address.version)


WEBHOOK = YookassaWebhook()
