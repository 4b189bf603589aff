"""When systems are compared: each night, one job a side of a flow; once a week a check of that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from svyazka.engine.agreeing import agreement, check
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import InStep, in_step_flows
from svyazka.engine.jobs.steering import start
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import ALL_TENANTS
from svyazka.engine.support.logs import log
from svyazka.model.errors import ConfigError
from svyazka.model.ids import stable_id
from svyazka.model.tenants import Tenant

CHECKED_ON = 7
"""Sunday's night."""

FROM, UNTIL = 2, 6
"""Hours of the tenant's own night."""

SPREAD = 3
"""Hours over which the beginnings of a night are spread."""

LOOKS = timedelta(minutes=30)
"""So often it is looked whose night has begun: it costs a read a tenant."""


class Nightly:
    """Begins the night's jobs."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._looked_at: datetime | None = None

    async def due(self) -> int:
        """Begin what is due; how many jobs were begun. Whoever comes second finds them begun."""
        now = self._hub.clock.now()
        if self._looked_at is not None and now - self._looked_at < LOOKS:
            return 0
        self._looked_at = now
        begun = 0
        async for tenant in self._tenants():
            local = now.astimezone(ZoneInfo(tenant.timezone))
            if tenant.paused or not FROM + _later(tenant) <= local.hour < UNTIL:
                continue
            try:
                flows = await in_step_flows(self._hub, tenant)
            except ConfigError as error:
                log("ERROR", "settings can't be used", tenant=tenant.id, error=str(error))
                continue
            for flow in flows:
                for connection in flow.rules.between:
                    begun += await begin(self._hub, tenant, flow, connection, f"{local:%Y-%m-%d}")
                if local.isoweekday() == CHECKED_ON:
                    begun += await begin_check(self._hub, tenant, flow, f"{local:%G-W%V}")
        return begun

    async def _tenants(self) -> AsyncIterator[Tenant]:
        cursor: str | None = None
        while True:
            page = await self._hub.store.find(ALL_TENANTS, limit=200, cursor=cursor)
            for held in journal.known(Tenant, page.documents):
                yield held.model
            cursor = page.cursor
            if cursor is None:
                return


def _later(tenant: Tenant) -> int:
    """Hours: many tenants share a vendor's rate, and don't all begin at once."""
    return int(stable_id("night", tenant.id)[-2:], 16) % SPREAD


async def begin(
    hub: Hub, tenant: Tenant, flow: InStep, connection: str, when: str, *, full: bool = False,
    let: bool = False,
) -> bool:  # fmt: skip
    """Begin the comparison of one side; `when` makes it one: a day, or whatever a whole one is asked for by. `let`: a
    person was shown how many have no counterpart, and let them be made."""
    parameters: dict[str, JsonValue] = {"flow": flow.id, "connection": connection}
    parameters |= {**({"full": True} if full else {}), **({"let": True} if let else {})}
    id_ = job_id(tenant.id, flow.id, connection, when)
    return await start(hub, tenant.id, agreement.KIND, f"{flow.id}/{connection}", id_, parameters)


async def begin_check(hub: Hub, tenant: Tenant, flow: InStep, week: str) -> bool:
    """Begin a week's check of the checker."""
    id_ = stable_id("job", check.KIND, tenant.id, flow.id, week)
    return await start(hub, tenant.id, check.KIND, flow.id, id_, {"flow": flow.id})


def job_id(tenant: str, flow: str, connection: str, when: str) -> str:
    """Of the comparison of one side."""
    return stable_id("job", agreement.KIND, tenant, flow, connection, when)
