"""Every kind of stored document, said once: its model, indexed scalars, life and the questions asked about it.

From here come the tables and indexes of one machine, Firestore's list of indexes and time-to-live policies, how models
become documents and back (`documents.py`), and the conformance suite's cases. A new kind is one entry. Those that a
webhook function writes are in `kinds_of_intake.py`: it loads no other's model.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

from svyazka.engine.journal.kinds_of_intake import (
    BLANKED,
    CONNECTIONS,
    EVENTS,
    EXPIRES,
    RAWS,
    TEXT,
    TEXTS,
    TIME,
    owner,
)
from svyazka.engine.journal.kinds_of_intake import KINDS as KINDS
from svyazka.engine.ports.schema import Field, Kind, Query
from svyazka.model.agreeing import Agreed
from svyazka.model.base import SKELETON
from svyazka.model.deliveries import WAITING, Alert, AuditLine, Delivery, Status
from svyazka.model.grants import Grant
from svyazka.model.imports import Chunk, FileDecisions
from svyazka.model.in_step import Counted, Doubt, Link, MatchKey, Record, Switch
from svyazka.model.jobs import Job
from svyazka.model.orders import Order
from svyazka.model.outages import Outage
from svyazka.model.payments import PaidThere, Payment, RefundedToday
from svyazka.model.problems import Problem
from svyazka.model.receipts import ReceiptIntent
from svyazka.model.records import KnownObjects
from svyazka.model.requests import Request, SignedIn
from svyazka.model.sealed import SealedBatch
from svyazka.model.sign_ins import CodesOfPerson, SignInAsked
from svyazka.model.subscriptions import Period, Subscription
from svyazka.model.tenants import Tenant


def skeleton_since(begun: str) -> Mapping[str, Field]:
    """Nothing to empty: removed as skeletons are, counted from one of its times."""
    return {"expire_at": Field("time", lambda model: getattr(model, begun) + SKELETON)}


COST_UNIT = 10_000
"""Costs are indexed as whole ten-thousandths: sums of such are exact."""

_IN_ITS_LANE = WAITING | {Status.IN_FLIGHT}
"""A lane's order is that of what may still be carried out; what is settled, or unknown, is out of it."""


def _lane(delivery: Delivery) -> str | None:
    return delivery.lane if delivery.status in _IN_ITS_LANE else None


def _waits_on(delivery: Delivery) -> str | None:
    return delivery.hangs_on if delivery.status in (Status.PARKED, Status.BLOCKED) else None


def _cost(delivery: Delivery) -> int | None:
    return None if delivery.cost is None else round(delivery.cost * COST_UNIT)


def _reason(delivery: Delivery) -> str | None:
    """Why it hasn't succeeded, in the words that vendors share."""
    return delivery.last_error.reason if delivery.last_error and delivery.status is not Status.SUCCEEDED else None


LIVING = ("linked", "single", "watched", "asked", "held")
STANDINGS = (*LIVING, "merged")
"""How records stand, as they are counted."""


def _standing(record: Record) -> str:
    """For whom a list is made: what waits for a person, what is joined, what is only in one system."""
    if record.merged_into is not None:
        return "merged"
    if record.held:
        return "held"
    if record.asked or record.stopped:
        return "asked"
    if record.would:
        return "watched"
    return "linked" if len(record.systems) > 1 else "single"


def _phase(outage: Outage) -> str:
    return "open" if outage.is_open else ("releasing" if outage.releasing else "closed")


