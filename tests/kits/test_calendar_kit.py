"""The kit of every calendar: what is free, who gets a time, and what is known after an answer that never came.

A vendor takes part by `calendar` of its description (`tests/vendors/<vendor>.py`); one that has a calendar and none
there fails. What is booked is counted at its stand-in.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from connectors.support import ask, calling, perform, repeat_of
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.calendar import Calendar
from svyazka.engine.contracts.failures import outcome_of
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.bookings import VisitStatus, WallTime, WhyNot
from svyazka.model.commands import BookVisit, CancelVisit, Command, MoveVisit, Repeat, SendVisitCode
from svyazka.model.contacts import Contact
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.reasons import Reason
from vendors import CALENDARS

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = sorted(name for name in VENDORS if load_manifest(name).calendar is not None)
EVERY = pytest.mark.parametrize("name", NAMES)
MOSCOW = "Europe/Moscow"
DAY = date(2026, 10, 5)
ANNA = Contact(name="Анна «Ко» 😀", phone="8 (999) 123-45-67", email="anna@example.org")


@pytest.mark.parametrize("name", NAMES)
async def test_whoever_has_a_calendar_takes_part(name: str) -> None:
    assert name in CALENDARS, f"tests/vendors/{name}.py: {name} has a calendar: VENDOR wants `calendar=Calendar(...)`"


def settings_of(name: str, more: Mapping[str, Any] | None = None) -> Any:
    described = CALENDARS[name]
    given = {**described.settings, **described.secrets, **(more or {})}
    return load_manifest(name).settings.model_validate(given)


def calendar_of(name: str) -> Calendar[Any]:
    found = load_manifest(name).calendar
    assert found is not None
    return found


def opened(
    name: str, vendors: Running, key: str = "dlv_1.1", zone: str = MOSCOW, base_url: str | None = None, **around: Any
) -> AbstractAsyncContextManager[Call[Any]]:
    """A call of a connection whose memory lasts as long as the vendor's."""
    CALENDARS[name].begin(vendors)
    memo = vendors.of(name).__dict__.setdefault("memo_of_the_kit", {})
    given = around.pop("settings", None) or settings_of(name)
    return calling(given, base_url or vendors.base_url(name), key=key, timezone=zone, memo=memo, **around)


@pytest.fixture(autouse=True)
def nothing_remembered(vendors: Running) -> None:
    for name in NAMES:
        vendors.of(name).__dict__.pop("memo_of_the_kit", None)


def at(clock: str, day: date = DAY, zone: str = MOSCOW) -> WallTime:
    return WallTime.read(f"{day}T{clock}", zone)


def booking(name: str, clock: str = "12:00", staff: str | None = "", **more: Any) -> BookVisit:
    described = CALENDARS[name]
    given = {"starts_at": at(clock), "person": ANNA, "comment": "Из бота", **more}
    return BookVisit(services=(described.service,), staff=described.staff if staff == "" else staff, **given)


async def done(name: str, vendors: Running, command: Command, key: str = "dlv_1.1", **around: Any) -> Outcome:
    """What becomes of a command."""
    async with opened(name, vendors, key, **around) as call:
        return await perform(load_manifest(name), command, call)


async def free(name: str, vendors: Running, day: date = DAY, zone: str = MOSCOW, staff: str | None = "") -> list[str]:
    """The clock of each free time of a day."""
    described = CALENDARS[name]
    async with opened(name, vendors, zone=zone) as call:
        who = described.staff if staff == "" else staff
        slots = await calendar_of(name).slots(described.service, who, day, call)
    assert {slot.starts_at.zone for slot in slots} <= {zone}
    return [f"{slot.starts_at.clock:%H:%M}" for slot in slots]


# What can be booked


@EVERY
async def test_what_can_be_booked_by_whom_and_when_is_read(name: str, vendors: Running) -> None:
    described, calendar = CALENDARS[name], calendar_of(name)
    described.offer(vendors, MOSCOW, {"2026-10-05": ["12:00", "09:30"], "2026-10-06": []})
    async with opened(name, vendors) as call:
        services = {one.id: one for one in await calendar.services(call)}
        masters = {one.id for one in await calendar.staff(described.service, call)}
        assert masters == {one.id for one in await calendar.staff(None, call)}
        days = await calendar.days(described.service, described.staff, DAY, DAY + timedelta(days=2), call)
        slots = await calendar.slots(described.service, described.staff, DAY, call)
    service = services[described.service]
    assert service.title
    assert service.price_min is not None
    assert {described.staff, described.other_staff} <= masters
    assert list(days) == [DAY, DAY + timedelta(days=2)]
    assert [slot.starts_at for slot in slots] == [at("09:30"), at("12:00")]
    assert {slot.staff for slot in slots} == {described.staff}
    assert await free(name, vendors, staff=None) == ["09:30", "12:00"]


