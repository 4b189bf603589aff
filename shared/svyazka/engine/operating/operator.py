"""What an operator may do and the engine never does by itself: reopen, resolve, replay, send (DESIGN 5.6).

Everything here is by compare-and-set, leaves a note in the story, and gives the queue its task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal
from uuid import uuid4

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.engine.delivering.once_per import releasing
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.events_of_request import ParsedEvent, PeopleIn, journaled
from svyazka.engine.journal.tasks import perform_task, plan_task
from svyazka.engine.journal.transition import commit, ended
from svyazka.engine.ports.store import Create, Write
from svyazka.engine.rules.beginning import WAKE_GRACE, fallback_time
from svyazka.engine.rules.deadlines import PLAN_GRACE
from svyazka.engine.rules.transitions import receipt_settles, stopped
from svyazka.engine.upkeep.retention import is_blank
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import FINAL, SKELETON, WAITING, Delivery, Status
from svyazka.model.errors import ConfigError
from svyazka.model.events import (
    Event,
    EventRecord,
    EventStatus,
    EventType,
    Fact,
    RawRecord,
    ReceiptState,
    StoredRequest,
    Unreadable,
)
from svyazka.model.ids import stable_id
from svyazka.model.tenants import CompiledConnection, Tenant

Resolution = Literal["succeeded", "failed", "retry"]

USUAL_LIFE = timedelta(hours=24)
"""How long a message that is sent in spite of its age may still wait, where its own life isn't known."""

CHAIN = 10


@dataclass(frozen=True, slots=True)
class Done:
    """What was (or in a dry run would be) done about one id. `skipped` with the reason, or what was done."""

    id: str
    what: Literal["reopened", "planned", "parsed", "skipped"]
    reason: str | None = None

    @property
    def skipped(self) -> bool:
        return self.what == "skipped"


@dataclass(frozen=True, slots=True)
class How:
    """An operator's word on a replay."""

    again: bool = False
    """What succeeded is done once more."""
    ignore_age: bool = False
    """What is too old, or of unknown age, is sent all the same."""
    dry_run: bool = False
    why: str = "replay"


