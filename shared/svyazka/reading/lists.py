"""The journal page by page, for lists, replays and sums; filters that no index knows are applied here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    DELIVERIES_OF_CONNECTION,
    DELIVERIES_OF_CONNECTION_BY_STATUS,
    DELIVERIES_OF_EVENT,
    DELIVERIES_OF_TENANT,
    DELIVERIES_OF_TENANT_BY_STATUS,
    EVENTS_BY_STATUS,
    EVENTS_BY_TYPE,
    EVENTS_OF_CONNECTION,
    EVENTS_OF_CONNECTION_BY_STATUS,
    EVENTS_OF_TENANT,
    EVENTS_OF_TENANT_BY_STATUS,
    PROBLEMS_BY_STATUS,
    PROBLEMS_OF_TENANT,
    PROBLEMS_OF_TENANT_BY_STATUS,
    RAWS_BY_STATUS,
    RAWS_OF_CONNECTION_BY_STATUS,
    RECENT_DELIVERIES,
    RECENT_DELIVERIES_BY_STATUS,
    RECENT_DELIVERIES_OF_FLOW,
    RECENT_EVENTS,
    RECENT_PROBLEMS,
)
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Document, Store
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import EventRecord, EventStatus, RawRecord
from svyazka.model.problems import Problem
from svyazka.model.tenants import Tenant

PAGE = 200


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

    def fits(self, document: Document, states: bool = True) -> bool:
        """Whether a document is one of those, by what is indexed of it."""
        fields = document.fields
        return (
            self.tenant in (None, fields["tenant"])
            and self.connection in (None, fields["connection"])
            and (not states or not self.statuses or fields["status"] in self.statuses)
            and (document.kind != "events" or self.type in (None, fields["type"]))
            and (document.kind != "deliveries" or self.flow in (None, fields["flow"]))
        )

    def narrowed(self, tenants: Collection[Tenant]) -> Filter:
        """The same where a name that only one tenant has says whose it is: what is one's is found sooner."""
        if self.tenant is not None or not (self.connection or self.flow):
            return self
        having = [
            tenant.id
            for tenant in tenants
            if self.connection in (None, *tenant.connections) and self.flow in (None, *(f.id for f in tenant.flows))
        ]
        return replace(self, tenant=having[0]) if len(having) == 1 else self


async def pages(
    store: Store, query: Query, equal: Mapping[str, str] | None = None, at_most: datetime | None = None,
    size: int = PAGE,
) -> AsyncIterator[Document]:  # fmt: skip
    """Every document that a query finds."""
    cursor: str | None = None
    while True:
        page = await store.find(query, equal=equal, at_most=at_most, limit=size, cursor=cursor)
        for document in page.documents:
            yield document
        cursor = page.cursor
        if cursor is None:
            return


async def newest_first(store: Store, asked: Sequence[Asked], size: int = PAGE) -> AsyncIterator[Document]:
    """The documents of several queries of one kind, merged by the time that they are ordered by."""
    streams = [pages(store, query, equal, size=size) for query, equal in asked]
    by = [(query.order or "").lstrip("-") for query, _ in asked]
    heads = [await anext(stream, None) for stream in streams]
    while True:
        times = [(_time(head, name), index) for index, (head, name) in enumerate(zip(heads, by, strict=True)) if head]
        if not times:
            return
        _, index = max(times)
        head = heads[index]
        assert head is not None
        yield head
        heads[index] = await anext(streams[index], None)


def _time(document: Document, name: str) -> datetime:
    moment = document.fields[name]
    assert isinstance(moment, datetime)
    return moment


Asked = tuple[Query, dict[str, str]]
"""A query with its equalities."""


def _by_status(wanted: Filter, states: Iterable[str], any_: Query, tenant: Query, connection: Query) -> list[Asked]:
    """A query for each state that is wanted, as narrow as the filter allows."""
    where = {"tenant": wanted.tenant} if wanted.tenant else {}
    query = tenant if where else any_
    if wanted.tenant and wanted.connection:
        query, where = connection, {"tenant": wanted.tenant, "connection": wanted.connection}
    return [(query, {**where, "status": status}) for status in sorted(set(states) & wanted.statuses)]


def _within(asked: Asked, document: Document, since: datetime | None) -> bool:
    return since is None or _time(document, (asked[0].order or "").lstrip("-")) >= since


async def _chosen(store: Store, asked: Sequence[Asked], wanted: Filter, size: int) -> AsyncIterator[Document]:
    async for document in newest_first(store, asked, size):
        if not _within(asked[0], document, wanted.since):
            return
        if wanted.fits(document):
            yield document


