"""Events anew: planned again, parsed again by the present parser, or what they had led to reopened."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.events_of_request import ParsedEvent, PeopleIn, journaled
from svyazka.engine.journal.tasks import plan_task
from svyazka.engine.operating.operator import Done, How, Operator
from svyazka.engine.operating.reopen import reopen
from svyazka.engine.ports.store import Create, Write
from svyazka.engine.rules.deadlines import PLAN_GRACE
from svyazka.model.base import SKELETON
from svyazka.model.errors import ConfigError
from svyazka.model.events import Event, EventRecord, EventStatus, Fact, RawRecord, StoredRequest, Unreadable
from svyazka.model.tenants import CompiledConnection

UNKNOWN_AGE = N_("when it happened isn't known: --ignore-age acts on it all the same")


async def replay_event(operator: Operator, event_id: str, how: How) -> list[Done]:
    """Plan what was not planned, parse anew what could not be read, reopen what its planning had made."""
    held = await journal.load(operator.hub.store, EventRecord, event_id)
    if held is None:
        raise ConfigError(N_("no event {event_id}").format(event_id=event_id))
    record = held.model
    if record.status is EventStatus.ACCEPTED:
        if not how.dry_run:
            await operator.hub.queue.enqueue([plan_task(event_id)])
        return [Done(event_id, "planned")]
    if record.status is EventStatus.PLANNED and record.event.receipt is not None:
        return [Done(event_id, "skipped", N_("a receipt: it has been applied"))]
    if record.status is EventStatus.PLANNED and record.deliveries:
        done: list[Done] = []
        for delivery_id in record.deliveries:
            done.append(await reopen(operator, delivery_id, how, [one.id for one in done if not one.skipped]))
        return done
    if record.is_held:
        if not how.dry_run:
            await _commit_accepted(operator, record, record.event, held.version)
        return [Done(event_id, "planned")]
    if record.status is EventStatus.PLANNED or not await _has_raw(operator, record):
        return [await _plan_again(operator, held, how)]
    request, received = await _raw_of(operator, record)
    return await _parse_again(operator, request, record.event.tenant, record.event.connection, received, how, held)


async def discard(operator: Operator, event_id: str) -> bool:
    """End what is held: it stays in the journal and nothing is done of it. False where it isn't held any more."""
    held = await journal.load(operator.hub.store, EventRecord, event_id)
    if held is None or not held.model.is_held:
        return False
    reason = N_("held, and discarded by {who}").format(who=operator.who)
    gone = {"status": EventStatus.IGNORED, "reason": reason, "wake_at": None}
    expires = {"expire_at": operator.hub.clock.now() + SKELETON}
    await operator.hub.store.commit([journal.replace(held.model.model_copy(update={**gone, **expires}), held.version)])
    return True


async def replay_raw(operator: Operator, raw_id: str, how: How) -> list[Done]:
    """Parse a stored request with the present parser."""
    held = await journal.load(operator.hub.store, RawRecord, raw_id)
    if held is None:
        raise ConfigError(N_("no stored request {raw_id}").format(raw_id=raw_id))
    raw = held.model
    if raw.request is None:
        return [Done(raw_id, "skipped", N_("its contents were blanked (retention, forget)"))]
    return await _parse_again(operator, raw.request, raw.tenant, raw.connection, raw.received_at, how, None)


async def _has_raw(operator: Operator, record: EventRecord) -> bool:
    readable = operator.webhook_of(record.event.vendor) is not None and record.event.origin in ("webhook", "salvage")
    return readable and (record.request is not None or record.raw is not None)


async def _raw_of(operator: Operator, record: EventRecord) -> tuple[StoredRequest, datetime]:
    if record.request is not None:
        return record.request, record.event.received_at
    held = await journal.load(operator.hub.store, RawRecord, record.raw or "")
    if held is None or held.model.request is None:
        raise ConfigError(
            N_("the request of {event} was blanked (retention, forget): nothing to parse").format(event=record.event.id)
        )
    return held.model.request, record.event.received_at


