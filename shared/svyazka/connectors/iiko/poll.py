"""Deliveries that no webhook told of. iiko promises no repeat of a webhook, so this is what makes it whole.

`by_revision` is the usual look and goes 3 hours back. After a longer pause the missed days are read by
delivery date from the hot cache (7 days); only what is older can't be recovered from here. Table orders,
reservations and stop lists can't be polled at all (iikoCloud API contract 9.7.5.2).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from svyazka.connectors.iiko.client import (
    Deliveries,
    IikoFailure,
    IikoSettings,
    deliveries_of,
    deliveries_since,
)
from svyazka.connectors.iiko.schema import Change, NotUnderstood, Section, text
from svyazka.connectors.iiko.webhook import final_statuses, of_organization, order_fact
from svyazka.engine.calls import Call
from svyazka.engine.connector import Polled
from svyazka.model.base import Frozen, Time
from svyazka.model.events import EventType, Fact
from svyazka.model.outcomes import Refused

REVISIONS_REACH = timedelta(hours=2, minutes=30)
"""How old a revision may be; iiko's own limit is 3 hours."""

HOT_DAYS = 7
OVERLAP = timedelta(hours=1)
"""How old the revision of the look before may be to begin from it once more."""

STILL = timedelta(minutes=30)
"""A cursor that stands still is written again this often, to remember that we did look."""

QUIET = timedelta(minutes=30)
"""How long to leave iiko alone when it goes back to our revision no more and knows no newer one (a night
without orders): a login with many failing requests gets blocked."""

ZONES_APART = timedelta(hours=12)
"""How far a terminal's zone may lie from the tenant's: order times have no zone."""


class Cursor(Frozen):
    """How far we have looked."""

    at: Time
    """When `revision` was seen to be the newest."""
    revision: int | None = None
    """None until iiko has named one: a restaurant without a single order."""
    before: int | None = None
    """The newest of the look before, to look at the last changes twice."""
    before_at: Time | None = None
    since: Time | None = None
    """The first look of all: orders finished earlier are history, not events."""
    day: date | None = None
    """Catching up: this day of deliveries is to be read next, then the days before it down to `until`."""
    until: date | None = None
    floor: Time | None = None
    """Catching up: what happened earlier had been seen before the pause."""
    quiet_until: Time | None = None
    """Nothing is asked before: see QUIET."""


async def poll(cursor: str | None, call: Call[IikoSettings]) -> Polled:
    """One look. Raises IikoFailure, NotSent, MaybeSent."""
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
    except IikoFailure as failure:
        if not isinstance(failure.outcome, Refused):
            raise
        return await _catch_up(known, call)  # a revision that iiko goes back to no more


async def _first_look(call: Call[IikoSettings]) -> Polled:
    """Where revisions stand now. The orders that come with it are history and are left alone."""
    today = await deliveries_of(call, _today(call), None)
    cursor = Cursor(at=call.now, revision=today.revision, since=call.now)
    return Polled(facts=(), cursor=_written(cursor))


async def _changes(known: Cursor, revision: int, cursor: str, call: Call[IikoSettings]) -> Polled:
    twice = known.before is not None and known.before_at is not None and call.now - known.before_at < OVERLAP
    found = await deliveries_since(call, known.before if twice and known.before is not None else revision)
    facts = _facts(found, call, floor=known.since)
    newest = max(found.revision or 0, revision)
    if newest == revision and call.now - known.at < STILL:
        return Polled(facts=facts, cursor=cursor)
    moved = Cursor(
        at=call.now, revision=newest, before=revision, before_at=known.at if newest != revision else call.now,
        since=known.since,
    )  # fmt: skip
    return Polled(facts=facts, cursor=_written(moved))


async def _catch_up(known: Cursor, call: Call[IikoSettings]) -> Polled:
    """The missed days, today first: its newest revision is where the usual looks then go on, so that a
    change made while we are reading the days before is seen too."""
    today = _today(call)
    found = await deliveries_of(call, today, None)
    lost = call.now - timedelta(days=HOT_DAYS)
    # A delivery due the evening before is often closed after midnight.
    until = max(_day(known.at, call) - timedelta(days=1), today - timedelta(days=HOT_DAYS - 1))
    floor = known.at - ZONES_APART
    if known.since is not None:
        floor = max(floor, known.since)
    day = today - timedelta(days=1)
    more = day >= until
    newer = found.revision is not None and found.revision != known.revision
    moved = Cursor(
        at=call.now, revision=found.revision or known.revision, since=known.since,
        quiet_until=None if newer else call.now + QUIET,
        day=day if more else None, until=until if more else None, floor=floor if more else None,
    )  # fmt: skip
    gap = (known.at, lost) if known.at < lost else None
    return Polled(facts=_facts(found, call, floor=floor), cursor=_written(moved), gap=gap, more=more)


async def _earlier_day(known: Cursor, day: date, call: Call[IikoSettings]) -> Polled:
    found = await deliveries_of(call, day, day)
    before = day - timedelta(days=1)
    more = known.until is not None and before >= known.until
    update = {"day": before} if more else {"day": None, "until": None, "floor": None}
    moved = known.model_copy(update=update)
    return Polled(facts=_facts(found, call, floor=known.floor), cursor=_written(moved), more=more)


def _facts(found: Deliveries, call: Call[IikoSettings], *, floor: datetime | None) -> list[Fact]:
    """Oldest first; without what had happened before `floor`."""
    facts = (polled_fact(order, call) for order in found.orders)
    wanted = [f for f in facts if floor is None or f.occurred_at is None or f.occurred_at >= floor]
    return sorted(wanted, key=lambda fact: (fact.occurred_at or call.now, fact.position or 0))


def polled_fact(info: Section, call: Call[IikoSettings]) -> Fact:
    """An order as iiko's API answers it, in the form that its webhook has."""
    try:
        change = Change.of_order({"eventInfo": info})
        fact = order_fact(change, "delivery", final_statuses(call.settings.final_statuses), occurred_at(change, call))
    except NotUnderstood as error:
        return Fact(type=EventType.OTHER, ignored=f"an order of iiko's that can't be read: {error}")
    return of_organization(fact, text(call.settings.organization_id), info.get("organizationId"))


def occurred_at(change: Change, call: Call[IikoSettings]) -> datetime | None:
    """When the change happened, as near as can be told without an `eventTime`.

    `timestamp` is no time (nobody says of what unit), and the order's own times are local to its terminal
    and name no zone: the latest of them is read in the tenant's zone. A terminal further east than the
    tenant would put it into the future; nothing that we see has happened later than now.
    """
    local = change.happened_locally()
    if local is None:
        return None
    try:
        return min(local.replace(tzinfo=ZoneInfo(call.timezone)).astimezone(call.now.tzinfo), call.now)
    except OverflowError:
        return None


def _today(call: Call[IikoSettings]) -> date:
    return _day(call.now, call)


def _day(moment: datetime, call: Call[IikoSettings]) -> date:
    return moment.astimezone(ZoneInfo(call.timezone)).date()


def _written(cursor: Cursor) -> str:
    return cursor.model_dump_json(exclude_none=True)
