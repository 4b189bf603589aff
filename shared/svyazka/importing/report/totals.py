"""What a report says, gathered while the lines go by once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from svyazka.importing.clusters import Cluster
from svyazka.importing.columns import Columns
from svyazka.importing.remarks import Kind, Remark, Why
from svyazka.importing.rows import Row

SHOWN = 200
"""Examples on the page; the workbook has them all."""


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a line in the end, in the words of a report."""

    row: Row
    what: str
    """One of the outcomes of `importing.outcomes`, or what was done in the CRM."""
    object: str | None = None
    """The id of its object there."""
    note: str | None = None
    left_out: tuple[str, ...] = ()
    """Fields that the CRM has no place for."""


@dataclass(slots=True)
class Totals:
    """Sums, and the first examples of each."""

    file: str
    how: str
    columns: Columns
    clusters: tuple[Cluster, ...] = ()
    households: int = 0
    lines: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    remarks: Counter[Why] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    people: int = 0
    examples: list[tuple[int, int, Remark]] = field(default_factory=list)
    """Line, column, remark: of what isn't used, or only proposed."""
    people_of_clusters: dict[int, Row] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    """Lines whose field of that name the CRM has no place for."""
    failed: list[Became] = field(default_factory=list)
    _asked: set[int] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._asked |= {line for cluster in self.clusters[:SHOWN] for line in cluster.lines}

    def take(self, became: Became) -> None:
        """Count a line."""
        row = became.row
        self.lines += 1
        self.outcomes[became.what] += 1
        self.left_out.update(became.left_out)
        self.remarks.update({said.remark.why for said in row.remarks})
        if row.fields:
            self.people += 1
            self.filled.update(row.fields.keys())
        for said in row.remarks:
            if said.remark.kind is not Kind.CHANGED and len(self.examples) < SHOWN:
                self.examples.append((row.number, said.place, said.remark))
        if row.number in self._asked:
            self.people_of_clusters[row.number] = row
        if became.note and len(self.failed) < SHOWN:
            self.failed.append(became)

    def title(self, place: int) -> str:
        """What a column is called, for people."""
        guess = self.columns.guesses[place]
        return guess.title or guess.letter

    def of_kind(self, kind: Kind) -> Mapping[Why, int]:
        """How many lines each remark of a kind was made of."""
        return {why: count for why, count in self.remarks.most_common() if Remark(why, "").kind is kind}
