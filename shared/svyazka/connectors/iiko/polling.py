"""Deliveries that no webhook told of. iiko promises no repeat of a webhook, so this is what makes it whole.

`by_revision` is the usual look and goes 3 hours back. After a longer pause the missed days are read by
delivery date from the hot cache (7 days); only what is older can't be recovered from here. Table orders,
reservations and stop lists can't be polled at all (iikoCloud API contract 9.7.5.2).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.connectors.iiko.reads import Deliveries, Zones, deliveries_of, deliveries_since, terminal_zones
from svyazka.connectors.iiko.schema import Change, NotUnderstood
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.connectors.iiko.webhook import final_statuses, of_organization, order_fact
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Polled, Polling
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.base import Frozen, Time
from svyazka.model.events import EventType, Fact
from svyazka.model.outcomes import Blocked, Refused

REVISIONS_REACH = timedelta(hours=2, minutes=30)
"""How old a revision may be; iiko's own limit is 3 hours."""

HOT = timedelta(days=7)
"""For how long iiko guarantees deliveries."""

OVERLAP = timedelta(hours=1)
"""How old the revision of the look before may be to begin from it once more."""

STILL = timedelta(minutes=30)
"""A cursor that stands still is written again this often, to remember that we did look."""

QUIET = timedelta(minutes=30)
"""How long to leave iiko alone when it goes back to our revision no more and knows no newer one (a night
without orders): a login with many failing requests gets blocked."""

ORGANIZATION = N_("Проверьте, что organization_id верен и открыт этим ключам: svyazka doctor --live")

ZONES_APART = timedelta(hours=12)
"""How far a terminal's zone may lie from the tenant's, where iiko won't tell it."""


class Cursor(Frozen):
    """How far we have looked."""

    at: Time
    """When `revision` was seen to be the newest."""
    revision: int | None = None
    """None while iiko hasn't named one."""
    before: int | None = None
    """The newest of the look before, to look at the last changes twice."""
    before_at: Time | None = None
    since: Time | None = None
    """The first look of all: where days are read whole, orders finished earlier are history, not events."""
    day: date | None = None
    """Catching up: this day of deliveries is to be read next, then the days before it down to `until`."""
    until: date | None = None
    missed: Time | None = None
    """Catching up: when the pause began."""
    quiet_until: Time | None = None
    """Nothing is asked before: see QUIET."""


async def poll(cursor: str | None, call: Call[IikoSettings]) -> Polled:
    """One look. Raises VendorFailure, NotSent, MaybeSent."""
    try:
        return await _look(cursor, call)
    except VendorFailure as failure:
        if not isinstance(failure.outcome, Refused):
            raise
        # Days are refused for good, so asking every two minutes would only get the login blocked.
        code, message = failure.outcome.code, failure.outcome.message
        raise VendorFailure(
            Blocked(code=code, message=N_("опрос не удаётся: {message}").format(message=message), remedy=ORGANIZATION)
        ) from failure


async def _look(cursor: str | None, call: Call[IikoSettings]) -> Polled:
    if cursor is None:
        return await _first_look(call)
    known = Cursor.model_validate_json(cursor)
    if known.day is not None:
        return await _earlier_day(known, known.day, call)
    if known.quiet_until is not None and call.now < known.quiet_until:
        return Polled(facts=(), cursor=cursor)
    if known.revision is None or call.now - known.at > REVISIONS_REACH:
        return await _catch_up(known, call)
    try:
        return await _changes(known, known.revision, cursor, call)
    except VendorFailure as failure:
        if not isinstance(failure.outcome, Refused):
            raise
        return await _catch_up(known, call, refused=True)  # a revision that iiko goes back to no more


async def _first_look(call: Call[IikoSettings]) -> Polled:
    """Where revisions stand now. The orders that come with it are history and are left alone."""
    today = await deliveries_of(call, _today(call), None)
    cursor = Cursor(at=call.now, revision=today.revision, since=call.now)
    return Polled(facts=(), cursor=_written(cursor))


async def _changes(known: Cursor, revision: int, cursor: str, call: Call[IikoSettings]) -> Polled:
    start = revision
    if known.before is not None and known.before_at is not None and call.now - known.before_at < OVERLAP:
        start = known.before
    found = await deliveries_since(call, start)
    # A revision proves that its change is news; where iiko named none at first, only the order's times can.
    facts = await _facts(found, call, floor=None if start else known.since)
    newest = max(found.revision or 0, revision)
    if newest == revision and call.now - known.at < STILL:
        return Polled(facts=facts, cursor=cursor)
    moved = Cursor(
        at=call.now, revision=newest, before=revision, before_at=known.at if newest != revision else call.now,
        since=known.since,
    )  # fmt: skip
    return Polled(facts=facts, cursor=_written(moved))