async def _plan_again(operator: Operator, held: Versioned[EventRecord], how: How) -> Done:
    """An event that nobody acted upon gets another chance: a flow may have come since."""
    event = held.model.event
    aged = _aged(operator, event, how)
    if aged is None:
        return Done(event.id, "skipped", UNKNOWN_AGE)
    if not how.dry_run:
        await _commit_accepted(operator, held.model, aged, held.version)
    return Done(event.id, "planned")


async def _parse_again(
    operator: Operator, request: StoredRequest, tenant: str, connection: str, received: datetime, how: How,
    old: Versioned[EventRecord] | None,
) -> list[Done]:  # fmt: skip
    held = await journal.load(operator.hub.store, CompiledConnection, f"{tenant}.{connection}")
    webhook = operator.webhook_of(held.model.vendor) if held else None
    if held is None or webhook is None:
        raise ConfigError(
            N_("{tenant}/{connection} is gone: nothing can read its requests").format(
                tenant=tenant, connection=connection
            )
        )
    try:
        items = parsed(webhook, held.model, request, received, partial(operator.hub.keyring.people, tenant))
    except NotTheFormat as error:
        return [
            Done(old.model.event.id if old else "-", "skipped", N_("still not the format: {why}").format(why=error))
        ]
    done = [await _journal_again(operator, item, how) for item in items]
    if old is not None and not how.dry_run and all(item.record.event.id != old.model.event.id for item in items):
        await _superseded(operator, old, [item.record.event.id for item in items])
    return done


async def _journal_again(operator: Operator, item: ParsedEvent, how: How) -> Done:
    record = item.record
    event = record.event
    if record.status is EventStatus.QUARANTINED:
        return Done(event.id, "skipped", N_("still unreadable: {reason}").format(reason=record.reason))
    if record.status is EventStatus.IGNORED:
        return Done(event.id, "skipped", N_("still ignored: {reason}").format(reason=record.reason))
    there = await journal.load(operator.hub.store, EventRecord, event.id)
    if there is not None and there.model.status in (EventStatus.PLANNED, EventStatus.ACCEPTED):
        return Done(event.id, "skipped", N_("it is {status} already").format(status=there.model.status.value))
    aged = event if event.receipt is not None else _aged(operator, event, how)
    if aged is None:
        return Done(event.id, "skipped", UNKNOWN_AGE)
    if not how.dry_run:
        await _commit_accepted(operator, record, aged, there.version if there else None)
    return Done(event.id, "parsed", event.type.value)


def _aged(operator: Operator, event: Event, how: How) -> Event | None:
    """The event as replayed: its age counts from when it happened. None = nobody knows when that was."""
    if how.ignore_age:
        return event.model_copy(
            update={"origin": "operator", "occurred_at": None, "received_at": operator.hub.clock.now()}
        )
    if event.occurred_at is None:
        return None
    return event.model_copy(update={"origin": "operator"})


async def _commit_accepted(operator: Operator, record: EventRecord, event: Event, version: str | None) -> None:
    accepted = record.model_copy(
        update={
            "event": event, "status": EventStatus.ACCEPTED, "reason": N_("replayed by {who}").format(who=operator.who),
            "plan_attempts": 0, "wake_at": operator.hub.clock.now() + timedelta(seconds=PLAN_GRACE),
            "wake_step": 0, "expire_at": None,
        }
    )  # fmt: skip
    document = journal.document(accepted, version)
    write: Write = Create(document) if version is None else journal.replace(accepted, version)
    await operator.hub.store.commit([write], [plan_task(event.id)])


async def _superseded(operator: Operator, old: Versioned[EventRecord], new: list[str]) -> None:
    """What could not be read has become other events: it waits for nobody any more."""
    if not new:
        return
    record = old.model.model_copy(
        update={
            "status": EventStatus.IGNORED,
            "reason": N_("parsed anew as {names}").format(names=", ".join(new[:5])),
            "wake_at": None,
            "expire_at": operator.hub.clock.now() + SKELETON,
        }
    )
    await operator.hub.store.commit([journal.replace(record, old.version)])


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
