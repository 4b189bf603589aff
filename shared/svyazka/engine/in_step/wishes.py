"""A record is wished to be looked at: counted, and made a delivery's work once, however often it is wished. Pure.

So there are at most two deliveries of a record and connection at a time: the one that is being carried out, and one
that looks again for whoever came meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.rules.beginning import WAKE_GRACE
from svyazka.model.commands import Guards, Repeat, Safety, SyncObject
from svyazka.model.deliveries import Delivery
from svyazka.model.in_step import Record, sync_delivery_id

ENGINE_WISH = "sync"
"""In place of an event's id, where no event wished it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wishes it, and through which systems it can be done."""

    flow: str
    manifests: Mapping[str, Manifest[Any]]
    """Of the flow's connections."""
    records: Mapping[str, Records[Any]]
    """The ways to its things there."""
    event: str = ENGINE_WISH
    source: str | None = None
    retention: timedelta = timedelta(days=90)


def wished(
    record: Record, toward: tuple[str, ...], wish: Wish, now: datetime, due: datetime | None = None
) -> tuple[Record, list[Delivery]]:
    """The record with one more wish, and the deliveries that are to be made for it: one for each connection for which
    none is queued."""
    record = record.model_copy(update={"wanted": record.wanted + 1})
    return wished_beside(record, toward, wish, now, due)


def wished_beside(
    record: Record, toward: tuple[str, ...], wish: Wish, now: datetime, due: datetime | None = None
) -> tuple[Record, list[Delivery]]:
    """The same for a wish that is counted already: these connections are to look for it too."""
    queued, made = dict(record.queued), []
    for connection in toward:
        if connection in queued:
            continue
        begins = max(due or now, record.act_after or now)
        delivery = _delivery(record, connection, record.wanted, wish, now, begins)
        queued[connection] = delivery.id
        made.append(delivery)
    return record.model_copy(update={"queued": queued}), made


def safety_of(records: Records[Any], making: bool) -> Safety:
    """A look reads what has become of an earlier try, so that nothing is ever unknown: at worst it is asked later."""
    safety = (records.creating if making else records.updating).safety
    return safety.model_copy(update={"repeat": Repeat.CHECKABLE}) if safety.repeat is Repeat.UNSAFE else safety


def _delivery(record: Record, toward: str, wanted: int, wish: Wish, now: datetime, due: datetime) -> Delivery:
    manifest = wish.manifests[toward]
    safety = safety_of(wish.records[toward], toward not in record.sides)
    return Delivery(
        id=sync_delivery_id(record.tenant, record.id, toward, wanted), event=wish.event, tenant=record.tenant,
        flow=wish.flow, step=f"sync/{toward}", connection=toward, vendor=manifest.vendor, source=wish.source,
        subject=f"record:{record.id}", command=SyncObject(record=record.id, of=record.kind), repeat=safety.repeat,
        key_life=safety.key_life, ask_after=safety.ask_after, guards=Guards(), created_at=now, base_at=now,
        next_attempt_at=due, wake_at=due + WAKE_GRACE, people=record.people, blank_at=now + wish.retention,
    )  # fmt: skip


def revives(record: Record, connection: str) -> bool:
    """Whether a person said that it may be made anew there, though it was deleted. Once it was made, that word is
    spent: it says nothing of another deletion."""
    return connection not in record.sides and record.said.get(f"@{connection}") == "revive"


def targets(record: Record, between: tuple[str, ...], told_by: str | None = None) -> tuple[str, ...]:
    """Where something may follow: every other side that isn't gone; a side that there isn't yet, unless the thing was
    deleted anywhere, for then nothing is made anywhere."""
    return tuple(
        name for name in between
        if name != told_by
        and (name in record.live or (name not in record.sides and (not record.has_gone or revives(record, name))))
    )  # fmt: skip
