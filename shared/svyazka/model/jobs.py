"""Long work in slices: what is written down of it, and how far it may go from where it stands. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import JsonValue, model_validator

from svyazka.model.base import Stored, Time

KEPT_FOR = timedelta(days=90)
"""What has ended is shown so long."""


class JobState(StrEnum):
    """Where a job stands."""

    PLANNED = "planned"
    RUNNING = "running"
    """Slices are done; or it waits for a vendor, or for its turn, and goes on by itself."""
    PAUSED = "paused"
    """By an operator, who lets it go on."""
    HELD = "held"
    """It wants a decision, and a card says which."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


GOING = frozenset({JobState.PLANNED, JobState.RUNNING})
"""What goes on by itself."""
ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class Counts(Stored):
    """What became of the rows, or objects, that were read: each is in exactly one of these."""

    read: int = 0
    linked: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    doubt: int = 0
    failed: int = 0

    @model_validator(mode="after")
    def _adds_up(self) -> Counts:
        became = self.linked + self.created + self.updated + self.unchanged + self.skipped + self.doubt + self.failed
        if self.read != became:
            raise ValueError(f"{self.read} were read, and {became} accounted for")
        return self

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in Counts.model_fields})


def counted(**became: int) -> Counts:
    """So many became that; they are all that was read."""
    return Counts(read=sum(became.values()), **became)


class Trouble(Stored):
    """Why it doesn't go on just now, or didn't."""

    code: str
    message: str


class Job(Stored):
    """One piece of long work. No value of a person's stands in here: those are sealed (`engine/keeping`)."""

    id: str
    kind: str
    tenant: str
    subject: str = ""
    """What it is about: a flow, a side of it, a file. A later one of the same kind and subject takes its place."""
    parameters: dict[str, JsonValue] = {}
    state: JobState = JobState.PLANNED
    cursor: str = ""
    """How far it has come, in its kind's own words: ids and times, never a page's number."""
    phase: str = ""
    """The same in a word for people."""
    counts: Counts = Counts()
    total: int | None = None
    """How many there are to be read, where that is known."""
    result: dict[str, JsonValue] = {}
    """What came of it beside the counts: numbers, times, ids of sealed values."""

    made_at: Time
    started_at: Time | None = None
    ended_at: Time | None = None
    cancelled_by: str | None = None
    """An operator wants it to end: its next slice is its last."""
    slices: int = 0
    worked: float = 0.0
    """Real seconds of all slices together."""

    taken: int = 0
    lease_until: Time | None = None
    """Real time until which a slice of it is somebody's."""
    tries: int = 0
    """Slices in a row that ended in an error."""
    waits_on: str | None = None
    """The connection that it waits for."""
    error: Trouble | None = None
    not_before: Time | None = None
    wake_at: Time | None = None
    wake_step: int = 0
    expire_at: Time | None = None

    @property
    def is_going(self) -> bool:
        return self.state in GOING

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def rate(self) -> float | None:
        """Rows a second while it is at work."""
        return self.counts.read / self.worked if self.worked and self.counts.read else None

    def left(self) -> float | None:
        """Seconds of work that are left, where that can be told."""
        rate = self.rate
        if self.has_ended or self.total is None or rate is None:
            return None
        return max(self.total - self.counts.read, 0) / rate


def over(job: Job, state: JobState, now: datetime) -> Job:
    """The job at its end."""
    return job.model_copy(
        update={
            "state": state, "ended_at": now, "expire_at": now + KEPT_FOR, "lease_until": None, "wake_at": None,
            "not_before": None, "waits_on": None, "tries": 0, "wake_step": 0,
        }
    )  # fmt: skip
