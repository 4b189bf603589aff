"""Visits of DIKIDI's journal, as the back office shows them: only read.

The journal is read by days, so a visit is shown while it lies among those that are read; one that isn't among them says
nothing of itself. That it was cancelled is believed where the journal shows it so, and where two looks have missed it
(`polling.py`, which notes it down).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.connectors.dikidi.journal import CAME, MISSED, OFF, Entry, Journal, details_of
from svyazka.connectors.dikidi.office import journal
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, Operation, Page, Quiet, Written
from svyazka.engine.contracts.capabilities.visits import Visits, price_of
from svyazka.model.bookings import VisitStatus, WallTime
from svyazka.model.commands import Safety
from svyazka.model.outcomes import Refused
from svyazka.model.reasons import Reason
from svyazka.model.records import CLEARED, Object, ObjectId, RecordKind, Shown, Wanted

BEHIND, AHEAD = timedelta(days=1), timedelta(days=60)
FRESH = 2.0
"""Seconds for which one look serves all who read at the same time."""

STATUSES = {
    "confirmed": VisitStatus.CONFIRMED, CAME: VisitStatus.COMPLETED, MISSED: VisitStatus.MISSED,
    OFF: VisitStatus.CANCELLED,
}  # fmt: skip
ONLY_READ = Refused(code="not_supported", message=N_("DIKIDI's journal is only read"), reason=Reason.SETTING)


class DikidiVisits(Visits[DikidiSettings]):
    """The journal of one company."""

    writable = frozenset()
    updating = Operation(Safety.idempotent(), quiet=Quiet.UNKNOWN)

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[DikidiSettings]) -> tuple[Object, ...]:
        found = await _looked(call)
        return tuple(object_of(found.entries[id_], call.timezone) for id_ in ids if id_ in found.entries)

    async def fate(self, kind: RecordKind, id: str, call: Call[DikidiSettings]) -> Fate:
        return Fate.HIDDEN if await call.kept(lost(id)) is None else Fate.GONE

    async def page(self, kind: RecordKind, after: str | None, call: Call[DikidiSettings]) -> Page:
        found = await _looked(call)
        return Page(tuple(object_of(one, call.timezone) for one in found.entries.values()), None)

    async def update(self, object: Object, changes: Mapping[str, Wanted], call: Call[DikidiSettings]) -> Written | None:
        return Written(ONLY_READ)


def lost(id_: str) -> str:
    """Under what name it is kept that a visit vanished from the journal."""
    return f"visit.lost.{id_}"


async def _looked(call: Call[DikidiSettings]) -> Journal:
    known: tuple[Journal, float, datetime] | None = call.memo.get("journal")
    if known is None or known[1] < time.monotonic() or call.now - known[2] > timedelta(seconds=FRESH):
        today = WallTime.at(call.now, call.timezone).day
        read = await journal(call, today - BEHIND, today + AHEAD)
        known = call.memo["journal"] = read, time.monotonic() + FRESH, call.now
    return known[0]


def object_of(entry: Entry, zone: str) -> Object:
    """A visit."""
    shown = details_of(entry)
    lasts = timedelta(minutes=shown.minutes) if shown.minutes is not None else None
    fields: dict[str, Shown] = {
        "status": STATUSES.get(entry.state, VisitStatus.BOOKED).value,
        "starts_at": WallTime(clock=entry.starts, zone=zone).told,
        "ends_at": WallTime(clock=entry.starts + lasts, zone=zone).told if lasts is not None else CLEARED,
        "service": shown.service or CLEARED, "price": price_of([shown.cost or 0]), "name": shown.name or CLEARED,
        "phone": (shown.phone,) if shown.phone else CLEARED,
    }  # fmt: skip
    links = frozenset({ObjectId(RecordKind.CONTACT, shown.client)} if shown.client is not None else ())
    return Object(kind=RecordKind.VISIT, id=entry.id, fields=fields, links=links, original=entry.body)
