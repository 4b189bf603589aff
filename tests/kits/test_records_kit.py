"""The kit of everything that keeps people, companies and deals: found by whatever tells them, once, and nothing is lost
in them.

A vendor takes part by `crm` of its description (`tests/vendors/<vendor>.py`); one that keeps records and has none
fails. What is written is counted at its stand-in.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest

from connectors.support import NOW, calling, perform, posted
from kits.rows import IN_PLACE_OF, PAGE, SAYING_NOTHING, is_as_its_row
from shop import POINTS, Killed, Shop
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest, load_webhook
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, LinkTo, New, Quiet, Records, Replaces
from svyazka.engine.contracts.webhook import Inbound
from svyazka.engine.rules.what_differs import normal, normal_element
from svyazka.model.commands import AddNote, AddTask, Command, PutRecord, Repeat
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.events import Change, Fact, Hint
from svyazka.model.names import same_person
from svyazka.model.outcomes import Blocked, GaveBack, Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.reasons import Reason
from svyazka.model.records import CLEARED, SETS, UNREAD, Key, KeyType, Link, Match, Object, ObjectId, RecordKind, Target
from svyazka.model.references import Existing
from vendors import CRMS, HOOKS
from vendors import VENDORS as DESCRIBED

CONTACT, COMPANY, DEAL = RecordKind.CONTACT, RecordKind.COMPANY, RecordKind.DEAL
NAMES = sorted(name for name in VENDORS if load_manifest(name).records is not None)
EVERY = pytest.mark.parametrize("name", NAMES)
KINDS = pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in NAMES if name in CRMS for kind in CRMS[name].fields]
)
PHONE, MAIL = "+79991234567", "anna@example.test"
ANNA = Contact(name="Анна Петрова", phone="8 (999) 123-45-67", email="Anna@Example.test")
ANNAS = PutRecord(record=CONTACT, person=ANNA)
ODD = "Ёлка «№ 7» & <b>Ко</b> 100% \u00a0 😀 \" ' \\ O'Нил"


def records_of(name: str) -> Records[Any]:
    found = load_manifest(name).records
    assert found is not None
    return found


def settings_of(name: str, vendors: Running) -> dict[str, Any]:
    return {**CRMS[name].settings, **CRMS[name].secrets, "base_url": vendors.base_url(name)}


@asynccontextmanager
async def connected(name: str, vendors: Running, **around: Any) -> AsyncIterator[Call[Any]]:
    """A call to the vendor's stand-in, which lets us in."""
    CRMS[name].open(vendors)
    settings = load_manifest(name).settings.model_validate(settings_of(name, vendors))
    async with calling(settings, vendors.base_url(name), **around) as call:
        yield call


@pytest.fixture
async def shop(name: str, vendors: Running) -> AsyncIterator[Shop]:
    """The engine, with this vendor as its CRM, at the pace that it keeps with it: waiting costs no real time here."""
    CRMS[name].open(vendors)
    settings = {setting: value for setting, value in settings_of(name, vendors).items() if setting != "limit"}
    made = Shop(load_manifest(name), settings)
    await made.settle_in()
    simulator, step = vendors.of(name), made.clock.step

    def together(seconds: float = 0.0) -> None:
        step(seconds)
        simulator.ahead = made.clock.now().timestamp() - time.time()

    made.clock.step = together  # type: ignore[method-assign]
    together()
    yield made
    await made.clients.close()


async def read(name: str, call: Call[Any], kind: RecordKind, id_: str) -> Object:
    (found,) = await records_of(name).read_many(kind, [id_], call)
    return found


async def done(name: str, call: Call[Any], command: Command) -> str:
    """Carried out; the id of what it found or made."""
    outcome = await perform(load_manifest(name), command, call)
    assert isinstance(outcome, Succeeded), outcome
    assert outcome.external_id is not None
    return outcome.external_id


def main_kind(name: str) -> RecordKind:
    """What it is for: sales where it has some, else people."""
    return DEAL if DEAL in records_of(name).kinds else CONTACT


def title_of(kind: RecordKind) -> str:
    return "title" if kind is DEAL else "name"


def new(vendor: str, kind: RecordKind, mark: str | None = "m-1", /, **fields: Any) -> PutRecord:
    """A card of which no more is said than its system wants, and these fields."""
    least = {one: CRMS[vendor].fields[kind][one] for one in records_of(vendor).requires(kind)}
    match = Match(mark=mark) if mark is not None else None
    return PutRecord(record=kind, match=match, fields=as_given({**least, **fields}))


def writes(name: str, vendors: Running) -> Counter[str]:
    return CRMS[name].done(vendors)


def same(kind: RecordKind, name: str, shown: Mapping[str, object], wanted: Mapping[str, Any]) -> list[str]:
    """Fields that don't show what was written, as the system keeps it."""
    keeps = records_of(name).keeps
    return [
        field
        for field, value in wanted.items()
        if normal(field, shown.get(field, "")) != normal(field, keeps(kind, field, value))  # type: ignore[arg-type]
    ]


