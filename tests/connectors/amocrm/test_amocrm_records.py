"""What only amoCRM's cards do: its own fields and stages, whole lists, moved accounts, people without rights."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.conftest import TOKEN
from connectors.support import NOW, calling, perform
from simulators.amocrm import AmocrmSimulator
from simulators.amocrm.cards import ACCOUNT_ID, UNSORTED
from simulators.serve import Running
from svyazka.connectors.amocrm.cards import keeps
from svyazka.connectors.amocrm.dictionary import CustomField
from svyazka.connectors.amocrm.manifest import MANIFEST
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.connectors.amocrm.values import sent, shown
from svyazka.engine.contracts.calls import Call, Exchanges
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.outbound.transport import AiohttpClient
from svyazka.engine.support.requests import Request
from svyazka.model.commands import AddTask, Command, PutRecord
from svyazka.model.contacts import Contact
from svyazka.model.errors import ConfigError
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded
from svyazka.model.records import CLEARED, UNREAD, Key, KeyType, Link, Match, RecordKind, Target
from svyazka.model.references import Existing
from vendors.amocrm import CRM
from vendors.parts.base import told

CONTACT, DEAL = RecordKind.CONTACT, RecordKind.DEAL
BRIEF = {
    "pipeline": 10226282, "status": 80953554, "responsible": 12380450,
    "fields": {"serial": 712629, "model": 712631, "telegram": 712633},
}  # fmt: skip
IVAN = Contact(name="Иван", phone="+79991234567", chats={"telegram": "77001"})


@pytest.fixture
def account(amo: Running) -> AmocrmSimulator:
    """With the fields, the pipeline and the manager of the business that asked for this."""
    CRM.open(amo)
    found: AmocrmSimulator = amo.of("amocrm")
    found.pipelines[10226282] = [80953550, 80953554, 142, 143]
    found.users[12380450] = "Менеджер"
    return found


@asynccontextmanager
async def connected(amo: Running, around: Mapping[str, Any] | None = None, **settings: Any) -> AsyncIterator[Call[Any]]:
    given = AmocrmSettings.model_validate({"base_url": amo.base_url("amocrm"), "token": TOKEN, **settings})
    async with calling(given, amo.base_url("amocrm"), **(around or {})) as call:
        yield call


async def put(call: Call[Any], command: Command) -> Outcome:
    return await perform(MANIFEST, command, call)


async def made(call: Call[Any], command: Command) -> int:
    outcome = await put(call, command)
    assert isinstance(outcome, Succeeded), outcome
    return int(outcome.external_id or 0)


def values(card: Mapping[str, Any]) -> dict[int, list[Any]]:
    return {one["field_id"]: [value["value"] for value in one["values"]] for one in card["custom_fields_values"] or ()}


# The business's own fields and stages


async def test_the_briefs_own_fields_stage_and_manager_work_through_the_settings(
    amo: Running, account: AmocrmSimulator
) -> None:
    async with connected(amo, **BRIEF) as call:
        person = await made(call, PutRecord(record=CONTACT, person=IVAN))
        deal = await made(
            call,
            PutRecord(
                record=DEAL, person=IVAN, links=(Link(kind=CONTACT, to=Existing(id=str(person)), main=True),),
                fields={"title": "Запчасть", "price": "12500.00", "serial": "SN-77", "model": "ЧПУ-3"},
            ),
        )  # fmt: skip
    card = account.cards["leads"][deal]
    assert (card["pipeline_id"], card["status_id"], card["responsible_user_id"]) == (10226282, 80953554, 12380450)
    assert (card["name"], card["price"]) == ("Запчасть", 12500)
    assert values(card) == {712629: ["SN-77"], 712631: ["ЧПУ-3"], 712633: ["77001"]}
    assert [one["id"] for one in card["_embedded"]["contacts"]] == [person]
    assert account.cards["contacts"][person]["responsible_user_id"] == 12380450


async def test_a_source_is_the_integrations_own_and_the_others_go_into_a_field(
    amo: Running, account: AmocrmSimulator
) -> None:
    settings = {"sources": {"site": "src-site"}, "fields": {"source": "600001"}}
    async with connected(amo, **settings) as call:
        fields = {"title": "Заявка", "source": "site", "utm_source": "yandex", "utm_term": "кофе"}
        first = await made(call, PutRecord(record=DEAL, fields=fields))
        outcome = await put(call, PutRecord(record=DEAL, fields={"title": "Заявка", "source": "telegram mini app"}))
    assert account.cards["leads"][first]["source"] == {"external_id": "src-site", "type": "widget"}
    assert values(account.cards["leads"][first]) == {300203: ["yandex"], 300204: ["кофе"]}
    assert isinstance(outcome, Succeeded)
    assert values(account.cards["leads"][int(outcome.external_id or 0)]) == {600001: ["Telegram Mini App"]}
    assert outcome.message is None


async def test_a_value_that_its_field_cannot_take_is_left_out_and_said(amo: Running, account: AmocrmSimulator) -> None:
    settings = {"fields": {"paid_by": "600013", "discount": "600007", "visit_day": "600003"}}
    fields = {"title": "Заказ", "paid_by": "биткоин", "discount": "много", "visit_day": "завтра", "unmapped": "x"}
    async with connected(amo, **settings) as call:
        outcome = await put(call, PutRecord(record=DEAL, fields=fields))
    assert isinstance(outcome, Succeeded)
    assert "discount, paid_by, unmapped, visit_day" in str(outcome.message)
    assert values(account.cards["leads"][int(outcome.external_id or 0)]) == {}


async def test_a_stage_that_is_not_there_is_refused_with_its_place(amo: Running, account: AmocrmSimulator) -> None:
    async with connected(amo, pipeline=7000001, status=999) as call:
        outcome = await put(call, PutRecord(record=DEAL, fields={"title": "Заказ"}))
    assert isinstance(outcome, Refused)
    assert "status_id" in outcome.message
    assert account.effects == []


async def test_a_new_deal_goes_by_way_of_the_unsorted_where_that_is_wanted(
    amo: Running, account: AmocrmSimulator
) -> None:
    async with connected(amo, unsorted=True, mark_field="SVYAZKA", **BRIEF) as call:
        person = await made(call, PutRecord(record=CONTACT, person=IVAN))
        links = (Link(kind=CONTACT, to=Existing(id=str(person)), main=True),)
        deal = await made(call, PutRecord(record=DEAL, fields={"title": "Заявка", "serial": "SN"}, links=links))
    card = account.cards["leads"][deal]
    assert (card["status_id"], card["pipeline_id"]) == (UNSORTED, 10226282)
    assert [one["id"] for one in card["_embedded"]["contacts"]] == [person]
    assert values(card)[712629] == ["SN"]


async def test_a_task_is_the_managers(amo: Running, account: AmocrmSimulator) -> None:
    async with connected(amo, **BRIEF) as call:
        person = await made(call, PutRecord(record=CONTACT, person=IVAN))
        on = Target(kind=CONTACT, to=Existing(id=str(person)))
        due = NOW + timedelta(hours=2)
        first = await made(call, AddTask(on=on, text="Перезвонить", due_at=due))
        second = await made(call, AddTask(on=on, text="Встреча", due_at=due, responsible="9100002"))
    assert account.tasks[first]["responsible_user_id"] == 12380450
    assert account.tasks[first]["complete_till"] == int(due.timestamp())
    assert account.tasks[second]["responsible_user_id"] == 9100002


# Whole lists


async def test_what_stands_in_a_list_is_sent_back_as_it_was(amo: Running, account: AmocrmSimulator) -> None:
    def people_wrote() -> int:
        given = {
            "name": "Иван",
            "phone": ["8 916 111-22-33, 8 (495) 123-45-67", "доб. 5"],
            "email": "ivan@example.test",
        }
        card = account.add("contacts", given)
        card["custom_fields_values"][0]["values"][0] |= {"enum_id": 400001, "enum_code": "WORK"}
        return int(card["id"])

    id_ = told(amo, people_wrote)
    async with connected(amo) as call:
        person = Contact(name="Иван", phone="+74951234567", email="IVAN@example.test")
        assert await made(call, PutRecord(record=CONTACT, person=person)) == id_
        assert account.effects == [], "each number of a value counts"
        more = PutRecord(record=CONTACT, ref=Existing(id=str(id_)), fields={"phone": ["+79991234567", "+79161112233"]})
        assert await made(call, more) == id_
    phones = next(one for one in account.cards["contacts"][id_]["custom_fields_values"] if one["field_code"] == "PHONE")
    assert [(one["value"], one["enum_code"]) for one in phones["values"]] == [
        ("8 916 111-22-33, 8 (495) 123-45-67", "WORK"), ("доб. 5", "MOB"), ("+79991234567", "MOB"),
    ]  # fmt: skip


# Rights and filters


async def test_without_the_list_of_fields_what_is_named_is_written_all_the_same(
    amo: Running, account: AmocrmSimulator
) -> None:
    account.admin = False
    async with connected(amo, mark_field={"deal": 600005}, **BRIEF) as call:
        command = PutRecord(
            record=DEAL, match=Match(mark="m-1"), person=IVAN, fields={"title": "Заказ", "serial": "SN"}
        )
        deal = await made(call, command)
        assert await made(call, command) == deal
        (card,) = await MANIFEST.records.read_many(DEAL, [str(deal)], call)  # type: ignore[union-attr]
        assert (card.shows("serial"), card.shows("model")) == ("SN", UNREAD), "nobody said which fields there are"
        assert await made(call, PutRecord(record=CONTACT, person=IVAN))
    assert values(account.cards["leads"][deal]) == {712629: ["SN"], 712633: ["77001"], 600005: ["m-1"]}


async def test_without_filters_our_mark_is_found_by_the_search_and_cards_one_by_one(
    amo: Running, account: AmocrmSimulator
) -> None:
    account.filters = False
    async with connected(amo, mark_field="SVYAZKA") as call:
        records = MANIFEST.records
        assert records is not None
        ids = [
            await made(call, PutRecord(record=CONTACT, match=Match(mark=mark), fields={"name": mark}))
            for mark in ("m-1", "m-11")
        ]
        found = await records.find(CONTACT, Key(KeyType.MARK, "m-1"), call)
        assert [int(one.id) for one in found or ()] == ids[:1]
        assert {int(one.id) for one in await records.read_many(CONTACT, [*map(str, ids), "999"], call)} == set(ids)


async def test_without_a_field_for_our_mark_nothing_is_asked_by_it(amo: Running, account: AmocrmSimulator) -> None:
    async with connected(amo) as call:
        assert MANIFEST.records is not None
        assert await MANIFEST.records.find(DEAL, Key(KeyType.MARK, "m-1"), call) is None
        assert await MANIFEST.records.find(CONTACT, Key(KeyType.CHAT, "telegram:77"), call) is None


async def test_a_card_that_this_user_never_sees_is_none_to_write_into_and_stops_nothing(
    amo: Running, account: AmocrmSimulator
) -> None:
    refusal = {"title": "Forbidden", "status": 403, "detail": "no rights"}
    amo.fault("amocrm", kind="answer", path="/api/v4/leads/7", status=403, body=refusal, times=-1)
    async with connected(amo) as call:
        outcome = await put(call, PutRecord(record=DEAL, ref=Existing(id="7"), fields={"title": "Заказ"}))
    assert isinstance(outcome, Refused)
    assert outcome.code == "gone"


async def test_a_wall_stops_every_call_of_the_account_for_an_hour(amo: Running, account: AmocrmSimulator) -> None:
    amo.fault("amocrm", kind="answer", path="/api/v4/leads", status=403, body="<html>403 Forbidden</html>")
    memo: dict[str, Any] = {}
    async with connected(amo, {"memo": memo}) as call:
        outcome = await put(call, PutRecord(record=DEAL, fields={"title": "Заказ"}))
        assert isinstance(outcome, Retry)
        assert (outcome.after, outcome.maybe_sent) == (3600, False)
        before = len(account.calls)
        assert isinstance(await put(call, PutRecord(record=CONTACT, person=IVAN)), Retry)
        assert len(account.calls) == before


# An account that moved


class ToLoopback(AiohttpClient):
    """Every host is the stand-in, which looks at the name that it was called by; who was called is kept."""

    def __init__(self, amo: Running) -> None:
        super().__init__(httpx.create_ssl_context(), 4)
        self._there, self.hosts = httpx.URL(amo.base_url("amocrm")), list[str]()

    async def send(self, request: Request, **how: Any) -> httpx.Response:
        url = httpx.URL(request.url)
        self.hosts.append(url.host)
        there = f"{self._there}{url.raw_path.decode()}"
        return await super().send(replace(request, url=there, headers={**request.headers, "host": url.host}), **how)


@asynccontextmanager
async def by_name(amo: Running) -> AsyncIterator[tuple[Call[Any], list[str]]]:
    """An account that is called by its own name."""
    client = ToLoopback(amo)
    try:
        settings = AmocrmSettings(subdomain="kofeinya-test", token=TOKEN)
        http = Exchanges(client, base_url="", deadline=time.monotonic() + 20)
        yield Call(tenant="kofe", connection="c", settings=settings, http=http, key="dlv_1.1", now=NOW), client.hosts
    finally:
        await client.close()


@pytest.mark.parametrize("old", ["redirect", "refuse"])
async def test_a_renamed_account_is_followed_and_remembered(amo: Running, account: AmocrmSimulator, old: Any) -> None:
    account.grants.subdomain, account.renamed = "novoe-imya", old
    async with by_name(amo) as (call, hosts):
        await made(call, PutRecord(record=CONTACT, person=IVAN))
        asked = hosts.index("novoe-imya.amocrm.ru")
        assert set(hosts[:asked]) <= {"kofeinya-test.amocrm.ru", "www.amocrm.ru"}
        assert set(hosts[asked:]) == {"novoe-imya.amocrm.ru"}, "nobody asks the old address again"
        findings = {one.check: one for one in await MANIFEST.doctor.check(call)}  # type: ignore[union-attr]
        assert (findings["access"].status, findings["subdomain"].status) == ("ok", "warn")
    assert account.grants.subdomain in findings["subdomain"].message


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/api/v4/account", "https://amocrm.ru.evil.example/x", "https://evil.example/.amocrm.ru",
        "http://novoe.amocrm.ru/api/v4/account", "https://www.amocrm.ru/", "//novoe.kommo.com.evil.example", "",
    ],
)  # fmt: skip
async def test_a_token_is_shown_to_nobody_else(amo: Running, account: AmocrmSimulator, location: str) -> None:
    amo.fault("amocrm", kind="answer", path="*", status=302, headers={"location": location}, times=-1)
    async with by_name(amo) as (call, hosts):
        with pytest.raises(VendorFailure) as caught:
            await MANIFEST.records.find(CONTACT, Key(KeyType.PHONE, "+79991234567"), call)  # type: ignore[union-attr]
    assert isinstance(caught.value.outcome, Blocked)
    assert set(hosts) == {"kofeinya-test.amocrm.ru"}


async def test_a_token_that_was_revoked_is_looked_up_once(amo: Running, account: AmocrmSimulator) -> None:
    account.grants.long_lived.clear()
    async with by_name(amo) as (call, hosts):
        for _ in range(3):
            with pytest.raises(VendorFailure) as caught:
                await MANIFEST.records.find(CONTACT, Key(KeyType.PHONE, "+79991234567"), call)  # type: ignore[union-attr]
            assert isinstance(caught.value.outcome, Blocked)
    assert hosts.count("www.amocrm.ru") == 1


# The doctor and the settings


@pytest.mark.parametrize(
    ("settings", "check", "status", "words"),
    [
        (BRIEF, "fields", "ok", "3 fields"),
        ({"fields": {"serial": 1}}, "fields", "fail", "1"),
        ({**BRIEF, "status": 60000011}, "status", "fail", "60000011"),
        ({"mark_field": "NOBODYS"}, "fields", "fail", "NOBODYS"),
        ({"responsible": 12380450}, "mark_field", "warn", "mark_field"),
    ],
)
async def test_the_doctor_looks_at_what_will_be_written(
    amo: Running, account: AmocrmSimulator, settings: dict[str, Any], check: str, status: str, words: str
) -> None:
    async with connected(amo, account_id=str(ACCOUNT_ID), **settings) as call:
        assert MANIFEST.doctor is not None
        found = {one.check: one for one in await MANIFEST.doctor.check(call)}
    assert (found[check].status, words in found[check].message) == (status, True), found[check]


@pytest.mark.parametrize(
    "wrong",
    [{"fields": {"Serial": 1}}, {"fields": {"lead.serial": 1}}, {"fields": {"serial": "phone"}}, {"mark_field": "x y"},
     {"mark_field": {"visit": 5}}, {"mark_field": {"task": 5}}],
)  # fmt: skip
def test_a_mistaken_setting_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, ConfigError)):
        AmocrmSettings.model_validate(wrong)


# Values by type

ZONE = "Asia/Yekaterinburg"
DATES = [
    ("date", "2026-03-29", "2026-03-29T00:00:00+05:00"), ("date", "2026-12-31", "2026-12-31T00:00:00+05:00"),
    ("birthday", "1990-02-28", "1990-02-28T00:00:00+05:00"),
    ("date_time", "2026-03-29T02:30:00", "2026-03-29T02:30:00+05:00"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "ours", "theirs"), DATES)
def test_a_date_is_the_midnight_of_the_accounts_zone(type_: str, ours: str, theirs: str) -> None:
    field = CustomField(1, None, type_)
    assert sent(field, ours, ZONE) == [{"value": theirs}]
    assert str(shown(field, {"values": [{"value": theirs}]}, ZONE)).startswith(ours)


def test_dates_are_read_in_each_of_their_forms() -> None:
    field = CustomField(1, None, "date")
    for value in (1774724400, "1774724400", "2026-03-29T00:00:00+05:00", 1774742400):
        assert shown(field, {"values": [{"value": value}]}, ZONE) == "2026-03-29", value
    assert shown(field, {"values": []}, ZONE) is CLEARED
    assert shown(CustomField(1, None, "file"), {"values": [{"value": {"file_uuid": "x"}}]}, ZONE) is UNREAD


@pytest.mark.parametrize(
    ("price", "kept"), [("1500.50", "1501"), ("1 500,49", "1500"), ("0.5", "1"), ("-10", "-10"), ("даром", "даром")]
)
def test_a_price_is_kept_in_whole_roubles(price: str, kept: str) -> None:
    assert keeps(DEAL, "price", price) == kept
