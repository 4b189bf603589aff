"""What comes before the claim: all sides are read and compared. Most looks end here, without a claim and a write."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from svyazka.catalogue import N_
from svyazka.engine.comparing.compare import ComparedRecord
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.braking import Braked, braked, with_counted
from svyazka.engine.in_step.doubting import DELETED, LEAVE, MERGED, NONE, REVIVE, WHOSE
from svyazka.engine.in_step.finding import Finding, First, Joined, New, Nothing
from svyazka.engine.in_step.flows import InStep, flow_for, switch_of, writes_toward
from svyazka.engine.in_step.holding_back import weighed_changes, weighed_deletions, weighed_making
from svyazka.engine.in_step.look import Look
from svyazka.engine.in_step.noting import is_written
from svyazka.engine.in_step.parts import LookAnew, Looked, Part, with_record
from svyazka.engine.in_step.placing import Placing
from svyazka.engine.in_step.prints import printer
from svyazka.engine.in_step.reading import NotNow, Reader, Seen, objects
from svyazka.engine.in_step.ready import Ready
from svyazka.engine.in_step.taking_part import left_out
from svyazka.engine.in_step.telling import waits_long
from svyazka.engine.in_step.wanting import record_of, wish_of
from svyazka.engine.in_step.wishes import revives, targets, wished
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import Transition, ended
from svyazka.engine.keeping.consent import FORGOTTEN, who_is_forgotten
from svyazka.engine.outages.learning import Outages
from svyazka.engine.rules.deadlines import CALL_LIMIT
from svyazka.engine.rules.transitions import WAITS_AGAIN, found_equal, parked, waiting
from svyazka.engine.support.failpoints import reach
from svyazka.model.commands import SyncObject
from svyazka.model.deliveries import Delivery, LastError, Status
from svyazka.model.in_step import Record, SideState
from svyazka.model.records import Wanted
from svyazka.model.tenants import Tenant

BUSY = timedelta(seconds=2)
"""Another side of the record is being written: looked at again after so long."""

FIRST_TAKES = timedelta(seconds=5)
"""What has to be there first is looked for after so long."""

MERGED_WITHIN = timedelta(minutes=15)
"""So long after a deletion a card that shows the same phone may be what the deleted one was merged into."""

SLOW = timedelta(seconds=30)
"""After so long again where reading took too long."""


class Preparing:
    """Looks at records."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages
        self._reader = Reader(hub, outages)
        self._finding = Finding(hub, self._reader)
        self._placing = Placing(hub, self._reader)

    async def prepared(self, delivery: Delivery) -> Transition | Ready:
        """What a look makes of a delivery: it waits, it ends, or its write is ready."""
        command, now = delivery.command, self._hub.clock.now()
        assert isinstance(command, SyncObject)
        tenant = await self._hub.directory.tenant(delivery.tenant)
        assert tenant is not None
        try:
            held = await record_of(self._hub.store, command.record)
        except LookupError:
            return await self._ended(delivery, N_("its record is gone"))
        record = held.model
        flow = await flow_for(self._hub, tenant, record.kind, delivery.connection)
        if flow is None:
            return await self._ended(delivery, N_("no flow keeps it in step any more"))
        if record.id != command.record:
            return await self._elsewhere(delivery, held, flow, tenant)
        if record.forgotten_at is not None:
            return await self._ended(delivery, N_("this person asked to be forgotten"))
        if is_written(record, self._hub.clock.real(), but=delivery.id):
            return self._later(delivery, now + BUSY)
        if record.act_after is not None and record.act_after > now:
            return self._later(delivery, record.act_after)
        try:
            async with asyncio.timeout(CALL_LIMIT + 1):
                return await self._look(delivery, held, flow, tenant)
        except TimeoutError:
            return self._later(delivery, now + SLOW)

    async def _look(
        self, delivery: Delivery, held: Versioned[Record], flow: InStep, tenant: Tenant
    ) -> Transition | Ready:
        toward, began = delivery.connection, self._hub.clock.now()
        seen = await self._reader.sides(held.model, flow, tenant, delivery)
        began = min((one.since for one in seen.values() if isinstance(one, Seen) and one.since), default=began)
        reach("in_step.after_reading")
        look = Look(
            self._hub, tenant, flow, await switch_of(self._hub, tenant.id, flow.id), toward, delivery.id, held, seen,
            began, printer(self._hub, tenant.id, held.model.kind),
        )  # fmt: skip
        in_trouble = _in_trouble(seen, toward)
        if in_trouble is not None:
            return await self._not_now(delivery, in_trouble, flow)
        why_not = left_out(flow.rules, objects(seen))
        if why_not is not None:
            return await self._without_claim(delivery, look, None, why_not)
        if toward in held.model.live:
            return await self._compared(delivery, look)
        return await self._missing(delivery, look)

    # Both sides are there

    async def _compared(self, delivery: Delivery, look: Look) -> Transition | Ready:
        toward, seen = look.toward, look.seen[look.toward]
        assert isinstance(seen, Seen)
        compared = look.compared()
        if seen.object is None:
            return await self._without_claim(delivery, look, compared, N_("it isn't there (any more)"))
        counted = braked(look, compared)
        writes = counted.writes
        if not writes:
            return await self._without_claim(delivery, look, compared, "", counted=counted)
        if not writes_toward(look.flow, look.switch, toward):
            why = N_("would write {fields}: the flow only watches").format(fields=", ".join(sorted(writes)))
            return await self._without_claim(delivery, look, compared, why, would=tuple(sorted(writes)))
        weighing = await weighed_changes(look, compared, writes)
        going = {name: value for name, value in writes.items() if name not in weighing.held}
        if not going:
            why = N_("too many are changed so at once: it waits for a person")
            return await self._without_claim(delivery, look, compared, why, counted=counted, writes=writes)
        records = self._records(look)
        return Ready(
            self._hub, look, compared, going, records, seen.object, seen.at, counted=counted.only(going),
            weighing=weighing,
        )  # fmt: skip

    def _records(self, look: Look) -> Records[Any]:
        manifest = self._hub.directory.manifests(look.tenant.connections[look.toward].vendor)
        return look.flow.records(look.toward, manifest)

    # There is none toward where it looks

    async def _missing(self, delivery: Delivery, look: Look) -> Transition | Ready:
        gone = any(isinstance(one, Seen) and one.state is SideState.GONE for one in look.seen.values())
        if (look.held.model.has_gone or gone) and not revives(look.held.model, look.toward):
            merged = await self._finding.survivor(look, delivery) if self._may_be_merged(look) else None
            if isinstance(merged, NotNow):
                return await self._not_now(delivery, merged, look.flow)
            if isinstance(merged, Joined):
                return await self._joined(delivery, look, merged)
            if isinstance(merged, Nothing):
                return await self._without_claim(
                    delivery, look, None, merged.message, refused=merged.code, doubt=merged.candidates
                )
            return await self._without_claim(delivery, look, None, N_("it was deleted: nothing is made in its place"))
        finding = self._finding if look.flow.kind.finds_by_cards else self._placing
        found = await finding.find(look, delivery)
        match found:
            case NotNow():
                return await self._not_now(delivery, found, look.flow)
            case Joined():
                return await self._joined(delivery, look, found)
            case Nothing():
                return await self._without_claim(
                    delivery, look, None, found.message, refused=found.code, doubt=found.candidates
                )
            case First():
                return await self._after(delivery, look, found.delivery)
            case New():
                return await self._make(delivery, look, found)

    async def _after(self, delivery: Delivery, look: Look, first: Delivery) -> Transition:
        """It waits for what has to be there first; whoever comes second finds that begun. Where it was sent to see
        whether a system is well again, it asks before: what it waits for may wait for that very answer."""
        await self._reader.sees(look.flow, look.tenant, delivery)
        later = waiting(delivery, Status.PENDING, self._hub.clock.now() + FIRST_TAKES)
        begun = await self._hub.store.get("deliveries", first.id) is not None
        writes = () if begun else (journal.create(first),)
        own = () if begun else (perform_task(first, first.next_attempt_at),)
        return Transition(later, writes, (perform_task(later, later.next_attempt_at), *own))

    def _may_be_merged(self, look: Look) -> bool:
        """Whether it was deleted there a moment ago, and nobody has said anything of that."""
        side = look.held.model.sides.get(look.toward)
        lately = side is not None and side.gone_at is not None and self._hub.clock.now() - side.gone_at <= MERGED_WITHIN
        said = look.held.model.said.get(WHOSE + look.toward)
        return lately and look.flow.kind.finds_by_cards and said in (None, REVIVE)

    async def _make(self, delivery: Delivery, look: Look, new: New) -> Transition | Ready:
        look.making = True
        compared = look.compared()
        writes = {**compared.writes(look.toward), **new.besides}
        lacking = sorted(new.requires - set(writes))
        if lacking:
            message = N_("not creatable: no {fields}").format(fields=", ".join(lacking))
            return await self._without_claim(delivery, look, None, message, refused=f"lacks:{','.join(lacking)}")
        if await self._is_forgotten(look):
            why = N_("this person asked to be forgotten")
            return await self._without_claim(delivery, look, None, why, refused=FORGOTTEN)
        if not writes_toward(look.flow, look.switch, look.toward):
            why = N_("would make one: the flow only watches")
            return await self._without_claim(delivery, look, None, why, would=("+",))
        weighing = await weighed_making(look)
        if weighing.never:
            why = N_("a person said that none is to be made there")
            return await self._without_claim(delivery, look, None, why, refused=NONE, makes=True)
        if weighing.not_made:
            why = N_("too many are made so at once: it waits for a person")
            return await self._without_claim(delivery, look, None, why, makes=True)
        return Ready(
            self._hub, look, compared, writes, self._records(look), None, 0.0, mark=new.mark, keys=new.keys,
            links=new.links, weighing=weighing,
        )  # fmt: skip

    async def _is_forgotten(self, look: Look) -> bool:
        """Whether the person was forgotten while his card was known to nobody here."""
        cards = objects(look.seen)
        people = {name: [*one.elements("phone"), *one.elements("email")] for name, one in cards.items()}
        return look.flow.kind.finds_by_cards and bool(await who_is_forgotten(self._hub, look.tenant.id, people))

    async def _joined(self, delivery: Delivery, look: Look, found: Joined) -> Transition:
        """Whose object it is was found: links move in one commit, and then everybody looks anew."""
        now, tenant = self._hub.clock.now(), look.tenant
        queued = {name: one for name, one in found.record.model.queued.items() if one != delivery.id}
        record = found.record.model.model_copy(update={"queued": queued})
        toward = targets(record, look.flow.rules.between)
        record, made = wished(record, toward, wish_of(self._hub, look.flow, tenant, delivery.event), now)
        write = journal.replace(record, found.record.version)
        end = await self._ended(delivery, N_("found and linked"))
        tasks = [perform_task(one, one.next_attempt_at) for one in made]
        writes = (*end.writes, write, *map(journal.create, made), *found.writes)
        return replace(end, writes=writes, tasks=(*end.tasks, *tasks))

    # Ways to end without a claim

    async def _without_claim(
        self, delivery: Delivery, look: Look, compared: ComparedRecord | None, why: str, *,
        would: tuple[str, ...] = (), refused: str = "", doubt: tuple[str, ...] | None = None,
        counted: Braked | None = None, writes: Mapping[str, Wanted] | None = None, makes: bool = False,
    ) -> Looked:  # fmt: skip
        """`writes`: those that wait with many of their like. `makes`: so does what would be made, or never will be."""
        end = await self._ended(delivery, why)

        async def build(held: Versioned[Record]) -> Part:
            changes = await weighed_changes(look, compared, writes) if compared is not None and writes else None
            if writes and changes is not None and set(writes) - changes.held:
                raise LookAnew
            if makes:
                changes = await weighed_making(look)
                if not (changes.not_made or changes.never):
                    raise LookAnew
            weighing = await weighed_deletions(look, changes)
            record = look.taken(held.model)
            record = with_counted(record, look.toward, counted, written=False) if counted is not None else record
            record = weighing.noted(look.compared_as(record, compared), compared)
            of_target = _of_target(record, look.toward, would, refused, doubt is not None)
            running = record.running
            if running is not None and running.delivery == delivery.id:
                of_target |= {"running": None}
            if compared is not None:
                of_target |= {"intent": None}
            record = record.model_copy(update={**of_target, "moves": held.model.moves + 1})
            return await look.followed(
                Versioned(record, held.version), end.delivery, compared, await weighing.writes(),
                candidates=doubt or (),
            )  # fmt: skip

        return await with_record(end, look.held, build)

    async def _elsewhere(self, delivery: Delivery, held: Versioned[Record], flow: InStep, tenant: Tenant) -> Transition:
        """Its record was joined to another one: that one is wished looked at in its place."""
        now = self._hub.clock.now()
        end = await self._ended(delivery, N_("joined to another record"))
        wish = wish_of(self._hub, flow, tenant, delivery.event, delivery.source)
        record, made = wished(held.model, (delivery.connection,), wish, now)
        writes = (*end.writes, journal.replace(record, held.version), *map(journal.create, made))
        tasks = [perform_task(one, one.next_attempt_at) for one in made]
        return replace(end, writes=writes, tasks=(*end.tasks, *tasks))

    async def _ended(self, delivery: Delivery, why: str) -> Transition:
        """There is nothing to be called: `why` says so in its story."""
        now = self._hub.clock.now()
        return await ended(self._hub.store, found_equal(delivery, now, why), now)

    # Ways to wait

    def _later(self, delivery: Delivery, until: datetime) -> Transition:
        later = waiting(delivery, Status.PENDING, until)
        return Transition(later, tasks=(perform_task(later, later.next_attempt_at),))

    async def _not_now(self, delivery: Delivery, trouble: NotNow, flow: InStep | None = None) -> Transition:
        """It waits for a system that can't be asked, and counts no failure of its own."""
        now, why = self._hub.clock.now(), LastError(code=trouble.code, message=trouble.message)
        tenant = await self._hub.directory.tenant(delivery.tenant)
        if tenant is not None:
            await waits_long(self._hub, tenant, delivery, trouble.connection)
        if trouble.after is not None:
            return self._later(delivery, self._hub.clock.in_real(trouble.after))
        if await self._outages.of(delivery.tenant, trouble.connection) is not None:
            if flow is not None and tenant is not None:
                await self._reader.sees(flow, tenant, delivery, but=trouble.connection)
            return Transition(parked(delivery, Status.PARKED, why, waits_on=trouble.connection))
        later = waiting(delivery, Status.PENDING, now + WAITS_AGAIN).model_copy(update={"last_error": why})
        return Transition(later, tasks=(perform_task(later, later.next_attempt_at),))