@EVERY
async def test_a_salon_that_offers_nothing_has_nothing(name: str, vendors: Running) -> None:
    described, calendar = CALENDARS[name], calendar_of(name)
    described.empty(vendors)
    described.offer(vendors, MOSCOW, {str(DAY): []})
    async with opened(name, vendors) as call:
        assert list(await calendar.services(call)) == []
        assert list(await calendar.staff(None, call)) == []
        assert list(await calendar.days(described.service, None, DAY, DAY, call)) == []
        assert list(await calendar.slots(described.service, None, DAY, call)) == []


TIMES = [
    (MOSCOW, "2026-10-05", "00:00"), (MOSCOW, "2026-10-05", "23:59"), (MOSCOW, "2026-12-31", "23:59"),
    ("Europe/Kaliningrad", "2027-01-01", "00:00"), ("Asia/Vladivostok", "2026-10-05", "08:05"),
    ("Europe/Berlin", "2026-03-29", "02:30"), ("Europe/Berlin", "2026-10-25", "02:30"),
]  # fmt: skip


@EVERY
@pytest.mark.parametrize(("zone", "day", "clock"), TIMES)
async def test_a_time_is_the_clock_on_the_salons_wall_all_the_way(
    name: str, vendors: Running, zone: str, day: str, clock: str
) -> None:
    CALENDARS[name].offer(vendors, zone, {day: [clock]})
    assert await free(name, vendors, date.fromisoformat(day), zone) == [clock]
    starts_at = at(clock, date.fromisoformat(day), zone)
    outcome = await done(name, vendors, booking(name, starts_at=starts_at), zone=zone)
    assert isinstance(outcome, Succeeded)
    (there,) = CALENDARS[name].visits(vendors)
    assert there.clock == datetime.fromisoformat(f"{day}T{clock}")
    async with opened(name, vendors, zone=zone) as call:
        visit = await calendar_of(name).visit(outcome.external_id or "", call)
    assert visit is not None
    assert visit.starts_at == starts_at


# Booking


@EVERY
async def test_a_booking_is_there_once_with_our_mark_and_its_time_is_gone(name: str, vendors: Running) -> None:
    assert "12:00" in await free(name, vendors)
    outcome = await done(name, vendors, booking(name))
    assert isinstance(outcome, Succeeded)
    (there,) = CALENDARS[name].visits(vendors)
    assert (there.id, there.clock, there.staff) == (
        outcome.external_id, at("12:00").clock, CALENDARS[name].staff,
    )  # fmt: skip
    async with opened(name, vendors) as call:
        visit = await calendar_of(name).visit(there.id, call)
        assert call.generation_mark in there.mark
        if CALENDARS[name].sees_only_its_own:
            with pytest.raises(VendorFailure):
                await calendar_of(name).visit("999999999", call)
        else:
            assert await calendar_of(name).visit("999999999", call) is None
    assert visit is not None
    assert (visit.status, visit.starts_at, visit.staff) == (VisitStatus.BOOKED, at("12:00"), there.staff)
    assert "12:00" not in await free(name, vendors)


@EVERY
async def test_of_many_who_want_one_time_one_gets_it_by_the_calendars_own_answer(name: str, vendors: Running) -> None:
    outcomes = await asyncio.gather(*(done(name, vendors, booking(name), f"dlv_{n}.1") for n in range(8)))
    assert len([one for one in outcomes if isinstance(one, Succeeded)]) == 1
    assert {one.code for one in outcomes if isinstance(one, Refused)} == {WhyNot.TAKEN}
    assert len(CALENDARS[name].visits(vendors)) == 1


@EVERY
async def test_whoever_doesnt_mind_gets_a_master_who_is_free(name: str, vendors: Running) -> None:
    outcomes = [await done(name, vendors, booking(name, staff=None), f"dlv_{n}.1") for n in range(3)]
    assert [type(one) for one in outcomes] == [Succeeded, Succeeded, Refused]
    assert isinstance(outcomes[2], Refused)
    assert outcomes[2].code == WhyNot.TAKEN
    assert {one.staff for one in CALENDARS[name].visits(vendors)} == {
        CALENDARS[name].staff,
        CALENDARS[name].other_staff,
    }