DUE_EVENTS = EVENTS.asked("due_events", at_most="wake_at")
EVENTS_OF_SUBJECT = EVENTS.asked("events_of_subject", "tenant", "connection", "subject", order="-received_at")
# As the first release asks: its worker runs on beside ours while it is replaced, and needs its index till then.
EVENTS_OF_ANY_SUBJECT = EVENTS.asked("events_of_any_subject", "tenant", "subject", order="-received_at")
RECENT_EVENTS = EVENTS.asked("recent_events", order="-received_at")
EVENTS_OF_TENANT = EVENTS.asked("events_of_tenant", "tenant", order="-received_at")
EVENTS_OF_CONNECTION = EVENTS.asked("events_of_connection", "tenant", "connection", order="-received_at")
EVENTS_BY_STATUS = EVENTS.asked("events_by_status", "status", order="-received_at")
EVENTS_OF_TENANT_BY_STATUS = EVENTS.asked("events_of_tenant_by_status", "tenant", "status", order="-received_at")
EVENTS_OF_CONNECTION_BY_STATUS = EVENTS.asked(
    "events_of_connection_by_status", "tenant", "connection", "status", order="-received_at"
)
EVENTS_BY_TYPE = EVENTS.asked("events_by_type", "type", order="-received_at")
NEXT_EVENTS_OF_CONNECTION = EVENTS.asked("next_events_of_connection", "tenant", "connection", at_most="wake_at")
EVENTS_OF_PERSON = EVENTS.asked("events_of_person", contains="people")
STALE_EVENTS = EVENTS.asked("stale_events", at_most="blank_at")

RAWS_OF_CONNECTION_BY_STATUS = RAWS.asked(
    "raws_of_connection_by_status", "tenant", "connection", "status", order="-received_at"
)
RAWS_BY_STATUS = RAWS.asked("raws_by_status", "status", order="-received_at")
RAWS_OF_PERSON = RAWS.asked("raws_of_person", contains="people")
STALE_RAWS = RAWS.asked("stale_raws", at_most="blank_at")

STATE = Field("text", attrgetter("state"))

DELIVERIES = Kind(
    "deliveries",
    Delivery,
    replaced_by="transition.replace_delivery",
    fields={
        **dict.fromkeys(("tenant", "connection", "flow", "status", "event", "subject", "external_id"), TEXT),
        "lane": Field("text", _lane),
        "waits_on": Field("text", _waits_on),
        "created_at": TIME,
        "wake_at": TIME,
        "cost": Field("int", _cost),
        "reason": Field("text", _reason, rare=True),
        **BLANKED,
    },
)
DUE_DELIVERIES = DELIVERIES.asked("due_deliveries", at_most="wake_at")
RECENT_DELIVERIES = DELIVERIES.asked("recent_deliveries", order="-created_at")
DELIVERIES_OF_TENANT = DELIVERIES.asked("deliveries_of_tenant", "tenant", order="-created_at")
DELIVERIES_OF_CONNECTION = DELIVERIES.asked("deliveries_of_connection", "tenant", "connection", order="-created_at")
RECENT_DELIVERIES_OF_FLOW = DELIVERIES.asked("recent_deliveries_of_flow", "tenant", "flow", order="-created_at")
RECENT_DELIVERIES_OF_FLOW_BY_STATUS = DELIVERIES.asked(
    "recent_deliveries_of_flow_by_status", "tenant", "flow", "status", order="-created_at"
)
RECENT_DELIVERIES_BY_STATUS = DELIVERIES.asked("recent_deliveries_by_status", "status", order="-created_at")
DELIVERIES_OF_TENANT_BY_STATUS = DELIVERIES.asked(
    "deliveries_of_tenant_by_status", "tenant", "status", order="-created_at"
)
DELIVERIES_OF_CONNECTION_BY_STATUS = DELIVERIES.asked(
    "deliveries_of_connection_by_status", "tenant", "connection", "status", order="-created_at"
)
DELIVERIES_OF_CONNECTION_BY_REASON = DELIVERIES.asked(
    "deliveries_of_connection_by_reason", "tenant", "connection", "reason", order="-created_at"
)
NEXT_DELIVERIES_OF_CONNECTION = DELIVERIES.asked(
    "next_deliveries_of_connection", "tenant", "connection", at_most="wake_at"
)
COST_OF_CONNECTION = DELIVERIES.asked("cost_of_connection", "tenant", "connection", order="created_at", sums="cost")
DELIVERIES_OF_EVENT = DELIVERIES.asked("deliveries_of_event", "event")
DELIVERIES_OF_FLOW = DELIVERIES.asked("deliveries_of_flow", "tenant", "flow", "status")
DELIVERIES_BY_STATUS = DELIVERIES.asked("deliveries_by_status", "tenant", "connection", "status", order="created_at")
DELIVERIES_WAITING = DELIVERIES.asked("deliveries_waiting", "tenant", "waits_on", "status", order="created_at")
DELIVERY_BY_EXTERNAL_ID = DELIVERIES.asked("delivery_by_external_id", "tenant", "connection", "external_id")
DELIVERIES_OF_LANE = DELIVERIES.asked("deliveries_of_lane", "lane", order="created_at")
DELIVERIES_OF_PERSON = DELIVERIES.asked("deliveries_of_person", contains="people")
DELIVERIES_OF_PERSON_AT = DELIVERIES.asked("deliveries_of_person_at", "tenant", "connection", contains="people")
STALE_DELIVERIES = DELIVERIES.asked("stale_deliveries", at_most="blank_at")

