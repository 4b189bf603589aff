"""Order where it matters (DESIGN 3): at most one delivery of a lane is in flight, the oldest first.

A lane's document is a turnstile: every claim passes it by compare-and-set, so of two workers who both found the lane
free only one gets through. Who is in flight, the deliveries themselves say: nothing has to be given back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import DELIVERIES_OF_LANE
from svyazka.engine.journal.obligations import source_of
from svyazka.engine.journal.transition import ended
from svyazka.engine.ports.store import Create, Document, Replace, Value, Write
from svyazka.engine.rules.deadlines import TAKE_OVER_GRACE
from svyazka.engine.rules.transitions import stopped
from svyazka.model.deliveries import WAITING, Delivery, Status
from svyazka.model.ids import stable_id

LOOK = 50
"""Open deliveries of a lane that are looked at, oldest first."""

LOOK_AGAIN = 5.0
"""Real seconds until the lane is looked at again while another delivery is carried out, or is about to be."""

PARKED_LOOK = timedelta(minutes=5)
"""The same while the one ahead waits for its connection."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What its lane makes of a delivery: its turn (with what is written along), a wait, or nothing any more."""

    writes: tuple[Write, ...] = ()
    wait_until: datetime | None = None
    superseded_by: str | None = None


class Lanes:
    """Looks after the order of deliveries that name a lane."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def turn(self, delivery: Delivery, lease: float) -> Turn:
        """Whose turn it is; a claim would hold for `lease` seconds."""
        if delivery.lane is None:
            return Turn()
        store, now = self._hub.store, self._hub.clock.now()
        # First the turnstile, then who is there: whoever claims after this look makes our own claim fail.
        turnstile = await store.get("lanes", lane_id(delivery.lane))
        page = await store.find(DELIVERIES_OF_LANE, equal={"lane": delivery.lane}, limit=LOOK)
        there = [held for d in page.documents if (held := journal.read(Delivery, d)).model.id != delivery.id]
        others = [held for held in there if await self._of_one_source(held.model, delivery)]
        for held in others:
            if _supersedes(held.model, delivery):
                return Turn(superseded_by=held.model.id)
        if any(held.model.status is Status.IN_FLIGHT for held in others):
            return Turn(wait_until=self._hub.clock.in_real(LOOK_AGAIN))
        superseded = [held for held in others if _supersedes(delivery, held.model)]
        ahead = [h.model for h in others if _place(h.model) < _place(delivery) and h not in superseded]
        if ahead:
            return Turn(wait_until=self._after(ahead[0], now))
        why = N_("{delivery} is newer").format(delivery=delivery.id)
        ends = [await ended(store, stopped(h.model, Status.CANCELLED, "superseded", why, now), now) for h in superseded]
        over = [write for end, h in zip(ends, superseded, strict=True) for write in end.over(h.version)]
        return Turn((*over, self._through(delivery, delivery.lane, turnstile, lease)))

    async def _of_one_source(self, one: Delivery, other: Delivery) -> bool:
        """Whether both speak of the same thing: an order's number is its connection's, and so is a lane named by it."""
        store = self._hub.store
        sources = {await source_of(store, one), await source_of(store, other)}
        return None in sources or len(sources) == 1

    def _after(self, ahead: Delivery, now: datetime) -> datetime:
        soon = self._hub.clock.in_real(LOOK_AGAIN)
        if ahead.next_attempt_at is None:
            return now + PARKED_LOOK
        return max(ahead.next_attempt_at + (soon - now), soon)

    def _through(self, delivery: Delivery, lane: str, turnstile: Document | None, lease: float) -> Write:
        until = self._hub.clock.real() + timedelta(seconds=lease + TAKE_OVER_GRACE)
        fields: dict[str, Value] = {
            "delivery": delivery.id, "lease_until": until, "expire_at": until + timedelta(days=1),
        }  # fmt: skip
        document = Document("lanes", lane_id(lane), fields, b"{}", turnstile.version if turnstile else None)
        return Replace(document) if turnstile else Create(document)


def lane_id(lane: str) -> str:
    """Document id of a lane's turnstile."""
    return stable_id("lane", lane)


def _place(delivery: Delivery) -> tuple[datetime, str]:
    return (delivery.created_at, delivery.id)


def _supersedes(newer: Delivery, older: Delivery) -> bool:
    same = newer.supersedes and newer.command.kind == older.command.kind
    return same and _place(newer) > _place(older) and older.status in WAITING
