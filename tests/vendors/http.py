"""Any other system, as the tests know it: what it sends by the settings of a connection, and what it takes."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

from simulators import http
from simulators.serve import Running
from svyazka.model.commands import Repeat
from vendors.parts import (
    NAME,
    Forwarder,
    Guest,
    Hooks,
    Proof,
    Source,
    Vendor,
    Webhook,
    json_hook,
)

KEY = "http-hmac-key-for-tests"
SHOP: dict[str, Any] = {
    "items": "orders",
    "type": "state",
    "types": {"paid": "order.completed", "new": "order.created"},
    "subject": "id",
    "key": ["id", "changed"],
    "occurred_at": "changed",
    "contact": {"name": "buyer.name", "phone": "buyer.tel", "email": "buyer.mail", "chats": {"telegram": "buyer.tg"}},
    "fields": {"number": "no", "sum": "sum(lines[].price)", "first": "lines[0]", "none": "nothing"},
}
ORDER = {
    "id": 7, "no": "A-7", "state": "paid", "changed": "2026-03-14T18:53:01+03:00",
    "buyer": {"name": "Анна", "tel": "8 999 123-45-67", "mail": "anna@example.ru", "tg": 12345},
    "lines": [{"price": 100}, {"price": 50.5}],
}  # fmt: skip
SIGNED = {"auth": {"by": "hmac", "header": "X-Signature"}}


def _signed(body: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    return {"x-signature": hmac.digest(secrets["inbound_secret"].encode(), body, "sha256").hex()}


HOOKS = Hooks(
    bodies=({"orders": [ORDER]}, {"type": "lead.created", "timestamp": "2022-11-03T20:26:10.344522Z", "data": {}}),
    public=(
        {**SHOP, **SIGNED}, SIGNED, {**SIGNED, "type": "lead.created", "fields": {"all": "@"}, "key": "id"},
    ),
    proof=Proof(secrets={"inbound_secret": KEY}, headers=_signed),
    may_be_empty=True,
)  # fmt: skip


def told_by(event: str, guest: Guest) -> Webhook:
    """What the other system sends of this guest; each event is of a subject of its own."""
    about = {"name": NAME, "phone": guest.phone, "email": guest.email, "chat": guest.chat}
    hook = json_hook({"event": event, "order": {"id": f"{event}-{guest.number}", **about}})
    return Webhook(hook.body, {**hook.headers, "X-Signature": _signed(hook.body, SOURCE.secrets)["x-signature"]})


def _sold(running: Running, guest: Guest) -> Webhook:
    return told_by("sold", guest)


SOURCE = Source(
    "http",
    {
        **SIGNED, "type": "event", "types": {"sold": "order.completed"}, "subject": "order.id", "key": "order.id",
        "contact": {
            "name": "order.name", "phone": "order.phone", "email": "order.email",
            "chats": {"telegram": "order.chat", "max": "order.chat"},
        },
    },
    {"inbound_secret": KEY},
    webhook=_sold,
    tells=frozenset({"phone", "email", "telegram", "max"}),
)  # fmt: skip


def _taken(running: Running) -> list[tuple[str, Any]]:
    """A receiver of Standard Webhooks tells a repeat by its id: only what it hadn't seen counts."""
    bodies = [json.loads(effect["body"]) for effect in running.of("http").effects if effect["kind"] == "message"]
    return [(body["type"], body["data"]) for body in bodies]


VENDOR = Vendor(
    name="http",
    hooks=HOOKS,
    source=SOURCE,
    forwarder=Forwarder(
        "http",
        {"url": "/orders"},
        {"outbound_secret": http.SECRET},
        repeat=Repeat.IDEMPOTENT,
        taken=_taken,
        sending="/orders",
        by_status=True,
    ),
)
