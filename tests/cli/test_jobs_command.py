"""`jobs`: long work as people and scripts see it, and stop it."""

from __future__ import annotations

from cli.conftest import Installation
from svyazka.cli.commands.jobs import in_words
from svyazka.engine.jobs.runner import Jobs
from svyazka.engine.jobs.steering import start
from svyazka.engine.jobs.work import Hold, Patience, Slice, Work
from svyazka.engine.worker import Worker
from svyazka.model.jobs import Job, counted
from svyazka.model.tenants import Tenant

JOB = "job_00aa11bb"


class Rows(Work):
    """Three rows a slice, nine in all; another kind wants a decision."""

    kind = "rows"
    title = "сверка строк"

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        if job.subject == "columns" and "phone" not in job.parameters:
            raise Hold("columns", "which column is the phone?")
        at = int(job.cursor or 0) + 3
        return Slice(counts=counted(created=2, doubt=1), cursor=str(at), total=9, phase="rows", end=at == 9)


def begun(hub: Installation, subject: str = "", id_: str = JOB) -> None:
    hub.opened(lambda worker, store: start(worker.hub, "kofe", "rows", subject, id_))


def slices(hub: Installation, count: int = 1, id_: str = JOB) -> None:
    async def work(worker: Worker, store: object) -> None:
        worker.jobs = Jobs(worker.hub, worker.outages, [Rows()])
        for _ in range(count):
            await worker.handle("/job", {"job": id_})

    hub.opened(work)


def states(hub: Installation) -> dict[str, str]:
    return {row["id"]: row["state"] for row in hub.rows("jobs")}


def test_it_is_shown_how_far_it_is(hub: Installation) -> None:
    assert "no long work" in hub.svyazka("jobs").output
    begun(hub)
    (row,) = hub.rows("jobs")
    assert (row["state"], row["started_at"], row["rate"], row["left"]) == ("planned", None, None, None)
    slices(hub)
    (row,) = hub.rows("jobs", "--tenant", "kofe")
    assert row["counts"] == {
        "read": 3, "linked": 0, "created": 2, "updated": 0, "unchanged": 0, "skipped": 0, "doubt": 1, "failed": 0,
    }  # fmt: skip
    assert row["state"] == "running"
    assert row["rate"] > 0
    assert row["left"] >= 0
    assert "3 of 9" in hub.svyazka("jobs").output
    slices(hub, 2)
    (row,) = hub.rows("jobs")
    assert (row["state"], row["counts"]["read"], row["left"]) == ("done", 9, None)
    assert "done, 9 of 9 (created 6, doubt 3)" in hub.svyazka("jobs", "follow", JOB[:8]).output


def test_it_is_paused_resumed_and_ended_and_who_did_it_is_noted(hub: Installation) -> None:
    begun(hub)
    slices(hub)
    assert "jobs resume" in hub.svyazka("jobs", "pause", JOB).output
    slices(hub)
    assert states(hub) == {JOB: "paused"}
    assert "nobody is at work" in hub.svyazka("jobs", "resume", "job_00aa").output
    slices(hub)
    assert hub.rows("jobs")[0]["counts"]["read"] == 6
    hub.svyazka("jobs", "cancel", JOB)
    slices(hub)
    assert states(hub) == {JOB: "cancelled"}
    assert hub.audit()[-3:] == [("jobs pause", JOB), ("jobs resume", JOB), ("jobs cancel", JOB)]


def test_what_can_not_be_done_is_said(hub: Installation) -> None:
    begun(hub)
    slices(hub, 3)
    assert "done: it can't be resumed" in hub.svyazka("jobs", "resume", JOB, status=1).output
    assert "there is no job" in hub.svyazka("jobs", "cancel", "job_ffff", status=1).output
    assert "no tenant" in hub.svyazka("jobs", "--tenant", "salon", status=1).output


def test_what_it_is_held_for_stands_among_the_problems(hub: Installation) -> None:
    begun(hub, "columns")
    slices(hub)
    assert states(hub) == {JOB: "held"}
    (problem,) = hub.rows("problems")
    assert (problem["kind"], problem["remedy"]["command"]) == ("job_held", f"svyazka jobs resume {JOB}")
    assert "which column is the phone?" in hub.svyazka("jobs").output
    assert "NAME=VALUE" in hub.svyazka("jobs", "resume", JOB, "--answer", "phone", status=2).output
    hub.svyazka("jobs", "resume", JOB, "--answer", "phone=3")
    slices(hub)
    assert states(hub) == {JOB: "running"}


def test_time_in_words() -> None:
    assert [in_words(seconds) for seconds in (0.4, 59, 60, 61, 3599, 3900)] == [
        "0 s", "59 s", "1 min", "2 min", "60 min", "1 h 5 min",
    ]  # fmt: skip
