"""What was done for a business in a month, in its own words: messages, cards kept in step, leads; and the time that
doing it by hand would have taken, said as the estimate that it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import Response

from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    ALERTS_OF_TENANT,
    DELIVERIES_OF_TENANT_BY_STATUS,
    RECENT_DELIVERIES_OF_FLOW,
)
from svyazka.model.deliveries import Alert, Status

DAYS = 30
BY_HAND = {"sync_contacts": 3, "sync_appointments": 3, "lead_intake": 4, "enrich": 3, "booking": 5, "booking_bot": 5}
"""Minutes that one takes by hand: to find the card, to type, to save."""
USUALLY = 2
"""The same for whatever isn't named: a message."""
ALERTS_MOST = 500


@dataclass(frozen=True, slots=True)
class Month:
    """The numbers of one business."""

    flows: Mapping[str, int]
    """What each flow had to do."""
    done: int
    failed: int
    troubles: int
    mended: int

    @property
    def hours(self) -> float:
        """Of a person's, by the minutes above; only of what was done."""
        made = sum(self.flows.values())
        minutes = sum(count * BY_HAND.get(name, USUALLY) for name, count in self.flows.items())
        return minutes * (self.done / made) / 60 if made else 0.0


async def month(visit: Visit) -> Response:
    """`/month`: of the last thirty days."""
    tenant = visit.tenant()
    if tenant is None:
        return page("choose.html", visit, {"tenant": None, "path": "/month"})
    since, where = visit.around.clock.now() - timedelta(days=DAYS), {"tenant": tenant}
    names = {flow.id: flow.flow for flow in visit.tenants[tenant].flows}
    flows = await visit.store.tally(RECENT_DELIVERIES_OF_FLOW, list(names), equal=where, since=since)
    states = await visit.store.tally(DELIVERIES_OF_TENANT_BY_STATUS, list(Status), equal=where, since=since)
    told = await visit.store.find(ALERTS_OF_TENANT, equal=where, limit=ALERTS_MOST)
    alerts = [one.model for one in journal.known(Alert, told.documents) if one.model.created_at >= since]
    ended = {(one.problem, one.occurrence) for one in alerts if one.stage == "recovered" and one.problem}
    begun = {(one.problem, one.occurrence) for one in alerts if one.stage != "recovered" and one.problem}
    counted: dict[str, int] = {}
    for id_, count in flows.items():
        counted[names[id_]] = counted.get(names[id_], 0) + count
    lost = (Status.FAILED, Status.DEAD, Status.EXPIRED, Status.UNKNOWN)
    found = Month(
        counted, states.get(Status.SUCCEEDED.value, 0), sum(states.get(one.value, 0) for one in lost),
        len(begun), len(begun & ended),
    )  # fmt: skip
    return page("month.html", visit, {"tenant": tenant, "month": found, "days": DAYS})
