"""People and deals found, made, brought up to date; notes and tasks on their cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, LinkTo, Operation, Page, Records, Written
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.commands import AddNote, AddTask, Safety
from svyazka.model.outcomes import Outcome, Refused, Unclear
from svyazka.model.records import Key, Object, ObjectId, RecordKind, Value, Wanted

NOT_WRITTEN = Refused(code="not_written", message=N_("writing into Pingo isn't written yet"))


class PingoRecords(Records[PingoSettings]):
    """What Pingo makes twice when it is asked twice, and by which of our marks it is found again."""

    kinds = frozenset({RecordKind.CONTACT, RecordKind.DEAL})
    creating = Operation(Safety.checkable())
    updating = Operation(Safety.idempotent())
    noting = Operation(Safety.checkable())
    tasking = Operation(Safety.checkable())

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        return value

    async def find(self, kind: RecordKind, key: Key, call: Call[PingoSettings]) -> tuple[Object, ...] | None:
        raise _not_written()

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[PingoSettings]) -> tuple[Object, ...]:
        raise _not_written()

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[PingoSettings]) -> tuple[Object, ...]:
        raise _not_written()

    async def fate(self, kind: RecordKind, id: str, call: Call[PingoSettings]) -> Fate:
        raise _not_written()

    async def page(self, kind: RecordKind, after: str | None, call: Call[PingoSettings]) -> Page:
        raise _not_written()

    async def changed(
        self, kind: RecordKind, since: datetime, after: str | None, call: Call[PingoSettings]
    ) -> Page | None:
        raise _not_written()

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[PingoSettings],
    ) -> Written:  # fmt: skip
        return Written(NOT_WRITTEN)

    async def update(self, object: Object, changes: Mapping[str, Wanted], call: Call[PingoSettings]) -> Written | None:
        return Written(NOT_WRITTEN)

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def note(self, on: ObjectId, command: AddNote, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def find_note(
        self, on: ObjectId, command: AddNote, since: datetime, call: Call[PingoSettings]
    ) -> Outcome | None:
        raise _not_written()

    async def task(self, on: ObjectId, command: AddTask, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def find_task(
        self, on: ObjectId, command: AddTask, since: datetime, call: Call[PingoSettings]
    ) -> Outcome | None:
        raise _not_written()


def _not_written() -> VendorFailure:
    return VendorFailure(Unclear(code="not_written", message=N_("asking Pingo for its cards isn't written yet")))
