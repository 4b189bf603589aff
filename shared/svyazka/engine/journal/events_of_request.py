"""What a request becomes in the journal: its raw bytes once, its events one by one. Pure, whichever way it came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypedDict

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Document
from svyazka.engine.rules.deadlines import PLAN_GRACE
from svyazka.engine.security.keyring import PEOPLE_OF_AN_EVENT, without_keys
from svyazka.engine.support.logs import log, where
from svyazka.model.base import SKELETON, made_storable
from svyazka.model.contacts import Contact
from svyazka.model.events import (
    Event,
    EventRecord,
    EventStatus,
    EventType,
    Fact,
    Origin,
    RawRecord,
    StoredRequest,
    Unreadable,
)
from svyazka.model.ids import event_id, stable_id
from svyazka.model.tenants import CompiledConnection

PeopleIn = Callable[[bytes, Sequence[Contact]], tuple[str, ...]]
"""Keyed hashes of the people that bytes tell of, those whom a parser found in them first: `Keyring.people` for one
tenant."""


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """One event to be journaled, before it has met the journal."""

    record: EventRecord
    earlier: str | None = None
    earlier_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A request as its parser read it, in the form of the journal."""

    facts: Sequence[Fact | Unreadable]
    raw: Document | None
    items: Sequence[ParsedEvent]
    documents: Sequence[Document]
    """Of the items, in their order."""
    wrong: str | None = None
    """Why the whole of it could not be read."""
    ours: bool = False
    """That is no fault of the vendor's."""


def read(
    webhook: Webhook, request: RawRequest, compiled: CompiledConnection, inbound: Inbound, now: datetime,
    people: PeopleIn, origin: Origin = "webhook", unread: str | None = None,
) -> Read:  # fmt: skip
    """Parse a request. What is not the format is kept whole, and so is what a mistake of ours can't read: the vendor
    may never repeat it. Only where the answer is a decision does such a mistake stop everything.

    `unread`: why its bytes can't be looked into at all (a compression, a content type that we don't read).
    """

    def kept(facts: Sequence[Fact | Unreadable], wrong: str | None = None, ours: bool = False) -> Read:
        raw, items = journaled(webhook.kept(request), compiled, facts, now, people=people, wrong=wrong, origin=origin)
        documents = [journal.document(item.record) for item in items]
        return Read(facts, raw, items, documents, wrong, ours)

    if unread is not None:
        return kept([], unread)
    try:
        return kept([made_storable(fact) for fact in webhook.parse(request, inbound)])
    except NotTheFormat as error:
        return kept([], str(error))
    except Exception as error:
        log("CRITICAL", "parser failed", vendor=webhook.vendor, error=type(error).__name__, where=where(error))
        if not webhook.salvage:
            raise
        return kept([], N_("our parser failed ({found})").format(found=type(error).__name__), ours=True)


class Kept(TypedDict, total=False):
    """Where an event's bytes lie, and who is in them."""

    request: StoredRequest
    raw: str
    people: tuple[str, ...]


def journaled(
    request: RawRequest,
    compiled: CompiledConnection,
    facts: Sequence[Fact | Unreadable],
    now: datetime,
    *,
    people: PeopleIn,
    wrong: str | None = None,
    origin: Origin = "webhook",
) -> tuple[Document | None, list[ParsedEvent]]:
    """The documents that a request becomes: its raw bytes once, its events one by one."""
    stored = stored_request(request)
    everybody = people(request.body, [contact for fact in facts if (contact := _contact(fact)) is not None])
    digest = sha256(request.body).hexdigest()
    raw = None
    if len(facts) != 1:
        owner = (compiled.tenant, compiled.connection)
        raw = RawRecord(
            id=stable_id("raw", *owner, digest, str(_slot(compiled.dedupe_window, now))),
            tenant=owner[0], connection=owner[1],
            vendor=compiled.vendor, status="kept" if wrong is None else "quarantined", reason=wrong, received_at=now,
            request=stored, people=everybody, blank_at=now + compiled.retention, expire_at=now + SKELETON,
        )  # fmt: skip
    items: list[ParsedEvent] = []
    seen: set[str] = set()
    for index, fact in enumerate(facts):
        kept: Kept = {"request": stored, "people": everybody[:PEOPLE_OF_AN_EVENT]}
        if raw is not None:
            # Of a batch only this item's people: the whole body would put everybody into every event, and `forget`
            # would blank too much.
            contact = _contact(fact)
            own = people(fact.model_dump_json().encode(), [contact] if contact else [])
            kept = {"raw": raw.id, "people": own[:PEOPLE_OF_AN_EVENT]}
        item = _item(fact, index, digest, compiled, now, origin, kept)
        if item.record.event.id not in seen:  # else the same fact twice in one body
            seen.add(item.record.event.id)
            items.append(item)
    return (journal.document(raw) if raw is not None else None), items


