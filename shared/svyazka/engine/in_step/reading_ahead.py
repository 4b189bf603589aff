"""Objects of records that wait to be looked at, read together with the one that is looked at now.

After a bulk edit of thousands of cards, or when our own writes come back as hooks, looks wait in a long line for their
systems' rates. Whoever is first reads for those behind it: of a system that shows fifty cards by one call, five
thousand cost a hundred calls. What was read ahead counts only as long as its record stands as it did before the
reading: whatever was told since is read anew.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import NEXT_DELIVERIES_OF_CONNECTION
from svyazka.engine.rules.beginning import WAKE_GRACE
from svyazka.model.commands import SyncObject
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.in_step import Record
from svyazka.model.records import Object

CROWD = timedelta(seconds=5)
"""Looks through one connection that begin within so long of each other are many: then it pays to ask who else waits."""

GOOD_FOR = timedelta(minutes=2)
"""So long what was read ahead is used: some hundred looks at the slowest rates that we know."""

HEAD_STAYS = timedelta(seconds=30)
"""After so long a line is looked at from its head again: whoever came since may stand before the others."""

ASKED_MOST = 500
"""Of those who wait so many are looked at for one reading."""

ENOUGH = 0.8
"""A call that is so full isn't worth another look at the line."""

KEPT_MOST = 5000
"""Objects that are kept in memory at once: then those that were used make room first, and the oldest next."""


@dataclass(frozen=True, slots=True)
class ReadAhead:
    """An object, and how its record stood before it was read."""

    object: Object
    wanted: int
    moves: int
    at: datetime
    """In real time: how fresh it is."""
    since: datetime
    """In business time."""


class Ahead:
    """What was read ahead, in this process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._read: OrderedDict[tuple[str, str, str], ReadAhead] = OrderedDict()
        """By tenant, connection and record; those that make room first come first."""
        self._looked: dict[tuple[str, str], datetime] = {}
        self._places: dict[tuple[str, str, str], tuple[str | None, datetime]] = {}
        """Of each line how far it was read, and when its head was."""
        self._turns: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def turn(self, tenant: str, connection: str) -> asyncio.Lock:
        """Held by whoever reads there, so that those who come meanwhile find what it has read for them."""
        return self._turns[tenant, connection]

    def behind(self, record: Record, delivery: Delivery) -> Behind:
        """Who waits behind a look that begins now."""
        key, real = (delivery.tenant, delivery.connection), self._hub.clock.real()
        crowded = key in self._looked and real - self._looked[key] < CROWD
        self._looked[key] = real
        return Behind(self, self._hub, record, delivery, crowded)

    def of(self, record: Record, connection: str) -> ReadAhead | None:
        """What was read of a record's side, if nothing has happened to the record since."""
        found = self._read.get(_key(record, connection))
        if found is None or self._hub.clock.real() - found.at > GOOD_FOR:
            return None
        as_it_was = (found.wanted, found.moves) == (record.wanted, record.moves)
        return found if as_it_was and found.object.id == record.sides[connection].object else None

    def use(self, record: Record, connection: str) -> ReadAhead | None:
        """The same, for whoever looks at it now: hardly anybody will want it again."""
        if (found := self.of(record, connection)) is not None:
            self._read.move_to_end(_key(record, connection), last=False)
        return found

    def place(self, delivery: Delivery, connection: str) -> str | None:
        """As far as this was read of those who wait with a delivery; None: from the line's head."""
        place, at = self._places.get((delivery.tenant, delivery.connection, connection), (None, datetime.min))
        return place if place is not None and self._hub.clock.real() - at <= HEAD_STAYS else None

    def passed(self, delivery: Delivery, connection: str, place: str | None) -> None:
        """It was read up to here; None: to the line's end."""
        known = (delivery.tenant, delivery.connection, connection)
        began = self._places.get(known, (None, None))[1] if self.place(delivery, connection) is not None else None
        self._places[known] = (place, began or self._hub.clock.real())

    def keep(
        self, connection: str, records: Sequence[Record], there: Mapping[str, Object], at: datetime, since: datetime
    ) -> None:
        """What was read of these records, as they stood before."""
        for record in records:
            found = there.get(record.sides[connection].object)
            if found is not None:
                key = _key(record, connection)
                self._read[key] = ReadAhead(found, record.wanted, record.moves, at, since)
                self._read.move_to_end(key)
        while len(self._read) > KEPT_MOST:
            self._read.popitem(last=False)


def _key(record: Record, connection: str) -> tuple[str, str, str]:
    return record.tenant, connection, record.id


@dataclass
class Behind:
    """Records that are to be looked at next through the connection of one look; nobody, where looks are few."""

    ahead: Ahead
    hub: Hub
    record: Record
    delivery: Delivery
    crowded: bool

    async def to_read(self, connection: str, at_once: int) -> list[Record]:
        """Those of them whose side there can be read by the same call, as they stand before it."""
        found: dict[str, Record] = {}
        most, asked = at_once - 1, 0
        while self.crowded and len(found) <= most * ENOUGH and asked < ASKED_MOST:
            line, asked = await self._next(connection, most - len(found)), asked + most - len(found)
            found |= {
                one.id: one for one in line if connection in one.systems and self.ahead.of(one, connection) is None
            }
            if self.ahead.place(self.delivery, connection) is None:
                break  # that was the end of the line
        return list(found.values())

    async def _next(self, connection: str, most: int) -> list[Record]:
        """So many of the line, behind those who were looked at before: whoever comes out of turn reads for the next
        ones, and not for those again for whom it was done."""
        record, delivery = self.record, self.delivery
        page = await self.hub.store.find(
            NEXT_DELIVERIES_OF_CONNECTION, equal={"tenant": delivery.tenant, "connection": delivery.connection},
            at_most=self.hub.clock.now() + GOOD_FOR + WAKE_GRACE, limit=most,
            cursor=self.ahead.place(delivery, connection),
        )  # fmt: skip
        self.ahead.passed(delivery, connection, page.cursor)
        looks = [one.model for one in journal.known(Delivery, page.documents) if one.model.status is Status.PENDING]
        ids = dict.fromkeys(
            one.command.record for one in looks
            if isinstance(one.command, SyncObject) and one.command.of is record.kind
        )  # fmt: skip
        held = await self.hub.store.get_many([("records", id_) for id_ in ids if id_ != record.id])
        there = journal.known(Record, [document for document in held if document is not None])
        return [one.model for one in there if one.model.running is None and one.model.merged_into is None]