async def event_documents(store: Store, wanted: Filter, size: int = PAGE) -> AsyncIterator[Document]:
    """Events, newest first, as they lie in the store: their fields tell enough to choose by."""
    async for document in _chosen(store, _events_asked(wanted), wanted, size):
        yield document


async def events(store: Store, wanted: Filter, size: int = PAGE) -> AsyncIterator[EventRecord]:
    """Events, newest first."""
    async for document in event_documents(store, wanted, size):
        yield journal.read(EventRecord, document).model


def _events_asked(wanted: Filter) -> list[Asked]:
    if wanted.statuses:
        return _by_status(
            wanted, EventStatus, EVENTS_BY_STATUS, EVENTS_OF_TENANT_BY_STATUS, EVENTS_OF_CONNECTION_BY_STATUS
        )
    if wanted.tenant and wanted.connection:
        return [(EVENTS_OF_CONNECTION, {"tenant": wanted.tenant, "connection": wanted.connection})]
    if wanted.tenant:
        return [(EVENTS_OF_TENANT, {"tenant": wanted.tenant})]
    return [(EVENTS_BY_TYPE, {"type": wanted.type})] if wanted.type else [(RECENT_EVENTS, {})]


async def quarantined_raws(store: Store, wanted: Filter, size: int = PAGE) -> AsyncIterator[RawRecord]:
    """Requests of which no event could be read, newest first."""
    if (wanted.statuses and "quarantined" not in wanted.statuses) or wanted.type not in (None, "other"):
        return
    query, where = RAWS_BY_STATUS, {"status": "quarantined"}
    if wanted.tenant and wanted.connection:
        where |= {"tenant": wanted.tenant, "connection": wanted.connection}
        query = RAWS_OF_CONNECTION_BY_STATUS
    async for document in pages(store, query, where, size=size):
        if not _within((query, where), document, wanted.since):
            return
        if wanted.fits(document, states=False):
            yield journal.read(RawRecord, document).model


async def delivery_documents(store: Store, wanted: Filter, size: int = PAGE) -> AsyncIterator[Document]:
    """Deliveries, newest first (those of one event: in no order), as they lie in the store."""
    if wanted.event:
        async for document in pages(store, DELIVERIES_OF_EVENT, {"event": wanted.event}):
            if wanted.fits(document) and _within((RECENT_DELIVERIES, {}), document, wanted.since):
                yield document
        return
    async for document in _chosen(store, _deliveries_asked(wanted), wanted, size):
        yield document


async def deliveries(store: Store, wanted: Filter, size: int = PAGE) -> AsyncIterator[Delivery]:
    """Deliveries, newest first."""
    async for document in delivery_documents(store, wanted, size):
        yield journal.read(Delivery, document).model


def _deliveries_asked(wanted: Filter) -> list[Asked]:
    if wanted.statuses:
        return _by_status(
            wanted, Status, RECENT_DELIVERIES_BY_STATUS, DELIVERIES_OF_TENANT_BY_STATUS,
            DELIVERIES_OF_CONNECTION_BY_STATUS,
        )  # fmt: skip
    if wanted.tenant and wanted.connection:
        return [(DELIVERIES_OF_CONNECTION, {"tenant": wanted.tenant, "connection": wanted.connection})]
    if wanted.tenant and wanted.flow:
        return [(RECENT_DELIVERIES_OF_FLOW, {"tenant": wanted.tenant, "flow": wanted.flow})]
    return [(DELIVERIES_OF_TENANT, {"tenant": wanted.tenant})] if wanted.tenant else [(RECENT_DELIVERIES, {})]


PROBLEMS_SHOWN = 500
"""No more are read of those that are over: they are kept for a year."""


async def open_problems(store: Store, tenant: str | None) -> AsyncIterator[Problem]:
    """What is wrong now, the last seen first."""
    where = {"status": "open", **({"tenant": tenant} if tenant else {})}
    async for document in pages(store, PROBLEMS_OF_TENANT_BY_STATUS if tenant else PROBLEMS_BY_STATUS, where):
        for held in journal.known(Problem, [document]):
            yield held.model


async def problems_of(store: Store, tenant: str | None) -> AsyncIterator[Problem]:
    """What is or was wrong, the last seen first."""
    query, where = (PROBLEMS_OF_TENANT, {"tenant": tenant}) if tenant else (RECENT_PROBLEMS, {})
    page = await store.find(query, equal=where, limit=PROBLEMS_SHOWN)
    for held in journal.known(Problem, page.documents):
        yield held.model
