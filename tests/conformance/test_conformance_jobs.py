"""A job over each backend: two workers at it, one of them killed now and then, and each row is counted once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from conformance.harness import Backend
from dying import Killed, strikes
from engine.jobs.rows_support import JOB, Working
from svyazka.engine.jobs import runner, steering
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import DUE_JOBS, JOBS_BY_STATUS, JOBS_OF_TENANT, JOBS_WAITING, RECENT_JOBS
from svyazka.model.jobs import Counts, Job, JobState


async def test_two_workers_and_a_killed_one_count_each_row_once(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [Working(backend.store, queue=backend.queue, inbox=backend.inbox) for _ in range(2)]
    clock, left = workers[0].clock, ["job.after_claim", "job.before_commit", "job.after_commit"]
    for house in workers:
        house.clock = clock
        house.start()
    await workers[0].settle_in()
    await workers[0].begin()

    def die(point: str) -> None:
        if left and point == left[0]:
            left.pop(0)
            raise Killed

    strikes(die, monkeypatch)
    for _ in range(20):
        await asyncio.gather(*(house.slice() for house in workers), return_exceptions=True)
        clock.step(runner.LEASE + 1)
    job = await workers[0].job()
    assert (job.state, job.counts) == (JobState.DONE, Counts(read=23, created=12, unchanged=11))
    assert await workers[0].seen() == workers[0].rows.rows
    assert left == []


async def test_a_job_is_found_by_what_is_asked_of_it(backend: Backend) -> None:
    house = Working(backend.store, queue=backend.queue, inbox=backend.inbox)
    for number in range(3):
        await house.begin(f"job_{number}")
        house.clock.step(60)
    await steering.pause(house.hub, house.tenant, "job_1")
    held = await journal.load(backend.store, Job, "job_2")
    assert held is not None
    waiting = held.model.model_copy(update={"waits_on": "till"})
    await backend.store.commit([journal.replace(waiting, held.version)])

    async def found(query, **where: object) -> list[str]:
        return [one.id for one in (await backend.store.find(query, **where)).documents]  # type: ignore[arg-type]

    assert await found(RECENT_JOBS) == ["job_2", "job_1", "job_0"]
    assert await found(JOBS_OF_TENANT, equal={"tenant": "kofe"}) == ["job_2", "job_1", "job_0"]
    assert await found(JOBS_BY_STATUS, equal={"status": "paused"}) == ["job_1"]
    assert await found(JOBS_WAITING, equal={"tenant": "kofe", "waits_on": "till"}) == ["job_2"]
    assert await found(DUE_JOBS, at_most=house.clock.now() - timedelta(seconds=90)) == ["job_0"]
    assert await house.hub.store.ids("jobs", JOB[:4]) == ["job_0", "job_1", "job_2"]
