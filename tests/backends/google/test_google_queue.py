"""Are tasks what Cloud Tasks takes and the worker lets in, whichever client makes them?"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from backends.google.deployment import ACCOUNT, WORKER_URL
from simulators.cloudtasks import Mode, QueueName
from svyazka.backends.google.queue import CloudTasksQueue
from svyazka.backends.google.tasks import Addressing
from svyazka.engine.ports.store import Task
from svyazka.engine.rules.deadlines import DISPATCH_DEADLINE
from svyazka.model.errors import ConfigError, Unavailable
from svyazka.settings import Settings

DAY = timedelta(days=1)


@pytest.fixture(params=["rest", "grpc"])
def hand_over(request, google):
    """Both ways of handing tasks over."""
    return google.rest_tasks.create if request.param == "rest" else google.queue.enqueue


def waiting(google, queue: str = "plan"):
    name = QueueName.parse(google.addressing.queue(queue))
    return google.tasks.call(lambda service: list(service.queue(name).tasks.values()))


async def test_a_task_goes_to_the_worker_with_the_queues_identity(google, hand_over):
    await hand_over([Task("smsru", "/perform", {"delivery": "d"})])
    (task,) = waiting(google, "smsru")
    assert task.name.queue == QueueName(google.project, "europe-west1", "svyazka-smsru")
    assert task.request.url == f"{WORKER_URL}/perform"
    assert (task.request.oidc_token.service_account_email, task.request.oidc_token.audience) == (ACCOUNT, WORKER_URL)
    assert task.dispatch_deadline == timedelta(seconds=DISPATCH_DEADLINE)
    await google.deliver()
    (request,) = google.target.requests
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"].startswith("Bearer ey")


async def test_both_ways_make_the_same_task(google):
    task = Task("plan", "/plan", {"event": "☕"}, google.now() + DAY, "имя")
    await google.rest_tasks.create([task])
    (rest,) = waiting(google)
    await google.queue.enqueue([task])
    assert len(waiting(google)) == 1
    google.tasks.call(lambda service: service.delete_task(rest.name))
    other = Addressing(google.project, "europe-west1", WORKER_URL, ACCOUNT)
    await CloudTasksQueue(other, google.tasks.grpc_target).enqueue([Task("salvage", *_of(task))])
    (grpc,) = waiting(google, "salvage")
    assert (grpc.request, grpc.schedule_time, grpc.dispatch_deadline, grpc.name.task) == (
        rest.request,
        rest.schedule_time,
        rest.dispatch_deadline,
        rest.name.task,
    )


def _of(task: Task) -> tuple:
    return task.path, task.body, task.due, task.name


async def test_names_are_hashed(google, hand_over):
    await hand_over([Task("plan", "/plan", {}, name="имя/1")])
    assert waiting(google)[0].name.task == hashlib.sha256("имя/1".encode()).hexdigest()


async def test_a_name_that_is_taken_is_no_failure(google, hand_over):
    task = Task("plan", "/plan", {}, name="n")
    await hand_over([task])
    await google.deliver()
    await hand_over([task])
    assert waiting(google) == []


@pytest.mark.parametrize("days", [29, 30, 31, 400])
async def test_what_is_due_beyond_what_the_queue_takes_comes_early(google, hand_over, days):
    """The worker finds it early and leaves it; its `wake_at` brings it back."""
    now = google.now()
    await hand_over([Task("plan", "/plan", {}, now + days * DAY)])
    (task,) = waiting(google)
    assert min(days * DAY, 30 * DAY) - timedelta(minutes=10) < task.schedule_time - now <= 30 * DAY


async def test_the_largest_salvage_is_taken(google, hand_over):
    """A body of 512 KiB that nothing compresses, as the way in packs it."""
    await hand_over([Task("salvage", "/salvage", {"request": "x" * 720_000})])
    assert len(waiting(google, "salvage")) == 1


async def test_one_that_fails_does_not_keep_the_others_back(google, hand_over):
    bad = Task("nosuch", "/perform", {})
    with pytest.raises(Exception, match=r"404|NotFound"):
        await hand_over([bad, Task("plan", "/plan", {"event": "a"})])
    assert len(waiting(google)) == 1


@pytest.mark.parametrize("how", [Mode.DOWN, Mode.HANG])
async def test_a_queue_that_is_away_is_unavailable(google, how):
    google.breaks(how)
    hasty = CloudTasksQueue(google.addressing, google.tasks.grpc_target, limit=0.3)
    with pytest.raises(Unavailable):
        await hasty.enqueue([Task("plan", "/plan", {})])
    google.mends()
    await hasty.close()


async def test_a_short_trouble_is_outlasted(google):
    google.breaks(Mode.DOWN, times=2)
    await google.queue.enqueue([Task("plan", "/plan", {})])
    assert len(waiting(google)) == 1


async def test_a_task_whose_answer_was_lost_may_be_there_twice(google):
    """At least once: the second does nothing, since work begins with a claim."""
    google.breaks(Mode.LOST, times=1)
    await google.queue.enqueue([Task("plan", "/plan", {})])
    assert len(waiting(google)) == 2


async def test_but_a_named_one_is_not(google):
    google.breaks(Mode.LOST, times=1)
    await google.queue.enqueue([Task("plan", "/plan", {}, name="n")])
    assert len(waiting(google)) == 1


@pytest.mark.parametrize("name", ["project", "worker_url", "worker_account"])
def test_what_is_missing_is_named(name):
    given = {"project": "p", "worker_url": "https://w", "worker_account": "a@b", name: ""}
    with pytest.raises(ConfigError, match=f"SVYAZKA_{name.upper()}"):
        CloudTasksQueue.from_settings(Settings(backend="google", **given))


def test_a_task_of_the_past_has_no_time():
    now = datetime.now(UTC)
    addressing = Addressing("p", "r", "https://w/", "a@b")
    task = addressing.task(Task("plan", "/plan", {}, now - DAY), now)
    assert "scheduleTime" not in task
    assert task["httpRequest"]["url"] == "https://w/plan"
