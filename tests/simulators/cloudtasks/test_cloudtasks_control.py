"""Pause, resume, purge, run; order and repeats; what is forgotten and when the API is down."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from simulators.cloudtasks import (
    Clock,
    CloudTasks,
    Code,
    Dispatcher,
    Fault,
    Mode,
    QueueName,
    RateLimits,
    Refused,
    TaskName,
)
from simulators.cloudtasks.api import Api

QUEUE = QueueName("p", "europe-west1", "plan")
HANG = 0


# Pause, resume, purge, run


async def test_a_paused_queue_takes_tasks_and_sends_none_until_resumed(bench):
    bench.service.pause(QUEUE)
    bench.create()
    assert await bench.advance(3600) == 0
    bench.service.resume(QUEUE)
    assert await bench.advance(0) == 1


async def test_a_purge_removes_what_waits(bench):
    bench.create(after=60)
    bench.service.purge(QUEUE)
    assert bench.queue.purge_time == bench.now
    assert await bench.drain() == 0


async def test_a_forced_run_passes_pause_schedule_and_rates(bench):
    bench.configure(rates=RateLimits(1, 1, 1))
    bench.service.pause(QUEUE)
    for task_id in "ab":
        bench.create(task_id, after=3600)
        bench.service.run_task(TaskName(QUEUE, task_id))
    assert await bench.advance(0) == 2
    assert bench.waiting == []


async def test_a_forced_run_that_fails_is_rescheduled_from_when_it_was_forced(bench):
    bench.target.will_answer(500)
    task = bench.create("t", after=3600)
    bench.service.run_task(task.name)
    await bench.advance(0)
    assert task.schedule_time == bench.now + timedelta(seconds=0.1)


async def test_a_forced_run_of_a_running_task_sends_it_again(bench):
    bench.target.will_answer(HANG)
    task = bench.create("t")
    await bench.advance(0, patience=0.01)
    bench.service.run_task(task.name)
    await bench.advance(0)
    assert bench.target.header("TaskRetryCount") == ["0", "1"]
    assert bench.waiting == []


async def test_a_task_deleted_while_it_runs_is_not_tried_again(bench):
    bench.target.will_answer(HANG)
    task = bench.create()
    await bench.advance(0, patience=0.01)
    bench.service.delete_task(task.name)
    await bench.advance(3600)
    assert len(bench.target.requests) == 1


# Delivery


async def test_tasks_come_in_time_order_by_default_and_in_any_order_when_shuffled(make_bench):
    orders = []
    for settings in ({}, {"shuffle": True, "seed": 1}, {"shuffle": True, "seed": 1}, {"shuffle": True, "seed": 2}):
        bench = await make_bench(**settings)
        bench.target.requests.clear()
        async with bench.dispatcher:
            for number in range(10):
                bench.create(str(number))
            await bench.drain()
        orders.append(bench.target.header("TaskName"))
    plain, one, again, two = orders
    assert plain == [str(number) for number in range(10)]
    assert one == again
    assert one not in (plain, two)
    assert Counter(one) == Counter(plain)


async def test_an_attempt_may_come_twice(bench):
    bench.service.faults.duplicate.next = 1
    bench.create("t")
    assert await bench.drain() == 2
    assert bench.target.header("TaskRetryCount") == ["0", "0"]
    assert (bench.queue.stats["duplicated"], bench.queue.stats["done"]) == (1, 1)


async def test_a_rate_of_duplicates_is_repeatable(make_bench):
    counts = []
    for _ in range(2):
        bench = await make_bench(seed=7)
        bench.service.faults.duplicate.rate = 0.2
        async with bench.dispatcher:
            for _ in range(100):
                bench.create()
            counts.append(await bench.drain())
    assert counts[0] == counts[1]
    assert 105 < counts[0] < 140


async def test_a_task_made_by_a_target_for_now_is_sent_in_the_same_step(bench):
    create, seen = bench.create, []

    async def chain(scope, receive, send):
        if not seen:
            create("second")
        seen.append(scope["path"])
        await original(scope, receive, send)

    original = bench.dispatcher._client._transport.app
    bench.dispatcher._client._transport.app = chain
    create("first")
    assert await bench.advance(0) == 2


# Forgetting


async def test_tasks_may_be_forgotten(bench):
    for number in range(4):
        bench.create(str(number), after=60)
    assert bench.service.forget(QUEUE) == 4
    assert await bench.drain() == 0
    assert bench.queue.stats["forgotten"] == 4


async def test_a_task_may_be_accepted_and_lost(bench):
    bench.service.faults.forget.next = 1
    bench.create("lost")
    bench.create("kept")
    await bench.drain()
    assert bench.target.header("TaskName") == ["kept"]


# The API


def new_task() -> dict[str, object]:
    return {"task": {"name": f"{QUEUE}/tasks/t", "httpRequest": {"url": "http://worker.test/plan"}}}


async def create(api: Api) -> None:
    await api.call("create_task", str(QUEUE), new_task(), {})


async def test_the_api_may_be_down_for_some_calls_and_some_times(bench):
    api = Api(bench.service)
    bench.service.faults.add(Fault(Mode.DOWN, frozenset({"create_task"}), times=1))
    await api.call("get_queue", str(QUEUE), {}, {})
    with pytest.raises(Refused) as raised:
        await create(api)
    assert raised.value.code is Code.UNAVAILABLE
    assert bench.waiting == []
    await create(api)
    assert bench.waiting == ["t"]


async def test_an_answer_may_be_lost_after_the_work_is_done(bench):
    api = Api(bench.service)
    bench.service.faults.add(Fault(Mode.LOST, times=1))
    with pytest.raises(Refused) as raised:
        await create(api)
    assert raised.value.code is Code.UNAVAILABLE
    assert bench.waiting == ["t"]


async def test_a_call_may_hang_until_the_fault_is_cleared(bench):
    bench.service.faults.add(Fault(Mode.HANG))
    hanging = asyncio.create_task(create(Api(bench.service)))
    await asyncio.wait([hanging], timeout=0.01)
    assert not hanging.done()
    bench.service.faults.clear()
    with pytest.raises(Refused):
        await hanging
    assert bench.waiting == []


async def test_a_slow_call_is_done_in_the_end(bench):
    bench.service.faults.add(Fault(Mode.SLOW, seconds=0.01))
    await create(Api(bench.service))
    assert bench.waiting == ["t"]


# The clock


def test_a_stepped_clock_stands_still():
    clock = Clock(stepped=True)
    before = clock.now()
    assert clock.now() == before
    assert clock.advance(90) - before == timedelta(seconds=90)


def test_a_clock_can_run_faster():
    clock = Clock(speed=3600)
    assert 0 < clock.real_seconds_until(clock.now() + timedelta(hours=1)) <= 1


@pytest.mark.parametrize("step", [-1, timedelta(seconds=-1)])
def test_no_clock_runs_back(step):
    with pytest.raises(ValueError, match="does not run back"):
        Clock(stepped=True).advance(step)


async def test_on_a_running_clock_tasks_go_out_by_themselves(make_bench):
    """The minute is a tenth of a second of ours; on a busy machine the target has three seconds for each answer."""
    bench = await make_bench()
    bench.service.clock = Clock(speed=600)
    bench.target.will_answer(500, 500)
    async with bench.dispatcher, asyncio.timeout(30):
        bench.create(after=60, dispatch_deadline=timedelta(minutes=30))
        while bench.waiting:
            await asyncio.sleep(0.01)
    assert len(bench.target.requests) == 3


async def test_it_ends_though_it_is_woken_at_the_same_moment(make_bench):
    """A lost cancellation would leave it running, and whoever waits for its end would wait for ever."""
    bench = await make_bench()
    bench.service.clock = Clock()
    bench.create(after=3600)
    async with asyncio.timeout(60):
        async with bench.dispatcher:
            for _ in range(5):
                await asyncio.sleep(0)
            bench.create(after=3600)


async def test_only_a_stepped_clock_can_be_drained(signer):
    service = CloudTasks(Clock(), signer=signer)
    async with Dispatcher(service) as dispatcher:
        with pytest.raises(RuntimeError, match="stepped"):
            await dispatcher.drain()
