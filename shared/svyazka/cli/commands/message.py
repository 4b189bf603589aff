"""`send`: one message through the whole machine."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import JsonValue

from svyazka.catalogue import N_, _, told
from svyazka.cli.options import AsJson, OfTenant
from svyazka.cli.output import line, note, say, style_of
from svyazka.cli.session import Session, run
from svyazka.cli.waiting import somebody_works, until
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.send import request_send
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import ConfigError
from svyazka.model.events import EventRecord, EventStatus
from svyazka.model.tenants import parse_duration

ON_ITS_WAY = frozenset({Status.PENDING, Status.IN_FLIGHT})


def send(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help=N_("NAME or TENANT/NAME."))],
    to: Annotated[str, typer.Option("--to", help=N_("Phone, e-mail or chat, as the connection sends to."))],
    text: Annotated[str, typer.Option("--text", help=N_("What it says."))],
    subject: Annotated[str | None, typer.Option("--subject", help=N_("Of an e-mail."))] = None,
    expires_after: Annotated[
        str, typer.Option("--expires-after", metavar="DURATION", help=N_("Not sent any more when it took so long."))
    ] = "24h",
    wait: Annotated[
        float,
        typer.Option("--wait", min=0, metavar="SECONDS", help=N_("How long to wait for what becomes of it; 0: not.")),
    ] = 15.0,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Send one message: journaled, guarded and repeated like any other."""
    if not text.strip():
        raise typer.BadParameter(_("expected a text, got nothing"), param_hint="--text")
    try:
        life = parse_duration(expires_after).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--expires-after") from None

    async def body(session: Session) -> None:
        owner, name = await session.connection_of(connection, tenant)
        manifest = session.hub.directory.manifests(owner.connections[name].vendor)
        if not manifest.carries("SendMessage"):
            raise ConfigError(
                _("{owner}/{name}: {vendor} carries no messages", owner=owner.id, name=name, vendor=manifest.vendor)
            )
        contact, address = _addressee(to, manifest.reaches, manifest.vendor)
        if manifest.address(contact) is None:
            raise ConfigError(
                _(
                    "--to: {vendor} can't reach it; expected {expected}",
                    vendor=manifest.vendor,
                    expected=_expected(manifest.reaches),
                )
            )
        data: dict[str, JsonValue] = {"text": text, "expires_seconds": life}
        if subject is not None:
            data["subject"] = subject
        record = await request_send(session.operator, owner, name, contact, data, address)
        await session.audit("send", f"{owner.id}/{name}", event=record.event.id)
        if as_json:
            line({"id": record.event.id, "tenant": owner.id, "connection": name})
        else:
            say(
                _(
                    "{event} is journaled and queued; svyazka show {event} tells what becomes of it",
                    event=record.event.id,
                )
            )
        if not somebody_works(session):
            note(_("nobody is at work here: `svyazka run` sends it"))
        elif not as_json and wait:
            await _say_what_became(session, record.event.id, wait)

    run(body)


async def _say_what_became(session: Session, event: str, seconds: float) -> None:
    async def look() -> list[Delivery] | None:
        held = await journal.load(session.store, EventRecord, event)
        if held is None or held.model.status is EventStatus.ACCEPTED:
            return None
        found = await session.store.get_many([("deliveries", key) for key in held.model.deliveries])
        made = [one.model for one in journal.known(Delivery, [document for document in found if document])]
        return None if any(one.status in ON_ITS_WAY for one in made) else made

    made = await until(look, seconds)
    if made is None:
        note(_("it hasn't gone out within {seconds:g} s: svyazka show {event}", seconds=seconds, event=event))
    for delivery in made or ():
        why = f": {told(delivery.last_error.message)}" if delivery.last_error else ""
        say(f"{delivery.id} {told(delivery.status.value)}{why}", style_of(delivery.status.value))


def _addressee(to: str, reaches: str | None, vendor: str) -> tuple[Contact, str]:
    """The person, and his address in its one spelling. Raises ConfigError, without the address in it."""
    found = to.strip()
    if reaches == "phone":
        found = normalize_phone(to) or ""
        contact = Contact(phone=found)
    elif reaches == "email":
        found = normalize_email(to) or ""
        contact = Contact(email=found)
    else:
        contact = Contact(chats={reaches or vendor: found})
    if not found:
        raise ConfigError(_("--to: expected {expected}, got something else", expected=_expected(reaches)))
    return contact, found


def _expected(reaches: str | None) -> str:
    return {"phone": _("a mobile phone such as +7 999 000-00-00"), "email": _("an e-mail address")}.get(
        reaches or "", _("the id of a chat")
    )
