"""`stats`: how much came in and went out, by tenant and connection."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from svyazka.catalogue import N_, _, told
from svyazka.cli import reading
from svyazka.cli.options import AsJson, OfTenant, Since
from svyazka.cli.output import lines, progress, short_time, stamp, table
from svyazka.cli.reading import Filter, parse_since
from svyazka.cli.session import Session, run
from svyazka.cli.views import Row
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import DUE_DELIVERIES, DUE_EVENTS, OPEN_OUTAGES
from svyazka.model.deliveries import Delivery, Outage
from svyazka.model.events import EventRecord

EVER = timedelta(days=36500)


@dataclass
class Sums:
    """One connection's."""

    events: Counter[str] = field(default_factory=Counter)
    deliveries: Counter[str] = field(default_factory=Counter)
    cost: float | None = None
    oldest_wake_at: datetime | None = None
    outage: Outage | None = None


Book = defaultdict[tuple[str, str], Sums]
"""By (tenant, connection)."""


def stats(tenant: OfTenant = None, since: Since = None, as_json: AsJson = False) -> None:
    """Events and deliveries by state, what waits longest, outages and cost, for each connection.

    Counts what came or was made since --since (the whole journal when left out).
    """

    async def body(session: Session) -> None:
        moment = parse_since(since, session.hub.clock.now()) if since else None
        owners = [await session.tenant(tenant)] if tenant else list((await session.tenants()).values())
        book: Book = defaultdict(Sums)
        for owner in owners:
            for name in owner.connections:
                book[owner.id, name] = Sums()
        await _count(session, Filter(tenant, since=moment), book)
        await _add_open(session, tenant, book)
        found = [(key, sums, await session.zone(key[0])) for key, sums in sorted(book.items())]
        if as_json:
            lines(_row(*one) for one in found)
            return
        table(
            (N_("Connection"), N_("Events"), N_("Deliveries"), N_("Oldest wake-up"), N_("Outage"), N_("Cost")),
            ((f"{owner}/{name}", _counted(sums.events), _counted(sums.deliveries),
              short_time(sums.oldest_wake_at, zone), sums.outage and f"{sums.outage.kind}: {told(sums.outage.message)}",
              sums.cost and f"{sums.cost:.2f}") for (owner, name), sums, zone in found),
            _("no tenants yet: svyazka apply FILE"),
        )  # fmt: skip

    run(body)


async def _count(session: Session, wanted: Filter, book: Book) -> None:
    with progress(_("counting")) as bar:
        task = bar.add_task("", total=None)
        async for record in reading.events(session.store, wanted):
            book[record.event.tenant, record.event.connection].events[record.status.value] += 1
            bar.advance(task)
        async for raw in reading.quarantined_raws(session.store, wanted):
            book[raw.tenant, raw.connection].events[raw.status] += 1
        async for delivery in reading.deliveries(session.store, wanted):
            sums = book[delivery.tenant, delivery.connection]
            sums.deliveries[delivery.status.value] += 1
            if delivery.cost is not None:
                sums.cost = round((sums.cost or 0.0) + delivery.cost, 4)
            bar.advance(task)


async def _add_open(session: Session, tenant: str | None, book: Book) -> None:
    """The first wake-up of each connection (they come in their order), and outages that last."""
    horizon = session.hub.clock.now() + EVER
    async for document in reading.pages(session.store, DUE_EVENTS, at_most=horizon):
        record = journal.read(EventRecord, document).model
        _woken(book, tenant, record.event.tenant, record.event.connection, record.wake_at)
    async for document in reading.pages(session.store, DUE_DELIVERIES, at_most=horizon):
        delivery = journal.read(Delivery, document).model
        _woken(book, tenant, delivery.tenant, delivery.connection, delivery.wake_at)
    async for document in reading.pages(session.store, OPEN_OUTAGES, {"status": "open"}):
        outage = journal.read(Outage, document).model
        if tenant in (None, outage.tenant):
            book[outage.tenant, outage.connection].outage = outage


def _woken(book: Book, wanted: str | None, tenant: str, connection: str, wake_at: datetime | None) -> None:
    if wanted not in (None, tenant) or wake_at is None:
        return
    sums = book[tenant, connection]
    sums.oldest_wake_at = min(sums.oldest_wake_at or wake_at, wake_at)


def _row(key: tuple[str, str], sums: Sums, zone: tzinfo) -> Row:
    """`stats --json`."""
    outage = sums.outage
    return {
        "tenant": key[0], "connection": key[1], "events": dict(sums.events), "deliveries": dict(sums.deliveries),
        "oldest_wake_at": stamp(sums.oldest_wake_at, zone),
        "outage": None if outage is None else {
            "kind": outage.kind, "since": stamp(outage.since, zone), "code": outage.code, "message": outage.message
        },
        "cost": sums.cost,
    }  # fmt: skip


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(counter.items()))