OUTAGES = Kind(
    "outages",
    Outage,
    key=owner,
    fields={"tenant": TEXT, "status": Field("text", _phase), "wake_at": TIME},
)
DUE_OUTAGES = OUTAGES.asked("due_outages", at_most="wake_at")
OPEN_OUTAGES = OUTAGES.asked("open_outages", "status")

PROBLEMS = Kind(
    "problems",
    Problem,
    fields={
        "tenant": TEXT,
        "connection": Field("text", lambda problem: problem.connection or ""),
        "kind": TEXT,
        "status": STATE,
        "seen_at": Field("time", attrgetter("last_seen")),
        "wake_at": TIME,
        **EXPIRES,
    },
)
DUE_PROBLEMS = PROBLEMS.asked("due_problems", at_most="wake_at")
RECENT_PROBLEMS = PROBLEMS.asked("recent_problems", order="-seen_at")
PROBLEMS_OF_TENANT = PROBLEMS.asked("problems_of_tenant", "tenant", order="-seen_at")
PROBLEMS_BY_STATUS = PROBLEMS.asked("problems_by_status", "status", order="-seen_at")
PROBLEMS_OF_TENANT_BY_STATUS = PROBLEMS.asked("problems_of_tenant_by_status", "tenant", "status", order="-seen_at")
PROBLEMS_OF_KIND = PROBLEMS.asked("problems_of_kind", "tenant", "connection", "kind", "status")

ALERTS = Kind(
    "alerts",
    Alert,
    fields={"tenant": TEXT, "created_at": TIME, **skeleton_since("created_at")},
)
RECENT_ALERTS = ALERTS.asked("recent_alerts", order="-created_at")
ALERTS_OF_TENANT = ALERTS.asked("alerts_of_tenant", "tenant", order="-created_at")

AUDIT = Kind(
    "audit",
    AuditLine,
    fields={"at": TIME, **skeleton_since("at")},
)
AUDIT_LOG = AUDIT.asked("audit_log", order="-at")

GRANTS = Kind(
    "grants",
    Grant,
    fields={"tenant": TEXT, "wake_at": TIME},
)
DUE_GRANTS = GRANTS.asked("due_grants", at_most="wake_at")

TENANTS = Kind(
    "tenants",
    Tenant,
    keeps_nulls=True,
)
ALL_TENANTS = TENANTS.asked("all_tenants")

ALL_CONNECTIONS = CONNECTIONS.asked("all_connections")

KEYS = Kind(
    "keys",
    KnownObjects,
    fields={"tenant": TEXT, "people": TEXTS, **EXPIRES},
)
KEYS_OF_PERSON = KEYS.asked("keys_of_person", contains="people")

AGREED = Kind("agreed", Agreed, fields={"tenant": TEXT})
# As the release before asks: its console runs on beside ours while it is replaced.
AGREED_OF_TENANT = AGREED.asked("agreed_of_tenant", "tenant")

JOBS = Kind(
    "jobs",
    Job,
    fields={
        "tenant": TEXT,
        "status": STATE,
        "made_at": TIME,
        "wake_at": TIME,
        "waits_on": Field("text", attrgetter("waits_on"), rare=True),
        **EXPIRES,
    },
)
DUE_JOBS = JOBS.asked("due_jobs", at_most="wake_at")
RECENT_JOBS = JOBS.asked("recent_jobs", order="-made_at")
JOBS_OF_TENANT = JOBS.asked("jobs_of_tenant", "tenant", order="-made_at")
JOBS_BY_STATUS = JOBS.asked("jobs_by_status", "status", order="-made_at")
JOBS_WAITING = JOBS.asked("jobs_waiting", "tenant", "waits_on")

