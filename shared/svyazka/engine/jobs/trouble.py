"""Cards of jobs that stopped: each is met before the job says so, and over when the job goes on, or another is done."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.jobs.work import Hold, Work
from svyazka.engine.problems import cards
from svyazka.engine.problems.cards import Sight
from svyazka.engine.problems.kinds import JOB_FAILED, JOB_HELD
from svyazka.model.jobs import Job, JobState, Trouble
from svyazka.model.tenants import Tenant


def cause_of(job: Job) -> str:
    """One card for a kind and what it is about, however often it is tried."""
    return f"{job.kind} {job.subject}".strip()


def at_rest(job: Job, state: JobState, code: str, message: str) -> Job:
    """The job where it stopped."""
    return job.model_copy(
        update={
            "state": state, "error": Trouble(code=code, message=message), "lease_until": None, "wake_at": None,
            "not_before": None, "waits_on": None,
        }
    )  # fmt: skip


async def held(hub: Hub, tenant: Tenant, job: Job, work: Work, error: Hold) -> None:
    """It wants a decision."""
    text = N_("{tenant}: {title} ({subject}) ждёт вашего решения: {why}").format(
        tenant=tenant.name, title=work.title, subject=job.subject, why=str(error)
    )
    await cards.meet(
        hub,
        Sight(
            kind=JOB_HELD, tenant=tenant, text=text, since=hub.clock.now(), cause=cause_of(job), about=job.id,
            advice=error.remedy or None,
        ),
    )  # fmt: skip


async def failed(hub: Hub, tenant: Tenant, job: Job, work: Work, why: str) -> None:
    """It can't be done."""
    text = N_("{tenant}: {title} ({subject}) не удалась: {why}. Сделанное сделано, продолжить можно с того же места.")
    said = text.format(tenant=tenant.name, title=work.title, subject=job.subject, why=why)
    sight = Sight(
        kind=JOB_FAILED, tenant=tenant, text=said, since=hub.clock.now(), cause=cause_of(job), about=job.id
    )  # fmt: skip
    await cards.meet(hub, sight)


async def over(hub: Hub, tenant: Tenant, job: Job) -> None:
    """It goes on, or was ended, or another one of its kind and subject is done."""
    for kind in (JOB_HELD, JOB_FAILED):
        await cards.over(hub, tenant, None, kind, cause_of(job))
