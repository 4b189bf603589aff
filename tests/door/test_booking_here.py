"""Booking through the front door: times that somebody is waiting for, and codes that the calendar itself wants."""

from __future__ import annotations

from door.salon import Salon, salon
from door.support import PHONE, Site, told
from svyazka.model.bookings import WhyNot
from svyazka.model.commands import SendVisitCode
from svyazka.model.errors import NotSent
from svyazka.model.events import EventStatus, EventType
from svyazka.model.outcomes import Refused

TWELVE, ONE = "2026-10-05T12:00:00+03:00", "2026-10-05T13:00:00+03:00"
WISH = {"service": "331", "staff": "16", "starts_at": TWELVE, "name": "Анна", "phone": PHONE}
OTHER = {**WISH, "name": "Пётр", "phone": "+7 900 000-00-00"}


async def offered(site: Salon, staff: str = "16") -> list[str]:
    answer = await site.call("GET", f"/ingest/slots?service=331&staff={staff}&day=2026-10-05")
    assert answer.status == 200, answer.body
    return [one["starts_at"] for one in told(answer)["data"]]


async def asked_for(site: Salon, wish: dict[str, str], key: str = "k") -> tuple[int, str, str]:
    answer = await site.post("booking", wish, idempotency_key=key)
    return answer.status, told(answer)["status"], told(answer)["id"]


# Times that somebody waits for


async def test_a_time_that_somebody_waits_for_is_offered_to_nobody_else_for_a_while() -> None:
    site = await salon()
    assert await offered(site) == [TWELVE, ONE]
    await offered(site, "17")
    site.calendar.fails = lambda: NotSent("away")
    assert (await asked_for(site, WISH))[:2] == (202, "accepted")
    assert await offered(site) == [ONE]
    assert await offered(site, "17") == [TWELVE, ONE]
    site.clock.step(601)
    assert await offered(site) == [TWELVE, ONE]


async def test_what_is_called_off_is_offered_again() -> None:
    site = await salon()
    await offered(site)
    site.calendar.fails = lambda: NotSent("away")
    _, _, id_ = await asked_for(site, WISH)
    assert await offered(site) == [ONE]
    assert told(await site.call("POST", "/ingest/booking/cancel", {"id": id_}))["status"] == "cancelled"
    assert await offered(site) == [TWELVE, ONE]


async def test_who_asks_for_a_time_that_is_waited_for_is_answered_by_the_calendar_alone() -> None:
    site = await salon()
    await offered(site)
    site.calendar.fails = lambda: NotSent("away")
    await asked_for(site, WISH, "a")
    site.calendar.fails = None
    site.clock.step(5)
    assert (await asked_for(site, OTHER, "b"))[:2] == (200, "booked")
    await site.pass_time(3600)
    assert [visit.starts_at.iso for visit in site.calendar.visits.values()] == [TWELVE]


async def test_the_next_times_after_one_that_is_taken_are_free_of_those_waited_for() -> None:
    site = await salon()
    site.calendar.times = {day: ["12:00", "13:00", "14:00", "15:00", "16:00"] for day in site.calendar.times}
    assert (await asked_for(site, WISH, "a"))[:2] == (200, "booked")
    await offered(site)
    site.calendar.fails = lambda: NotSent("away")
    await asked_for(site, {**OTHER, "starts_at": ONE}, "b")
    site.calendar.fails = None
    site.clock.step(5)
    third = {**OTHER, "phone": "+7 900 000-00-01"}
    taken = await site.post("booking", third, idempotency_key="c")
    assert (taken.status, told(taken)["status"]) == (409, "taken")
    assert [one["starts_at"][11:16] for one in told(taken)["slots"]] == ["14:00", "15:00", "16:00"]


# The calendar's own code


def sends_codes(site: Salon) -> list[SendVisitCode]:
    """Have the calendar want a code for each booking; the codes that it was asked to send."""
    sent: list[SendVisitCode] = []
    book, send_code = site.calendar.book, site.calendar.send_code

    async def with_code(command, call):  # type: ignore[no-untyped-def]
        if command.code is None:
            return Refused(code=WhyNot.CODE_NEEDED, message="a code is wanted")
        return await book(command, call) if command.code == "4242" else Refused(code=WhyNot.WRONG_CODE, message="no")

    async def noted(command, call):  # type: ignore[no-untyped-def]
        sent.append(command)
        return await send_code(command, call)

    site.calendar.book, site.calendar.send_code = with_code, noted  # type: ignore[method-assign]
    return sent


async def code_for(site: Site, phone: str = PHONE) -> None:
    answer = await site.call("POST", "/ingest/booking/code", {"phone": phone, "name": "Анна"})
    assert (answer.status, told(answer)) == (202, {"status": "accepted"})
    assert site.pauses[-1] > 0
    await site.run()


async def test_a_calendar_that_wants_a_code_sends_it_and_books_with_it() -> None:
    site = await salon()
    sent = sends_codes(site)
    refused = await site.post("booking", WISH, idempotency_key="a")
    assert (refused.status, told(refused)["code"]) == (409, "code_needed")
    await code_for(site)
    assert [one.person.phone for one in sent] == ["+79991234567"]
    wrong = await site.post("booking", {**WISH, "code": "1"}, idempotency_key="b")
    assert (wrong.status, told(wrong)["code"]) == (409, "wrong_code")
    assert (await asked_for(site, {**WISH, "code": "4242"}, "c"))[:2] == (200, "booked")


async def test_the_calendars_codes_have_the_limits_of_our_own() -> None:
    site = await salon()
    sent = sends_codes(site)
    for _ in range(3):
        await code_for(site)
    await site.post("code", {"phone": PHONE})
    await site.run()
    assert (len(sent), len(site.sms.sent)) == (1, 0), "one a minute, ours or the calendar's"
    await code_for(site, "+44 7700 900123")
    assert len(sent) == 1
    kept = [one for one in await site.events() if one.event.type is EventType.BOOKING_CODE_REQUESTED]
    assert [one.status for one in kept].count(EventStatus.IGNORED) == 3, "the same is written down for every phone"


async def test_a_pump_of_the_calendars_codes_costs_at_most_the_sites_day() -> None:
    site = await salon({"daily_codes": 20})
    sent = sends_codes(site)
    for number in range(60):
        await site.call("POST", "/ingest/booking/code", {"phone": f"+7999{number:07d}", "name": "x"})
    await site.run()
    assert len(sent) == 20
