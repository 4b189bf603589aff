"""Reading the journal page by page for lists, replays and sums; filters that no index knows are applied here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import typer

from svyazka.catalogue import N_, _
from svyazka.cli.session import APPLY_ADDS, FILES_NAME, nearest
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import (
    DELIVERIES_OF_EVENT,
    DELIVERIES_OF_TENANT,
    EVENTS_OF_CONNECTION,
    EVENTS_OF_TENANT,
    RAWS_BY_STATUS,
    RECENT_DELIVERIES,
    RECENT_EVENTS,
    Document,
    Query,
    Store,
)
from svyazka.model.deliveries import Delivery
from svyazka.model.events import EventRecord, RawRecord
from svyazka.model.tenants import Tenant, parse_duration

PAGE = 200
_DATE_ONLY = re.compile(r"^\d{4}-\d{2}-\d{2}$")


def parse_since(text: str, now: datetime) -> datetime:
    """`2h`, `3d`, `2026-03-14`, `2026-03-14T10:00+03:00`; without an offset it is this machine's zone.

    Raises BadParameter.
    """
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            _("expected an age such as 2h or 3d, or a time such as 2026-03-14T10:00+03:00, got {text!r}", text=text)
        ) from None
    return moment if moment.tzinfo else moment.astimezone()


def owner_of(tenant: str | None, connection: str | None) -> tuple[str | None, str | None]:
    """`--tenant` and `--connection`; that may be TENANT/NAME, as the lists print it. Raises BadParameter."""
    if connection is None or "/" not in connection:
        return tenant, connection
    owner, _slash, name = connection.partition("/")
    if tenant not in (None, owner):
        raise typer.BadParameter(
            _(
                "{connection} is {owner}'s, and --tenant says {tenant}",
                connection=connection,
                owner=owner,
                tenant=tenant,
            ),
            param_hint="--connection",
        )
    return owner, name


def mistyped(wanted: Filter, tenants: Collection[Tenant]) -> str | None:
    """Why nothing may have been found: a name that nobody has. What was removed is still in the journal, so that
    this is asked only when a list is empty."""
    if wanted.tenant is not None and wanted.tenant not in {tenant.id for tenant in tenants}:
        names = [tenant.id for tenant in tenants]
        return _(
            "no tenant {tenant!r}{hint}",
            tenant=wanted.tenant,
            hint=nearest(wanted.tenant, names, APPLY_ADDS),
        )
    chosen = [tenant for tenant in tenants if wanted.tenant in (None, tenant.id)]
    connections = {name for tenant in chosen for name in tenant.connections}
    flows = {flow.id for tenant in chosen for flow in tenant.flows}
    for said, name, known in (
        (N_("no connection {name!r}{hint}"), wanted.connection, connections),
        (N_("no flow {name!r}{hint}"), wanted.flow, flows),
    ):
        if name is not None and name not in known:
            return _(said, name=name, hint=nearest(name, known, FILES_NAME))
    return None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list or a replay is limited to; None = everything."""

    tenant: str | None = None
    connection: str | None = None
    statuses: frozenset[str] = frozenset()
    type: str | None = None
    flow: str | None = None
    event: str | None = None
    since: datetime | None = None

    def _owner(self, tenant: str, connection: str) -> bool:
        return self.tenant in (None, tenant) and self.connection in (None, connection)

    def event_fits(self, record: EventRecord) -> bool:
        event = record.event
        return (
            self._owner(event.tenant, event.connection)
            and (not self.statuses or record.status.value in self.statuses)
            and self.type in (None, event.type.value)
        )

    def delivery_fits(self, delivery: Delivery) -> bool:
        return (
            self._owner(delivery.tenant, delivery.connection)
            and (not self.statuses or delivery.status.value in self.statuses)
            and self.flow in (None, delivery.flow)
            and (self.since is None or delivery.created_at >= self.since)
        )


async def pages(
    store: Store, query: Query, equal: Mapping[str, str] | None = None, at_most: datetime | None = None
) -> AsyncIterator[Document]:
    """Every document that a query finds."""
    cursor: str | None = None
    while True:
        page = await store.find(query, equal=equal, at_most=at_most, limit=PAGE, cursor=cursor)
        for document in page.documents:
            yield document
        cursor = page.cursor
        if cursor is None:
            return


async def events(store: Store, wanted: Filter) -> AsyncIterator[EventRecord]:
    """Events, newest first."""
    async for document in pages(store, *_events_query(wanted)):
        record = journal.read(EventRecord, document).model
        if wanted.since is not None and record.event.received_at < wanted.since:
            return
        if wanted.event_fits(record):
            yield record


def _events_query(wanted: Filter) -> tuple[Query, dict[str, str]]:
    if wanted.tenant and wanted.connection:
        return EVENTS_OF_CONNECTION, {"tenant": wanted.tenant, "connection": wanted.connection}
    return (EVENTS_OF_TENANT, {"tenant": wanted.tenant}) if wanted.tenant else (RECENT_EVENTS, {})


async def quarantined_raws(store: Store, wanted: Filter) -> AsyncIterator[RawRecord]:
    """Requests of which no event could be read, newest first."""
    if (wanted.statuses and "quarantined" not in wanted.statuses) or wanted.type not in (None, "other"):
        return
    async for document in pages(store, RAWS_BY_STATUS, {"status": "quarantined"}):
        raw = journal.read(RawRecord, document).model
        if wanted.since is not None and raw.received_at < wanted.since:
            return
        if wanted.tenant in (None, raw.tenant) and wanted.connection in (None, raw.connection):
            yield raw


async def deliveries(store: Store, wanted: Filter) -> AsyncIterator[Delivery]:
    """Deliveries, newest first."""
    if wanted.event:
        query, equal = DELIVERIES_OF_EVENT, {"event": wanted.event}
    elif wanted.tenant:
        query, equal = DELIVERIES_OF_TENANT, {"tenant": wanted.tenant}
    else:
        query, equal = RECENT_DELIVERIES, {}
    async for document in pages(store, query, equal):
        delivery = journal.read(Delivery, document).model
        if not wanted.event and wanted.since is not None and delivery.created_at < wanted.since:
            return
        if wanted.delivery_fits(delivery):
            yield delivery
