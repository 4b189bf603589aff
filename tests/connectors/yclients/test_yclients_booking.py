"""What only YCLIENTS' calendar does: its spellings, the secret of a record, and what is possible with which token."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.support import ask, calling, perform
from simulators.serve import Running
from simulators.yclients.front import FORM
from simulators.yclients.simulator import PARTNER_TOKEN, USER_TOKEN, Yclients
from svyazka.connectors.registry import load_manifest
from svyazka.connectors.yclients import booking
from svyazka.connectors.yclients.calendar import YclientsCalendar
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import TokenCache
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.bookings import Service, VisitStatus, WallTime, WhyNot
from svyazka.model.commands import BookVisit, CancelVisit, Command, MoveVisit
from svyazka.model.contacts import Contact
from svyazka.model.errors import Unavailable
from svyazka.model.outcomes import Blocked, Outcome, Refused, Succeeded, Unknown

SAMPLES = Path(__file__).parents[2] / "samples" / "yclients"
MANIFEST = load_manifest("yclients")
DAY = date(2026, 10, 5)
BOTH = {"company_id": 997441, "partner_token": PARTNER_TOKEN, "user_token": USER_TOKEN}
PARTNER = {"company_id": 997441, "partner_token": PARTNER_TOKEN}
BOOK = BookVisit(
    services=("331",), staff="16", starts_at=WallTime.read("2026-10-05T12:00", "Europe/Moscow"),
    person=Contact(name="Мария", phone="8 999 123-45-67", email="maria@example.test"), comment="Из бота",
)  # fmt: skip


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"api-{name}.json").read_bytes())


@pytest.fixture
def vendor(salon: Running) -> Yclients:
    found: Yclients = salon.of("yclients")
    found.a_second = found.a_minute = 100_000
    return found


async def done(salon: Running, command: Command, settings: Any = None, **around: Any) -> Outcome:
    async with calling(YclientsSettings(**(settings or BOTH)), salon.base_url("yclients"), **around) as call:
        return await perform(MANIFEST, command, call)


# As its samples are


async def test_the_samples_are_read(salon: Running, vendor: Yclients) -> None:
    async with calling(YclientsSettings(**BOTH), salon.base_url("yclients")) as call:

        def says(path: str, name: str) -> None:
            salon.fault("yclients", kind="answer", path=f"/api/v1/{path}/*", status=200, body=sample(name))

        says("book_services", "book-services-200")
        assert await booking.services(call) == [
            Service(id="331", title="Стрижка детская", category="Парикмахерские услуги", price_min=Decimal("1200.00"),
                    price_max=Decimal("1500.00"), minutes=60),
            Service(id="332", title="Стрижка мужская", category="Парикмахерские услуги", price_min=Decimal("1000.00"),
                    price_max=Decimal("1300.00")),
        ]  # fmt: skip
        says("book_dates", "book-dates-200")
        assert await booking.days(call, "331", None, DAY, date(2026, 10, 6)) == [DAY, date(2026, 10, 6)]
        for spelling, first in (("book-times-200", "2026-10-05T12:00:00+03:00"), ("book-times-unix-200", 1791190800)):
            says("book_times", spelling)
            (noon, spelled), _ = await booking.times(call, ["331"], "16", DAY)
            assert (noon.starts_at, noon.minutes, spelled) == (BOOK.starts_at, 60, first)
        says("book_record", "book-record-201")
        assert await booking.make_record(call, {}) == ("2820023", "567df655304da9b98487769426d4e76e")
        (record,) = sample("record-post-201")["data"]
        visit = booking.visit_of(record, call)
    assert visit is not None
    assert (visit.id, visit.starts_at, visit.minutes, visit.mark) == ("2820023", BOOK.starts_at, 60, "hub-7f3a")
    assert (visit.services, visit.title, visit.staff_name) == (("25184394",), "Мужская стрижка", "Анна Мастерова")


async def test_a_booking_says_what_its_own_sample_says(salon: Running, vendor: Yclients) -> None:
    await done(salon, BOOK)
    (call,) = [one for one in vendor.calls if one["method"] == "POST"]
    expected = sample("book-record-request")
    expected |= {"api_id": "svz-1"}
    unsaid = {"surname", "is_personal_data_processing_allowed"}  # a whole name is one; consent is the form's to ask for
    assert json.loads(call["body"]) == {name: value for name, value in expected.items() if name not in unsaid}


@pytest.mark.parametrize("listed", [[], [1791158400, 1791244800]])
async def test_free_days_are_read_as_dates_as_seconds_or_by_months(salon: Running, listed: list[int]) -> None:
    data = {"booking_days": {"10": ["5", 6]}, "booking_dates": listed}
    salon.fault(
        "yclients", kind="answer", path="/api/v1/book_dates/*", status=200, body={"success": True, "data": data}
    )
    async with calling(YclientsSettings(**PARTNER), salon.base_url("yclients")) as call:
        found = await booking.days(call, "331", "16", date(2026, 10, 1), date(2026, 11, 6))
    assert found == [DAY, date(2026, 10, 6)]


async def test_a_time_goes_back_letter_by_letter_as_it_came(salon: Running, vendor: Yclients) -> None:
    vendor.front.unix = True
    outcome = await done(salon, BOOK)
    assert isinstance(outcome, Succeeded)
    (wanted,) = [json.loads(one["body"]) for one in vendor.calls if one["method"] == "POST"]
    assert wanted["appointments"][0]["datetime"] == 1791190800


# Which token for what


async def test_with_the_developers_token_alone_a_client_books_moves_and_cancels(
    salon: Running, vendor: Yclients
) -> None:
    vendor.user_token = "nobody's"
    memo: dict[str, Any] = {}
    booked = await done(salon, BOOK, PARTNER, memo=memo)
    assert isinstance(booked, Succeeded)
    visit = booked.external_id or ""
    later = WallTime.read("2026-10-05T15:00", "Europe/Moscow")
    for command in (MoveVisit(visit=visit, starts_at=later), CancelVisit(visit=visit)):
        assert isinstance(await done(salon, command, PARTNER, memo=memo), Succeeded)
    assert [effect["kind"] for effect in vendor.effects] == ["booked", "moved", "cancelled"]


async def test_without_its_secret_a_visit_is_the_journals_to_cancel(salon: Running, vendor: Yclients) -> None:
    booked = await done(salon, BOOK)
    assert isinstance(booked, Succeeded)
    visit = booked.external_id or ""
    for command in (CancelVisit(visit=visit), MoveVisit(visit=visit, starts_at=BOOK.starts_at)):
        outcome = await done(salon, command, PARTNER, memo={})
        assert isinstance(outcome, Refused)
        assert outcome.code == WhyNot.NO_VISIT
    assert isinstance(await done(salon, CancelVisit(visit=visit), BOTH, memo={}), Succeeded)
    assert vendor.salon.records[int(visit)]["deleted"]


async def test_whether_a_lost_booking_is_there_only_the_journal_can_say(salon: Running) -> None:
    async with calling(YclientsSettings(**PARTNER), salon.base_url("yclients")) as call:
        outcome = await ask(MANIFEST, BOOK, call)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "cannot_ask"


async def test_without_the_developers_token_nothing_is_called(salon: Running, vendor: Yclients) -> None:
    assert not YclientsCalendar().ready(YclientsSettings(company_id=997441))
    outcome = await done(salon, BOOK, {"company_id": 997441})
    assert isinstance(outcome, Blocked)
    assert vendor.calls == []


class LostStore(TokenCache):
    async def get(self, name: str) -> None:
        return None

    async def put(self, name: str, value: str, until: object) -> None:
        raise Unavailable("the store is down")


async def test_a_booking_whose_secret_cant_be_kept_is_a_booking(salon: Running, vendor: Yclients) -> None:
    outcome = await done(salon, BOOK, tokens=LostStore())
    assert isinstance(outcome, Succeeded)
    assert "can be cancelled in the salon's journal only" in (outcome.message or "")


# What the salon says


async def test_a_lost_booking_is_found_among_many_and_over_pages(salon: Running, vendor: Yclients) -> None:
    vendor.front.hours = {str(DAY): [f"{hour:02}:00" for hour in range(24)]}
    for number in range(120):
        changes = {"date": "2026-10-05 05:00:00", "staff_id": 16, "deleted": number % 2 == 0}
        vendor.salon.put_record(None, vendor.clock(), changes)
    booked = await done(salon, BOOK)
    async with calling(YclientsSettings(**BOTH), salon.base_url("yclients")) as call:
        found = await ask(MANIFEST, BOOK, call)
    assert isinstance(booked, Succeeded)
    assert isinstance(found, Succeeded)
    assert found.external_id == booked.external_id


async def test_a_form_that_wants_a_code_is_asked_once_in_ten_minutes(salon: Running, vendor: Yclients) -> None:
    vendor.front.phone_confirmation = True
    memo: dict[str, Any] = {}
    for _ in range(3):
        outcome = await done(salon, BOOK, {**PARTNER, "booking_form": FORM}, memo=memo)
        assert isinstance(outcome, Refused)
        assert outcome.code == WhyNot.CODE_NEEDED
    assert [one["path"] for one in vendor.calls] == [f"/api/v1/bookform/{FORM}"]


@pytest.mark.parametrize(
    ("given", "code", "status"),
    [
        ({}, 0, VisitStatus.BOOKED), ({}, 2, VisitStatus.CONFIRMED), ({}, 1, VisitStatus.COMPLETED),
        ({}, -1, VisitStatus.MISSED), ({}, 77, VisitStatus.BOOKED), ({"came": 5}, 5, VisitStatus.COMPLETED),
        ({"came": 5}, 1, VisitStatus.BOOKED),
    ],
)  # fmt: skip
async def test_where_a_visit_stands_is_read_by_the_salons_codes(
    salon: Running, vendor: Yclients, given: dict[str, int], code: int, status: VisitStatus
) -> None:
    record, _ = vendor.salon.put_record(None, vendor.clock(), {"attendance": code})
    settings = YclientsSettings(**BOTH, visit_statuses=given)
    async with calling(settings, salon.base_url("yclients")) as call:
        visit = await YclientsCalendar().visit(str(record["id"]), call)
    assert visit is not None
    assert visit.status is status


async def test_who_is_on_the_black_list_is_told_apart_from_a_right_that_is_missing(
    salon: Running, vendor: Yclients
) -> None:
    vendor.front.black_list = {"79991234567"}
    outcome = await done(salon, BOOK)
    assert isinstance(outcome, Refused)
    assert outcome.code == WhyNot.NOT_WELCOME
    with pytest.raises(VendorFailure) as caught:
        async with calling(YclientsSettings(**{**BOTH, "company_id": 5}), salon.base_url("yclients")) as call:
            await YclientsCalendar().services(call)
    assert isinstance(caught.value.outcome, Blocked)