SEALED = Kind(
    "sealed",
    SealedBatch,
    fields={"tenant": TEXT, "blank_at": TIME, "people": TEXTS},
)
SEALED_OF_PERSON = SEALED.asked("sealed_of_person", contains="people")
STALE_SEALED = SEALED.asked("stale_sealed", at_most="blank_at")
REQUESTS = Kind(
    "requests",
    Request,
    fields={"tenant": TEXT, "asked_at": TIME, "wake_at": TIME, **EXPIRES},
)
DUE_REQUESTS = REQUESTS.asked("due_requests", at_most="wake_at")

SIGNED_IN = Kind("signed_in", SignedIn, fields={"began_at": TIME, **EXPIRES})
RECENT_SIGN_INS = SIGNED_IN.asked("recent_sign_ins", order="-began_at")

SIGN_INS = Kind("sign_ins", SignInAsked, fields={**EXPIRES})
CODES = Kind("codes", CodesOfPerson, fields={**EXPIRES})

RECORDS = Kind(
    "records",
    Record,
    fields={
        "tenant": TEXT,
        "kind": TEXT,
        "status": Field("text", _standing),
        "created_at": TIME,
        "people": TEXTS,
        **EXPIRES,
    },
)
RECORDS_OF_KIND = RECORDS.asked("records_of_kind", "tenant", "kind", order="created_at")
RECORDS_BY_STANDING = RECORDS.asked("records_by_standing", "tenant", "kind", "status", order="created_at")
RECORDS_OF_PERSON = RECORDS.asked("records_of_person", contains="people")

LINKS = Kind("links", Link, fields={"tenant": TEXT, "connection": TEXT, "record": TEXT, **EXPIRES})
LINKS_OF_CONNECTION = LINKS.asked("links_of_connection", "tenant", "connection")

MATCHES = Kind("matches", MatchKey, fields={"tenant": TEXT, "people": TEXTS, **EXPIRES})
MATCHES_OF_PERSON = MATCHES.asked("matches_of_person", contains="people")

DOUBTS = Kind(
    "doubts",
    Doubt,
    fields={**dict.fromkeys(("tenant", "flow", "record"), TEXT), "status": STATE,
            "since": TIME, **EXPIRES},
)  # fmt: skip
DOUBTS_BY_STATUS = DOUBTS.asked("doubts_by_status", "tenant", "flow", "status", order="since")
DOUBTS_OF_RECORD = DOUBTS.asked("doubts_of_record", "record", "status")

SWITCHES = Kind("switches", Switch, fields={"tenant": TEXT})

COUNTED = Kind("counted", Counted, fields={"tenant": TEXT, **EXPIRES})

CHUNKS = Kind("chunks", Chunk, fields={"tenant": TEXT, **EXPIRES})

DECISIONS = Kind("decisions", FileDecisions, fields={"tenant": TEXT})

MONEY = {"tenant": TEXT, "status": STATE, "created_at": TIME, "wake_at": TIME, **BLANKED}
"""Of payments and of subscriptions."""

PAYMENTS = Kind("payments", Payment, fields=MONEY)
DUE_PAYMENTS = PAYMENTS.asked("due_payments", at_most="wake_at")
RECENT_PAYMENTS = PAYMENTS.asked("recent_payments", order="-created_at")
PAYMENTS_OF_TENANT = PAYMENTS.asked("payments_of_tenant", "tenant", order="-created_at")
PAYMENTS_BY_STATUS = PAYMENTS.asked("payments_by_status", "tenant", "status", order="-created_at")
RECENT_PAYMENTS_BY_STATUS = PAYMENTS.asked("recent_payments_by_status", "status", order="-created_at")
PAYMENTS_OF_PERSON = PAYMENTS.asked("payments_of_person", contains="people")
STALE_PAYMENTS = PAYMENTS.asked("stale_payments", at_most="blank_at")

