"""What amoCRM's objects mean in our words: the same from a webhook, a poll and a re-read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from svyazka.catalogue import N_
from svyazka.connectors.amocrm.schema import Lead, NotUnderstood, identifier, moment, person, seconds_of, sections
from svyazka.engine.contracts.untrusted import Section, filled, number, section, text
from svyazka.model.contacts import Contact
from svyazka.model.events import Change, Entity, EventType, Fact, Hint

WON, LOST = "142", "143"
"""Ends of every pipeline: the same ids in each, so a stage is always the pair of pipeline and status."""

OLD_NEWS = 24 * 3600
"""Seconds: a deal changed so long after it was closed was closed then; now somebody only wrote on its card."""

DELETED = "delete"
ADDED = "add"
CHANGES = {ADDED: Change.CREATED, DELETED: Change.DELETED, "restore": Change.RESTORED}
"""What a webhook's action says has become of its card. Of a merge amoCRM tells no more than that one card was changed
and the others were deleted."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Which stages mean that a deal is won: `142` in any pipeline, or what `won_statuses` names instead."""

    won: frozenset[str]

    @classmethod
    def of(cls, setting: object) -> Stages:
        """`won_statuses`: status ids, or `pipeline:status` where only one pipeline is meant."""
        given = map(text, setting) if isinstance(setting, list | tuple) else ()
        return cls(frozenset(filter(None, given)) or frozenset({WON}))

    def is_won(self, pipeline: str | None, status: str | None) -> bool:
        return status is not None and (status in self.won or f"{pipeline}:{status}" in self.won)


def lead_fact(lead: Lead, stages: Stages, action: str | None = None, contact: Contact | None = None) -> Fact:
    """A deal as a fact; `action`: of the webhook that told it, None from the API.

    A webhook of ids only (Digital Pipeline, a deletion, hand-made ones) has no `updated_at`: it is a hint to
    read the deal, and has an identity of its own for a while.
    """
    won = stages.is_won(lead.pipeline, lead.status)
    was_won = stages.is_won(lead.old_pipeline or lead.pipeline, lead.old_status)
    known = lead.updated_at is not None and action != DELETED
    return Fact(
        type=_type(lead, won, action),
        key=("lead", lead.id, str(lead.updated_at), lead.status or "") if known else None,
        # What takes a deal out of its won stage speaks of the same fact, and takes it back.
        subject=f"deal:{lead.id}:won" if won or was_won else f"deal:{lead.id}",
        occurred_at=_when(lead, won),
        contact=contact,
        position=lead.updated_at,
        entity=Entity(kind="lead", id=lead.id),
        about=(Hint(kind="deal", id=lead.id, change=_became(lead.body, action)),),
        partial=not known and action != DELETED,
        data=filled(
            {
                "status": lead.status,
                "pipeline": lead.pipeline,
                "old_status": lead.old_status,
                "title": text(lead.body.get("name")),
                "sum": number(_plain_number(lead.body.get("price"))),
                "responsible": text(lead.body.get("responsible_user_id")),
                "changed_by": text(lead.body.get("modified_user_id")) or text(lead.body.get("updated_by")),
                "deleted": True if action == DELETED or lead.body.get("is_deleted") is True else None,
            }
        ),
    )


def _type(lead: Lead, won: bool, action: str | None) -> EventType:
    """By the deal's state, so that it is the same on every path; by the action only where the state can't tell."""
    if action == DELETED or _closed_long_before(lead):
        return EventType.DEAL_CHANGED
    if won:
        return EventType.DEAL_WON
    if lead.status == LOST:
        return EventType.DEAL_LOST
    fresh = lead.updated_at is not None and lead.updated_at == lead.created_at
    return EventType.DEAL_CREATED if action == ADDED or fresh else EventType.DEAL_CHANGED


def _closed_long_before(lead: Lead) -> bool:
    return lead.closed_at is not None and lead.updated_at is not None and lead.updated_at - lead.closed_at > OLD_NEWS


def _when(lead: Lead, won: bool) -> datetime | None:
    closed = lead.closed_at if won or lead.status == LOST else None
    seconds = closed or lead.updated_at
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _plain_number(value: object) -> object:
    """A form's price is text; accounts with kopecks write a fraction."""
    if not isinstance(value, str):
        return value
    try:
        return int(value) if value.isdigit() and len(value) < 19 else float(value)
    except ValueError:
        return None


CONTACT_TYPES = {ADDED: EventType.CONTACT_CREATED, DELETED: EventType.CONTACT_DELETED}


