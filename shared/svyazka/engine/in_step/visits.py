"""Visits kept in step: a calendar's appointment is a deal in a CRM.

The calendar says when, what and with whom; where the deal stands says how far it has come, by the flow's table of
stages. Whoever asks for a visit does so in a calendar: a deal by itself is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from svyazka.engine.comparing.prints import Printer
from svyazka.engine.comparing.stages import ATTENDANCE, STEPS, Silent, StageTable
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.contracts.capabilities.visits import Visits
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.in_step.deals import DealsOfVisits
from svyazka.engine.in_step.kinds import Kind
from svyazka.model.bases import Prints
from svyazka.model.bookings import VisitStatus, WallTime
from svyazka.model.in_step import Record, Rules, Side
from svyazka.model.records import CLEARED, UNREAD, Object, RecordKind, Shown

STATUS, STAGE, STARTS, ENDS, TITLE = "status", "stage", "starts_at", "ends_at", "title"

Titled = Callable[[Mapping[str, str]], str]
"""How a deal is called, of what its visit shows."""


class VisitKind(Kind):
    """`zone`: of the place where visits are."""

    finds_by_cards = False

    def __init__(self, rules: Rules, zone: str, titled: Titled) -> None:
        super().__init__(rules)
        self.zone, self.titled = zone, titled

    @cached_property
    def table(self) -> StageTable:
        return StageTable.of(self.rules.stages)

    @cached_property
    def calendar(self) -> str:
        """The connection whose visits they are."""
        return next(name for name in self.rules.between if name not in self.rules.shows_as)

    def takes(self, connection: str, kind: RecordKind) -> bool:
        if connection not in self.rules.between:
            return False
        return kind is self.rules.shows_as.get(connection, self.rules.kind)

    def begins(self, connection: str) -> bool:
        return connection == self.calendar

    def lists_all(self, connection: str) -> bool:
        return connection != self.calendar

    def is_over(self, side: Side, prints: Printer) -> bool:
        base = side.bases.get(STATUS)
        further = (status.value for status, steps in STEPS.items() if steps)
        return base is None or not any(prints.shows(base.prints, STATUS, one) for one in further)

    def writes_to(self, connection: str, records: Records[Any]) -> bool:
        return not isinstance(records, Visits) or bool(records.writable)

    def records(self, connection: str, manifest: Manifest[Any], settings: Mapping[str, object]) -> Records[Any] | None:
        if connection == self.calendar:
            return manifest.visits
        deals = manifest.records_under(settings)
        return None if deals is None else DealsOfVisits(deals, self.table, self.zone)

    def shown(
        self, connection: str, one: Object, record: Record, others: Mapping[str, Object], prints: Printer, now: datetime
    ) -> Mapping[str, Shown]:
        if connection == self.calendar:
            return {**one.fields, TITLE: self._title(one)} if STARTS in one.fields else one.fields
        side = record.sides.get(connection, Side(object=one.id))
        theirs = {name for name, shown in one.fields.items() if self._stays_theirs(name, shown, side)}
        fields = {name: UNREAD if name in theirs else shown for name, shown in one.fields.items()}
        visit = others.get(self.calendar)
        return {**fields, STATUS: self._status(one, side, visit, prints, now)}

    def of_gone(self, connection: str) -> Mapping[str, Shown] | None:
        mirrors = connection == self.calendar and self.rules.delete.get(connection) == "mirror"
        return {STATUS: VisitStatus.CANCELLED.value} if mirrors else None

    def read_as(self, names: frozenset[str]) -> frozenset[str]:
        return names | {STAGE} if STATUS in names else names

    # A deal's stage

    def _status(
        self, deal: Object, side: Side, visit: Object | None, prints: Printer, now: datetime
    ) -> Shown:  # fmt: skip
        """What a deal says of its visit. One that was just found says nothing yet, unless its stage is in the table: it
        is to be brought to where the visit stands."""
        stage, base = deal.shows(STAGE), side.bases.get(STATUS)
        if not isinstance(stage, str):
            return UNREAD

        def shows(ever: Iterable[Prints], status: VisitStatus) -> bool:
            return any(prints.shows(one, STATUS, status.value) for one in ever)

        def agreed(status: VisitStatus) -> bool:
            """What is still to be brought there was agreed too, and so was what it showed before."""
            owed = base.owed.before if base is not None and base.owed is not None else ()
            return base is not None and shows((base.prints, *owed), status)

        known = None if base is None else next((one for one in VisitStatus if shows((base.prints,), one)), None)
        calendar = known if visit is None else status_of(visit)
        is_new = base is None or (base.owed is not None and () in base.owed.before)
        if is_new and not self.table.means(stage):
            return CLEARED
        if calendar is None:
            return UNREAD
        reading = self.table.read(stage, calendar, agreed, attendance_both=self.rules.attendance)
        said = reading.status
        if isinstance(said, VisitStatus):
            is_late = said not in (calendar, known) and said not in ATTENDANCE and is_over(visit, now)
            return UNREAD if is_late else said.value
        if reading.why is not Silent.NOT_ITS_TO_SAY:
            return said
        # Its move says nothing, and doesn't keep it from going where the visit has gone since, or was to be brought.
        if known is not None and calendar is not known:
            return known.value
        owed = base.owed.before if base is not None and base.owed is not None and base.owed.times == 0 else ()
        before = next((one for one in VisitStatus if shows(owed, one)), None)
        if before is not None:
            return before.value
        means = self.table.means(stage)
        if is_new and any(calendar in STEPS[one] for one in means):
            return CLEARED
        if base is not None or STEPS[calendar]:
            return UNREAD
        # Both have ended, unlike, and nothing was ever agreed: a person says which of them holds.
        return min(means, key=lambda one: one in ATTENDANCE).value

    def _stays_theirs(self, name: str, shown: Shown, side: Side) -> bool:
        """What managers had written on a deal before it became a visit's is left to them."""
        return name not in (STARTS, ENDS, STAGE) and name not in side.bases and shown is not CLEARED

    def _title(self, visit: Object) -> Shown:
        texts = {name: shown for name, shown in visit.fields.items() if isinstance(shown, str)}
        begins = starts_of(visit)
        if begins is not None:
            texts |= {"date": f"{begins.clock:%d.%m.%Y}", "time": f"{begins.clock:%H:%M}"}
        return self.titled(texts) or CLEARED


# What a visit shows


def status_of(visit: Object) -> VisitStatus | None:
    """Where it stands."""
    shown = visit.shows(STATUS)
    return VisitStatus(shown) if isinstance(shown, str) and shown in set(VisitStatus) else None


def starts_of(visit: Object) -> WallTime | None:
    """When it begins."""
    return _time(visit.shows(STARTS))


def is_over(visit: Object | None, when: datetime) -> bool:
    """Whether it had ended then."""
    if visit is None:
        return False
    end = _time(visit.shows(ENDS)) or _time(visit.shows(STARTS))
    return end is not None and end.moment < when


def _time(shown: Shown) -> WallTime | None:
    try:
        return WallTime.heard(shown) if isinstance(shown, str) else None
    except ValueError:
        return None
