"""Order where it matters (DESIGN 3): at most one delivery of a lane is in flight, the oldest first.

A lane's document is a turnstile: every claim passes it by compare-and-set and leaves its name there, so of two workers
who both found the lane free only one gets through, and whether the last one through is still in flight is read by its
key. No question decides that: questions only say who is next. Nothing has to be given back.

Whoever has to wait notes whom for and then costs nothing: the end of each delivery in a lane wakes the next (`wake`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import DELIVERIES_OF_LANE
from svyazka.engine.journal.obligations import source_of
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import ended
from svyazka.engine.ports.store import Create, Document, Replace, Value, Write
from svyazka.engine.rules.deadlines import TAKE_OVER_GRACE
from svyazka.engine.rules.transitions import stopped
from svyazka.model.deliveries import AT_REST, WAITING, Delivery, Status
from svyazka.model.ids import stable_id

LOOK = 50
"""Open deliveries of a lane that are looked at, oldest first."""

LOOK_AGAIN = 5.0
"""Real seconds until a lane is looked at again whose turnstile somebody passes who isn't waited for."""

SUPERSEDED_AT_ONCE = 15
"""Older deliveries that one commit takes away; the next one takes those that are left."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What its lane makes of a delivery: its turn, a wait, or nothing any more; and what is written along."""

    writes: tuple[Write, ...] = ()
    wait_until: datetime | None = None
    behind: str | None = None
    """The delivery whose end it waits for."""
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
        passing = await self._passing(turnstile, delivery)
        if passing is not None:
            if await self._of_one_source(passing, delivery):
                return Turn(behind=passing.id)
            return Turn(wait_until=self._hub.clock.in_real(LOOK_AGAIN))
        superseded = [held for held in others if _supersedes(delivery, held.model)]
        ahead = [h.model for h in others if _place(h.model) < _place(delivery) and h not in superseded]
        if ahead:
            return Turn(behind=ahead[0].id)
        over = await self._taken_away(superseded[:SUPERSEDED_AT_ONCE], delivery, now)
        if len(superseded) > SUPERSEDED_AT_ONCE:
            return Turn(over, wait_until=now)
        return Turn((*over, self._through(delivery, delivery.lane, turnstile, lease)))

    async def wake(self, lane: str) -> None:
        """One of the lane's deliveries has ended: whoever is next, of each source, is tried."""
        page = await self._hub.store.find(DELIVERIES_OF_LANE, equal={"lane": lane}, limit=LOOK)
        first: dict[str | None, Delivery] = {}
        for held in journal.known(Delivery, page.documents):
            first.setdefault(held.model.source, held.model)
        await self._hub.queue.enqueue([perform_task(one) for one in first.values() if one.behind is not None])

    async def look_once_more(self, delivery: Delivery) -> None:
        """To be called once a wait is durable: the one ahead may have ended before, and woken nobody that it could
        see."""
        if delivery.behind is None:
            return
        ahead = await journal.load(self._hub.store, Delivery, delivery.behind)
        if ahead is None or ahead.model.status in AT_REST:
            await self._hub.queue.enqueue([perform_task(delivery)])

    async def _passing(self, turnstile: Document | None, delivery: Delivery) -> Delivery | None:
        """The last one through the turnstile, where that is another one and still in flight."""
        last = turnstile.fields.get("delivery") if turnstile else None
        if not isinstance(last, str) or last == delivery.id:
            return None
        held = await journal.load(self._hub.store, Delivery, last)
        return held.model if held is not None and held.model.status is Status.IN_FLIGHT else None

    async def _taken_away(self, older: list[Versioned[Delivery]], newer: Delivery, now: datetime) -> tuple[Write, ...]:
        """Their ends; nobody behind them need be woken, for the newer one stands in their place."""
        why = N_("{delivery} is newer").format(delivery=newer.id)
        writes: list[Write] = []
        for held in older:
            superseded = stopped(held.model, Status.CANCELLED, "superseded", why, now)
            writes += (await ended(self._hub.store, superseded, now)).over(held.version)
        return tuple(writes)

    async def _of_one_source(self, one: Delivery, other: Delivery) -> bool:
        """Whether both speak of the same thing: an order's number is its connection's, and so is a lane named by it."""
        store = self._hub.store
        sources = {await source_of(store, one), await source_of(store, other)}
        return None in sources or len(sources) == 1

    def _through(self, delivery: Delivery, lane: str, turnstile: Document | None, lease: float) -> Write:
        until = self._hub.clock.real() + timedelta(seconds=lease + TAKE_OVER_GRACE)
        fields: dict[str, Value] = {
            "delivery": delivery.id, "lease_until": until, "expire_at": until + timedelta(days=1),
        }  # fmt: skip
        document = Document("lanes", lane_id(lane), fields, b"{}", turnstile.version if turnstile else None)
        return Replace(document) if turnstile else Create(document)


async def under_way(hub: Hub, connection: str, people: Iterable[str]) -> frozenset[str]:
    """Of these people (keyed hashes of their addresses) those in whose lane of a connection a delivery is in flight."""
    lanes = {lane_id(lane_of(connection, person)): person for person in people}
    turnstiles = await hub.store.get_many([("lanes", id_) for id_ in lanes]) if lanes else ()
    passing = {lanes[one.id]: str(one.fields["delivery"]) for one in turnstiles if one is not None}
    if not passing:
        return frozenset()
    found = await hub.store.get_many([("deliveries", id_) for id_ in dict.fromkeys(passing.values())])
    there = [journal.read(Delivery, one).model for one in found if one is not None]
    in_flight = {one.id for one in there if one.status is Status.IN_FLIGHT}
    return frozenset(person for person, delivery in passing.items() if delivery in in_flight)


def lane_of(connection: str, person: str) -> str:
    """A person's lane at a connection; `person`: a keyed hash, for lanes outlive the contents of deliveries."""
    return f"{connection}/{person}"


def lane_id(lane: str) -> str:
    """Document id of a lane's turnstile."""
    return stable_id("lane", lane)


def _place(delivery: Delivery) -> tuple[datetime, str]:
    return (delivery.created_at, delivery.id)


def _supersedes(newer: Delivery, older: Delivery) -> bool:
    same = newer.supersedes and newer.command.kind == older.command.kind
    return same and _place(newer) > _place(older) and older.status in WAITING
