"""A bot's "my bookings": shown, moved and cancelled by buttons, and only by whoever has booked them there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.channels import TELEGRAM, channel
from svyazka.engine.contracts.flow import Channel, Decision, Facts, FlowContext, Needs
from svyazka.flows.booking_bot import FLOW, BookingBotSettings
from svyazka.flows.bot_turns import LONGEST_DATA
from svyazka.flows.own_visits import Chosen
from svyazka.model.bookings import Slot, Visit, VisitStatus, WallTime
from svyazka.model.commands import Button, CancelVisit, MoveVisit, SendMessage, Stage
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType
from svyazka.model.questions import AskDays, AskSlots

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
SALON, DIKIDI = channel("salon", "yclients"), channel("salon", "dikidi")
WORDS = BookingBotSettings()
MINE = Visit(
    id="7", status=VisitStatus.BOOKED, starts_at=WallTime.read("2026-10-05T12:30", "Europe/Moscow"),
    services=("331",), staff="16", title="Стрижка",
)  # fmt: skip


def event(**data: Any) -> Event:
    return Event(
        id="evt_1", tenant="kofe", connection="bot", vendor="telegram", type=EventType.MESSAGE_RECEIVED,
        subject="button:1", identity="strong", origin="webhook", received_at=NOW,
        contact=Contact(name="Анна", chats={"telegram": "5000000007"}), data=data,
    )  # fmt: skip


def needed(data: str) -> Needs:
    return FLOW.needs(event(button=data), WORDS)


def decided(
    asked: Event, visits: Sequence[Visit] | None = (MINE,), answer: Sequence[Any] | None = None, salon: Channel = SALON
) -> Decision:
    context = FlowContext("kofe", "Салон", "Europe/Moscow", "booking_bot", (TELEGRAM, salon))
    facts = Facts(
        answer=None if answer is None else tuple(answer), visits=None if visits is None else tuple(visits)
    )  # fmt: skip
    return FLOW.plan(asked, facts, WORDS, context)


def pressed(data: str, *more: Any, **others: Any) -> Decision:
    return decided(event(button=data), *more, **others)


def stages(decision: Decision) -> Sequence[Stage]:
    (plan,) = decision.plans
    return plan.stages


def said(decision: Decision) -> tuple[str, list[Button]]:
    command = stages(decision)[0].step.command
    assert isinstance(command, SendMessage)
    return command.text, [button for row in command.buttons for button in row]


@pytest.mark.parametrize("how", [{"button": "svm"}, {"text": "мои записи "}, {"text": "/my"}])
def test_whoever_asks_is_shown_what_they_have_booked_here(how: dict[str, str]) -> None:
    assert FLOW.needs(event(**how), WORDS) == Needs(visits=True)
    words, buttons = said(decided(event(**how)))
    assert words == WORDS.own.which
    assert [(one.text, one.data) for one in buttons] == [("пн, 5 октября в 12:30, Стрижка", "svm|7")]
    assert said(decided(event(**how), []))[0] == WORDS.own.none
    assert said(decided(event(**how), None))[0] == WORDS.silent


def test_one_may_be_moved_and_cancelled_where_its_calendar_moves_any() -> None:
    words, buttons = said(pressed("svm|7"))
    assert "12:30" in words
    assert [one.data for one in buttons] == ["svm|7|331|16", "svm|7|-"]
    assert [one.data for one in said(pressed("svm|7", salon=DIKIDI))[1]] == ["svm|7|-"]
    assert (
        stages(pressed("svm|7|331|16|202610061200", salon=DIKIDI))[0].step.command
        == stages(pressed("svm|7", salon=DIKIDI))[0].step.command
    ), "a button of before it changed"


def test_a_visit_is_cancelled_after_a_second_question_once_however_often_it_is_pressed() -> None:
    words, (yes,) = said(pressed("svm|7|-"))
    assert "12:30" in words
    first = pressed(yes.data)
    cancel, told, untold = stages(first)
    assert (cancel.step.command, cancel.lane) == (CancelVisit(visit="7"), "visit:7")
    assert (told.after, untold.after, untold.if_failed) == ((cancel.step.name,), (cancel.step.name,), timedelta(0))
    again = event(button=yes.data).model_copy(update={"id": "evt_2", "subject": "button:2"})
    assert decided(again).plans[0].subject == first.plans[0].subject


def test_a_visit_is_moved_to_a_day_and_a_time_that_are_free_for_its_own_service_and_master() -> None:
    ask = needed("svm|7|331|16").ask
    assert ask == AskDays(service="331", staff="16", first=date(2026, 10, 1), last=date(2026, 10, 15))
    (day,) = said(pressed("svm|7|331|16", answer=[date(2026, 10, 6)]))[1]
    assert needed(day.data).ask == AskSlots(service="331", staff="16", day=date(2026, 10, 6))
    (time,) = said(pressed(day.data, answer=[Slot(starts_at=WallTime.read("2026-10-06T10:00", "Europe/Moscow"))]))[1]
    assert needed(time.data) == Needs(visits=True)
    move, _, untold = stages(pressed(time.data))
    to = WallTime.read("2026-10-06T10:00", "Europe/Moscow")
    assert (move.step.command, move.lane) == (MoveVisit(visit="7", starts_at=to), "visit:7")
    assert isinstance(untold.step.command, SendMessage)
    assert untold.step.command.buttons[0][0].data == day.data
    moved = MINE.model_copy(update={"starts_at": to})
    assert "10:00" in said(pressed(time.data, [moved]))[0], "pressed twice: it stands there already"
    for answer, words in ((None, WORDS.silent), ([], WORDS.nothing_free)):
        assert said(pressed(day.data, answer=answer))[0] == words
    assert said(pressed("svm|7|331|16|202609301000"))[0] == WORDS.nothing_free


@pytest.mark.parametrize("data", ["svm|8", "svm|8|-", "svm|8|--", "svm|8|331|16|202610061000"])
def test_a_visit_that_was_not_booked_here_is_neither_shown_nor_touched(data: str) -> None:
    assert said(pressed(data))[0] == WORDS.own.which


@pytest.mark.parametrize("data", ["svm|", "svm|7|331|16|20261399", "svm|a b", "svm|7|331|16|202610061000|x"])
def test_what_nobody_was_shown_is_left_alone(data: str) -> None:
    assert pressed(data).plans == ()


def test_what_a_button_cannot_hold_is_not_offered() -> None:
    long = MINE.model_copy(update={"id": "x" * 30})
    assert said(pressed("svm", [long]))[1] == []
    wide = MINE.model_copy(update={"services": ("x" * 24,), "staff": "y" * 24, "id": "z" * 24})
    assert [one.data for one in said(pressed(f"svm|{wide.id}", [wide]))[1]] == [f"svm|{wide.id}|-"]


@given(st.text(max_size=80))
def test_any_data_is_read_or_left_alone(data: str) -> None:
    found = Chosen.of(data)
    assert found is None or Chosen.of(found.data()) == found
    assert found is None or len(data.encode()) > LONGEST_DATA or found.data() == data
