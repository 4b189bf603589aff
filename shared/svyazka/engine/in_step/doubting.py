"""What a person has to say: rows of a flow's list, in step with what the records ask. Pure."""

from __future__ import annotations

from datetime import datetime

from svyazka.engine.in_step.flows import InStep
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put, Write
from svyazka.model.base import SKELETON
from svyazka.model.bases import Accepted, AcceptedFor, Decided
from svyazka.model.in_step import Doubt, Record, Rules, SideState, doubt_id
from svyazka.model.restraints import Stop

WHOSE = "@"
"""Before a connection's name, in place of a field: whose object there it is."""

MADE = "+"
"""Before a connection's name: what would be made there. Alone: a person was shown how many, and let them be."""

GO_ON = "go-on"
"""A person's word: what waits, or is stopped, goes on."""

LEAVE = "leave"
"""A person's word: what differs may differ; who is gone is gone, and nothing follows elsewhere."""

NEW, NONE, REVIVE = "new", "none", "revive"
"""And of whose card it is: another one is to be made; there is none; what was deleted may be made anew."""


def doubts(
    flow: InStep, before: Record, after: Record, now: datetime, candidates: tuple[str, ...] = ()
) -> list[Write]:  # fmt: skip
    """The rows that are new, and those that are over: a row is written when it begins and when it ends, and begins
    anew where it was answered and the answer holds no more."""
    new = [
        name for name, why in after.asked.items()
        if before.asked.get(name) != why or (is_answered(before, name) and not is_answered(after, name))
        or _refusal(before, name) != _refusal(after, name)
    ]  # fmt: skip
    over = [name for name in before.asked if name not in after.asked]
    rows = [_row(flow, after, name, after.asked[name], now, over=False) for name in new]
    rows += [_row(flow, after, name, before.asked[name], now, over=True) for name in over]
    whose = {"candidates": candidates}
    return [Put(journal.document(row.model_copy(update=whose) if row.field.startswith(WHOSE) else row)) for row in rows]


def is_answered(record: Record, name: str) -> bool:
    """Whether a person has answered what is asked, as the sides are shown by now."""
    if name.startswith(WHOSE):
        return name in record.said
    if record.asked.get(name) in tuple(Stop):
        return name not in record.stopped
    said: Decided | Accepted | None = record.decided.get(name)
    if said is None and (left := record.accepted.get(name)) is not None and left.why is AcceptedFor.LEFT:
        said = left
    saw = record.saw.get(name, {})
    return said is not None and all(said.sides.get(side) == prints for side, prints in saw.items())


DELETED = "deleted"
MERGED = "merge_suspected"
"""It was deleted, and another card of that system shows its phone or e-mail: they may have been made one there."""


def asked_of(record: Record, rules: Rules, fields: dict[str, str]) -> dict[str, str]:
    """What is asked: of fields, whose the object is that it still lacks, and what becomes of a thing that was deleted
    in one system. That one is answered by whoever restores it there, or deletes it in the others."""
    whose = {
        name: why for name, why in record.asked.items()
        if name.startswith(WHOSE) and name.removeprefix(WHOSE) not in record.live and why != DELETED
        and record.said.get(name) not in (LEAVE, NONE)
    }  # fmt: skip
    gone = [name for name, side in record.sides.items() if side.state is SideState.GONE] if record.live else []
    gone = [name for name in gone if record.said.get(WHOSE + name) != LEAVE]
    deleted = {WHOSE + name: DELETED for name in gone if rules.delete.get(name) == "ask"}
    return {**whose, **deleted, **fields}


def over_with(flow: InStep, record: Record, now: datetime) -> list[Write]:
    """The rows of a record that is no more."""
    rows = [_row(flow, record, name, why, now, over=True) for name, why in record.asked.items()]
    return [Put(journal.document(row)) for row in rows]


def _refusal(record: Record, name: str) -> str:
    """In which words the system refused to make what a person asked for."""
    asks = name.startswith(WHOSE) and record.asked.get(name) not in (DELETED, MERGED)
    return record.not_made.get(name.removeprefix(WHOSE), "") if asks else ""


def _row(flow: InStep, record: Record, name: str, why: str, now: datetime, *, over: bool) -> Doubt:
    # A visit that was deleted says that it is cancelled: it may be right as well as whoever is there.
    says = {*flow.systems(record), *record.saw.get(name, ())}
    return Doubt(
        id=doubt_id(record.tenant, flow.id, record.id, name), tenant=record.tenant, flow=flow.id, kind=record.kind,
        record=record.id, field=name, cause=why,
        sides={one: side.object for one, side in record.sides.items() if one in says},
        refusal=_refusal(record, name), since=now, state="over" if over else "open",
        expire_at=now + SKELETON if over else None,
    )  # fmt: skip
