"""A business's own system that keeps cards: what its settings say that it can't, and what its answers mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.support import calling, posted
from simulators.http import HttpSink
from simulators.http.endpoint import TOKEN
from simulators.serve import Running, serve
from svyazka.connectors.http.manifest import MANIFEST
from svyazka.connectors.http.polling import Cursor, HttpPolling
from svyazka.connectors.http.records import HttpRecords
from svyazka.connectors.http.settings import HttpSettings
from svyazka.connectors.http.webhook import WEBHOOK
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, Records
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.contracts.webhook import Inbound
from svyazka.model.errors import ConfigError
from svyazka.model.events import Change, EventType, Fact, Hint, Unreadable
from svyazka.model.outcomes import Refused, Retry, Succeeded, Unclear
from svyazka.model.records import CLEARED, UNREAD, Key, KeyType, RecordKind
from svyazka.tenantfile.mistakes import TenantFileError
from svyazka.tenantfile.reader import read_tenant_file

CONTACT = RecordKind.CONTACT


@pytest.fixture
def vendors() -> Iterator[Running]:
    with serve([HttpSink()]) as up:
        yield up


ANNA: Mapping[str, Any] = {"name": "Анна", "phone": ("+79991234567",)}


@asynccontextmanager
async def system(vendors: Running, **can: Any) -> AsyncIterator[tuple[Records[Any], Call[Any]]]:
    """A connection that says so of its system."""
    given = {"url": "/system", **can}
    settings = HttpSettings(
        base_url=vendors.base_url("http"), authorization=f"Bearer {TOKEN}", records=given  # type: ignore[arg-type]
    )  # fmt: skip
    async with calling(settings, vendors.base_url("http")) as call:
        yield HttpRecords().under({"records": given}), call


def fields(vendors: Running, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = vendors.of("http").system.cards["contact"][id_]["fields"]
    return found


async def made(records: Records[Any], call: Call[Any], **more: Any) -> str:
    written = await records.create(CONTACT, {**ANNA, **more}, (), "svz-1", call)
    assert isinstance(written.outcome, Succeeded), written
    return written.outcome.external_id or ""


def test_a_connection_that_says_nothing_of_cards_keeps_none(tmp_path: Path) -> None:
    assert not HttpRecords().under({}).kinds
    assert MANIFEST.keeps(CONTACT, {"records": {"url": "https://shop.example.ru/svyazka"}})
    file = tmp_path / "kofe.yaml"
    content = {
        "id": "kofe", "name": "Кофейня", "timezone": "Europe/Moscow",
        "connections": {"shop": {"vendor": "http", "url": "https://shop.example.ru"}, "crm": {"vendor": "amocrm"}},
        "flows": [{"flow": "sync_contacts", "between": ["shop", "crm"]}],
    }  # fmt: skip
    file.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    with pytest.raises(ConfigError, match="kept in step"):
        read_tenant_file(file)


@pytest.mark.parametrize(
    ("flow", "search", "create", "refused"),
    [
        ("sync_contacts", [], "shop", True), ("sync_contacts", ["name"], "all", True),
        ("sync_contacts", [], {"shop": {"once": "lead"}}, True), ("sync_contacts", [], "crm", False),
        ("sync_contacts", [], "none", False), ("sync_contacts", ["mark"], "shop", False),
        ("sync_contacts", ["email"], "shop", False), ("sync", ["name"], "shop", False), ("sync", [], "shop", True),
    ],
)  # fmt: skip
def test_nothing_is_to_be_made_in_a_system_that_cannot_be_searched(
    flow: str, search: list[str], create: object, refused: bool, tmp_path: Path
) -> None:
    """A card whose answer was lost, and a person who is there, would be made once more."""
    records = {"url": "https://shop.example.ru/svyazka", "kinds": ["contact", "company"], "search": search}
    fields = {"fields": {"name": "both"}} if flow == "sync" else {}
    content = {
        "id": "kofe", "name": "Кофейня", "timezone": "Europe/Moscow",
        "connections": {
            "shop": {"vendor": "http", "records": records}, "crm": {"vendor": "amocrm", "subdomain": "kofe"}
        },
        "flows": [{"flow": flow, "between": ["shop", "crm"], "create": create, **fields}],
    }  # fmt: skip
    file = tmp_path / "kofe.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    if not refused:
        assert read_tenant_file(file).flows
        return
    with pytest.raises(TenantFileError) as caught:
        read_tenant_file(file)
    (mistake,) = caught.value.mistakes
    assert mistake.where == "flows.0.create"
    assert "'shop'" in mistake.message
    assert "records.search" in mistake.message


async def test_a_card_that_holds_one_phone_is_given_one(vendors: Running) -> None:
    async with system(vendors, one=["phone"], requires=["phone"]) as (records, call):
        assert (records.singles, records.requires(CONTACT)) == ({"phone"}, {"phone"})
        id_ = await made(records, call)
        assert fields(vendors, id_)["phone"] == "+79991234567"
        (there,) = await records.read_many(CONTACT, [id_], call)
        assert there.elements("phone") == ("+79991234567",)
        written = await records.update(there, {"phone": ("+79991234567", "+79990000002")}, call)
        assert written is not None
        assert written.left_out == ("phone",), "the one that it holds stays"
        written = await records.update(there, {"phone": ("+79990000002",)}, call)
        assert written is not None
        assert fields(vendors, id_)["phone"] == "+79990000002"


async def test_fields_go_by_its_names_are_cut_as_it_cuts_them_and_what_it_only_shows_is_not_sent(
    vendors: Running,
) -> None:
    can = {"fields": {"birthday": "dob"}, "longest": {"name": 4}, "read_only": ["tags"]}
    async with system(vendors, **can) as (records, call):
        assert records.keeps(CONTACT, "name", "Анастасия") == "Анас"
        written = await records.create(
            CONTACT, {**ANNA, "name": "Анастасия", "birthday": "1990-02-28", "tags": ("vip",)}, (), "svz-1", call
        )
        assert written.left_out == ("tags",)
        assert written.shown is not None
        theirs = fields(vendors, written.shown.id)
        assert (theirs["dob"], theirs["name"], "tags" in theirs) == ("1990-02-28", "Анас", False)
        assert written.shown.shows("birthday") == "1990-02-28"
        cleared = await records.update(written.shown, {"birthday": CLEARED}, call)
        assert cleared is not None
        assert (theirs["dob"], cleared.shown.shows("birthday")) == (None, CLEARED)  # type: ignore[union-attr]


async def test_what_it_cannot_be_asked_is_not_asked(vendors: Running) -> None:
    async with system(vendors, search=["phone"], since=False) as (records, call):
        id_ = await made(records, call)
        assert vendors.of("http").system.cards["contact"][id_]["mark"] is None, "it has no place for a mark"
        before = len(call.http.log)
        assert await records.find(CONTACT, Key(KeyType.MARK, "svz-1"), call) is None
        assert await records.find(CONTACT, Key(KeyType.EMAIL, "a@example.test"), call) is None
        assert await records.changed(CONTACT, call.now, None, call) is None
        assert len(call.http.log) == before
        found = await records.find(CONTACT, Key(KeyType.PHONE, "+79991234567"), call)
        assert [one.id for one in found or ()] == [id_]


async def test_no_version_of_its_own_making_is_sent_as_a_header_that_it_cannot_be(vendors: Running) -> None:
    async with system(vendors) as (records, call):
        (there,) = await records.read_many(CONTACT, [await made(records, call)], call)
        for version in ('"1"', "1\r\nX-Evil: 1", "первая"):
            written = await records.update(replace(there, version=version), {"name": f"Аня {version}"}, call)
            assert written is not None
            assert isinstance(written.outcome, Succeeded), version


async def test_what_somebody_saved_since_we_read_it_is_not_overwritten(vendors: Running) -> None:
    async with system(vendors) as (records, call):
        (there,) = await records.read_many(CONTACT, [await made(records, call)], call)
        vendors.of("http").system.change("contact", there.id, {"name": "Анна Петрова"})
        written = await records.update(there, {"name": "Аня"}, call)
        assert written is not None
        assert isinstance(written.outcome, Retry)
        assert fields(vendors, there.id)["name"] == "Анна Петрова"


OWN, PAGE = {"error": "Анна Петрова уже есть", "fields": ["phone"]}, "<html>нет</html>"


@pytest.mark.parametrize(
    ("status", "body", "meant"),
    [
        (400, OWN, Refused), (409, OWN, Refused), (422, OWN, Refused), (401, OWN, Retry), (429, OWN, Retry),
        (500, OWN, Unclear), (503, PAGE, Unclear), (404, PAGE, Retry), (410, PAGE, Retry), (200, PAGE, Unclear),
        (200, {"id": "another", "fields": {}}, Unclear), (412, OWN, Retry),
    ],
)  # fmt: skip
async def test_what_an_answer_to_a_write_means(status: int, body: object, meant: type, vendors: Running) -> None:
    async with system(vendors) as (records, call):
        (there,) = await records.read_many(CONTACT, [await made(records, call)], call)
        vendors.fault("http", kind="answer", method="PATCH", status=status, body=body)
        written = await records.update(there, {"name": "Аня"}, call)
        assert written is not None
        assert isinstance(written.outcome, meant), written
        said = getattr(written.outcome, "message", "") or ""
        assert "Анна" not in said
        assert ("phone" in said) == (meant is Refused), "the names of fields are passed on, its words aren't"


@pytest.mark.parametrize(
    ("status", "body", "fate"),
    [(404, OWN, Fate.GONE), (410, OWN, Fate.DELETED), (403, OWN, Fate.HIDDEN), (404, PAGE, None), (410, {}, None),
     (200, {"id": "7", "fields": {}}, Fate.THERE), (200, {"id": "8", "fields": {}}, None),
     (200, {"ok": True}, None)],
)  # fmt: skip
async def test_only_its_own_word_says_that_a_card_is_gone(
    status: int, body: object, fate: Fate | None, vendors: Running
) -> None:
    async with system(vendors) as (records, call):
        vendors.fault("http", kind="answer", method="GET", status=status, body=body)
        if fate is not None:
            assert await records.fate(CONTACT, "7", call) is fate
            return
        with pytest.raises(VendorFailure) as caught:
            await records.fate(CONTACT, "7", call)
        assert isinstance(caught.value.outcome, Unclear if status == 200 else Retry)


SEVEN, EIGHT = ({"id": id_, "fields": {"name": "Анна", "phone": "+79991234567"}} for id_ in ("7", "8"))


@pytest.mark.parametrize(
    "body",
    [
        {"data": []}, {"objects": [SEVEN], "next": "7"}, {"objects": [], "next": "9"},
        {"objects": [EIGHT], "next": "9"}, {"objects": [EIGHT], "next": {"page": 2}},
    ],
)  # fmt: skip
async def test_a_list_that_never_ends_passes_cards_over_or_is_none_is_a_failure(body: object, vendors: Running) -> None:
    async with system(vendors) as (records, call):
        vendors.fault("http", kind="answer", method="GET", status=200, body=body)
        with pytest.raises(VendorFailure):
            await records.page(CONTACT, "7", call)


async def test_a_search_that_shows_everything_finds_nobody_and_says_so(vendors: Running) -> None:
    async with system(vendors) as (records, call):
        everything = {"objects": [SEVEN, EIGHT], "next": "8"}
        for key in (Key(KeyType.PHONE, "+79990000000"), Key(KeyType.MARK, "svz-1")):
            vendors.fault("http", kind="answer", method="GET", status=200, body=everything)
            with pytest.raises(VendorFailure, match="whatever it is asked for"):
                await records.find(CONTACT, key, call)


async def test_a_search_that_shows_others_too_and_goes_on_says_so(vendors: Running) -> None:
    """Who is asked for may stand on a further page as well."""
    other = {"id": "9", "fields": {"name": "Вера", "phone": "+79995550000"}}
    async with system(vendors) as (records, call):
        vendors.fault("http", kind="answer", method="GET", status=200, body={"objects": [SEVEN, other], "next": "9"})
        with pytest.raises(VendorFailure, match="whatever it is asked for"):
            await records.find(CONTACT, Key(KeyType.PHONE, "+79991234567"), call)
        vendors.fault("http", kind="answer", method="GET", status=200, body={"objects": [SEVEN, other], "next": None})
        found = await records.find(CONTACT, Key(KeyType.PHONE, "+79991234567"), call)
        assert [one.id for one in found or ()] == ["7"], "strangers on its one page are nobody that was asked for"


async def test_the_doctor_notices_a_search_that_is_none(vendors: Running) -> None:
    async with system(vendors, search=["phone", "mark"]) as (records, call):
        await made(records, call, name="Гость с улицы", phone=("+70000000000",))
        told = {one.check: one for one in await MANIFEST.doctor.check(call)}
        assert (told["records"].status, told["search"].status) == ("ok", "ok")
        vendors.fault("http", kind="answer", method="GET", status=200, body={"objects": []})  # its list
        vendors.fault("http", kind="answer", method="GET", status=200, body={"objects": [SEVEN]})
        told = {one.check: one for one in await MANIFEST.doctor.check(call)}
        assert told["search"].status == "fail"
        assert "phone" in told["search"].remedy


async def test_a_clock_that_is_behind_loses_no_change(vendors: Running) -> None:
    async with system(vendors, kinds=["contact"]) as (_, call):
        behind = call.now - timedelta(minutes=40)
        headers = {"Date": format_datetime(behind.astimezone(UTC), usegmt=True)}
        cursor, asked = None, []
        for minute in (0, 5):
            vendors.fault("http", kind="answer", method="GET", status=200, body={"objects": []}, headers=headers)
            polled = await HttpPolling().poll(cursor, replace(call, now=call.now + timedelta(minutes=minute)))
            cursor = polled.cursor
            asked.append(Cursor.model_validate_json(cursor or "").since)
        assert all(since <= behind + timedelta(seconds=1) for since in asked), "what is saved there now bears that time"


async def test_one_card_that_is_told_twice_is_one(vendors: Running) -> None:
    async with system(vendors) as (records, call):
        vendors.fault("http", kind="answer", method="GET", status=200, body={"objects": [SEVEN, SEVEN]})
        found = await records.find(CONTACT, Key(KeyType.PHONE, "+79991234567"), call)
        assert [one.id for one in found or ()] == ["7"]


async def test_a_field_that_an_answer_lacks_is_unread_and_one_that_is_empty_is_cleared(vendors: Running) -> None:
    odd = {
        "id": 7,
        "fields": {"phone": "", "email": [], "tags": ["vip", 3], "price": 10.5, "deep": {"a": 1}, "ok": True,
                   "numbers": [{"number": "+79991234567"}], "mixed": ["+79991234567", {}], "blanks": ["", None],
                   "long": "ы" * 10_001},
    }  # fmt: skip
    async with system(vendors) as (records, call):
        others = [{"fields": {}}, 5, {"id": "9" * 101, "fields": {}}]
        vendors.fault("http", kind="answer", method="GET", status=200, body={"objects": [odd, *others]})
        (one,) = (await records.page(CONTACT, None, call)).objects
    assert one.id == "7"
    assert {name: one.shows(name) for name in ("name", *odd["fields"])} == {
        "phone": CLEARED, "email": CLEARED, "tags": ("vip", "3"), "price": "10.5", "deep": UNREAD, "ok": True,
        "name": UNREAD, "numbers": UNREAD, "mixed": UNREAD, "blanks": CLEARED, "long": UNREAD,
    }  # fmt: skip


async def test_what_it_calls_as_we_call_another_of_its_fields_is_none_of_ours(vendors: Running) -> None:
    async with system(vendors, fields={"phone": "mobile"}, one=["phone"]) as (records, call):
        card = {"id": "7", "fields": {"mobile": "+79991234567", "phone": "+74951234567"}}
        vendors.fault("http", kind="answer", method="GET", status=200, body={"objects": [card]})
        (one,) = (await records.page(CONTACT, None, call)).objects
        assert one.elements("phone") == ("+79991234567",)
        id_ = await made(records, call, mobile="нет")
        assert fields(vendors, id_)["mobile"] == "+79991234567"


async def test_a_card_without_a_version_is_news_to_each_look_and_one_with_it_once(vendors: Running) -> None:
    cursor, keys = None, list[object]()
    body = {"objects": [{**SEVEN, "version": "3"}, EIGHT]}
    async with system(vendors) as (_, call):
        for minute in range(3):
            vendors.fault("http", kind="answer", method="GET", status=200, body=body)
            polled = await HttpPolling().poll(cursor, replace(call, now=call.now + timedelta(minutes=minute)))
            cursor = polled.cursor
            keys += [fact.key for fact in polled.facts]
    assert len(keys) == len(set(keys)) == 4


async def test_a_card_that_its_list_of_changes_shows_as_deleted_was_deleted(vendors: Running) -> None:
    gone = {"id": "9", "deleted": True, "version": "4", "changed_at": "2026-03-14T15:53:01Z"}
    body = {"objects": [{**SEVEN, "version": "3"}, {"id": "8", "deleted": True}, gone], "next": None}
    cursor, facts = None, list[Fact]()
    async with system(vendors) as (records, call):
        for minute in range(2):
            vendors.fault("http", kind="answer", method="GET", status=200, body=body)
            polled = await HttpPolling().poll(cursor, replace(call, now=call.now + timedelta(minutes=minute)))
            cursor = polled.cursor
            facts += polled.facts
        told = [(one.type, one.about[0].id, one.about[0].change) for one in facts]
        eight = (EventType.CONTACT_DELETED, "8", Change.DELETED)
        assert told == [
            (EventType.CONTACT_CHANGED, "7", Change.UPDATED), eight, (EventType.CONTACT_DELETED, "9", Change.DELETED),
            eight,  # it bears no version: news to each look
        ]  # fmt: skip
        assert len({one.key for one in facts}) == len(facts), "each is an event of its own"
        assert all(one.key is not None for one in facts)
        vendors.fault("http", kind="answer", method="GET", status=200, body=body)
        page = await records.changed(CONTACT, call.now, None, call)
        flagged = {**SEVEN, "version": "3", "deleted": True}
        vendors.fault("http", kind="answer", method="GET", status=200, body={"objects": [flagged]})
        polled = await HttpPolling().poll(cursor, call)
        assert [one.about[0].change for one in polled.facts] == [Change.DELETED], "though its version is the old one"
        assert [one.id for one in page.objects] == ["7"], "nothing is compared with what was deleted"  # type: ignore[union-attr]


TOLD = b'{"type": "record.changed", "timestamp": "2026-03-14T15:53:01Z", "data": %s}'


def told(data: bytes, **public: Any) -> list[Fact | Unreadable]:
    return WEBHOOK.parse(posted(TOLD % data, ("content-type", "application/json")), Inbound(public, {}))


def test_its_webhook_says_only_which_cards_are_to_be_looked_at() -> None:
    (one, other, odd) = told(
        b'[{"kind": "contact", "id": 7, "version": "3"}, {"kind": "company", "id": "x", "change": "deleted"},'
        b' {"kind": "planet", "id": "7"}]'
    )
    assert isinstance(one, Fact)
    assert (one.about, one.key) == ((Hint(kind="contact", id="7"),), ("card", "contact", "7", "3"))
    assert isinstance(other, Fact)
    assert (other.about[0].change, other.type, other.key) == (Change.DELETED, EventType.CONTACT_DELETED, None)
    assert isinstance(odd, Unreadable)
    (back,) = told(b'{"kind": "contact", "id": "7", "version": "3", "change": "restored"}')
    assert isinstance(back, Fact)
    assert back.key != one.key, "it came back as it was, which is news all the same"
    (too_many,) = told(b'[%s{"kind": "contact", "id": "7"}]' % (b'{"kind": "contact", "id": "7"},' * 1000))
    assert isinstance(too_many, Unreadable)
    (own,) = told(b'{"kind": "contact", "id": "7"}', types={"record.changed": "lead.created"})
    assert isinstance(own, Fact)
    assert own.type is EventType.LEAD_CREATED, "whoever uses that word for something of its own is understood as before"
