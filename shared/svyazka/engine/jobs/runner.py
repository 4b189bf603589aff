"""Carrying jobs on: one slice is claimed, done and recorded; its commit queues the next.

The claim is a lease in the job's document, so that two workers don't both read a vendor. It is no fence: whoever comes
late finds the document changed, and throws its reading away. So each row is counted once, wherever one dies or freezes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta

from svyazka.engine.hub import Hub
from svyazka.engine.jobs import trouble
from svyazka.engine.jobs.work import SLICE, WRITES_MOST, Failed, Hold, Patience, Slice, Waits, Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import job_task
from svyazka.engine.outages.learning import Outages
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.deadlines import LEASE, holds
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log, where
from svyazka.model.errors import ConfigError, Conflict, NoPlace, Unavailable, WrittenByNewer
from svyazka.model.jobs import Job, JobState, Trouble, over
from svyazka.model.tenants import Tenant

LIMIT = LEASE * 0.75
"""Real seconds after which a slice that doesn't come to its end is broken off, well within its lease."""

GRACE = timedelta(minutes=1)
"""So long after its time somebody looks whether a slice was lost."""

PAUSES = (60.0, 300.0, 900.0, 3600.0)
"""Seconds until the next try: of a slice that ended in an error, or of a vendor that doesn't answer."""

TRIES = 6
"""Slices in a row that end in an error before the job has failed."""


