"""`stats`: how much came in and went out, by tenant and connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import partial

from svyazka.catalogue import N_, _, told
from svyazka.cli.filters import parse_since
from svyazka.cli.options import AsJson, OfTenant, Since
from svyazka.cli.output import lines, note, progress, short_time, stamp, table
from svyazka.cli.session import Session, run
from svyazka.cli.together import together
from svyazka.cli.views import Row
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    COST_OF_CONNECTION,
    COST_UNIT,
    DELIVERIES_OF_CONNECTION_BY_REASON,
    DELIVERIES_OF_CONNECTION_BY_STATUS,
    EVENTS_BY_STATUS,
    EVENTS_OF_CONNECTION_BY_STATUS,
    NEXT_DELIVERIES_OF_CONNECTION,
    NEXT_EVENTS_OF_CONNECTION,
    OPEN_OUTAGES,
    RAWS_BY_STATUS,
    RAWS_OF_CONNECTION_BY_STATUS,
    RECENT_DELIVERIES_BY_STATUS,
)
from svyazka.model.deliveries import Status
from svyazka.model.events import EventStatus
from svyazka.model.outages import Outage
from svyazka.model.problems import Problem
from svyazka.model.reasons import REASONS, Reason
from svyazka.reading import lists

QUARANTINED = EventStatus.QUARANTINED.value
EVER = timedelta(days=36500)


@dataclass
class Sums:
    """One connection's."""

    events: Counter[str] = field(default_factory=Counter)
    deliveries: Counter[str] = field(default_factory=Counter)
    cost: float | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    """Why what hasn't succeeded hasn't."""
    oldest_wake_at: datetime | None = None
    outage: Outage | None = None
    problems: list[Problem] = field(default_factory=list)


Book = dict[tuple[str, str], Sums]
"""By (tenant, connection)."""


def stats(tenant: OfTenant = None, since: Since = None, as_json: AsJson = False) -> None:
    """Events and deliveries by state, what waits longest, outages and cost, for each connection.

    Counts what came or was made since --since (the whole journal when left out).
    """

    async def body(session: Session) -> None:
        moment = parse_since(since, session.hub.clock.now()) if since else None
        owners = [await session.tenant(tenant)] if tenant else list((await session.tenants()).values())
        book = {(owner.id, name): Sums() for owner in owners for name in owner.connections}
        await _count(session, moment, book)
        found = [(key, sums, await session.zone(key[0])) for key, sums in sorted(book.items())]
        if as_json:
            lines(_row(*one) for one in found)
            return
        table(
            (N_("Connection"), N_("Events"), N_("Deliveries"), N_("Why not"), N_("Next due"), N_("Problems"),
             N_("Cost")),
            ((f"{owner}/{name}", _counted(sums.events), _counted(sums.deliveries), _counted(sums.reasons, REASONS),
              short_time(sums.oldest_wake_at, zone), "; ".join(told(one.title) for one in sums.problems),
              sums.cost and f"{sums.cost:.2f}") for (owner, name), sums, zone in found),
            _("no tenants yet: svyazka apply FILE"),
        )  # fmt: skip
        gone = await _of_gone(session, book) if tenant is None and moment is None else None
        if gone:
            note(gone)

    run(body)


async def _count(session: Session, since: datetime | None, book: Book) -> None:
    """Numbers by the store's indexes: nothing that is counted is read."""
    store = session.store
    # What nobody has in the whole journal is asked of no connection: with many connections that is most questions.
    events = list(await store.tally(EVENTS_BY_STATUS, list(EventStatus)))
    deliveries = list(await store.tally(RECENT_DELIVERIES_BY_STATUS, list(Status)))
    raws = await store.tally(RAWS_BY_STATUS, [QUARANTINED])
    with progress(_("counting")) as bar:
        task = bar.add_task("", total=len(book))

        async def fill(owner: str, connection: str, sums: Sums) -> None:
            where = {"tenant": owner, "connection": connection}
            sums.events += Counter(await store.tally(EVENTS_OF_CONNECTION_BY_STATUS, events, equal=where, since=since))
            if raws:
                sums.events += Counter(
                    await store.tally(RAWS_OF_CONNECTION_BY_STATUS, [QUARANTINED], equal=where, since=since)
                )
            sums.deliveries += Counter(
                await store.tally(DELIVERIES_OF_CONNECTION_BY_STATUS, deliveries, equal=where, since=since)
            )
            if sums.deliveries:
                total = await store.total(COST_OF_CONNECTION, equal=where, since=since)
                sums.cost = None if total is None else total / COST_UNIT
            if sums.deliveries.keys() - {Status.SUCCEEDED.value}:
                sums.reasons += Counter(
                    await store.tally(DELIVERIES_OF_CONNECTION_BY_REASON, list(Reason), equal=where, since=since)
                )
            sums.oldest_wake_at = await _oldest(session, where)
            bar.advance(task)

        await together([partial(fill, *key, sums) for key, sums in book.items()])
    where = {"status": "open"}
    async for document in lists.pages(store, OPEN_OUTAGES, where):
        outage = journal.read(Outage, document).model
        if (outage.tenant, outage.connection) in book:
            book[outage.tenant, outage.connection].outage = outage
    async for problem in lists.open_problems(store, None):
        if (problem.tenant, problem.connection or "") in book:
            book[problem.tenant, problem.connection or ""].problems.append(problem)


async def _oldest(session: Session, where: dict[str, str]) -> datetime | None:
    """A connection's first wake-up: its events and deliveries lie in that order."""
    horizon = session.hub.clock.now() + EVER
    found: list[datetime] = []
    for query in (NEXT_EVENTS_OF_CONNECTION, NEXT_DELIVERIES_OF_CONNECTION):
        page = await session.store.find(query, equal=where, at_most=horizon, limit=1)
        found += [moment for one in page.documents if isinstance(moment := one.fields["wake_at"], datetime)]
    return min(found, default=None)


async def _of_gone(session: Session, book: Book) -> str | None:
    """What is in the journal and in no line above: a connection that left its file keeps its story."""
    events = await session.store.tally(EVENTS_BY_STATUS, list(EventStatus))
    raws = await session.store.tally(RAWS_BY_STATUS, [QUARANTINED])
    shown = sum(sums.events.total() for sums in book.values())
    gone = sum(events.values()) + sum(raws.values()) - shown
    return _("{count} events are of connections that are gone: svyazka events", count=gone) if gone > 0 else None


def _row(key: tuple[str, str], sums: Sums, zone: tzinfo) -> Row:
    """`stats --json`."""
    outage = sums.outage
    return {
        "tenant": key[0], "connection": key[1], "events": dict(sums.events), "deliveries": dict(sums.deliveries),
        "oldest_wake_at": stamp(sums.oldest_wake_at, zone),
        "outage": None if outage is None else {
            "kind": outage.kind, "since": stamp(outage.since, zone), "code": outage.code, "message": outage.message
        },
        "cost": sums.cost, "reasons": dict(sums.reasons), "problems": [problem.kind for problem in sums.problems],
    }  # fmt: skip


def _counted(counter: Counter[str], words: Mapping[str, str] = {}) -> str:
    return ", ".join(f"{count} {told(words.get(name, name))}" for name, count in sorted(counter.items()))
