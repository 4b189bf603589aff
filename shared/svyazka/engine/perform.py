"""Guards, claim, call, settle: one delivery's try, safe against crashes, duplicates and frozen workers."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from svyazka.engine import alerts, journal
from svyazka.engine.alerts import ALERT_FLOW, perform_task
from svyazka.engine.calls import Call, Exchanges
from svyazka.engine.consent import any_withdrawn, marks, newest_words, optout_ids
from svyazka.engine.deadlines import CALL_LIMIT, LEASE, TAKE_OVER_GRACE
from svyazka.engine.directory import Account
from svyazka.engine.failpoints import reach
from svyazka.engine.guards import Go, Known, Stop, Wait, addresses, verdict, wants_newest
from svyazka.engine.hub import Hub
from svyazka.engine.journal import Held
from svyazka.engine.logs import log
from svyazka.engine.oauth.refresh import authorisation_of
from svyazka.engine.outages import Outages
from svyazka.engine.retry import RetryPolicy
from svyazka.engine.settle import (
    Surroundings,
    fallback_of,
    merged,
    parked,
    settled,
    stopped,
    waiting,
    wants_fallback,
)
from svyazka.engine.store import EVENTS_OF_SUBJECT, Create, Delete, Document, Replace, Task, Write
from svyazka.engine.tokens import StoredTokens
from svyazka.model.commands import OncePer, QuietHours, Repeat, SendMessage, StillTrue
from svyazka.model.deliveries import Attempt, Delivery, Problem, Status
from svyazka.model.errors import (
    Conflict,
    LeaseTooShort,
    MaybeSent,
    NotSent,
    RefusedAddress,
    SourceUnavailable,
    Unavailable,
)
from svyazka.model.events import EventRecord, EventType
from svyazka.model.ids import stable_id
from svyazka.model.outcomes import GaveBack, Outcome, Refused, Retry, Succeeded, Unknown
from svyazka.model.tenants import Tenant

SEND_FLOW = "send"
ENGINE_FLOWS = frozenset({ALERT_FLOW, SEND_FLOW})
"""Flows that stand in no tenant file."""

PACE_INLINE = 2.0
"""Seconds that a worker waits itself for the account's rate; what must wait longer goes back to the queue."""

SETTLE_TRIES = 6
SUBJECT_LOOK = 20


@dataclass(frozen=True, slots=True)
class Ready:
    """A delivery after its guards: what it becomes, and whether that is a claim to be carried out."""

    delivery: Delivery
    writes: tuple[Write, ...] = ()
    tasks: tuple[Task, ...] = ()
    account: Account | None = None
    """Set when `delivery` is a claim: the call follows once the claim is durable."""
    slot: asyncio.Semaphore | None = None
    """One of the account's calls at once, taken before the claim so that no claim waits; `release` it after."""

    def release(self) -> None:
        """Let the next call of the account begin."""
        if self.slot is not None:
            self.slot.release()


