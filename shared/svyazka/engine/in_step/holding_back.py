"""What happens to too many records at once waits for a person, so that no disaster is copied from one system to others.

Each count is a document that is written in the very commit in which a record's own state changes, over the version that
was read: nobody who comes at the same moment is left out of it, and a death in between counts nothing. No query is
asked whether something is held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.comparing import holds
from svyazka.engine.comparing.compare import ComparedRecord
from svyazka.engine.comparing.holds import DAY, Threshold, note_change, note_inferred, note_made, note_told
from svyazka.engine.comparing.normalising import FieldType, field_type
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.doubting import GO_ON, LEAVE, MADE, NEW, NONE, REVIVE, WHOSE
from svyazka.engine.in_step.look import Look
from svyazka.engine.in_step.reading import Seen
from svyazka.engine.in_step.telling import held_back
from svyazka.engine.in_step.visits import STATUS
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import LIVING, RECORDS_BY_STANDING
from svyazka.engine.ports.store import Write
from svyazka.model.bases import Prints
from svyazka.model.bookings import VisitStatus
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.in_step import (
    Counted,
    HeldBack,
    HoldAnswer,
    MassKind,
    Record,
    SideState,
    Switch,
    counted_id,
    is_file,
    switch_id,
)
from svyazka.model.records import UNREAD, Wanted
from svyazka.model.restraints import Hold

TRIES = 5
COUNTED_FOR = timedelta(days=2)
COUNTED_ANEW = timedelta(hours=1)
"""The flow's records are counted once in so long."""

ELEMENTS_MOST = 3
"""Elements of a set that are counted of one change."""