class Jobs:
    """Does slices of jobs."""

    def __init__(self, hub: Hub, outages: Outages, works: Iterable[Work]) -> None:
        self._hub, self._outages = hub, outages
        self.works = {work.kind: work for work in works}

    async def go_on(self, job_id: str, *, released: bool = False) -> None:
        """The next slice of a job, if it is to go on and nobody has it. Raises Unavailable, WrittenByNewer.

        `released`: its connection works again, so that it need not wait for its time.
        """
        held = await journal.load(self._hub.store, Job, job_id)
        if held is None or not held.model.is_going or not self._is_due(held.model, released):
            return
        work = self.works.get(held.model.kind)
        if work is None:
            raise WrittenByNewer("jobs", job_id)
        tenant = await self._hub.directory.tenant(held.model.tenant)
        if tenant is None:
            await self._write(held, over(held.model, JobState.CANCELLED, self._hub.clock.now()))
            return
        if await self._still_waits(held.model, tenant):
            return
        reach("job.before_claim")
        claimed = await self._claim(held)
        if claimed is None:
            return
        reach("job.after_claim")
        began = time.monotonic()
        after, writes, tasks = await self._done(work, claimed.model, tenant)
        after = after.model_copy(update={"worked": after.worked + time.monotonic() - began})
        reach("job.before_commit")
        await self._record(claimed, after, writes, tasks)
        reach("job.after_commit")

    def _is_due(self, job: Job, released: bool) -> bool:
        soon = released and job.waits_on is not None
        if not soon and job.not_before is not None and job.not_before > self._hub.clock.now():
            return False  # a task of its own comes then
        return not holds(job.lease_until, self._hub.clock.real())

    async def _still_waits(self, job: Job, tenant: Tenant) -> bool:
        """Nothing is written: the end of the outage queues it, and the sweep looks now and then."""
        paused = tenant.paused or (job.waits_on is not None and job.waits_on in tenant.paused_connections)
        if job.cancelled_by is not None:
            return False
        return paused or (job.waits_on is not None and await self._outages.of(tenant.id, job.waits_on) is not None)

    async def _claim(self, held: Versioned[Job]) -> Versioned[Job] | None:
        clock = self._hub.clock
        job = held.model.model_copy(
            update={
                "state": JobState.RUNNING, "taken": held.model.taken + 1,
                "lease_until": clock.real() + timedelta(seconds=LEASE), "wake_at": clock.in_real(LEASE) + GRACE,
                "started_at": held.model.started_at or clock.now(),
            }
        )  # fmt: skip
        version = await self._write(held, job)
        return Versioned(job, version) if version is not None else None

    async def _done(self, work: Work, job: Job, tenant: Tenant) -> tuple[Job, list[Write], list[Task]]:
        """The job after its slice, and what is written with it."""
        do = work.slice if job.cancelled_by is None else work.wrap_up
        try:
            async with asyncio.timeout(LIMIT):
                done = await do(job, tenant, Patience(SLICE))
            after = self._after(job, done)
        except Waits as error:
            return self._waits(job, error), [], []
        except NoPlace as error:
            return self._later(job, min(max(error.wait, 1.0), PAUSES[-1])), [], []
        except Hold as error:
            await trouble.held(self._hub, tenant, job, work, error)
            return trouble.at_rest(job, JobState.HELD, error.code, str(error)), [], []
        except Failed as error:
            return await self._failed(work, job, tenant, error.code, str(error)), [], []
        except (Unavailable, ConfigError):
            raise
        except Exception as error:
            log(
                "ERROR", "slice failed", tenant=job.tenant, kind=job.kind, error=type(error).__name__,
                where=where(error),
            )  # fmt: skip
            return await self._stumbled(work, job, tenant, error), [], []
        if after.state is JobState.DONE:
            await trouble.over(self._hub, tenant, job)
        return after, list(done.writes), list(done.tasks)

    def _after(self, job: Job, done: Slice) -> Job:
        if len(done.writes) > WRITES_MOST:
            raise ValueError(f"a slice writes {WRITES_MOST} documents at most with its job, got {len(done.writes)}")
        now = self._hub.clock.now()
        after = job.model_copy(
            update={
                "counts": job.counts + done.counts, "slices": job.slices + 1, "tries": 0, "wake_step": 0, "error": None,
                "cursor": job.cursor if done.cursor is None else done.cursor,
                "phase": job.phase if done.phase is None else done.phase,
                "total": job.total if done.total is None else done.total,
                "result": {**job.result, **done.result}, "lease_until": None, "waits_on": None,
            }
        )  # fmt: skip
        if done.end:
            return over(after, JobState.DONE if job.cancelled_by is None else JobState.CANCELLED, now)
        return self._later(after, done.again_in)

    def _later(self, job: Job, seconds: float) -> Job:
        due = self._hub.clock.in_real(seconds)
        return job.model_copy(
            update={"not_before": due if seconds else None, "wake_at": due + GRACE, "lease_until": None}
        )

    def _waits(self, job: Job, error: Waits) -> Job:
        """Parked on a connection, at no cost to its own tries."""
        step = job.wake_step if job.waits_on == error.connection else 0
        later = self._later(job, PAUSES[min(step, len(PAUSES) - 1)])
        return later.model_copy(
            update={
                "waits_on": error.connection, "wake_step": step + 1,
                "error": Trouble(code=error.code, message=str(error)),
            }
        )  # fmt: skip

    async def _stumbled(self, work: Work, job: Job, tenant: Tenant, error: Exception) -> Job:
        if job.tries + 1 >= TRIES:
            return await self._failed(work, job, tenant, "error", type(error).__name__)
        later = self._later(job, PAUSES[min(job.tries, len(PAUSES) - 1)])
        told = Trouble(code="error", message=type(error).__name__)
        return later.model_copy(update={"tries": job.tries + 1, "error": told})

    async def _failed(self, work: Work, job: Job, tenant: Tenant, code: str, message: str) -> Job:
        await trouble.failed(self._hub, tenant, job, work, message)
        return trouble.at_rest(over(job, JobState.FAILED, self._hub.clock.now()), JobState.FAILED, code, message)

    # Writing

    async def _record(self, claimed: Versioned[Job], after: Job, writes: list[Write], tasks: list[Task]) -> None:
        if after.is_going:
            tasks = [*tasks, job_task(after.id, after.not_before)]
        try:
            await self._hub.store.commit([journal.replace(after, claimed.version), *writes], tasks)
        except Conflict:
            await self._thrown_away(claimed)

    async def _thrown_away(self, claimed: Versioned[Job]) -> None:
        """Somebody was quicker, or an operator decided. Where it was only what lies beside the job, another slice looks
        anew."""
        held = await journal.load(self._hub.store, Job, claimed.model.id)
        if held is None or held.version != claimed.version:
            log("NOTICE", "slice thrown away", tenant=claimed.model.tenant, kind=claimed.model.kind)
            return
        again = self._later(held.model, 1.0)
        await self._write(held, again, [job_task(again.id, again.not_before)])

    async def _write(self, held: Versioned[Job], job: Job, tasks: Iterable[Task] = ()) -> str | None:
        """The new version; None where somebody was quicker."""
        try:
            return (await self._hub.store.commit([journal.replace(job, held.version)], list(tasks)))[0]
        except Conflict:
            return None