# What is stated


@pytest.mark.parametrize("name", sorted({*NAMES, *CRMS}))
async def test_whoever_keeps_records_takes_part(name: str) -> None:
    assert name in CRMS, f"tests/vendors/{name}.py: {name} keeps records: VENDOR wants `crm=Crm(...)`"
    assert name in NAMES, f"tests/vendors/{name}.py: `crm` is of no use, {name}'s manifest has no `records`"


@EVERY
async def test_what_a_repeat_means_is_stated_for_each_write(name: str) -> None:
    records = records_of(name)
    assert set(CRMS[name].fields) == set(records.kinds) == set(CRMS[name].optional)
    for operation in filter(None, (records.creating, records.noting, records.tasking)):
        assert operation.safety.repeat in (Repeat.CHECKABLE, Repeat.IDEMPOTENT), "or one cut answer leaves it unknown"
        assert operation.safety.ask_after > timedelta()
    assert records.updating.safety.repeat is Repeat.IDEMPOTENT
    stated = {records.quiet(kind, one) for kind in records.kinds for one in (records.creating, records.updating)}
    assert stated <= set(Quiet)
    assert records.singles <= SETS
    assert not any(records.read_only & set(fields) for fields in CRMS[name].fields.values())
    assert all(records.requires(kind) <= set(CRMS[name].fields[kind]) for kind in records.kinds)


# Found

SPELLED = ("+79991234567", "8 (999) 123-45-67", "79991234567", "+7 999 123-45-67", "8-999-123-45-67", "9991234567")


@EVERY
@pytest.mark.parametrize("spelled", SPELLED)
async def test_a_person_is_found_however_his_phone_is_spelled_there(name: str, spelled: str, vendors: Running) -> None:
    async with connected(name, vendors) as call:
        anna = CRMS[name].person(vendors, {"name": "Анна", "phones": [spelled], "emails": ["other@example.test"]})
        CRMS[name].person(vendors, {"name": "Чужой", "phones": ["+74991234567"], "emails": []})
        CRMS[name].person(vendors, {"name": "Заметка", "phones": [], "emails": [], "comment": f"жена: {PHONE}"})
        found = await records_of(name).find(CONTACT, Key(KeyType.PHONE, PHONE), call)
        assert [one.id for one in found or ()] == [anna]
        assert await done(name, call, ANNAS) == anna
        holds_one = "email" in records_of(name).singles
        assert writes(name, vendors) == ({} if holds_one else {"update contact": 1})
        after = await read(name, call, CONTACT, anna)
        assert spelled in after.elements("phone"), "its spelling stays"
        assert len(after.elements("phone")) == 1
        assert set(after.elements("email")) == {"other@example.test"} | (set() if holds_one else {MAIL})


@EVERY
async def test_a_person_is_found_by_mail_and_by_chat_and_by_our_mark(name: str, vendors: Running) -> None:
    chat = CRMS[name].chat
    async with connected(name, vendors) as call:
        by_mail = CRMS[name].person(vendors, {"name": "Анна", "phones": [], "emails": ["ANNA@example.test"]})
        CRMS[name].person(vendors, {"name": "Нина", "phones": [], "emails": ["joanna@example.test"]})
        assert await done(name, call, PutRecord(record=CONTACT, person=Contact(email=MAIL))) == by_mail
        if CRMS[name].marks:
            marked = new(name, CONTACT, "shop-7", name="Пётр")
            made = await done(name, call, marked)
            assert await done(name, call, marked) == made
        if chat is not None:
            by_chat = CRMS[name].person(vendors, {"name": "Ольга", "phones": [], "emails": [], chat: "5550077"})
            assert await done(name, call, PutRecord(record=CONTACT, person=Contact(chats={chat: "5550077"}))) == by_chat
            other = await records_of(name).find(CONTACT, Key(KeyType.CHAT, f"{chat}:555007"), call)
            assert other == (), "a part of an id is another's"
        assert writes(name, vendors)["create contact"] == CRMS[name].marks


@EVERY
async def test_who_shares_a_phone_under_another_name_is_another_person(name: str, vendors: Running) -> None:
    async with connected(name, vendors) as call:
        CRMS[name].person(vendors, {"name": "Анна Петрова", "phones": [PHONE], "emails": []})
        if CRMS[name].one_of_a_phone:
            command = PutRecord(record=CONTACT, person=Contact(name="Пётр", phone=PHONE))
            assert isinstance(await perform(load_manifest(name), command, call), Refused)
            assert writes(name, vendors) == {}
            return
        son = await done(name, call, PutRecord(record=CONTACT, person=Contact(name="Пётр", phone=PHONE)))
        assert await done(name, call, PutRecord(record=CONTACT, person=Contact(name="Петя", phone=PHONE))) == son
        assert await done(name, call, ANNAS) != son
        assert writes(name, vendors)["create contact"] == 1