@dataclass
class Weighing:
    """What one look may do, as far as it happens to many at once. Made anew over each record as it stands."""

    look: Look
    held: set[str] = field(default_factory=set)
    """Fields that wait."""
    counted: dict[str, Prints] = field(default_factory=dict)
    gone_waits: set[str] = field(default_factory=set)
    """Connections whose deletion waits."""
    left: set[str] = field(default_factory=set)
    """Those of which a person said that nothing follows."""
    not_made: set[str] = field(default_factory=set)
    """Connections where nothing is made before a person has said."""
    never: set[str] = field(default_factory=set)
    """Those where a person said that nothing is to be made."""
    _documents: list[Write] = field(default_factory=list)
    _begun: dict[str, HeldBack] = field(default_factory=dict)

    # A field

    async def changes(self, compared: ComparedRecord, writes: Mapping[str, Wanted]) -> None:
        """Each write that is about to be made, among those of all records of the day."""
        look, known = self.look, self.look.held.model.counted
        intent, shown = compared.intent(look.toward), compared.sides[look.toward].fields
        for name in sorted(writes):
            if look.is_let_go(name) or self._is_usual(name, intent[name]):
                continue
            if name in look.switch.held:
                self.held.add(name)
                continue
            values = changed_to(look.printer.prints(name, shown.get(name, UNREAD)), intent[name])
            if known.get(name) == values:
                continue
            most = holds.CANCELLED if self._cancels(name, intent[name]) else holds.MASS_CHANGE
            if await self._counts(name, values, most):
                self.counted[name] = values
            else:
                self.held.add(name)

    def _is_usual(self, name: str, wanted: Prints) -> bool:
        """Stages and statuses are the same for many every day; but not visits that a calendar is to cancel because of
        their deals, for then people hear of it: a wrong table of stages would do that to all of them."""
        return field_type(name) is FieldType.CHOICE and not self._cancels(name, wanted)

    def _cancels(self, name: str, wanted: Prints) -> bool:
        deals, prints = self.look.flow.rules.shows_as, self.look.printer
        to_calendar = bool(deals) and self.look.toward not in deals and name == STATUS
        return to_calendar and prints.shows(wanted, name, VisitStatus.CANCELLED.value) is True

    async def _counts(self, name: str, values: Prints, most: Threshold) -> bool:
        record, writes = self.look.held.model, list[Write]()
        for value in values[:ELEMENTS_MOST]:
            id_ = counted_id(record.tenant, self.look.flow.id, name, value)
            there, counted = await self._loaded(id_)
            total = sum(sum(one.values()) for one in counted.change.hours.values())
            counted = await self._with_all(counted, total + 1, most)
            now = self.look.hub.clock.now()
            change, hold = note_change(counted.change, record.id, (value,) if value else (), now, counted.of or 1, most)
            if hold is Hold.HELD:
                self._begins(name, "mass_change", counted, total + 1, change.examples)
                writes = []
            writes.append(_over(there, counted.model_copy(update={"change": change, "expire_at": now + COUNTED_FOR})))
            if hold is Hold.HELD:
                self._documents += writes
                return False
        self._documents += writes
        return True

    # A deletion

    async def deletions(self) -> None:
        """Each side that turned out to be deleted just now, among those of the day."""
        look = self.look
        for name, seen in look.seen.items():
            record, what = look.held.model, WHOSE + name
            gone = isinstance(seen, Seen) and seen.object is None and seen.state is SideState.GONE
            systems = sum(not is_file(one) for one in record.sides)
            if not gone or record.sides[name].state is SideState.GONE or systems < 2:
                continue
            if look.is_let_go(what):
                self.left |= {name} if look.switch.said[what].said == LEAVE else set()
            elif what in look.switch.held or not await self._counts_deletion(what):
                self.gone_waits.add(name)

    async def _counts_deletion(self, what: str) -> bool:
        record, now = self.look.held.model, self.look.hub.clock.now()
        there, counted = await self._loaded(counted_id(record.tenant, self.look.flow.id, what))
        total = sum(counted.deletions.told.values())
        counted = await self._with_all(counted, total + 1, holds.TOLD)
        deletions, hold = note_told(counted.deletions, record.id, now, counted.of or 1)
        after = counted.model_copy(update={"deletions": deletions, "expire_at": now + COUNTED_FOR})
        self._documents.append(_over(there, after))
        if hold is Hold.HELD:
            self._begins(what, "mass_deletion", counted, total + 1, deletions.examples)
        return hold is Hold.GO

    # What is made

    async def making(self) -> None:
        """An object that is about to be made where the look looks, among those of the day."""
        look, what = self.look, MADE + self.look.toward
        if look.is_let_go(what) and look.switch.said[what].said == LEAVE:
            self.never.add(look.toward)
        elif self._is_made_knowingly(what) or what in look.held.model.counted:
            return
        elif what in look.switch.held or not await self._counts_making(what):
            self.not_made.add(look.toward)
        else:
            self.counted[what] = ("",)

    def _is_made_knowingly(self, what: str) -> bool:
        """Whether somebody knew how many would be made, or asked for this very one. Visits come by the hundred every
        day, and what was there before their flow began is never made."""
        look = self.look
        record, said, on = look.held.model, look.switch.said.get(what), look.switch.on.get(look.toward)
        goes_on = said is not None and said.said == GO_ON and look.hub.clock.now() - said.at < DAY
        watched = on is not None and record.created_at <= on and what not in record.held
        wanted = record.said.get(WHOSE + look.toward) in (NEW, REVIVE) or record.said.get(MADE) == GO_ON
        return not look.flow.kind.finds_by_cards or look.is_let_go(what) or goes_on or watched or wanted

    async def _counts_making(self, what: str) -> bool:
        record, now = self.look.held.model, self.look.hub.clock.now()
        there, counted = await self._loaded(counted_id(record.tenant, self.look.flow.id, what))
        total = sum(counted.making.hours.values())
        counted = await self._with_all(counted, total + 1, holds.MADE)
        making, hold = note_made(counted.making, record.id, now, counted.of or 1)
        after = counted.model_copy(update={"making": making, "expire_at": now + COUNTED_FOR})
        self._documents.append(_over(there, after))
        if hold is Hold.HELD:
            self._begins(what, "mass_making", counted, total + 1, making.examples)
        return hold is Hold.GO

    # What is written of it

    async def writes(self) -> list[Write]:
        """The counts; and where a hold begins, the flow's own document, and the card."""
        if not self._begun:
            return self._documents
        look = self.look
        id_ = switch_id(look.tenant.id, look.flow.id)
        there = await journal.load(look.hub.store, Switch, id_)
        switch = there.model if there is not None else Switch(id=id_, tenant=look.tenant.id, flow=look.flow.id)
        held = {**self._begun, **switch.held}
        if held != switch.held:
            self._documents.append(_over(there, switch.model_copy(update={"held": held})))
        for what in self._begun:
            await held_back(look.hub, look.tenant, look.flow.id, what)
        self._begun.clear()
        return self._documents

    def noted(self, record: Record, compared: ComparedRecord | None, written: frozenset[str] = frozenset()) -> Record:
        """The record with what waits, and without what doesn't any more. `written`: fields that reached where the look
        looks."""
        look = self.look
        waits = {WHOSE + name for name in self.gone_waits} | {MADE + name for name in self.not_made} | self.held
        kept = {
            what: at for what, at in record.held.items() if what in waits or self._still_waits(what, compared, written)
        }
        since = {what: look.began for what in waits if what not in kept or look.is_let_go(what)}
        back = {WHOSE + name for name, seen in look.seen.items() if isinstance(seen, Seen) and seen.object is not None}
        said = {what: word for what, word in record.said.items() if what not in back}
        said |= {WHOSE + name: NONE for name in self.never}
        counted = {**record.counted, **self.counted}
        return record.model_copy(update={"held": {**kept, **since}, "counted": counted, "said": said})

    def _still_waits(self, what: str, compared: ComparedRecord | None, written: frozenset[str]) -> bool:
        """Whether what was held before is still to be done: toward another side, or nobody could look."""
        if what.startswith(MADE):
            name = what.removeprefix(MADE)
            return name != self.look.toward and name not in self.look.held.model.sides
        if what.startswith(WHOSE):
            return not isinstance(self.look.seen.get(what.removeprefix(WHOSE)), Seen)
        if compared is None or what not in compared.fields:
            return compared is None
        return bool(set(compared.fields[what].writes) - ({self.look.toward} if what in written else set()))

    # Documents

    async def _loaded(self, id_: str) -> tuple[Versioned[Counted] | None, Counted]:
        there, record = await journal.load(self.look.hub.store, Counted, id_), self.look.held.model
        return there, there.model if there else Counted(id=id_, tenant=record.tenant, flow=self.look.flow.id)

    async def _with_all(self, counted: Counted, count: int, threshold: Threshold) -> Counted:
        """The count with the number of the flow's records, where that matters by now."""
        hub, record = self.look.hub, self.look.held.model
        fresh = counted.of_at is not None and hub.clock.now() - counted.of_at < COUNTED_ANEW
        if count <= threshold.count or fresh:
            return counted
        where = {"tenant": record.tenant, "kind": record.kind.value}
        standing = await hub.store.tally(RECORDS_BY_STANDING, LIVING, equal=where)
        return counted.model_copy(update={"of": sum(standing.values()), "of_at": hub.clock.now()})

    def _begins(self, what: str, why: MassKind, counted: Counted, count: int, examples: tuple[str, ...]) -> None:
        since = self.look.hub.clock.now()
        self._begun[what] = HeldBack(why=why, since=since, count=count, examples=examples, counter=counted.id)


