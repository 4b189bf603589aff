"""A month of a business: what was done for it and the time that it saved, and what money came and went back."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from svyazka.console.payments import worded
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit, takes_money
from svyazka.engine.telling.months import counted, takings

DAYS = 30


async def month(visit: Visit) -> Response:
    """`/month`: of the last thirty days."""
    tenant = visit.tenant()
    if tenant is None:
        return page("choose.html", visit, {"tenant": None, "path": "/month"})
    owner = visit.tenants[tenant]
    since = visit.around.clock.now() - timedelta(days=DAYS)
    found = await counted(visit.store, owner, since)
    shown = {"tenant": tenant, "owner": owner, "month": found, "days": DAYS, "takes_money": takes_money(owner)}
    return page("month.html", visit, shown)


async def money(visit: Visit) -> Response:
    """`/month/money`: apart from the rest, as payments are read for it one by one."""
    tenant = visit.tenant()
    if tenant is None:
        return page("choose.html", visit, {"tenant": None, "path": "/month/money"})
    found = await takings(visit.store, tenant, visit.around.clock.now() - timedelta(days=DAYS))
    return page("month_money.html", visit, {"tenant": tenant, "money": found, "days": DAYS, **worded(visit)})
