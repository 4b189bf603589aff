"""The front door, whole: a site calls over HTTP, the CRM and the calendar are stand-ins, each thing is there once."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from matrix.hub import Connection, Front, Machine, machine
from simulators.serve import Running
from svyazka.door.callers import SERVER
from svyazka.engine.ports.asking import NoReply, Reply
from svyazka.server.accept import AcceptApp
from vendors import VENDORS
from vendors.parts.base import answers

NOW = datetime.fromisoformat("2026-10-05T07:00:00+00:00")
LEAD = {
    "name": "Анна Петрова", "phone": "8 (999) 123-45-67", "email": "anna@example.ru", "text": "Хочу консультацию",
    "source": "landing", "utm": {"source": "yandex"}, "page": "https://example.ru/",
}  # fmt: skip
pytestmark = pytest.mark.asyncio(loop_scope="session")

CRM, CALENDAR = VENDORS["amocrm"].crm, VENDORS["yclients"].calendar
FLOWS = [
    {"flow": "lead_intake", "from": ["web"], "via": ["crm"]},
    {"flow": "booking", "from": ["web"], "via": ["salon"], "text": "Вы записаны"},
]


class InPlace:
    """The worker, asked without a wire."""

    def __init__(self, hub: Machine) -> None:
        self.hub = hub

    async def ask(self, path: str, body: Mapping[str, Any], seconds: float) -> Reply:
        work = asyncio.ensure_future(self.hub.worker.answer(path, body))
        try:
            async with asyncio.timeout(seconds):
                reply = await asyncio.shield(work)
        except TimeoutError:
            raise NoReply("too slow") from None  # the worker goes on
        return Reply(reply.status, json.loads(json.dumps(reply.content)))


@pytest_asyncio.fixture(loop_scope="session")
async def door(tmp_path: Path, empty: Path, front: Front, vendors: Running) -> AsyncIterator[Machine]:
    assert CRM is not None
    assert CALENDAR is not None
    CRM.open(vendors)
    CALENDAR.begin(vendors)
    CALENDAR.offer(vendors, "Europe/Moscow", {"2026-10-06": ["12:00", "13:00", "14:00", "15:00"]})
    connections = {
        "web": Connection("site", {"origins": ["https://example.ru"]}),
        "crm": Connection("amocrm", CRM.settings, CRM.secrets),
        "salon": Connection("yclients", CALENDAR.settings, CALENDAR.secrets),
    }
    data = Path(shutil.copytree(empty, tmp_path / "data"))
    async with machine(data, front, vendors, NOW, connections, FLOWS) as hub:
        front.app = AcceptApp(hub.store, hub.hub.keyring, hub.clock, InPlace(hub))
        yield hub


async def call(hub: Machine, method: str, path: str, body: object = None, **headers: str) -> Any:
    key = {"X-Site-Secret": hub.hub.keyring.mint(SERVER, "kofe", "web")}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url, sent = f"{hub.front.url}/ingest/{path}", {**key, **named}
    return await hub.front.client.request(method, url, json=body, headers=sent, timeout=30)


async def test_a_lead_becomes_a_contact_and_a_deal_once_however_often_it_is_sent(door: Machine) -> None:
    assert CRM is not None
    first = await call(door, "POST", "lead", LEAD)
    assert first.status_code == 202
    for _ in range(4):
        assert (await call(door, "POST", "lead", LEAD)).status_code == 200
    await door.work()
    await door.pass_time(0.1)
    done = CRM.done(door.vendors)
    assert (done["create contact"], done["create deal"]) == (1, 1)
    status = await call(door, "GET", f"status/{first.json()['id']}")
    assert status.json() == {"status": "done", "id": first.json()["id"]}


async def test_the_briefs_check_answers_with_the_deal_that_it_made(door: Machine) -> None:
    assert CRM is not None
    for _ in range(2):
        answer = await call(door, "GET", "test-crm")
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "success"
        assert isinstance(answer.json()["amo_lead_id"], int)
    assert CRM.done(door.vendors)["create deal"] == 1


async def test_a_free_time_is_looked_for_booked_moved_and_cancelled_and_a_taken_one_offers_three(door: Machine) -> None:
    assert CALENDAR is not None
    service = CALENDAR.service
    shown = await call(door, "GET", f"slots?service={service}&staff={CALENDAR.staff}&day=2026-10-06")
    assert shown.status_code == 200, shown.text
    first = shown.json()["data"][0]["starts_at"]
    wish = {"service": service, "staff": CALENDAR.staff, "starts_at": first, "name": "Анна", "phone": "+79991234567"}
    booked = await call(door, "POST", "booking", wish, idempotency_key="one")
    assert (booked.status_code, booked.json()["status"], booked.json()["starts_at"]) == (200, "booked", first)
    again = await call(door, "POST", "booking", wish, idempotency_key="one")
    assert again.json() == booked.json()
    assert len(CALENDAR.visits(door.vendors)) == 1
    other = {**wish, "name": "Пётр", "phone": "+79997654321"}
    taken = await call(door, "POST", "booking", other, idempotency_key="two")
    assert (taken.status_code, taken.json()["status"]) == (409, "taken"), taken.text
    assert len(taken.json()["slots"]) == 3
    id_ = booked.json()["id"]
    moved = await call(door, "POST", "booking/move", {"id": id_, "starts_at": taken.json()["slots"][1]["starts_at"]})
    assert (moved.status_code, moved.json()["status"]) == (200, "moved"), moved.text
    gone = await call(door, "POST", "booking/cancel", {"id": id_})
    assert (gone.status_code, gone.json()["status"]) == (200, "cancelled"), gone.text
    assert CALENDAR.visits(door.vendors) == []
    assert (await call(door, "POST", "booking/cancel", {"id": id_})).status_code == 409
    assert (await call(door, "POST", "booking/cancel", {"id": "evt_" + "0" * 32})).status_code == 404


async def test_a_calendar_that_is_away_is_no_reason_to_lose_a_booking(door: Machine) -> None:
    assert CALENDAR is not None
    away = answers("yclients", "*", 503)
    await away(door, True)
    wish = {"service": CALENDAR.service, "staff": CALENDAR.staff, "starts_at": "2026-10-06T12:00:00+03:00",
            "name": "Анна", "phone": "+79991234567"}  # fmt: skip
    waiting = await call(door, "POST", "booking", wish, idempotency_key="three")
    assert (waiting.status_code, waiting.json()["status"]) == (202, "accepted")
    await away(door, False)
    await door.pass_time(2)
    status = await call(door, "GET", f"status/{waiting.json()['id']}")
    assert status.json()["status"] == "booked"
    assert len(CALENDAR.visits(door.vendors)) == 1
