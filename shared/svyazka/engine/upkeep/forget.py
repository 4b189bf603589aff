"""A person is forgotten (DESIGN 5.13): found by keyed hashes over whole requests, blanked, never contacted again.

Safe to run twice and to die in the middle: the do-not-contact mark comes first, and what is blank is skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import (
    DELIVERIES_OF_PERSON,
    DOUBTS_OF_RECORD,
    EVENTS_OF_PERSON,
    EVENTS_OF_SUBJECT,
    KEYS_OF_PERSON,
    MATCHES_OF_PERSON,
    PAYMENTS_OF_PERSON,
    RAWS_OF_PERSON,
    RECEIPTS_OF_PERSON,
    RECORDS_OF_PERSON,
    SESSIONS_OF_PERSON,
    SUBSCRIPTIONS_OF_PERSON,
)
from svyazka.engine.journal.tasks import subscription_task
from svyazka.engine.journal.transition import ended, replace_delivery
from svyazka.engine.keeping.consent import FORGOTTEN, mark
from svyazka.engine.keeping.sealed import SealedValues
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import COMMIT_MOST, Delete, Document, Task, Write
from svyazka.engine.rules.transitions import stopped
from svyazka.engine.upkeep.retention import blank, blanked_write
from svyazka.model.base import SKELETON
from svyazka.model.commands import person_of
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import NOT_BEGUN, Delivery, Status
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.events import EventRecord, EventStatus, RawRecord
from svyazka.model.in_step import Doubt, Record
from svyazka.model.payments import Payment
from svyazka.model.receipts import IntentState, ReceiptIntent
from svyazka.model.subscriptions import Subscription, SubscriptionState, Why
from svyazka.model.tenants import Tenant

PAGE = 200
TRIES = 8


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was blanked. `cancelled`: of the deliveries, those that were still to be made.

    `in_flight`: messages that are being sent in this moment; they can't be blanked yet.
    """

    tenant: str
    events: int = 0
    requests: int = 0
    deliveries: int = 0
    cancelled: int = 0
    in_flight: int = 0
    kept: int = 0
    """Sealed values: rows of files, what is proposed or asked."""
    cards: tuple[str, ...] = ()
    """His cards in systems that were kept in step, as `connection/id`: nobody but their owners can delete them."""