@EVERY
async def test_a_company_is_found_by_its_name(name: str, vendors: Running) -> None:
    if COMPANY not in records_of(name).kinds:
        pytest.skip("it keeps no companies")
    async with connected(name, vendors) as call:
        company = PutRecord(record=COMPANY, match=Match(name='ООО "Ромашка"'), fields={"name": 'ООО "Ромашка"'})
        made = await done(name, call, company)
        again = company.model_copy(update={"match": Match(name="ооо «ромашка»")})
        assert await done(name, call, again) == made
        other = PutRecord(record=COMPANY, match=Match(name="ООО Ромашка-2"), fields={"name": "ООО Ромашка-2"})
        assert await done(name, call, other) != made


# Written and read


@KINDS
async def test_what_was_written_is_read_and_is_not_written_again(name: str, kind: RecordKind, vendors: Running) -> None:
    fields = CRMS[name].fields[kind]
    async with connected(name, vendors) as call:
        command = PutRecord(
            record=kind, match=Match(mark="m-1"), overwrite="differs",
            fields={field: list(value) if isinstance(value, tuple) else value for field, value in fields.items()},
        )  # fmt: skip
        id_ = await done(name, call, command)
        shown = await read(name, call, kind, id_)
        assert same(kind, name, shown.fields, fields) == []
        assert shown.version
        assert shown.changed_at is not None
        assert kind is not DEAL or shown.created_at is not None
        assert await done(name, call, command.model_copy(update={"match": None, "ref": Existing(id=id_)})) == id_
        assert writes(name, vendors) == {f"create {kind}": 1}


@KINDS
async def test_odd_letters_come_back_as_they_went(name: str, kind: RecordKind, vendors: Running) -> None:
    title = title_of(kind)
    async with connected(name, vendors) as call:
        made = new(name, kind, **{title: ODD})
        id_ = await done(name, call, made)
        assert same(kind, name, (await read(name, call, kind, id_)).fields, {title: ODD}) == []
        long = made.model_copy(update={"fields": {title: ODD * 20}, "overwrite": "differs", "ref": Existing(id=id_)})
        assert await done(name, call, long) == id_
        assert await done(name, call, long) == id_
        assert writes(name, vendors)[f"update {kind}"] == 1, "what the system cut is no difference"


@KINDS
async def test_only_what_differs_is_written_and_nothing_else_is_touched(
    name: str, kind: RecordKind, vendors: Running
) -> None:
    field = CRMS[name].optional[kind]
    async with connected(name, vendors) as call:
        whole = PutRecord(record=kind, match=Match(mark="m-1"), fields=as_given(CRMS[name].fields[kind]))
        id_ = await done(name, call, whole)
        before = await read(name, call, kind, id_)
        emptied = PutRecord(record=kind, ref=Existing(id=id_), fields={field: None}, overwrite="differs")
        await done(name, call, emptied)
        after = await read(name, call, kind, id_)
        assert after.shows(field) is CLEARED
        others = set(before.fields) - {field}
        assert {one: after.shows(one) for one in others} == {one: before.shows(one) for one in others}
        await done(name, call, emptied)
        await done(name, call, whole.model_copy(update={"match": None, "ref": Existing(id=id_)}))
        assert (await read(name, call, kind, id_)).fields == before.fields, "what is empty is filled again"
        assert writes(name, vendors) == {f"create {kind}": 1, f"update {kind}": 2}


def as_given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {field: list(value) if isinstance(value, tuple) else value for field, value in fields.items()}


@EVERY
async def test_what_tells_a_person_is_never_emptied(name: str, vendors: Running) -> None:
    async with connected(name, vendors) as call:
        id_ = await done(name, call, ANNAS)
        blank = {"phone": None, "email": [], "name": ""}
        await done(name, call, PutRecord(record=CONTACT, ref=Existing(id=id_), fields=blank, overwrite="differs"))
        assert same(CONTACT, name, (await read(name, call, CONTACT, id_)).fields, {"phone": (PHONE,)}) == []
        assert writes(name, vendors) == {"create contact": 1}


@KINDS
async def test_a_right_taken_away_makes_a_field_unread_and_it_is_not_written(
    name: str, kind: RecordKind, vendors: Running
) -> None:
    field = CRMS[name].optional[kind]
    async with connected(name, vendors) as call:
        whole = PutRecord(record=kind, match=Match(mark="m-1"), fields=as_given(CRMS[name].fields[kind]))
        id_ = await done(name, call, whole)
        CRMS[name].hide(vendors, kind, field)
        call.memo.clear()
        assert (await read(name, call, kind, id_)).shows(field) is UNREAD
        change = {field: "changed", title_of(kind): "Другое"}
        command = PutRecord(record=kind, ref=Existing(id=id_), fields=change, overwrite="differs")
        if records_of(name).updating.replaces is Replaces.OBJECT:
            outcome = await perform(load_manifest(name), command, call)
            assert isinstance(outcome, Refused), "what isn't shown would be lost by putting the rest back"
            assert writes(name, vendors) == {f"create {kind}": 1}
            return
        await done(name, call, command)
        assert writes(name, vendors) == {f"create {kind}": 1, f"update {kind}": 1}


