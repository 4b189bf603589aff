"""Lists of events and of deliveries, newest first, and the search for a person's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.responses import Response

from svyazka.console.payments import payments_by_name, payments_of_person, worded
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.console.sync import flow_of
from svyazka.console.turning import turned
from svyazka.console.veiling import beginning
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal import kinds
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import AnyOf
from svyazka.model.contacts import normalize_email, normalize_phone
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import ConfigError
from svyazka.model.events import EventRecord, EventStatus, RawRecord
from svyazka.model.in_step import Record
from svyazka.reading.ids import whole_id

ROWS = 50
NUMBERED = ("order", "visit", "deal", "contact")
"""What people call by the number that its system gave it."""
QUARANTINED = EventStatus.QUARANTINED.value

ModelT = TypeVar("ModelT", EventRecord, Delivery)


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a list."""

    rows: Sequence[Any]
    more: str | None
    """The query of the next page; None at the end."""
    is_first: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is limited to."""

    tenant: str | None
    connection: str
    status: str

    @classmethod
    def of(cls, visit: Visit, states: type[Status] | type[EventStatus]) -> Asked:
        tenant, connection = visit.tenant(), visit.asked("connection")
        if tenant is None and connection:
            having = [id_ for id_, one in visit.tenants.items() if connection in one.connections]
            tenant = having[0] if having else None
        status = visit.asked("status")
        return cls(tenant, connection if tenant else "", status if status in set(states) else "")

    def chosen(self, queries: Mapping[str, Query]) -> tuple[Query, dict[str, str]]:
        """The narrowest question that this is, with its values."""
        given = {"tenant": self.tenant or "", "connection": self.connection, "status": self.status}
        equal = {name: value for name, value in given.items() if value}
        return queries["+".join(equal)], equal


DELIVERIES = {
    "": kinds.RECENT_DELIVERIES, "tenant": kinds.DELIVERIES_OF_TENANT,
    "tenant+connection": kinds.DELIVERIES_OF_CONNECTION, "status": kinds.RECENT_DELIVERIES_BY_STATUS,
    "tenant+status": kinds.DELIVERIES_OF_TENANT_BY_STATUS,
    "tenant+connection+status": kinds.DELIVERIES_OF_CONNECTION_BY_STATUS,
}  # fmt: skip
EVENTS = {
    "": kinds.RECENT_EVENTS, "tenant": kinds.EVENTS_OF_TENANT, "tenant+connection": kinds.EVENTS_OF_CONNECTION,
    "status": kinds.EVENTS_BY_STATUS, "tenant+status": kinds.EVENTS_OF_TENANT_BY_STATUS,
    "tenant+connection+status": kinds.EVENTS_OF_CONNECTION_BY_STATUS,
}  # fmt: skip


async def _rows(visit: Visit, model: type[ModelT], queries: Mapping[str, Query], asked: Asked) -> Rows:
    query, equal = asked.chosen(queries)
    found = await turned(visit, query, equal, ROWS)
    rows = [one.model for one in journal.known(model, found.documents) if tenant_of(one.model) in visit.tenants]
    return Rows(rows, urlencode({**equal, "after": found.more}) if found.more else None, found.is_first)


async def deliveries(visit: Visit) -> Response:
    """`/deliveries`."""
    asked = Asked.of(visit, Status)
    shown = await _rows(visit, Delivery, DELIVERIES, asked)
    return page(
        "deliveries.html", visit, {"shown": shown, "asked": asked, "states": list(Status), "tenant": asked.tenant}
    )


async def events(visit: Visit) -> Response:
    """`/events`; requests of which no event could be read stand before them."""
    asked = Asked.of(visit, EventStatus)
    shown = await _rows(visit, EventRecord, EVENTS, asked)
    raws = await _unreadable(visit, asked) if asked.status in ("", QUARANTINED) and shown.is_first else []
    states = list(EventStatus)
    return page(
        "events.html", visit, {"shown": shown, "raws": raws, "asked": asked, "states": states, "tenant": asked.tenant}
    )


async def _unreadable(visit: Visit, asked: Asked) -> list[RawRecord]:
    query, equal = kinds.RAWS_BY_STATUS, {"status": QUARANTINED}
    if asked.tenant and asked.connection:
        query = kinds.RAWS_OF_CONNECTION_BY_STATUS
        equal |= {"tenant": asked.tenant, "connection": asked.connection}
    found = await visit.store.find(query, equal=equal, limit=ROWS)
    raws = [one.model for one in journal.known(RawRecord, found.documents)]
    return [one for one in raws if asked.tenant in (None, one.tenant) and one.tenant in visit.tenants]


async def search(visit: Visit) -> Response:
    """`/search`: by a phone, an e-mail, an id or an order's number. What is typed comes by POST: it stands in no
    address, no history and no log."""
    form = await visit.form()
    sought, tenant = form.get("sought", "").strip()[:200], visit.tenant()
    among = [tenant] if tenant else list(visit.tenants)
    address = normalize_phone(sought) or normalize_email(sought)
    found, records = await _of_person(visit, among, address) if address else (await _by_name(visit, among, sought), [])
    paid = await (payments_of_person(visit, among, address) if address else payments_by_name(visit, among, sought))
    there = {one.event.id for one in found if isinstance(one, EventRecord)}
    under: dict[str, list[Delivery]] = {}
    for one in found:
        if isinstance(one, Delivery) and one.event in there:
            under.setdefault(one.event, []).append(one)
    top = [one for one in found if isinstance(one, EventRecord) or one.event not in there]
    return page(
        "found.html", visit,
        {"found": top, "under": under, "records": records, "sought": sought, "tenant": tenant,
         "is_person": bool(address), "flow_of": flow_of, "paid": paid, **worded(visit)},
    )  # fmt: skip


async def _of_person(
    visit: Visit, among: Sequence[str], address: str
) -> tuple[list[EventRecord | Delivery], list[Record]]:
    """What happened about somebody and what was done, in all systems; and which cards are theirs."""
    found: list[EventRecord | Delivery] = []
    records: list[Record] = []
    for tenant in among:
        for person in visit.around.keyring.person_ever(tenant, address):
            events = await visit.store.find(kinds.EVENTS_OF_PERSON, contains=person, limit=ROWS)
            found += [one.model for one in journal.known(EventRecord, events.documents)]
            sent = await visit.store.find(kinds.DELIVERIES_OF_PERSON, contains=person, limit=ROWS)
            found += [one.model for one in journal.known(Delivery, sent.documents)]
            known = await visit.store.find(kinds.RECORDS_OF_PERSON, contains=person, limit=ROWS)
            records += [one.model for one in journal.known(Record, known.documents)]
    return sorted(found, key=_moment, reverse=True), [one for one in records if one.merged_into is None]


async def _by_name(visit: Visit, among: Sequence[str], sought: str) -> list[EventRecord | Delivery]:
    """By an id, or how it begins; else by the number that the vendor gave the order or the visit."""
    if not sought:
        return []
    found: list[EventRecord | Delivery] = []
    if sought[:4] in ("evt_", "dlv_"):
        try:
            whole = await whole_id(visit.store, beginning(sought))
        except ConfigError:
            return []
        event = await journal.load(visit.store, EventRecord, whole) if sought.startswith("evt_") else None
        delivery = await journal.load(visit.store, Delivery, whole) if sought.startswith("dlv_") else None
        found = [one.model for one in (event, delivery) if one is not None]
        return [one for one in found if tenant_of(one) in among]
    for tenant in among:
        where: dict[str, str | AnyOf] = {
            "tenant": tenant,
            "subject": (sought, *(f"{kind}:{sought}" for kind in NUMBERED)),
        }
        page_ = await visit.store.find(kinds.EVENTS_OF_ANY_SUBJECT, equal=where, limit=ROWS)
        found += [one.model for one in journal.known(EventRecord, page_.documents)]
    return sorted(found, key=_moment, reverse=True)


def _moment(one: EventRecord | Delivery) -> Any:
    return one.event.received_at if isinstance(one, EventRecord) else one.created_at


def tenant_of(one: EventRecord | Delivery) -> str:
    return one.event.tenant if isinstance(one, EventRecord) else one.tenant
