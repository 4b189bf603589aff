"""Cards of a business's own system that no webhook told of, where it can say what has changed since a time.

It has no order of changes, so each look walks all that was changed since the look before it began, and a little longer:
clocks differ. One that is behind ours by more than that says so in the `Date` of its answers: it is asked from its own
time on. What was seen within that is remembered, by its version. A card that says `deleted` was deleted; whoever leaves
such out of its list tells of deletions by a webhook, or is found out by the night's comparison.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from svyazka.connectors.http.cards import is_deleted
from svyazka.connectors.http.facts import card_fact
from svyazka.connectors.http.records import changes
from svyazka.connectors.http.settings import HttpSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Polled, Polling
from svyazka.model.base import Frozen, Time
from svyazka.model.events import Change, Fact
from svyazka.model.records import Object, RecordKind

OVERLAP = timedelta(minutes=5)
BEHIND_MOST = timedelta(days=1)
"""A clock that is further behind tells nothing."""

SEEN = 1000
"""Versions that are remembered."""


class Cursor(Frozen):
    """How far we have looked."""

    since: Time
    """Changes from then on are looked through."""
    floor: Time
    """When we began: what was before is history."""
    begun: Time | None = None
    """When the look began that isn't over yet."""
    kind: int = 0
    after: str | None = None
    seen: tuple[str, ...] = ()


class HttpPolling(Polling[HttpSettings]):
    """Asks what has changed."""

    every = 300.0

    def ready(self, settings: HttpSettings) -> bool:
        return settings.records is not None and settings.records.since

    async def poll(self, cursor: str | None, call: Call[HttpSettings]) -> Polled:
        """One page. Raises VendorFailure, NotSent, MaybeSent."""
        known = Cursor.model_validate_json(cursor) if cursor else Cursor(since=call.now, floor=call.now)
        system = call.settings.records
        if system is None:
            return Polled((), known.model_dump_json(exclude_defaults=True))
        begun = known.begun or call.now
        kind = RecordKind(system.kinds[known.kind % len(system.kinds)])
        page, deleted, time = await changes(kind, known.since, known.after, call)
        if known.begun is None and time is not None and timedelta() < begun - time < BEHIND_MOST:
            begun = time
        new, gone = _unseen(page.objects, known), _unseen(deleted, known)
        named = [_name(one) for one in (*new, *gone) if _version(one) is not None]
        after = _next(known, page.next, begun, len(system.kinds)).model_copy(
            update={"seen": (*known.seen, *named)[-SEEN:]}
        )
        facts = [*(_fact(one, begun) for one in new), *(_deletion(one, begun) for one in gone)]
        return Polled(facts, after.model_dump_json(exclude_defaults=True), more=after.begun is not None)


def _unseen(found: Iterable[Object], known: Cursor) -> list[Object]:
    return [one for one in found if _version(one) is None or _name(one) not in known.seen]


def _next(known: Cursor, further: str | None, begun: datetime, kinds: int) -> Cursor:
    """Where the next look goes on."""
    if further is not None:
        return known.model_copy(update={"begun": begun, "after": further})
    if known.kind + 1 < kinds:
        return known.model_copy(update={"begun": begun, "after": None, "kind": known.kind + 1})
    floor = min(known.floor, begun)
    return Cursor(since=max(begun - OVERLAP, floor), floor=floor)


def _fact(one: Object, begun: datetime) -> Fact:
    """A card that bears no version is news to every look."""
    made = one.created_at is not None and one.created_at == one.changed_at
    change, version = Change.CREATED if made else Change.UPDATED, _version(one) or f"seen {begun.isoformat()}"
    return card_fact(one.kind.value, one.id, change, version, one.changed_at)


def _deletion(one: Object, begun: datetime) -> Fact:
    version = _version(one) or f"seen {begun.isoformat()}"
    named = ("card", one.kind.value, one.id, "deleted", version)
    return card_fact(one.kind.value, one.id, Change.DELETED, version, one.changed_at, named)


def _version(one: Object) -> str | None:
    return one.version or (one.changed_at.isoformat() if one.changed_at else None)


def _name(one: Object) -> str:
    return f"{one.kind.value}.{one.id}.{_version(one)}{'.deleted' if is_deleted(one.original) else ''}"