def _contact(fact: Fact | Unreadable) -> Contact | None:
    return fact.contact if isinstance(fact, Fact) else None


def _slot(window: timedelta, now: datetime) -> int:
    """Which dedupe window a moment lies in."""
    return int(now.timestamp()) // max(int(window.total_seconds()), 1)


def _item(
    fact: Fact | Unreadable, index: int, digest: str, compiled: CompiledConnection, now: datetime, origin: Origin,
    kept: Kept,
) -> ParsedEvent:  # fmt: skip
    tenant, connection = compiled.tenant, compiled.connection
    weak = fact.key is None
    window: timedelta | None = compiled.dedupe_window
    # Nothing tells a fact by where it has no key: a hash of the body, valid within a window of time.
    key = fact.key if fact.key is not None else ("body", digest, str(index))
    if isinstance(fact, Fact) and fact.within is not None:
        window = fact.within
    elif not weak:
        window = None
    earlier = None
    if window is not None:
        slot = _slot(window, now)
        earlier = event_id(tenant, connection, *key, str(slot - 1))
        key = (*key, str(slot))
    identity = event_id(tenant, connection, *key)
    status, reason = EventStatus.ACCEPTED, None
    if isinstance(fact, Unreadable):
        status, reason = EventStatus.QUARANTINED, fact.reason
        fact = Fact(type=EventType.OTHER, key=fact.key)
    elif fact.ignored:
        status, reason = EventStatus.IGNORED, fact.ignored
    elif not _wanted(fact, compiled):
        status, reason = EventStatus.IGNORED, N_("no flow acts on {type} from here").format(type=fact.type.value)
    elif fact.held:
        status, reason = EventStatus.QUARANTINED, fact.held
    event = Event(
        id=identity, tenant=tenant, connection=connection, vendor=compiled.vendor, type=fact.type,
        subject=fact.subject or f"event:{identity}", identity="weak" if weak else "strong", origin=origin,
        received_at=now, occurred_at=fact.occurred_at, contact=fact.contact, position=fact.position,
        entity=fact.entity, about=fact.about, data=fact.data, receipt=fact.receipt, consent=fact.consent,
        partial=fact.partial,
    )  # fmt: skip
    # Somebody is to be told of what is quarantined: until then it is as open as what is to be planned.
    is_open = status is not EventStatus.IGNORED
    record = EventRecord(
        event=event, status=status, reason=reason, blank_at=now + compiled.retention,
        wake_at=now + timedelta(seconds=PLAN_GRACE) if is_open else None,
        goes_on_at=now + fact.held_for if is_open and fact.held and fact.held_for is not None else None,
        expire_at=None if is_open else now + SKELETON, **kept,
    )  # fmt: skip
    return ParsedEvent(record, earlier, now - window if window is not None else None)


def _wanted(fact: Fact, compiled: CompiledConnection) -> bool:
    """Whether anything may follow. What is told in part may turn out to be anything of its kind."""
    if fact.receipt is not None or fact.consent is not None:
        return True
    if fact.type in (EventType.CONNECTION_DISABLED, EventType.SEND_REQUESTED):  # for the engine itself
        return True
    if fact.partial:
        kind = fact.type.value.partition(".")[0]
        return any(wanted.partition(".")[0] == kind for wanted in compiled.wants)
    return fact.type.value in compiled.wants


def stored_request(request: RawRequest) -> StoredRequest:
    """The request as it is kept: the key, wherever it stood, isn't."""
    path = "/".join("•••" if segment.count(".") == 4 else segment for segment in without_keys(request.path).split("/"))
    return StoredRequest.of(request.method, path, request.header("content-type"), request.body)
