"""A file's rows on their way into a system, chunk by chunk. What each is linked with stands in the book of
systems that are kept in step (`model/in_step.py`). Pure."""

from __future__ import annotations

from enum import StrEnum

from svyazka.model.base import Stored, Time
from svyazka.model.jobs import Counts, counted

CHUNK = 50
"""Rows of a chunk: what the smallest of the vendors takes in one call."""


class Became(StrEnum):
    """What became of a row in the system that it was brought into; the names are those of `Counts`."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DOUBT = "doubt"
    FAILED = "failed"
    SKIPPED = "skipped"


class RowOutcome(Stored):
    """One row at its end."""

    row: int
    """The number of its line in the file."""
    what: Became
    object: str | None = None
    code: str | None = None
    message: str | None = None
    """Why not, in the vendor's words."""
    left_out: tuple[str, ...] = ()
    """Fields of the row that the system has no place for."""


class Chunk(Stored):
    """Some rows of an import. Claimed before anything is called, so that whoever dies leaves word of what is out.

    What is out and unanswered is never sent again before the vendor was asked for it.
    """

    id: str
    """`<plan>.<number>`"""
    tenant: str
    connection: str
    rows: str
    """The sealed batch with their values."""
    numbers: tuple[int, ...]
    """The numbers of their lines."""
    out: tuple[int, ...] = ()
    """Places of the rows that were sent and not yet answered."""
    out_since: Time | None = None
    outcomes: dict[str, RowOutcome] = {}
    """By place."""
    expire_at: Time

    @property
    def left(self) -> tuple[int, ...]:
        """Places of the rows that nothing is known of yet."""
        return tuple(place for place in range(len(self.numbers)) if str(place) not in self.outcomes)

    @property
    def counts(self) -> Counts:
        """What became of its rows so far."""
        sums = dict.fromkeys(Became, 0)
        for one in self.outcomes.values():
            sums[one.what] += 1
        return counted(**{what.value: count for what, count in sums.items()})


class FileDecisions(Stored):
    """What was decided about files of one name; no value of a person stands here (`importing.decisions`)."""

    id: str
    tenant: str
    columns: dict[str, str] = {}
    duplicates: dict[str, str] = {}
    clusters: dict[str, str] = {}
