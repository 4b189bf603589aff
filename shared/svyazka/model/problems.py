"""A problem: one cause, one card. What is wrong, since when, and who can mend it and how."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from svyazka.model.base import Stored, Time
from svyazka.model.ids import stable_id

DAY = timedelta(days=1)

QUIET = timedelta(minutes=15)
"""So long must a cause be absent before its problem is closed."""

FLAPPING = 3
"""More occurrences than so many within a day are told as what they are."""

FOLDED = "many"
"""The cause of the problem that stands for many of its kind."""

Severity = Literal["error", "warning"]
"""`error`: somebody has to act. `warning`: it mends itself, or nobody can mend it; somebody should know."""

State = Literal["open", "closed", "folded"]


class Remedy(Stored):
    """What mends it: a command of the command line, a page, or who has to do it."""

    command: str | None = None
    link: str | None = None
    person: str | None = None


class Problem(Stored):
    """One cause in one connection (or of a whole tenant), from its first occurrence on.

    An occurrence lasts from the cause's appearance until it has been absent for a while. Nothing in here is a person's,
    or a vendor's own words, but for `text`, which is gone when the problem is closed.
    """

    id: str
    tenant: str
    connection: str | None = None
    vendor: str | None = None
    kind: str
    cause: str = ""
    """A code, or the id of one object; nothing where the kind says it all."""
    severity: Severity
    title: str
    remedy: Remedy
    advice: str | None = None
    """What a connector's own table says is to be done."""
    text: str | None = None
    """The words in which its beginning is told."""
    folded: int = 0
    """How many others of its kind this one stands for."""

    state: State = "open"
    occurrence: int = 1
    openings: tuple[Time, ...] = ()
    """When the occurrences of the last day began."""
    first_seen: Time
    since: Time
    """When this occurrence's cause began, as far as we know."""
    last_seen: Time
    say_at: Time | None = None
    """From when on somebody is to be told that it is there; None: it is not told by itself."""
    said_at: Time | None = None
    """When this occurrence was last told."""
    flapping_said_at: Time | None = None
    absent_since: Time | None = None
    """The cause is gone; when it has been so for a while the problem is closed."""
    closed_at: Time | None = None
    wake_at: Time | None = None
    expire_at: Time | None = None

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    def is_flapping(self, now: datetime) -> bool:
        """Whether it has come and gone too often within the last day for each time to be told."""
        return sum(now - one < DAY for one in self.openings) > FLAPPING

    def shown_state(self, now: datetime) -> str:
        """`open`, `flapping`, `mended` (the cause is gone, and it is watched a little longer), `closed` or `folded`."""
        if not self.is_open:
            return self.state
        return "mended" if self.absent_since else "flapping" if self.is_flapping(now) else "open"


def problem_id(tenant: str, connection: str | None, kind: str, cause: str = "") -> str:
    """A cause's identity: the same one, whenever it comes."""
    return stable_id("prb", tenant, connection or "", kind, cause)


def openings_of(before: tuple[datetime, ...], now: datetime) -> tuple[datetime, ...]:
    """The openings of the last day, with one that is now; no more of them than what is asked needs."""
    return (*(one for one in before if now - one < DAY), now)[-(FLAPPING + 1) :]
