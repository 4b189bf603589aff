"""What a portal's cards mean in our words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from svyazka.engine.contracts.untrusted import Section, filled, number, sections, text, zoned_time
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, EventType, Fact, Hint
from svyazka.model.phones import candidates

WON, LOST = "S", "F"
"""`stageSemanticId`: stages are renamed and added by their owners, what they mean stays."""

OLD_NEWS = timedelta(hours=24)
"""A deal changed so long after it was moved to its stage was won or lost then; now somebody only wrote on its card."""


def values_of(card: Section, type_: str) -> Iterator[Section]:
    """A card's phones (`PHONE`) or addresses (`EMAIL`), each with the id by which it is changed."""
    return (one for one in sections(card.get("fm")) if one.get("typeId") == type_)


def person(card: Section) -> Contact:
    """Whom a contact's or a lead's card is about: of several phones the first that takes messages."""
    phones = [phone for one in values_of(card, "PHONE") if (phone := text(one.get("value")))]
    emails = (email for one in values_of(card, "EMAIL") if (email := text(one.get("value"))) and "@" in email)
    return Contact(
        name=text(card.get("name")) or text(card.get("lastName")), phone=_best(phones), email=next(emails, None)
    )


def _best(phones: list[str]) -> str | None:
    """The first mobile one, else the first that can be a phone."""
    possible = [(phone, found[0]) for phone in phones if (found := next(candidates(phone), None)) is not None]
    mobile = (phone for phone, digits in possible if digits[-10:].startswith("9"))
    return next(mobile, possible[0][0] if possible else None)


def deal_fact(card: Section, won_stages: tuple[str, ...] | None = None, contact: Contact | None = None) -> Fact:
    """A deal as it is now; `won_stages` in place of what the portal itself holds for a success."""
    id_, stage, meaning = _id(card), text(card.get("stageId")), text(card.get("stageSemanticId"))
    updated, moved = _time(card, "updatedTime"), _time(card, "movedTime")
    won = stage in won_stages if won_stages else meaning == WON
    return Fact(
        type=_type(card, won, lost=meaning == LOST and not won),
        key=("deal", id_, f"{updated:%Y-%m-%dT%H:%M:%S}", stage or "") if updated else None,
        subject=f"deal:{id_}:won" if won else f"deal:{id_}",
        occurred_at=moved if won or meaning == LOST else updated,
        contact=contact,
        position=int(updated.timestamp()) if updated else None,
        entity=Entity(kind="deal", id=id_),
        about=(Hint(kind="deal", id=id_),),
        data=filled(
            {
                "status": stage,
                "pipeline": text(card.get("categoryId")),
                "title": text(card.get("title")),
                "sum": number(card.get("opportunity")),
                "responsible": text(card.get("assignedById")),
                "changed_by": text(card.get("updatedBy")),
            }
        ),
    )


def _type(card: Section, won: bool, lost: bool) -> EventType:
    updated, moved = _time(card, "updatedTime"), _time(card, "movedTime")
    if (won or lost) and updated and moved and updated - moved > OLD_NEWS:
        return EventType.DEAL_CHANGED
    if won:
        return EventType.DEAL_WON
    if lost:
        return EventType.DEAL_LOST
    return EventType.DEAL_CREATED if updated == _time(card, "createdTime") else EventType.DEAL_CHANGED


def card_fact(card: Section, kind: str) -> Fact:
    """A contact or a company."""
    id_, updated = _id(card), _time(card, "updatedTime")
    fresh = updated is not None and updated == _time(card, "createdTime")
    return Fact(
        type=EventType.CONTACT_CREATED if fresh else EventType.CONTACT_CHANGED,
        key=(kind, id_, f"{updated:%Y-%m-%dT%H:%M:%S}") if updated else None,
        subject=f"{kind}:{id_}",
        occurred_at=updated,
        contact=person(card) if kind == "contact" else None,
        position=int(updated.timestamp()) if updated else None,
        entity=Entity(kind=kind, id=id_),
        about=(Hint(kind=kind, id=id_),),
        data=filled({"kind": kind, "title": text(card.get("title"))}),
    )


def lead_fact(card: Section) -> Fact:
    """A lead: that it came is one fact, whatever became of it since."""
    id_ = _id(card)
    return Fact(
        type=EventType.LEAD_CREATED,
        key=("lead", id_),
        subject=f"lead:{id_}",
        occurred_at=_time(card, "createdTime"),
        contact=person(card),
        entity=Entity(kind="lead", id=id_),
        data=filled(
            {
                "status": text(card.get("stageId")),
                "title": text(card.get("title")),
                "category": text(card.get("sourceId")),
                "responsible": text(card.get("assignedById")),
            }
        ),
    )


def _id(card: Section) -> str:
    return text(card.get("id"), 40) or ""


def _time(card: Section, name: str) -> datetime | None:
    return zoned_time(card.get(name))
