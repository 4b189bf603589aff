"""`booking_bot`: each press is answered by itself, and nothing is remembered but in the buttons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.channels import SMS, TELEGRAM, channel
from svyazka.engine.contracts.flow import Channel, Decision, Facts, FlowContext
from svyazka.flows.booking_bot import FLOW, BookingBotSettings, Chosen
from svyazka.flows.bot_turns import LONGEST_DATA
from svyazka.flows.own_visits import LIST
from svyazka.model.bookings import Service, Slot, WallTime
from svyazka.model.commands import BookVisit, Button, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType
from svyazka.model.questions import AskDays, AskServices, AskSlots, Question

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
SALON = channel("salon", "dikidi")
CHATS = {"telegram": "5000000007"}
PHONE = "79991234567"
WORDS = BookingBotSettings()


def event(phone: str | None = None, **data: Any) -> Event:
    return Event(
        id="evt_1", tenant="kofe", connection="bot", vendor="telegram", type=EventType.MESSAGE_RECEIVED,
        subject="message:1", identity="strong", origin="webhook", received_at=NOW,
        contact=Contact(name="Анна", phone=phone, chats=CHATS), data=data,
    )  # fmt: skip


def decided(
    asked: Event, answer: Sequence[Any] | None = None, channels: Sequence[Channel] = (TELEGRAM, SALON)
) -> Decision:
    context = FlowContext("kofe", "Салон", "Europe/Moscow", "booking_bot", channels)
    return FLOW.plan(asked, Facts(answer=None if answer is None else tuple(answer)), WORDS, context)


def said(decision: Decision) -> SendMessage:
    (plan,) = decision.plans
    command = plan.stages[0].step.command
    assert isinstance(command, SendMessage)
    return command


def buttons(message: SendMessage) -> list[Button]:
    """Those of the way to a visit; the one that shows the visits that are there stands beside some of them."""
    return [button for row in message.buttons for button in row if button.data != LIST]


def question(asked: Event) -> Question | None:
    return FLOW.needs(asked, WORDS).ask


def at(clock: str) -> Slot:
    return Slot(starts_at=WallTime.read(f"2026-10-05T{clock}", "Europe/Moscow"))


CUT = Service(id="2001", title="Стрижка", price_min=Decimal(1500), price_max=Decimal(1500))
ANSWERS: list[tuple[str, Sequence[Any], type, list[str]]] = [
    (f"svz|{PHONE}", [CUT, Service(id="2002", title="Бритьё")], AskServices, ["Стрижка, 1500 ₽", "Бритьё"]),
    (f"svz|{PHONE}|2001", [date(2026, 10, 5), date(2026, 10, 6)], AskDays, ["пн, 5 октября", "вт, 6 октября"]),
    (f"svz|{PHONE}|2001|20261005", [at("12:30"), at("10:00"), at("10:00")], AskSlots, ["10:00", "12:30"]),
]


def test_a_stranger_is_asked_for_the_phone_and_whoever_gives_it_for_the_service() -> None:
    (button,) = buttons(said(decided(event(text="/start", chat_type="private"))))
    assert button.asks_phone
    given_ = event(phone=f"+{PHONE}", attachment="contact")
    assert question(given_) == AskServices()
    assert [one.data for one in buttons(said(decided(given_, [CUT])))] == [f"svz|{PHONE}|2001"]


@pytest.mark.parametrize(("data", "answer", "asks", "shown"), ANSWERS)
def test_each_press_shows_what_may_be_chosen_next_with_all_that_was_chosen(
    data: str, answer: Sequence[Any], asks: type, shown: list[str]
) -> None:
    pressed = event(button=data)
    assert isinstance(question(pressed), asks)
    offered = buttons(said(decided(pressed, answer)))
    assert [one.text for one in offered] == shown
    assert all(one.data.startswith(f"{data}|") or len(data) > 28 for one in offered)
    assert all(len(one.data.encode()) <= LONGEST_DATA for one in offered)


@pytest.mark.parametrize(("data", "answer", "asks", "shown"), ANSWERS)
def test_a_calendar_that_is_silent_or_full_is_said_to_be_so(
    data: str, answer: Sequence[Any], asks: type, shown: list[str]
) -> None:
    assert said(decided(event(button=data))).text == WORDS.silent
    assert said(decided(event(button=data), [])).text == WORDS.nothing_free


def test_the_last_press_books_and_tells_how_it_went() -> None:
    pressed = event(button=f"svz|{PHONE}|2001|202610051230")
    assert question(pressed) is None
    (plan,) = decided(pressed).plans
    book, told, untold = plan.stages
    assert book.step.command == BookVisit(
        services=("2001",), starts_at=at("12:30").starts_at,
        person=Contact(name="Анна", phone=f"+{PHONE}", chats=CHATS),
    )  # fmt: skip
    assert (told.after, untold.after, untold.if_failed) == ((book.step.name,), (book.step.name,), timedelta(0))
    assert isinstance(untold.step.command, SendMessage)
    assert buttons(untold.step.command)[0].data == f"svz|{PHONE}|2001|20261005"
    again = event(button=f"svz|{PHONE}|2001|202610051230").model_copy(update={"id": "evt_2", "subject": "button:2"})
    assert decided(again).plans[0].subject == plan.subject, "a finger that slipped books nothing more"


def test_a_time_that_is_past_is_not_booked() -> None:
    assert said(decided(event(button=f"svz|{PHONE}|2001|202610011230"))).text == WORDS.nothing_free


@pytest.mark.parametrize("button", ["yes", "svz|", f"svz|{PHONE}|2001|20261399", f"svz|{PHONE}|a b", 7, None])
def test_others_buttons_and_made_up_ones_are_left_alone(button: object) -> None:
    assert decided(event(button=button)).plans == ()


def test_what_is_said_in_a_group_or_without_a_calendar_is_left_alone() -> None:
    assert decided(event(text="/start", chat_type="supergroup")).plans == ()
    assert decided(event(text="/start"), channels=(TELEGRAM,)).plans == ()
    assert decided(event(text="/start"), channels=(SMS, SALON)).plans == ()


def test_what_a_button_cannot_hold_is_not_offered() -> None:
    long = [Service(id="x" * 40, title="Долгая"), Service(id="a|b", title="Чужая"), CUT]
    assert [one.text for one in buttons(said(decided(event(button=f"svz|{PHONE}"), long)))] == ["Стрижка, 1500 ₽"]


@given(st.text(max_size=80))
def test_any_data_of_a_button_is_read_or_left_alone(data: str) -> None:
    found = Chosen.of(data)
    assert found is None or Chosen.of(found.data()) == found
