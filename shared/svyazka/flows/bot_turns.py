"""What the steps of a bot's conversation share: one event, one message; how days and buttons look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from svyazka.engine.contracts.flow import Channel, Decision, Facts, FlowContext
from svyazka.flows.messages import after
from svyazka.model.commands import Button, Guards, Plan, SendMessage, Stage, Step
from svyazka.model.contacts import Contact
from svyazka.model.events import Event

LONGEST_DATA = 64
"""Bytes that a button may stand for; what doesn't fit isn't offered."""

ROWS, IN_A_ROW = 24, 4
"""Buttons that one message shows at most, and short ones beside each other."""

DAY, TIME = "%Y%m%d", "%Y%m%d%H%M"

WEEKDAYS = ("пн", "вт", "ср", "чт", "пт", "сб", "вс")
MONTHS = (
    "января", "февраля", "марта", "апреля", "мая", "июня",
    "июля", "августа", "сентября", "октября", "ноября", "декабря",
)  # fmt: skip

Rows = Iterable[Sequence[Button]]


class Turn:
    """What is answered to one event."""

    def __init__(self, event: Event, facts: Facts, context: FlowContext, bot: Channel, calendar: Channel) -> None:
        self.event, self.facts, self.context = event, facts, context
        self.bot, self.calendar, self.contact = bot, calendar, event.contact or Contact()

    def says(self, text: str, rows: Rows = ()) -> Decision:
        """One message. Whoever pressed has gone on long since when it comes late: then it is none."""
        guards = Guards(expires_at=after(self.event.received_at, timedelta(minutes=10)))
        return Decision([Plan.of(self.event.subject, [self.message(None, text, rows)], guards)])

    def message(self, what: str | None, text: str, rows: Rows = ()) -> Step:
        """A message as a step of a plan."""
        buttons = tuple(tuple(row) for row in rows)
        return self.bot.step(self.context.flow, SendMessage(to=self.contact, text=text, buttons=buttons), what)

    def does_and_tells(
        self, subject: str, deed: Stage, until: datetime, done: Step, not_done: Step
    ) -> Decision:  # fmt: skip
        """Something in the calendar, and a word on how it went."""
        stages = (
            deed,
            Stage(step=done, after=(deed.step.name,)),
            Stage(step=not_done, after=(deed.step.name,), if_failed=timedelta(0)),
        )
        return Decision([Plan(subject=subject, stages=stages, expires_at=after(until, timedelta(hours=1)))])


def in_rows(buttons: Sequence[Button], beside: int) -> list[Sequence[Button]]:
    """So many beside each other."""
    return [buttons[at : at + beside] for at in range(0, len(buttons), beside)][:ROWS]


def day_and_time(at: str | None) -> tuple[date | None, datetime | None]:
    """What the last part of a button's data says. Raises ValueError."""
    if at is None:
        return None, None
    found = datetime.strptime(at, TIME if len(at) == 12 else DAY)
    return found.date(), found if len(at) == 12 else None


def day_in_words(day: date) -> str:
    """`пн, 5 октября`."""
    return f"{WEEKDAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]}"


def when_in_words(clock: datetime) -> str:
    """`пн, 5 октября в 12:30`."""
    return f"{day_in_words(clock.date())} в {clock:%H:%M}"
