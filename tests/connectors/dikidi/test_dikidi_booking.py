"""One booking, whatever happens on the way: DIKIDI takes no key of ours; a session and a held id stand in its place."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from connectors.dikidi.conftest import AT, Calling, visit_of
from simulators.dikidi import Dikidi
from simulators.dikidi.simulator import CODE
from svyazka.connectors.dikidi.calendar import DikidiCalendar
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.bookings import VisitStatus, WhyNot
from svyazka.model.commands import MoveVisit, SendVisitCode
from svyazka.model.contacts import Contact
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unclear, Unknown

CALENDAR = DikidiCalendar()
DAY = AT.date()
SAMPLE = Path(__file__).parents[2] / "samples" / "dikidi" / "widget-record.form"


def did(salon: Dikidi, kind: str) -> list[dict[str, object]]:
    return [effect for effect in salon.effects if effect["kind"] == kind]


def holds(salon: Dikidi) -> list[str]:
    return [one.id for one in salon.salon.bookings.values() if one.is_hold]


async def tried(widget: Calling, command=None, key: str = "dlv_1.1") -> Outcome | None:  # type: ignore[no-untyped-def]
    """One try as the engine makes it: asked first where an earlier one is in doubt."""
    command = command or visit_of()
    async with widget(key) as call:
        try:
            return await CALENDAR.book(command, call)
        except (MaybeSent, NotSent):
            return None


async def asked(widget: Calling, key: str = "dlv_1.1") -> Outcome | None:
    async with widget(key) as call:
        return await CALENDAR.find_booked(visit_of(), call)


async def test_what_can_be_booked_is_read_in_our_words(widget: Calling, salon: Dikidi) -> None:
    salon.salon.days_off.add(date(2026, 3, 17))
    async with widget() as call:
        women, children = await CALENDAR.services(call)
        masters = await CALENDAR.staff("2001", call)
        days = await CALENDAR.days("2001", None, DAY, date(2026, 3, 18), call)
        slots = await CALENDAR.slots("2002", None, DAY, call)
        assert await CALENDAR.slots("2001", None, date(2026, 3, 17), call) == [], "another day isn't this one"
    assert (women.title, women.category, women.price_max, women.minutes) == ("Стрижка женская", "Стрижки", 1500, 60)
    assert (children.price_min, children.price_max, children.minutes) == (800, None, 45)
    assert next((one.id, one.name, one.position) for one in masters) == ("555", "Анна Мастерова", "Парикмахер")
    assert days == [date(2026, 3, 16), date(2026, 3, 18)]
    assert (slots[0].starts_at.iso, slots[0].staff, slots[0].minutes) == ("2026-03-16T10:00:00+03:00", None, 45)


async def test_a_booking_is_made_shown_and_cancelled_within_its_session(widget: Calling, salon: Dikidi) -> None:
    booked = await tried(widget, visit_of(services=("2001", "2002"), comment="первый раз"))
    assert isinstance(booked, Succeeded)
    (made,) = did(salon, "booking")
    assert (made["id"], made["phone"], made["name"]) == (booked.external_id, "79991234567", "Мария Иванова")
    assert made["services"] == ["2001", "2002"], "repeated keys are sent as such"
    async with widget() as call:
        assert made["comment"] == f"первый раз #{call.generation_mark}"
        visit = await CALENDAR.visit(str(booked.external_id), call)
        assert visit is not None
        assert (visit.status, visit.starts_at.clock, visit.minutes, visit.staff) == (
            VisitStatus.BOOKED, AT, 105, "555",
        )  # fmt: skip
        first = await CALENDAR.cancel(visit.id, call)
        again = await CALENDAR.cancel(visit.id, call)
    assert (first, again) == (Succeeded(external_id=visit.id), Succeeded(external_id=visit.id, already=True))
    assert len(did(salon, "cancelled")) == 1


async def test_the_body_that_books_is_the_widgets_own(widget: Calling, salon: Dikidi) -> None:
    await tried(widget)
    (body,) = [call["body"] for call in salon.calls if call["path"].endswith("/record/")]
    ours, seen = (dict(parse_qsl(each, keep_blank_values=True)) for each in (body, SAMPLE.read_text()))
    own = dict.fromkeys(("comments", "session"), "")
    assert ours | own == seen | own


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
@pytest.mark.parametrize("path", ["project_options", "time_reservation", "check", "record"])
async def test_whatever_call_is_cut_there_is_one_booking_and_nothing_held(
    widget: Calling, salon: Dikidi, up, path: str, kind: str
) -> None:  # type: ignore[no-untyped-def]
    up.fault("dikidi", kind=kind, path=f"*/{path}/")
    assert await tried(widget) is None, "no answer: the engine asks before it repeats"
    found = await asked(widget)
    if (path, kind) == ("record", "cut_after"):
        assert isinstance(found, Succeeded)
        assert found.already
    else:
        assert found is None
        assert isinstance(await tried(widget), Succeeded)
    assert len(did(salon, "booking")) == 1
    assert holds(salon) == []


async def test_a_try_that_was_made_unseen_is_found_by_the_next_one_itself(widget: Calling, salon: Dikidi, up) -> None:  # type: ignore[no-untyped-def]
    up.fault("dikidi", kind="cut_after", path="*/record/")
    await tried(widget)
    again = await tried(widget)
    assert isinstance(again, Succeeded)
    assert again.already
    assert len(did(salon, "booking")) == 1


async def test_a_hold_that_went_by_itself_is_taken_anew(widget: Calling, salon: Dikidi, up) -> None:  # type: ignore[no-untyped-def]
    up.fault("dikidi", kind="answer", path="*/check/", status=503)
    assert isinstance(await tried(widget), Retry)
    salon.ahead += 3600
    assert isinstance(await tried(widget), Succeeded)
    assert [len(did(salon, kind)) for kind in ("hold", "booking")] == [2, 1]


async def test_a_held_time_is_booked_by_the_next_try_without_another_hold(widget: Calling, salon: Dikidi, up) -> None:  # type: ignore[no-untyped-def]
    up.fault("dikidi", kind="answer", path="*/check/", status=503)
    await tried(widget)
    assert isinstance(await tried(widget), Succeeded)
    assert [len(did(salon, kind)) for kind in ("hold", "booking")] == [1, 1]


async def test_taken_after_a_silent_try_is_no_no(widget: Calling, salon: Dikidi, up) -> None:  # type: ignore[no-untyped-def]
    """The time may have been taken by ourselves, where DIKIDI doesn't show it to the session any more."""
    up.fault("dikidi", kind="cut_after", path="*/record/")
    await tried(widget)
    for one in salon.salon.bookings.values():
        one.session = "forgotten"
    assert await asked(widget) is None
    assert isinstance(await tried(widget), Unknown)
    assert len(did(salon, "booking")) == 1