@EVERY
async def test_after_an_answer_that_never_came_the_calendar_is_asked(name: str, vendors: Running) -> None:
    assert repeat_of(load_manifest(name), booking(name)) is Repeat.CHECKABLE
    for fault, there in (("cut_before", 0), ("cut_after", 1)):
        vendors.fault(name, kind=fault, path=CALENDARS[name].booking)
        with pytest.raises(MaybeSent):
            await done(name, vendors, booking(name))
        assert len(CALENDARS[name].visits(vendors)) == there
        for key, found in (("dlv_1.1", there == 1), ("dlv_2.1", False), ("dlv_1.2", False)):
            async with opened(name, vendors, key) as call:
                outcome = await ask(load_manifest(name), booking(name), call)
            assert (outcome is not None) == found, (fault, key)
            assert outcome is None or outcome.external_id == CALENDARS[name].visits(vendors)[0].id


@EVERY
async def test_what_cant_be_booked_is_said_in_words_that_all_share(name: str, vendors: Running) -> None:
    CALENDARS[name].offer(vendors, MOSCOW, {str(DAY): ["12:00"]})
    nobody, unnamed = Contact(name="Анна", phone="12345"), Contact(phone=ANNA.phone)
    for command, why in (
        (booking(name, "12:30"), WhyNot.TAKEN),
        (booking(name, person=nobody), WhyNot.BAD_PHONE),
        (booking(name, person=unnamed), WhyNot.NO_NAME),
    ):
        outcome = await done(name, vendors, command)
        assert isinstance(outcome, Refused)
        assert outcome.code == why
    assert CALENDARS[name].visits(vendors) == []


@pytest.mark.parametrize("name", [name for name, one in CALENDARS.items() if one.wants_code is not None])
async def test_a_salon_that_has_phones_confirmed_gets_its_code(name: str, vendors: Running) -> None:
    described = CALENDARS[name]
    assert described.wants_code is not None
    described.wants_code(vendors)
    assert repeat_of(load_manifest(name), SendVisitCode(person=ANNA)) is Repeat.UNSAFE
    for settings in (settings_of(name), settings_of(name, described.coded)):
        for code, why in ((None, WhyNot.CODE_NEEDED), ("0000", WhyNot.WRONG_CODE)):
            outcome = await done(name, vendors, booking(name, code=code), settings=settings)
            assert isinstance(outcome, Refused)
            assert outcome.code == why
    assert isinstance(await done(name, vendors, SendVisitCode(person=ANNA)), Succeeded)
    (sent,) = [effect for effect in vendors.of(name).effects if effect["kind"] == "code"]
    assert sent["to"].lstrip("+") == "79991234567"
    assert isinstance(await done(name, vendors, booking(name, code=described.code)), Succeeded)


# Moving, cancelling


async def booked(name: str, vendors: Running, clock: str = "12:00", key: str = "dlv_1.1") -> str:
    outcome = await done(name, vendors, booking(name, clock), key)
    assert isinstance(outcome, Succeeded)
    return outcome.external_id or ""


@pytest.mark.parametrize("name", [name for name in NAMES if calendar_of(name).moves])
async def test_a_visit_is_moved_once_and_to_what_is_free_only(name: str, vendors: Running) -> None:
    visit, other = await booked(name, vendors), await booked(name, vendors, "15:00", "dlv_2.1")
    move = MoveVisit(visit=visit, starts_at=at("17:00"))
    assert repeat_of(load_manifest(name), move) in (Repeat.CHECKABLE, Repeat.IDEMPOTENT)
    taken = await done(name, vendors, MoveVisit(visit=visit, starts_at=at("15:00")))
    assert isinstance(taken, Refused)
    assert taken.code == WhyNot.TAKEN
    vendors.fault(name, kind="cut_after", path=CALENDARS[name].moving)
    with pytest.raises(MaybeSent):
        await done(name, vendors, move)
    async with opened(name, vendors) as call:
        found = await ask(load_manifest(name), move, call)
        assert await ask(load_manifest(name), MoveVisit(visit=other, starts_at=at("18:00")), call) is None
    assert isinstance(found, Succeeded)
    assert isinstance(await done(name, vendors, move), Succeeded)
    assert sorted(one.clock for one in CALENDARS[name].visits(vendors)) == [at("15:00").clock, at("17:00").clock]
    assert "12:00" in await free(name, vendors)


