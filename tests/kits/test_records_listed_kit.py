"""The kit of everything that keeps people, companies and deals, as far as systems are kept in step by it: listed
whole, told what has changed and what is gone, and a write proves what it proves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.support import posted
from kits.records import (
    CONTACT,
    EVERY,
    KINDS,
    MAIL,
    NAMES,
    PHONE,
    as_given,
    connected,
    done,
    new,
    read,
    records_of,
    title_of,
    writes,
)
from simulators.serve import Running
from svyazka.connectors.registry import load_webhook
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, Replaces
from svyazka.engine.contracts.webhook import Inbound
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.commands import PutRecord
from svyazka.model.events import Change, Fact, Hint
from svyazka.model.names import same_person
from svyazka.model.outcomes import GaveBack, Succeeded
from svyazka.model.records import UNREAD, Key, KeyType, Match, Object, RecordKind
from vendors import CRMS, HOOKS

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
            async with asyncio.timeout(60):
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


@pytest.mark.parametrize("name", [name for name in NAMES if records_of(name).updating.replaces is Replaces.OBJECT])
async def test_who_replaces_the_whole_sends_back_what_stands_there_now(name: str, vendors: Running) -> None:
    records = records_of(name)
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
