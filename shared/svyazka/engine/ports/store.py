"""The store port: documents of a few indexed scalars plus one JSON field, compare-and-set, a list of queries.

Both backends keep the very same bytes: what one client wrote another reads. A document's `version`
is opaque (a counter in SQLite, the update time in Firestore) and is what compare-and-set compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, Protocol

Scalar = str | int | datetime | None
Value = Scalar | Sequence[str]
FieldType = Literal["text", "int", "time", "texts"]


@dataclass(frozen=True, slots=True)
class Document:
    """One stored document. `fields` are its indexed scalars; `data` is UTF-8 JSON."""

    kind: str
    id: str
    fields: Mapping[str, Value]
    data: bytes
    version: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind, self.id)


@dataclass(frozen=True, slots=True)
class Create:
    """Write a document that must not exist yet."""

    document: Document


@dataclass(frozen=True, slots=True)
class Replace:
    """Write a document over the very version that was read (`document.version`)."""

    document: Document


@dataclass(frozen=True, slots=True)
class Put:
    """Write a document whatever was there."""

    document: Document


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a document; with a version, only that one."""

    kind: str
    id: str
    version: str | None = None


Write = Create | Replace | Put | Delete


@dataclass(frozen=True, slots=True)
class Task:
    """A message to the worker: at least once, unordered, not before `due`.

    `name` makes equal tasks one where the queue remembers names; work must bear duplicates anyway.
    """

    queue: str
    path: str
    body: Mapping[str, str]
    due: datetime | None = None
    name: str | None = None


