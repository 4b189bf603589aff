"""A person's own visits and bookings, for a session.

Which visits are theirs the journal says: those that their calendar told us of, and those that we booked. How one stands
now the calendar says, where it can be asked while somebody waits; else it is shown as we last heard of it, and marked
so. What is over is not asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from svyazka.engine.asking.asker import Asker
from svyazka.engine.asking.bookings import booking_of
from svyazka.engine.asking.own import is_about, shown_to
from svyazka.engine.asking.sessions import Session
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import EVENTS_OF_SUBJECT
from svyazka.engine.tenants.directory import Account
from svyazka.model.bookings import Visit, VisitStatus, WallTime
from svyazka.model.errors import ConfigError, NotAnswered
from svyazka.model.events import Event, EventRecord, EventType
from svyazka.model.mine import Mine, MyBooking, MyVisit
from svyazka.model.questions import AskVisit
from svyazka.model.tenants import Tenant

MOST_SHOWN, MOST_BOOKINGS, MOST_ASKED = 50, 20, 8
WITHIN = 2.3
"""Seconds that the calendar is waited for: whoever looks at a page bears three."""

OVER = timedelta(days=1)
"""So long past its time a visit may still change: a calendar's administrator ticks off the day in the evening."""

HEARD = {
    EventType.APPOINTMENT_BOOKED: VisitStatus.BOOKED, EventType.APPOINTMENT_CHANGED: VisitStatus.BOOKED,
    EventType.APPOINTMENT_CONFIRMED: VisitStatus.CONFIRMED, EventType.APPOINTMENT_COMPLETED: VisitStatus.COMPLETED,
    EventType.APPOINTMENT_CANCELLED: VisitStatus.CANCELLED, EventType.APPOINTMENT_MISSED: VisitStatus.MISSED,
}  # fmt: skip
LIVE = frozenset({VisitStatus.BOOKED, VisitStatus.CONFIRMED})


@dataclass(frozen=True, slots=True)
class _Known:
    """A visit as the journal knows it."""

    connection: str
    event: Event
    visit: MyVisit
    starts_at: WallTime | None


