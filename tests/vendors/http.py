"""Any other system, as the tests know it: what it sends by the settings of a connection, and what it takes."""

from __future__ import annotations

import hmac
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from simulators.http import SECRET
from simulators.http.endpoint import TOKEN
from simulators.serve import Running
from svyazka.connectors.http.records import HttpRecords
from svyazka.connectors.http.settings import HttpSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Repeat
from svyazka.model.records import RecordKind
from vendors.parts.asking import Asked, Question
from vendors.parts.base import NAME, UNHURRIED, Guest, Webhook, json_hook, told
from vendors.parts.crms import Crm
from vendors.parts.hooks import Hooks, Proof, Source
from vendors.parts.messengers import Forwarder
from vendors.parts.vendor import Vendor

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
    modules=frozenset({"facts"}),
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


# A business's own system

RATE = 12
"""Calls in any second: a little more than we make, for what leaves evenly arrives a little unevenly."""


def _person(running: Running, given: Mapping[str, Any]) -> str:
    fields = {
        "name": given["name"],
        "phone": given["phones"],
        "email": given["emails"],
        "comment": given.get("comment"),
    }
    return str(told(running, lambda: running.of("http").system.add("contact", fields)["id"]))


WRITTEN = {"card_created": "create", "card_changed": "update", "card_linked": "link"}


def _done(running: Running) -> Counter[str]:
    effects = running.of("http").effects
    return Counter(f"{WRITTEN[one['kind']]} {one['what']}" for one in effects if one["kind"] in WRITTEN)


def _theirs(kind: RecordKind, ours: Mapping[str, Any]) -> dict[str, Any]:
    return {name: [value] if name == "phone" else value for name, value in ours.items()}


def _save(running: Running, kind: RecordKind, id_: str, ours: Mapping[str, Any]) -> None:
    told(running, lambda: running.of("http").system.change(kind.value, id_, _theirs(kind, ours)))


def _hurry(running: Running) -> None:
    running.of("http").most = RATE


def _says(case: Case) -> Iterable[tuple[int, object]]:
    return [(case.status or 400, {"error": "no"})]


CRM = Crm(
    "http",
    {"records": {"url": "/system", "kinds": ["contact", "company"], "search": ["mark", "phone", "email", "name"]},
     **UNHURRIED},
    {"authorization": f"Bearer {TOKEN}"},
    open=lambda running: None,
    person=_person,
    done=_done,
    lag=lambda running, seconds: setattr(running.of("http").system, "lag", seconds),
    hide=lambda running, kind, name: running.of("http").system.hidden.add(name),
    remove=lambda running, kind, id_: told(running, lambda: running.of("http").system.delete(kind.value, id_)),
    save=_save,
    between=lambda running, kind, ours: running.of("http").system.between.append((kind.value, _theirs(kind, ours))),
    deaf=lambda running, kind, name: running.of("http").system.deaf.add(name),
    cut=lambda running, kind, name, most: running.of("http").system.cuts.update({name: most}),
    unsee=lambda running, kind, id_: running.of("http").system.unseen.add(id_),
    tell=lambda running, url: running.of("http").hooks.append(url),
    writes={"contact": ("POST", "/system/contact"), "company": ("POST", "/system/company")},
    reads=("GET", "/system/contact"),
    fields={
        RecordKind.CONTACT: {
            "name": "Анна Петрова", "phone": ("+79991234567", "+74951234567"), "email": ("anna@example.test",),
            "birthday": "1990-02-28", "consent": True, "tags": ("клиент", "сайт"), "telegram": "5550077",
        },
        RecordKind.COMPANY: {"name": "ООО Ромашка", "phone": ("+74951234567",), "inn": "7701234567"},
    },
    optional={RecordKind.CONTACT: "telegram", RecordKind.COMPANY: "inn"},
    batch=50,
    page=100,
    says=_says,
)  # fmt: skip

# What it tells when it is asked


async def _ask(call: Call[HttpSettings]) -> object:
    return await HttpRecords().page(RecordKind.CONTACT, None, call)


def _begin(running: Running, now: datetime) -> None:
    running.of("http").ahead = now.timestamp() - time.time()


def _renamed(running: Running, now: datetime) -> Sequence[Webhook]:
    """A card is made, and changed a moment later; the webhook that would tell of the change."""
    sink = running.of("http")
    sink.ahead = now.timestamp() - time.time()
    card = sink.system.add("contact", {"name": "Анна"})
    sink.ahead += 1
    sink.system.change("contact", card["id"], {"name": "Анна Петрова"})
    about = {"kind": "contact", "id": card["id"], "change": "updated", "version": "2"}
    return [json_hook({"type": "record.changed", "timestamp": now.isoformat(), "data": about})]


VENDOR = Vendor(
    name="http",
    asked=Asked(
        "http",
        CRM.settings,
        CRM.secrets,
        questions=(Question(path="/system/*", ask=_ask, says=_says),),
        begin=_begin,
        happens=_renamed,
        polling="/system/*",
        lacking={"records": None},
    ),
    crm=CRM,
    hurry=_hurry,
    hooks=HOOKS,
    source=SOURCE,
    forwarder=Forwarder(
        "http",
        {"url": "/orders"},
        {"outbound_secret": SECRET},
        repeat=Repeat.IDEMPOTENT,
        taken=_taken,
        sending="/orders",
        by_status=True,
    ),
)
