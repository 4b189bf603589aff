"""By the public key alone: whatever a stranger sends, no person, price, amount or state is read or decided; and a call
survives the end of the process at every step."""

from __future__ import annotations

import json
import os
import random
import string
import subprocess
import sys
import time
from typing import Any

import pytest

from door.support import LEAD, Site, told
from dying import Killed, dies_once
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.events import EventStatus, EventType

ROUNDS = int(os.environ.get("SVYAZKA_FUZZ", "400"))
WIDE = {"limits": {"per_address": "999999/m", "per_site": "999999/m"}}
SECRET_PHONE, SECRET_NAME = "+79161112233", "Тайная"
PATHS = (
    "lead", "message", "order", "event", "booking", "booking/cancel", "code", "code/check", "session", "session/born",
    "services", "staff", "days", "slots", "me/visits", "me/bookings", "me/payments", "payment", "refund", "test-crm",
    "status", "status/evt_" + "0" * 32, "openapi.json", "../kofe", "me", "",
)  # fmt: skip
NAMES = (
    "name", "phone", "email", "chat", "text", "price", "sum", "amount", "status", "stage", "pipeline", "responsible",
    "items", "fields", "number", "type", "service", "starts_at", "code", "session", "init_data", "by", "call", "held",
    "ignored", "body", "test", "discount", "balance", "total", "paid", "bonus", "person", "tenant", "connection",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    "1.00", 1, -1, "completed", "won", "server", SECRET_PHONE, "79161112233", True, None, [], {}, {"price": "1.00"},
    [{"sku": "A", "price": "1.00", "quantity": 2}], {"stage": "won", "Price": 1, "сумма": 1}, "2026-10-05T12:00",
    {"vendor": "telegram", "id": "77"}, "contact.created", "order.completed", "payment.succeeded", "evt_x", "\x00",
)  # fmt: skip
DECIDED = {
    "price", "sum", "amount", "total", "paid", "stage", "status", "pipeline", "responsible", "discount", "balance",
    "bonus",
}  # fmt: skip


def body_of(chance: random.Random) -> dict[str, Any]:
    names = chance.sample(NAMES, chance.randint(0, 8))
    made = {name: chance.choice(VALUES) for name in names}
    if chance.random() < 0.6:
        made |= {"phone": f"+7999{chance.randrange(10**7):07d}", "number": "1001", "service": "1"}
        made |= {"starts_at": "2026-10-05T12:00"}
    if chance.random() < 0.5:
        made = {name: value for name, value in made.items() if name not in ("by", "call", "held", "body", "tenant")}
    if chance.random() < 0.3:
        made["fields"] = {chance.choice(NAMES): chance.choice(VALUES[:6])}
    return made


async def test_the_public_key_decides_and_reads_nothing() -> None:
    site = Site(WIDE)
    await site.settle_in()
    known = {"name": SECRET_NAME, "phone": SECRET_PHONE, "number": "1001", "sum": "7049.31", "status": "completed"}
    mine = told(await site.post("order", known, server=True, idempotency_key="s"))["id"]
    await site.run()
    chance = random.Random(ROUNDS)
    answers = set()
    for number in range(ROUNDS):
        method = chance.choice(("POST", "POST", "POST", "GET", "PUT", "DELETE"))
        path = chance.choice(PATHS)
        headers = {"idempotency_key": str(number)} if chance.random() < 0.8 else {}
        if chance.random() < 0.1:
            headers["x_session"] = "".join(chance.choices(string.ascii_letters, k=43))
        body = body_of(chance) if method == "POST" else None
        peer = f"203.0.113.{chance.randrange(256)}"
        answer = await site.call(method, f"/ingest/{path}?service=1&day=2026-10-05", body, peer=peer, **headers)
        answers.add(answer.status)
        said = answer.body.decode()
        assert SECRET_NAME not in said
        assert "9161112233" not in said
        assert "7049" not in said
        assert mine not in said
    assert {202, 401, 403, 404, 405, 422} <= answers
    assert 500 not in answers
    for record in await site.events():
        event = record.event
        if event.id == mine or event.type is EventType.SEND_REQUESTED:
            continue
        assert event.data["by"] == "public" or event.data.get("test") is True, "only test-crm speaks for itself"
        assert not DECIDED & event.data.keys(), event.data
        fields = event.data.get("fields") or {}
        assert not DECIDED & {name.lower() for name in fields}, event.data  # type: ignore[union-attr]
        assert all("price" not in item for item in event.data.get("items") or [])  # type: ignore[operator, union-attr]
        assert event.subject.startswith("event:"), "nobody else's order, contact or visit"
        assert event.type in {
            EventType.LEAD_CREATED, EventType.MESSAGE_RECEIVED, EventType.ORDER_CREATED, EventType.BOOKING_REQUESTED,
        }  # fmt: skip


