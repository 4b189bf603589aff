"""A bot's "my bookings": what somebody has booked there is shown, moved and cancelled by buttons.

As in all of the conversation nothing is remembered but in the buttons; whose a visit is the engine says anew at each
press, by the chat: anybody can make up a button's data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from svyazka.engine.contracts.flow import Decision, Needs
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
from svyazka.flows.messages import after
from svyazka.model.base import Frozen
from svyazka.model.bookings import Slot, Visit, WallTime
from svyazka.model.commands import Button, CancelVisit, MoveVisit, Stage
from svyazka.model.events import Event
from svyazka.model.questions import AskDays, AskSlots, Question

LIST = "svm"
"""Data of the button that shows them all."""

ANYBODY, ASKS, DOES = "-", "-", "--"
CHOICE = re.compile(
    r"svm(?:\|([\w.:-]{1,24})(?:\|(-{1,2}|[\w.:-]{1,24})(?:\|([\w.:-]{1,24})(?:\|(\d{8}|\d{12}))?)?)?)?", re.ASCII
)
NO_MORE_THAN = timedelta(hours=12)
"""So long a calendar that is away is waited for."""


class OwnVisitsWords(Frozen):
    """What the bot says of visits that are booked."""

    title: str = "Мои записи"
    which: str = "Какую запись показать?"
    none: str = "Предстоящих записей, сделанных здесь, нет."
    one: str = "Вы записаны: {when}."
    move: str = "Перенести"
    cancel: str = "Отменить запись"
    sure: str = "Отменить запись {when}?"
    yes: str = "Да, отменить"
    moved: str = "Запись перенесена: {when}. Ждём вас!"
    cancelled: str = "Запись {when} отменена."
    not_changed: str = "Не получилось: время, похоже, уже заняли, или запись изменили. Попробуйте ещё раз."


class Chosen(NamedTuple):
    """How far somebody has come with a visit of theirs."""

    visit: str | None = None
    deed: str | None = None
    """To cancel it: asked, or meant; else to move it, and then what it is for: its service."""
    staff: str | None = None
    day: date | None = None
    time: datetime | None = None

    @property
    def moves(self) -> bool:
        return self.deed not in (None, ASKS, DOES) and self.staff is not None

    def data(self) -> str:
        """As a button stands for it."""
        at = f"{self.time:{TIME}}" if self.time else f"{self.day:{DAY}}" if self.day else None
        return "|".join(filter(None, (LIST, self.visit, self.deed, self.staff, at)))

    @classmethod
    def of(cls, data: object) -> Chosen | None:
        """What a pressed button stood for; None for others, and for what nobody was shown."""
        match = CHOICE.fullmatch(data) if isinstance(data, str) else None
        if match is None:
            return None
        visit, deed, staff, at = match.groups()
        try:
            return cls(visit, deed, staff, *day_and_time(at))
        except ValueError:
            return None


def chosen(event: Event, words: OwnVisitsWords) -> Chosen | None:
    """What somebody wants of their own visits, by a button or by its words; None where it is something else."""
    if "button" in event.data:
        return Chosen.of(event.data["button"])
    said = event.data.get("text")
    is_asked = isinstance(said, str) and said.strip().casefold() in (words.title.casefold(), "/my")
    return Chosen() if is_asked else None


def needs(choice: Chosen, event: Event, days_ahead: int) -> Needs:
    """Their visits, and for a move what is free for the same service and master."""
    return Needs(visits=True, ask=_question(choice, event, days_ahead))


def _question(choice: Chosen, event: Event, days_ahead: int) -> Question | None:
    if not choice.moves or choice.time is not None or choice.deed is None:
        return None
    staff = None if choice.staff == ANYBODY else choice.staff
    if choice.day is not None:
        return AskSlots(service=choice.deed, staff=staff, day=choice.day)
    today = event.received_at.date()
    return AskDays(service=choice.deed, staff=staff, first=today, last=today + timedelta(days=days_ahead))


def button(words: OwnVisitsWords) -> Button:
    """The one that shows them all."""
    return Button(text=words.title, data=LIST)


class OwnVisits:
    """What the bot does with somebody's own visits."""

    def __init__(self, turn: Turn, words: OwnVisitsWords, silent: str, nothing_free: str) -> None:
        self._turn, self._words, self._silent, self._nothing_free = turn, words, silent, nothing_free

    def answer(self, choice: Chosen) -> Decision:
        """One press."""
        visits = self._turn.facts.visits
        if visits is None:
            return self._turn.says(self._silent)
        if choice.visit is None:
            return self._all(visits)
        visit = next((one for one in visits if one.id == choice.visit), None)
        if visit is None:
            return self._all(visits)
        if choice.deed is None:
            return self._one(visit)
        if choice.deed == ASKS and choice.staff is None:
            yes = Button(text=self._words.yes, data=Chosen(visit.id, DOES).data())
            return self._turn.says(self._said(self._words.sure, visit.starts_at.clock), [[yes]])
        if choice.deed == DOES and choice.staff is None:
            return self._cancels(visit)
        return self._moves(visit, choice)

    def _all(self, visits: Sequence[Visit]) -> Decision:
        if not visits:
            return self._turn.says(self._words.none)
        rows = [[Button(text=_titled(one)[:60], data=Chosen(one.id).data())] for one in visits if _fits(Chosen(one.id))]
        return self._turn.says(self._words.which, rows)

    def _one(self, visit: Visit) -> Decision:
        move = Chosen(visit.id, next(iter(visit.services), None), visit.staff or ANYBODY)
        rows = [[Button(text=self._words.cancel, data=Chosen(visit.id, ASKS).data())]]
        if self._turn.calendar.moves_visits and move.moves and _fits(move):
            rows.insert(0, [Button(text=self._words.move, data=move.data())])
        return self._turn.says(self._said(self._words.one, visit.starts_at.clock), rows)

    def _cancels(self, visit: Visit) -> Decision:
        turn = self._turn
        until = after(turn.event.received_at, NO_MORE_THAN)
        step = turn.calendar.step(turn.context.flow, CancelVisit(visit=visit.id), f"cancel-{visit.id}")
        when = visit.starts_at.clock
        return turn.does_and_tells(
            f"bot:{turn.bot.address(turn.contact)}/cancel/{visit.id}",
            Stage(step=step, lane=f"visit:{visit.id}", until=until), until,
            turn.message("cancelled", self._said(self._words.cancelled, when)),
            turn.message("not-cancelled", self._words.not_changed, [[button(self._words)]]),
        )  # fmt: skip

    def _moves(self, visit: Visit, choice: Chosen) -> Decision:
        turn = self._turn
        if not (turn.calendar.moves_visits and choice.moves):
            return self._one(visit)
        if choice.time is None:
            if turn.facts.answer is None:
                return turn.says(self._silent)
            rows = list(self._free(choice, turn.facts.answer))
            return turn.says(self._words.move, rows) if rows else turn.says(self._nothing_free)
        to = WallTime(clock=choice.time, zone=visit.starts_at.zone)
        if to == visit.starts_at:
            return turn.says(self._said(self._words.one, to.clock))  # pressed twice
        if to.moment <= turn.event.received_at:
            return turn.says(self._nothing_free)
        until = min(to.moment, after(turn.event.received_at, NO_MORE_THAN))
        step = turn.calendar.step(turn.context.flow, MoveVisit(visit=visit.id, starts_at=to), f"move-{visit.id}")
        again = [[Button(text=self._words.move, data=choice._replace(time=None).data())]]
        return turn.does_and_tells(
            f"bot:{turn.bot.address(turn.contact)}/move/{visit.id}/{turn.event.subject}",
            Stage(step=step, lane=f"visit:{visit.id}", until=until), until,
            turn.message("moved", self._said(self._words.moved, to.clock), [[button(self._words)]]),
            turn.message("not-moved", self._words.not_changed, again),
        )  # fmt: skip

    def _free(self, choice: Chosen, answer: Sequence[object]) -> Iterable[Sequence[Button]]:
        if choice.day is None:
            shown = [(day_in_words(one), choice._replace(day=one)) for one in answer if isinstance(one, date)]
        else:
            clocks = sorted({one.starts_at.clock for one in answer if isinstance(one, Slot)})
            shown = [(f"{clock:%H:%M}", choice._replace(time=clock)) for clock in clocks]
        buttons = [Button(text=text, data=to.data()) for text, to in shown if _fits(to)]
        return in_rows(buttons, IN_A_ROW if choice.day else 2)

    def _said(self, words: str, clock: datetime) -> str:
        return words.replace("{when}", when_in_words(clock))


def _titled(visit: Visit) -> str:
    return ", ".join(filter(None, (when_in_words(visit.starts_at.clock), visit.title)))


def _fits(choice: Chosen) -> bool:
    """Whether a button can stand for it and be understood again."""
    return len(choice.data().encode()) <= LONGEST_DATA and Chosen.of(choice.data()) == choice