class MyVisits:
    """What is shown to whom a session is of. Raises NotYours where it may not be."""

    def __init__(self, hub: Hub, asker: Asker) -> None:
        self._hub, self._asker = hub, asker

    async def bookings(self, tenant: Tenant, session: Session) -> Mine:
        """What was asked for through the front door, the newest first."""
        shown: list[MyBooking] = []
        for one in _asked_for(await shown_to(self._hub, tenant, session)):
            known = await booking_of(self._hub, tenant.id, one.id)
            said = {name: one.data.get(name) for name in ("service", "staff", "starts_at")}
            texts = {name: value for name, value in said.items() if isinstance(value, str)}
            shown.append(MyBooking(id=one.id, status=known.state if known is not None else "accepted", **texts))
        return Mine(value=tuple(shown), as_of=self._hub.clock.now())

    async def visits(self, tenant: Tenant, session: Session, by: str) -> Mine:
        """Visits, the latest first; `by`: the site whose share of the calendar's calls this uses."""
        known = await self._known(tenant, await shown_to(self._hub, tenant, session))
        now = self._hub.clock.now()
        live = [one for one in known if _may_change(one, now)]
        live.sort(key=lambda one: one.starts_at.moment if one.starts_at is not None else now)
        looks = {
            one.visit.id: asyncio.create_task(self._looked_up(tenant, session, one, by)) for one in live[:MOST_ASKED]
        }
        if looks:
            await asyncio.wait(looks.values(), timeout=WITHIN)
        shown, stale = [], len(live) > MOST_ASKED
        for one in known:
            look = looks.get(one.visit.id)
            if look is None or not look.done():
                stale = stale or look is not None
                shown.append(one.visit)
                if look is not None:
                    look.cancel()
                continue
            found, answered = look.result()
            stale = stale or not answered
            if found is not None:
                shown.append(found)
        shown.sort(key=lambda visit: visit.starts_at or "", reverse=True)
        return Mine(value=tuple(shown), as_of=now, stale=stale)

    # What the journal knows

    async def _known(self, tenant: Tenant, events: Sequence[Event]) -> list[_Known]:
        found: dict[tuple[str, str], _Known] = {}
        zones: dict[str, str] = {}
        for event in events:
            key = (event.connection, _visit_in(event))
            if event.type in HEARD and key not in found and len(found) < MOST_SHOWN:
                if event.connection not in zones:
                    account = await self._account(tenant, event.connection)
                    zones[event.connection] = account.timezone if account is not None else tenant.timezone
                found[key] = _heard(event, key[1], zones[event.connection])
        for event in _asked_for(events):
            booked = await booking_of(self._hub, tenant.id, event.id)
            if booked is None or booked.visit is None or booked.connection is None:
                continue
            key = (booked.connection, booked.visit)
            visit = MyVisit(
                id=booked.visit, starts_at=booked.starts_at.iso if booked.starts_at is not None else None,
                status=VisitStatus.CANCELLED if booked.state == "cancelled" else VisitStatus.BOOKED,
                title=_text(event.data.get("title")), seen="journal", as_of=event.received_at,
            )  # fmt: skip
            found.setdefault(key, _Known(booked.connection, event, visit, booked.starts_at))
        return list(found.values())

    # What the calendar says

    async def _looked_up(self, tenant: Tenant, session: Session, one: _Known, by: str) -> tuple[MyVisit | None, bool]:
        """The visit as it stands now, and whether the calendar said so; None for one that is another's by now."""
        if not await self._is_still_theirs(session, one):
            return None, True
        account = await self._account(tenant, one.connection)
        if account is None or account.manifest.calendar is None:
            return one.visit, True  # nobody knows it any better
        try:
            answer = await self._asker.ask(account, AskVisit(visit=one.visit.id), by)
        except (NotAnswered, ValueError):
            return one.visit, False
        there = next((visit for visit in answer.value if isinstance(visit, Visit)), None)
        if there is None:
            gone = {"status": VisitStatus.CANCELLED, "seen": "calendar", "as_of": answer.as_of}
            return one.visit.model_copy(update=gone), True
        shown = MyVisit(
            id=there.id, status=there.status, starts_at=there.starts_at.iso, minutes=there.minutes,
            title=there.title or one.visit.title, staff_name=there.staff_name or one.visit.staff_name,
            seen="calendar", as_of=answer.as_of,
        )  # fmt: skip
        return shown, True

    async def _is_still_theirs(self, session: Session, one: _Known) -> bool:
        """Whether the newest news of it is about the same person: an administrator may have given it to another."""
        event = one.event
        equal = {"tenant": event.tenant, "connection": event.connection, "subject": event.subject}
        page = await self._hub.store.find(EVENTS_OF_SUBJECT, equal=equal, limit=1)
        newest = next((held.model.event for held in journal.known(EventRecord, page.documents)), event)
        return newest.contact is None or is_about(self._hub, newest, session.person)

    async def _account(self, tenant: Tenant, connection: str) -> Account | None:
        try:
            return await self._hub.directory.account(tenant.id, connection)
        except ConfigError:
            return None


def _asked_for(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.type is EventType.BOOKING_REQUESTED][:MOST_BOOKINGS]


def _visit_in(event: Event) -> str:
    """By which its calendar shows it: the object that an appointment's event is about."""
    return event.entity.id if event.entity is not None else event.subject.partition(":")[2]


def _heard(event: Event, id_: str, zone: str) -> _Known:
    said = _text(event.data.get("starts_at_local")) or _text(event.data.get("starts_at"))
    try:
        starts_at = WallTime.read(said, zone) if said is not None else None
    except ValueError:
        starts_at = None
    minutes = event.data.get("minutes")
    visit = MyVisit(
        id=id_, status=HEARD[event.type], starts_at=starts_at.iso if starts_at is not None else None,
        minutes=minutes if isinstance(minutes, int) else None, title=_text(event.data.get("service")),
        staff_name=_text(event.data.get("staff")), seen="journal", as_of=event.received_at,
    )  # fmt: skip
    return _Known(event.connection, event, visit, starts_at)


def _may_change(one: _Known, now: datetime) -> bool:
    return one.visit.status in LIVE and (one.starts_at is None or one.starts_at.moment > now - OVER)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
