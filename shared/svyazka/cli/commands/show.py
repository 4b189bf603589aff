"""`show`: the whole story of an event, of a delivery, or of a request that could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Annotated
from urllib.parse import unquote_plus

import typer
from pydantic import JsonValue
from rich.text import Text
from rich.tree import Tree

from svyazka.catalogue import N_, _, told
from svyazka.cli.options import AsJson, Reveal
from svyazka.cli.output import console, line, short_time, style_of
from svyazka.cli.session import Session, run
from svyazka.cli.views import Row, event_row, no_event_row, raw_part, raw_row, story
from svyazka.model.commands import AddNote, AddTask, BookVisit, CancelVisit, Command, MoveVisit, PutRecord, SendMessage
from svyazka.model.deliveries import Attempt, Delivery
from svyazka.model.events import EventRecord
from svyazka.model.reasons import REASONS
from svyazka.model.records import RecordKind
from svyazka.model.terminal import plain
from svyazka.reading.ids import whole_id
from svyazka.reading.masking import Masker, Private
from svyazka.reading.stories import Story, load

BODY_SHOWN = 700
"""Characters of a body in the tree; --json has all that the journal keeps."""


def show(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help=N_("evt_..., dlv_... or raw_..., or how one of them begins."))
    ],
    as_json: AsJson = False,
    reveal: Reveal = False,
) -> None:
    """The story: what came, what was decided, each attempt with its request and answer, credentials cut out."""

    async def body(session: Session) -> None:
        whole = await whole_id(session.store, id_)
        found = await load(session.store, whole)
        masker = await session.masker(reveal, whole)
        zone = await session.zone(found.tenant)
        if as_json:
            line(as_row(found, zone, masker))
        else:
            console().print(_tree(found, zone, masker))

    run(body)


def as_row(found: Story, zone: tzinfo, masker: Masker) -> Row:
    """`show --json`."""
    if found.event is not None:
        head = event_row(found.event, zone, masker)
    elif found.raw is not None:
        head = raw_row(found.raw, zone, masker)
    else:
        head = no_event_row(found.deliveries[0])
    return story(head, raw_part(found.request, masker, found.private), found, zone, masker)


# The tree


def _tree(found: Story, zone: tzinfo, masker: Masker) -> Tree:
    tree = Tree(_head(found), guide_style="bright_black")
    if found.event is not None:
        for text in _event_lines(found.event, zone, masker):
            tree.add(Text(plain(text)))
    if found.raw is not None and found.raw.reason:
        tree.add(Text(plain(told(masker.text(found.raw.reason) or ""))))
    request = found.request
    if request is not None:
        branch = tree.add(Text(plain(f"{request.method} {request.path} {request.content_type or ''}".strip())))
        branch.add(_body(request.body, masker, found.private) if request.encoding == "utf-8" else Text(_("not UTF-8")))
    elif found.raw is not None or (found.event is not None and found.event.event.origin in ("webhook", "salvage")):
        tree.add(Text(_("its request was blanked (retention, forget)"), style="bright_black"))
    drawn: dict[str, Tree] = {}
    for delivery in found.deliveries:
        # In a plan with an order each hangs on the last of those before it.
        before = [drawn[one.delivery] for one in delivery.after if one.delivery in drawn]
        under = before[-1] if before else tree
        drawn[delivery.id] = _add_delivery(under, delivery, zone, masker, found.private)
    return tree


def _head(found: Story) -> Text:
    if found.event is not None:
        event = found.event.event
        return _words(event.id, event.type.value, told(found.event.status.value))
    if found.raw is not None:
        return _words(found.raw.id, _("request"), told(found.raw.status))
    return Text(_("told by the engine itself: no event caused it"))


def _event_lines(record: EventRecord, zone: tzinfo, masker: Masker) -> Iterator[str]:
    event = record.event
    happened = _(", happened {time}", time=short_time(event.occurred_at, zone)) if event.occurred_at else ""
    yield (
        _(
            "from {tenant}/{connection} ({vendor}, {origin}), received {time}{happened}",
            tenant=event.tenant,
            connection=event.connection,
            vendor=event.vendor,
            origin=event.origin,
            time=short_time(event.received_at, zone),
            happened=happened,
        )
    )
    yield _("subject {subject}, identity {identity}", subject=event.subject, identity=event.identity)
    contact = masker.contact(event.contact)
    if contact is not None:
        yield _("contact {whom}", whom=", ".join(str(value) for value in contact.values() if value))
    if record.reason:
        yield told(masker.text(record.reason, [event.contact]) or "")


def _add_delivery(tree: Tree, delivery: Delivery, zone: tzinfo, masker: Masker, about: Sequence[Private]) -> Tree:
    receipt = _("receipt {state}", state=told(delivery.receipt.value)) if delivery.receipt.value != "none" else ""
    branch = tree.add(_words(delivery.id, delivery.step, told(delivery.status.value), receipt))
    for text in _delivery_lines(delivery, zone, masker, about):
        branch.add(Text(plain(text)))
    for attempt in delivery.attempts:
        _add_attempt(branch, attempt, zone, masker, about)
    return branch


def _delivery_lines(delivery: Delivery, zone: tzinfo, masker: Masker, about: Sequence[Private]) -> Iterator[str]:
    generation = _(", generation {generation}", generation=delivery.generation) if delivery.generation > 1 else ""
    through = f"{delivery.connection} ({delivery.vendor})"
    yield _(
        "{kind} of flow {flow} through {through}{generation}",
        kind=delivery.command.kind,
        flow=delivery.flow,
        through=through,
        generation=generation,
    )
    command = delivery.command
    if isinstance(command, SendMessage):
        to = masker.contact(command.to) or {}
        address = to.get("phone") or to.get("email") or _("a chat")
        yield (
            _("to {address}: «{text}»", address=address, text=masker.text(command.text, about))
            if command.text
            else _("its text was blanked")
        )
    yield from _card_lines(command, masker, about)
    yield from _visit_lines(command)
    for before in delivery.after:
        yield _("after {step}: {status}", step=before.step, status=told(before.status.value) if before.status else "…")
    for made in delivery.produced:
        yield _("made {kind} {id}", kind=made.kind, id=made.id)
    if delivery.next_attempt_at is not None:
        yield _("next attempt {time}", time=short_time(delivery.next_attempt_at, zone))
    if delivery.last_error is not None:
        yield f"{delivery.last_error.code}: {told(masker.text(delivery.last_error.message, about) or '')}"
    if delivery.external_id:
        cost = _(", cost {cost}", cost=delivery.cost) if delivery.cost is not None else ""
        yield _(
            "{vendor} calls it {external_id}{cost}", vendor=delivery.vendor, external_id=delivery.external_id, cost=cost
        )
    if delivery.duplicate_effect:
        yield _("DONE TWICE: a late answer proved a second success")
    yield from map(told, delivery.notes)
    if delivery.successor:
        yield _("went on as {successor}", successor=delivery.successor)


RECORDS = {
    RecordKind.CONTACT: N_("contact"),
    RecordKind.COMPANY: N_("company"),
    RecordKind.DEAL: N_("deal"),
    RecordKind.VISIT: N_("visit"),
}


def _card_lines(command: Command, masker: Masker, about: Sequence[Private]) -> Iterator[str]:
    """What shall stand on a card."""
    if isinstance(command, PutRecord):
        fields = [f"{name} «{masker.text(_shown(value), about)}»" for name, value in command.fields.items()]
        yield _("{record}: {fields}", record=_(RECORDS[command.record]), fields=", ".join(fields) or "…")
    if isinstance(command, AddNote | AddTask) and command.text:
        said = masker.text(command.text, about)
        yield _("{record}: «{text}»", record=_(RECORDS[command.on.kind]), text=said)


def _visit_lines(command: Command) -> Iterator[str]:
    """Which visit, and when, on the clock of the place."""
    if isinstance(command, BookVisit | MoveVisit):
        clock = f"{command.starts_at.clock:%d.%m.%Y %H:%M}"
        yield _("at {time} ({zone})", time=clock, zone=command.starts_at.zone)
    if isinstance(command, BookVisit):
        yield _("services {services}, master {staff}", services=", ".join(command.services), staff=command.staff or "—")
    if isinstance(command, MoveVisit | CancelVisit) and command.visit:
        yield _("visit {visit}", visit=command.visit)


def _shown(value: JsonValue) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _add_attempt(branch: Tree, attempt: Attempt, zone: tzinfo, masker: Masker, about: Sequence[Private]) -> None:
    took = (
        _(" after {seconds:.2f} s", seconds=(attempt.ended_at - attempt.started_at).total_seconds())
        if attempt.ended_at
        else ""
    )
    outcome = told(attempt.outcome) if attempt.outcome else _("still out")
    reason = REASONS.get(attempt.reason or "")
    why = f"({told(reason)})" if reason else ""
    began = f"{short_time(attempt.started_at, zone)}:"
    head = _words(_("attempt {number}", number=attempt.number), began, outcome, why)
    node = branch.add(head.append(took))
    if attempt.message:
        node.add(Text(plain(told(masker.text(attempt.message, about) or ""))))
    for call in attempt.exchanges:
        answered = _("answered {status}", status=call.status) if call.status is not None else _("no answer")
        exchange = node.add(Text(plain(f"{call.method} {masker.text(call.url, about)}: {answered}")))
        for body in (call.request_body, call.response_body):
            if body:
                exchange.add(_body(body, masker, about))


def _body(body: str, masker: Masker, about: Sequence[Private]) -> Text:
    """A body as a person reads it: JSON as it is, a form without its percent signs, long ones cut."""
    text = masker.body(body if _is_json(body) else unquote_plus(body), about) or ""
    if len(text) > BODY_SHOWN:
        text = text[:BODY_SHOWN] + _(" … (--json shows all)")
    return Text(plain(text), style="bright_black")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _words(*words: str) -> Text:
    """Words in a row, states in their colours."""
    return Text(" ").join(_styled(words))


def _styled(words: Iterable[str]) -> Iterator[Text]:
    for word in words:
        if word:
            yield Text(plain(word), style=style_of(word.rpartition(" ")[2]) or "")
