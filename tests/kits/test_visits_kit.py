"""The kit of every journal of visits that is kept in step with other systems: how a visit is read, and what of it is
changed at another system's word.

A vendor takes part by `journal` of its description (`tests/vendors/<vendor>.py`); one that has `visits` and none there
fails.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.support import calling
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate
from svyazka.engine.contracts.capabilities.visits import WRITTEN, Visits
from svyazka.model.bookings import VisitStatus, WallTime
from svyazka.model.outcomes import Refused, Succeeded
from svyazka.model.records import Object, RecordKind
from vendors import JOURNALS
from vendors.parts.calendars import Journal

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = sorted(name for name in VENDORS if load_manifest(name).visits is not None)
EVERY = pytest.mark.parametrize("name", NAMES)
VISIT, ZONE = RecordKind.VISIT, "Europe/Moscow"
NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)
CLOCK, LATER = datetime(2026, 10, 7, 12, 0), datetime(2026, 10, 8, 15, 30)
PHONE = "+79991234567"


@EVERY
async def test_whoever_has_visits_takes_part(name: str) -> None:
    assert name in JOURNALS, f"tests/vendors/{name}.py: {name} has visits: VENDOR wants `journal=Journal(...)`"


def visits_of(name: str) -> Visits[Any]:
    found = load_manifest(name).visits
    assert found is not None
    return found


def opened(name: str, vendors: Running) -> AbstractAsyncContextManager[Call[Any]]:
    described: Journal = JOURNALS[name]
    described.begin(vendors, NOW)
    settings = load_manifest(name).settings.model_validate({**described.settings, **described.secrets})
    return calling(settings, vendors.base_url(name), timezone=ZONE, now=NOW)


def told(clock: datetime) -> str:
    return WallTime(clock=clock, zone=ZONE).told


async def read(name: str, id_: str, call: Call[Any]) -> Object:
    call.memo.pop("journal", None)  # what serves all who look at the same moment
    (one,) = await visits_of(name).read_many(VISIT, [id_], call)
    return one


@EVERY
async def test_a_visit_shows_when_it_is_what_and_whose(name: str, vendors: Running) -> None:
    async with opened(name, vendors) as call:
        id_ = JOURNALS[name].book(vendors, CLOCK, PHONE)
        one = await read(name, id_, call)
        assert (one.kind, one.id) == (VISIT, id_)
        assert one.shows("status") == JOURNALS[name].first
        assert (one.shows("starts_at"), one.shows("ends_at")) == (told(CLOCK), told(CLOCK + timedelta(hours=1)))
        assert (one.shows("name"), one.elements("phone")) == ("Анна Петрова", (PHONE,))
        assert isinstance(one.shows("service"), str)


@EVERY
async def test_what_the_administrator_says_of_it_is_read_at_once(name: str, vendors: Running) -> None:
    async with opened(name, vendors) as call:
        described, id_ = JOURNALS[name], JOURNALS[name].book(vendors, CLOCK, PHONE)
        described.move(vendors, id_, LATER)
        assert (await read(name, id_, call)).shows("starts_at") == told(LATER)
        for status, say in described.says.items():
            say(vendors, id_)
            assert (await read(name, id_, call)).shows("status") == status
        assert described.writes(vendors) == 0, "reading changes nothing"


@EVERY
async def test_what_isnt_shown_is_never_said_to_be_there_nor_to_come_back(name: str, vendors: Running) -> None:
    async with opened(name, vendors) as call:
        id_ = JOURNALS[name].book(vendors, CLOCK, PHONE)
        JOURNALS[name].drop(vendors, id_)
        assert await visits_of(name).read_many(VISIT, [id_], call) == ()
        assert await visits_of(name).fate(VISIT, id_, call) in (Fate.GONE, Fate.HIDDEN)


@EVERY
async def test_the_list_brings_it_and_so_do_the_changes_where_they_can_be_asked_for(
    name: str, vendors: Running
) -> None:  # fmt: skip
    async with opened(name, vendors) as call:
        visits, found, after = visits_of(name), dict[str, Object](), None
        ids = [JOURNALS[name].book(vendors, CLOCK + timedelta(days=day), PHONE) for day in (0, 9)]
        for _ in range(100):
            page = await visits.page(VISIT, after, call)
            found |= {one.id: one for one in page.objects}
            after = page.next
            if after is None:
                break
        assert set(ids) <= set(found)
        assert found[ids[0]].fields == (await read(name, ids[0], call)).fields
        changed = await visits.changed(VISIT, NOW - timedelta(days=3650), None, call)
        assert changed is None or set(ids) <= {one.id for one in changed.objects}


@EVERY
async def test_nothing_but_time_and_status_is_written_and_each_once(name: str, vendors: Running) -> None:
    async with opened(name, vendors) as call:
        described, visits = JOURNALS[name], visits_of(name)
        assert visits.writable <= WRITTEN
        call.quiet = True
        wanted = {"starts_at": told(LATER), "status": VisitStatus.CONFIRMED.value}
        for count, field in enumerate(sorted(visits.writable), start=1):
            id_ = described.book(vendors, CLOCK + timedelta(hours=2 * count), PHONE)
            there = await read(name, id_, call)
            for again in range(2):
                written = await visits.update(await read(name, id_, call), {field: wanted[field]}, call)
                assert written is not None
                assert isinstance(written.outcome, Succeeded)
                assert written.outcome.already is bool(again)
            after = await read(name, id_, call)
            assert after.shows(field) == wanted[field]
            times = {"starts_at", "ends_at"} if field == "starts_at" else {field}
            assert {key for key in after.fields if after.shows(key) != there.shows(key)} <= times
            assert described.writes(vendors) == count


@EVERY
async def test_a_visit_is_cancelled_at_anothers_word_where_it_is_written_at_all(name: str, vendors: Running) -> None:
    async with opened(name, vendors) as call:
        described, visits = JOURNALS[name], visits_of(name)
        id_ = described.book(vendors, CLOCK, PHONE)
        there = await read(name, id_, call)
        written = await visits.update(there, {"status": VisitStatus.CANCELLED.value}, call)
        assert written is not None
        if "status" in visits.writable:
            assert isinstance(written.outcome, Succeeded)
            assert (await read(name, id_, call)).shows("status") == VisitStatus.CANCELLED
        else:
            assert isinstance(written.outcome, Refused)
            assert (await read(name, id_, call)).shows("status") == described.first
        made = await visits.create(VISIT, {"starts_at": told(CLOCK)}, (), "svz-000000000000", call)
        assert isinstance(made.outcome, Refused), "a visit is booked, never made"


@pytest.mark.parametrize("name", [name for name in NAMES if visits_of(name).writable])
async def test_a_save_between_our_reading_and_our_writing_is_not_written_over(name: str, vendors: Running) -> None:
    async with opened(name, vendors) as call:
        id_ = JOURNALS[name].book(vendors, CLOCK, PHONE)
        there = await read(name, id_, call)
        JOURNALS[name].move(vendors, id_, LATER)
        written = await visits_of(name).update(there, {"starts_at": told(CLOCK + timedelta(days=5))}, call)
        assert written is not None
        assert not isinstance(written.outcome, Succeeded)
        assert (await read(name, id_, call)).shows("starts_at") == told(LATER)
