"""A bot that books by buttons: phone, service, day, time.

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
from svyazka.engine.contracts.flow import Channel, Decision, Facts, Flow, FlowContext, FlowSettings, Needs
from svyazka.flows.messages import after, visible
from svyazka.model.bookings import Service, Slot, WallTime
from svyazka.model.commands import BookVisit, Button, Guards, Plan, SendMessage, Stage
from svyazka.model.contacts import Contact, normalize_phone
from svyazka.model.events import Event, EventType
from svyazka.model.questions import AskDays, AskServices, AskSlots, Question
from svyazka.model.tenants import Duration

LONGEST_DATA = 64
"""Bytes that a button may stand for; what doesn't fit isn't offered."""

ROWS, IN_A_ROW = 24, 4
"""Buttons that one message shows at most, and short ones beside each other."""

DAY = "%Y%m%d"
TIME = "%Y%m%d%H%M"
CHOICE = re.compile(r"svz\|(\d{11,15})(?:\|([\w.:-]{1,30}))?(?:\|(\d{8}|\d{12}))?", re.ASCII)

WEEKDAYS = ("пн", "вт", "ср", "чт", "пт", "сб", "вс")
MONTHS = (
    "января", "февраля", "марта", "апреля", "мая", "июня",
    "июля", "августа", "сентября", "октября", "ноября", "декабря",
)  # fmt: skip


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
        if service is None or at is None:
            return cls(phone, service)
        try:
            time = datetime.strptime(at, TIME if len(at) == 12 else DAY)
        except ValueError:
            return None
        return cls(phone, service, time.date(), time if len(at) == 12 else None)


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
        if "button" in event.data and _chosen(event) is None:
            return Decision(reason=N_("another's button"))
        return _Turn(event, facts, settings, context, bot, calendar).taken()


class _Turn:
    """What the bot does next."""

    def __init__(
        self, event: Event, facts: Facts, settings: BookingBotSettings, context: FlowContext, bot: Channel,
        calendar: Channel,
    ) -> None:  # fmt: skip
        self._event, self._facts, self._settings, self._context = event, facts, settings, context
        self._bot, self._calendar, self._contact = bot, calendar, event.contact or Contact()

    def taken(self) -> Decision:
        chosen = _chosen(self._event)
        if chosen is None:
            phone = Button(text=self._settings.ask_phone, asks_phone=True)
            return self._says(self._settings.hello, [[phone]])
        if chosen.time is not None and chosen.service is not None:
            return self._books(chosen, chosen.service, chosen.time)
        if self._facts.answer is None:
            return self._says(self._settings.silent)
        rows = list(self._rows(chosen, self._facts.answer))
        if not rows:
            return self._says(self._settings.nothing_free)
        asked = (self._settings.ask_time, self._settings.ask_day, self._settings.ask_service)
        return self._says(asked[0] if chosen.day else asked[1] if chosen.service else asked[2], rows)

    def _rows(self, chosen: Chosen, answer: Sequence[object]) -> Iterable[Sequence[Button]]:
        """A service a row; days and times beside each other."""
        if chosen.service is None:
            shown = [(_priced(one), chosen._replace(service=one.id)) for one in answer if isinstance(one, Service)]
        elif chosen.day is None:
            shown = [(_day(one), chosen._replace(day=one)) for one in answer if isinstance(one, date)]
        else:
            clocks = sorted({one.starts_at.clock for one in answer if isinstance(one, Slot)})
            shown = [(f"{clock:%H:%M}", chosen._replace(time=clock)) for clock in clocks]
        buttons = [
            Button(text=text[:60], data=to.data())
            for text, to in shown
            if len(to.data().encode()) <= LONGEST_DATA and Chosen.of(to.data()) == to
        ]
        beside = 1 if chosen.service is None else IN_A_ROW if chosen.day else 2
        rows = [buttons[at : at + beside] for at in range(0, len(buttons), beside)]
        return rows[:ROWS]

    def _books(self, chosen: Chosen, service: str, clock: datetime) -> Decision:
        """The visit, and a word on how it went. Pressed twice it is one visit: it is named by person and time."""
        starts_at = WallTime(clock=clock, zone=self._calendar.timezone)
        now = self._event.received_at
        if starts_at.moment <= now:
            return self._says(self._settings.nothing_free)
        person = self._contact.model_copy(update={"phone": f"+{chosen.phone}"})
        command = BookVisit(services=(service,), starts_at=starts_at, person=person)
        until = min(starts_at.moment, after(now, self._settings.give_up_after))
        book = Stage(step=self._calendar.step(self._context.flow, command), until=until)
        when = f"{_day(clock.date())} в {clock:%H:%M}"
        again = [[Button(text=self._settings.ask_time, data=chosen._replace(time=None).data())]]
        told = self._message("told", self._settings.booked.replace("{when}", when))
        untold = self._message("not", self._settings.not_booked.replace("{when}", when), again)
        stages = (
            book,
            Stage(step=told, after=(book.step.name,)),
            Stage(step=untold, after=(book.step.name,), if_failed=timedelta(0)),
        )
        day = WallTime.at(now, self._calendar.timezone).day
        subject = f"bot:{self._bot.address(self._contact)}/{service}/{clock:{TIME}}/{day:{DAY}}"
        return Decision([Plan(subject=subject, stages=stages, expires_at=after(until, timedelta(hours=1)))])

    def _says(self, text: str, rows: Iterable[Sequence[Button]] = ()) -> Decision:
        step = self._message(None, text, rows)
        # Whoever pressed has gone on long since: an answer that comes late is none.
        guards = Guards(expires_at=after(self._event.received_at, timedelta(minutes=10)))
        return Decision([Plan.of(self._event.subject, [step], guards)])

    def _message(self, what: str | None, text: str, rows: Iterable[Sequence[Button]] = ()):  # type: ignore[no-untyped-def]
        buttons = tuple(tuple(row) for row in rows)
        return self._bot.step(self._context.flow, SendMessage(to=self._contact, text=text, buttons=buttons), what)


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


def _day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]}"


def _priced(service: Service) -> str:
    least, most = service.price_min, service.price_max
    price = None if least is None else f"{'' if most == least else 'от '}{least.normalize():f} ₽"
    return ", ".join(filter(None, (visible(service.title), price)))


FLOW = BookingBot()