def _in_trouble(seen: Mapping[str, Seen | NotNow], toward: str) -> NotNow | None:
    """The system that must be waited for: the one that is to be written to, or any, where no other could be read. Of
    three sides one that is away for a weekend doesn't stop the two others."""
    own = seen.get(toward)
    if isinstance(own, NotNow):
        return own
    others = [one for name, one in seen.items() if name != toward]
    if any(isinstance(one, Seen) for one in others):
        return None
    return next((one for one in others if isinstance(one, NotNow)), None)


def _of_target(
    record: Record, toward: str, would: tuple[str, ...], refused: str, doubtful: bool
) -> dict[str, object]:  # fmt: skip
    """What is noted of the side that was looked toward."""
    what, is_gone = WHOSE + toward, toward in record.sides and toward not in record.live
    stays = is_gone and record.asked.get(what) in (DELETED, MERGED) and record.said.get(what) != LEAVE
    asked = {name: why for name, why in record.asked.items() if name != what or stays}
    others = {name: one for name, one in record.would.items() if name != toward}
    left = {name: one for name, one in record.refused.items() if name != toward}
    not_made = {name: one for name, one in record.not_made.items() if name != toward or doubtful}
    return {
        "would": {**others, toward: would} if would else others,
        "refused": {**left, toward: refused} if refused else left,
        "not_made": not_made,
        "asked": {**asked, WHOSE + toward: refused} if doubtful else asked,
    }