async def test_of_two_people_for_one_time_one_gets_it_by_dikidis_own_word(widget: Calling, salon: Dikidi) -> None:
    both = await asyncio.gather(*(tried(widget, key=f"dlv_{n}.1") for n in range(2)))
    won = [one for one in both if isinstance(one, Succeeded)]
    lost = [one for one in both if isinstance(one, Refused)]
    assert (len(won), [one.code for one in lost]) == (1, [WhyNot.TAKEN])
    assert (len(did(salon, "booking")), holds(salon)) == (1, [])


async def test_without_a_wish_the_next_free_master_is_taken(widget: Calling, salon: Dikidi) -> None:
    outcomes = [await tried(widget, visit_of(staff=None), key=f"dlv_{n}.1") for n in range(3)]
    assert [one["master"] for one in did(salon, "booking")] == ["555", "556"]
    assert isinstance(outcomes[2], Refused)
    assert outcomes[2].code == WhyNot.TAKEN


async def test_a_salon_that_wants_a_code_is_told_so_and_holds_nothing(widget: Calling, salon: Dikidi) -> None:
    salon.sms = True
    wanted = await tried(widget)
    assert isinstance(wanted, Refused)
    assert (wanted.code, holds(salon)) == (WhyNot.CODE_NEEDED, [])
    assert "код" in (wanted.remedy or ""), "only a person can confirm it"
    async with widget("dlv_2.1") as call:
        sent = await CALENDAR.send_code(SendVisitCode(person=visit_of().person), call)
    assert (isinstance(sent, Succeeded), [one["to"] for one in did(salon, "code")]) == (True, ["79991234567"])
    wrong = await tried(widget, visit_of(code="0000"), key="dlv_3.1")
    assert isinstance(wrong, Refused)
    assert (wrong.code, holds(salon)) == (WhyNot.WRONG_CODE, [])
    assert isinstance(await tried(widget, visit_of(code=CODE), key="dlv_4.1"), Succeeded)
    assert len(did(salon, "booking")) == 1


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (Contact(name="Мария"), WhyNot.BAD_PHONE),
        (Contact(name="Мария", phone="+79991234567", proxy=True), WhyNot.BAD_PHONE),
        (Contact(phone="+79991234567"), WhyNot.NO_NAME),
    ],
)
async def test_whom_the_widget_would_not_book_is_not_sent_there(
    widget: Calling, salon: Dikidi, person: Contact, code: str
) -> None:
    refused = await tried(widget, visit_of(person=person))
    assert isinstance(refused, Refused)
    assert (refused.code, salon.calls) == (code, [])


