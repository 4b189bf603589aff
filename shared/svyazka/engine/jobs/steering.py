"""Beginning a job, and what an operator may do with one: pause it, let it go on, end it.

All by compare-and-set: a slice that is being done meanwhile finds the document changed, and is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.jobs import trouble
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import job_task
from svyazka.engine.ports.store import Write
from svyazka.model.errors import ConfigError, Conflict, Unavailable
from svyazka.model.jobs import Job, JobState
from svyazka.model.tenants import Tenant

TRIES = 5


async def start(
    hub: Hub,
    tenant: str,
    kind: str,
    subject: str,
    id_: str,
    parameters: Mapping[str, JsonValue] | None = None,
    *,
    total: int | None = None,
    beside: Sequence[Write] = (),
) -> bool:
    """Begin a job, unless one of that id was begun. False: it was. `beside`: written in the same commit."""
    now = hub.clock.now()
    job = Job(
        id=id_, kind=kind, tenant=tenant, subject=subject, parameters=dict(parameters or {}), total=total, made_at=now,
        wake_at=now,
    )  # fmt: skip
    try:
        await hub.store.commit([journal.create(job), *beside], [job_task(id_)])
    except Conflict:
        return False
    return True


async def pause(hub: Hub, tenant: Tenant, job_id: str, also: Sequence[Write] = ()) -> Job:
    """No further slice, until it is resumed. `also`: written in the same commit. Raises ConfigError for one that
    doesn't go on by itself."""

    def paused(job: Job) -> Job:
        if not job.is_going:
            raise ConfigError(N_("{job} is {state}: there is nothing to pause").format(job=job.id, state=job.state))
        return job.model_copy(
            update={"state": JobState.PAUSED, "lease_until": None, "wake_at": None, "not_before": None}
        )

    return await _changed(hub, job_id, paused, also)


async def resume(
    hub: Hub, tenant: Tenant, job_id: str, answer: Mapping[str, JsonValue] | None = None, also: Sequence[Write] = ()
) -> Job:
    """Go on from where it stopped: paused, held (`answer`: what was decided), or failed. `also`: as `pause` has it.
    Raises ConfigError."""

    def resumed(job: Job) -> Job:
        if job.state not in (JobState.PAUSED, JobState.HELD, JobState.FAILED):
            raise ConfigError(N_("{job} is {state}: it can't be resumed").format(job=job.id, state=job.state))
        return _going(hub, job).model_copy(update={"parameters": {**job.parameters, **(answer or {})}})

    job = await _changed(hub, job_id, resumed, also)
    await trouble.over(hub, tenant, job)
    return job


async def cancel(hub: Hub, tenant: Tenant, job_id: str, who: str) -> Job:
    """End it: no further piece of work; what is under way is seen to its end first. Raises ConfigError."""

    def ending(job: Job) -> Job:
        if job.has_ended:
            raise ConfigError(N_("{job} is {state} already").format(job=job.id, state=job.state))
        return _going(hub, job).model_copy(update={"cancelled_by": who})

    job = await _changed(hub, job_id, ending)
    await trouble.over(hub, tenant, job)
    return job


def _going(hub: Hub, job: Job) -> Job:
    return job.model_copy(
        update={
            "state": JobState.RUNNING, "lease_until": None, "not_before": None, "wake_at": hub.clock.now(), "tries": 0,
            "wake_step": 0, "error": None, "waits_on": None, "ended_at": None, "expire_at": None,
        }
    )  # fmt: skip


async def _changed(hub: Hub, job_id: str, change: Callable[[Job], Job], also: Sequence[Write] = ()) -> Job:
    for _ in range(TRIES):
        held = await journal.load(hub.store, Job, job_id)
        if held is None:
            raise ConfigError(N_("there is no job {job}").format(job=job_id))
        after = change(held.model)
        writes = [journal.replace(after, held.version), *also]
        try:
            await hub.store.commit(writes, [job_task(job_id)] if after.is_going else [])
        except Conflict:
            continue
        return after
    raise Unavailable(f"{job_id} changes all the time")
