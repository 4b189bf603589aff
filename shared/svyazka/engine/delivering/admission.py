"""What stands between a delivery and its call: guards, its connection's state, its lane, its account's rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.calling.rereading import Rereader
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.delivering.claim import Claim
from svyazka.engine.delivering.guard_facts import Knowledge
from svyazka.engine.delivering.lanes import Lanes
from svyazka.engine.delivering.once_per import reservation_id, reserving
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.preparing import Preparing
from svyazka.engine.in_step.ready import Ready
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import Transition, ended
from svyazka.engine.outages.learning import Outages
from svyazka.engine.ports.store import Document, Write
from svyazka.engine.problems import sights
from svyazka.engine.rules.ambiguity import ask_at
from svyazka.engine.rules.deadlines import TAKE_OVER_GRACE, TIMES
from svyazka.engine.rules.guards import AT_ONCE, Go, GuardFacts, Stop, Wait, verdict
from svyazka.engine.rules.transitions import has_arrived, parked, queued, stopped, waiting
from svyazka.engine.telling.alerts import ALERT_FLOW
from svyazka.engine.telling.undelivered import overtaken
from svyazka.engine.tenants.directory import Account
from svyazka.model.commands import QuietHours, SyncObject
from svyazka.model.deliveries import Attempt, Delivery, LastError, Status
from svyazka.model.errors import ConfigError
from svyazka.model.paying import PAID_FOR
from svyazka.model.remedies import secret_commands
from svyazka.model.tenants import Tenant

SEND_FLOW = "send"
SIGN_IN_FLOW = "sign_in"
ENGINE_FLOWS = frozenset({ALERT_FLOW, SEND_FLOW, SIGN_IN_FLOW})
"""Flows that stand in no tenant file."""

PACE_INLINE = 2.0
"""Seconds that a worker waits itself for the account's rate; what must wait longer goes back to the queue."""


