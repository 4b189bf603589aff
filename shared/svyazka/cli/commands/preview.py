"""`preview`: what an event would send, to whom, when, and why not; nothing is written or sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from svyazka.catalogue import N_, _, systems, told
from svyazka.cli.options import AsJson, OfTenant, Reveal
from svyazka.cli.output import lines, note, stamp, table
from svyazka.cli.session import Session, run
from svyazka.cli.views import Row
from svyazka.engine.contracts.webhook import NotTheFormat
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.preview import PROSPECTS, SAMPLE_CONTACT, Foreseen, Preview, Prophecy, sample
from svyazka.engine.operating.replay import parsed
from svyazka.model.commands import SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.errors import ConfigError
from svyazka.model.events import EventRecord, EventType, StoredRequest
from svyazka.model.tenants import Tenant
from svyazka.reading.ids import whole_id
from svyazka.reading.masking import Masker
from svyazka.reading.stories import addressee


def preview(
    what: Annotated[
        str, typer.Argument(metavar="CONNECTION|EVENT", help=N_("NAME, TENANT/NAME, or evt_... (or how it begins)."))
    ],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help=N_("A body as the vendor sends it; `-` is stdin."))
    ] = None,
    type_: Annotated[EventType | None, typer.Option("--type", metavar="TYPE", help=N_("Of the sample event."))] = None,
    name: Annotated[str | None, typer.Option("--name", help=N_("Of the sample person."))] = None,
    phone: Annotated[str | None, typer.Option("--phone", help=N_("Of the sample person."))] = None,
    email: Annotated[str | None, typer.Option("--email", help=N_("Of the sample person."))] = None,
    tenant: OfTenant = None,
    as_json: AsJson = False,
    reveal: Reveal = False,
) -> None:
    """Show what a sample event of a connection, a request's body, or a journaled event would send."""

    async def body(session: Session) -> None:
        masker = await session.masker(reveal, f"preview {what}")
        if what.startswith("evt_"):
            owner, records = await _journaled(session, await whole_id(session.store, what))
        else:
            owner, connection = await session.connection_of(what, tenant)
            if file is not None:
                records = await _from_body(session, owner, connection, _read(file))
            else:
                person = _person(name, phone, email)
                records = await _samples(session, owner, connection, type_, person)
                masker = Masker(reveal=True)  # a person whom the operator has just named, or nobody
        worker = session.worker
        prophet = Preview(session.hub, worker.decider, worker.admission, worker.outages)
        found = [await prophet.of(record, owner) for record in records]
        zone = await session.zone(owner.id)
        rows = [row for prophecy in found for row in _rows(prophecy, zone, masker)]
        if as_json:
            lines(rows)
            return
        for prophecy in found:
            for asked in prophecy.asked:
                note(f"{prophecy.record.event.type.value}: {told(asked)}")
        table(
            (N_("Event"), N_("Flow"), N_("Through"), N_("Whom"), N_("When"), N_("Why"), N_("Text")),
            ((row["type"], row["flow"], row["connection"], _address(row), _when(row),
              _joined(row["reasons"]), row["text"]) for row in rows),
            _("no events in it"),
        )  # fmt: skip

    run(body)


async def _journaled(session: Session, event_id: str) -> tuple[Tenant, list[EventRecord]]:
    held = await journal.load(session.store, EventRecord, event_id)
    if held is None:
        raise ConfigError(_("no event {event_id}: `svyazka events` prints ids", event_id=event_id))
    return await session.tenant(held.model.event.tenant), [held.model]


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(_("{file}: expected a request's body; {why}", file=file, why=systems(error))) from None


async def _from_body(session: Session, owner: Tenant, connection: str, body: bytes) -> list[EventRecord]:
    compiled = await session.compiled(owner, connection)
    webhook = session.worker.webhook_of(compiled.vendor)
    if webhook is None:
        raise ConfigError(
            _(
                "{owner}/{connection}: {vendor} never calls us, so it has no such bodies",
                owner=owner.id,
                connection=connection,
                vendor=compiled.vendor,
            )
        )
    json_like = body.lstrip()[:1] in (b"{", b"[") and "application/json" in webhook.content_types
    content_type = "application/json" if json_like else webhook.content_types[0]
    request = StoredRequest.of("POST", f"/webhook_{compiled.vendor}", content_type, body)
    people = partial(session.hub.keyring.people, owner.id)
    try:
        items = parsed(webhook, compiled, request, session.hub.clock.now(), people)
    except NotTheFormat as error:
        raise ConfigError(_("not a body of {vendor}'s: {why}", vendor=compiled.vendor, why=error)) from None
    return [item.record for item in items]


async def _samples(
    session: Session, owner: Tenant, connection: str, event_type: EventType | None, person: Contact
) -> list[EventRecord]:
    """One event of each type that the connection's flows act on."""
    wants = (await session.compiled(owner, connection)).wants
    types = [event_type] if event_type else [EventType(value) for value in wants]
    if not types:
        raise ConfigError(
            _(
                "{owner}/{connection}: no flow of the tenant file takes events from it (`from`)",
                owner=owner.id,
                connection=connection,
            )
        )
    now = session.hub.clock.now()
    return [sample(owner, connection, one, person, now) for one in types]


def _person(name: str | None, phone: str | None, email: str | None) -> Contact:
    if name is None and phone is None and email is None:
        return SAMPLE_CONTACT
    return Contact(name=name, phone=phone, email=email)


def _rows(prophecy: Prophecy, zone: tzinfo, masker: Masker) -> Sequence[Row]:
    """`preview --json`: one row a delivery, or one that says why there is none."""
    event = prophecy.record.event
    head: Row = {"event": event.id, "type": event.type.value, "subject": event.subject}
    nothing: Row = {
        **head, "flow": None, "step": None, "connection": None, "vendor": None, "to": None, "text": None,
        "prospect": "never", "at": None, "reasons": [masker.text(reason) for reason in prophecy.reasons],
    }  # fmt: skip
    foreseen = [{**head, **_row(one, zone, masker)} for one in prophecy.foreseen]
    return [*foreseen, *([nothing] if prophecy.reasons or not foreseen else [])]


def _row(one: Foreseen, zone: tzinfo, masker: Masker) -> Row:
    delivery = one.delivery
    to, command = addressee(delivery), delivery.command
    contact = masker.contact(to)
    then = [_("else through {connection}", connection=step.connection) for step in delivery.fallbacks]
    return {
        "flow": delivery.flow, "step": delivery.step, "connection": delivery.connection, "vendor": delivery.vendor,
        "to": None if contact is None else {**contact},
        "text": masker.text(command.text, [to]) if isinstance(command, SendMessage) else None,
        "prospect": one.prospect, "at": stamp(one.at, zone), "reasons": [*one.reasons, *then],
    }  # fmt: skip


def _address(row: Row) -> object:
    to = row["to"]
    return (to["phone"] or to["email"] or _("a chat")) if isinstance(to, dict) else None


def _when(row: Row) -> object:
    at = row["at"]
    return (
        f"{datetime.fromisoformat(at):%d.%m %H:%M}"
        if row["prospect"] == "later" and isinstance(at, str)
        else _(PROSPECTS[str(row["prospect"])])
    )


def _joined(reasons: object) -> str:
    return "; ".join(str(reason) for reason in reasons) if isinstance(reasons, list) else ""
