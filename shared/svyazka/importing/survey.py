"""A whole file looked through, without anything being written: what becomes of each line, and why.

The file is read twice: first to see which lines have something in common, then row by row with what comes of that. So
only keys are held in memory, and an import goes on after a crash where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from svyazka.importing.clusters import Cluster, Found, Known, clusters
from svyazka.importing.columns import Columns
from svyazka.importing.decisions import Decisions, Same
from svyazka.importing.files.kinds import Table
from svyazka.importing.outcomes import Outcome
from svyazka.importing.remarks import Why
from svyazka.importing.row_keys import RowKeys
from svyazka.importing.rows import Row, rows
from svyazka.model.records import Value


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found in a file."""

    table: Table
    columns: Columns
    today: date
    found: Found
    repeats: Mapping[int, int]
    """Lines that say again what an earlier one has said -> that one."""
    open: Mapping[int, Cluster]
    """Lines of which somebody has to say whether they are one person."""
    merged: Mapping[int, Cluster]
    """Lines that are taken together."""
    outcomes: Counter[Outcome]
    remarks: Counter[Why]
    keys: RowKeys
    """By which a row is known from one file to the next."""
    digests: Sequence[str]
    """Their keys; of rows that are taken together there are several."""
    decisions: Decisions

    def rows(self) -> Iterator[Row]:
        """Each line with its outcome, once. Lines that are one person come as the first of these, with all that any of
        them tells."""
        waiting: dict[str, Row] = {}
        last = {cluster.lines[-1] for cluster in self.merged.values()}
        for row in rows(self.table, self.columns, self.today):
            if row.number in self.repeats:
                yield replace(row, outcome=Outcome.REPEAT, about=(self.repeats[row.number],))
            elif row.number in self.open:
                yield replace(row, outcome=Outcome.DOUBT, about=_others(self.open[row.number], row.number))
            elif row.number in self.merged:
                cluster = self.merged[row.number]
                held = waiting.get(cluster.id)
                waiting[cluster.id] = row if held is None else together(held, row)
                if held is not None:
                    yield replace(row, outcome=Outcome.MERGED, about=(cluster.lines[0],))
                if row.number in last:
                    yield waiting.pop(cluster.id)
            else:
                yield row


def look_through(table: Table, columns: Columns, decisions: Decisions, today: date) -> Survey:
    """Read a file to its end, writing nothing."""
    known: list[Known] = []
    seen: dict[bytes, int] = {}
    repeats: dict[int, int] = {}
    outcomes: Counter[Outcome] = Counter()
    remarks: Counter[Why] = Counter()
    for row in rows(table, columns, today):
        outcomes[row.outcome] += 1
        remarks.update({said.remark.why for said in row.remarks})
        if row.outcome is not Outcome.READY:
            continue
        first = seen.setdefault(row.digest, row.number)
        if first != row.number:
            repeats[row.number] = first
        else:
            known.append(Known.of(row))
    found, keys = clusters(known), RowKeys(known)
    naming = keys.again()
    digests = [naming.of(one).digest for one in known]
    open_, merged = _decided(found, decisions)
    for outcome, count in (
        (Outcome.REPEAT, len(repeats)), (Outcome.DOUBT, len(open_)),
        (Outcome.MERGED, len(merged) - len({cluster.id for cluster in merged.values()})),
    ):  # fmt: skip
        outcomes[outcome] += count
        outcomes[Outcome.READY] -= count
    return Survey(table, columns, today, found, repeats, open_, merged, outcomes, remarks, keys, digests, decisions)


def _decided(found: Found, decisions: Decisions) -> tuple[dict[int, Cluster], dict[int, Cluster]]:
    """The lines that somebody has to decide on, and those that are one person by what was decided."""
    open_: dict[int, Cluster] = {}
    merged: dict[int, Cluster] = {}
    for cluster in found.clusters:
        said = decisions.about(cluster.id, frozenset(map(str, cluster.reasons)), cluster.alike)
        if said is not Same.EACH:
            (merged if said is Same.ONE else open_).update(dict.fromkeys(cluster.lines, cluster))
    return open_, merged


def together(one: Row, other: Row) -> Row:
    """Two lines of one person: the first one's word counts, what it doesn't say the other one's, and both lists."""
    fields: dict[str, Value] = {**other.fields, **one.fields}
    for name, value in one.fields.items():
        also = other.fields.get(name)
        if isinstance(value, tuple) and isinstance(also, tuple):
            fields[name] = tuple(dict.fromkeys(value + also))
    return replace(one, fields=fields, about=(*one.about, other.number))


def _others(cluster: Cluster, number: int) -> tuple[int, ...]:
    return tuple(line for line in cluster.lines if line != number)