@KINDS
async def test_a_field_that_is_gone_by_now_costs_that_field_and_not_the_lead(
    name: str, kind: RecordKind, vendors: Running
) -> None:
    field = CRMS[name].optional[kind]
    async with connected(name, vendors) as call:
        assert await records_of(name).read_many(kind, [], call) == ()
        await records_of(name).find(kind, Key(KeyType.MARK, "none"), call)  # it has seen the list of fields
        CRMS[name].hide(vendors, kind, field)
        whole = PutRecord(record=kind, match=Match(mark="m-1"), fields=as_given(CRMS[name].fields[kind]))
        outcome = await perform(load_manifest(name), whole, call)
        assert isinstance(outcome, Succeeded), outcome
        assert writes(name, vendors) == {f"create {kind}": 1}
        rest = {one: value for one, value in CRMS[name].fields[kind].items() if one != field}
        assert same(kind, name, (await read(name, call, kind, outcome.external_id or "")).fields, rest) == []


@KINDS
async def test_what_was_removed_is_gone(name: str, kind: RecordKind, vendors: Running) -> None:
    async with connected(name, vendors) as call:
        title = title_of(kind)
        made = new(name, kind, **{title: "Первый"})
        id_ = await done(name, call, made)
        there = await read(name, call, kind, id_)
        CRMS[name].remove(vendors, kind, id_)
        assert await records_of(name).read_many(kind, [id_], call) == ()
        assert await records_of(name).update(there, {title: "Второй"}, call) is None
        outcome = await perform(load_manifest(name), made.model_copy(update={"ref": Existing(id=id_)}), call)
        assert isinstance(outcome, Refused)
        assert outcome.code == "gone"


@EVERY
async def test_many_are_read_in_few_calls(name: str, vendors: Running) -> None:
    many = CRMS[name].batch + 10
    assert records_of(name).reads_at_once == CRMS[name].batch
    async with connected(name, vendors) as call:
        ids = [CRMS[name].person(vendors, {"name": f"Гость {n}", "phones": [], "emails": []}) for n in range(many)]
        await records_of(name).read_many(CONTACT, ids[:1], call)
        before = len(call.http.log)
        found = await records_of(name).read_many(CONTACT, ids, call)
        assert {one.id for one in found} == set(ids)
        assert len(call.http.log) - before <= (2 + 1 if CRMS[name].batch > 1 else many)


@EVERY
async def test_several_are_made_by_one_call_and_each_answers_for_itself(name: str, vendors: Running) -> None:
    records, least = records_of(name), CRMS[name].fields[CONTACT]
    phones = [f"+7999000{number:04}" for number in range(1, min(records.batch, 12) + 1)]
    needed = {one: least[one] for one in records.requires(CONTACT)}
    news = [New({**needed, "name": f"Анна {phone}", "phone": (phone,)}, f"m{phone}") for phone in phones]
    async with connected(name, vendors) as call:
        before = len(vendors.of(name).calls)
        written = await records.create_many(CONTACT, news, call)
        assert written is not None
        ids = [one.outcome.external_id for one in written if isinstance(one.outcome, Succeeded)]
        assert len({*ids}) == len(phones)
        assert len(vendors.of(name).calls) - before < 4
        there = {one.id: one for one in await records.read_many(CONTACT, [str(id_) for id_ in ids], call)}
        shown = [tuple(normal_element("phone", one) for one in there[str(id_)].elements("phone")) for id_ in ids]
    assert shown == [(phone,) for phone in phones]
    assert writes(name, vendors)["create contact"] == len(phones)


@EVERY
async def test_a_deal_is_linked_noted_and_its_task_set(name: str, vendors: Running) -> None:
    if DEAL not in records_of(name).kinds:
        pytest.skip("it keeps no deals")
    async with connected(name, vendors, now=NOW) as call:
        anna = await done(name, call, ANNAS)
        links = (Link(kind=CONTACT, to=Existing(id=anna), main=True),)
        deal = PutRecord(record=DEAL, match=Match(mark="d-1"), fields={"title": "Заказ 7", "price": "900"}, links=links)
        id_ = await done(name, call, deal)
        there = await read(name, call, DEAL, id_)
        assert ObjectId(CONTACT, anna) in there.links
        assert there.is_open is True
        assert [one.id for one in await records_of(name).linked(DEAL, ObjectId(CONTACT, anna), call)] == [id_]
        other = await done(name, call, PutRecord(record=CONTACT, person=Contact(name="Пётр", phone="+79990000001")))
        linked = await records_of(name).link(there, [LinkTo(ObjectId(CONTACT, other))], call)
        assert isinstance(linked, Succeeded)
        assert ObjectId(CONTACT, other) in (await read(name, call, DEAL, id_)).links
        on = Target(kind=DEAL, to=Existing(id=id_))
        await done(name, call, AddNote(on=on, text=ODD))
        await done(name, call, AddTask(on=on, text="Перезвонить", due_at=NOW + timedelta(hours=1)))
        assert writes(name, vendors) == {
            "create contact": 2, "create deal": 1, "link deal": 1, "note deal": 1, "task deal": 1,
        }  # fmt: skip


