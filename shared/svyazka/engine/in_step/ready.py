"""What is about to be written to one side: the claim's part of the record, the write itself, and the settle's part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from svyazka.catalogue import N_
from svyazka.engine.comparing.compare import ComparedRecord
from svyazka.engine.comparing.settling import NO_PROOF, Answer
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import LinkTo, Records, Written
from svyazka.engine.contracts.dispatch import Carried
from svyazka.engine.contracts.putting import FRESH, gone_meanwhile
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.braking import Braked, with_counted
from svyazka.engine.in_step.doubting import NEW, WHOSE, over_with
from svyazka.engine.in_step.holding_back import Weighing, weighed_changes, weighed_deletions, weighed_making
from svyazka.engine.in_step.joining import links_of, take_in
from svyazka.engine.in_step.look import Look
from svyazka.engine.in_step.parts import Part
from svyazka.engine.in_step.wanting import record_of
from svyazka.engine.in_step.wishes import safety_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Store, Write
from svyazka.model.commands import Safety
from svyazka.model.deliveries import Delivery
from svyazka.model.in_step import Doubt, Intent, Link, Record, Running, Side, doubt_id, link_id
from svyazka.model.outcomes import GaveBack, Outcome, Refused, Retry, Succeeded
from svyazka.model.records import CLEARED, UNREAD, Object, Wanted


@dataclass
class Ready:
    """One side's write, as it was compared just before."""

    hub: Hub
    look: Look
    compared: ComparedRecord
    writes: Mapping[str, Wanted]
    records: Records[Any]
    object: Object | None
    """As it was read; None: it is to be made."""
    read_at: float
    mark: str = ""
    keys: Sequence[Write] = ()
    """For what is to be made: that nobody else makes it."""
    links: Sequence[LinkTo] = ()
    """What it is linked with as it is made."""
    counted: Braked | None = None
    """What the brakes make of these writes."""
    weighing: Weighing | None = None
    """What is known of how many others are changed so, or made."""
    answer: Written | None = field(default=None, init=False)

    @property
    def making(self) -> bool:
        return self.object is None

    @property
    def safety(self) -> Safety:
        return safety_of(self.records, self.making)

    # The claim

    async def claimed(self, claim: Delivery) -> tuple[Delivery, list[Write]]:
        """The claim as safe as this very write is, and the record's part of its commit."""
        safety = self.safety
        claim = claim.model_copy(
            update={
                "repeat": safety.repeat, "key_life": safety.key_life, "ask_after": safety.ask_after,
                "people": self.look.people(claim.people),
            }
        )  # fmt: skip
        part = await self._part_of_claim(self.look.held, claim)
        return claim, list(part.writes)

    async def claimed_anew(self, store: Store, claim: Delivery) -> Part | None:
        """The same over the record as it stands now; None where more than wishes has changed."""
        held = await journal.load(store, Record, self.look.held.model.id)
        if held is None or held.model.moves != self.look.held.model.moves:
            return None
        if self.making:
            self.weighing = await weighed_making(self.look)
            if self.weighing.not_made or self.weighing.never:
                return None
        elif self.weighing is not None:
            weighs: dict[str, Wanted] = {**self.writes, **dict.fromkeys(self.weighing.held, CLEARED)}
            self.weighing = await weighed_changes(self.look, self.compared, weighs)
            if not self.weighing.held.isdisjoint(self.writes):
                return None
        return await self._part_of_claim(held, claim)

    async def _part_of_claim(self, held: Versioned[Record], claim: Delivery) -> Part:
        toward = claim.connection
        assert claim.lease_until is not None
        running = Running(delivery=claim.id, toward=toward, lease_until=claim.lease_until)
        wanted = {name: prints for name, prints in self.compared.intent(toward).items() if name in self.writes}
        intent = Intent(toward=toward, prints=wanted, mark=self.mark or None)
        record = self.look.taken(held.model)
        record = self._counted(record, written=False)
        beside = list[Write]()
        if self.weighing is not None:
            record, beside = self.weighing.noted(record, self.compared), await self.weighing.writes()
        record = record.model_copy(update={"running": running, "intent": intent, "moves": held.model.moves + 1})
        return Part((journal.replace(record, held.version), *self.keys, *beside))

    # The write

    def carried(self) -> Carried:
        """The write, in the hands of the one who makes the call."""

        async def look_first(call: Call[Any]) -> Outcome | None:
            return None  # the look before the claim has seen what an earlier try did

        return Carried(self.safety, self._write, look_first)

    async def _write(self, call: Call[Any]) -> Outcome:
        call.quiet = True
        kind = self.look.held.model.kind
        if self.object is None:
            fields = {name: value for name, value in self.writes.items() if value is not CLEARED}
            defaults = self.records.defaults(kind, call.settings)
            self.answer = await self.records.create(kind, {**defaults, **fields}, self.links, self.mark, call)
            return self.answer.outcome
        there = await self._fresh(self.object, call)
        if not isinstance(there, Object):
            return there
        self.answer = await self.records.update(there, self.writes, call)
        return self.answer.outcome if self.answer is not None else gone_meanwhile()

    async def _fresh(self, there: Object, call: Call[Any]) -> Object | Outcome:
        """What is written back must be what stands there now, or somebody's save of a moment ago is lost."""
        as_read = there
        if monotonic() - self.read_at <= FRESH:
            return there
        call.only_read = True
        read = await self.records.read_many(there.kind, [there.id], call)
        call.only_read = False
        if not read:
            return gone_meanwhile()
        watched = self.look.flow.kind.read_as(frozenset(self.writes))
        if any(read[0].shows(name) != as_read.shows(name) for name in watched):
            return GaveBack(code="changed_meanwhile", message=N_("it was changed there just now"))
        return read[0]

    # The settle

    async def settled(self, delivery: Delivery, outcome: Outcome) -> Part:
        """The record's part of the settle, over the record as it stands now."""
        held = await record_of(self.hub.store, self.look.held.model.id)
        record, writes = held.model, list[Write]()
        if record.forgotten_at is not None:
            return await self._of_forgotten(held, delivery, outcome)
        # Where it was joined to a card there meanwhile, what was made is a card like any other.
        has_one = self.making and delivery.connection in record.live
        if isinstance(outcome, Succeeded) and not has_one:
            weighing = await weighed_deletions(self.look)
            record, writes = await self._agreed(record, delivery, outcome)
            record = weighing.noted(record, self.compared, frozenset(self.writes))
            writes += await weighing.writes()
        else:
            record = self._not_done(record, delivery, outcome)
        candidates = await self._asked_of(record) if isinstance(outcome, Refused) else ()
        record = record.model_copy(update={"moves": held.model.moves + 1})
        return await self.look.followed(
            Versioned(record, held.version), delivery, self.compared, writes, candidates=candidates
        )

    async def _asked_of(self, record: Record) -> tuple[str, ...]:
        """The cards of which its row asks."""
        id_ = doubt_id(record.tenant, self.look.flow.id, record.id, WHOSE + self.look.toward)
        row = await journal.load(self.hub.store, Doubt, id_)
        return row.model.candidates if row is not None else ()

    async def _of_forgotten(self, held: Versioned[Record], delivery: Delivery, outcome: Outcome) -> Part:
        """Its person was forgotten while we wrote: what was made is noted as gone too; nobody makes it again."""
        record, writes = held.model.model_copy(update={"running": None, "moves": held.model.moves + 1}), list[Write]()
        if self.making and isinstance(outcome, Succeeded) and outcome.external_id is not None:
            record, writes = await self._linked(record, delivery.connection, outcome.external_id)
            record = record.forgotten(held.model.forgotten_at or self.hub.clock.now())
            record = record.model_copy(update={"running": None})
        return Part((journal.replace(record, held.version), *writes))

    def _not_done(self, record: Record, delivery: Delivery, outcome: Outcome) -> Record:
        """Nothing is agreed. What may have been done all the same stays as the intent: the next look tells."""
        maybe = isinstance(outcome, Retry) and outcome.maybe_sent
        changes: dict[str, object] = {"intent": record.intent if maybe else None}
        if record.running is not None and record.running.delivery == delivery.id:
            changes["running"] = None
        if isinstance(outcome, Refused):
            changes["refused"] = {**record.refused, delivery.connection: outcome.code}
            what = WHOSE + delivery.connection
            if self.making and record.said.get(what) == NEW and what in record.asked:
                # Asked again, with the refusal, in place of one try after the other that fails alike.
                changes["said"] = {name: word for name, word in record.said.items() if name != what}
                changes["not_made"] = {**record.not_made, delivery.connection: outcome.message}
        return record.model_copy(update=changes)

    async def _agreed(self, record: Record, delivery: Delivery, done: Succeeded) -> tuple[Record, list[Write]]:
        toward, writes = delivery.connection, list[Write]()
        if self.making:
            assert done.external_id is not None
            record, writes = await self._linked(record, toward, done.external_id)
        record = self.look.compared_as(self._counted(record, written=True), self.compared)
        held_back = set(self.compared.writes(toward)) - set(self.writes)
        agreed = self.compared.settled(toward, self._answers(), self.look.printer, held_back, made=self.making)
        sides = dict(record.sides)
        for name, own in agreed.bases.items():
            if name in sides:
                # What a new object has no place for says nothing there, and is owed to nobody.
                without = self.answer.left_out if self.making and name == toward and self.answer is not None else ()
                agreed_on = {**sides[name].bases, **self.look.agreed(own)}
                bases = {field: base for field, base in agreed_on.items() if field not in without}
                sides[name] = sides[name].model_copy(update={"bases": bases})
        if toward in sides and self.answer is not None and self.answer.version is not None:
            sides[toward] = sides[toward].model_copy(update={"version": self.answer.version})
        refused = {name: why for name, why in record.refused.items() if name != toward}
        would = {name: fields for name, fields in record.would.items() if name != toward}
        changes: dict[str, object] = {
            "sides": sides, "accepted": dict(agreed.accepted), "intent": None, "refused": refused,
            "would": would, "not_made": {name: why for name, why in record.not_made.items() if name != toward},
        }  # fmt: skip
        if record.running is not None and record.running.delivery == delivery.id:
            changes["running"] = None
        return record.model_copy(update=changes), writes

    def _counted(self, record: Record, *, written: bool) -> Record:
        return with_counted(record, self.look.toward, self.counted, written=written) if self.counted else record

    def _answers(self) -> dict[str, Answer]:
        """What the answer to the write proves of each field that was written."""
        shown = self.answer.shown if self.answer is not None else None
        return {
            name: NO_PROOF if shown is None or shown.shows(name) is UNREAD else shown.shows(name)
            for name in self.writes
        }  # fmt: skip

    async def _linked(self, record: Record, toward: str, object_: str) -> tuple[Record, list[Write]]:
        """The new object is this record's; where its own event was quicker and began a record with it, that one is
        taken in."""
        id_ = link_id(record.tenant, record.kind, toward, object_)
        link = Link(id=id_, tenant=record.tenant, kind=record.kind, connection=toward, object=object_, record=record.id)
        side = Side(object=object_, seen_at=self.hub.clock.now())
        ours = record.model_copy(update={"sides": {**record.sides, toward: side}})
        there = await journal.load(self.hub.store, Link, id_)
        if there is None:
            return ours, [journal.create(link)]
        if there.model.record == record.id:
            return ours, []
        other = await record_of(self.hub.store, there.model.record)
        if len(other.model.systems) > 1 or other.model.id == record.id:
            return record.model_copy(update={"refused": {**record.refused, toward: "two_records"}}), []
        now = self.hub.clock.now()
        joined, writes = take_in(ours, other, await links_of(self.hub.store, other.model), now)
        return joined, [*writes, *over_with(self.look.flow, other.model, now)]
