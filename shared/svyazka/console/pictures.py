"""Pictures of the last day and the last week, from the newest deliveries: one question of the store, kept for a minute.

Nothing is counted while work is done: a counter that all deliveries write to would be the hottest document of all. A
business of this size makes in a week what one question brings; of a greater one the pictures say since when they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from starlette.responses import Response

from svyazka.catalogue import said, told
from svyazka.console import charting
from svyazka.console.charting import Done
from svyazka.console.rendering import page
from svyazka.console.surroundings import Surroundings, Visit
from svyazka.engine.journal import kinds

MOST = 1500
"""Deliveries that are looked at."""

BELIEVED = 60.0
"""Seconds for which a picture is true enough."""

REVIEWS = "review_request"


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest deliveries of one business, or of all."""

    done: Sequence[Done] = ()
    since: datetime | None = None
    """Nothing before it was looked at; None where all that there is was."""
    until: float = field(default=0.0, compare=False)


async def sample(around: Surroundings, tenant: str | None) -> Sample:
    """Read, or as it was within the last minute."""
    kept = around.samples.get(tenant)
    if isinstance(kept, Sample) and time.monotonic() < kept.until:
        return kept
    query = kinds.DELIVERIES_OF_TENANT if tenant else kinds.RECENT_DELIVERIES
    found = await around.store.find(query, equal={"tenant": tenant} if tenant else None, limit=MOST)
    done = [Done.model_validate_json(one.data) for one in found.documents]
    fresh = Sample(done, done[-1].created_at if found.cursor and done else None, time.monotonic() + BELIEVED)
    around.samples[tenant] = fresh
    return fresh


def number(value: float) -> str:
    """Whole as it is, else with two digits after the point; thousands apart."""
    return f"{value:,.0f}".replace(",", "\u202f") if value == round(value) else f"{value:,.2f}".replace(",", "\u202f")


def lasts(t: Callable[..., str], seconds: float) -> str:
    """A length of time in one unit."""
    if seconds < 1:
        return t("under 1 s")
    if seconds < 90:
        return t("{count} s", count=round(seconds))
    if seconds < 5400:
        return t("{count} min", count=round(seconds / 60))
    return (
        t("{count} h", count=round(seconds / 3600))
        if seconds < 172800
        else t("{count} d", count=round(seconds / 86400))
    )


async def pictures(visit: Visit) -> Response:
    """`/pictures`."""
    tenant, now = visit.tenant(), visit.around.clock.now()
    zone = visit.zone(tenant)
    seen = await sample(visit.around, tenant)
    done = [one for one in seen.done if one.tenant in visit.tenants]
    asks = frozenset(
        flow.id or flow.flow for one in visit.tenants.values() for flow in one.flows if flow.flow == REVIEWS
    )
    return page(
        "pictures.html", visit,
        {
            "number": number, "lasts": partial(lasts, partial(said, language=visit.language)),
            "heads": [told(words, visit.language) for words in charting.OUTCOMES.values()],
            "tenant": tenant, "count": len(done), "since": seen.since, "zone": zone, "outcomes": charting.OUTCOMES,
            "hours": charting.by_hour(done, now, zone), "paces": charting.paces(done),
            "funnel": charting.funnel(done), "cost": charting.cost_by_day(done, now, zone),
            "reviews": charting.reviews_by_day(done, now, zone, asks | {REVIEWS}),
        },
    )  # fmt: skip
