"""What a problem holds up: asked when it is shown, and stored nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from svyazka.engine.journal.kinds import (
    DELIVERIES_BY_STATUS,
    DELIVERIES_OF_CONNECTION_BY_STATUS,
    DELIVERIES_OF_TENANT_BY_STATUS,
)
from svyazka.engine.ports.store import Store
from svyazka.engine.problems.kinds import KINDS
from svyazka.model.problems import Problem
from svyazka.model.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Holds:
    """How many deliveries wait for a problem's end, and since when the oldest is there."""

    deliveries: int = 0
    oldest: datetime | None = None


async def holds(store: Store, problem: Problem, tenant: Tenant | None) -> Holds:
    """Counted by the store's indexes; of a problem of the whole tenant without the oldest, which would be a question
    for each of its connections."""
    kind = KINDS.get(problem.kind)
    if kind is None or not kind.holds or not problem.is_open or tenant is None:
        return Holds()
    where = {"tenant": problem.tenant}
    if not problem.connection:
        found = await store.tally(DELIVERIES_OF_TENANT_BY_STATUS, list(kind.holds), equal=where)
        return Holds(sum(found.values()))
    where["connection"] = problem.connection
    found = await store.tally(DELIVERIES_OF_CONNECTION_BY_STATUS, list(kind.holds), equal=where)
    if not found:
        return Holds()
    page = await store.find(DELIVERIES_BY_STATUS, equal={**where, "status": tuple(found)}, limit=1)
    oldest = [moment for one in page.documents if isinstance(moment := one.fields["created_at"], datetime)]
    return Holds(sum(found.values()), min(oldest, default=None))
