"""The channels by which a review request goes, and how each of them is made to fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from matrix.hub import Connection, Machine, Sent
from matrix.sources import Person
from simulators import exolve, resend, whatsapp

REVIEW_URL = "https://example.org/r/kofe"
TEXT = "{name}, спасибо, что выбрали «{business}»! Оставьте отзыв: {review_url}"
MAIL = "{name}, спасибо за визит в «{business}». Отзыв: {review_url}"
HTML = '<p>{name}, спасибо!</p><a href="{review_url}">{business}</a>'


@dataclass(frozen=True)
class Channel:
    """A messenger's connection, named as its vendor."""

    vendor: str
    reaches: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    sending: str
    """Path of the call that sends, for faults."""
    refuse: Callable[[Machine], Awaitable[None]]
    """Makes it refuse every message for good."""
    receipt: Callable[[Machine, str, bool], Awaitable[None]]
    """Lets it say whether a message, by its id, has arrived or never will."""
    down: Callable[[Machine, bool], Awaitable[None]]
    """Makes it answer "not now" to everything, or puts an end to that."""
    flow: Mapping[str, Any] = field(default_factory=dict)
    """What the flow holds for it."""
    proves_little: bool = False
    """That it took a message proves little: it needs a deadline and a channel after it."""

    def connection(self) -> Connection:
        return Connection(self.vendor, self.settings, self.secrets)

    def address(self, person: Person | None) -> str | None:
        """Where the person gets it."""
        if person is None:
            return None
        return person.email if self.reaches == "email" else person.phone

    def expected(self, person: Person) -> Sent:
        """The one message, filled in."""
        name, business = person.name, "Кофейня"
        hello = f"{name}, спасибо" if name else "Спасибо"
        text = {
            "resend": f"{hello} за визит в «{business}». Отзыв: {REVIEW_URL}",
            "whatsapp": f"review_request/ru: {name or 'гость'}",
        }.get(self.vendor, f"{hello}, что выбрали «{business}»! Оставьте отзыв: {REVIEW_URL}")
        address = self.address(person)
        assert address is not None
        return Sent(self.vendor, address, text)


async def _answers(vendor: str, path: str, status: int, machine: Machine, down: bool) -> None:
    """A scripted answer to every call of a path, while it is down."""
    machine.vendors.of(vendor).faults.clear()
    if down:
        machine.vendors.fault(vendor, kind="answer", path=path, status=status, times=-1)


# sms.ru


async def _smsru_refuses(machine: Machine) -> None:
    await machine.tell("smsru", "account", {"refusals": {"*": 202}})


async def _smsru_receipt(machine: Machine, id_: str, arrived: bool) -> None:
    await machine.tell("smsru", "account", {"callbacks": [await machine.hook("smsru")]})
    receipts = {"ids": [id_], "code": 103 if arrived else 104}
    assert await machine.tell("smsru", "receipts", receipts) == {"statuses": [200]}


async def _smsru_down(machine: Machine, down: bool) -> None:
    await machine.tell("smsru", "account", {"outer": 220 if down else None})


SMSRU = Channel(
    "smsru", "phone", {"sender": "KOFE"}, {"api_id": "c0ffee-api-id-for-tests"}, "/sms/send", _smsru_refuses,
    _smsru_receipt, _smsru_down,
)  # fmt: skip


# Exolve


async def _exolve_refuses(machine: Machine) -> None:
    await machine.tell("exolve", "settings", {"refusals": {"*": "destination is not permitted for delivery"}})


async def _exolve_receipt(machine: Machine, id_: str, arrived: bool) -> None:
    event = {"id": id_, "delivery": "DELIVERED" if arrived else "FAILED", "hook": await machine.hook("exolve")}
    assert await machine.tell("exolve", "event", event) == {"sent": [200]}


EXOLVE = Channel(
    "exolve", "phone", {"sender": "KOFE"}, {"api_key": exolve.KEY}, "/messaging/v1/SendSMS", _exolve_refuses,
    _exolve_receipt, partial(_answers, "exolve", "/messaging/v1/SendSMS", 429),
)  # fmt: skip


# Resend


async def _resend_refuses(machine: Machine) -> None:
    fault = {"kind": "answer", "path": "/emails", "times": -1, "status": 422}
    await machine.tell("resend", "faults", {**fault, "body": {"name": "validation_error", "message": "Invalid `to`."}})


async def _resend_receipt(machine: Machine, id_: str, arrived: bool) -> None:
    event = {"id": id_, "event": "delivered" if arrived else "bounced", "hook": await machine.hook("resend")}
    assert await machine.tell("resend", "event", event) == {"sent": [200]}


RESEND = Channel(
    "resend", "email", {"sender": "Кофейня <noreply@example.com>"},
    {"api_key": resend.KEY, "signing_secret": resend.SECRET}, "/emails", _resend_refuses, _resend_receipt,
    partial(_answers, "resend", "/emails", 503),
    {"texts": {"resend": MAIL}, "subject": "Как вам {business}?", "html": HTML},
)  # fmt: skip


# WhatsApp


async def _whatsapp_refuses(machine: Machine) -> None:
    await machine.tell("whatsapp", "settings", {"refusals": {"*": 131026}})


async def _whatsapp_receipt(machine: Machine, id_: str, arrived: bool) -> None:
    status = {"status": "delivered"} if arrived else {"status": "failed", "code": 131026}
    told = {"id": id_, **status, "hook": await machine.hook("whatsapp")}
    assert await machine.tell("whatsapp", "status", told) == {"sent": [200]}


async def _whatsapp_down(machine: Machine, down: bool) -> None:
    await machine.tell("whatsapp", "settings", {"refusals": {"*": 130429} if down else {}})


WHATSAPP = Channel(
    "whatsapp", "phone", {"phone_number_id": whatsapp.NUMBER},
    {"access_token": whatsapp.TOKEN, "app_secret": whatsapp.APP_SECRET}, "*/messages", _whatsapp_refuses,
    _whatsapp_receipt, _whatsapp_down,
    {"template": {"name": "review_request", "language": "ru", "parameters": ["{name|гость}"]}},
    proves_little=True,
)  # fmt: skip

CHANNELS = (SMSRU, EXOLVE, RESEND, WHATSAPP)
LAST = (SMSRU, EXOLVE, RESEND)
"""Those that a flow may end with."""


def review_request(*via: Channel, **settings: Any) -> dict[str, Any]:
    """The flow through these channels, the preferred one first."""
    own = {name: value for channel in via for name, value in channel.flow.items()}
    if any(channel.proves_little for channel in via):
        own["fallback_after"] = "12h"
    return {
        "flow": "review_request", "from": ["source"], "via": [channel.vendor for channel in via], "text": TEXT,
        "review_url": REVIEW_URL, **own, **settings,
    }  # fmt: skip
