"""From an event to obligations: flows decide, one commit records (event planned + deliveries created)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.delivering.admission import Admission
from svyazka.engine.delivering.attempts import Attempts
from svyazka.engine.delivering.claim import Claim
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.wanting import Wanting, Wished
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.obligations import still_to_make
from svyazka.engine.journal.sequences import looked
from svyazka.engine.journal.tasks import perform_task, plan_task
from svyazka.engine.journal.transition import Transition, commit_in_parts, ended, not_there_yet
from svyazka.engine.keeping.consent import consent_writes
from svyazka.engine.planning.flows_decide import FlowsDecide, Planned
from svyazka.engine.planning.money import MONEY_EVENTS, PlansMoney
from svyazka.engine.planning.receipts import ReceiptNotYet, Receipts
from svyazka.engine.ports.store import Create, Delete, Store, Task, Write
from svyazka.engine.problems import sights
from svyazka.engine.problems.cards import all_over
from svyazka.engine.problems.kinds import HOOK, NO_ACCESS
from svyazka.engine.rules.beginning import WAKE_GRACE
from svyazka.engine.rules.retry import DEFAULT_POLICY, next_delay
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log, where
from svyazka.model.base import SKELETON
from svyazka.model.deliveries import AT_REST, Delivery, Status
from svyazka.model.errors import ConfigError, Conflict, SourceUnavailable, Unavailable
from svyazka.model.events import Event, EventRecord, EventStatus, EventType
from svyazka.model.ids import connection_id
from svyazka.model.tenants import CompiledConnection, Tenant

PLAN_TRIES = COMMIT_TRIES = 4
PLAN_TRIES_IN_STEP = 24
"""For events of what is kept in step: all those of one record write its document."""
STEP_ASIDE = 0.05
"""Seconds, times the tries so far, within which one of them tries again."""
SLOWEST = DEFAULT_POLICY.slow * (1 + DEFAULT_POLICY.jitter)
TENANT_GONE = N_("the tenant is gone")

IN_STEP = frozenset(
    {"records", "links", "payments", "receipts", "orders", "refunded_today", "subscriptions", "periods"}
)
"""Kinds of documents of which somebody else's write changes what is planned."""

RECEIPT_DELAYS = (3.0, 15.0, 60.0, 300.0)
"""Seconds after which a receipt that came before our own settle is looked at again."""


