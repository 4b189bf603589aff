"""What the guards ask for: the do-not-contact list, the reservation, how its subject is by now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from svyazka.engine.calling.rereading import Rereader
from svyazka.engine.delivering.once_per import reservation_id, taken_until
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import EVENTS_OF_SUBJECT
from svyazka.engine.journal.obligations import source_of
from svyazka.engine.keeping.consent import any_withdrawn, newest_words, optout_ids
from svyazka.engine.ports.store import Document
from svyazka.engine.rules.guards import GuardFacts, addresses, may_be_corrected, wants_newest
from svyazka.engine.support.logs import log
from svyazka.model.commands import SendMessage, StillTrue
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import SourceUnavailable
from svyazka.model.events import Entity, Event, EventRecord, EventType

KNOWN_TYPES = frozenset(one.value for one in EventType)

SUBJECT_LOOK = 20
"""Events of a subject that are looked at, newest first."""


class Knowledge:
    """Fetches what a verdict rests on; nothing that no guard asks for."""

    def __init__(self, hub: Hub, rereader: Rereader) -> None:
        self._hub, self._rereader = hub, rereader

    async def of(self, delivery: Delivery, now: datetime) -> tuple[GuardFacts, Document | None]:
        """What is known for its guards, and the reservation as it was read."""
        guards, store = delivery.guards, self._hub.store
        to = delivery.command.to if isinstance(delivery.command, SendMessage) else None
        places: list[list[str]] = []
        if guards.opt_out and to is not None:
            places = [optout_ids(self._hub, delivery.tenant, address) for address in addresses(to)]
        keys = [("optouts", place) for ids in places for place in ids]
        if guards.once_per is not None:
            keys.append(("reservations", reservation_id(delivery.tenant, guards.once_per)))
        found = await store.get_many(keys) if keys else []
        reservation = found.pop() if guards.once_per is not None else None
        known = GuardFacts(
            opted_out=any_withdrawn(newest_words(places, found)), reserved_until=taken_until(reservation, delivery)
        )
        planned_at = delivery.created_at if delivery.predecessor is None else delivery.base_at
        if guards.still_true is not None and may_be_corrected(guards, min(planned_at, delivery.base_at), now):
            ask = wants_newest(guards.still_true, planned_at, now)
            known = await self._with_newest(known, delivery, guards.still_true, ask)
        return known, reservation

    async def _with_newest(self, known: GuardFacts, delivery: Delivery, guard: StillTrue, ask: bool) -> GuardFacts:
        """The subject's newest event: by its vendor's own numbering, else by arrival; and its objects read again, where
        time enough has passed to `ask` for them.

        Only its own connection's: another's order may bear the same number.

        A subject may be made of several objects (one visit, a record for each service): it is still what it
        was while the newest event of any one of them says so.
        """
        source = await source_of(self._hub.store, delivery)
        if source is None:
            return known
        where = {"tenant": delivery.tenant, "connection": source, "subject": guard.subject}
        page = await self._hub.store.find(EVENTS_OF_SUBJECT, equal=where, limit=SUBJECT_LOOK)
        if len(page.documents) == 1 and not ask:  # as a rule: nothing has come since
            only = str(page.documents[0].fields["type"])
            if only in KNOWN_TYPES:
                return replace(known, newest=EventType(only))
        events = [journal.read(EventRecord, document).model.event for document in page.documents]
        if not events:
            return known
        events.sort(key=lambda event: (event.position or 0, event.received_at))
        newest: dict[Entity | None, Event] = {event.entity: event for event in events}
        true = [event for event in newest.values() if event.type in guard.types]
        if not true or not ask:
            return replace(known, newest=(true or events)[-1].type)
        for event in true:
            now_known = await self._asked(known, event)
            if now_known.newest in guard.types:
                return now_known
        return now_known

    async def _asked(self, known: GuardFacts, event: Event) -> GuardFacts:
        """As the source says now; where it can't be asked, the journal's word counts."""
        try:
            facts = await self._rereader.reread(event)
        except SourceUnavailable:
            log("WARNING", "acting on the journal's word", tenant=event.tenant, event=event.id)
            return replace(known, newest=event.type)
        if facts.gone:
            return replace(known, gone=True)
        return replace(known, newest=facts.fresh.type if facts.fresh else event.type)
