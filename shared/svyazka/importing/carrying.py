"""Rows brought into a system, chunk by chunk: the work behind `svyazka import`.

A slice of the job takes the next chunk. What a vendor is asked to do is guarded by the chunk's own document: it says
which rows are out before the call is made, and what became of them after the answer. Whoever dies in between leaves
rows that are out; the next one asks the vendor for them first, and sends only what isn't there. A slice that is thrown
away has done no harm: its chunk stands as it stands, and is counted by the slice that is recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.jobs.asking import account_of
from svyazka.engine.jobs.work import Failed, Patience, Slice, Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.outages.learning import Outages
from svyazka.importing.chunk_carrier import ChunkCarrier, Later
from svyazka.importing.newcomers import CLOCKS_DIFFER, Newcomers
from svyazka.importing.planning import Target
from svyazka.model.errors import Conflict
from svyazka.model.imports import Chunk
from svyazka.model.jobs import Counts, Job, counted
from svyazka.model.tenants import Tenant

CLASH = 5.0
"""Seconds until another worker, which has the chunk, is looked after."""


class Importing(Work):
    """Carries the chunks of one plan."""

    kind = "import"
    title = N_("импорт файла")

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages
        self._newcomers: dict[str, Newcomers] = {}

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        plan = _Plan.of(job)
        counts = Counts() if job.cursor else plan.without_carrying
        number = int(job.cursor or 0)
        while number < plan.chunks and not patience.is_over():
            held = await journal.load(self._hub.store, Chunk, chunk_id(plan.id, number))
            if held is None:
                raise Failed("no_chunk", N_("a part of the import is gone: begin it anew"))
            carrier = await self._carrier(held, job, tenant, plan, patience)
            wait = await _patiently(carrier.carry)
            if wait is not None:
                phase = N_("asks what became of it") if carrier.chunk.out else f"{number}/{plan.chunks}"
                return Slice(counts, cursor=str(number), again_in=wait, phase=phase)
            counts += carrier.chunk.counts
            number += 1
        if number >= plan.chunks:
            self._newcomers.pop(plan.id, None)
        return Slice(counts, cursor=str(number), end=number >= plan.chunks, phase=f"{number}/{plan.chunks}")

    async def wrap_up(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        """No further chunk; what is out is asked about first."""
        plan = _Plan.of(job)
        number = int(job.cursor or 0)
        counts = Counts() if job.cursor else plan.without_carrying
        held = await journal.load(self._hub.store, Chunk, chunk_id(plan.id, number)) if number < plan.chunks else None
        if held is not None and held.model.out:
            carrier = await self._carrier(held, job, tenant, plan, patience)
            wait = await _patiently(carrier.ask_only)
            if wait is not None:
                return Slice(again_in=wait)
            held = Versioned(carrier.chunk, "")
        left = plan.rows - job.counts.read - counts.read
        if held is not None:
            counts += held.model.counts
            left -= held.model.counts.read
        return Slice(counts + counted(skipped=max(left, 0)), cursor=str(number), end=True)

    async def _carrier(
        self, held: Versioned[Chunk], job: Job, tenant: Tenant, plan: _Plan, patience: Patience
    ) -> ChunkCarrier:  # fmt: skip
        account = await account_of(self._hub, self._outages, tenant.id, plan.connection)
        known = self._newcomers.setdefault(plan.id, Newcomers(plan.listed_at - CLOCKS_DIFFER))
        return ChunkCarrier(
            self._outages, Target(self._hub, account, plan.name), held, known, job.lease_until, patience
        )


async def _patiently(do: Callable[[], Awaitable[float | None]]) -> float | None:
    """Seconds to wait, whoever wants it: the vendor, or another worker that has the chunk."""
    try:
        return await do()
    except Later as later:
        return later.seconds
    except Conflict:
        return CLASH


def chunk_id(plan: str, number: int) -> str:
    """Where a chunk stands."""
    return f"{plan}.{number:06}"


@dataclass(frozen=True, slots=True)
class _Plan:
    id: str
    connection: str
    name: str
    chunks: int
    rows: int
    listed_at: datetime
    """Before this moment it was begun to list the system's cards."""
    without_carrying: Counts
    """Lines for which nothing is carried."""

    @classmethod
    def of(cls, job: Job) -> _Plan:
        said = cast("dict[str, Any]", job.parameters)
        return cls(
            said["plan"], said["into"], said["name"], said["chunks"], said["lines"],
            datetime.fromisoformat(said["listed_at"]), Counts.model_validate(said["without_carrying"]),
        )  # fmt: skip