def contact_fact(body: Section, action: str | None = None, kind: str | None = None) -> Fact:
    """A contact or a company: webhooks bring both under one name, told apart only by `type`.

    Raises NotUnderstood when there is no id.
    """
    identity = identifier(body.get("id"))
    if identity is None:
        raise NotUnderstood(N_("expected the id of a contact, found none"))
    kind = kind or ("company" if body.get("type") == "company" else "contact")
    updated = seconds_of(body.get("updated_at")) or seconds_of(body.get("last_modified"))
    created = seconds_of(body.get("created_at")) or seconds_of(body.get("date_create"))
    usual = EventType.CONTACT_CREATED if updated is not None and updated == created else EventType.CONTACT_CHANGED
    return Fact(
        type=CONTACT_TYPES.get(action or "", usual),
        key=(kind, identity, str(updated)) if updated is not None and action != DELETED else None,
        subject=f"{kind}:{identity}",
        occurred_at=moment(updated),
        contact=person(body) if kind == "contact" and action != DELETED else None,
        position=updated,
        entity=Entity(kind=kind, id=identity),
        about=(Hint(kind=kind, id=identity, change=_became(body, action)),),
        partial=updated is None and action != DELETED,
        data=filled({"kind": kind, "title": text(body.get("name")) if kind == "company" else None}),
    )


def _became(body: Section, action: str | None) -> Change:
    if body.get("is_deleted") is True:
        return Change.DELETED
    return CHANGES.get(action or "", Change.UPDATED)


def unsorted_fact(body: Section, action: str) -> Fact:
    """A request in the inbox of unsorted: who asks stands in it. Taking or declining it comes as its deletion."""
    uid = identifier(body.get("uid"))
    if uid is None:
        raise NotUnderstood(N_("expected the uid of an unsorted request, found none"))
    happened = moment(body.get("created_at")) or moment(body.get("date_create"))
    lead = text(body.get("lead_id"))
    asker = next(sections(section(body, "data").get("contacts")), None)
    came = action == ADDED
    outcome = text(body.get("action")) or action
    return Fact(
        type=EventType.LEAD_CREATED if came else EventType.OTHER,
        key=("unsorted", uid, action),
        subject=f"lead:{lead}" if lead else f"lead:{uid}",
        occurred_at=happened,
        contact=person(asker) if asker is not None and came else None,
        about=(Hint(kind="deal", id=lead, change=Change.CREATED),) if lead and came else (),
        data=filled(
            {
                "category": text(body.get("category")),
                "service": text(section(body, "source_data").get("form_name")),
                "pipeline": text(body.get("pipeline_id")),
            }
        ),
        ignored=None
        if came
        else N_("amoCRM sent unsorted {outcome}: nothing here acts on it").format(outcome=outcome[:40]),
    )


def message_fact(body: Section, action: str) -> Fact:
    """A chat message; only what a client wrote is news."""
    identity = identifier(body.get("id"))
    if identity is None:
        raise NotUnderstood(N_("expected the id of a message, found none"))
    incoming = body.get("type") == "incoming" and action == ADDED
    name = text(section(body, "author").get("name"))
    attachment = section(body.get("attachment"))
    return Fact(
        type=EventType.MESSAGE_RECEIVED if incoming else EventType.OTHER,
        key=("message", identity, action),
        subject=f"message:{identity}",
        occurred_at=moment(body.get("created_at")),
        contact=Contact(name=name) if name and incoming else None,
        data=filled(
            {
                "text": text(body.get("text")),
                "attachment": (text(attachment.get("type"), 40) or "file") if attachment else None,
                "file": text(attachment.get("file_name"), 200),
                "channel": text(body.get("origin")),
                "contact": text(body.get("contact_id")),
                "deal": text(body.get("entity_id")) if body.get("entity_type") == "lead" else None,
            }
        ),
        ignored=None if incoming else N_("a message that wasn't a client's"),
    )


def unused_fact(what: str, body: Section, action: str) -> Fact:
    """A task, a note, a customer...: kept, and nobody's business yet."""
    inner = section(body, "note") or body
    identity = identifier(inner.get("id")) or identifier(inner.get("talk_id"))
    updated = text(inner.get("updated_at"))
    return Fact(
        type=EventType.OTHER,
        key=(what, identity, updated, action) if identity and updated else None,
        occurred_at=moment(updated),
        data=filled({"about": text(inner.get("element_id"))}),
        ignored=N_("amoCRM sent {what} {action}: nothing here acts on it").format(what=what[:40], action=action[:40]),
    )


def of_account(fact: Fact, ours: str | None, *named: object) -> Fact:
    """The fact itself, or its husk when it names another account than ours."""
    foreign = foreign_account(ours, *named)
    return (
        fact.of_another(
            N_("it belongs to account {foreign}, this connection is {ours}").format(foreign=foreign[:40], ours=ours)
        )
        if foreign
        else fact
    )


def foreign_account(ours: str | None, *named: object) -> str | None:
    """The first account named that isn't ours; None when none is, or when we don't know ours."""
    return next((name for name in map(text, named) if ours and name and name != ours), None)
