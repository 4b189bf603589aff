"""A CRM's deals as the visits that they show: the same operations, by a visit's fields.

Reading leaves `status` out and shows the `stage`: which status a stage means is known only beside what the calendar
says (`visits.VisitKind.shown`). Times stand in a deal as moments, and compared as the clock at the place shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from svyazka.engine.comparing.stages import StageTable
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import (
    Fate,
    LinkTo,
    Operation,
    Page,
    Quiet,
    Records,
    Written,
)
from svyazka.model.bookings import VisitStatus, WallTime
from svyazka.model.outcomes import Outcome, Succeeded
from svyazka.model.records import CLEARED, UNREAD, Key, Object, ObjectId, RecordKind, Shown, Value, Wanted

DEAL, VISIT = RecordKind.DEAL, RecordKind.VISIT
TIMES = frozenset({"starts_at", "ends_at"})


class DealsOfVisits(Records[Any]):
    """Over a CRM's own deals. `zone`: of the place where the visits are."""

    kinds = frozenset({VISIT})

    def __init__(self, deals: Records[Any], table: StageTable, zone: str) -> None:
        self._deals, self._table, self._zone = deals, table, zone

    @property
    def creating(self) -> Operation:  # type: ignore[override]
        return self._deals.creating

    @property
    def updating(self) -> Operation:  # type: ignore[override]
        return self._deals.updating

    # What a deal keeps of a visit

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        if field in TIMES:
            return _kept_time(value, self._zone)
        return value if field == "status" else self._deals.keeps(DEAL, field, value)

    def defaults(self, kind: RecordKind, settings: Any) -> Mapping[str, Value]:
        """The stage is the visit's."""
        return {name: value for name, value in self._deals.defaults(DEAL, settings).items() if name != "stage"}

    def quiet(self, kind: RecordKind, operation: Operation) -> Quiet:
        return self._deals.quiet(DEAL, operation)

    def carries(self, kind: RecordKind, settings: Any) -> frozenset[str] | None:
        return self._deals.carries(DEAL, settings)

    # Reading

    async def find(self, kind: RecordKind, key: Key, call: Call[Any]) -> tuple[Object, ...] | None:
        found = await self._deals.find(DEAL, key, call)
        return None if found is None else tuple(map(self._visit, found))

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[Any]) -> tuple[Object, ...]:
        return tuple(map(self._visit, await self._deals.linked(DEAL, to, call)))

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[Any]) -> tuple[Object, ...]:
        return tuple(map(self._visit, await self._deals.read_many(DEAL, ids, call)))

    async def fate(self, kind: RecordKind, id: str, call: Call[Any]) -> Fate:
        return await self._deals.fate(DEAL, id, call)

    async def page(self, kind: RecordKind, after: str | None, call: Call[Any]) -> Page:
        return self._visits(await self._deals.page(DEAL, after, call))

    async def changed(self, kind: RecordKind, since: datetime, after: str | None, call: Call[Any]) -> Page | None:
        found = await self._deals.changed(DEAL, since, after, call)
        return None if found is None else self._visits(found)

    # Writing

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str, call: Call[Any]
    ) -> Written:
        wanted = {name: value for name, value in self._theirs(fields, None).items() if value is not CLEARED}
        made = await self._deals.create(DEAL, wanted, links, mark, call)
        return self._written(made, fields)

    async def update(self, object: Object, changes: Mapping[str, Wanted], call: Call[Any]) -> Written | None:
        wanted = self._theirs(changes, object)
        if not wanted:
            return self._written(Written(Succeeded(external_id=object.id, already=True)), changes)
        deal = object.original
        assert isinstance(deal, Object)
        written = await self._deals.update(deal, wanted, call)
        return None if written is None else self._written(written, changes)

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[Any]) -> Outcome:
        return await self._deals.link(replace(object, kind=DEAL), links, call)

    # One as the other

    def _visits(self, page: Page) -> Page:
        return Page(tuple(map(self._visit, page.objects)), page.next)

    def _visit(self, deal: Object) -> Object:
        fields = {name: self._shown(name, shown) for name, shown in deal.fields.items()}
        return replace(deal, kind=VISIT, fields=fields, original=deal)

    def _shown(self, name: str, shown: Shown) -> Shown:
        if name not in TIMES or not isinstance(shown, str):
            return shown
        try:
            return WallTime.read(shown, self._zone).told
        except ValueError:
            return UNREAD  # what people wrote there is no time

    def _theirs(self, changes: Mapping[str, Wanted], there: Object | None) -> dict[str, Wanted]:
        found: dict[str, Wanted] = {}
        for name, value in changes.items():
            if name in TIMES and isinstance(value, str):
                found[name] = _moment(value, self._zone)
            elif name == "status" and isinstance(value, str):
                stands = there.shows("stage") if there is not None else None
                stage = self._table.to_write(VisitStatus(value), stands if isinstance(stands, str) else None)
                found |= {} if stage is None else {"stage": stage}
            elif name != "status":
                found[name] = value
        return found

    def _written(self, written: Written, wanted: Mapping[str, Wanted]) -> Written:
        """What the answer proves, by a visit's fields: a stage that means what was to be said says it."""
        left_out = tuple("status" if name == "stage" else name for name in written.left_out)
        if written.shown is None:
            return replace(written, left_out=left_out)
        shown = self._visit(written.shown)
        status, stage = wanted.get("status"), shown.shows("stage")
        if isinstance(status, str) and isinstance(stage, str) and VisitStatus(status) in self._table.means(stage):
            shown = replace(shown, fields={**shown.fields, "status": status})
        return replace(written, shown=shown, left_out=left_out)


def _moment(told: str, zone: str) -> str:
    """As a deal is told it, with the offset that holds there then."""
    return WallTime.at(WallTime.heard(told).moment, zone).iso


def _kept_time(value: Value, zone: str) -> Value:
    """A moment is all that a deal keeps: of an hour that a clock shows twice, or never, it is the earlier one."""
    try:
        return WallTime.at(WallTime.heard(str(value)).moment, zone).told
    except ValueError:
        return value
