"""What became of a booking that somebody asked for, by the id of the request: for its page, and for its link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import EVENTS_OF_SUBJECT
from svyazka.model.bookings import WallTime
from svyazka.model.commands import BookVisit, CancelVisit, MoveVisit
from svyazka.model.deliveries import FINAL, Delivery, Status
from svyazka.model.events import EventRecord, EventType

State = Literal["accepted", "trying", "unknown", "booked", "refused", "cancelled"]
"""`accepted`: it waits for its turn or for the calendar; `trying`: the calendar is being asked just now."""

REQUESTS_MOST = 50
"""Requests about one booking that are looked at: moves and cancellations, the newest first."""


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking as far as we know; its calendar may have changed since."""

    state: State
    connection: str | None = None
    visit: str | None = None
    starts_at: WallTime | None = None
    code: str | None = None
    """Why not, where it was refused: see `WhyNot`."""
    changing: bool = False
    """A move or a cancellation is on its way."""


async def booking_of(hub: Hub, tenant: str, event_id: str) -> Booked | None:
    """What became of the request with that event; None where there is none. Its moves and cancellations are events of
    the same subject."""
    asked = await journal.load(hub.store, EventRecord, event_id)
    if asked is None or asked.model.event.tenant != tenant or asked.model.event.type is not EventType.BOOKING_REQUESTED:
        return None
    event = asked.model.event
    equal = {"tenant": tenant, "connection": event.connection, "subject": event.subject}
    page = await hub.store.find(EVENTS_OF_SUBJECT, equal=equal, limit=REQUESTS_MOST)
    records = [one.model for one in journal.known(EventRecord, page.documents)]
    ids = [*dict.fromkeys(id_ for record in (asked.model, *records) for id_ in record.deliveries)]
    documents = await hub.store.get_many([("deliveries", id_) for id_ in ids])
    found = journal.known(Delivery, [document for document in documents if document is not None])
    return _known(sorted((one.model for one in found), key=lambda one: one.created_at))


def _known(deliveries: list[Delivery]) -> Booked:
    """All that was done about it, in its order."""
    known = Booked("accepted")
    for delivery in deliveries:
        match delivery.command:
            case BookVisit(starts_at=starts_at):
                known = _booked(delivery, starts_at)
            case MoveVisit(starts_at=starts_at):
                moved = delivery.status is Status.SUCCEEDED
                known = replace(known, starts_at=starts_at if moved else known.starts_at, changing=_open(delivery))
            case CancelVisit():
                off = delivery.status is Status.SUCCEEDED
                known = replace(known, state="cancelled" if off else known.state, changing=_open(delivery))
    return known


def _booked(delivery: Delivery, starts_at: WallTime) -> Booked:
    state: State = "accepted"
    match delivery.status:
        case Status.SUCCEEDED:
            state = "booked"
        case Status.IN_FLIGHT:
            state = "trying"
        case Status.UNKNOWN:
            state = "unknown"
        case Status.CANCELLED:
            state = "cancelled"
        case status if status in FINAL:
            state = "refused"
    code = delivery.last_error.code if delivery.last_error and state == "refused" else None
    return Booked(state, delivery.connection, delivery.external_id, starts_at, code)


def _open(delivery: Delivery) -> bool:
    return delivery.status not in FINAL
