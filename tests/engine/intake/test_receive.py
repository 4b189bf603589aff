"""What a request becomes in the journal: its bytes once, its events one by one, the same ones at every repeat."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import START, FakeTill, House, keyring, order
from svyazka.engine.contracts.webhook import Answer, Inbound, RawRequest
from svyazka.engine.intake.receive import BODY_LIMIT, Receiver, decompressed
from svyazka.engine.journal.events_of_request import ParsedEvent, journaled
from svyazka.engine.ports.store import Document
from svyazka.model.contacts import Contact
from svyazka.model.events import EventStatus, EventType, Fact, Origin, StoredRequest, Unreadable
from svyazka.model.tenants import CompiledConnection

DAY = timedelta(days=1)
TILL = CompiledConnection(tenant="kofe", connection="till", vendor="till", wants=("order.completed",))
DONE = Fact(type=EventType.ORDER_COMPLETED, key=("order", "1", "done"), subject="order:1")
OTHER = Fact(type=EventType.ORDER_COMPLETED, key=("order", "2", "done"), subject="order:2")
UNKEYED = Fact(type=EventType.ORDER_COMPLETED)


def journal(
    *facts: Fact | Unreadable, body: bytes = b"{}", after: timedelta = timedelta(), origin: Origin = "webhook",
    wrong: str | None = None, path: str = "/webhook_till",
) -> tuple[Document | None, list[ParsedEvent]]:  # fmt: skip
    request = RawRequest("POST", path, b"key=secret", [(b"content-type", b"application/json")], body)
    people = keyring().people
    return journaled(
        request,
        TILL,
        facts,
        START + after,
        people=lambda raw, contacts: people("kofe", raw, contacts),
        wrong=wrong,
        origin=origin,
    )


def ids(found: tuple[Document | None, list[ParsedEvent]]) -> list[str]:
    return [item.record.event.id for item in found[1]]


def test_one_event_holds_its_request_itself() -> None:
    raw, (item,) = journal(DONE, body=b'{"id":1}')
    assert raw is None
    assert item.record.request is not None
    assert item.record.request.bytes() == b'{"id":1}'
    assert item.record.raw is None


def test_the_bytes_of_several_events_are_stored_once() -> None:
    raw, items = journal(DONE, OTHER, Unreadable(reason="expected an object"), body=b"[1,2,3]")
    assert raw is not None
    assert b"[1,2,3]" in raw.data
    assert [item.record.raw for item in items] == [raw.id] * 3
    assert [item.record.request for item in items] == [None] * 3


def test_bytes_that_are_no_text_come_back_as_they_were() -> None:
    _, (item,) = journal(DONE, body=b"\xff\x00\xfe")
    assert item.record.request is not None
    assert item.record.request.bytes() == b"\xff\x00\xfe"


def test_the_key_is_kept_nowhere() -> None:
    key = keyring().mint("till", "kofe", "till")
    _, (item,) = journal(DONE, path=f"/webhook_till/{key}")
    kept = item.record.model_dump_json()
    assert key not in kept
    assert "secret" not in kept
    assert item.record.request is not None
    assert item.record.request.path == "/webhook_till/•••"


def test_a_fact_is_the_same_event_whatever_request_told_it() -> None:
    assert ids(journal(DONE, body=b"1")) == ids(journal(DONE, body=b"2", after=DAY * 30, origin="poll"))
    assert ids(journal(OTHER, DONE))[1:] == ids(journal(DONE))


def test_the_same_fact_twice_in_one_body_is_one_event() -> None:
    assert len(ids(journal(DONE, OTHER, DONE))) == 2


@pytest.mark.parametrize("origin", ["webhook", "poll", "import", "salvage", "operator"])
def test_an_event_says_by_which_way_it_came(origin: Origin) -> None:
    _, (item,) = journal(DONE, origin=origin)
    assert (item.record.event.origin, item.record.event.received_at) == (origin, START)


# Weak identities: nothing tells a fact but the body it stood in


def test_several_equal_items_without_a_key_are_several_events_and_the_same_at_a_repeat() -> None:
    first = ids(journal(UNKEYED, UNKEYED, UNKEYED, body=b"[{},{},{}]"))
    assert len(set(first)) == 3
    assert ids(journal(UNKEYED, UNKEYED, UNKEYED, body=b"[{},{},{}]", after=timedelta(minutes=5))) == first
    assert set(ids(journal(UNKEYED, body=b"{}"))).isdisjoint(first)


def test_a_weak_identity_is_marked_as_such() -> None:
    _, items = journal(UNKEYED, DONE)
    assert [item.record.event.identity for item in items] == ["weak", "strong"]
    assert [item.earlier is None for item in items] == [False, True]


def test_the_window_before_is_named_so_that_no_edge_divides_a_repeat() -> None:
    _, (late,) = journal(UNKEYED, after=timedelta(hours=11, minutes=59))  # START is noon: the window ends at midnight
    _, (next_day,) = journal(UNKEYED, after=timedelta(hours=12, minutes=1))
    assert next_day.record.event.id != late.record.event.id
    assert next_day.earlier == late.record.event.id
    assert next_day.earlier_since == START + timedelta(hours=12, minutes=1) - DAY


@given(st.integers(0, 3 * 86400), st.integers(0, 3 * 86400))
async def test_equal_bodies_are_one_event_within_the_window_from_the_first_and_two_after_it(
    first: int, between: int
) -> None:
    house = House()
    await house.settle_in()
    house.clock.step(first)
    await house.post({"status": "done"})
    house.clock.step(between)
    answer = await house.post({"status": "done"})
    said = json.loads(answer.body)["events"][0]["status"]
    assert said == ("duplicate" if between <= 86400 else "accepted")
    assert len(house.events()) == (1 if between <= 86400 else 2)


# What becomes of it


def test_what_a_flow_wants_is_looked_at_again_until_it_is_planned() -> None:
    _, (item,) = journal(DONE)
    assert item.record.status is EventStatus.ACCEPTED
    assert item.record.wake_at == START + timedelta(seconds=60)
    assert item.record.expire_at is None, "nothing open expires"


def test_what_is_of_no_interest_says_why_and_waits_for_nobody() -> None:
    unwanted = Fact(type=EventType.ORDER_CHANGED, key=("order", "1", "cooking"))
    told = Fact(type=EventType.OTHER, key=("ping",), ignored="a ping")
    for fact, reason in ((unwanted, "no flow acts on order.changed from here"), (told, "a ping")):
        _, (item,) = journal(fact)
        assert (item.record.status, item.record.reason) == (EventStatus.IGNORED, reason)
        assert (item.record.wake_at, item.record.expire_at) == (None, START + DAY * 400)


def test_what_cannot_be_read_is_quarantined_until_somebody_was_told() -> None:
    _, (item,) = journal(Unreadable(reason="expected an object"))
    assert (item.record.status, item.record.reason) == (EventStatus.QUARANTINED, "expected an object")
    assert item.record.wake_at == START + timedelta(seconds=60)


def test_the_payload_has_its_retention_and_the_skeleton_its_400_days() -> None:
    raw, items = journal(DONE, OTHER)
    assert raw is not None
    assert (raw.fields["blank_at"], raw.fields["expire_at"]) == (START + DAY * 90, START + DAY * 400)
    assert [item.record.blank_at for item in items] == [START + DAY * 90] * 2


def test_equal_bodies_long_apart_keep_their_own_bytes() -> None:
    """The first may have been blanked by then: its document would hold nothing for the second's events."""
    first, _ = journal(UNKEYED, UNKEYED, body=b"[{},{}]")
    again, _ = journal(UNKEYED, UNKEYED, body=b"[{},{}]", after=timedelta(minutes=1))
    later, _ = journal(UNKEYED, UNKEYED, body=b"[{},{}]", after=DAY * 100)
    assert first is not None
    assert again is not None
    assert later is not None
    assert first.id == again.id != later.id


