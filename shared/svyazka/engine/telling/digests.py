"""What was done in a week or a month, told to a business by its own channel: once, in the morning, and only where
anything was done.

The message's identity is the business and the week: who dies before the commit tells it at the next look; who dies
after it has told it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import ALL_TENANTS
from svyazka.engine.journal.transition import commit_in_parts
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log
from svyazka.engine.telling.alerts import News, alert_id, compose
from svyazka.engine.telling.months import Month, counted
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.tenants import Tenant

KIND = "digest"

MORNING, EVENING = 10, 20
"""Hours of a business's own day between which it goes out."""

FRESH = timedelta(days=3)
"""So long after its end a week is told of; who was away for longer, or turns it on, waits for the next."""


@dataclass(frozen=True, slots=True)
class Period:
    """A whole week or month, as a business's own clock has it."""

    name: str
    begin: datetime
    end: datetime

    @classmethod
    def last(cls, how: str, now: datetime, zone: ZoneInfo) -> Period:
        """The one that ended last."""
        midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if how == "weekly":
            end = midnight - timedelta(days=midnight.weekday())
            begin = end - timedelta(days=7)
            return cls(f"{begin:%G-W%V}", begin, end)
        end = midnight.replace(day=1)
        begin = (end - timedelta(days=1)).replace(day=1)
        return cls(f"{begin:%Y-%m}", begin, end)


async def tell_digests(hub: Hub) -> int:
    """To every business that wants it and wasn't told yet; how many were. Raises Unavailable."""
    cursor, told = None, 0
    while True:
        page = await hub.store.find(ALL_TENANTS, limit=200, cursor=cursor)
        for held in journal.known(Tenant, page.documents):
            if held.model.alerts.digest is not None and held.model.alerts.to:
                told += await tell_digest(hub, held.model)
        cursor = page.cursor
        if cursor is None:
            return told


async def tell_digest(hub: Hub, tenant: Tenant) -> bool:
    """To one; False where there is nothing to tell, or it was told."""
    zone, now = ZoneInfo(tenant.timezone), hub.clock.now()
    period = Period.last(tenant.alerts.digest or "monthly", now, zone)
    id_ = alert_id(tenant.id, None, KIND, period.name, tenant.id)
    if now - period.end > FRESH or await hub.store.get("alerts", id_) is not None:
        return False
    found = await counted(hub.store, tenant, period.begin, period.end)
    if found.is_empty:
        return False
    news = News(
        kind=KIND, stage=period.name, since=period.begin, text=text_of(tenant, period, found), about=tenant.id,
        operators=False, not_before=waking_hour(now, zone),
    )  # fmt: skip
    try:
        made = await compose(hub, tenant, None, news)
        reach("digest.before_commit")
        await commit_in_parts(hub.store, [journal.create(made.alert)], made.ways, made.tasks)
        reach("digest.after_commit")
    except Conflict:
        return False
    except ConfigError as error:
        log("ERROR", "settings can't be used", tenant=tenant.id, error=str(error))
        return False
    log("NOTICE", "digest", tenant=tenant.id, stage=period.name)
    return True


def text_of(tenant: Tenant, period: Period, found: Month) -> str:
    """Numbers only: nobody's name is in it, and it fits two SMS."""
    said = {"tenant": tenant.name, "since": f"{period.begin:%d.%m}", "until": f"{period.end - timedelta(days=1):%d.%m}",
            "done": found.done, "failed": found.failed, "troubles": found.troubles}  # fmt: skip
    if found.hours < 1:
        brief = N_("{tenant}, {since}–{until}: сделано {done}, не получилось {failed}, перебоев {troubles}.")
        return brief.format(**said)
    return N_(
        "{tenant}, {since}–{until}: сделано {done}, не получилось {failed}, перебоев {troubles}. "
        "Вручную это примерно {hours} ч."
    ).format(**said, hours=round(found.hours))


def waking_hour(now: datetime, zone: ZoneInfo) -> datetime:
    """Now, where it is day; else the next morning."""
    local = now.astimezone(zone)
    if MORNING <= local.hour < EVENING:
        return now
    morning = local.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    return morning if local.hour < MORNING else morning + timedelta(days=1)