class Planner:
    """Plans events."""

    def __init__(
        self, hub: Hub, decider: FlowsDecide, admission: Admission, attempts: Attempts, receipts: Receipts,
        money: PlansMoney,
    ) -> None:  # fmt: skip
        self._hub, self._decider, self._admission = hub, decider, admission
        self._attempts, self._receipts, self._money = attempts, receipts, money
        self._wanting = Wanting(hub)

    async def plan(self, event_id: str) -> None:
        """Plan one event, if nobody has; unknown ids are nothing. Raises Unavailable when nothing was recorded."""
        for tries in range(PLAN_TRIES_IN_STEP):
            held = await journal.load(self._hub.store, EventRecord, event_id)
            if held is None:
                return
            try:
                await self._plan(held)
            except Conflict:
                # What it rests on was moved meanwhile (a receipt's delivery, say): from the beginning.
                if not held.model.event.about and tries + 1 >= PLAN_TRIES:
                    break
                if held.model.event.about:  # a hundred events of one record at once: they step aside for one another
                    await self._hub.limiter.rest(STEP_ASIDE * (tries + 1) * self._hub.chance())
                continue
            return
        raise Unavailable(N_("others move what this event rests on all the time"))

    async def _plan(self, held: Versioned[EventRecord]) -> None:
        held = self._gone_on(held)
        record = held.model
        if record.status is EventStatus.QUARANTINED:
            await self._tell_quarantined(held)
        if record.status is not EventStatus.ACCEPTED:
            return
        reach("plan.before")
        tenant = await self._hub.directory.tenant(record.event.tenant)
        try:
            await (self._plan_for(held, tenant) if tenant else self._finish(held, Planned(reasons=[TENANT_GONE])))
        except (Conflict, Unavailable):
            raise
        except SourceUnavailable as error:
            await self._later(held, str(error), error.again_at)
        except ReceiptNotYet as error:
            await self._later(held, str(error))
        except ConfigError as error:
            if tenant is not None:
                await sights.unusable(self._hub, tenant, str(error))
            await self._later(held, str(error))
        except Exception as error:
            # A mistake of ours must not keep the queue busy for ever, nor lose the event: it waits for a better day.
            log("CRITICAL", "planning failed", event=record.event.id, error=type(error).__name__, where=where(error))
            await self._later(held, N_("our planning failed ({found})").format(found=type(error).__name__))

    def _gone_on(self, held: Versioned[EventRecord]) -> Versioned[EventRecord]:
        """What was held for a time that is over is like any other event that is to be planned."""
        record = held.model
        if not record.is_held or record.goes_on_at is None or self._hub.clock.now() < record.goes_on_at:
            return held
        changes = {"status": EventStatus.ACCEPTED, "reason": None, "goes_on_at": None, "expire_at": None}
        return Versioned(record.model_copy(update=changes), held.version)

    async def _plan_for(self, held: Versioned[EventRecord], tenant: Tenant) -> None:
        event = held.model.event
        if event.type is EventType.CONNECTION_DISABLED:
            await self._tell_disabled(event, tenant)
        if event.type is EventType.CONNECTION_ENABLED:
            for kind in (HOOK, NO_ACCESS):
                await all_over(self._hub, tenant, event.connection, kind)
        if event.receipt is not None:
            await self._plan_receipt(held)
            return
        if event.type in (EventType.PAYMENT_CHANGED, EventType.RECEIPT_CHANGED):
            await self._finish(held, Planned(reasons=await self._money.told(event)))
            return
        wished = await self._wanting.of(event, tenant) if event.about else Wished()
        if not await self._looked_up(held, wished):
            words = await consent_writes(self._hub, event)
            planned = await self._decider.decide(held.model, tenant)
            planned.reasons += wished.reasons
            if event.type in MONEY_EVENTS:
                moved = await self._money.planned(event, tenant, planned)
                wished.writes += moved.writes
                wished.tasks += moved.tasks
                wished.deliveries += moved.deliveries
            await self._finish(held, planned, [*words, *wished.writes], wished.tasks, wished.deliveries)

    async def _plan_receipt(self, held: Versioned[EventRecord]) -> None:
        reason, writes, tasks, event_deliveries = await self._receipts.apply(held.model.event, held.model)
        planned = Planned(reasons=[reason] if reason else [])
        await self._finish(held, planned, writes, tasks, event_deliveries)

    async def _looked_up(self, held: Versioned[EventRecord], wished: Wished) -> bool:
        """What an event tells in part is read whole, and journaled as a fact of its own: that one is acted on.

        False where the event's own word has to do: it tells all, or its object is gone or can't be read.
        """
        event, store = held.model.event, self._hub.store
        fresh = (await self._decider.reread(event)).fresh if event.partial else None
        document = await store.get("connections", connection_id(event.tenant, event.connection)) if fresh else None
        if fresh is None or document is None:
            return False
        compiled = journal.read(CompiledConnection, document).model
        create, tasks = found_event(self._hub, compiled, fresh, event.received_at, event.origin)
        present = await store.get(*create.document.key)
        if present is not None:
            tasks = [plan_task(present.id)] if journal.plan_is_missing(present) else []
        reason = N_("told in part: read again and found to be {document}").format(document=create.document.id)
        new = [create] if present is None else []
        planned = Planned(reasons=[reason, *wished.reasons])
        await self._finish(held, planned, [*new, *wished.writes], [*tasks, *wished.tasks], wished.deliveries)
        return True

    # Recording: one atomic commit

    async def _finish(
        self,
        held: Versioned[EventRecord],
        planned: Planned,
        extra: Iterable[Write] = (),
        tasks: Iterable[Task] = (),
        known: Iterable[str] = (),
    ) -> None:
        """Commit what was planned; where its one delivery was claimed in the same commit, carry it out."""
        deliveries = planned.deliveries
        record = held.model.model_copy(
            update={
                "status": EventStatus.PLANNED,
                "reason": "; ".join(planned.reasons) or None,
                "deliveries": (*(delivery.id for delivery in deliveries), *known),
                "wake_at": None,
                "expire_at": self._hub.clock.now() + SKELETON,
            }
        )
        due = [delivery for delivery in deliveries if delivery.status is not Status.WAITING_FOR]
        alone = await self._admission.admitted(due[0]) if len(due) == 1 else None
        try:
            made = [alone if alone and one is due[0] else _waiting(one) for one in deliveries]
            if alone is not None and alone.delivery.status in AT_REST:
                made = await self._in_order(made)
            await self._record(Versioned(record, held.version), made, list(extra), list(tasks))
        finally:
            if isinstance(alone, Claim):
                alone.release()

    async def _record(
        self, held: Versioned[EventRecord], made: list[Transition], extra: list[Write], tasks: list[Task]
    ) -> None:
        reach("plan.before_commit")
        versions = await self._commit(held, made, extra, tasks)
        reach("plan.after_commit")
        for one in made:
            if isinstance(one, Claim) and (versions is None or one.delivery.id not in versions):
                await self._admission.sees_nothing(one.delivery, one.sees)
        if versions is None:
            return
        event = held.model.event
        log(
            "INFO", "planned", tenant=event.tenant, connection=event.connection, event=event.id,
            type=event.type.value, count=len(made), reason=held.model.reason,
        )  # fmt: skip
        for one in made:
            if one.delivery.id not in versions:
                continue
            if isinstance(one, Claim):
                await self._attempts.run(one.delivery, versions[one.delivery.id], one.account)
            else:
                await self._admission.waits(one.delivery)

    async def _commit(
        self, held: Versioned[EventRecord], made: list[Transition], extra: list[Write], tasks: list[Task]
    ) -> dict[str, str] | None:
        """Versions of the deliveries created just as given, or None when the event was planned by another.

        Deliveries that exist already (another event about the same subject made them) are left alone:
        optimistically at first, so that the usual event costs no extra read. Raises Conflict when something else
        that the plan rests on was moved.
        """
        as_given = True
        for _ in range(COMMIT_TRIES):
            new = [write for one in made for write in one.anew()]
            due = [*tasks, *(task for one in made for task in one.tasks)]
            try:
                planned = journal.replace(held.model, held.version)
                versions = await commit_in_parts(self._hub.store, [planned], [*new, *extra], due)
            except Conflict:
                current = await journal.load(self._hub.store, EventRecord, held.model.event.id)
                if current is None or current.model.status is not EventStatus.ACCEPTED:
                    return None
                if any(write.document.kind in IN_STEP for write in extra if not isinstance(write, Delete)):
                    raise  # the record that it wishes looked at was moved: how it stands now decides
                held = Versioned(held.model, current.version)  # the sweep may have touched it: still ours to plan
                held, made = await self._still_to_make(held, made)
                extra = await not_there_yet(self._hub.store, extra)
                as_given = False
                continue
            created = zip(new, versions[1:], strict=False)
            return {write.document.id: v for write, v in created if isinstance(write, Create)} if as_given else {}
        raise Conflict([("events", held.model.event.id)])

    async def _still_to_make(
        self, held: Versioned[EventRecord], made: list[Transition]
    ) -> tuple[Versioned[EventRecord], list[Transition]]:
        """What is left to be created, under names of its own where another connection's obligations bear them."""
        record, left = held.model, []
        for one in made:
            named = await still_to_make(self._hub.store, one.delivery)
            if named is None:
                continue
            names = tuple(named.id if name == one.delivery.id else name for name in record.deliveries)
            record = record.model_copy(update={"deliveries": names})
            left.append(self._unclaimed(replace(one, delivery=named)))
        return Versioned(record, held.version), await self._in_order(left, self._hub.store)

    async def _in_order(self, made: list[Transition], store: Store | None = None) -> list[Transition]:
        """Whoever goes after what has ended already, be it of this plan or (in `store`) made by another event, begins
        at once, or never."""
        now, there = self._hub.clock.now(), {one.delivery.id: one.delivery for one in made}

        async def load(key: str) -> Delivery | None:
            if key in there or store is None:
                return there.get(key)
            held = await journal.load(store, Delivery, key)
            return held.model if held is not None else None

        looking = []
        for one in made:
            after = await looked(one.delivery, load, now)
            if after is not one.delivery:
                one = await ended(self._hub.store, after, now) if after.status in AT_REST else _waiting(after)
                there[after.id] = after
            looking.append(one)
        return looking

    def _unclaimed(self, one: Transition) -> Transition:
        """After a conflict a claim is given up: the delivery is created waiting, and tried from the queue."""
        if not one.writes and not isinstance(one, Claim):
            return one
        now = self._hub.clock.now()
        return _waiting(
            one.delivery.model_copy(
                update={
                    "status": Status.PENDING, "claim": 0, "attempts": (), "attempt_count": 0, "lease_until": None,
                    "reservation": None, "next_attempt_at": now, "wake_at": now + WAKE_GRACE,
                }
            )
        )  # fmt: skip

    async def _later(self, held: Versioned[EventRecord], why: str, not_before: datetime | None = None) -> None:
        """Not plannable just now: the event stays accepted, with a time to look again."""
        record, now = held.model, self._hub.clock.now()
        attempts = record.plan_attempts + 1
        # What is replayed is older than its planning. Two looks are never further apart than the slowest delay.
        elapsed = min((now - record.event.received_at).total_seconds(), attempts * SLOWEST)
        delay = next_delay(attempts, elapsed, "plan", chance=self._hub.chance())
        if record.event.receipt is not None and attempts <= len(RECEIPT_DELAYS):
            delay = RECEIPT_DELAYS[attempts - 1]
        if delay is None:
            changes: dict[str, object] = {"status": EventStatus.QUARANTINED, "reason": why, "wake_at": now + WAKE_GRACE}
            due: datetime | None = None
        else:
            due = now + timedelta(seconds=delay)
            if not_before is not None:
                due = max(due, not_before + timedelta(seconds=delay / 2))  # what waited is planned when the outage ends
            changes = {"reason": why, "plan_attempts": attempts, "wake_at": due + WAKE_GRACE, "wake_step": 0}
        later = record.model_copy(update=changes)
        try:
            await self._hub.store.commit([journal.replace(later, held.version)], [plan_task(record.event.id, due)])
        except Conflict:
            return
        log("WARNING", "planning waits", tenant=record.event.tenant, event=record.event.id)

    async def _tell_disabled(self, event: Event, tenant: Tenant) -> None:
        """A vendor stopped calling us: told once, in the words that its connector found for it."""
        notice = event.data.get("notice")
        if isinstance(notice, str):
            await sights.hook_disabled(self._hub, tenant, event, notice)

    async def _tell_quarantined(self, held: Versioned[EventRecord]) -> None:
        """Told, it waits for an operator, or for the time at which it goes on by itself."""
        record, event = held.model, held.model.event
        if record.is_held:
            await sights.held(self._hub, record)
        else:
            await sights.quarantined(self._hub, event.tenant, event.connection, event.received_at, event.id)
        if record.is_held and record.goes_on_at is not None:
            wake_at = record.goes_on_at + WAKE_GRACE
            if record.wake_at != wake_at:
                waits = record.model_copy(update={"wake_at": wake_at, "wake_step": 0})
                with suppress(Conflict):
                    tasks = [plan_task(event.id, record.goes_on_at)]
                    await self._hub.store.commit([journal.replace(waits, held.version)], tasks)
        elif record.wake_at is not None:
            done = record.model_copy(update={"wake_at": None, "expire_at": self._hub.clock.now() + SKELETON})
            with suppress(Conflict):
                await self._hub.store.commit([journal.replace(done, held.version)])


def _waiting(delivery: Delivery) -> Transition:
    """Created waiting, and tried from the queue, where it is its turn."""
    return Transition(delivery, tasks=() if delivery.status is Status.WAITING_FOR else (perform_task(delivery),))
