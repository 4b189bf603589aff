"""`booking`: a request becomes a visit, a moved or a cancelled one, and messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.channels import MAIL, SMS, TELEGRAM, channel
from svyazka.engine.contracts.flow import Channel, Decision, Facts, FlowContext
from svyazka.flows.booking import FLOW, SEEN, BookingSettings
from svyazka.flows.registry import load_flow
from svyazka.model.bookings import WallTime
from svyazka.model.commands import AddNote, BookVisit, CancelVisit, MoveVisit, Repeat, SendMessage, SendVisitCode, Stage
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
SALON = replace(channel("salon", "yclients"), timezone="Asia/Omsk")
ANNA = Contact(name="Анна Тестова", phone="8 (999) 123-45-67", chats={"telegram": "5000000007"})
ASKED = {"service": "331", "staff": "16", "starts_at": "2026-10-05T12:00", "comment": " Из бота ", "title": "Стрижка"}
LATER = WallTime.read("2026-10-06T15:30", "Asia/Omsk")
TEXTS = {
    "text": "{name}, ждём вас {date} в {time}: {service}. {link}", "not_booked": "{name}, не вышло на {date} {time}",
    "moved": "Теперь {date} в {time}", "cancelled": "Запись отменена", "not_done": "Не получилось, позвоните нам",
    "link": "https://kofe.example.org/visit?id={booking}",
}  # fmt: skip


def event(type_: EventType = EventType.BOOKING_REQUESTED, contact: Contact | None = ANNA, **data: Any) -> Event:
    return Event(
        id="evt_00112233445566778899", tenant="kofe", connection="site", vendor="http", type=type_, subject="booking:1",
        identity="strong", origin="webhook", received_at=NOW, contact=contact, data=data,
    )  # fmt: skip


def decided(asked: Event, channels: Sequence[Channel] = (SALON, TELEGRAM, SMS), **given_: Any) -> Decision:
    context = FlowContext("kofe", "Кофейня", "Europe/Moscow", "booking", channels)
    return FLOW.plan(asked, Facts(), BookingSettings.model_validate({**TEXTS, **given_}), context)


def stages(decision: Decision) -> list[Stage]:
    (plan,) = decision.plans
    return list(plan.stages)


def text(stage: Stage) -> str:
    assert isinstance(stage.step.command, SendMessage)
    return stage.step.command.text


def test_a_booking_is_asked_of_the_calendar_and_then_told() -> None:
    book, told, untold = stages(decided(event(**ASKED)))
    starts_at = WallTime.read("2026-10-05T12:00", "Asia/Omsk")
    assert book.step.command == BookVisit(
        services=("331",), staff="16", starts_at=starts_at, person=ANNA, comment="Из бота"
    )
    assert [step.connection for step in told.steps] == ["bot", "sms"]
    link = "https://kofe.example.org/visit?id=evt_00112233445566778899"
    assert text(told) == f"Анна, ждём вас 05.10.2026 в 12:00: Стрижка. {link}"
    assert text(untold) == "Анна, не вышло на 05.10.2026 12:00"
    assert (told.if_failed, untold.if_failed) == (None, SEEN)
    assert told.after == untold.after == (book.step.name,)
    assert load_flow("booking") is FLOW


def test_a_calendar_that_is_away_is_waited_for_till_the_visit_and_there_is_time_to_tell() -> None:
    for starts_at, until in (
        ("2026-10-05T12:00", NOW + timedelta(hours=12)),
        ("2026-10-01T20:00", datetime(2026, 10, 1, 14, 0, tzinfo=UTC)),
    ):
        decision = decided(event(**{**ASKED, "starts_at": starts_at}))
        assert stages(decision)[0].until == until
        assert {stage.until for stage in stages(decision)[1:]} == {until + timedelta(hours=24)}


def test_what_waits_is_called_off_by_a_cancellation_of_the_same_subject() -> None:
    (guard,) = [stage.guards.still_true for stage in stages(decided(event(**ASKED))) if stage.guards.still_true]
    assert guard.subject == "booking:1"
    assert EventType.BOOKING_CANCEL_REQUESTED not in guard.types


@pytest.mark.parametrize(
    ("type_", "command", "texts"),
    [
        (EventType.BOOKING_MOVE_REQUESTED, MoveVisit(visit="7", starts_at=LATER),
         ["Теперь 06.10.2026 в 15:30", "Не получилось, позвоните нам"]),
        (EventType.BOOKING_CANCEL_REQUESTED, CancelVisit(visit="7"),
         ["Запись отменена", "Не получилось, позвоните нам"]),
    ],
)  # fmt: skip
def test_a_visit_is_moved_or_cancelled_in_its_order(type_: EventType, command: Any, texts: list[str]) -> None:
    asked = event(type_, booking="evt_1", visit=7, starts_at="2026-10-06T15:30")
    does, *told = stages(decided(asked))
    assert does.step.command == command
    assert does.lane == "visit:7"
    assert [text(stage) for stage in told] == texts
    again = event(type_, booking="evt_1", visit=7, starts_at="2026-10-07T15:30").model_copy(update={"id": "evt_ffff"})
    assert {stage.step.name for stage in stages(decided(again))} & {stage.step.name for stage in (does, *told)} == set()


def test_whoever_asks_is_a_lead_in_the_same_plan_and_neither_waits_for_the_other() -> None:
    crm, other = channel("crm", "amocrm"), channel("crm2", "amocrm")
    decision = decided(event(**ASKED), [SALON, crm, other, SMS], lead={"task": "Позвонить"})
    plan, copy = decision.plans
    before = {stage.step.name: plan.before(stage) for stage in plan.stages}
    assert before == {
        "booking/salon": (), "booking.told/sms": ("booking/salon",), "booking.not/sms": ("booking/salon",),
        "booking/crm/contact": (), "booking/crm/deal": ("booking/crm/contact",),
        "booking/crm/note": ("booking/crm/deal",), "booking/crm/task": ("booking/crm/deal",),
        "booking/crm/booked": ("booking/salon", "booking/crm/deal"),
        "booking/crm/not-booked": ("booking/salon", "booking/crm/deal"),
    }  # fmt: skip
    assert {stage.until for stage in plan.stages[3:]} == {None}, "a lead waits for its CRM as long as it takes"
    notes = [stage.step.command.text for stage in plan.stages if isinstance(stage.step.command, AddNote)]
    assert "Просит записать: 05.10.2026 12:00" in notes[0]
    assert notes[1:] == ["Записан: 05.10.2026 12:00", "Не записан на 05.10.2026 12:00: перезвоните"]
    assert [stage.step.connection for stage in copy.stages] == ["crm2"] * 4
    assert len(decided(event(contact=None, **ASKED), [SALON, crm]).plans) == 1


def test_a_code_is_the_calendars_to_send_and_soon_of_no_use() -> None:
    (stage,) = stages(decided(event(EventType.BOOKING_CODE_REQUESTED)))
    assert stage.step.command == SendVisitCode(person=ANNA)
    assert stage.step.repeat is Repeat.UNSAFE
    assert stage.until == NOW + timedelta(minutes=5)


NOTHING = [
    (event(), "expected `service`"),
    (event(**{**ASKED, "service": ""}), "expected `service`"),
    (event(**{**ASKED, "service": None, "services": ["1", ""]}), "expected `service`"),
    (event(**{**ASKED, "services": [str(n) for n in range(11)]}), "expected `service`"),
    (event(**{**ASKED, "starts_at": "завтра"}), "expected `service`"),
    (event(**{**ASKED, "starts_at": "2026-10-01T17:59"}), "the time is past"),
    (event(EventType.BOOKING_MOVE_REQUESTED, starts_at="2026-10-06T15:30"), "there is no visit yet"),
    (event(EventType.BOOKING_MOVE_REQUESTED, visit="7"), "expected `starts_at`"),
    (event(EventType.BOOKING_MOVE_REQUESTED, visit="7", starts_at="2026-09-06T15:30"), "the time is past"),
    (event(EventType.BOOKING_CANCEL_REQUESTED), "nothing is booked yet"),
]


@pytest.mark.parametrize(("asked", "why"), NOTHING)
def test_what_cant_be_meant_is_said_and_nothing_is_done(asked: Event, why: str) -> None:
    decision = decided(asked)
    assert not decision.plans
    assert (decision.reason or "").startswith(why)
    assert decided(event(**ASKED), [SMS]).reason == "none of its channels has a calendar"


def test_nobody_is_told_what_isnt_written_or_cant_reach_them() -> None:
    only = dict.fromkeys(("not_booked", "moved", "cancelled", "not_done", "link"))
    assert len(stages(decided(event(**ASKED), **only))) == 2
    assert len(stages(decided(event(**ASKED), [SALON, MAIL]))) == 1
    assert len(stages(decided(event(EventType.BOOKING_CANCEL_REQUESTED, visit="7"), **only))) == 1


def test_each_text_is_its_own_on_every_channel() -> None:
    html = {"subject": "Запись", "html": "<p>{name}</p>", "texts": {"sms": "Ждём {date}"}}
    contact = Contact(name="Анна", email="anna@example.org", phone="+79991234567")
    _, told, untold = stages(decided(event(contact=contact, **ASKED), [SALON, MAIL, SMS], **html))
    mail, sms = (step.command for step in told.steps)
    assert isinstance(mail, SendMessage)
    assert isinstance(sms, SendMessage)
    assert (mail.html, sms.text) == ("<p>Анна</p>", "Ждём 05.10.2026")
    bare, bare_sms = (step.command for step in untold.steps)
    assert isinstance(bare, SendMessage)
    assert isinstance(bare_sms, SendMessage)
    assert (bare.html, bare.text) == (None, bare_sms.text)


@pytest.mark.parametrize(
    "wrong",
    [{"link": "http://kofe.example.org/{booking}"}, {"link": "https://kofe.example.org/"}, {"moved": "{what}"}],
)
def test_a_wrong_setting_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        BookingSettings.model_validate({**TEXTS, **wrong})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80), lambda one: st.lists(one, max_size=3)
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(FLOW.wants(BookingSettings.model_validate(TEXTS)))),
    st.dictionaries(st.sampled_from([*ASKED, "services", "visit", "booking", "code"]), JSON),
)
def test_whatever_a_form_sends_is_decided_twice_alike(type_: EventType, data: dict[str, Any]) -> None:
    asked = event(type_, **data)
    assert decided(asked) == decided(asked)
