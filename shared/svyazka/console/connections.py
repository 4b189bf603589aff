"""One connection: how it stands, what went through it, when it was in trouble, and its access."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.console.access import agrees_by_page, can_be_typed, of_tenant
from svyazka.console.first import Card
from svyazka.console.links import mending
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    ALERTS_OF_TENANT,
    COST_OF_CONNECTION,
    COST_UNIT,
    DELIVERIES_OF_CONNECTION_BY_STATUS,
    EVENTS_OF_CONNECTION,
)
from svyazka.model.deliveries import Alert, Delivery, Status
from svyazka.model.events import EventRecord
from svyazka.model.requests import Role
from svyazka.model.tenants import Tenant
from svyazka.reading.lists import open_problems

DAYS = 30
ALERTS_MOST = 500
OVER = "recovered"


@dataclass(frozen=True, slots=True)
class Spell:
    """One time of trouble, as it was told."""

    since: datetime
    until: datetime | None
    text: str


def spells(alerts: Iterable[Alert], connection: str) -> list[Spell]:
    """From alerts, newest first: each beginning with its end."""
    ends: dict[tuple[str, int], datetime] = {}
    found: dict[tuple[str, int], Spell] = {}
    for one in alerts:
        if one.connection != connection or one.problem is None:
            continue
        occurrence = (one.problem, one.occurrence)
        if one.stage == OVER:
            ends[occurrence] = one.created_at
        else:  # the oldest word of it is its beginning
            found[occurrence] = Spell(one.since, ends.get(occurrence), one.text)
    return list(found.values())


def strip(troubles: Sequence[Spell], now: datetime) -> list[tuple[datetime, float]]:
    """By day, the oldest first: for what part of it there was trouble."""
    days = []
    for ago in reversed(range(DAYS)):
        end = now - timedelta(days=ago)
        begin = end - timedelta(days=1)
        hurt = sum((_within(one, begin, end, now) for one in troubles), timedelta())
        days.append((end, min(hurt / timedelta(days=1), 1.0)))
    return days


def _within(spell: Spell, begin: datetime, end: datetime, now: datetime) -> timedelta:
    return max(min(spell.until or now, end) - max(spell.since, begin), timedelta())


def _asked(visit: Visit) -> tuple[Tenant, str]:
    tenant, name = visit.request.path_params["tenant"], visit.request.path_params["connection"]
    visit.check(tenant)
    if name not in visit.tenants[tenant].connections:
        raise HTTPException(404)
    return visit.tenants[tenant], name


async def connection(visit: Visit) -> Response:
    """`/systems/<tenant>/<connection>`: how it stands now."""
    tenant, name = _asked(visit)
    now = visit.around.clock.now()
    cards = [
        Card(one, tenant, mending(one), one.shown_state(now))
        async for one in open_problems(visit.store, tenant.id) if one.connection == name
    ]  # fmt: skip
    where = {"tenant": tenant.id, "connection": name}
    came = await visit.store.find(EVENTS_OF_CONNECTION, equal=where, limit=1)
    where["status"] = Status.SUCCEEDED.value
    went = await visit.store.find(DELIVERIES_OF_CONNECTION_BY_STATUS, equal=where, limit=1)
    event = next((one.model for one in journal.known(EventRecord, came.documents)), None)
    delivery = next((one.model for one in journal.known(Delivery, went.documents)), None)
    return page(
        "connection.html", visit,
        {"tenant": tenant.id, "owner": tenant, "name": name, "tab": "", "cards": cards, "event": event,
         "delivery": delivery},
    )  # fmt: skip


async def history(visit: Visit) -> Response:
    """`/systems/<tenant>/<connection>/history`: a month of it."""
    tenant, name = _asked(visit)
    now = visit.around.clock.now()
    since, where = now - timedelta(days=DAYS), {"tenant": tenant.id, "connection": name}
    told = await visit.store.find(ALERTS_OF_TENANT, equal={"tenant": tenant.id}, limit=ALERTS_MOST)
    counts = await visit.store.tally(DELIVERIES_OF_CONNECTION_BY_STATUS, list(Status), equal=where, since=since)
    cost = await visit.store.total(COST_OF_CONNECTION, equal=where, since=since)
    troubles = spells((one.model for one in journal.known(Alert, told.documents)), name)
    return page(
        "connection_history.html", visit,
        {"tenant": tenant.id, "owner": tenant, "name": name, "tab": "history", "troubles": troubles,
         "days": strip(troubles, now), "counts": counts, "cost": None if cost is None else cost / COST_UNIT,
         "done": counts.get(Status.SUCCEEDED.value, 0), "all": sum(counts.values()), "span": DAYS},
    )  # fmt: skip


async def access(visit: Visit) -> Response:
    """`/systems/<tenant>/<connection>/access`: its keys, and the vendor's page where its owner agrees."""
    tenant, name = _asked(visit)
    if not visit.may(tenant.id, Role.OWNER):
        raise HTTPException(403)
    return page(
        "connection_access.html", visit,
        {"tenant": tenant.id, "owner": tenant, "name": name, "tab": "access",
         "secrets": await of_tenant(visit, tenant, name), "ready": await can_be_typed(visit),
         "by_page": agrees_by_page(tenant, name)},
    )  # fmt: skip