class Forgetting:
    """Forgets one address of a person at a tenant's."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def forget(self, tenant: Tenant, address: str, *, dry_run: bool = False) -> Forgotten:
        """Blank whatever mentions the address. `dry_run` only counts. Raises Unavailable."""
        hub, hashes = self._hub, frozenset(self._hub.keyring.person_ever(tenant.id, address))
        if not dry_run:
            await hub.store.commit([mark(hub, tenant.id, address, FORGOTTEN, hub.clock.now())])
        mentioned = _Mentions(hub, tenant.id, hashes)
        done = Forgotten(tenant.id)
        async for document in self._found(SUBSCRIPTIONS_OF_PERSON, hashes):  # before what it would charge by
            await self._change(document, self._subscription, dry_run)
        async for document in self._found(EVENTS_OF_PERSON, hashes):
            changed = await self._change(document, mentioned.event, dry_run)
            done = replace(done, events=done.events + changed)
        async for document in self._found(RAWS_OF_PERSON, hashes):
            changed = await self._change(document, _request, dry_run)
            done = replace(done, requests=done.requests + changed)
        async for document in self._found(DELIVERIES_OF_PERSON, hashes):
            delivery = journal.read(Delivery, document).model
            if delivery.status is Status.IN_FLIGHT and mentioned.in_delivery(delivery):
                done = replace(done, in_flight=done.in_flight + 1)
                continue
            changed = await self._change(document, mentioned.delivery, dry_run)
            cancelled = changed and delivery.status in NOT_BEGUN
            done = replace(done, deliveries=done.deliveries + changed, cancelled=done.cancelled + cancelled)
        async for document in self._found(RECORDS_OF_PERSON, hashes):
            record = journal.read(Record, document).model
            async for told in self._told_of(record):  # before the record, which leads to them
                done = replace(done, events=done.events + await self._change(told, mentioned.event_of_card, dry_run))
            if await self._change(document, self._in_step, dry_run):
                cards = (f"{name}/{side.object}" for name, side in record.systems.items())
                done = replace(done, cards=tuple(sorted({*done.cards, *cards})))
        for query in (KEYS_OF_PERSON, MATCHES_OF_PERSON):  # after the records: none of them notes its keys any more
            async for document in self._found(query, hashes):
                await self._change(document, _note, dry_run)
        async for document in self._found(PAYMENTS_OF_PERSON, hashes):
            await self._change(document, _payment, dry_run)
        async for document in self._found(RECEIPTS_OF_PERSON, hashes):
            await self._change(document, _receipt, dry_run)
        kept = SealedValues(hub)
        async for batch in kept.of_person(hashes):
            done = replace(done, kept=done.kept + await kept.mentions(batch.model, hashes))
            if not dry_run:
                await kept.forget(batch.model.id, hashes)
        if not dry_run:
            for person in sorted(hashes):
                page = await hub.store.find(SESSIONS_OF_PERSON, equal={"person": person}, limit=PAGE)
                for session in page.documents:
                    await hub.store.commit([Delete("sessions", session.id)])
            await hub.store.scrub()
        return done

    async def _in_step(self, document: Document) -> _Blanked | None:
        """What a record of the person becomes: his cards in the other systems stay theirs to delete, and what was asked
        about them is asked no more."""
        held, now = journal.read(Record, document), self._hub.clock.now()
        where = {"record": document.id, "status": "open"}
        page = await self._hub.store.find(DOUBTS_OF_RECORD, equal=where, limit=COMMIT_MOST - 1)
        changes = {"state": "over", "expire_at": now + SKELETON}
        rows = journal.known(Doubt, page.documents)
        over = [journal.replace(row.model.model_copy(update=changes), row.version) for row in rows]
        return [journal.replace(held.model.forgotten(now), held.version), *over], ()

    async def _subscription(self, document: Document) -> _Blanked | None:
        """Whoever is forgotten is charged no more; what was paid stays with its payments."""
        held = journal.read(Subscription, document)
        one, now = held.model, self._hub.clock.now()
        if one.person is None and not one.people:
            return None
        after = one.blanked()
        if not one.is_over:
            over = {"state": SubscriptionState.CANCELLED, "why": Why.FORGOTTEN, "ended_at": now, "since": now}
            after = after.model_copy(update={**over, "changed_at": now, "wake_at": now})
        return [journal.replace(after, held.version)], [subscription_task(one.id)]

    async def _told_of(self, record: Record) -> AsyncIterator[Document]:
        """What systems have told of his cards, with a name alone perhaps: nothing in it leads to a phone."""
        for connection, side in record.sides.items():
            where = {"tenant": record.tenant, "connection": connection, "subject": f"{record.kind}:{side.object}"}
            async for document in self._pages(EVENTS_OF_SUBJECT, equal=where):
                yield document

    async def _found(self, query: Query, hashes: frozenset[str]) -> AsyncIterator[Document]:
        for person in sorted(hashes):
            async for document in self._pages(query, contains=person):
                yield document

    async def _pages(
        self, query: Query, *, equal: Mapping[str, str] | None = None, contains: str | None = None
    ) -> AsyncIterator[Document]:  # fmt: skip
        cursor: str | None = None
        while True:
            page = await self._hub.store.find(query, equal=equal or {}, contains=contains, limit=PAGE, cursor=cursor)
            for document in page.documents:
                yield document
            cursor = page.cursor
            if cursor is None:
                break

    async def _change(self, document: Document, make: Blanking, dry_run: bool) -> bool:
        """Whether there was anything to blank. Raises Unavailable when others never let go of the document."""
        for _ in range(TRIES):
            blanked = await make(document)
            if blanked is None or dry_run:
                return blanked is not None
            try:
                await self._hub.store.commit(*blanked)
            except Conflict:
                fresh = await self._hub.store.get(document.kind, document.id)
                if fresh is None:
                    return False
                document = fresh
                continue
            return True
        raise Unavailable(
            N_("{kind}/{document} changes all the time: run this again").format(
                kind=document.kind, document=document.id
            )
        )


_Blanked = tuple[Sequence[Write], Sequence[Task]]
Blanking = Callable[[Document], Awaitable[_Blanked | None]]
"""What is written of a document, and queued along with it; None where there is nothing to blank."""


class _Mentions:
    """What of a document is this person's. A request may tell of others too: their messages are left alone."""

    def __init__(self, hub: Hub, tenant: str, hashes: frozenset[str]) -> None:
        self._hub, self._tenant, self._hashes = hub, tenant, hashes
        self._events: set[str] = set()
        """Events of this person, by what they themselves say."""

    def _in(self, text: str, contacts: Iterable[Contact | None]) -> bool:
        people = self._hub.keyring.people(self._tenant, text.encode(), [one for one in contacts if one is not None])
        return not self._hashes.isdisjoint(people)

    async def event(self, document: Document) -> _Blanked | None:
        """Its request always; its contact and data where they are this person's, or nobody's that we know."""
        held = journal.read(EventRecord, document)
        event = held.model.event
        told = event.model_dump_json(include={"contact", "data", "about"})
        his = self._in(told, [event.contact]) or event.contact is None or event.contact == Contact()
        return self._bare(held, his)

    async def event_of_card(self, document: Document) -> _Blanked | None:
        """What a system has told of a card that is his."""
        held = journal.read(EventRecord, document)
        return self._bare(held, True) if held.model.event.id not in self._events else None

    def _bare(self, held: Versioned[EventRecord], his: bool) -> _Blanked | None:
        record, event = held.model, held.model.event
        changes: dict[str, object] = {"request": None}
        if his:
            self._events.add(event.id)
            changes |= {"event": event.blanked(), "blank_at": None}
            if record.status is EventStatus.ACCEPTED and event.receipt is None:
                changes |= {
                    "status": EventStatus.IGNORED, "reason": N_("this person asked to be forgotten"), "wake_at": None,
                    "expire_at": self._hub.clock.now() + SKELETON,
                }  # fmt: skip
        after = record.model_copy(update=changes)
        return ([journal.replace(after, held.version)], ()) if after != record else None

    def in_delivery(self, delivery: Delivery) -> bool:
        """Whether a delivery is to this person, mentions him, or comes of an event of his."""
        if delivery.event in self._events:
            return True
        told = delivery.model_dump_json(include={"command", "attempts", "fallbacks"})
        commands = (delivery.command, *(step.command for step in delivery.fallbacks))
        return self._in(told, [person_of(command) for command in commands])

    async def delivery(self, document: Document) -> _Blanked | None:
        held = journal.read(Delivery, document)
        delivery = held.model
        if delivery.status is Status.IN_FLIGHT or not self.in_delivery(delivery):
            return None
        if delivery.status in NOT_BEGUN:
            why, now = N_("this person asked to be forgotten"), self._hub.clock.now()
            end = await ended(self._hub.store, stopped(delivery, Status.CANCELLED, "forgotten", why, now), now)
            bare = replace(end, delivery=blank(end.delivery))
            return bare.over(held.version), bare.tasks
        after = blank(delivery)
        return ([replace_delivery(held, after)], ()) if after != delivery else None


async def _note(document: Document) -> _Blanked | None:
    """Under which of a person's addresses we know objects of other systems: the objects themselves stay theirs."""
    return [Delete(document.kind, document.id, document.version)], ()


async def _payment(document: Document) -> _Blanked | None:
    """Sums and states stay: months are compared by them, and the tax office asks for years."""
    held = journal.read(Payment, document)
    if held.model.person is None and not held.model.people:
        return None
    return [journal.replace(held.model.blanked(), held.version)], ()


async def _receipt(document: Document) -> _Blanked | None:
    """One that is owed is registered first: the law wants it, with an address to go to."""
    held = journal.read(ReceiptIntent, document)
    if held.model.state is not IntentState.DONE or (held.model.person is None and not held.model.people):
        return None
    return [journal.replace(held.model.blanked(), held.version)], ()


async def _request(document: Document) -> _Blanked | None:
    return None if journal.read(RawRecord, document).model.request is None else ([blanked_write(document)], ())
