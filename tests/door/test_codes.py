"""One-time codes and what they open: no pump for text messages, no oracle, and nothing of anybody else's."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from door.support import PHONE, WIDE, Site, ask, check, code_sent, happened, opened, signed_in, told
from svyazka.connectors.registry import load_manifest
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_PROBLEMS
from svyazka.engine.ports.store import Create, Put
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventRecord, EventStatus, EventType
from svyazka.model.problems import Problem
from svyazka.model.tenants import ConnectionSpec


async def test_a_code_goes_out_by_the_tenants_flow_and_opens_a_session_once() -> None:
    site = await opened()
    assert (await ask(site)).status == 202
    code = code_sent(site)
    assert code.isdigit()
    assert (await check(site, "000000" if code != "000000" else "1")).status == 403
    answer = await check(site, code, "8 (999) 123 45 67")
    assert (answer.status, told(answer)["expires_in"]) == (200, 3600)
    assert (await check(site, code)).status == 403, "once"


async def test_the_newest_code_counts_and_for_ten_minutes() -> None:
    site = await opened()
    await ask(site)
    first = code_sent(site)
    site.clock.step(61)
    await ask(site)
    second = code_sent(site)
    if first != second:
        assert (await check(site, first)).status == 403
    site.clock.step(601)
    assert (await check(site, second)).status == 403


async def test_a_phone_gets_one_a_minute_three_an_hour_and_five_a_day() -> None:
    site = await opened()
    answers = []
    for _ in range(12):
        answers.append(await ask(site))
        site.open()
        answers.append(await ask(site))
        site.clock.step(3600 / 6)
    assert {(answer.status, answer.body) for answer in answers} == {(answers[0].status, answers[0].body)}
    assert len(site.sms.sent) == 5
    site.clock.step(86400)
    await ask(site)
    assert len(site.sms.sent) == 6


async def test_a_code_bears_five_tries_and_a_phone_fifteen_a_day() -> None:
    site = await opened()
    for _ in range(3):
        await ask(site)
        right = code_sent(site)
        tried = [(await check(site, "x")).status for _ in range(5)]
        assert tried == [403] * 5
        assert (await check(site, right)).status == 403, "the sixth, though it is right"
        site.clock.step(3600)
    await ask(site)
    assert (await check(site, code_sent(site))).status == 403, "the phone's tries of the day are used up"


@pytest.mark.parametrize("phone", [PHONE, "+44 7700 900123", "8 495 123-45-67", "+7 999 765-43-21"])
async def test_known_unknown_limited_and_refused_phones_are_answered_alike_after_the_same_work(phone: str) -> None:
    site = await opened()
    await site.post("lead", {"phone": PHONE})
    await ask(site)
    writes, tasks, pauses = site.store.writes, len(site.store.tasks), len(site.pauses)
    answer = await site.post("code", {"phone": phone})
    assert (answer.status, told(answer)) == (202, {"status": "accepted", "expires_in": 600})
    assert len(site.pauses) == pauses + 1
    assert 0 < site.pauses[-1] <= 0.4
    assert site.store.writes - writes >= 2, "a code and an event, whoever it is"
    assert len(site.store.tasks) - tasks <= 1
    wrong = await check(site, "000000x", phone)
    assert told(wrong) == told(await check(site, "999999x", "+7 900 000-00-00"))


async def test_a_pump_costs_at_most_the_sites_day_and_somebody_is_told() -> None:
    site = await opened({"daily_codes": 20})
    for number in range(200):
        await site.post("code", {"phone": f"+7999{number:07d}"})
    await site.run()
    assert len(site.sms.sent) == 20
    page = await site.store.find(RECENT_PROBLEMS)
    problems = [journal.read(Problem, document).model for document in page.documents]
    assert {problem.kind for problem in problems} == {"codes"}
    assert len(problems) == 2, "half, and the whole"


async def test_codes_that_nobody_enters_stop_the_site_before_its_day_is_used_up() -> None:
    site = await opened({"daily_codes": 1000})
    for number in range(300):
        await site.post("code", {"phone": f"+7999{number:07d}"})
    await site.run()
    assert 50 <= len(site.sms.sent) < 120
    site.clock.step(86400)
    await ask(site, "+7 999 999-99-99")
    sent = len(site.sms.sent)
    assert sent <= 121


# What a session shows


async def test_a_session_shows_its_persons_visits_and_ends_by_itself_and_by_forgetting() -> None:
    site = await opened()
    await site.store.commit(
        [happened(site, EventType.APPOINTMENT_BOOKED, "visit:1", "Анна Петрова", service="Стрижка")]
    )
    assert (await site.call("GET", "/ingest/me/visits")).status == 401
    assert (await site.call("GET", "/ingest/me/visits", x_session="made-up")).status == 401
    token = await signed_in(site)
    answer = await site.call("GET", "/ingest/me/visits", x_session=token)
    heard = {"id": "1", "status": "booked", "title": "Стрижка", "seen": "journal", "as_of": "2026-03-14T12:00:00Z"}
    assert told(answer) == {"data": [heard], "as_of": "2026-03-14T12:00:00Z", "stale": False}
    assert token not in json.dumps([document.id for document in site.store.documents.values()]), "hashes only"
    site.clock.step(3601)
    assert (await site.call("GET", "/ingest/me/visits", x_session=token)).status == 401
    token = await signed_in(site)
    from svyazka.engine.upkeep.forget import Forgetting

    await Forgetting(site.hub).forget(site.tenant, PHONE)
    assert (await site.call("GET", "/ingest/me/visits", x_session=token)).status == 401


async def test_nobody_else_can_make_a_household_of_a_phone_by_the_public_key() -> None:
    site = await opened()
    await site.store.commit([happened(site, EventType.APPOINTMENT_BOOKED, "visit:1", "Анна")])
    await site.post("lead", {"phone": PHONE, "name": "Чужой"})
    assert (await site.call("GET", "/ingest/me/visits", x_session=await signed_in(site))).status == 200


# Mini Apps

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


def init_data(at: datetime, user: int = 77, token: str = TOKEN) -> str:
    fields = {"auth_date": str(int(at.timestamp())), "user": json.dumps({"id": user, "first_name": "Анна"})}
    text = "\n".join(f"{name}={fields[name]}" for name in sorted(fields)).encode()
    key = hmac.digest(b"WebAppData", token.encode(), hashlib.sha256)
    return urlencode({**fields, "hash": hmac.digest(key, text, hashlib.sha256).hex()})


async def test_init_data_open_a_session_where_the_person_has_shared_their_own_phone() -> None:
    site = Site({**WIDE, "bot": "tg"})
    site.manifests["telegram"] = load_manifest("telegram")
    connections = {
        **site.tenant.connections, "tg": ConnectionSpec(vendor="telegram", settings={"bot_token": {"secret": "bot"}})
    }  # fmt: skip
    site.tenant = site.tenant.model_copy(update={"connections": connections})
    await site.settle_in()
    from svyazka.engine.ports.store import Document

    sealed = site.keyring.seal("vault", TOKEN, "kofe.bot")
    await site.store.commit([Put(Document("secrets", "kofe.bot", {"tenant": "kofe"}, sealed.encode()))])
    now = site.clock.now()

    async def tried(data: str) -> int:
        return (await site.call("POST", "/ingest/session", {"init_data": data})).status

    assert await tried(init_data(now)) == 403, "no phone of theirs is known"
    shared = Event(
        id="evt_shared", tenant="kofe", connection="tg", vendor="telegram", type=EventType.MESSAGE_RECEIVED,
        subject="message:1", identity="strong", origin="webhook", received_at=now,
        contact=Contact(phone=PHONE, chats={"telegram": "77"}),
    )  # fmt: skip
    people = tuple(site.keyring.person("kofe", one) for one in (PHONE, "telegram:77"))
    record = EventRecord(event=shared, status=EventStatus.PLANNED, people=people)
    await site.store.commit([Create(journal.document(record))])
    assert await tried(init_data(now)) == 200
    assert await tried(init_data(now, user=78)) == 403
    assert await tried(init_data(now, token=TOKEN[:-1] + "x")) == 403
    assert await tried(init_data(datetime.fromtimestamp(now.timestamp() - 86401, UTC))) == 403
    assert await tried("nonsense") == 403