async def test_an_address_that_walks_all_days_and_masters_is_stopped_before_the_worker_is_asked() -> None:
    site = Site()
    await site.settle_in()
    statuses = [(await site.call("GET", "/ingest/services")).status for _ in range(150)]
    assert statuses[120:] == [429] * 30
    assert len(site.asks.asked) == 120
    assert (await site.call("GET", "/ingest/services", peer="203.0.113.9")).status != 429


# A flood that is held


async def test_what_is_held_goes_on_or_ends_by_an_operators_word() -> None:
    from svyazka.engine.operating.operator import How, Operator
    from svyazka.engine.operating.replay import discard, replay_event

    site = Site(WIDE)
    await site.settle_in()
    for number in range(62):
        await site.post("lead", {**LEAD, "text": str(number)})
    await site.run()
    held = [one for one in await site.events() if one.is_held]
    assert (len(held), len(site.sms.sent)) == (2, 60)
    operator = Operator(site.hub, site.worker.webhook_of, "me")
    await replay_event(operator, held[0].event.id, How())
    assert await discard(operator, held[1].event.id)
    assert not await discard(operator, held[1].event.id)
    await site.run()
    assert len(site.sms.sent) == 61
    after = {one.event.id: one.status for one in await site.events()}
    assert [after[one.event.id] for one in held] == [EventStatus.PLANNED, EventStatus.IGNORED]


async def test_a_busy_sites_usual_hour_widens_what_is_no_flood() -> None:
    site = Site(WIDE)
    await site.settle_in()
    site.worker.front_door = "site"
    for number in range(56):
        await site.post("lead", {**LEAD, "text": str(number)})
    (first, *_) = await site.events()
    for hour in range(7 * 24 * 5):  # five an hour for a week
        copy = first.event.model_copy(update={"id": f"evt_{hour}"})
        await site.store.commit([Put(journal.document(first.model_copy(update={"event": copy})))])
    assert await site.worker.handle("/retain", {}) == 204
    site.open()
    site.clock.step(3600)
    for number in range(100):
        await site.post("lead", {**LEAD, "text": f"more {number}"})
    assert [one for one in await site.events() if one.is_held] == []


# The process ends


@pytest.mark.parametrize("point", ["receive.before_parse", "accept.before", "accept.after", "answer.before"])
async def test_a_call_whose_process_ends_is_one_lead_when_it_is_repeated(point: str) -> None:
    site = Site()
    await site.settle_in()
    with dies_once(point), pytest.raises(Killed):
        await site.post("lead", LEAD, idempotency_key="k")
    site.open()
    answers = [await site.post("lead", LEAD, idempotency_key="k") for _ in range(3)]
    assert {told(answer)["id"] for answer in answers} == {told(answers[0])["id"]}
    await site.run()
    assert len(await site.events()) == 1
    assert len(site.sms.sent) == 1


# How much of the machine a call takes


async def test_a_warm_lead_costs_a_few_writes_and_little_time() -> None:
    site = Site({**WIDE, "limits": {"per_address": "10/m", "per_site": "300/m"}})
    await site.settle_in()
    await site.post("lead", LEAD)
    before, took = site.store.writes, []
    for number in range(9):
        began = time.process_time()
        await site.post("lead", {**LEAD, "text": str(number)})
        took.append(time.process_time() - began)
    assert (site.store.writes - before) / 9 <= 2.5, "the event, the address's place, now and then a share"
    assert sorted(took)[4] < 0.15


LOADED = """
import json, os, sys
os.environ["SVYAZKA_BACKEND"] = "google"
from svyazka.way_in import front_door
front_door()
print(json.dumps(sorted(sys.modules)))
"""


def test_the_front_door_starts_without_anything_heavy() -> None:
    from svyazka.engine.security.keyring import Keyring

    environment = {
        **os.environ, "SVYAZKA_PROJECT": "demo", "SVYAZKA_REGION": "europe-west1",
        "SVYAZKA_WORKER_URL": "https://worker.example.org", "SVYAZKA_WORKER_ACCOUNT": "queue@demo.example.org",
        "SVYAZKA_MINT_KEYS": Keyring.generate(),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(json.loads(done.stdout))
    heavy = {
        "httpx",
        "aiohttp",
        "phonenumbers",
        "google.auth",
        "grpc",
        "cryptography",
        "jmespath",
        "yaml",
        "typer",
        "rich",
    }
    assert loaded & heavy == set()
    rooms = ("hub", "delivering", "planning", "calling", "outages", "operating", "upkeep", "tenants", "problems")
    assert [name for name in loaded if name.startswith(tuple(f"svyazka.engine.{room}" for room in rooms))] == []
