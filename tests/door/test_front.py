"""The front door: who gets in, what is kept, and what a call is answered with (docs/front-door.md)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from door.support import LEAD, PAGE, Site, told
from svyazka.connectors.site.schema import BODIES
from svyazka.door.callers import address_of
from svyazka.engine.contracts.webhook import RawRequest
from svyazka.engine.ports.asking import Reply
from svyazka.model.events import EventStatus, EventType


@pytest.fixture
async def site() -> Site:
    made = Site()
    await made.settle_in()
    return made


# Durable, then answered


async def test_a_lead_is_in_the_journal_before_it_is_answered_and_its_flow_acts(site: Site) -> None:
    answer = await site.post("lead", LEAD, **PAGE)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (202, "https://example.ru")
    (record,) = await site.events()
    assert told(answer) == {"status": "accepted", "id": record.event.id}
    event = record.event
    assert (event.type, event.connection, event.vendor) == (EventType.LEAD_CREATED, "web", "site")
    assert event.contact is not None
    assert (event.contact.name, event.contact.phone) == ("Анна", "+7 999 123-45-67")
    assert event.data == {"text": "Хочу записаться", "by": "public"}
    await site.run()
    assert [text for _, text in site.sms.sent] == ["Новое: Анна"]


async def test_what_cannot_be_written_down_is_not_taken(site: Site) -> None:
    assert (await site.post("lead", LEAD)).status == 202
    site.store.down = site.store.queue_down = True
    answer = await site.post("lead", {**LEAD, "text": "ещё"})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")


async def test_a_lead_that_the_journal_cannot_take_goes_by_the_queue_and_is_the_same_lead(site: Site) -> None:
    await site.door.receiver.connection(site.keyring.read("site", site.key()["x-site-key"]))  # type: ignore[arg-type]
    site.open()
    known = await site.store.connection("kofe.web")

    async def connection(key: str) -> Any:
        return known

    site.store.connection = connection  # type: ignore[method-assign]
    site.store.down = True
    lost = await site.post("lead", LEAD)
    site.store.down = False
    assert lost.status == 202
    await site.run()
    (record,) = await site.events()
    assert record.event.id == told(lost)["id"]
    assert (await site.post("lead", LEAD)).status == 200, "its repeat finds it"


# Repeats


async def test_a_double_click_a_back_button_and_a_replay_are_one_lead_and_one_answer(site: Site) -> None:
    first = await site.post("lead", LEAD)
    for phone in (LEAD["phone"], "8 (999) 123-45-67", "79991234567"):
        again = await site.post("lead", {**LEAD, "phone": phone})
        assert (again.status, told(again)) == (200, told(first))
    assert len(await site.events()) == 1
    site.clock.step(700)
    assert (await site.post("lead", LEAD)).status == 202, "after ten minutes they are words said anew"


async def test_an_idempotency_key_names_the_call_for_a_day_and_bears_no_other_body(site: Site) -> None:
    order = {"number": "1001", "phone": "+79991234567", "items": [{"sku": "A", "quantity": 2}]}
    assert (await site.post("order", order)).status == 400, "an order without one might be made twice"
    first = await site.post("order", order, idempotency_key="k-1")
    again = await site.post("order", {**order, "took": 5000}, idempotency_key="k-1")
    other = await site.post("order", {**order, "number": "1002"}, idempotency_key="k-1")
    lead = await site.post("lead", LEAD, idempotency_key="k-1")
    assert [first.status, again.status, other.status, lead.status] == [202, 200, 422, 202]
    assert told(again) == told(first)
    assert len(await site.events()) == 2
    site.clock.step(25 * 3600)
    assert (await site.post("order", order, idempotency_key="k-1")).status == 202


async def test_no_id_can_be_worked_out_by_who_knows_what_was_sent(site: Site) -> None:
    mine = told(await site.post("lead", LEAD))["id"]
    other = Site()
    other.keyring._secrets["mint"] = {"1": b"another" * 4 + b"key!"}  # type: ignore[index]
    await other.settle_in()
    other.open()
    assert told(await other.post("lead", LEAD))["id"] != mine


# Who gets in


async def test_keys_are_looked_at_before_anything_else(site: Site) -> None:
    public, server = site.key()["x-site-key"], site.key(server=True)["x-site-secret"]
    site.store.reads = 0
    assert (await site.post("lead", LEAD, keyed=False)).status == 401
    for header, key in (("x_site_key", server), ("x_site_secret", public), ("x_site_key", public[:-1] + "a")):
        assert (await site.post("lead", LEAD, keyed=False, **{header: key})).status == 401
    assert site.store.reads == 0
    assert (await site.call("POST", f"/ingest/lead?key={public}", LEAD, keyed=False)).status == 202
    assert (await site.post("message", LEAD, keyed=False, authorization=f"Bearer {server}")).status == 202


async def test_only_the_sites_own_pages_can_read_and_a_preflight_asks_nobody(site: Site) -> None:
    refused = await site.post("lead", LEAD, origin="https://evil.example")
    assert refused.status == 403
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert await site.events() == []
    for origin in ("null", ""):
        plain = await site.post("lead", {**LEAD, "text": origin}, origin=origin)
        assert plain.status == 202
        assert "Access-Control-Allow-Origin" not in plain.headers
        assert plain.headers["Vary"] == "Origin"
    site.store.down = True
    asked = await site.call("OPTIONS", "/ingest/lead", keyed=False, origin="https://any.example")
    assert asked.status == 204
    allowed = asked.headers["Access-Control-Allow-Headers"].lower()
    assert "x-site-key" in allowed
    assert not {"x-site-secret", "authorization"} & set(allowed.split(", ")), "a secret in a page works nowhere"
    assert "Access-Control-Allow-Credentials" not in asked.headers


async def test_what_the_browser_says_of_prices_stages_and_states_counts_for_nothing(site: Site) -> None:
    said = {
        "number": "7", "phone": "+79991234567", "status": "completed", "sum": "1.00",
        "items": [{"sku": "A", "quantity": 2, "price": "524.65"}],
        "fields": {"city": "Тверь", "price": 1, "Stage": "won", "responsible": 5},
    }  # fmt: skip
    await site.post("order", said, idempotency_key="a")
    await site.post("order", said, idempotency_key="a", server=True)
    theirs, ours = sorted((await site.events()), key=lambda record: record.event.data["by"] == "server")
    assert theirs.event.type is EventType.ORDER_CREATED
    assert theirs.event.subject == f"event:{theirs.event.id}", "nobody's order is touched by its number"
    assert theirs.event.data["items"] == [{"sku": "A", "quantity": 2}]
    assert theirs.event.data["fields"] == {"city": "Тверь"}
    assert "sum" not in theirs.event.data
    assert (ours.event.type, ours.event.subject) == (EventType.ORDER_COMPLETED, "order:7")
    assert (ours.event.data["sum"], ours.event.data["fields"]["price"]) == ("1.00", 1)
    assert (await site.post("event", {"type": "contact.created"})).status == 403


@pytest.mark.parametrize(
    ("call", "body", "where"),
    [
        ("lead", {"name": "Анна"}, "phone"),
        ("lead", {"phonne": "+79991234567"}, "phonne"),
        ("lead", {"phone": ["+79991234567"]}, "phone"),
        ("lead", {"phone": "+79991234567", "text": "x" * 5000}, "text"),
        ("lead", {"phone": "+79991234567", "items": [{"quantity": -1}]}, "items.0.quantity"),
        ("lead", {"phone": "+79991234567", "chat": {"vendor": "icq", "id": "1"}}, "chat.vendor"),
        ("booking", {"phone": "+79991234567", "starts_at": "2026-10-05T12:00"}, "service"),
    ],
)
async def test_what_is_wrong_is_named_by_its_field(site: Site, call: str, body: object, where: str) -> None:
    answer = await site.post(call, body, idempotency_key="k")
    assert (answer.status, answer.content_type) == (422, "application/problem+json")
    assert told(answer)["errors"][0]["field"] == where
    assert await site.events() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b"\xff\xfe", b"[" * 100_000])
async def test_what_is_no_call_is_said_to_be_none(site: Site, body: bytes) -> None:
    async def read(limit: int) -> bytes | None:
        return body if len(body) <= limit else None

    headers = [(b"x-site-key", site.key()["x-site-key"].encode())]
    answer = await site.door.handle(RawRequest("POST", "/ingest/lead", b"", headers, b""), read, "203.0.113.7")
    assert answer.status in (400, 413)


async def test_other_paths_and_methods_are_refused_without_the_store(site: Site) -> None:
    site.store.down = True
    assert (await site.call("GET", "/ingest/lead")).status == 405
    for path in ("/ingest/nothing", "/ingest/me/wallet", "/ingest/../lead"):
        assert (await site.call("GET", path)).status == 404


# Forms without JavaScript


@pytest.mark.parametrize("fields", ["utm=vk&utm_source=vk", "utm_source=vk&utm=vk", "chat=1&chat.id=2", "consent_=1"])
async def test_a_form_whose_names_contradict_each_other_is_told_so(site: Site, fields: str) -> None:
    answer = await site.post("lead", parse_qsl(f"name=A&phone=89991234567&{fields}"), form=True)
    assert answer.status in (202, 422), fields


async def test_a_plain_form_brings_the_person_back_to_the_sites_own_page_and_nowhere_else(site: Site) -> None:
    form = {"name": "Анна", "phone": "89991234567", "utm_source": "vk", "Город": "Тверь", "website": ""}
    page = {"accept": "text/html,*/*", "origin": "null"}
    back = await site.post("lead", {**form, "return_url": "https://example.ru/thanks?x=1"}, form=True, **page)
    assert (back.status, back.headers["Location"]) == (303, "https://example.ru/thanks?x=1")
    (record,) = await site.events()
    assert record.event.data["fields"] == {"Город": "Тверь"}
    assert record.event.data["utm"] == {"source": "vk"}
    for url in ("https://evil.example/", "https://example.ru@evil.example/", "https://example.ru.evil.example",
                "//evil.example", "javascript:alert(1)", "https://example.ru\\@evil.example", "/thanks"):  # fmt: skip
        answer = await site.post("lead", {**form, "return_url": url}, form=True, **page)
        assert "Location" not in answer.headers
        assert "Спасибо" in answer.body.decode()
    wrong = await site.post("lead", {"name": "<b>"}, form=True, **page)
    assert (wrong.status, wrong.content_type) == (422, "text/html; charset=utf-8")
    assert "<b>" not in wrong.body.decode()


async def test_what_refuses_a_form_before_it_is_read_is_told_in_words_too(site: Site) -> None:
    page = {"accept": "text/html,*/*", "origin": "null"}
    form = {"name": "Анна", "phone": "89991234567"}
    answers = [await site.post("lead", {**form, "text": str(number)}, form=True, **page) for number in range(11)]
    forged = await site.post("lead", form, form=True, keyed=False, x_site_key="1.kofe.web.1." + "a" * 32, **page)
    for refused, status in ((answers[-1], 429), (forged, 401)):
        assert (refused.status, refused.content_type) == (status, "text/html; charset=utf-8")
        assert "Попробуйте, пожалуйста, ещё раз" in refused.body.decode()
    assert int(answers[-1].headers["Retry-After"]) > 0
    by_script = await site.post("lead", form, form=True, origin="null", accept="*/*")
    assert told(by_script)["status"] == 429


async def test_a_guest_with_an_old_code_of_a_table_is_told_so(site: Site) -> None:
    browser = {"accept": "text/html,application/xhtml+xml"}
    old = "/ingest/table/5?key=1.kofe.web.1." + "a" * 32
    page = await site.call("GET", old, keyed=False, **browser)
    assert (page.status, page.content_type) == (401, "text/html; charset=utf-8")
    assert "больше не действует" in page.body.decode()
    assert told(await site.call("GET", old, keyed=False))["status"] == 401
    many = [await site.call("GET", "/ingest/table/5", **browser) for _ in range(121)]
    assert (many[-1].status, "через минуту" in many[-1].body.decode()) == (429, True)
    assert many[-1].headers["Content-Security-Policy"]


# Robots and floods


async def test_a_robot_is_answered_like_anybody_and_nothing_is_done_of_it(site: Site) -> None:
    answer = await site.post("lead", {**LEAD, "website": "https://spam"})
    (record,) = await site.events()
    assert (answer.status, told(answer)) == (202, {"status": "accepted", "id": record.event.id})
    assert (record.status, record.reason) == (EventStatus.IGNORED, "honeypot")
    await site.run()
    assert site.sms.sent == []


async def test_an_address_has_its_limit_in_every_instance_and_a_server_key_has_none(site: Site) -> None:
    answers = []
    for number in range(14):
        site.open()  # another instance: what it knows of the limit is in the store
        answers.append((await site.post("lead", {**LEAD, "text": str(number)})).status)
    assert answers == [202] * 10 + [429] * 4
    refused = await site.post("lead", LEAD)
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert (await site.post("lead", LEAD, peer="203.0.113.8")).status == 202
    assert (await site.post("lead", {**LEAD, "text": "back end"}, server=True)).status == 202
    site.clock.step(60)
    assert (await site.post("lead", {**LEAD, "text": "later"})).status == 202


@pytest.mark.parametrize(
    ("said", "proxies", "address"),
    [
        ("203.0.113.9", 0, "198.51.100.1"),  # nobody is asked to add it: a caller's own word
        ("203.0.113.9", 1, "203.0.113.9"),
        ("192.0.2.1, 203.0.113.9", 1, "203.0.113.9"),
        ("192.0.2.1, 203.0.113.9, 192.0.2.8", 2, "203.0.113.9"),
        ("203.0.113.9", 2, "198.51.100.1"),
        ("192.0.2.1\n203.0.113.9", 1, "203.0.113.9"),  # as HAProxy adds it: a header of its own
        ("::ffff:203.0.113.9", 1, "203.0.113.9"),  # as nginx says it that listens for both
        ("2001:db8:1:2:3:4:5:6", 1, "2001:db8:1:2::/64"),
    ],
)
def test_an_address_is_what_the_trusted_say_of_it(said: str, proxies: int, address: str) -> None:
    headers = [(b"x-forwarded-for", line.encode()) for line in said.split("\n")]
    head = RawRequest("POST", "/ingest/lead", b"", headers, b"")
    assert address_of(head, "198.51.100.1", proxies) == address


async def test_what_stands_in_the_place_of_a_calls_name_is_not_logged(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    (secret,) = site.key(server=True).values()
    assert (await site.call("GET", f"/ingest/{secret}")).status == 404
    assert (await site.post("refund", {})).status == 403
    logged = capsys.readouterr().out
    assert secret not in logged
    assert '"refund"' in logged


async def test_a_flood_is_kept_and_held_and_one_word_of_an_operator_lets_it_go_on() -> None:
    site = Site({"limits": {"per_address": "9999/m", "per_site": "9999/m"}})
    await site.settle_in()
    answers = [await site.post("lead", {**LEAD, "text": str(number)}) for number in range(75)]
    assert {answer.status for answer in answers} == {202}
    held = [record for record in await site.events() if record.status is EventStatus.QUARANTINED]
    assert len(held) == 15
    assert {record.reason for record in held} == {"flood"}
    await site.run()
    assert len(site.sms.sent) == 60


# Asked of the worker


async def test_test_crm_makes_one_lead_an_hour_and_says_what_became_of_it(site: Site) -> None:
    deal = {
        "command": "PutRecord", "record": "deal", "vendor": "amocrm", "status": "succeeded",
        "produced": [{"kind": "deal", "id": "31337"}], "id_word": "amo_lead_id",
    }  # fmt: skip
    site.asks.answers["/perform-now"] = Reply(200, {"status": "planned", "deliveries": [deal]})
    for _ in range(3):
        answer = await site.call("GET", "/ingest/test-crm", server=True)
        assert (answer.status, told(answer)) == (200, {"status": "success", "amo_lead_id": 31337})
    (record,) = await site.events()
    assert record.event.data["test"] is True
    assert (await site.call("GET", "/ingest/test-crm")).status == 200
    assert (await site.call("GET", "/ingest/test-crm")).status == 429, "the public key: once a minute"
    site.clock.step(3600)
    site.asks.away = True
    assert told(await site.call("GET", "/ingest/test-crm", server=True))["status"] == "accepted"


BOOKING = {"service": "331", "starts_at": "2026-10-05T12:00", "name": "Анна", "phone": "+79991234567"}


@pytest.mark.parametrize(
    ("step", "status", "said"),
    [
        ({"status": "succeeded"}, 200, {"status": "booked", "starts_at": "2026-10-05T12:00"}),
        ({"status": "failed", "error": {"code": "taken"}}, 409, {"status": "taken", "slots": ["a", "b", "c"]}),
        ({"status": "failed", "error": {"code": "bad_phone"}}, 409, {"status": "failed", "code": "bad_phone"}),
        ({"status": "parked"}, 202, {"status": "accepted"}),
        (None, 202, {"status": "accepted"}),
    ],
)
async def test_a_booking_is_answered_by_what_the_calendar_said(site: Site, step: Any, status: int, said: Any) -> None:
    site.asks.away = step is None
    deliveries = [{"command": "BookVisit", "vendor": "yclients", **(step or {})}]
    site.asks.answers["/perform-now"] = Reply(200, {"status": "planned", "deliveries": deliveries})
    site.asks.answers["nearest"] = Reply(200, {"value": ["a", "b", "c"]})
    answer = await site.post("booking", BOOKING, idempotency_key="b-1")
    (record,) = await site.events()
    assert (answer.status, told(answer)) == (status, {"id": record.event.id, **said})
    assert record.event.type is EventType.BOOKING_REQUESTED
    site.clock.step(15)
    assert [task.body["event"] for task in site.store.tasks if task.path == "/plan"] == [record.event.id]


async def test_who_holds_a_calls_id_may_know_what_became_of_it_and_nobody_else(site: Site) -> None:
    id_ = told(await site.post("lead", LEAD))["id"]
    assert told(await site.call("GET", f"/ingest/status/{id_}")) == {"status": "accepted", "id": id_}
    await site.run()
    assert told(await site.call("GET", f"/ingest/status/{id_}")) == {"status": "done", "id": id_}
    foreign = await site.events()
    for other in ("evt_" + "0" * 32, "x", foreign[0].deliveries[0]):
        assert (await site.call("GET", f"/ingest/status/{other}")).status == 404


async def test_a_calendar_is_looked_at_through_the_worker_and_its_silence_is_said(site: Site) -> None:
    slots = {"value": [{"starts_at": "2026-10-05T12:00:00+03:00"}], "as_of": "2026-03-14T12:00:00Z", "stale": True}
    site.asks.answers["slots"] = Reply(200, slots)
    answer = await site.call("GET", "/ingest/slots?service=331&day=2026-10-05", **PAGE)
    assert told(answer) == {"data": slots["value"], "as_of": slots["as_of"], "stale": True}
    path, body = site.asks.asked[-1]
    question = {"kind": "slots", "service": "331", "staff": None, "day": "2026-10-05"}
    assert (path, body["question"], body["tenant"]) == ("/ask", question, "kofe")
    assert (await site.call("GET", "/ingest/slots?service=331")).status == 422
    site.asks.away = True
    assert (await site.call("GET", "/ingest/services")).status == 503


async def test_an_event_is_carried_out_at_once_and_its_standing_names_nobody(site: Site) -> None:
    id_ = told(await site.post("lead", LEAD))["id"]
    reply = await site.worker.answer("/perform-now", {"event": id_})
    standing = reply.content
    assert (reply.status, standing["status"]) == (200, "planned")
    assert [(one["command"], one["status"]) for one in standing["deliveries"]] == [("SendMessage", "succeeded")]
    assert len(site.sms.sent) == 1
    assert "999" not in json.dumps(standing), "no person, no text"
    assert (await site.worker.answer("/perform-now", {"event": "evt_none"})).status == 404
    await site.run()
    assert len(site.sms.sent) == 1, "the queue finds it done"


def test_every_body_has_its_call() -> None:
    assert set(BODIES) == {"lead", "message", "order", "event", "booking", "payment", "refund"}