# Listed


async def every_page(name: str, call: Call[Any], kind: RecordKind, after: str | None = None) -> list[Object]:
    found: list[Object] = []
    while True:
        page = await records_of(name).page(kind, after, call)
        found += page.objects
        if page.next is None:
            return found
        after = page.next


def people(name: str, vendors: Running, many: int) -> list[str]:
    names = ({"name": f"Гость {n}", "phones": [f"+7999{n:07d}"], "emails": []} for n in range(many))
    return [CRMS[name].person(vendors, one) for one in names]


@EVERY
async def test_a_list_brings_all_that_stays_in_order_whatever_changes_meanwhile(name: str, vendors: Running) -> None:
    crm, size = CRMS[name], CRMS[name].page
    async with connected(name, vendors) as call:
        ids = people(name, vendors, 2 * size + 20)
        page = await records_of(name).page(CONTACT, None, call)
        first = [one.id for one in page.objects]
        assert first == ids[: len(first)]
        for id_ in [*first[3:25], *ids[len(first) + 1 : len(first) + 3], ids[-2]]:
            crm.remove(vendors, CONTACT, id_)
        crm.save(vendors, CONTACT, first[0], {"name": "Другой"})
        later = people(name, vendors, 1)
        gone = {*first[3:25], *ids[len(first) + 1 : len(first) + 3], ids[-2]}
    async with connected(name, vendors) as another_process:
        rest = [one.id for one in await every_page(name, another_process, CONTACT, page.next)]
        assert rest == [id_ for id_ in [*ids[len(first) :], *later] if id_ not in gone]
        behind = [one.id for one in await every_page(name, another_process, CONTACT, ids[-5])]
        assert behind == [ids[-4], ids[-3], ids[-1], *later], "a bare id is a place to begin behind"


@EVERY
async def test_a_walk_through_a_list_costs_little_more_than_its_pages(name: str, vendors: Running) -> None:
    async with connected(name, vendors) as call:
        people(name, vendors, 2 * CRMS[name].page)
        await records_of(name).find(CONTACT, Key(KeyType.MARK, "none"), call)  # it has seen the list of fields
        before = len(call.http.log)
        await every_page(name, call, CONTACT)
        assert len(call.http.log) - before <= 4


@KINDS
async def test_a_list_shows_of_a_field_what_reading_shows_or_nothing(
    name: str, kind: RecordKind, vendors: Running
) -> None:
    records = records_of(name)
    async with connected(name, vendors) as call:
        whole = PutRecord(record=kind, match=Match(mark="m-1"), fields=as_given(CRMS[name].fields[kind]))
        there = await read(name, call, kind, await done(name, call, whole))
        (listed,) = (await records.page(kind, None, call)).objects
        shown = records.carries(kind, call.settings)
        shown = frozenset(there.fields) if shown is None else shown
        assert {field: listed.shows(field) for field in there.fields} == {
            field: there.shows(field) if field in shown else UNREAD for field in there.fields
        }
        assert same_person(listed.called or str(listed.shows("name")), str(there.shows("name")))


@KINDS
async def test_what_was_changed_since_a_time_is_told(name: str, kind: RecordKind, vendors: Running) -> None:
    records, clock = records_of(name), vendors.of(name)
    async with connected(name, vendors) as call:
        made = []
        for number in range(4):
            fields = {title_of(kind): f"№ {number}"}
            if "phone" in records.requires(kind):
                fields["phone"] = [f"+7999000000{number}"]
            made.append(await done(name, call, new(name, kind, f"m-{number}", **fields)))
        clock.ahead += 3600
        since = datetime.fromtimestamp(int(clock.now()), UTC)
        CRMS[name].save(vendors, kind, made[1], {title_of(kind): "Сегодня"})
        CRMS[name].save(vendors, kind, made[2], {title_of(kind): "Сегодня"})
        CRMS[name].remove(vendors, kind, made[3])
        page = await records.changed(kind, since, None, call)
        assert page is not None
        assert {one.id for one in page.objects} == {made[1], made[2]}
        assert page.next is None