def test_everybody_in_a_request_is_found_by_it_and_each_event_by_its_own_people() -> None:
    facts = [
        Fact(type=EventType.ORDER_COMPLETED, key=(str(n),), contact=Contact(phone=f"+7999123{n:04}"))
        for n in range(200)
    ]
    body = json.dumps([{"phone": fact.contact.phone} for fact in facts if fact.contact]).encode()
    raw, items = journal(*facts, body=body)
    assert raw is not None
    persons = [keyring().person("kofe", f"+7999123{n:04}") for n in range(200)]
    assert set(persons) <= set(raw.fields["people"])  # type: ignore[arg-type]
    assert [item.record.people for item in items] == [(person,) for person in persons]


# Over HTTP's shape


class Broken(FakeTill):
    """A parser with a mistake of ours in it."""

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        raise KeyError("whatever")


class Deciding(Broken):
    """Its answer is a decision."""

    salvage = False


class Surrogates(FakeTill):
    """A parser that lets through what no store can hold."""

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        return [Fact(type=EventType.ORDER_COMPLETED, key=("1",), data={"name": "\ud800"})]


class Patient(FakeTill):
    """A vendor that bears no refusal."""

    tolerates_400 = False

    def answer(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Answer | None:
        return Answer(200, b"100", "text/plain")


async def post(house: House, webhook: FakeTill, body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    key = house.keyring.mint("till", "kofe", "till")

    async def read(limit: int) -> bytes | None:
        return body

    head = RawRequest("POST", "/webhook_till", f"key={key}".encode(), list(headers), b"")
    return await Receiver(webhook, house.inbox, house.keyring, house.clock).handle(head, read)


def raws(house: House) -> list[dict[str, Any]]:
    return [json.loads(document.data) for document in house.store.documents.values() if document.kind == "raws"]


async def test_half_a_letter_in_what_a_parser_found_is_taken_without_it(house: House) -> None:
    answer = await post(house, Surrogates(), b'{"id": 1}')
    assert (answer.status, raws(house)) == (200, [])
    assert [record.status.value for record in house.events()] != ["quarantined"]


async def test_a_mistake_in_our_parser_costs_no_request(house: House) -> None:
    """A vendor that never repeats must not lose it: its bytes wait for a better parser, and somebody is told."""
    answer = await post(house, Broken(), b'{"id": 1}')
    assert answer.status == 200
    (raw,) = raws(house)
    assert (raw["status"], raw["request"]["body"]) == ("quarantined", '{"id": 1}')
    assert "our parser failed" in raw["reason"]
    await house.run()
    assert [(alert.kind, alert.stage) for alert in house.alerts()] == [("quarantined", "first")]


async def test_no_decision_is_made_on_what_our_parser_could_not_read(house: House) -> None:
    with pytest.raises(KeyError):
        await post(house, Deciding(), b"{}")
    assert raws(house) == []


async def test_what_is_not_the_format_is_told_once_a_day(house: House) -> None:
    for number in range(3):
        answer = await post(house, FakeTill(), b"{not json %d" % number)
        assert answer.status == 400
    await house.run()
    (alert,) = house.alerts()
    assert (alert.kind, alert.stage, alert.connection) == ("quarantined", "first", "till")
    assert len(raws(house)) == 3
    house.clock.step(86400)
    await post(house, FakeTill(), b"{not json")
    await house.run()
    assert len(house.alerts()) == 2


async def test_a_lost_task_does_not_keep_anybody_from_being_told_of_a_quarantine(house: House) -> None:
    house.store.forget_tasks = True
    await post(house, FakeTill(), b"{not json")
    await post(house, FakeTill(), b'["nonsense"]')
    house.store.forget_tasks = False
    await house.pass_time(180)
    (alert,) = house.alerts()
    assert alert.kind == "quarantined"
    assert all(record.wake_at is None for record in house.events()), "who was told waits for nobody"
    house.store.documents.pop(("alerts", alert.id))
    house.store.documents.pop(("problems", alert.problem or ""))
    await house.worker.handle("/retain", {})
    assert [alert.kind for alert in house.alerts()] == ["quarantined"], "of the request, too"


async def test_a_vendor_that_bears_no_refusal_gets_its_exact_answer_and_the_bytes_are_kept(house: House) -> None:
    answer = await post(house, Patient(), b"{not json")
    assert (answer.status, answer.body) == (200, b"100")
    assert [raw["status"] for raw in raws(house)] == ["quarantined"]


async def test_a_quarantine_whose_task_cannot_be_queued_is_durable_all_the_same(house: House) -> None:
    house.store.queue_down = True
    assert (await post(house, FakeTill(), b"{not json")).status == 400
    assert len(raws(house)) == 1


async def test_each_item_of_a_batch_is_answered_for_itself(house: House) -> None:
    await house.post(order(1))
    answer = await house.post([order(1), order(2), order(3, "cooking"), 5])
    told = json.loads(answer.body)["events"]
    assert [one["status"] for one in told] == ["duplicate", "accepted", "ignored", "quarantined"]
    assert [one["reason"] is None for one in told] == [True, True, False, False]
    assert {one["id"] for one in told} == {record.event.id for record in house.events()}


def packed_by_gzip(plain: bytes) -> bytes:
    return gzip.compress(plain, mtime=0)  # the same bytes in every process that collects these tests


def raw_deflate(plain: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(plain) + packer.flush()


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (packed_by_gzip(b"{}"), "gzip"),
        (packed_by_gzip(b"{}"), "X-GZIP"),
        (packed_by_gzip(b"{") + packed_by_gzip(b"}"), "gzip"),
        (packed_by_gzip(b"{}") + bytes(512), "gzip"),
        (packed_by_gzip(packed_by_gzip(b"{}")), "gzip, gzip"),
        (packed_by_gzip(b"{}"), None),
        (packed_by_gzip(b"{}"), "UTF-8"),
        (zlib.compress(b"{}"), "deflate"),
        (raw_deflate(b"{}"), "deflate"),
        (packed_by_gzip(zlib.compress(b"{}")), "deflate, gzip"),
        *((b"{}", said) for said in ("gzip", "deflate", "UTF-8", "utf-8, identity", "none", "windows-1251", "", None)),
    ],
)
def test_a_body_is_read_whatever_its_header_says_of_it(packed: bytes, encoding: str | None) -> None:
    assert decompressed(packed, encoding) == b"{}"


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (packed_by_gzip(b"{}")[:-4], "gzip"),
        (packed_by_gzip(b"{}") + b"more", "gzip"),
        (packed_by_gzip(b"{}") + packed_by_gzip(b"{}")[:-4], "gzip"),
        (packed_by_gzip(b"") * 1000, "gzip"),
        (zlib.compress(b"{}" * 99)[:-4], "deflate"),
        (zlib.compress(b"{}") + b"more", "deflate"),
        (b"{}", "br"),
        (b"{}", "gzip, zstd"),
    ],
)
def test_a_compressed_body_is_read_whole_or_not_at_all(packed: bytes, encoding: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        decompressed(packed, encoding)


def test_a_bomb_is_never_unpacked() -> None:
    zeros = b"0" * 10_000_000
    for packed, encoding in (
        (packed_by_gzip(zeros), "gzip"), (packed_by_gzip(b"0" * 600) * 2, "gzip"), (zlib.compress(zeros), "deflate"),
        (raw_deflate(zeros), "deflate"), (packed_by_gzip(packed_by_gzip(zeros)), "gzip"),
    ):  # fmt: skip
        assert decompressed(packed, encoding, limit=1000) is None
    assert decompressed(packed_by_gzip(b"0" * 1000), "GZIP", limit=1000) == b"0" * 1000


# What came against what was announced


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-length": "2"}, b"{}", 200),
        ({"content-length": "2"}, b"", 503),
        ({"content-length": "300"}, b"{}", 503),
        ({"transfer-encoding": "chunked"}, b"{}", 200),
        ({"transfer-encoding": "chunked", "connection": "Upgrade", "upgrade": "h2c"}, b"", 503),
        ({"transfer-encoding": "chunked", "connection": "Upgrade", "upgrade": "h2c"}, b"{}", 200),
    ],
)
async def test_nothing_is_vouched_for_that_is_not_what_was_announced(
    house: House, headers: dict[str, str], body: bytes, status: int
) -> None:
    before = dict(house.store.documents)
    answer = await post(house, Patient(), body, *((name.encode(), value.encode()) for name, value in headers.items()))
    assert answer.status == status
    assert (house.store.documents != before) == (status == 200)


