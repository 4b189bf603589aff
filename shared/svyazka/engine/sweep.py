"""The queue may forget, the journal doesn't: what is due and was not done is queued again (DESIGN 5.8)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from svyazka.engine import journal
from svyazka.engine.alerts import perform_task
from svyazka.engine.failpoints import reach
from svyazka.engine.hub import Hub
from svyazka.engine.journal import Held
from svyazka.engine.logs import log
from svyazka.engine.outages import Outages
from svyazka.engine.receive import plan_task
from svyazka.engine.retry import sweep_delay
from svyazka.engine.settle import rewoken
from svyazka.engine.store import (
    DUE_DELIVERIES,
    DUE_EVENTS,
    DUE_GRANTS,
    DUE_OUTAGES,
    STALE_DELIVERIES,
    STALE_EVENTS,
    STALE_RAWS,
    Document,
    Query,
    Replace,
    Task,
    Write,
)
from svyazka.model.commands import SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Outage, Status
from svyazka.model.errors import Conflict
from svyazka.model.events import EventRecord, RawRecord
from svyazka.model.grants import Grant

BATCH = 200
SIGN_OF_LIFE = 50.0
"""Real seconds after which a sweep that finds nothing says so all the same."""


class Sweep:
    """Looks for what is due."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub = hub
        self._outages = outages
        self._oldest = hub.clock.now()
        self._say_again_at = 0.0

    async def sweep(self) -> int:
        """One round; how many things were woken. Work queued twice is harmless: it begins with a claim."""
        reach("sweep.before")
        now = self._hub.clock.now()
        woken, self._oldest = 0, now
        for document in await self._due(DUE_EVENTS, now):
            event = journal.read(EventRecord, document)
            later = event.model.model_copy(
                update={"wake_at": now + sweep_delay(event.model.wake_step), "wake_step": event.model.wake_step + 1}
            )
            woken += await self._wake(journal.replace_event(later, event.version), [plan_task(event.model.event.id)])
        for document in await self._due(DUE_DELIVERIES, now):
            delivery = journal.read(Delivery, document)
            write = journal.replace_delivery(_due_now(rewoken(delivery.model, now), now), delivery.version)
            woken += await self._wake(write, [perform_task(delivery.model)])
        for document in await self._due(DUE_OUTAGES, now):
            await self._outages.wake(journal.read(Outage, document))
            woken += 1
        for document in await self._due(DUE_GRANTS, now):
            woken += await self._wake_grant(journal.read(Grant, document))
        self._say(woken, now)
        return woken

    def _say(self, woken: int, now: datetime) -> None:
        """What was woken and how long the oldest was due; without work a sign of life, whose absence is an alert."""
        if woken or time.monotonic() >= self._say_again_at:
            self._say_again_at = time.monotonic() + SIGN_OF_LIFE
            overdue = round((now - self._oldest).total_seconds(), 1)
            log("NOTICE" if woken else "DEBUG", "swept", count=woken, age_seconds=overdue)

    async def _wake_grant(self, held: Held[Grant]) -> int:
        grant = held.model
        wake_at = self._hub.clock.now() + sweep_delay(grant.wake_step)
        later = grant.model_copy(update={"wake_at": wake_at, "wake_step": grant.wake_step + 1})
        task = Task("plan", "/renew", {"tenant": grant.tenant, "connection": grant.connection})
        return await self._wake(Replace(journal.grant_document(later, held.version)), [task])

    async def _due(self, query: Query, now: datetime) -> Sequence[Document]:
        documents = (await self._hub.store.find(query, at_most=now, limit=BATCH)).documents
        first = documents[0].fields.get(query.at_most or "") if documents else None
        if isinstance(first, datetime):
            self._oldest = min(self._oldest, first)
        return documents

    async def _wake(self, write: Replace, tasks: list[Task]) -> int:
        try:
            await self._hub.store.commit([write], tasks)
        except Conflict:
            return 0
        return 1

    async def blank(self) -> int:
        """Empty the payload of what is past its retention; ids, states and times stay (DESIGN 5.13)."""
        now = self._hub.clock.now()
        blanked = 0
        for query in (STALE_EVENTS, STALE_RAWS, STALE_DELIVERIES):
            for document in await self._due(query, now):
                write = blanked_write(document)
                if write is None:
                    continue
                try:
                    await self._hub.store.commit([write])
                except Conflict:
                    continue
                blanked += 1
        return blanked


def _due_now(delivery: Delivery, now: datetime) -> Delivery:
    """Parked deliveries have no time of their own; the rest keep theirs if it is past."""
    if delivery.status in (Status.PENDING, Status.RETRYING):
        due = min(delivery.next_attempt_at or now, now)
        return delivery.model_copy(update={"next_attempt_at": due})
    return delivery


def blanked_write(document: Document, patience: timedelta = timedelta(days=1)) -> Write | None:
    """The document without its payload; an open delivery is left until it is settled."""
    if document.kind == "events":
        event = journal.read(EventRecord, document)
        bare = event.model.event.model_copy(update={"contact": None, "data": {}})
        record = event.model.model_copy(update={"event": bare, "request": None, "blank_at": None})
        return journal.replace_event(record, event.version)
    if document.kind == "raws":
        raw = journal.read(RawRecord, document).model.model_copy(update={"request": None, "blank_at": None})
        fields = {**document.fields, "blank_at": None}
        return Replace(Document("raws", document.id, fields, raw.model_dump_json().encode(), document.version))
    held = journal.read(Delivery, document)
    delivery = held.model
    if delivery.is_open:
        put_off = delivery.blank_at + patience if delivery.blank_at else None
        return journal.replace_delivery(delivery.model_copy(update={"blank_at": put_off}), held.version)
    return journal.replace_delivery(blank(delivery), held.version)


def blank(delivery: Delivery) -> Delivery:
    """A settled delivery without text, contact and exchanges."""
    command = delivery.command
    if isinstance(command, SendMessage):
        command = SendMessage(to=Contact(), text="")
    else:
        command = command.model_copy(
            update={name: Contact() for name in ("contact",) if hasattr(command, name)}
            | {name: {} for name in ("fields", "payload") if hasattr(command, name)}
            | {name: "" for name in ("title", "comment") if hasattr(command, name)}
        )
    attempts = tuple(attempt.model_copy(update={"exchanges": (), "message": None}) for attempt in delivery.attempts)
    guards = delivery.guards.model_copy(update={"once_per": None})  # its key holds the person's address
    return delivery.model_copy(
        update={"command": command, "attempts": attempts, "guards": guards, "fallbacks": (), "blank_at": None}
    )
