"""`once_per`: a document that says whose turn a person's is, made with the claim (DESIGN 3).

It belongs to an obligation, not to one delivery: the channels that take over from each other share it.
"""

from __future__ import annotations

import json
from datetime import datetime

from svyazka.engine.ports.store import Create, Delete, Document, Replace, Store, Write
from svyazka.model.commands import OncePer
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.ids import stable_id
from svyazka.model.outcomes import Outcome, Refused


def reservation_id(tenant: str, guard: OncePer) -> str:
    """Document id of a once-per reservation."""
    return stable_id("rsv", tenant, guard.key)


def taken_until(reservation: Document | None, delivery: Delivery) -> datetime | None:
    """Until when somebody else has the turn."""
    until = reservation.fields.get("expire_at") if reservation else None
    if reservation is None or not isinstance(until, datetime) or _is_ours(reservation, delivery):
        return None
    return until


def reserving(delivery: Delivery, guard: OncePer, present: Document | None, now: datetime) -> Write:
    """The write that takes the turn, over what was read of it."""
    data = json.dumps({"delivery": delivery.id, "holder": _holder(delivery), "source": delivery.source}).encode()
    version = present.version if present else None
    document = Document(
        "reservations", reservation_id(delivery.tenant, guard), {"expire_at": now + guard.period}, data, version
    )
    return Replace(document) if present else Create(document)


def keeps(delivery: Delivery, outcome: Outcome) -> bool:
    """Whether a settled delivery keeps its turn: it was, or may have been, successful."""
    if delivery.status in (Status.SUCCEEDED, Status.UNKNOWN):
        return True
    told = [attempt for attempt in delivery.attempts if attempt.generation == delivery.generation]
    return not isinstance(outcome, Refused) and any(attempt.maybe_sent for attempt in told)


async def releasing(store: Store, delivery: Delivery) -> list[Write]:
    """The write that gives the turn back, if nobody else has it by now."""
    present = await store.get("reservations", delivery.reservation) if delivery.reservation else None
    if present is None or not _is_ours(present, delivery):
        return []
    return [Delete("reservations", present.id, present.version)]


def _is_ours(reservation: Document, delivery: Delivery) -> bool:
    kept = json.loads(reservation.data)
    known = kept.get("source") is not None and delivery.source is not None
    return kept.get("holder") == _holder(delivery) and not (known and kept["source"] != delivery.source)


def _holder(delivery: Delivery) -> str:
    return f"{delivery.flow}/{delivery.subject}"