@pytest.mark.parametrize("body", [b"", b" \r\n", packed_by_gzip(b"")])
async def test_an_empty_request_is_a_check_of_the_address_and_neither_news_nor_known(house: House, body: bytes) -> None:
    before = dict(house.store.documents)
    for _ in range(2):
        answer = await post(house, FakeTill(), body)
        assert (answer.status, json.loads(answer.body)) == (200, {"status": "ready"})
        assert (await post(house, Patient(), body)).body == b"100", "its vendor takes nothing else"
    await house.run()
    assert (house.store.documents, house.alerts()) == (before, [])


# Authentic and unreadable: kept, told once


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "application/pdf"}, b"%PDF", 415),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({"content-encoding": "br"}, b"\x8b\x00\x80", 415),
        ({"content-encoding": "gzip"}, packed_by_gzip(b"{}")[:-4], 400),
    ],
)
async def test_what_cannot_be_looked_into_is_kept_and_told_once(
    house: House, headers: dict[str, str], body: bytes, status: int
) -> None:
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    for _ in range(2):
        assert (await post(house, FakeTill(), body, *fields)).status == status
        assert (await post(house, Patient(), body, *fields)).body == b"100", "it would send it for days"
    (raw,) = raws(house)
    assert (raw["status"], StoredRequest.model_validate(raw["request"]).bytes()) == ("quarantined", body)
    assert raw["reason"]
    await house.run()
    assert [(alert.kind, alert.stage) for alert in house.alerts()] == [("quarantined", "first")]