class Performer:
    """Carries deliveries out."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub = hub
        self.outages = outages

    # One delivery by its id

    async def perform(self, delivery_id: str) -> None:
        """Try a delivery, if it is due and nobody else has it. Raises Unavailable when nothing was recorded."""
        held = await journal.load(self._hub.store, Delivery, "deliveries", delivery_id)
        if held is None:
            return
        if held.model.status is Status.SUCCEEDED and held.model.fallback_at:
            await self._give_up_waiting(held)
        if not held.model.is_open or held.model.status is Status.UNKNOWN:
            return
        delivery, now = held.model, self._hub.clock.now()
        if delivery.status is Status.IN_FLIGHT:
            taken = self._taken_over(delivery)
            if taken is None:
                return
            if taken.status is Status.UNKNOWN:
                await self._record_unknown(taken, held.version)
                return
            delivery = taken
        elif delivery.next_attempt_at and delivery.next_attempt_at > now + timedelta(milliseconds=500):
            return  # an early duplicate: the right task comes at its time, or the sweep
        ready = await self.ready(delivery)
        if ready is None:
            return
        await self._commit_and_run(ready, held)

    async def _give_up_waiting(self, held: Held[Delivery]) -> None:
        """Taken, and no receipt says that it arrived: at its time the next channel tries."""
        delivery = held.model
        if delivery.fallback_at is None or delivery.fallback_at > self._hub.clock.now():
            return  # an early duplicate
        why = Problem(code="no_receipt", message="taken, and nobody said that it arrived: the next channel tries")
        ready = self.with_fallback(
            delivery.model_copy(update={"last_error": why, "fallback_at": None, "wake_at": None})
        )
        with suppress(Conflict):  # a receipt came at this very moment: its word counts
            await self._commit_with_fallback(
                [journal.replace_delivery(ready.delivery, held.version), *ready.writes], list(ready.tasks)
            )

    async def _commit_and_run(self, ready: Ready, held: Held[Delivery]) -> None:
        reach("claim.before")
        try:
            versions = await self._hub.store.commit(
                [journal.replace_delivery(ready.delivery, held.version), *ready.writes], ready.tasks
            )
            reach("claim.after")
            if ready.account is not None:
                await self.run(ready.delivery, versions[0], ready.account)
            else:
                self._log_moved(ready.delivery)
        except Conflict:
            return  # somebody else moved it; he or the sweep goes on
        finally:
            ready.release()

    def _taken_over(self, delivery: Delivery) -> Delivery | None:
        """An abandoned claim as it may go on, or None while its lease (and the grace past it) holds."""
        clock = self._hub.clock
        lease_until = delivery.lease_until
        if lease_until and clock.real() < lease_until + timedelta(seconds=TAKE_OVER_GRACE):
            return None
        now = clock.now()
        last = delivery.attempts[-1] if delivery.attempts else None
        if last is not None:
            lost = last.model_copy(
                update={"ended_at": now, "outcome": "lost", "maybe_sent": True, "message": "the worker was lost"}
            )
            delivery = delivery.with_attempt(lost)
        if delivery.repeat is Repeat.UNSAFE:
            why = Problem(
                code="worker_lost", message="the worker died or froze around the call: sent or not, nobody knows"
            )
            return delivery.moved(Status.UNKNOWN, lease_until=None, next_attempt_at=None, wake_at=None, last_error=why)
        return delivery

    async def _record_unknown(self, delivery: Delivery, version: str | None) -> None:
        await self._tell_unknown(delivery)
        try:
            await self._hub.store.commit([journal.replace_delivery(delivery, version)])
        except Conflict:
            return
        self._log_moved(delivery)

    # Guards and claim

    async def ready(self, delivery: Delivery) -> Ready | None:
        """What the guards, the connection's state and its rate make of a delivery now; None = leave it."""
        now = self._hub.clock.now()
        tenant = await self._hub.directory.tenant(delivery.tenant)
        gone = self._gone(delivery, tenant)
        if gone is not None:
            return Ready(stopped(delivery, Status.CANCELLED, *gone, now))
        assert tenant is not None
        if delivery.fallback_at and delivery.fallback_at <= now and delivery.status is not Status.IN_FLIGHT:
            nothing_yet = stopped(
                delivery, Status.CANCELLED, "fell_back", "no success in time: the next channel tries", now
            )
            return self.with_fallback(nothing_yet)
        by_time = self._by_guards(delivery, Known(), now)
        if by_time is not None:
            return by_time  # decided without reading anything
        known, reservation = await self.known(delivery, now)
        return self._by_guards(delivery, known, now) or await self._through_connection(
            delivery, tenant, known, reservation
        )

    def _by_guards(self, delivery: Delivery, known: Known, now: datetime) -> Ready | None:
        """What the guards make of it; None when they let it pass."""
        decision = verdict(delivery.guards, known, now)
        if isinstance(decision, Stop):
            return Ready(stopped(delivery, decision.status, decision.code, decision.reason, now))
        if isinstance(decision, Wait):
            return self._until(delivery, decision.until)
        assert isinstance(decision, Go)
        return None

    def _until(self, delivery: Delivery, moment: datetime) -> Ready:
        """Waiting for a time of its own, with the task that comes then."""
        later = waiting(delivery, Status.PENDING, moment)
        return Ready(later, tasks=(perform_task(later, later.next_attempt_at),))

    def _gone(self, delivery: Delivery, tenant: Tenant | None) -> tuple[str, str] | None:
        if tenant is None:
            return ("tenant_removed", "the tenant is gone")
        if delivery.flow not in ENGINE_FLOWS and all(flow.id != delivery.flow for flow in tenant.flows):
            return ("flow_removed", "the flow was removed from the tenant file")
        return None

    async def _through_connection(
        self, delivery: Delivery, tenant: Tenant, known: Known, reservation: Document | None
    ) -> Ready | None:
        account = await self._hub.directory.account(delivery.tenant, delivery.connection)
        if account is None:
            return self._held_back(
                delivery, Status.BLOCKED, "connection_removed", "the tenant file has no such connection"
            )
        if self.is_paused(delivery, tenant):
            return self._held_back(delivery, Status.PARKED, "paused", "paused by an operator")
        if account.missing and self._hub.printer is None:
            message = f"not set: {', '.join(account.missing)}"
            remedy = f"svyazka secret set {tenant.id} …, or the tenant file"
            await self.outages.open(account, "blocked", "no_credentials", message, remedy=remedy)
            return self._held_back(delivery, Status.BLOCKED, "no_credentials", message)
        outage = await self.outages.of(delivery.tenant, delivery.connection)
        if outage is not None and not await self.outages.may_probe(outage, tenant, delivery):
            status = Status.BLOCKED if outage.model.kind == "blocked" else Status.PARKED
            return self._held_back(delivery, status, outage.model.code, outage.model.message)
        opens_at = self.opens_at(account, tenant)
        if opens_at is not None:
            return self._until(delivery, opens_at)
        owner, limits = self._hub.counted_as(account), self._hub.limits(account)
        pace = self._hub.limiter.delay(owner, limits.per_second)
        if pace > PACE_INLINE:
            return self._until(delivery, self._hub.clock.in_real(pace))
        if pace > 0:
            await asyncio.sleep(pace)
        slot = self._hub.limiter.slot(owner, limits.concurrency)
        await slot.acquire()
        too_late = self._by_guards(delivery, known, self._hub.clock.now())  # time has passed since they were asked
        if too_late is not None:
            slot.release()
            return too_late
        return self._claimed(delivery, account, reservation, slot)

    def _claimed(
        self, delivery: Delivery, account: Account, reservation: Document | None, slot: asyncio.Semaphore
    ) -> Ready:
        clock = self._hub.clock
        now = clock.now()
        number = delivery.attempt_count + 1
        claim = delivery.with_attempt(Attempt(number=number, generation=delivery.generation, started_at=now)).moved(
            Status.IN_FLIGHT,
            claim=delivery.claim + 1,
            lease_until=clock.real() + timedelta(seconds=LEASE),
            next_attempt_at=None,
            wake_at=clock.in_real(LEASE + TAKE_OVER_GRACE),
            wake_step=0,
        )
        writes: list[Write] = []
        guard = delivery.guards.once_per
        if guard is not None:
            key = reservation_key(delivery.tenant, guard)
            until = now + guard.period
            claim = claim.model_copy(update={"reservation": key})
            version = reservation.version if reservation else None
            document = journal.reservation_document(key, delivery.id, until, version)
            writes.append(Replace(document) if reservation else Create(document))
        return Ready(claim, tuple(writes), account=account, slot=slot)

    def _held_back(self, delivery: Delivery, status: Status, code: str, message: str) -> Ready | None:
        if delivery.status is status:
            return None  # waits already, and nothing of its deadlines is due
        return Ready(parked(delivery, status, Problem(code=code, message=message)))

    def is_paused(self, delivery: Delivery, tenant: Tenant) -> bool:
        """Whether an operator has paused its tenant, flow or connection."""
        paused_flow = any(flow.id == delivery.flow and flow.paused for flow in tenant.flows)
        return tenant.paused or paused_flow or delivery.connection in tenant.paused_connections

    def opens_at(self, account: Account, tenant: Tenant) -> datetime | None:
        """When the connection's business hours begin again; None within them."""
        hours = account.settings.retry.business_hours if account.settings.retry else None
        if hours is None:
            return None
        closed = QuietHours(zone=tenant.timezone, start=hours[1], end=hours[0])
        return closed.opens_at(self._hub.clock.now())

    async def known(self, delivery: Delivery, now: datetime) -> tuple[Known, Document | None]:
        """What the guards ask for: the do-not-contact list, the reservation, the subject's newest event."""
        guards, store = delivery.guards, self._hub.store
        to = delivery.command.to if isinstance(delivery.command, SendMessage) else None
        places: list[list[str]] = []
        if guards.opt_out and to is not None:
            places = [optout_ids(self._hub, delivery.tenant, address) for address in addresses(to)]
        keys = [("optouts", place) for ids in places for place in ids]
        if guards.once_per is not None:
            keys.append(("reservations", reservation_key(delivery.tenant, guards.once_per)))
        found = await store.get_many(keys) if keys else []
        reservation = found[-1] if guards.once_per is not None else None
        optouts = found[:-1] if guards.once_per is not None else found
        reserved_until = None
        if reservation is not None:
            until = reservation.fields.get("expire_at")
            mine = json.loads(reservation.data)["delivery"] == delivery.id
            reserved_until = until if isinstance(until, datetime) and not mine else None
        newest = None
        if guards.still_true is not None and wants_newest(guards.still_true, delivery.created_at, now):
            newest = await self._newest(delivery, guards.still_true)
        opted_out = any_withdrawn(newest_words(places, optouts))
        known = Known(opted_out=opted_out, reserved_until=reserved_until, newest=newest)
        return known, reservation

    async def _newest(self, delivery: Delivery, guard: StillTrue) -> EventType | None:
        """Type of the subject's newest event: by its vendor's own numbering, else by arrival.

        A subject may be made of several objects (one visit, a record for each service): it is still what it
        was while the newest event of any one of them says so.
        """
        page = await self._hub.store.find(
            EVENTS_OF_SUBJECT, equal={"tenant": delivery.tenant, "subject": guard.subject}, limit=SUBJECT_LOOK
        )
        events = [journal.read(EventRecord, document).model.event for document in page.documents]
        if not events:
            return None
        events.sort(key=lambda event: (event.position or 0, event.received_at))
        of_each = {event.entity: event.type for event in events}.values()
        return next((type_ for type_ in of_each if type_ in guard.types), events[-1].type)

    # The call

    async def run(self, claimed: Delivery, version: str, account: Account) -> None:
        """Carry out a durable claim and settle it."""
        started = time.monotonic()
        reach("perform.before_call")
        outcome, exchanges = await self._call(claimed, account)
        reach("perform.after_call")
        attempt = claimed.attempts[-1].model_copy(
            update={
                "ended_at": self._hub.clock.now(),
                "outcome": outcome.kind,
                "maybe_sent": isinstance(outcome, Unknown) or (isinstance(outcome, Retry) and outcome.maybe_sent),
                "exchanges": tuple(exchanges.log),
                "message": getattr(outcome, "message", None),
            }
        )
        await self._settle(claimed, version, account, outcome, attempt)
        log(
            "INFO" if isinstance(outcome, Succeeded) else "WARNING", "attempt",
            tenant=claimed.tenant, connection=claimed.connection, vendor=claimed.vendor, delivery=claimed.id,
            event=claimed.event, flow=claimed.flow, status=outcome.kind, code=getattr(outcome, "code", None),
            attempt=attempt.number, seconds=round(time.monotonic() - started, 4),
            age_seconds=round((self._hub.clock.now() - claimed.created_at).total_seconds(), 3),
        )  # fmt: skip

    async def _call(self, delivery: Delivery, account: Account) -> tuple[Outcome, Exchanges]:
        exchanges = self.exchanges(account, lease_until=delivery.lease_until)
        if self._hub.printer is not None and isinstance(delivery.command, SendMessage):
            self._hub.printer(delivery.connection, delivery.command.to, delivery.command.text)
            return Succeeded(external_id=f"printed-{delivery.key}", message="printed"), exchanges
        call = self.call(account, exchanges, key=delivery.key)
        call.maybe_sent_at, call.doubt_since = maybe_sent_at(delivery), doubt_since(delivery)
        try:
            if delivery.repeat is Repeat.CHECKABLE and ambiguous_before(delivery):
                done = await account.connector.check_sent(delivery.command, call)
                if done is not None:
                    return done, exchanges
            async with asyncio.timeout(CALL_LIMIT + 1):
                return await account.connector.perform(delivery.command, call), exchanges
        except LeaseTooShort:
            sent = bool(exchanges.log)
            return (_maybe(delivery, "lease_too_short") if sent else GaveBack()), exchanges
        except NotSent as error:
            return Retry(code="not_connected", message=str(error)), exchanges
        except (MaybeSent, TimeoutError) as error:
            return _maybe(delivery, str(error) or "timeout"), exchanges
        except RefusedAddress as error:
            return Refused(code="refused_address", message=str(error)), exchanges
        except SourceUnavailable as error:
            # No access (OAuth), as a rule: its outcome says whether to wait for time or for somebody's hand.
            return error.outcome or Retry(code="unavailable", message=str(error)), exchanges
        except Exception as error:
            # A bug or a body that no table foresaw: never a lost delivery, never a silent repeat of a send.
            log("ERROR", "connector failed", vendor=account.vendor, delivery=delivery.id, error=type(error).__name__)
            if exchanges.log:
                return _maybe(delivery, f"connector_{type(error).__name__}"), exchanges
            return Retry(
                code=f"connector_{type(error).__name__}", message="our connector failed", outage=False
            ), exchanges

    def exchanges(self, account: Account, lease_until: datetime | None = None) -> Exchanges:
        """An HTTP client for one attempt through this connection."""
        hub, limits = self._hub, self._hub.limits(account)
        limit = account.settings.timeout.total_seconds() if account.settings.timeout else CALL_LIMIT
        return Exchanges(
            hub.clients.of(f"{account.tenant.id}.{account.name}", limits.concurrency, account.connector.ca_pem),
            base_url=account.base_url,
            deadline=time.monotonic() + min(limit, CALL_LIMIT),
            clock=hub.clock,
            lease_until=lease_until,
            secrets=account.secrets,
            guard=hub.guard if account.connector.calls_tenant_addresses else None,
        )

    def call(self, account: Account, exchanges: Exchanges, key: str) -> Call[Any]:
        """What the connector gets."""
        hub = self._hub
        return Call(
            tenant=account.tenant.id,
            connection=account.name,
            settings=account.settings,
            http=exchanges,
            key=key,
            now=hub.clock.now(),
            timezone=account.tenant.timezone,
            hook_url=hub.hook_url(account),
            memo=hub.memo(account),
            tokens=StoredTokens(hub, account),
            auth=authorisation_of(hub, account),
            pace=lambda: hub.pace(account),
        )

    # Settling

    async def _settle(
        self, claimed: Delivery, version: str, account: Account, outcome: Outcome, attempt: Attempt
    ) -> None:
        """Record the outcome over our claim; when the claim is no longer ours, merge it. Never dropped."""
        for tries in range(SETTLE_TRIES):
            try:
                await self._settle_once(claimed, version, account, outcome, attempt)
                return
            except Conflict:
                if await self._merge_late(claimed, account, outcome, attempt):
                    return
            except Unavailable:
                if tries == SETTLE_TRIES - 1:
                    raise
                await asyncio.sleep(0.1 * 2**tries)
        raise Unavailable("the outcome of an attempt could not be recorded")

    async def _settle_once(
        self, claimed: Delivery, version: str | None, account: Account, outcome: Outcome, attempt: Attempt
    ) -> None:
        park = await self.outages.note(account, claimed, outcome)
        hub = self._hub
        around = Surroundings(now=hub.clock.now(), policy=policy_of(account), chance=hub.chance(), parked=park)
        delivery = settled(claimed, outcome, attempt, around)
        ready = self.with_fallback(delivery)
        writes: list[Write] = [journal.replace_delivery(ready.delivery, version), *ready.writes]
        if claimed.reservation and delivery.status not in (Status.SUCCEEDED, Status.UNKNOWN):
            writes[0] = journal.replace_delivery(ready.delivery.model_copy(update={"reservation": None}), version)
            writes.append(Delete("reservations", claimed.reservation))
        if isinstance(outcome, Refused) and outcome.opt_out:
            writes += self.optout_writes(delivery, f"{account.vendor}: {outcome.code}")
        if isinstance(outcome, Refused) and outcome.remedy:
            words = f"{outcome.message}. {outcome.remedy}. Подробно: svyazka show {delivery.id}"
            await self._tell_first(delivery, f"refused {outcome.code}", words)
        if delivery.status is Status.UNKNOWN:
            await self._tell_unknown(delivery)
        if delivery.status is Status.DEAD:
            await self._tell_dead(delivery)
        tasks = list(ready.tasks)
        if delivery.status in (Status.RETRYING, Status.PENDING):
            tasks.append(perform_task(delivery, delivery.next_attempt_at))
        if delivery.status is Status.SUCCEEDED and delivery.fallback_at:
            tasks.append(perform_task(delivery, delivery.fallback_at))
        reach("settle.before")
        await self._commit_with_fallback(writes, tasks)
        reach("settle.after")
        self._log_moved(ready.delivery)

    async def _commit_with_fallback(self, writes: list[Write], tasks: list[Task]) -> None:
        """Commit; a fallback that exists already (an earlier generation made it) is left as it is."""
        try:
            await self._hub.store.commit(writes, tasks)
        except Conflict as conflict:
            created = {w.document.key for w in writes if isinstance(w, Create) and w.document.kind == "deliveries"}
            there = [key for key in created if await self._hub.store.get(*key)]
            if not there or not set(conflict.keys) & set(there):
                raise
            rest = [w for w in writes if not (isinstance(w, Create) and w.document.key in there)]
            await self._hub.store.commit(rest, tasks)

    def with_fallback(self, delivery: Delivery) -> Ready:
        """The delivery with its successor, where its end calls for the next channel."""
        fell_back = delivery.last_error is not None and delivery.last_error.code in ("fell_back", "no_receipt")
        if not (fell_back or wants_fallback(delivery)):
            return Ready(delivery)
        successor = fallback_of(delivery, self._hub.clock.now())
        if successor is None:
            return Ready(delivery)
        reach("fallback.before")
        older = delivery.model_copy(update={"successor": successor.id})
        writes: tuple[Write, ...] = (journal.create_delivery(successor),)
        if older.status is Status.SUCCEEDED and older.reservation:
            # It was taken and didn't arrive: the next channel needs the person's turn.
            writes += (Delete("reservations", older.reservation),)
            older = older.model_copy(update={"reservation": None})
        return Ready(older, writes, (perform_task(successor),))

    async def _merge_late(self, claimed: Delivery, account: Account, outcome: Outcome, attempt: Attempt) -> bool:
        held = await journal.load(self._hub.store, Delivery, "deliveries", claimed.id)
        if held is None:
            return True
        current = held.model
        if current.status in (Status.IN_FLIGHT, Status.UNKNOWN) and current.claim == claimed.claim:
            # Still our claim: a receipt or the sweep touched the document, or it was given up as unknown and
            # nobody has tried since: then our late word is the truth, also that nothing was sent.
            try:
                await self._settle_once(current, held.version, account, outcome, attempt)
            except Conflict:
                return False
            return True
        now = self._hub.clock.now()
        combined = merged(current, outcome, attempt, now)
        if combined.duplicate_effect and not current.duplicate_effect:
            await self._tell_duplicate(combined)
        try:
            await self._hub.store.commit([journal.replace_delivery(combined, held.version)])
        except Conflict:
            return False
        log("WARNING", "late settle merged", delivery=claimed.id, status=combined.status.value, tenant=claimed.tenant)
        return True

    # The do-not-contact list

    def optout_writes(self, delivery: Delivery, why: str) -> list[Write]:
        """Marks for every address of the person whom a delivery addressed: keyed hashes, no addresses."""
        if not isinstance(delivery.command, SendMessage):
            return []
        return marks(self._hub, delivery.tenant, delivery.command.to, why, self._hub.clock.now())

    # Alerts about deliveries: the first of a kind, each day, for each connection

    async def _tell_unknown(self, delivery: Delivery) -> None:
        await self._tell_first(
            delivery, "unknown",
            "неизвестно, ушло ли сообщение: ответа не было. Повторять само не будет: "
            f"svyazka resolve {delivery.id} --as succeeded|failed|retry",
        )  # fmt: skip

    async def _tell_dead(self, delivery: Delivery) -> None:
        await self._tell_first(delivery, "dead", f"не удалось за весь срок повторов: {delivery.id}")

    async def _tell_duplicate(self, delivery: Delivery) -> None:
        await self._tell_first(delivery, "duplicate_effect", f"выполнено дважды: {delivery.id}")

    async def _tell_first(self, delivery: Delivery, kind: str, text: str) -> None:
        tenant = await self._hub.directory.tenant(delivery.tenant)
        if tenant is None or delivery.flow == ALERT_FLOW:
            return
        now = self._hub.clock.now()
        words = f"{tenant.name}: «{delivery.connection}» — {text}"
        await alerts.tell(self._hub, tenant, delivery.connection, kind, "first", now, words, f"{now:%Y-%m-%d}")

    def _log_moved(self, delivery: Delivery) -> None:
        log(
            "INFO", "delivery moved", tenant=delivery.tenant, connection=delivery.connection, delivery=delivery.id,
            status=delivery.status.value, flow=delivery.flow,
            code=delivery.last_error.code if delivery.last_error else None,
        )  # fmt: skip


