"""A bot that books by buttons: phone, service, day, time. What is booked is moved and cancelled there too
(`own_visits.py`).

It remembers nothing: what was chosen so far stands in the data of the buttons that are shown next, so that a press is
answered by itself, whoever pressed what before, and after any crash. Each press is one event and one message; the last
books. Whether the time is free then is the calendar's word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.engine.contracts.flow import Decision, Facts, Flow, FlowContext, FlowSettings, Needs
from svyazka.flows import own_visits
from svyazka.flows.bot_turns import (
    DAY,
    IN_A_ROW,
    LONGEST_DATA,
    TIME,
    Turn,
    day_and_time,
    day_in_words,
    in_rows,
    when_in_words,
)
from svyazka.flows.messages import after, visible
from svyazka.flows.own_visits import OwnVisits, OwnVisitsWords
from svyazka.model.bookings import Service, Slot, WallTime
from svyazka.model.commands import BookVisit, Button, Stage
from svyazka.model.contacts import Contact, normalize_phone
from svyazka.model.events import Event, EventType
from svyazka.model.questions import AskDays, AskServices, AskSlots, Question
from svyazka.model.tenants import Duration

CHOICE = re.compile(r"svz\|(\d{11,15})(?:\|([\w.:-]{1,30}))?(?:\|(\d{8}|\d{12}))?", re.ASCII)


class BookingBotSettings(FlowSettings):
    """`booking_bot`: its words, and how far ahead it books."""

    hello: str = "Здравствуйте! Чтобы записаться, поделитесь номером телефона: нажмите кнопку внизу."
    ask_phone: str = "Мой номер телефона"
    ask_service: str = "На что вас записать?"
    ask_day: str = "Выберите день:"
    ask_time: str = "Выберите время:"
    nothing_free: str = "Свободного времени нет. Выберите другое."
    booked: str = "Вы записаны: {when}. Ждём вас!"
    not_booked: str = "Записать на {when} не получилось: время, похоже, уже заняли. Выберите другое."
    silent: str = "Расписание сейчас недоступно. Попробуйте через несколько минут."
    own: OwnVisitsWords = OwnVisitsWords()
    """Of visits that are booked already: shown, moved, cancelled."""
    days_ahead: int = Field(default=14, ge=1, le=60)
    give_up_after: Duration = timedelta(hours=12)
    """So long a calendar that is away is waited for; never past the visit's own time."""


class Chosen(NamedTuple):
    """How far somebody has come."""

    phone: str
    service: str | None = None
    day: date | None = None
    time: datetime | None = None

    def data(self) -> str:
        """As a button stands for it."""
        at = f"{self.time:{TIME}}" if self.time else f"{self.day:{DAY}}" if self.day else None
        return "|".join(filter(None, ("svz", self.phone, self.service, at)))

    @classmethod
    def of(cls, data: object) -> Chosen | None:
        """What a pressed button stood for; None for others' buttons, and for what nobody was shown."""
        match = CHOICE.fullmatch(data) if isinstance(data, str) else None
        if match is None:
            return None
        phone, service, at = match.groups()
        try:
            return cls(phone, service, *day_and_time(at if service is not None else None))
        except ValueError:
            return None


class BookingBot(Flow[BookingBotSettings]):
    """One step of a conversation for each event."""

    name = "booking_bot"
    carries = ("BookVisit", "SendMessage")

    def settings_model(self) -> type[BookingBotSettings]:
        return BookingBotSettings

    def wants(self, settings: BookingBotSettings) -> frozenset[EventType]:
        return frozenset({EventType.MESSAGE_RECEIVED})

    def needs(self, event: Event, settings: BookingBotSettings) -> Needs:
        """What is shown next stands in the calendar."""
        own = own_visits.chosen(event, settings.own)
        if own is not None:
            return own_visits.needs(own, event, settings.days_ahead)
        chosen = _chosen(event)
        return Needs(ask=_question(chosen, event, settings) if chosen is not None else None)

    def plan(self, event: Event, facts: Facts, settings: BookingBotSettings, context: FlowContext) -> Decision:
        contact = event.contact or Contact()
        bot = next((one for one in context.channels if one.shows_buttons and one.address(contact)), None)
        calendar = next((one for one in context.channels if one.carries("BookVisit")), None)
        if bot is None or calendar is None:
            return Decision(
                reason=N_("none of its channels has buttons and reaches the person, or none has a calendar")
            )
        if event.data.get("chat_type") not in (None, "private"):
            return Decision(reason=N_("said in a group, not to the bot"))
        turn, own = Turn(event, facts, context, bot, calendar), own_visits.chosen(event, settings.own)
        if own is not None:
            return OwnVisits(turn, settings.own, settings.silent, settings.nothing_free).answer(own)
        if "button" in event.data and _chosen(event) is None:
            return Decision(reason=N_("another's button"))
        return _Booking(turn, settings).answer()


