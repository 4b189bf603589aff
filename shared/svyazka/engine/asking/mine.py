"""What a person may see of their own: by a session that shows who they are, and only what is surely theirs.

A phone is not a person. Where a household shares it, where the business keeps such things apart (a clinic), or where it
was silent for half a year and may be somebody else's by now, nothing is shown.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from svyazka.engine.asking.bookings import booking_of
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import EVENTS_OF_PERSON
from svyazka.engine.security.init_data import NotGenuine
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventRecord, EventStatus, EventType
from svyazka.model.tenants import Tenant

UNUSED = timedelta(days=183)
"""After so long a silence an operator may have given the number to somebody else."""

MOST, MOST_BOOKINGS = 200, 20

READS = timedelta(hours=24)
"""How old init data may be to read by: a cached page keeps what was signed for up to a day."""

VISITS = {
    EventType.APPOINTMENT_BOOKED: "booked", EventType.APPOINTMENT_CHANGED: "booked",
    EventType.APPOINTMENT_CONFIRMED: "confirmed", EventType.APPOINTMENT_COMPLETED: "completed",
    EventType.APPOINTMENT_CANCELLED: "cancelled", EventType.APPOINTMENT_MISSED: "missed",
}  # fmt: skip


class NotYours(Exception):
    """Nothing is shown. `code`: no_session, second_factor, household, not_bound, not_genuine."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def person_of_session(hub: Hub, tenant: Tenant, token: str) -> str:
    """Keyed hash of whom a session is of. Raises NotYours."""
    document = await hub.store.get("sessions", hub.keyring.mark("session", token))
    ends = document.fields.get("expire_at") if document is not None else None
    if document is None or document.fields.get("tenant") != tenant.id or ends is None or ends <= hub.clock.now():  # type: ignore[operator]
        raise NotYours("no_session")
    return str(document.fields["person"])


async def bookings(hub: Hub, tenant: Tenant, person: str) -> list[dict[str, Any]]:
    """What was asked for through the front door, the newest first."""
    events = await _events(hub, tenant, person)
    asked = [event for event in events if event.type is EventType.BOOKING_REQUESTED]
    shown: list[dict[str, Any]] = []
    for one in asked[:MOST_BOOKINGS]:
        known = await booking_of(hub, tenant.id, one.id)
        said: dict[str, Any] = {"id": one.id, "status": known.state if known is not None else "accepted"}
        said.update((name, one.data[name]) for name in ("service", "staff", "starts_at") if name in one.data)
        shown.append(said)
    return shown


async def visits(hub: Hub, tenant: Tenant, person: str) -> list[dict[str, Any]]:
    """Visits as the calendar has told of them, each as it stood last."""
    found: dict[str, dict[str, Any]] = {}
    for event in await _events(hub, tenant, person):
        if event.type in VISITS and event.subject not in found:
            known = _some(event, "service", "date", "time", "staff_name")
            found[event.subject] = {"id": event.subject.partition(":")[2], "status": VISITS[event.type], **known}
    return list(found.values())


def _some(event: Event, *names: str) -> dict[str, Any]:
    return {name: event.data[name] for name in names if name in event.data}


async def _events(hub: Hub, tenant: Tenant, person: str) -> list[Event]:
    """What the journal holds of exactly this person, the newest first. Raises NotYours."""
    if tenant.sensitive:
        raise NotYours("second_factor")
    page = await hub.store.find(EVENTS_OF_PERSON, contains=person, limit=MOST)
    records = [held.model for held in journal.known(EventRecord, page.documents)]
    own = [
        one.event for one in records
        if one.event.tenant == tenant.id and one.status is not EventStatus.QUARANTINED
        and _is_theirs(hub, one.event, person)
    ]  # fmt: skip
    own.sort(key=lambda event: event.received_at, reverse=True)
    names = [
        event.contact.name for event in own if not _is_said_by_anybody(event) and event.contact and event.contact.name
    ]
    if any(not _is_one_name(names[0], other) for other in names[1:]):
        raise NotYours("household")
    before = [event for event in own if event.type is not EventType.SEND_REQUESTED]
    if before and hub.clock.now() - before[0].received_at > UNUSED:
        raise NotYours("second_factor")
    return own


def _is_theirs(hub: Hub, event: Event, person: str) -> bool:
    """Whether the event is about the person, and doesn't only mention their phone."""
    contact = event.contact or Contact()
    if contact.phone and person in hub.keyring.person_ever(event.tenant, contact.phone):
        return True
    return any(person in hub.keyring.person_ever(event.tenant, f"{v}:{c}") for v, c in contact.chats.items())


def _is_said_by_anybody(event: Event) -> bool:
    """What came by a site's public key: whoever knows the phone may say any name."""
    return event.data.get("by") == "public"


def _is_one_name(one: str, other: str) -> bool:
    """Whether two names may be one person's: a word of one is a word of the other."""
    return bool(_words(one) & _words(other)) or not _words(one) or not _words(other)


def _words(name: str) -> set[str]:
    return {word.casefold().strip(".") for word in name.split() if len(word.strip(".")) > 1}


async def person_in_app(hub: Hub, tenant: Tenant, bot: str, init_data: str) -> str:
    """Keyed hash of whoever has opened the bot's Mini App, by the phone that they had shared with it: their own, or it
    binds nothing. Raises NotYours."""
    account = await hub.directory.account(tenant.id, bot) if bot else None
    if account is None or account.manifest.identity is None:
        raise NotYours("not_bound")
    try:
        user = account.manifest.identity.user(init_data, account.settings, hub.clock.real(), READS)
    except NotGenuine:
        raise NotYours("not_genuine") from None
    for person in hub.keyring.person_ever(tenant.id, f"{account.vendor}:{user}"):
        page = await hub.store.find(EVENTS_OF_PERSON, contains=person, limit=MOST)
        events = [held.model.event for held in journal.known(EventRecord, page.documents)]
        phones = [
            (event.received_at, event.contact.phone) for event in events
            if event.tenant == tenant.id and event.connection == bot and event.contact is not None
            and event.contact.phone and event.contact.chats.get(account.vendor) == user
        ]  # fmt: skip
        if phones:
            return hub.keyring.person(tenant.id, str(max(phones)[1]))
    raise NotYours("not_bound")