class Operator:
    """An operator's hand on the journal; `who` stands in every note."""

    def __init__(self, hub: Hub, webhooks: Callable[[str], Webhook | None], who: str) -> None:
        self._hub = hub
        self._webhook_of = webhooks
        self.who = who

    # Deliveries

    async def reopen(self, delivery_id: str, how: How) -> Done:
        """A final delivery begins anew as its next generation."""
        held = await journal.load(self._hub.store, Delivery, delivery_id)
        if held is None:
            raise ConfigError(N_("no delivery {delivery_id}").format(delivery_id=delivery_id))
        why_not = await self._not_reopened(held.model, how)
        if why_not:
            return Done(delivery_id, "skipped", why_not)
        if not how.dry_run:
            await self._commit_reopened(held, how)
        return Done(delivery_id, "reopened", N_("generation {value}").format(value=held.model.generation + 1))

    async def _not_reopened(self, delivery: Delivery, how: How) -> str | None:
        if delivery.status is Status.UNKNOWN:
            return N_("nobody knows whether it was done: svyazka resolve decides")
        if delivery.status not in FINAL:
            return N_("it is {status}: nothing to replay").format(status=delivery.status.value)
        if delivery.status is Status.SUCCEEDED and not how.again:
            return N_("it succeeded: --again does it once more")
        if is_blank(delivery):
            return N_("its contents were blanked (retention, forget): nothing is left to send")
        if not how.again:
            successor = await self._successor_in_the_way(delivery)
            if successor:
                return successor
        return self._too_old(delivery, how)

    def _too_old(self, delivery: Delivery, how: How) -> str | None:
        expires_at = delivery.guards.expires_at
        if expires_at and expires_at <= self._hub.clock.now() and not how.ignore_age:
            return N_("too old to be of use: --ignore-age sends it all the same")
        return None

    async def _successor_in_the_way(self, delivery: Delivery) -> str | None:
        """Its fallback is on the way or was successful: doing both would tell the person twice."""
        for _ in range(CHAIN):
            if delivery.successor is None:
                return None
            held = await journal.load(self._hub.store, Delivery, delivery.successor)
            if held is None:
                return None
            delivery = held.model
            if delivery.status is Status.SUCCEEDED or delivery.is_open:
                return N_("its fallback {delivery} is {status}: --again does it all the same").format(
                    delivery=delivery.id, status=delivery.status.value
                )
        return None

    async def _commit_reopened(self, held: Versioned[Delivery], how: How) -> None:
        now = self._hub.clock.now()
        before = held.model
        delivery = before.reopened(self.who, how.why, now)
        guards = before.guards
        if guards.expires_at and guards.expires_at <= now:
            life = max(guards.expires_at - before.base_at, timedelta(0)) or USUAL_LIFE
            guards = guards.model_copy(update={"expires_at": now + life})
        falls_back = before.fallbacks and not before.successor
        fallback_at = fallback_time(guards, now, before.fallback_seconds) if falls_back else None
        delivery = delivery.model_copy(
            update={"guards": guards, "fallback_at": fallback_at, "wake_at": now + WAKE_GRACE, "wake_step": 0}
        )
        await self._hub.store.commit([journal.replace_delivery(held, delivery)], [perform_task(delivery)])

    async def resolve(self, delivery_id: str, resolution: Resolution, how: How) -> Delivery:
        """Say what became of a delivery whose fate nobody knows. Raises ConfigError where that can't be said."""
        held = await journal.load(self._hub.store, Delivery, delivery_id)
        if held is None:
            raise ConfigError(N_("no delivery {delivery_id}").format(delivery_id=delivery_id))
        delivery = held.model
        if delivery.status is Status.IN_FLIGHT:
            raise ConfigError(
                N_("{delivery} is being carried out right now: look again in a minute").format(delivery=delivery.id)
            )
        match resolution:
            case "retry":
                return await self._retry(held, how)
            case "succeeded":
                if delivery.status is Status.SUCCEEDED:
                    raise ConfigError(N_("{delivery} is succeeded already").format(delivery=delivery.id))
                if delivery.status in WAITING:
                    raise ConfigError(
                        N_("{delivery} is {status}: only what was tried can have succeeded").format(
                            delivery=delivery.id, status=delivery.status.value
                        )
                    )
                resolved = receipt_settles(delivery, ReceiptState.DELIVERED, self._hub.clock.now())
            case "failed":
                if delivery.status in FINAL:
                    raise ConfigError(
                        N_("{delivery} is {status} already").format(delivery=delivery.id, status=delivery.status.value)
                    )
                why = N_("an operator said that it didn't happen")
                resolved = stopped(delivery, Status.FAILED, "operator", why, self._hub.clock.now())
        await self._commit_resolved(
            held, resolved, N_("{resolution} by {who}").format(resolution=resolution, who=self.who)
        )
        return resolved

    async def _retry(self, held: Versioned[Delivery], how: How) -> Delivery:
        delivery = held.model
        if delivery.status is not Status.UNKNOWN:
            raise ConfigError(
                N_("{delivery} is {status}, not unknown: svyazka replay is for that").format(
                    delivery=delivery.id, status=delivery.status.value
                )
            )
        why_not = (
            N_("its contents were blanked: nothing to send") if is_blank(delivery) else self._too_old(delivery, how)
        )
        if why_not:
            raise ConfigError(f"{delivery.id}: {why_not}")
        await self._commit_reopened(held, how)
        return delivery.reopened(self.who, how.why, self._hub.clock.now())

    async def _commit_resolved(self, held: Versioned[Delivery], resolved: Delivery, what: str) -> None:
        resolved = resolved.model_copy(update={"notes": (*resolved.notes, N_("resolved as {what}").format(what=what))})
        extra: list[Write] = []
        if resolved.status is Status.FAILED:
            extra = await releasing(self._hub.store, resolved)
            resolved = resolved.model_copy(update={"reservation": None})
        end = await ended(self._hub.store, resolved, self._hub.clock.now())
        await commit(self._hub.store, [*end.over(held.version), *extra], end.tasks)

    # Events

    async def replay_event(self, event_id: str, how: How) -> list[Done]:
        """Plan what was not planned, parse anew what could not be read, reopen what its planning had made."""
        held = await journal.load(self._hub.store, EventRecord, event_id)
        if held is None:
            raise ConfigError(N_("no event {event_id}").format(event_id=event_id))
        record = held.model
        if record.status is EventStatus.ACCEPTED:
            if not how.dry_run:
                await self._hub.queue.enqueue([plan_task(event_id)])
            return [Done(event_id, "planned")]
        if record.status is EventStatus.PLANNED and record.event.receipt is not None:
            return [Done(event_id, "skipped", N_("a receipt: it has been applied"))]
        if record.status is EventStatus.PLANNED and record.deliveries:
            return [await self.reopen(delivery_id, how) for delivery_id in record.deliveries]
        if record.status is EventStatus.PLANNED or not await self._has_raw(record):
            return [await self._plan_again(held, how)]
        request, received = await self._raw_of(record)
        return await self._parse_again(request, record.event.tenant, record.event.connection, received, how, held)

    async def replay_raw(self, raw_id: str, how: How) -> list[Done]:
        """Parse a stored request with the present parser."""
        held = await journal.load(self._hub.store, RawRecord, raw_id)
        if held is None:
            raise ConfigError(N_("no stored request {raw_id}").format(raw_id=raw_id))
        raw = held.model
        if raw.request is None:
            return [Done(raw_id, "skipped", N_("its contents were blanked (retention, forget)"))]
        return await self._parse_again(raw.request, raw.tenant, raw.connection, raw.received_at, how, None)

    async def _has_raw(self, record: EventRecord) -> bool:
        readable = self._webhook_of(record.event.vendor) is not None and record.event.origin in ("webhook", "salvage")
        return readable and (record.request is not None or record.raw is not None)

    async def _raw_of(self, record: EventRecord) -> tuple[StoredRequest, datetime]:
        if record.request is not None:
            return record.request, record.event.received_at
        held = await journal.load(self._hub.store, RawRecord, record.raw or "")
        if held is None or held.model.request is None:
            raise ConfigError(
                N_("the request of {event} was blanked (retention, forget): nothing to parse").format(
                    event=record.event.id
                )
            )
        return held.model.request, record.event.received_at

    async def _plan_again(self, held: Versioned[EventRecord], how: How) -> Done:
        """An event that nobody acted upon gets another chance: a flow may have come since."""
        event = held.model.event
        aged = self._aged(event, how)
        if aged is None:
            return Done(event.id, "skipped", UNKNOWN_AGE)
        if not how.dry_run:
            await self._commit_accepted(held.model, aged, held.version)
        return Done(event.id, "planned")

    async def _parse_again(
        self, request: StoredRequest, tenant: str, connection: str, received: datetime, how: How,
        old: Versioned[EventRecord] | None,
    ) -> list[Done]:  # fmt: skip
        held = await journal.load(self._hub.store, CompiledConnection, f"{tenant}.{connection}")
        webhook = self._webhook_of(held.model.vendor) if held else None
        if held is None or webhook is None:
            raise ConfigError(
                N_("{tenant}/{connection} is gone: nothing can read its requests").format(
                    tenant=tenant, connection=connection
                )
            )
        try:
            items = parsed(webhook, held.model, request, received, partial(self._hub.keyring.people, tenant))
        except NotTheFormat as error:
            return [
                Done(old.model.event.id if old else "-", "skipped", N_("still not the format: {why}").format(why=error))
            ]
        done = [await self._journal_again(item, how) for item in items]
        if old is not None and not how.dry_run and all(item.record.event.id != old.model.event.id for item in items):
            await self._superseded(old, [item.record.event.id for item in items])
        return done

    async def _journal_again(self, item: ParsedEvent, how: How) -> Done:
        record = item.record
        event = record.event
        if record.status is EventStatus.QUARANTINED:
            return Done(event.id, "skipped", N_("still unreadable: {reason}").format(reason=record.reason))
        if record.status is EventStatus.IGNORED:
            return Done(event.id, "skipped", N_("still ignored: {reason}").format(reason=record.reason))
        there = await journal.load(self._hub.store, EventRecord, event.id)
        if there is not None and there.model.status in (EventStatus.PLANNED, EventStatus.ACCEPTED):
            return Done(event.id, "skipped", N_("it is {status} already").format(status=there.model.status.value))
        aged = event if event.receipt is not None else self._aged(event, how)
        if aged is None:
            return Done(event.id, "skipped", UNKNOWN_AGE)
        if not how.dry_run:
            await self._commit_accepted(record, aged, there.version if there else None)
        return Done(event.id, "parsed", event.type.value)

    def _aged(self, event: Event, how: How) -> Event | None:
        """The event as replayed: its age counts from when it happened. None = nobody knows when that was."""
        if how.ignore_age:
            return event.model_copy(
                update={"origin": "operator", "occurred_at": None, "received_at": self._hub.clock.now()}
            )
        if event.occurred_at is None:
            return None
        return event.model_copy(update={"origin": "operator"})

    async def _commit_accepted(self, record: EventRecord, event: Event, version: str | None) -> None:
        accepted = record.model_copy(
            update={
                "event": event, "status": EventStatus.ACCEPTED, "reason": N_("replayed by {who}").format(who=self.who),
                "plan_attempts": 0, "wake_at": self._hub.clock.now() + timedelta(seconds=PLAN_GRACE),
                "wake_step": 0, "expire_at": None,
            }
        )  # fmt: skip
        document = journal.document(accepted, version)
        write: Write = Create(document) if version is None else journal.replace(accepted, version)
        await self._hub.store.commit([write], [plan_task(event.id)])

    async def _superseded(self, old: Versioned[EventRecord], new: list[str]) -> None:
        """What could not be read has become other events: it waits for nobody any more."""
        if not new:
            return
        record = old.model.model_copy(
            update={
                "status": EventStatus.IGNORED,
                "reason": N_("parsed anew as {names}").format(names=", ".join(new[:5])),
                "wake_at": None,
                "expire_at": self._hub.clock.now() + SKELETON,
            }
        )
        await self._hub.store.commit([journal.replace(record, old.version)])

    # One message through the whole machine

    async def send(
        self, tenant: Tenant, connection: str, to: Contact, data: dict[str, JsonValue], address: str
    ) -> EventRecord:
        """Ask for one message, as an event; the flow of things carries it out."""
        now = self._hub.clock.now()
        spec = tenant.connections[connection]
        nonce = uuid4().hex
        event = Event(
            id=stable_id("evt", tenant.id, connection, "requested", nonce), tenant=tenant.id, connection=connection,
            vendor=spec.vendor, type=EventType.SEND_REQUESTED, subject=f"message:{nonce}", identity="strong",
            origin="operator", received_at=now, occurred_at=now, contact=to, data={"via": connection, **data},
        )  # fmt: skip
        record = EventRecord(
            event=event, status=EventStatus.ACCEPTED, people=(self._hub.keyring.person(tenant.id, address),),
            wake_at=now + timedelta(seconds=PLAN_GRACE), blank_at=now + tenant.retention,
        )  # fmt: skip
        await self._hub.store.commit([Create(journal.document(record))], [plan_task(event.id)])
        return record


UNKNOWN_AGE = N_("when it happened isn't known: --ignore-age acts on it all the same")


def parsed(
    webhook: Webhook, compiled: CompiledConnection, request: StoredRequest, received: datetime,
    people: PeopleIn,
) -> list[ParsedEvent]:  # fmt: skip
    """A stored request's events as the present parser reads them. Raises NotTheFormat."""
    raw = RawRequest(
        request.method, request.path, b"", [(b"content-type", (request.content_type or "").encode())], request.bytes()
    )
    facts: list[Fact | Unreadable] = webhook.parse(raw, Inbound(compiled.public, {}))
    # The time of its arrival gives weak identities the slot that they had.
    return journaled(raw, compiled, facts, received, people=people)[1]
