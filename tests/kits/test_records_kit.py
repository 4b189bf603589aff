"""The kit of everything that keeps people, companies and deals: found by whatever tells them, once, and nothing is lost
in them.

A vendor takes part by `crm` of its description (`tests/vendors/<vendor>.py`); one that keeps records and has none
fails. What is written is counted at its stand-in.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from connectors.support import NOW, perform
from dying import Killed, dies_at
from kits.records import (
    ANNAS,
    COMPANY,
    CONTACT,
    DEAL,
    EVERY,
    KINDS,
    MAIL,
    NAMES,
    ODD,
    PHONE,
    as_given,
    connected,
    done,
    keeping,
    main_kind,
    new,
    read,
    records_of,
    same,
    settings_of,
    title_of,
    writes,
)
from kits.rows import IN_PLACE_OF, PAGE, SAYING_NOTHING, is_as_its_row
from shop import POINTS, Shop
from simulators.serve import Running
from svyazka.connectors.registry import load_manifest
from svyazka.engine.contracts.capabilities.records import LinkTo, New, Quiet, Replaces
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.commands import AddNote, AddTask, Command, PutRecord, Repeat
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.reasons import Reason
from svyazka.model.records import CLEARED, SETS, UNREAD, Key, KeyType, Link, Match, ObjectId, RecordKind, Target
from svyazka.model.references import Existing
from vendors import CRMS
from vendors import VENDORS as DESCRIBED


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


@keeping(COMPANY)
async def test_a_company_is_found_by_its_name(name: str, vendors: Running) -> None:
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


@keeping(DEAL)
async def test_a_deal_is_linked_noted_and_its_task_set(name: str, vendors: Running) -> None:
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


@pytest.mark.parametrize("lag", [0.0, 50.0])
@pytest.mark.parametrize("cut", ["cut_before", "cut_after"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in NAMES if name in CRMS for kind in CRMS[name].writes if kind != "company"],
)
async def test_after_a_cut_answer_it_is_there_once(
    name: str, kind: str, cut: str, lag: float, shop: Shop, vendors: Running
) -> None:
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
    left = dies_at(point, monkeypatch)
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