class Admission:
    """Lets deliveries through to their calls, one claim at a time."""

    def __init__(self, hub: Hub, outages: Outages, lanes: Lanes, rereader: Rereader) -> None:
        self._hub, self._outages, self._lanes = hub, outages, lanes
        self.knowledge = Knowledge(hub, rereader)
        self._preparing = Preparing(hub, outages)

    async def admitted(self, delivery: Delivery) -> Transition | None:
        """What the guards, the connection's state and its rate make of a delivery now; None = leave it."""
        now = self._hub.clock.now()
        tenant = await self._hub.directory.tenant(delivery.tenant)
        gone = self._gone(delivery, tenant)
        if gone is not None:
            return await self._stopped(delivery, Status.CANCELLED, *gone)
        assert tenant is not None
        old_news = await overtaken(self._hub, delivery) if delivery.flow == ALERT_FLOW else None
        if isinstance(old_news, datetime):
            return self._until(delivery, old_news)
        if old_news is not None:
            return await self._stopped(delivery, Status.CANCELLED, "superseded", old_news)
        if delivery.fallback_at and delivery.fallback_at <= now and delivery.status is not Status.IN_FLIGHT:
            why = N_("no success in time: the next channel tries")
            return await self._stopped(delivery, Status.CANCELLED, "fell_back", why)
        by_time = await self._by_guards(delivery, GuardFacts(), now)
        if by_time is not None:
            return by_time  # decided without reading anything
        if delivery.predecessor is not None:
            before = await journal.load(self._hub.store, Delivery, delivery.predecessor)
            if before is not None and has_arrived(before.model):
                why = N_("meanwhile it arrived by the channel before")
                return await self._stopped(delivery, Status.CANCELLED, "already_told", why)
        known, reservation = await self.knowledge.of(delivery, now)
        by_guards = await self._by_guards(delivery, known, now)
        return by_guards or await self._through_connection(delivery, tenant, known, reservation)

    async def waits(self, delivery: Delivery) -> None:
        """To be called once a delivery that waits is durable: what it waits for may have ended just before, and have
        looked for it in vain."""
        await self._outages.releasing.unpark(delivery)
        await self._lanes.look_once_more(delivery)

    async def _by_guards(self, delivery: Delivery, known: GuardFacts, now: datetime) -> Transition | None:
        """What the guards make of it; None when they let it pass."""
        decision = verdict(delivery.guards, known, now)
        if isinstance(decision, Stop):
            return await self._stopped(delivery, decision.status, decision.code, decision.reason)
        if isinstance(decision, Wait):
            return self._until(delivery, decision.until)
        assert isinstance(decision, Go)
        return None

    async def _stopped(self, delivery: Delivery, status: Status, code: str, why: str) -> Transition:
        now = self._hub.clock.now()
        return await ended(self._hub.store, stopped(delivery, status, code, why, now), now)

    def _until(self, delivery: Delivery, moment: datetime) -> Transition:
        """Waiting for a time of its own, with the task that comes then."""
        later = waiting(delivery, Status.PENDING, moment)
        return Transition(later, tasks=(perform_task(later, later.next_attempt_at),))

    def _gone(self, delivery: Delivery, tenant: Tenant | None) -> tuple[str, str] | None:
        if tenant is None:
            return ("tenant_removed", N_("the tenant is gone"))
        decided = delivery.flow in ENGINE_FLOWS or isinstance(delivery.command, PAID_FOR)
        if not decided and all(flow.id != delivery.flow for flow in tenant.flows):
            return ("flow_removed", N_("the flow was removed from the tenant file"))
        return None

    async def _through_connection(
        self, delivery: Delivery, tenant: Tenant, known: GuardFacts, reservation: Document | None
    ) -> Transition | None:
        try:
            account = await self._hub.directory.account(delivery.tenant, delivery.connection)
        except ConfigError as error:
            await sights.unusable(self._hub, tenant, str(error))
            return self._withheld(delivery, Status.BLOCKED, "settings", str(error))
        if account is None:
            message = N_("the tenant file has no such connection")
            return self._withheld(delivery, Status.BLOCKED, "connection_removed", message)
        if is_paused(delivery, tenant):
            return self._withheld(delivery, Status.PARKED, "paused", N_("paused by an operator"))
        if account.missing and self._hub.printer is None:
            message = N_("не задано: {missing}").format(missing=", ".join(account.missing))
            remedy = ", ".join(secret_commands(account.tenant, account.name, account.missing))
            await self._outages.open(account, "blocked", "no_credentials", message, remedy=remedy)
            return self._withheld(delivery, Status.BLOCKED, "no_credentials", message)
        opens = opens_at(account, tenant, self._hub.clock.now())
        if opens is not None:
            return self._until(delivery, opens)
        askable = ask_at(delivery)
        if askable is not None and askable > self._hub.clock.now():
            return self._until(delivery, askable)
        goes_to_see, sees = False, list[str]()
        for name in dict.fromkeys((delivery.hangs_on, delivery.connection)):
            outage = await self._outages.of(delivery.tenant, name)
            if outage is None or (goes_to_see and isinstance(delivery.command, SyncObject)):
                continue  # a look that goes to see after one of its systems asks all of them: see `in_step.reading`
            goes_to_see = await self._outages.probing.may_probe(outage, delivery)
            if goes_to_see:
                sees.append(name)
            else:
                await self.sees_nothing(delivery, sees)
                status = Status.BLOCKED if outage.model.kind == "blocked" else Status.PARKED
                # The outage's own words would read as if this delivery had been tried.
                message = N_("{connection} is {kind} at the moment: {why}").format(
                    connection=name, kind=outage.model.kind, why=outage.model.message
                )
                withheld = self._withheld(delivery, status, outage.model.code, message, name)
                if withheld is None:  # this may be its wake-up, and we who haven't heard that the outage is over
                    await self._outages.releasing.unpark(delivery)
                return withheld
        admitted = await self._in_turn(delivery, account, known, reservation)
        if isinstance(admitted, Claim):
            return replace(admitted, sees=tuple(sees))
        await self.sees_nothing(delivery, sees)
        return admitted

    async def sees_nothing(self, delivery: Delivery, probed: Sequence[str]) -> None:
        """It was to find out whether these connections work again, and makes no call after all."""
        for name in probed:
            await self._outages.probing.gave_back(delivery.tenant, name, delivery)

    async def _in_turn(
        self, delivery: Delivery, account: Account, known: GuardFacts, reservation: Document | None
    ) -> Transition | None:
        """Through the lane and at the account's rate."""
        asked_at = self._hub.clock.now()
        lease = TIMES[carried(account.manifest, delivery.command).safety.deadline].lease
        turn = await self._lanes.turn(delivery, lease)
        if turn.superseded_by is not None:
            why = N_("{superseded_by} is newer").format(superseded_by=turn.superseded_by)
            return await self._stopped(delivery, Status.CANCELLED, "superseded", why)
        if turn.behind is not None:
            if delivery.behind is not None and delivery.next_attempt_at is None:
                return None  # waits already
            return Transition(queued(delivery, turn.behind, self._hub.clock.now()))
        if turn.wait_until is not None:
            later = self._until(delivery, turn.wait_until)
            return replace(later, writes=turn.writes)
        limiter, owner, limits = self._hub.limiter, self._hub.counted_as(account), self._hub.limits(account)
        clock = self._hub.clock
        promised = clock.real_seconds_until(delivery.place_at) if delivery.place_at is not None else None
        pace = limiter.book(owner, limits, tenant=delivery.tenant, promised=promised)
        if pace > PACE_INLINE:
            place = clock.in_real(pace)
            return self._until(delivery.model_copy(update={"place_at": place}), place)
        if pace > 0:
            await limiter.rest(pace)
        slot = limiter.slot(owner, limits.concurrency)
        await slot.acquire()
        try:
            too_late = await self._once_more(delivery, known, asked_at)
            ready = None
            if too_late is None and isinstance(delivery.command, SyncObject):
                too_late, ready = await self._compared(delivery)
            claim, writes = self._claimed(delivery, reservation, lease)
            if ready is not None:
                claim, of_record = await ready.claimed(claim)
                writes += of_record
        except BaseException:
            slot.release()
            raise
        if too_late is not None:
            slot.release()
            return too_late
        return Claim(claim, (*writes, *turn.writes), account=account, slot=slot, ready=ready)

    async def _compared(self, delivery: Delivery) -> tuple[Transition | None, Ready | None]:
        """What is kept in step is read and compared before the claim: only the write runs under the lease."""
        prepared = await self._preparing.prepared(delivery)
        return (None, prepared) if isinstance(prepared, Ready) else (prepared, None)

    async def _once_more(self, delivery: Delivery, known: GuardFacts, asked_at: datetime) -> Transition | None:
        """The guards again, for time has passed: what they knew is asked anew where it was more than a moment."""
        now = self._hub.clock.now()
        if now - asked_at > AT_ONCE and delivery.guards.still_true is not None:
            known, _ = await self.knowledge.of(delivery, now)
        return await self._by_guards(delivery, known, now)

    def _claimed(self, delivery: Delivery, reservation: Document | None, lease: float) -> tuple[Delivery, list[Write]]:
        clock = self._hub.clock
        now = clock.now()
        attempt = Attempt(number=delivery.attempt_count + 1, generation=delivery.generation, started_at=now)
        claim = delivery.with_attempt(attempt).moved(
            Status.IN_FLIGHT,
            claim=delivery.claim + 1,
            waits_on=delivery.waits_on,
            lease_until=clock.real() + timedelta(seconds=lease),
            next_attempt_at=None,
            place_at=None,
            wake_at=clock.in_real(lease + TAKE_OVER_GRACE),
            wake_step=0,
        )
        guard = delivery.guards.once_per
        if guard is None:
            return claim, []
        claim = claim.model_copy(update={"reservation": reservation_id(delivery.tenant, guard)})
        return claim, [reserving(delivery, guard, reservation, now)]

    def _withheld(
        self, delivery: Delivery, status: Status, code: str, message: str, on: str | None = None
    ) -> Transition | None:
        if delivery.status is status and delivery.hangs_on == (on or delivery.connection):
            return None  # waits already, and nothing of its deadlines is due
        return Transition(parked(delivery, status, LastError(code=code, message=message), on))


def is_paused(delivery: Delivery, tenant: Tenant) -> bool:
    """Whether an operator has paused its tenant, flow or connection."""
    paused_flow = any(flow.id == delivery.flow and flow.paused for flow in tenant.flows)
    return tenant.paused or paused_flow or delivery.connection in tenant.paused_connections


def opens_at(account: Account, tenant: Tenant, now: datetime) -> datetime | None:
    """When the connection's business hours begin again; None within them."""
    hours = account.settings.retry.business_hours if account.settings.retry else None
    return QuietHours(zone=tenant.timezone, start=hours[1], end=hours[0]).opens_at(now) if hours else None
