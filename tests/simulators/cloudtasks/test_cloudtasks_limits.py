"""What CreateTask and CreateQueue refuse, and how fast a queue goes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from simulators.cloudtasks import (
    Code,
    HttpMethod,
    HttpRequest,
    NewTask,
    OidcToken,
    QueueName,
    RateLimits,
    Refused,
    RetryConfig,
    TaskName,
)

QUEUE = QueueName("p", "europe-west1", "plan")
OTHER = QueueName("p", "europe-west1", "other")
URL = "http://worker.test/plan"
HANG = 0
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)


def refusal(raised: pytest.ExceptionInfo[Refused]) -> tuple[Code, str]:
    return raised.value.code, raised.value.message


# Names


async def test_a_name_is_taken_while_its_task_lives(bench):
    bench.create("t", after=HOUR)
    with pytest.raises(Refused) as raised:
        bench.create("t")
    assert refusal(raised) == (Code.ALREADY_EXISTS, "Requested entity already exists")


@pytest.mark.parametrize("end", ["done", "deleted", "purged", "gave_up"])
async def test_and_for_24_hours_after_it_is_gone(bench, end):
    bench.configure(RetryConfig(max_attempts=1))
    bench.create("t")
    match end:
        case "done":
            await bench.drain()
        case "deleted":
            bench.service.delete_task(TaskName(QUEUE, "t"))
        case "purged":
            bench.service.purge(QUEUE)
        case "gave_up":
            bench.target.will_answer(500)
            await bench.drain()
    assert bench.queue.stats[end] == 1
    await bench.advance(24 * HOUR - SECOND)
    with pytest.raises(Refused) as raised:
        bench.create("t")
    assert raised.value.code is Code.ALREADY_EXISTS
    await bench.advance(SECOND)
    bench.create("t")


async def test_unnamed_tasks_get_names_of_their_own(bench):
    names = {bench.create().name.task for _ in range(50)}
    assert len(names) == 50
    assert all(name.isdecimal() for name in names)


@pytest.mark.parametrize("task_id", ["a", "A-z_09", "x" * 500])
async def test_names_that_are_allowed(bench, task_id):
    assert TaskName.parse(f"{QUEUE}/tasks/{task_id}").task == task_id


@pytest.mark.parametrize("task_id", ["", "not a valid id", "ключ", "a.b", "a:b", "a/b", "x" * 501])
async def test_names_that_are_not(task_id):
    with pytest.raises(Refused) as raised:
        TaskName.parse(f"{QUEUE}/tasks/{task_id}")
    assert refusal(raised) == (
        Code.INVALID_ARGUMENT,
        f'Task ID "{task_id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), '
        "or underscores (_). Task ID must between 1 and 500 characters.",
    )


async def test_a_name_of_another_queue(bench):
    with pytest.raises(Refused) as raised:
        bench.service.create_task(QUEUE, NewTask(HttpRequest(URL), TaskName(OTHER, "t")))
    assert refusal(raised) == (
        Code.INVALID_ARGUMENT,
        f"The queue name from request ('{QUEUE}') must be the same as the queue name in the named task ('{OTHER}').",
    )


# Times


async def test_30_days_ahead_is_the_most(bench):
    bench.create("in-time", after=30 * DAY)
    with pytest.raises(Refused) as raised:
        bench.create("too-late", after=30 * DAY + SECOND)
    assert raised.value.code is Code.INVALID_ARGUMENT
    assert "no more than 720h0m0s in the future" in raised.value.message
    await bench.advance(30 * DAY)
    assert bench.target.offsets == [30 * 24 * 3600]


async def test_a_time_in_the_past_is_now(bench):
    assert bench.create(after=-HOUR).schedule_time == bench.now


@pytest.mark.parametrize("deadline", [15 * SECOND, timedelta(minutes=30)])
async def test_deadlines_that_are_allowed(bench, deadline):
    assert bench.create(dispatch_deadline=deadline).dispatch_deadline == deadline


@pytest.mark.parametrize("deadline", [14.999 * SECOND, timedelta(minutes=30, seconds=1)])
async def test_deadlines_that_are_not(bench, deadline):
    with pytest.raises(Refused) as raised:
        bench.create(dispatch_deadline=deadline)
    assert raised.value.code is Code.INVALID_ARGUMENT


# Sizes


async def test_a_task_of_1_mib_is_the_largest(bench):
    room = 1024 * 1024 - len(URL)
    bench.create(body=b"x" * room)
    with pytest.raises(Refused) as raised:
        bench.create(body=b"x" * (room + 1))
    assert raised.value.code is Code.INVALID_ARGUMENT
    assert "Task size too large" in raised.value.message


async def test_headers_must_be_under_80_kb(bench):
    with pytest.raises(Refused):
        bench.create(request=HttpRequest(URL, headers={"X": "y" * 80 * 1024}))


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("ftp://worker.test"),
        HttpRequest("worker.test"),
        HttpRequest(URL + "?" + "x" * 2083),
        HttpRequest(URL, HttpMethod.GET, body=b"x"),
        HttpRequest(URL, oidc_token=OidcToken("")),
    ],
)
async def test_requests_that_are_refused(bench, request_):
    with pytest.raises(Refused) as raised:
        bench.create(request=request_)
    assert raised.value.code is Code.INVALID_ARGUMENT


async def test_the_creator_must_be_allowed_to_act_as_the_service_account(make_bench):
    bench = await make_bench(may_act_as=frozenset({"worker@p.iam.gserviceaccount.com"}))
    bench.create(request=HttpRequest(URL, oidc_token=OidcToken("worker@p.iam.gserviceaccount.com")))
    with pytest.raises(Refused) as raised:
        bench.create(request=HttpRequest(URL, oidc_token=OidcToken("other@p.iam.gserviceaccount.com")))
    assert raised.value.code is Code.PERMISSION_DENIED


# Queues


async def test_an_unknown_queue(bench):
    with pytest.raises(Refused) as raised:
        bench.service.create_task(OTHER, NewTask(HttpRequest(URL)))
    assert refusal(raised) == (
        Code.NOT_FOUND,
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.",
    )


async def test_a_queue_twice(bench):
    with pytest.raises(Refused) as raised:
        bench.service.create_queue(QUEUE)
    assert refusal(raised) == (Code.ALREADY_EXISTS, "Queue already exists")


async def test_a_deleted_queues_name_is_locked_for_7_days(bench):
    bench.service.delete_queue(QUEUE)
    await bench.advance(7 * DAY - SECOND)
    with pytest.raises(Refused) as raised:
        bench.service.create_queue(QUEUE)
    assert raised.value.code is Code.FAILED_PRECONDITION
    await bench.advance(SECOND)
    bench.service.create_queue(QUEUE)


@pytest.mark.parametrize("rates", [RateLimits(501), RateLimits(1, 501), RateLimits(1, 1, 5001), RateLimits(0)])
async def test_ceilings_of_a_queue(bench, rates):
    with pytest.raises(Refused) as raised:
        bench.service.create_queue(OTHER, rates)
    assert raised.value.code is Code.INVALID_ARGUMENT


async def test_a_queue_idle_for_over_30_days_takes_minutes_to_wake(bench):
    await bench.advance(30 * DAY + SECOND)
    with pytest.raises(Refused) as raised:
        bench.create()
    assert raised.value.code is Code.NOT_FOUND
    await bench.advance(120)
    bench.create()
    assert await bench.drain() == 1


async def test_1000_queues_a_region(bench):
    for number in range(999):
        bench.service.create_queue(QueueName("p", "europe-west1", f"q{number}"))
    with pytest.raises(Refused) as raised:
        bench.service.create_queue(OTHER)
    assert raised.value.code is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(("call", "most"), [("run_task", 60), ("list_tasks", 600)])
async def test_calls_a_minute(bench, call, most):
    for _ in range(most):
        bench.service.count_call(call, "p")
    with pytest.raises(Refused) as raised:
        bench.service.count_call(call, "p")
    assert raised.value.code is Code.RESOURCE_EXHAUSTED
    bench.service.count_call(call, "another project")
    await bench.advance(60)
    bench.service.count_call(call, "p")


# Rates


async def test_a_burst_and_then_the_rate(bench):
    bench.configure(rates=RateLimits(max_dispatches_per_second=2, max_burst_size=3, max_concurrent_dispatches=10))
    for _ in range(6):
        bench.create()
    await bench.drain()
    assert bench.target.offsets == [0, 0, 0, 0.5, 1, 1.5]


async def test_the_bucket_holds_no_more_than_the_burst(bench):
    bench.configure(rates=RateLimits(1, 2, 10))
    await bench.advance(1000)
    for _ in range(3):
        bench.create()
    assert await bench.advance(0) == 2


async def test_no_more_at_once_than_allowed(bench):
    bench.configure(rates=RateLimits(500, 100, 3))
    bench.target.will_answer(*[HANG] * 3)
    for _ in range(5):
        bench.create()
    assert await bench.advance(1, patience=0.01) == 3
    bench.target.released.set()
    assert await bench.drain() == 2
