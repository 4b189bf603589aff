"""What the journal holds of exactly one person: what a session may be shown.

A phone is not a person. Where several share it, a session has to show which of them it is (the birth year); where the
business keeps such things apart (a clinic), or the number was silent for half a year and may be somebody else's by
now, it has to show the birth date. Till then it is shown nothing; what was before a silence that somebody has broken
since, nothing of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from svyazka.engine.asking.sessions import MOST, NotYours, Session
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import EVENTS_OF_PERSON
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventRecord, EventStatus, EventType
from svyazka.model.names import same_person
from svyazka.model.sessions import Factor
from svyazka.model.tenants import Tenant

UNUSED = timedelta(days=183)
"""After so long a silence an operator may have given the number to somebody else."""

WHY = {Factor.BIRTH_YEAR: "household", Factor.BIRTH_DATE: "second_factor"}


async def shown_to(hub: Hub, tenant: Tenant, session: Session) -> list[Event]:
    """The events that a session may be shown, the newest first. Raises NotYours."""
    events, shown = await all_of(hub, tenant, session.person), session.shown.factor
    wanted = wanted_for(hub, tenant, events)
    if not shown.serves_for(wanted):
        raise NotYours(WHY[wanted])
    if not shown.serves_for(Factor.BIRTH_DATE):
        events = _since_silence(hub, events)  # whoever has the number now may have broken it
    if shown is Factor.NOTHING:
        return events
    mine = frozenset(session.shown.names)
    alone = all(name_mark(hub, tenant.id, name) in mine for name in names_in(events))
    return [event for event in events if _is_of(hub, event, mine, alone)]


def wanted_for(hub: Hub, tenant: Tenant, events: Sequence[Event]) -> Factor:
    """What somebody with this phone has to show beside it."""
    recent = _since_silence(hub, events)
    if tenant.sensitive or (not recent and _activity(events)):
        return Factor.BIRTH_DATE
    return Factor.NOTHING if one_person(names_in(recent)) else Factor.BIRTH_YEAR


def _since_silence(hub: Hub, events: Sequence[Event]) -> list[Event]:
    """What happened after the last time that nothing was heard for so long; none where it is silent now."""
    recent, until = list[Event](), hub.clock.now()
    for event in _activity(events):
        if until - event.received_at > UNUSED:
            break
        recent.append(event)
        until = event.received_at
    return recent


def _activity(events: Sequence[Event]) -> list[Event]:
    """Codes that were asked for are none: whoever has the number now asks for them."""
    return [event for event in events if event.type is not EventType.SEND_REQUESTED]


def _is_of(hub: Hub, event: Event, mine: frozenset[str], alone: bool) -> bool:
    """Whether an event is about the one who has shown who they are. Where all names are theirs, what bears none is
    theirs too."""
    name = event.contact.name if event.contact is not None else None
    return name_mark(hub, event.tenant, name) in mine if name else alone


async def all_of(hub: Hub, tenant: Tenant, person: str) -> list[Event]:
    """All that is about a person's phone or chat, whoever is meant, the newest first."""
    page = await hub.store.find(EVENTS_OF_PERSON, contains=person, limit=MOST)
    records = [held.model for held in journal.known(EventRecord, page.documents)]
    found = [
        one.event for one in records
        if one.event.tenant == tenant.id and one.status is not EventStatus.QUARANTINED
        and is_about(hub, one.event, person)
    ]  # fmt: skip
    return sorted(found, key=lambda event: event.received_at, reverse=True)


def is_about(hub: Hub, event: Event, person: str) -> bool:
    """Whether the event is about the person, and doesn't only mention their phone."""
    contact = event.contact or Contact()
    if contact.phone and person in hub.keyring.person_ever(event.tenant, contact.phone):
        return True
    return any(person in hub.keyring.person_ever(event.tenant, f"{v}:{c}") for v, c in contact.chats.items())


def names_in(events: Iterable[Event]) -> list[str]:
    """By which names others than strangers speak of a phone's owner: what came by a site's public key anybody may have
    said who knows the phone."""
    return list(
        dict.fromkeys(
            event.contact.name for event in events
            if event.data.get("by") != "public" and event.contact is not None and event.contact.name
        )
    )  # fmt: skip


def one_person(names: Sequence[str]) -> bool:
    """Whether these are one person's names. Stricter than where cards are looked for: a surname alone is a family's,
    and a first name alone may be a namesake's, so both rules have to agree."""
    return all(
        same_person(one, other) and _share_a_word(one, other)
        for number, one in enumerate(names) for other in names[number + 1 :]
    )  # fmt: skip


def _share_a_word(one: str, other: str) -> bool:
    ours, theirs = _words(one), _words(other)
    return bool(ours & theirs) or not ours or not theirs


def _words(name: str) -> set[str]:
    return {word.casefold().strip(".") for word in name.split() if len(word.strip(".")) > 1}


def name_mark(hub: Hub, tenant: str, name: str) -> str:
    """Keyed hash of a name as it is spelled, but for case."""
    return hub.keyring.mark("name", tenant, " ".join(name.casefold().split()))