@EVERY
async def test_a_visit_is_cancelled_and_again_that_is_no_failure(name: str, vendors: Running) -> None:
    visit = await booked(name, vendors)
    first, second = [await done(name, vendors, CancelVisit(visit=visit)) for _ in range(2)]
    assert isinstance(first, Succeeded)
    assert isinstance(second, Succeeded)
    assert second.already
    assert CALENDARS[name].visits(vendors) == []
    assert "12:00" in await free(name, vendors)
    async with opened(name, vendors) as call:
        shown = await calendar_of(name).visit(visit, call)
    assert shown is None or shown.is_off
    if calendar_of(name).moves:
        moved = await done(name, vendors, MoveVisit(visit=visit, starts_at=at("17:00")))
        assert isinstance(moved, Refused)
        assert moved.code == WhyNot.NO_VISIT


# Answers


async def answered(name: str, vendors: Running, status: int, content: object, **headers: str) -> Outcome | Exception:
    """What becomes of a booking to which the vendor answers so."""
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    vendors.fault(name, kind="answer", path=CALENDARS[name].booking, status=status, body=content, headers=named)
    try:
        return await done(name, vendors, booking(name))
    except (NotSent, MaybeSent) as error:
        return error


@EVERY
async def test_every_row_of_the_failure_map_is_what_it_becomes(name: str, vendors: Running) -> None:
    table = load_manifest(name).failures
    assert table is not None
    wrong = {}
    for case, rule in table.rows():
        for status, content in CALENDARS[name].says(case):
            outcome = await answered(name, vendors, status, content)
            expected = outcome_of(rule, str(case.code or case.status))
            # What failed on the vendor's side may have been booked before it did.
            kinds = (Unclear,) if rule.reason is Reason.OUT_OF_SERVICE else (type(expected),)
            codes = {getattr(expected, "code", None), WhyNot.CODE_NEEDED if case.code == 432 else None}
            if not isinstance(outcome, kinds) or getattr(outcome, "code", None) not in codes:
                wrong[case, status] = outcome
    assert wrong == {}
    assert CALENDARS[name].visits(vendors) == []


PAGE = "<html>Доступ ограничен</html>"


@EVERY
@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 429])
async def test_a_page_in_place_of_the_api_is_tried_again_and_blames_no_key(
    name: str, vendors: Running, status: int
) -> None:
    outcome = await answered(name, vendors, status, PAGE, content_type="text/html")
    if status in CALENDARS[name].own_pages:
        assert isinstance(outcome, Blocked)
        assert outcome.remedy
        return
    assert isinstance(outcome, Retry), outcome
    assert not outcome.maybe_sent
    vendors.fault(name, kind="answer", path=CALENDARS[name].reading, status=status, body=PAGE)
    with pytest.raises(VendorFailure) as caught:
        await free(name, vendors)
    assert isinstance(caught.value.outcome, Retry)


@EVERY
@pytest.mark.parametrize("status", [200, 201, 500, 503])
async def test_an_answer_that_says_neither_yes_nor_no_is_unclear(name: str, vendors: Running, status: int) -> None:
    for content in ("", "[]", "ok", "{}", "[" * 100_000, '{"data": {}}', '{"success": true, "data": [{}]}', PAGE):
        outcome = await answered(name, vendors, status, content, content_type="application/json")
        assert isinstance(outcome, Unclear | MaybeSent), (content, outcome)


@EVERY
async def test_who_isnt_reached_has_booked_nothing(name: str, vendors: Running) -> None:
    with pytest.raises(NotSent):
        await done(name, vendors, booking(name), base_url="http://127.0.0.1:1")


@EVERY
async def test_no_credential_and_no_secret_of_a_visit_stands_in_a_story_or_a_log(
    name: str, vendors: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told, visit = [], ""
    commands = [booking(name), MoveVisit(visit="", starts_at=at("17:00")), CancelVisit(visit="")]
    for command in commands:
        wanted = command if isinstance(command, BookVisit) else command.model_copy(update={"visit": visit})
        async with opened(name, vendors) as call:
            outcome = await perform(load_manifest(name), wanted, call)
            visit = visit or getattr(outcome, "external_id", "")
            told += [repr(outcome), json.dumps([one.model_dump(mode="json") for one in call.http.log])]
    everything = "\n".join([*told, caplog.text])
    memo = vendors.of(name).__dict__["memo_of_the_kit"]
    kept = [value[0] for value in memo.values() if isinstance(value, tuple) and isinstance(value[0], str)]
    for secret in (*CALENDARS[name].secrets.values(), *kept):
        assert [word for word in (secret, quote(secret, safe=""), quote_plus(secret)) if word in everything] == []