@pytest.mark.parametrize("form", ["number", "text", "object"])
async def test_a_refusal_gives_the_hold_back_in_whatever_form_it_comes(
    widget: Calling, salon: Dikidi, form: str
) -> None:
    salon.error_form, salon.refusals = form, {"record": "Вы в чёрном списке"}
    refused = await tried(widget)
    assert isinstance(refused, Refused)
    assert (refused.code, holds(salon)) == (WhyNot.NOT_WELCOME, [])


async def test_a_session_is_found_in_the_page_too(widget: Calling, salon: Dikidi) -> None:
    salon.session_in = "page"
    assert isinstance(await tried(widget), Succeeded)


async def test_a_visit_of_another_session_is_neither_shown_nor_touched(widget: Calling, salon: Dikidi) -> None:
    other = salon.salon.take("555", ["2001"], AT)
    async with widget() as call:
        with pytest.raises(VendorFailure):
            await CALENDAR.visit(other.id, call)
        refused = await CALENDAR.cancel(other.id, call)
        moved = await CALENDAR.move(MoveVisit(visit=other.id, starts_at=visit_of().starts_at), other.id, call)
    assert isinstance(refused, Refused)
    assert isinstance(moved, Refused)
    assert "вручную" in (refused.remedy or "")
    assert salon.effects == []


async def test_a_cancellation_whose_answer_was_lost_is_done_at_the_next_try(widget: Calling, salon: Dikidi, up) -> None:  # type: ignore[no-untyped-def]
    booked = await tried(widget)
    assert isinstance(booked, Succeeded)
    up.fault("dikidi", kind="cut_after", path="*/remove_record/")
    async with widget() as call:
        with pytest.raises(MaybeSent):
            await CALENDAR.cancel(str(booked.external_id), call)
        again = await CALENDAR.cancel(str(booked.external_id), call)
    assert isinstance(again, Succeeded)
    assert again.already
    assert len(did(salon, "cancelled")) == 1


READS = ("project_options", "company_services", "to_master_get_masters", "get_dates_true", "get_datetimes")


@pytest.mark.parametrize("call_of", READS)
@pytest.mark.parametrize("how", ["changed", "moved", "protection"])
async def test_a_widget_that_changed_is_found_by_the_daily_look_before_a_client_does(
    widget: Calling, salon: Dikidi, call_of: str, how: str
) -> None:
    from svyazka.connectors.dikidi.manifest import MANIFEST

    assert MANIFEST.polling is not None
    assert MANIFEST.doctor is not None
    async with widget() as call:
        assert (await MANIFEST.polling.poll(None, call)).facts == ()
        assert {one.status for one in await MANIFEST.doctor.check(call)} == {"ok"}
        setattr(salon, how, 403 if how == "protection" else (call_of,))
        with pytest.raises(VendorFailure) as caught:
            await MANIFEST.polling.poll(None, call)
        (finding,) = await MANIFEST.doctor.check(call)
    assert isinstance(caught.value.outcome, Blocked)
    assert caught.value.code == ("protected" if how == "protection" else "changed")
    assert (finding.status, finding.stops, finding.remedy) == ("fail", True, caught.value.outcome.remedy)
    assert salon.effects == []


async def test_a_record_whose_answer_changed_is_not_taken_for_a_no(widget: Calling, salon: Dikidi) -> None:
    salon.changed = ("record",)
    assert isinstance(await tried(widget), Unclear)


async def test_a_wrong_company_is_told_with_what_to_correct(widget: Calling, salon: Dikidi) -> None:
    salon.refusals = {"project_options": "COMPANY_ERROR"}
    outcome = await tried(widget)
    assert isinstance(outcome, Blocked)
    assert "company" in outcome.remedy


async def test_a_doctor_says_what_a_client_would_find_empty(widget: Calling, salon: Dikidi) -> None:
    from svyazka.connectors.dikidi.manifest import MANIFEST

    assert MANIFEST.doctor is not None
    salon.salon.closed = True
    async with widget() as call:
        found = {one.check: one.status for one in await MANIFEST.doctor.check(call)}
    assert found == {"widget": "ok", "days": "warn"}


async def test_no_story_shows_a_session(widget: Calling, salon: Dikidi) -> None:
    async with widget() as call:
        await CALENDAR.book(visit_of(), call)
        told = str([one.model_dump_json() for one in call.http.log[1:]])
    assert all(one.session not in told for one in salon.salon.bookings.values())


def test_the_salons_clock_is_what_is_agreed() -> None:
    assert visit_of(datetime(2026, 3, 16, 12)).starts_at.iso == "2026-03-16T12:00:00+03:00"