def _maybe(delivery: Delivery, what: str) -> Outcome:
    """The call left and no answer came: what that means depends on the command's repeat safety."""
    code = "timeout" if "timeout" in what.lower() or not what else "no_answer"
    if delivery.repeat is Repeat.UNSAFE:
        return Unknown(code=code, message=f"no answer ({what}): the vendor may have acted on it")
    return Retry(code=code, message=f"no answer ({what})", maybe_sent=True)


def ambiguous_before(delivery: Delivery) -> bool:
    """Whether an earlier attempt of this generation may have had its effect unseen."""
    return doubt_since(delivery) is not None


def doubt_since(delivery: Delivery) -> datetime | None:
    """When the first attempt of this generation began that may have had its effect unseen."""
    earlier = [a for a in delivery.attempts[:-1] if a.generation == delivery.generation]
    return min((a.started_at for a in earlier if a.outcome is None or a.maybe_sent), default=None)


def maybe_sent_at(delivery: Delivery) -> datetime | None:
    """When the latest earlier attempt began that may have had its effect unseen, of whatever generation."""
    return max((a.started_at for a in delivery.attempts[:-1] if a.outcome is None or a.maybe_sent), default=None)


def reservation_key(tenant: str, guard: OncePer) -> str:
    """Document id of a once-per reservation."""
    return stable_id("rsv", tenant, guard.key)


def policy_of(account: Account) -> RetryPolicy:
    """The connection's retry policy: the house's, with what its settings change."""
    own = account.settings.retry
    if own is None:
        return RetryPolicy()
    default = RetryPolicy()
    return RetryPolicy(
        delays=tuple(d.total_seconds() for d in own.delays) if own.delays else default.delays,
        horizon=own.horizon.total_seconds() if own.horizon else default.horizon,
    )


__all__ = ["ENGINE_FLOWS", "SEND_FLOW", "Performer", "Ready", "policy_of", "reservation_key"]