async def _catch_up(known: Cursor, call: Call[IikoSettings], *, refused: bool = False) -> Polled:
    """The missed days, today first: its newest revision is where the usual looks then go on, so that a
    change made while we are reading the days before is seen too."""
    today = _today(call)
    found = await deliveries_of(call, today, None)
    lost = call.now - HOT
    # A delivery due the evening before is often closed after midnight.
    until = max(_day(known.at, call) - timedelta(days=1), _day(lost, call))
    day = today - timedelta(days=1)
    more = day >= until
    newest = max((r for r in (found.revision, known.revision) if r is not None), default=None)
    hopeless = newest is None or (refused and newest == known.revision)
    moved = Cursor(
        at=call.now, revision=newest, since=known.since, quiet_until=call.now + QUIET if hopeless else None,
        day=day if more else None, until=until if more else None, missed=known.at if more else None,
    )  # fmt: skip
    facts = await _facts(found, call, floor=_floor(known.at, known.since))
    gap = (known.at, lost) if known.at < lost else None
    return Polled(facts=facts, cursor=_written(moved), gap=gap, more=more)


async def _earlier_day(known: Cursor, day: date, call: Call[IikoSettings]) -> Polled:
    """One of the missed days. Those that grew too old while catching up was interrupted are a gap of their own."""
    done = known.model_copy(update={"day": None, "until": None, "missed": None})
    # Midnight may pass while we are reading: a day's grace.
    if day < _day(call.now - HOT, call) - timedelta(days=1):
        missed = known.missed or known.at
        end = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(call.timezone))
        return Polled(facts=(), cursor=_written(done), gap=(missed, end) if missed < end else None, more=True)
    found = await deliveries_of(call, day, day)
    before = day - timedelta(days=1)
    more = known.until is not None and before >= known.until
    moved = known.model_copy(update={"day": before}) if more else done
    facts = await _facts(found, call, floor=_floor(known.missed, known.since))
    return Polled(facts=facts, cursor=_written(moved), more=more)


def _floor(missed: datetime | None, since: datetime | None) -> datetime | None:
    """What happened earlier had been seen before the pause, or is history."""
    seen = missed - ZONES_APART if missed is not None else None
    return max((moment for moment in (seen, since) if moment is not None), default=None)


async def _facts(found: Deliveries, call: Call[IikoSettings], *, floor: datetime | None) -> list[Fact]:
    """Oldest first; without what had happened before `floor`."""
    zones = await terminal_zones(call) if found.orders else {}
    facts = (polled_fact(order, zones, call) for order in found.orders)
    wanted = [f for f in facts if floor is None or f.occurred_at is None or f.occurred_at >= floor]
    return sorted(wanted, key=lambda fact: (fact.occurred_at or call.now, fact.position or 0))


def polled_fact(info: Section, zones: Zones, call: Call[IikoSettings]) -> Fact:
    """An order as iiko's API answers it, in the form that its webhook has."""
    try:
        change = Change.of_order({"eventInfo": info})
        happened = occurred_at(change, zones, call)
        fact = order_fact(change, "delivery", final_statuses(call.settings.final_statuses), happened)
    except NotUnderstood as error:
        return Fact(type=EventType.OTHER, ignored=N_("an order of iiko's that can't be read: {why}").format(why=error))
    return of_organization(fact, text(call.settings.organization_id), info.get("organizationId"))


def occurred_at(change: Change, zones: Zones, call: Call[IikoSettings]) -> datetime | None:
    """When the change happened, as near as can be told without an `eventTime`.

    `timestamp` is no time (nobody says of what unit), and the order's own times are local to its terminal
    group: the latest of them is read in that one's zone, or the tenant's where iiko doesn't tell. A terminal
    further east would then put it into the future; nothing that we see has happened later than now.
    """
    local = change.happened_locally()
    if local is None:
        return None
    zone = zones.get(text(change.body.get("terminalGroupId")) or "") or ZoneInfo(call.timezone)
    try:
        return min(local.replace(tzinfo=zone).astimezone(call.now.tzinfo), call.now)
    except OverflowError:
        return None


def _today(call: Call[IikoSettings]) -> date:
    return _day(call.now, call)


def _day(moment: datetime, call: Call[IikoSettings]) -> date:
    return moment.astimezone(ZoneInfo(call.timezone)).date()


def _written(cursor: Cursor) -> str:
    return cursor.model_dump_json(exclude_none=True)


class IikoPolling(Polling[IikoSettings]):
    """Asks for what changed."""

    every = 120.0
    looks_back = HOT

    def ready(self, settings: IikoSettings) -> bool:
        return settings.means_to_sign_in()

    async def poll(self, cursor: str | None, call: Call[IikoSettings]) -> Polled:
        return await poll(cursor, call)