@EVERY
async def test_changes_of_many_pages_are_all_told(name: str, vendors: Running) -> None:
    records, clock = records_of(name), vendors.of(name)
    async with connected(name, vendors) as call:
        ids = people(name, vendors, 2 * CRMS[name].page + 10)
        since, after, found = datetime.fromtimestamp(int(clock.now()) - 60, UTC), None, list[str]()
        for turn in range(50):
            page = await records.changed(CONTACT, since, after, call)
            assert page is not None
            found += [one.id for one in page.objects]
            if turn == 0:
                clock.ahead += 5
                CRMS[name].save(vendors, CONTACT, found[0], {"name": "Снова"})
            if page.next is None:
                break
            after = page.next
        assert set(found) == set(ids)


@KINDS
async def test_gone_is_told_from_not_shown(name: str, kind: RecordKind, vendors: Running) -> None:
    crm, records = CRMS[name], records_of(name)
    async with connected(name, vendors) as call:
        id_ = await done(name, call, new(name, kind))
        assert await records.fate(kind, id_, call) is Fate.THERE
        if crm.unsee is not None:
            crm.unsee(vendors, kind, id_)
            assert await records.read_many(kind, [id_], call) == ()
            assert await records.fate(kind, id_, call) is Fate.HIDDEN
        else:
            crm.remove(vendors, kind, id_)
            assert await records.fate(kind, id_, call) in (Fate.DELETED, Fate.GONE)
        assert await records.fate(kind, "987654321", call) is Fate.GONE


@EVERY
async def test_whatever_somebody_does_to_a_card_is_told_as_a_hint(name: str, vendors: Running) -> None:
    crm, sink = CRMS[name], vendors.of("http")
    webhook = load_webhook(name)
    assert webhook is not None
    async with connected(name, vendors):
        crm.tell(vendors, f"{vendors.base_url('http')}/plain/sink")

        async def told(number: int) -> list[Hint]:
            async with asyncio.timeout(10):
                while len(sink.calls) < number:
                    await asyncio.sleep(0.005)
            (call,) = sink.calls[number - 1 :]
            request = posted(call["body"].encode(), ("content-type", HOOKS[name].content_type))
            facts = webhook.parse(request, Inbound({}, {}))
            return [hint for fact in facts if isinstance(fact, Fact) for hint in fact.about]

        id_ = crm.person(vendors, {"name": "Анна", "phones": [PHONE], "emails": []})
        assert await told(1) == [Hint(kind="contact", id=id_, change=Change.CREATED)]
        crm.save(vendors, CONTACT, id_, {"name": "Анна Петрова"})
        assert await told(2) == [Hint(kind="contact", id=id_, change=Change.UPDATED)]
        crm.remove(vendors, CONTACT, id_)
        assert await told(3) == [Hint(kind="contact", id=id_, change=Change.DELETED)]


# What a write proves


@KINDS
async def test_what_somebody_saves_right_after_our_write_is_not_taken_for_ours(
    name: str, kind: RecordKind, vendors: Running
) -> None:
    records, title = records_of(name), title_of(kind)
    async with connected(name, vendors) as call:
        id_ = await done(name, call, new(name, kind))
        CRMS[name].between(vendors, kind, {title: "Человек"})
        written = await records.update(await read(name, call, kind, id_), {title: "Связка"}, call)
        assert written is not None
        assert isinstance(written.outcome, Succeeded)
        after = await read(name, call, kind, id_)
        assert after.shows(title) == "Человек"
        assert written.shown is None or written.shown.shows(title) == "Связка"
        assert not (records.exact_versions and written.version == after.version)


@KINDS
async def test_a_write_tells_the_version_that_it_made(name: str, kind: RecordKind, vendors: Running) -> None:
    records, title = records_of(name), title_of(kind)
    async with connected(name, vendors) as call:
        before = await read(name, call, kind, await done(name, call, new(name, kind)))
        vendors.of(name).ahead += 2
        written = await records.update(before, {title: "Другое"}, call)
        assert written is not None
        after = await read(name, call, kind, before.id)
        assert written.version == after.version != before.version
        assert written.shown is None or written.shown.fields == after.fields
        vendors.of(name).ahead += 2
        CRMS[name].save(vendors, kind, before.id, {title: "Третье"})
        assert (await read(name, call, kind, before.id)).version != after.version


@KINDS
async def test_a_field_that_takes_nothing_or_cuts_shows_so_when_it_is_read(
    name: str, kind: RecordKind, vendors: Running
) -> None:
    records, field = records_of(name), CRMS[name].optional[kind]
    async with connected(name, vendors) as call:
        whole = PutRecord(record=kind, match=Match(mark="m-1"), fields=as_given(CRMS[name].fields[kind]))
        there = await read(name, call, kind, await done(name, call, whole))
        CRMS[name].cut(vendors, kind, field, 4)
        assert await records.update(there, {field: "abcdefgh"}, call)
        assert (await read(name, call, kind, there.id)).shows(field) == "abcd"
        CRMS[name].deaf(vendors, kind, field)
        there = await read(name, call, kind, there.id)
        written = await records.update(there, {field: "other"}, call)
        assert written is not None
        assert isinstance(written.outcome, Succeeded)
        assert (await read(name, call, kind, there.id)).shows(field) == "abcd"
        assert written.shown is None or written.shown.shows(field) == "abcd"