RECEIPTS = Kind(
    "receipts",
    ReceiptIntent,
    fields={
        "tenant": TEXT,
        "connection": TEXT,
        "status": STATE,
        "owed_since": TIME,
        "wake_at": TIME,
        **BLANKED,
    },
)
DUE_RECEIPTS = RECEIPTS.asked("due_receipts", at_most="wake_at")
RECENT_RECEIPTS = RECEIPTS.asked("recent_receipts", order="-owed_since")
RECEIPTS_OF_TENANT = RECEIPTS.asked("receipts_of_tenant", "tenant", order="-owed_since")
RECEIPTS_OF_CONNECTION = RECEIPTS.asked("receipts_of_connection", "tenant", "connection", order="-owed_since")
RECEIPTS_BY_STATUS = RECEIPTS.asked("receipts_by_status", "tenant", "status", order="-owed_since")
RECEIPTS_OF_PERSON = RECEIPTS.asked("receipts_of_person", contains="people")
STALE_RECEIPTS = RECEIPTS.asked("stale_receipts", at_most="blank_at")

ORDERS = Kind("orders", Order, fields={"tenant": TEXT, **EXPIRES})

PAID_THERE = Kind("paid_there", PaidThere, fields={"tenant": TEXT, **EXPIRES})
REFUNDED_TODAY = Kind("refunded_today", RefundedToday, fields={"tenant": TEXT, **EXPIRES})

SUBSCRIPTIONS = Kind("subscriptions", Subscription, fields=MONEY)
DUE_SUBSCRIPTIONS = SUBSCRIPTIONS.asked("due_subscriptions", at_most="wake_at")
RECENT_SUBSCRIPTIONS = SUBSCRIPTIONS.asked("recent_subscriptions", order="-created_at")
SUBSCRIPTIONS_OF_TENANT = SUBSCRIPTIONS.asked("subscriptions_of_tenant", "tenant", order="-created_at")
SUBSCRIPTIONS_BY_STATUS = SUBSCRIPTIONS.asked("subscriptions_by_status", "tenant", "status", order="-created_at")
SUBSCRIPTIONS_OF_PERSON = SUBSCRIPTIONS.asked("subscriptions_of_person", contains="people")
STALE_SUBSCRIPTIONS = SUBSCRIPTIONS.asked("stale_subscriptions", at_most="blank_at")

PERIODS = Kind("periods", Period, fields={"tenant": TEXT, "subscription": TEXT, "due_at": TIME, **EXPIRES})
PERIODS_OF_SUBSCRIPTION = PERIODS.asked("periods_of_subscription", "subscription", order="-due_at")

# Written by hand: a few bytes each.

INVITATIONS = Kind("invitations", fields={**EXPIRES})
"""A link into the console that nobody has used yet, under the hash of what stands in it."""

RESERVATIONS = Kind("reservations", fields={**EXPIRES})

RATES = Kind("rates", fields={**EXPIRES})

HOLDS = Kind("holds", fields={**EXPIRES})

SESSIONS = Kind("sessions", fields={"tenant": TEXT, "person": TEXT, **EXPIRES})
"""Somebody who has shown who they are to the front door: keyed hashes only, for an hour."""
SESSIONS_OF_PERSON = SESSIONS.asked("sessions_of_person", "person")

TAKES = Kind("takes", fields={**EXPIRES})
"""A place of a limit of the front door's, or a code or a word that is used up: created once, never changed."""

ACCEPTANCES = Kind("acceptances", fields={**EXPIRES})
"""To whom we said yes, under a name that one alone can have: created once, never changed (`intake/deciding.py`)."""

LANES = Kind("lanes", fields={"delivery": TEXT, "lease_until": TIME, **EXPIRES})

OPTOUTS = Kind("optouts", fields={"tenant": TEXT})
OPTOUTS_OF_TENANT = OPTOUTS.asked("optouts_of_tenant", "tenant")

SECRETS = Kind("secrets", fields={"tenant": TEXT})
SECRETS_OF_TENANT = SECRETS.asked("secrets_of_tenant", "tenant")

TOKENS = Kind("tokens", fields={**EXPIRES})

CURSORS = Kind("cursors", fields={"tenant": TEXT, "moved_at": TIME})
ALL_CURSORS = CURSORS.asked("all_cursors")

META = Kind("meta")

KINDS.update({one.name: one for one in list(globals().values()) if isinstance(one, Kind)})


def queries() -> tuple[Query, ...]:
    """Every question that is asked."""
    return tuple(query for kind in KINDS.values() for query in kind.queries)
