"""`events`, `deliveries`, `alerts`, `audit`: what is written down, newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, TypeVar

import typer

from svyazka.catalogue import N_, _
from svyazka.cli.filters import mistyped, owner_of, parse_since
from svyazka.cli.options import AsJson, Limit, OfConnection, OfTenant, Reveal, Since
from svyazka.cli.output import lines, table
from svyazka.cli.session import Session, run
from svyazka.cli.views import Row, alert_row, audit_row, delivery_row, event_row, raw_row
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import ALERTS_OF_TENANT, AUDIT_LOG, RECENT_ALERTS
from svyazka.engine.telling.undelivered import arrived
from svyazka.model.deliveries import Alert, AuditLine, Status
from svyazka.model.events import EventRecord, EventStatus, EventType, RawRecord, ReceiptState
from svyazka.reading import lists
from svyazka.reading.ids import whole_id
from svyazka.reading.lists import Filter

ModelT = TypeVar("ModelT")

EventStatuses = Annotated[
    list[EventStatus] | None,
    typer.Option("--status", metavar="STATE", help=N_("accepted, planned, ignored or quarantined; several times.")),
]
Statuses = Annotated[
    list[Status] | None,
    typer.Option(
        "--status",
        metavar="STATE",
        help=N_(
            "pending, in_flight, retrying, parked, blocked, unknown, succeeded, failed, expired, cancelled or dead; "
            "several times."
        ),
    ),
]


async def first(found: AsyncIterator[ModelT], limit: int) -> list[ModelT]:
    """The first `limit` of them."""
    taken: list[ModelT] = []
    async for one in found:
        taken.append(one)
        if len(taken) == limit:
            break
    return taken


def _values(statuses: Sequence[StrEnum] | None) -> frozenset[str]:
    return frozenset(status.value for status in statuses or ())


async def _since(session: Session, since: str | None) -> datetime | None:
    return parse_since(since, session.hub.clock.now()) if since else None


def events(
    tenant: OfTenant = None,
    connection: OfConnection = None,
    status: EventStatuses = None,
    type_: Annotated[
        EventType | None, typer.Option("--type", metavar="TYPE", help=N_("Such as order.completed."))
    ] = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    reveal: Reveal = False,
) -> None:
    """What happened at the vendors, newest first; what could not be read stands here too, as quarantined."""

    async def body(session: Session) -> None:
        masker = await session.masker(reveal, "events")
        wanted = Filter(
            *owner_of(tenant, connection), _values(status), type=type_.value if type_ else None,
            since=await _since(session, since),
        )  # fmt: skip
        wanted = wanted.narrowed((await session.tenants()).values())
        size = min(limit, lists.PAGE)
        found: list[EventRecord | RawRecord] = []
        found += await first(lists.events(session.store, wanted, size), limit)
        found += await first(lists.quarantined_raws(session.store, wanted, size), limit)
        rows: list[Row] = []
        numbers: list[object] = []
        for one in islice(sorted(found, key=_received_at, reverse=True), limit):
            if isinstance(one, RawRecord):
                rows.append(raw_row(one, await session.zone(one.tenant), masker))
                numbers.append(None)
            else:
                rows.append(event_row(one, await session.zone(one.event.tenant), masker))
                numbers.append(one.event.data.get("number"))
        if as_json:
            lines(rows)
            return
        table(
            (N_("Received"), N_("Id"), N_("From"), N_("Type"), N_("Order"), N_("Whom"), N_("Status"), N_("Reason")),
            ((_short(row["received_at"]), row["id"], f"{row['tenant']}/{row['connection']}", row["type"],
              f"№ {number}" if number else _subject(row), _whom(row), row["status"], row["reason"])
             for row, number in zip(rows, numbers, strict=True)),
            await _empty(session, wanted, _("no events; `svyazka urls` prints where vendors send them")),
        )  # fmt: skip

    run(body)


def deliveries(
    tenant: OfTenant = None,
    connection: OfConnection = None,
    status: Statuses = None,
    flow: Annotated[str | None, typer.Option("--flow", metavar="FLOW")] = None,
    event: Annotated[str | None, typer.Option("--event", metavar="ID", help=N_("Only this event's."))] = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    reveal: Reveal = False,
) -> None:
    """What we owe or have done, newest first."""

    async def body(session: Session) -> None:
        masker = await session.masker(reveal, "deliveries")
        wanted = Filter(
            *owner_of(tenant, connection),
            _values(status),
            flow=flow,
            event=await whole_id(session.store, event, only="evt") if event else None,
            since=await _since(session, since),
        )
        wanted = wanted.narrowed((await session.tenants()).values())
        found = await first(lists.deliveries(session.store, wanted, min(limit, lists.PAGE)), limit)
        rows = [delivery_row(one, await session.zone(one.tenant), masker) for one in found]
        if as_json:
            lines(rows)
            return
        table(
            (
                N_("Created"),
                N_("Id"),
                N_("Through"),
                N_("Step"),
                N_("Status"),
                N_("Receipt"),
                N_("Tries"),
                N_("Next"),
                N_("Why"),
            ),
            (
                (
                    _short(row["created_at"]),
                    row["id"],
                    f"{row['tenant']}/{row['connection']}",
                    row["step"],
                    row["status"],
                    None if row["receipt"] == ReceiptState.NONE else row["receipt"],
                    row["attempts"],
                    _short(row["next_attempt_at"]),
                    _why(row),
                )
                for row in rows
            ),
            await _empty(session, wanted, _("no deliveries of that kind; `svyazka events` shows what came in")),
        )

    run(body)


def alerts(
    tenant: OfTenant = None, since: Since = None, limit: Limit = 50, as_json: AsJson = False, reveal: Reveal = False
) -> None:
    """What somebody was told, newest first."""

    async def body(session: Session) -> None:
        masker = await session.masker(reveal, "alerts")
        oldest = await _since(session, since)
        found: list[Alert] = []
        query, where = (ALERTS_OF_TENANT, {"tenant": tenant}) if tenant else (RECENT_ALERTS, {})
        async for document in lists.pages(session.store, query, where, size=min(limit, lists.PAGE)):
            alert = journal.read(Alert, document).model
            if len(found) == limit or (oldest is not None and alert.created_at < oldest):
                break
            found.append(alert)
        when = await arrived(session.store, found)
        rows = [alert_row(alert, when[alert.id], await session.zone(alert.tenant), masker) for alert in found]
        if as_json:
            lines(rows)
            return
        table(
            (N_("Since"), N_("About"), N_("Kind"), N_("Stage"), N_("Sent"), N_("Text")),
            ((_short(row["since"]), f"{row['tenant']}/{row['connection'] or ''}", row["kind"], row["stage"],
              _short(row["sent_at"]), row["text"]) for row in rows),
            await _empty(session, Filter(tenant), _("no alerts: nobody had to be told anything")),
        )  # fmt: skip

    run(body)


async def _empty(session: Session, wanted: Filter, otherwise: str) -> str:
    """What it means that a list is empty."""
    return mistyped(wanted, (await session.tenants()).values()) or otherwise


CAME = {"done": N_("done"), "refused": N_("not done: it was refused"), "begun": N_("it broke off before its end")}
"""What came of what somebody did."""


def audit(since: Since = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Who did what by this command line, newest first."""

    async def body(session: Session) -> None:
        oldest = await _since(session, since)
        rows: list[Row] = []
        zone = await session.zone(None) if as_json else await session.own_zone()
        async for document in lists.pages(session.store, AUDIT_LOG):
            entry = journal.read(AuditLine, document).model
            if len(rows) == limit or (oldest is not None and entry.at < oldest):
                break
            rows.append(audit_row(entry, zone))
        if as_json:
            lines(rows)
            return
        table(
            (N_("At"), N_("Did"), N_("To"), N_("Outcome"), N_("Who"), N_("Detail")),
            (
                (
                    _short(row["at"]),
                    row["action"],
                    row["target"],
                    _(CAME[str(row["came"])]),
                    row["who"],
                    _detail(row["detail"]),
                )
                for row in rows
            ),
            _("nobody has done anything by this command line yet"),
        )

    run(body)


def _received_at(one: EventRecord | RawRecord) -> datetime:
    return one.received_at if isinstance(one, RawRecord) else one.event.received_at


def _short(stamped: object) -> str | None:
    """A row's time as a table shows it: it is in the tenant's zone already."""
    return f"{datetime.fromisoformat(stamped):%d.%m %H:%M:%S}" if isinstance(stamped, str) else None


def _whom(row: Row) -> object:
    """Whose event it is: a masked name and address."""
    contact = row["contact"]
    if not isinstance(contact, dict):
        return None
    return " ".join(str(part) for part in (contact["name"], contact["phone"] or contact["email"]) if part)


def _why(row: Row) -> object:
    error = row["last_error"]
    return error["message"] if isinstance(error, dict) else None


def _detail(detail: object) -> str:
    pairs = detail.items() if isinstance(detail, dict) else ()
    return ", ".join(f"{name}: {value}" for name, value in pairs if value not in (None, False, ""))


def _subject(row: Row) -> object:
    """What the event is about; nothing where it is only about itself."""
    subject = row["subject"]
    return None if subject == f"event:{row['id']}" else subject
