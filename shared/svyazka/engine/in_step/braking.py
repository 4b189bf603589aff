"""The brakes of one write: a field that is written again and again, or fought over, waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from svyazka.engine.comparing.brakes import may_write, released
from svyazka.engine.comparing.compare import ComparedRecord
from svyazka.engine.comparing.fields import Reason
from svyazka.engine.in_step.look import Look
from svyazka.model.in_step import Record
from svyazka.model.records import UNREAD, Wanted
from svyazka.model.restraints import RecentWrites


@dataclass(frozen=True, slots=True)
class Braked:
    """What is left to be written, and what was counted with it."""

    writes: Mapping[str, Wanted]
    counted: Mapping[str, RecentWrites]
    """By field, of the side that is written to: those of the fields that are stopped say so."""

    def only(self, writes: Mapping[str, Wanted]) -> Braked:
        """The same where some of the writes wait for another reason."""
        counted = {name: one for name, one in self.counted.items() if name in writes or one.stopped is not None}
        return Braked(writes, counted)

    @property
    def stopped(self) -> dict[str, str]:
        """By field: why it is written no more."""
        return {name: one.stopped.value for name, one in self.counted.items() if one.stopped is not None}


def braked(look: Look, compared: ComparedRecord) -> Braked:
    """The writes toward where a look looks, without those that a brake stops."""
    toward, record, now = look.toward, look.held.model, look.hub.clock.now()
    side = record.sides.get(toward)
    known, intent = side.written if side is not None else {}, compared.intent(toward)
    shown = compared.sides[toward].fields
    counted: dict[str, RecentWrites] = {}
    for name in compared.writes(toward):
        before = look.printer.prints(name, shown.get(name, UNREAD))
        back = _puts_back(compared, toward, name)
        counted[name] = may_write(known.get(name, RecentWrites()), before, intent[name], now, puts_back=back)
    going = {name for name, one in counted.items() if one.stopped is None and name not in record.stopped}
    return Braked({name: value for name, value in compared.writes(toward).items() if name in going}, counted)


def _puts_back(compared: ComparedRecord, toward: str, name: str) -> bool:
    """Whether it undoes somebody's edit of a field that another system owns."""
    base = {**compared.sides[toward].bases, **compared.bases(toward)}.get(name)
    owed = base.owed if base is not None else None
    return compared.fields[name].reason is Reason.OWNER and owed is not None and owed.edited


def with_counted(record: Record, toward: str, braked: Braked, *, written: bool) -> Record:
    """The record with what is stopped and, where it was `written`, with what was counted: a try that a vendor refused
    is no part of a fight."""
    side = record.sides.get(toward)
    if side is None:
        return record
    counted = {name: one for name, one in braked.counted.items() if one.stopped is not None or written}
    sides = {**record.sides, toward: side.model_copy(update={"written": {**side.written, **counted}})}
    return record.model_copy(update={"sides": sides, "stopped": {**record.stopped, **braked.stopped}})


def going_on(record: Record, field: str) -> Record:
    """The record once a person said that a field goes on being written: everything is counted anew."""
    sides = {
        name: side.model_copy(update={"written": {**side.written, field: released(side.written[field])}})
        if field in side.written else side
        for name, side in record.sides.items()
    }  # fmt: skip
    stopped = {name: why for name, why in record.stopped.items() if name != field}
    return record.model_copy(update={"sides": sides, "stopped": stopped})
