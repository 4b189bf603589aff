"""What a connection answered lately, kept within this process."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from svyazka.model.questions import Answer, AskDays, AskServices, AskSlots, AskStaff, Question

if TYPE_CHECKING:
    from svyazka.engine.hub import Hub
    from svyazka.engine.tenants.directory import Account

FRESH: dict[type[Any], timedelta] = {
    AskServices: timedelta(seconds=60),
    AskStaff: timedelta(seconds=60),
    AskDays: timedelta(seconds=30),
    AskSlots: timedelta(seconds=30),
}
"""For so long nobody is asked again. A visit is never taken from here: it is looked at to be changed."""

OLDEST = timedelta(hours=1)
"""Older than this an answer isn't given any more, even where there is no other."""

MOST = 500
"""Answers of one connection: what a stranger can make us remember."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer, and when it came by the machine's clock."""

    answer: Answer
    at: datetime
    fresh: timedelta

    def is_fresh(self, now: datetime) -> bool:
        return now - self.at < self.fresh

    def can_be_told(self, now: datetime) -> bool:
        return now - self.at < OLDEST


class Answers:
    """One connection's."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Question, Remembered] = OrderedDict()

    @classmethod
    def of(cls, hub: Hub, account: Account) -> Answers:
        """Those of a connection."""
        found: Answers = hub.memo(account).setdefault("answers", cls())
        return found

    def get(self, question: Question) -> Remembered | None:
        return self._kept.get(question)

    def put(self, question: Question, answer: Answer, now: datetime) -> None:
        """Remember it, where such answers may be remembered; the longest unused is forgotten for it."""
        fresh = FRESH.get(type(question))
        if fresh is None:
            return
        self._kept[question] = Remembered(answer, now, fresh)
        self._kept.move_to_end(question)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def times_changed(self) -> None:
        """A visit was booked, moved or cancelled, or a time turned out to be taken: free times are asked for anew."""
        for question in [one for one in self._kept if isinstance(one, AskDays | AskSlots)]:
            kept = self._kept[question]
            self._kept[question] = Remembered(kept.answer, kept.at, timedelta(0))