async def weighed_changes(look: Look, compared: ComparedRecord, writes: Mapping[str, Wanted]) -> Weighing:
    """What of these writes waits; the look agrees on none of that."""
    weighing = Weighing(look)
    await weighing.changes(compared, writes)
    look.holding = frozenset(weighing.held)
    return weighing


async def weighed_deletions(look: Look, weighing: Weighing | None = None) -> Weighing:
    """What of the deletions that were seen waits; the look takes none of these for gone."""
    weighing = weighing or Weighing(look)
    await weighing.deletions()
    look.gone_waits, look.left = frozenset(weighing.gone_waits), frozenset(weighing.left)
    return weighing


async def weighed_making(look: Look) -> Weighing:
    """Whether what is to be made waits."""
    weighing = Weighing(look)
    await weighing.making()
    return weighing


async def weighed_missing(
    hub: Hub, tenant: str, flow: str, connection: str, missing: Sequence[str], of: int
) -> tuple[Hold, list[Write]]:
    """Objects that a whole list doesn't show, with those of earlier lists of the day; what is written where it goes
    on."""
    id_ = counted_id(tenant, flow, WHOSE + connection)
    there, now = await journal.load(hub.store, Counted, id_), hub.clock.now()
    counted = there.model if there is not None else Counted(id=id_, tenant=tenant, flow=flow)
    deletions, hold = note_inferred(counted.deletions, tuple(missing), now, of)
    after = counted.model_copy(update={"deletions": deletions, "expire_at": now + COUNTED_FOR})
    return hold, [_over(there, after)] if missing else []


async def let_through(hub: Hub, tenant: str, flow: str, what: str) -> datetime:
    """A person said that what is held up to now goes on; as of when. Raises Unavailable."""
    id_ = switch_id(tenant, flow)
    for _ in range(TRIES):
        there, now = await journal.load(hub.store, Switch, id_), hub.clock.now()
        switch = there.model if there is not None else Switch(id=id_, tenant=tenant, flow=flow)
        said = {**switch.said, what: HoldAnswer(said=GO_ON, at=now)}
        try:
            await hub.store.commit([_over(there, switch.model_copy(update={"said": said}))])
        except Conflict:
            continue
        return now
    raise Unavailable(N_("others say of it in this moment: run this again"))


def changed_to(before: Prints, after: Prints) -> Prints:
    """By what one change of a field is like another: what came; else what went; nothing is left: cleared."""
    if not after:
        return ("",)
    came = tuple(sorted(set(after) - set(before)))
    return came or tuple(f"-{one}" for one in sorted(set(before) - set(after)))


def _over(there: Versioned[Counted] | Versioned[Switch] | None, after: Counted | Switch) -> Write:
    return journal.create(after) if there is None else journal.replace(after, there.version)