async def test_what_is_too_large_to_keep_is_told_once_and_nothing_is_vouched_for(house: House) -> None:
    for _ in range(2):
        bomb = packed_by_gzip(bytes(BODY_LIMIT + 1))
        assert (await post(house, Patient(), bomb)).status == 413
    (raw,) = raws(house)
    assert (raw["status"], raw["request"]["body"]) == ("quarantined", "")
    assert "512 KiB" in raw["reason"]
    await house.run()
    assert [(alert.kind, alert.stage) for alert in house.alerts()] == [("quarantined", "first")]


async def test_no_decision_is_made_on_what_cannot_be_looked_into(house: House) -> None:
    webhook = Patient()
    webhook.salvage = False  # type: ignore[misc]
    assert (await post(house, webhook, b"%PDF", (b"content-type", b"application/pdf"))).status == 415


# The key, wherever a careless sender's marks stand


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/", "key=KEY?utm_source=x", 200),
        ("/", "key=KEY/", 200),
        ("/", "key=KEY%20", 200),
        ("/", "key=KEY&key=", 200),
        ("/", "key=&key=KEY", 200),
        ("/", "key=KEY;utm=1", 200),
        ("/", "key=%22KEY%22", 200),
        ("/", "key=%3CKEY%3E", 200),
        ("/", "utm=1?key=KEY", 200),
        ("/", "a=1&amp;key=KEY", 200),
        ("/", "key%3DKEY", 200),
        ("/", "key=KEY&name=%D0%90&n=\xd0\x90", 200),
        ("/KEY/", "", 200),
        ("/KEY ", "utm=1", 200),
        ("/webhook_till&key=KEY", "", 200),
        ("/", "key=KEY%2520", 200),
        ("/", "key=KEY\xc2\xa0", 200),
        ("/", "key=KEYa", 401),
        ("/", "key=xKEY", 401),
        ("/", "key=1.KEY", 401),
        ("/", "key=KEY.html", 401),
        ("/", "key=" + "1.a.b.1.aaaa" * 300 + "?KEY", 200),
        ("/", "key=" + "x" * 5000 + "?KEY", 401),
    ],
)
async def test_the_key_that_proves_itself_is_found(house: House, path: str, query: str, status: int) -> None:
    key = house.keyring.mint("till", "kofe", "till")

    async def read(limit: int) -> bytes | None:
        return b'{"id": 1}'

    head = RawRequest("POST", path.replace("KEY", key), query.replace("KEY", key).encode("latin-1"), [], b"")
    answer = await Receiver(FakeTill(), house.inbox, house.keyring, house.clock).handle(head, read)
    assert answer.status == status
    assert not any(key.encode() in document.data for document in house.store.documents.values())


@pytest.mark.parametrize(
    "header", ["X-Api-Key: KEY;", "Token: 'KEY'", "Authorization: Token KEY", "Authorization: KEY,"]
)
async def test_so_it_is_in_a_header(house: House, header: str) -> None:
    name, _, value = header.replace("KEY", house.keyring.mint("till", "kofe", "till")).partition(": ")

    async def read(limit: int) -> bytes | None:
        return b'{"id": 1}'

    head = RawRequest("POST", "/", b"", [(name.lower().encode(), value.encode())], b"")
    assert (await Receiver(FakeTill(), house.inbox, house.keyring, house.clock).handle(head, read)).status == 200