# Every kind of document with its indexed scalars. `expire_at` is what time-to-live policies delete by.
KINDS: dict[str, dict[str, FieldType]] = {
    "events": {
        "tenant": "text", "connection": "text", "type": "text", "subject": "text", "status": "text",
        "received_at": "time", "wake_at": "time", "blank_at": "time", "expire_at": "time", "people": "texts",
    },
    "raws": {
        "tenant": "text", "connection": "text", "status": "text", "received_at": "time",
        "blank_at": "time", "expire_at": "time", "people": "texts",
    },
    "deliveries": {
        "tenant": "text", "connection": "text", "flow": "text", "status": "text", "event": "text",
        "subject": "text", "external_id": "text", "lane": "text", "created_at": "time", "wake_at": "time",
        "blank_at": "time", "expire_at": "time", "people": "texts", "cost": "int",
    },
    "outages": {"tenant": "text", "status": "text", "wake_at": "time"},
    "alerts": {"tenant": "text", "created_at": "time", "expire_at": "time"},
    "reservations": {"expire_at": "time"},
    "lanes": {"delivery": "text", "lease_until": "time", "expire_at": "time"},
    "optouts": {"tenant": "text"},
    "tenants": {},
    "connections": {"tenant": "text", "vendor": "text"},
    "secrets": {"tenant": "text"},
    "tokens": {"expire_at": "time"},
    "grants": {"tenant": "text", "wake_at": "time"},
    "cursors": {"tenant": "text", "moved_at": "time"},
    "audit": {"at": "time", "expire_at": "time"},
    "meta": {},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """One shape of question that the code asks; each needs its index (`docs/`, Terraform's list)."""

    name: str
    kind: str
    equal: tuple[str, ...] = ()
    at_most: str | None = None
    """A time field compared with `<=`; the answer comes in its order."""
    contains: str | None = None
    order: str | None = None
    """A time field; `-` before it for newest first."""
    sums: str | None = None
    """A number that `total` adds up over what is found."""


DUE_EVENTS = Query("due_events", "events", at_most="wake_at")
DUE_DELIVERIES = Query("due_deliveries", "deliveries", at_most="wake_at")
DUE_OUTAGES = Query("due_outages", "outages", at_most="wake_at")
DUE_GRANTS = Query("due_grants", "grants", at_most="wake_at")
EVENTS_OF_SUBJECT = Query(
    "events_of_subject", "events", equal=("tenant", "connection", "subject"), order="-received_at"
)
# As the first release asks: its worker runs on beside ours while it is replaced, and needs its index till then.
EVENTS_OF_ANY_SUBJECT = Query("events_of_any_subject", "events", equal=("tenant", "subject"), order="-received_at")
RECENT_EVENTS = Query("recent_events", "events", order="-received_at")
EVENTS_OF_TENANT = Query("events_of_tenant", "events", equal=("tenant",), order="-received_at")
EVENTS_OF_CONNECTION = Query("events_of_connection", "events", equal=("tenant", "connection"), order="-received_at")
EVENTS_BY_STATUS = Query("events_by_status", "events", equal=("status",), order="-received_at")
EVENTS_OF_TENANT_BY_STATUS = Query(
    "events_of_tenant_by_status", "events", equal=("tenant", "status"), order="-received_at"
)
EVENTS_OF_CONNECTION_BY_STATUS = Query(
    "events_of_connection_by_status", "events", equal=("tenant", "connection", "status"), order="-received_at"
)
EVENTS_BY_TYPE = Query("events_by_type", "events", equal=("type",), order="-received_at")
NEXT_EVENTS_OF_CONNECTION = Query(
    "next_events_of_connection", "events", equal=("tenant", "connection"), at_most="wake_at"
)
RAWS_OF_CONNECTION_BY_STATUS = Query(
    "raws_of_connection_by_status", "raws", equal=("tenant", "connection", "status"), order="-received_at"
)
RAWS_BY_STATUS = Query("raws_by_status", "raws", equal=("status",), order="-received_at")
RECENT_DELIVERIES = Query("recent_deliveries", "deliveries", order="-created_at")
DELIVERIES_OF_TENANT = Query("deliveries_of_tenant", "deliveries", equal=("tenant",), order="-created_at")
DELIVERIES_OF_CONNECTION = Query(
    "deliveries_of_connection", "deliveries", equal=("tenant", "connection"), order="-created_at"
)
RECENT_DELIVERIES_OF_FLOW = Query(
    "recent_deliveries_of_flow", "deliveries", equal=("tenant", "flow"), order="-created_at"
)
RECENT_DELIVERIES_BY_STATUS = Query("recent_deliveries_by_status", "deliveries", equal=("status",), order="-created_at")
DELIVERIES_OF_TENANT_BY_STATUS = Query(
    "deliveries_of_tenant_by_status", "deliveries", equal=("tenant", "status"), order="-created_at"
)
DELIVERIES_OF_CONNECTION_BY_STATUS = Query(
    "deliveries_of_connection_by_status", "deliveries", equal=("tenant", "connection", "status"), order="-created_at"
)
NEXT_DELIVERIES_OF_CONNECTION = Query(
    "next_deliveries_of_connection", "deliveries", equal=("tenant", "connection"), at_most="wake_at"
)
COST_OF_CONNECTION = Query(
    "cost_of_connection", "deliveries", equal=("tenant", "connection"), order="created_at", sums="cost"
)
DELIVERIES_OF_EVENT = Query("deliveries_of_event", "deliveries", equal=("event",))
DELIVERIES_OF_FLOW = Query("deliveries_of_flow", "deliveries", equal=("tenant", "flow", "status"))
DELIVERIES_BY_STATUS = Query(
    "deliveries_by_status", "deliveries", equal=("tenant", "connection", "status"), order="created_at"
)
DELIVERY_BY_EXTERNAL_ID = Query("delivery_by_external_id", "deliveries", equal=("tenant", "connection", "external_id"))
DELIVERIES_OF_LANE = Query("deliveries_of_lane", "deliveries", equal=("lane",), order="created_at")
EVENTS_OF_PERSON = Query("events_of_person", "events", contains="people")
RAWS_OF_PERSON = Query("raws_of_person", "raws", contains="people")
DELIVERIES_OF_PERSON = Query("deliveries_of_person", "deliveries", contains="people")
STALE_EVENTS = Query("stale_events", "events", at_most="blank_at")
STALE_RAWS = Query("stale_raws", "raws", at_most="blank_at")
STALE_DELIVERIES = Query("stale_deliveries", "deliveries", at_most="blank_at")
OUTAGES = Query("outages", "outages")
OPEN_OUTAGES = Query("open_outages", "outages", equal=("status",))
RECENT_ALERTS = Query("recent_alerts", "alerts", order="-created_at")
ALERTS_OF_TENANT = Query("alerts_of_tenant", "alerts", equal=("tenant",), order="-created_at")
OPTOUTS = Query("optouts_of_tenant", "optouts", equal=("tenant",))
TENANTS = Query("all_tenants", "tenants")
CONNECTIONS = Query("all_connections", "connections")
SECRETS = Query("secrets_of_tenant", "secrets", equal=("tenant",))
CURSORS = Query("all_cursors", "cursors")
AUDIT = Query("audit_log", "audit", order="-at")

QUERIES: tuple[Query, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Query))

