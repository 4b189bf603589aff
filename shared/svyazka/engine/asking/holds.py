"""Times that somebody has asked for and whose calendar is silent: nobody else is offered them meanwhile.

A hold spares people a disappointment, and that is all: who gets the time is decided by the calendar's own answer, with
or without holds. So whatever is wrong with them lets everybody pass, and a booking that the calendar answers at once
needs none. They live ten minutes at most, and a visitor has two. A time of whichever master is free isn't held: how
many are free only the calendar knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from svyazka.engine.hub import Hub
from svyazka.engine.ports.store import Create, Document, Replace, Write
from svyazka.engine.support.logs import log
from svyazka.engine.tenants.directory import Account
from svyazka.model.bookings import Slot
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.ids import stable_id

LONGEST = timedelta(minutes=10)
OF_A_VISITOR = 2
SHORTEST = timedelta(minutes=30)
"""What a visit is taken to last where the calendar doesn't say."""

TRIES = 5


@dataclass(frozen=True, slots=True)
class Hold:
    """An interval of one master's day, on the clock of the place."""

    staff: str
    begins: str
    ends: str
    visitor: str
    """Keyed hash: nobody's address."""
    until: str
    """By the machine's clock."""

    def lives(self, now: datetime) -> bool:
        return datetime.fromisoformat(self.until) > now

    def overlaps(self, other: Hold) -> bool:
        return self.begins < other.ends and other.begins < self.ends

    @property
    def day(self) -> date:
        return datetime.fromisoformat(self.begins).date()


class Holds:
    """Those of all connections, in the store."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def place(self, account: Account, slot: Slot, visitor: str) -> bool:
        """Hold a time for a visitor; False where somebody else holds it, or this visitor holds enough."""
        if slot.staff is None:
            return True
        wanted = self._hold(account, slot, self._hub.keyring.person(account.tenant.id, visitor))
        try:
            for _ in range(TRIES):
                placed = await self._placed(account, wanted)
                if placed is not None:
                    return placed
        except Unavailable as error:
            log("WARNING", "no hold", connection=account.name, error=type(error).__name__)
        return True

    async def free(self, account: Account, visitor: str) -> None:
        """Let go of all that a visitor holds: it is booked, taken, or given up."""
        who = self._hub.keyring.person(account.tenant.id, visitor)
        try:
            mine = await self._read(_of_visitor(account, who))
            keys = {_of_day(account, hold.staff, hold.day) for hold in mine[0]}
            writes = [self._written(_of_visitor(account, who), mine[1], [])]
            for key in sorted(keys):
                present, version = await self._read(key)
                writes.append(self._written(key, version, [one for one in present if one.visitor != who]))
            await self._hub.store.commit(writes)
        except (Conflict, Unavailable):
            return  # they end by themselves

    async def spared(self, account: Account, slots: Sequence[Slot], visitor: str | None = None) -> list[Slot]:
        """Those of these times that nobody else is just booking."""
        who = self._hub.keyring.person(account.tenant.id, visitor) if visitor else ""
        held = [(slot, self._hold(account, slot, who)) for slot in slots]
        days = sorted({_of_day(account, one.staff, one.day) for slot, one in held if slot.staff is not None})
        try:
            documents = await self._hub.store.get_many([("holds", key) for key in days])
        except Unavailable:
            return list(slots)
        others = [one for document in documents for one in self._living(document) if one.visitor != who]
        return [
            slot for slot, own in held
            if not any(one.staff == own.staff and one.overlaps(own) for one in others)
        ]  # fmt: skip

    async def _placed(self, account: Account, wanted: Hold) -> bool | None:
        """None where somebody moved meanwhile what it rests on."""
        day, person = _of_day(account, wanted.staff, wanted.day), _of_visitor(account, wanted.visitor)
        present, version = await self._read(day)
        mine, of_mine = await self._read(person)
        if any(one.overlaps(wanted) and one.visitor != wanted.visitor for one in present):
            return False
        others_of_mine = [one for one in mine if (one.staff, one.begins) != (wanted.staff, wanted.begins)]
        if len(others_of_mine) >= OF_A_VISITOR:
            return False
        others = [one for one in present if (one.visitor, one.begins) != (wanted.visitor, wanted.begins)]
        writes = [
            self._written(day, version, [*others, wanted]),
            self._written(person, of_mine, [*others_of_mine, wanted]),
        ]
        try:
            await self._hub.store.commit(writes)
        except Conflict:
            return None
        return True

    def _hold(self, account: Account, slot: Slot, who: str) -> Hold:
        begins = slot.starts_at.clock
        ends = begins + (timedelta(minutes=slot.minutes) if slot.minutes else SHORTEST)
        until = self._hub.clock.real() + LONGEST
        return Hold(slot.staff or "", begins.isoformat(), ends.isoformat(), who, until.isoformat())

    async def _read(self, key: str) -> tuple[list[Hold], str | None]:
        document = await self._hub.store.get("holds", key)
        return self._living(document), document.version if document else None

    def _living(self, document: Document | None) -> list[Hold]:
        kept = json.loads(document.data) if document is not None else []
        now = self._hub.clock.real()
        return [hold for each in kept if (hold := Hold(**each)).lives(now)]

    def _written(self, key: str, version: str | None, holds: Iterable[Hold]) -> Write:
        data = json.dumps([asdict(hold) for hold in holds]).encode()
        document = Document("holds", key, {"expire_at": self._hub.clock.real() + LONGEST}, data, version)
        return Create(document) if version is None else Replace(document)


def _of_day(account: Account, staff: str, day: date) -> str:
    return stable_id("hld", account.tenant.id, account.name, staff, day.isoformat())


def _of_visitor(account: Account, who: str) -> str:
    return stable_id("hld", account.tenant.id, account.name, who)