@EVERY
async def test_of_a_set_only_what_is_not_wanted_any_more_is_taken_away(name: str, vendors: Running) -> None:
    records = records_of(name)
    spelled = ["8 (999) 123-45-67", "+79990000002"][: 1 if "phone" in records.singles else 2]
    async with connected(name, vendors) as call:
        id_ = CRMS[name].person(vendors, {"name": "Анна", "phones": spelled, "emails": [MAIL]})
        there = await read(name, call, CONTACT, id_)
        wanted = ("+79990000003",) if "phone" in records.singles else (PHONE, "+79990000003")
        written = await records.update(there, {"phone": wanted}, call)
        assert written is not None
        assert written.left_out == ()
        after = await read(name, call, CONTACT, id_)
        kept = wanted if "phone" in records.singles else (spelled[0], "+79990000003")
        assert {normal_element("phone", one) for one in after.elements("phone")} == set(wanted)
        assert "phone" in records.singles or set(after.elements("phone")) == set(kept), "its spelling stays"
        assert after.elements("email") == (MAIL,)


@EVERY
async def test_who_replaces_the_whole_sends_back_what_stands_there_now(name: str, vendors: Running) -> None:
    records = records_of(name)
    if records.updating.replaces is not Replaces.OBJECT:
        pytest.skip("it writes fields one by one")
    async with connected(name, vendors) as call:
        whole = PutRecord(record=CONTACT, fields=as_given(CRMS[name].fields[CONTACT]))
        there = await read(name, call, CONTACT, await done(name, call, whole))
        CRMS[name].save(vendors, CONTACT, there.id, {"phone": "+79990000009"})
        written = await records.update(there, {CRMS[name].optional[CONTACT]: "иное"}, call)
        assert written is not None
        assert isinstance(written.outcome, Succeeded)
        after = await read(name, call, CONTACT, there.id)
        assert after.elements("phone") == ("+79990000009",), "saved since we read it, and not ours to write"
        again = await records.update(there, {"phone": ("+79990000001",)}, call)
        assert again is not None
        assert isinstance(again.outcome, GaveBack), "what is to be written has changed: look again"
        assert writes(name, vendors) == {"create contact": 1, "update contact": 1}


# Answers


async def answered(name: str, vendors: Running, status: int, content: object, **headers: str) -> Outcome | Exception:
    """What becomes of a new card when its vendor answers so."""
    kind = main_kind(name)
    method, path = CRMS[name].writes[kind.value]
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    async with connected(name, vendors) as call:
        vendors.fault(
            name, kind="answer", method=method, path=path, status=status, body=content, headers=named, times=-1
        )
        try:
            return await perform(load_manifest(name), new(name, kind, None, **{title_of(kind): "Заказ"}), call)
        except (NotSent, MaybeSent) as error:
            return error
        finally:
            vendors.of(name).faults.clear()


@EVERY
async def test_every_row_of_the_failure_map_is_what_it_becomes(name: str, vendors: Running) -> None:
    table = load_manifest(name).failures
    assert table is not None
    said, wrong = 0, {}
    for case, rule in table.rows():
        for status, content in CRMS[name].says(case):
            outcome, said = await answered(name, vendors, status, content), said + 1
            # What failed on their side may have been done before it did; a map for reads too says so of writes alone.
            doubted = rule.do == "retry" and rule.reason is Reason.OUT_OF_SERVICE and isinstance(outcome, Unclear)
            meant = replace(rule, do="unclear") if doubted else rule
            if not is_as_its_row(case, meant, outcome, CRMS[name].changed):
                wrong[case, status] = outcome
    assert said >= len(list(table.rows()))
    assert wrong == {}
    assert writes(name, vendors) == {}


@EVERY
async def test_a_page_in_place_of_the_api_is_tried_again_and_blames_no_key(name: str, vendors: Running) -> None:
    for status in IN_PLACE_OF:
        outcome = await answered(name, vendors, status, PAGE, content_type="text/html", location="/elsewhere")
        assert isinstance(outcome, Retry | Blocked), (status, outcome)
        if isinstance(outcome, Blocked):
            assert status in (301, 302), "an account that was renamed, at most"
        else:
            assert not outcome.maybe_sent


@EVERY
@pytest.mark.parametrize("status", [200, 201, 500, 502, 503, 504, 520])
async def test_what_says_neither_yes_nor_no_leaves_it_open(name: str, status: int, vendors: Running) -> None:
    for content in (*SAYING_NOTHING, PAGE):
        outcome = await answered(name, vendors, status, content, content_type="application/json")
        assert isinstance(outcome, Unclear), (content, outcome)