EXPIRING = tuple(kind for kind, fields in KINDS.items() if "expire_at" in fields)
"""Kinds with a time-to-live: a policy in the cloud, a sweep on one machine."""


def after(prefix: str) -> str:
    """What comes after every id that begins so."""
    return prefix + "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of an answer; `cursor` continues it, None at the end."""

    documents: list[Document]
    cursor: str | None = None


class Store(Protocol):
    """Documents, durable. All methods raise Unavailable when the store can't answer in time."""

    async def get(self, kind: str, key: str) -> Document | None:
        """One document, or None."""

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        """Several by (kind, id), in the order asked, None where there is none."""

    async def ids(self, kind: str, prefix: str, limit: int = 10) -> list[str]:
        """The ids that begin so, in order, at most `limit`: people name a document by the beginning of its id."""

    async def find(
        self,
        query: Query,
        *,
        equal: Mapping[str, str] | None = None,
        at_most: datetime | None = None,
        contains: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """The documents that one of QUERIES finds, at most `limit`, from `cursor` on."""

    async def tally(
        self,
        query: Query,
        among: Sequence[str],
        *,
        equal: Mapping[str, str] | None = None,
        since: datetime | None = None,
    ) -> dict[str, int]:
        """How many documents a query finds for each value of the last field of its `equal`, counted by its index.

        `among` are the values asked about; those without a document are left out of the answer. `since` is the least
        of its ordered field.
        """

    async def total(
        self, query: Query, *, equal: Mapping[str, str] | None = None, since: datetime | None = None
    ) -> int | None:
        """The sum of the query's `sums` over what it finds, added up by its index; None where nothing has it."""

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        """All writes or none, then the tasks; answers the new versions (`""` for a deletion).

        Raises Conflict, with the keys at fault where they are known, when a condition doesn't hold, and Unstorable
        for what can't be written as it is: that commit's trouble, and of none beside it.
        Where the queue is another system its failure is not the commit's: what was written has a
        `wake_at`, and the sweep finds it.
        """

    async def scrub(self) -> None:
        """See to it that what was overwritten or removed can't be read from our own disks any more; where somebody
        reads just now, soon. A store that keeps no files of ours has nothing to do. Raises Unavailable."""

    async def close(self) -> None:
        """Let go of connections and files."""


class Queue(Protocol):
    """Tasks for the worker."""

    async def enqueue(self, tasks: Sequence[Task]) -> None:
        """Hand over tasks. Raises Unavailable when they could not be made durable."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event on its way into the journal: created if absent, with its task if it was created.

    `earlier` names the document of the preceding dedupe window, for weak identities: if that one
    exists and is younger than `earlier_since`, this is its duplicate.
    """

    document: Document
    task: Task | None = None
    earlier: str | None = None
    earlier_since: datetime | None = None


@dataclass(frozen=True)
class Salvage:
    """A request as it may travel in a task of its own when the journal can't be reached; packed only then."""

    pack: Callable[[], Task]

    @cached_property
    def task(self) -> Task:
        """The task."""
        return self.pack()


class Inbox(Protocol):
    """All that a webhook function sees of the world."""

    async def connection(self, key: str) -> Document | None:
        """The compiled connection, fresh within seconds. Raises Unavailable."""

    async def claims(self, key: str) -> Document | None:
        """Which connections claim a part of what one address hears (`claims.py`), fresh within seconds. Raises
        Unavailable."""

    async def accept(
        self, arrivals: Sequence[Arrival], raw: Document | None, salvage: Salvage | None
    ) -> list[Document | None] | None:
        """Make events durable: None for each that was created, the present document for each that exists.

        Items don't refuse each other. `raw` is written if absent. Answers None altogether when the journal
        was out of reach and the request went to `salvage`. Raises Unavailable when nothing was possible.
        """

    async def enqueue(self, tasks: Sequence[Task]) -> None:
        """Tasks again, for events that are journaled and not planned. Raises Unavailable."""
