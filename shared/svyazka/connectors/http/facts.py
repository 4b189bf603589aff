"""What a business's own system tells of its cards, in our words: the same from its webhook and from a look. Pure.

Light to import: the webhook function starts cold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import section, sections, text, zoned_time
from svyazka.model.events import Change, EventType, Fact, Hint, Unreadable

CARD_CHANGED = "record.changed"
"""The word by which it tells that cards were changed."""

KINDS = frozenset({"contact", "company"})

_TYPES = {Change.CREATED: EventType.CONTACT_CREATED, Change.DELETED: EventType.CONTACT_DELETED}
_CHANGES = frozenset({Change.CREATED, Change.UPDATED, Change.DELETED, Change.RESTORED})

ID_LIMIT, VERSION_LIMIT = 100, 200

MOST_ITEMS = 1000
"""Things that one request may tell of."""


def id_of(value: object) -> str | None:
    """A card's id; None for what is none. One that had to be cut might be another card's."""
    found = text(value, ID_LIMIT + 1)
    return found if found is not None and len(found) <= ID_LIMIT else None


def tells_of_cards(content: object, types: Mapping[str, str]) -> bool:
    """Whether a body is this, and the connection's settings don't say that its word means something else."""
    return section(content).get("type") == CARD_CHANGED and CARD_CHANGED not in types


def told_facts(content: object, message: str | None) -> Iterator[Fact | Unreadable]:
    """`{"type": "record.changed", "timestamp": ..., "data": {...}}`, or several in `data`."""
    whole = section(content)
    told = whole.get("data")
    items = [section(told)] if not isinstance(told, list) else sections(told)
    if len(items) > MOST_ITEMS:
        yield Unreadable(
            reason=N_("{count} of them; expected at most {MOST_ITEMS} in one request").format(
                count=len(items), MOST_ITEMS=MOST_ITEMS
            )
        )
        return
    for index, item in enumerate(items):
        kind, id_ = text(item.get("kind")), id_of(item.get("id"))
        named = ("message", message, str(index)) if message else None
        if kind not in KINDS or id_ is None:
            listed = ", ".join(sorted(KINDS))
            yield Unreadable(reason=N_("expected `kind` (one of {listed}) and `id`").format(listed=listed), key=named)
            continue
        change = text(item.get("change"))
        version, at = text(item.get("version"), VERSION_LIMIT), zoned_time(whole.get("timestamp"))
        yield card_fact(kind, id_, Change(change) if change in _CHANGES else Change.UPDATED, version, at, named)


def card_fact(
    kind: str, id_: str, change: Change, version: str | None, at: datetime | None,
    named: tuple[str, ...] | None = None,
) -> Fact:  # fmt: skip
    """A card was changed. Its version names the fact wherever we learn of it; going and coming back may leave it."""
    known = version is not None and change in (Change.CREATED, Change.UPDATED)
    return Fact(
        type=_TYPES.get(change, EventType.CONTACT_CHANGED),
        key=("card", kind, id_, version or "") if known else named,
        subject=f"{kind}:{id_}",
        occurred_at=at,
        about=(Hint(kind=kind, id=id_, change=change),),
    )