class _Booking:
    """What the bot does next on the way to a visit."""

    def __init__(self, turn: Turn, settings: BookingBotSettings) -> None:
        self._turn, self._settings = turn, settings

    def answer(self) -> Decision:
        turn, words = self._turn, self._settings
        chosen = _chosen(turn.event)
        if chosen is None:
            return turn.says(words.hello, [[Button(text=words.ask_phone, asks_phone=True)]])
        if chosen.time is not None and chosen.service is not None:
            return self._books(chosen, chosen.service, chosen.time)
        own = [[own_visits.button(words.own)]] if chosen.service is None else []
        if turn.facts.answer is None:
            return turn.says(words.silent, own)
        rows = list(self._rows(chosen, turn.facts.answer))
        if not rows:
            return turn.says(words.nothing_free, own)
        asked = words.ask_time if chosen.day else words.ask_day if chosen.service else words.ask_service
        return turn.says(asked, [*rows, *own])

    def _rows(self, chosen: Chosen, answer: Sequence[object]) -> Iterable[Sequence[Button]]:
        """A service a row; days and times beside each other."""
        if chosen.service is None:
            shown = [(_priced(one), chosen._replace(service=one.id)) for one in answer if isinstance(one, Service)]
        elif chosen.day is None:
            shown = [(day_in_words(one), chosen._replace(day=one)) for one in answer if isinstance(one, date)]
        else:
            clocks = sorted({one.starts_at.clock for one in answer if isinstance(one, Slot)})
            shown = [(f"{clock:%H:%M}", chosen._replace(time=clock)) for clock in clocks]
        buttons = [
            Button(text=text[:60], data=to.data())
            for text, to in shown
            if len(to.data().encode()) <= LONGEST_DATA and Chosen.of(to.data()) == to
        ]
        return in_rows(buttons, 1 if chosen.service is None else IN_A_ROW if chosen.day else 2)

    def _books(self, chosen: Chosen, service: str, clock: datetime) -> Decision:
        """The visit, and a word on how it went. Pressed twice it is one visit: it is named by person and time."""
        turn, words = self._turn, self._settings
        starts_at = WallTime(clock=clock, zone=turn.calendar.timezone)
        now = turn.event.received_at
        if starts_at.moment <= now:
            return turn.says(words.nothing_free)
        person = turn.contact.model_copy(update={"phone": f"+{chosen.phone}"})
        command = BookVisit(services=(service,), starts_at=starts_at, person=person)
        until = min(starts_at.moment, after(now, words.give_up_after))
        book = Stage(step=turn.calendar.step(turn.context.flow, command), until=until)
        when = when_in_words(clock)
        again = [[Button(text=words.ask_time, data=chosen._replace(time=None).data())]]
        own = [[own_visits.button(words.own)]]
        day = WallTime.at(now, turn.calendar.timezone).day
        subject = f"bot:{turn.bot.address(turn.contact)}/{service}/{clock:{TIME}}/{day:{DAY}}"
        told = turn.message("told", words.booked.replace("{when}", when), own)
        untold = turn.message("not", words.not_booked.replace("{when}", when), again)
        return turn.does_and_tells(subject, book, until, told, untold)


def _chosen(event: Event) -> Chosen | None:
    """By a button, or by the phone that was just given."""
    if "button" in event.data:
        return Chosen.of(event.data["button"])
    phone = normalize_phone(event.contact.phone) if event.contact is not None else None
    return Chosen(phone.removeprefix("+")) if phone is not None else None


def _question(chosen: Chosen, event: Event, settings: BookingBotSettings) -> Question | None:
    if chosen.time is not None:
        return None
    if chosen.service is None:
        return AskServices()
    if chosen.day is None:
        today = event.received_at.date()
        return AskDays(service=chosen.service, first=today, last=today + timedelta(days=settings.days_ahead))
    return AskSlots(service=chosen.service, day=chosen.day)


def _priced(service: Service) -> str:
    least, most = service.price_min, service.price_max
    price = None if least is None else f"{'' if most == least else 'от '}{least.normalize():f} ₽"
    return ", ".join(filter(None, (visible(service.title), price)))


FLOW = BookingBot()