@EVERY
async def test_too_many_requests_are_waited_for(name: str, vendors: Running) -> None:
    outcome = await answered(name, vendors, HTTPStatus.TOO_MANY_REQUESTS, {})
    assert isinstance(outcome, Retry)
    assert not outcome.maybe_sent


@EVERY
async def test_no_credential_stands_in_a_story_or_a_log(
    name: str, vendors: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(name, vendors) as call:
        await done(name, call, ANNAS)
        told = json.dumps([one.model_dump(mode="json") for one in call.http.log]) + caplog.text
    assert [secret for secret in CRMS[name].secrets.values() if secret in told] == []


# With the engine


def of_kind(kind: str, anna: str) -> Command:
    on = Target(kind=CONTACT, to=Existing(id=anna))
    links = (Link(kind=CONTACT, to=Existing(id=anna)),)
    commands: dict[str, Command] = {
        "contact": PutRecord(record=CONTACT, person=Contact(name="Пётр", phone="+79990000001")),
        "deal": PutRecord(record=DEAL, fields={"title": "Заказ"}, links=links),
        "note": AddNote(on=on, text="Спросил о цене\n«№ 7»"),
        "task": AddTask(on=on, text="Перезвонить", due_at=NOW + timedelta(days=1)),
    }
    return commands[kind]


@EVERY
@pytest.mark.parametrize("lag", [0.0, 50.0])
@pytest.mark.parametrize("cut", ["cut_before", "cut_after"])
@pytest.mark.parametrize("kind", ["contact", "deal", "note", "task"])
async def test_after_a_cut_answer_it_is_there_once(
    name: str, kind: str, cut: str, lag: float, shop: Shop, vendors: Running
) -> None:
    if kind not in CRMS[name].writes:
        pytest.skip(f"it keeps no {kind}")
    anna = (await shop.put(ANNAS)).external_id or ""
    CRMS[name].lag(vendors, lag)
    method, path = CRMS[name].writes[kind]
    vendors.fault(name, kind=cut, method=method, path=path)
    id_ = await shop.give(of_kind(kind, anna))
    await shop.pass_time(900, step=15)
    assert shop.of(id_).status is Status.SUCCEEDED
    made = {"contact": "create contact", "deal": "create deal", "note": "note contact", "task": "task contact"}[kind]
    assert writes(name, vendors)[made] == (2 if kind == "contact" else 1)


@EVERY
@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_a_person_is_there_once(
    name: str, point: str, shop: Shop, vendors: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = shop.dies_at(point, monkeypatch)
    id_ = await shop.give(ANNAS)
    with pytest.raises(Killed):
        await shop.run()
    shop.start()
    await shop.pass_time(1200, step=30)
    assert left == []
    assert shop.of(id_).status is Status.SUCCEEDED
    assert writes(name, vendors) == {"create contact": 1}


@EVERY
async def test_whoever_comes_next_meets_what_no_search_shows_yet(name: str, shop: Shop, vendors: Running) -> None:
    CRMS[name].lag(vendors, 3600)
    first = await shop.put(ANNAS)
    again = [
        await shop.put(PutRecord(record=CONTACT, person=person))
        for person in (Contact(name="Аня", phone=PHONE), Contact(email=MAIL))
    ]
    assert {one.external_id for one in again} == {first.external_id}
    assert writes(name, vendors)["create contact"] == 1


@EVERY
@pytest.mark.parametrize("trouble", ["no answer", "a mistake of ours"])
async def test_a_question_that_fails_leaves_no_doubt(
    name: str, trouble: str, shop: Shop, vendors: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, path = CRMS[name].reads
    if trouble == "no answer":
        vendors.fault(name, kind="cut_after", method=method, path=path)
    else:
        find, mistakes = records_of(name).find, ["once"]

        async def mistaken(*asked: Any) -> Any:
            found = await find(*asked)
            if mistakes:
                raise ValueError(mistakes.pop())
            return found

        monkeypatch.setattr(records_of(name), "find", mistaken)
    id_ = await shop.give(ANNAS)
    await shop.run()
    assert (shop.of(id_).status, shop.of(id_).attempts[-1].maybe_sent) == (Status.RETRYING, False)
    await shop.pass_time(120, step=30)
    assert writes(name, vendors) == {"create contact": 1}


@EVERY
async def test_many_at_once_never_meet_the_vendors_limit(name: str, shop: Shop, vendors: Running) -> None:
    hurry = DESCRIBED[name].hurry
    assert hurry is not None
    hurry(vendors)
    people = [Contact(name="Гость", phone=f"+7999000{number:04d}") for number in range(25)]
    ids = [
        await shop.give(PutRecord(record=CONTACT, person=person), lane=f"guest:{number}")
        for number, person in enumerate(people)
    ]
    await shop.pass_time(300, step=15)
    assert {(shop.of(id_).status, shop.of(id_).failures) for id_ in ids} == {(Status.SUCCEEDED, 0)}
    assert writes(name, vendors) == {"create contact": 25}
