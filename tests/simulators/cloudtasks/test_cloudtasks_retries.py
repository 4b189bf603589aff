"""Done, tried again, given up: PLATFORM section 2, "What an embedded queue must honour"."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from starlette.responses import RedirectResponse, Response

from simulators.cloudtasks import NO_THROTTLING, RateLimits, RetryConfig, Throttling
from simulators.cloudtasks.retry import backoff, gives_up

SECOND = timedelta(seconds=1)
EXAMPLE = RetryConfig(min_backoff=10 * SECOND, max_backoff=300 * SECOND, max_doublings=3)
HANG = 0


# Done


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_200_to_299_is_done(bench, status):
    bench.target.will_answer(status)
    bench.create()
    assert await bench.drain() == 1
    assert bench.queue.stats["done"] == 1


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 400, 401, 404, 409, 429, 500, 503])
async def test_nothing_else_is(bench, status):
    bench.target.will_answer(status)
    bench.create("t")
    await bench.advance(0)
    assert bench.waiting == ["t"]


async def test_a_redirect_is_a_failure_and_is_not_followed(bench):
    bench.target.will_answer(RedirectResponse("http://worker.test/elsewhere", 302))
    bench.create()
    await bench.advance(0)
    assert [request.url.path for request in bench.target.requests] == ["/plan"]
    assert bench.queue.stats["failed"] == 1


async def test_a_target_that_cannot_be_reached_is_tried_again(bench):
    bench.dispatcher._client = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    bench.create("t")
    await bench.advance(0)
    task = bench.queue.tasks["t"]
    assert (task.dispatch_count, task.response_count, task.execution_count) == (1, 0, 0)


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


# Backoff


def test_the_documented_example():
    delays = [backoff(attempt, EXAMPLE).total_seconds() for attempt in range(1, 10)]
    assert delays == [10, 20, 40, 80, 160, 240, 300, 300, 300]


@pytest.mark.parametrize(
    ("retry", "delays"),
    [
        (RetryConfig(), [0.1, 0.2, 0.4, 0.8, 1.6]),
        (RetryConfig(min_backoff=5 * SECOND, max_backoff=12 * SECOND, max_doublings=0), [5, 10, 12, 12, 12]),
        (RetryConfig(min_backoff=7 * SECOND, max_backoff=7 * SECOND), [7, 7, 7, 7, 7]),
        (RetryConfig(min_backoff=SECOND, max_backoff=1000 * SECOND, max_doublings=5000), [1, 2, 4, 8, 16]),
    ],
)
def test_other_settings(retry, delays):
    assert [backoff(attempt, retry).total_seconds() for attempt in range(1, 6)] == delays


def test_a_thousand_doublings_do_not_overflow():
    assert backoff(5000, RetryConfig(max_doublings=5000)) == timedelta(hours=1)


async def test_the_example_on_the_clock(bench):
    bench.configure(EXAMPLE)
    bench.target.will_answer(*[500] * 8)
    bench.create()
    await bench.drain()
    assert bench.target.delays == [10, 20, 40, 80, 160, 240, 300, 300]


async def test_defaults_of_a_queue(bench):
    assert bench.queue.rates == RateLimits(500, 100, 1000)
    assert bench.queue.retry == RetryConfig(100, timedelta(0), 0.1 * SECOND, 3600 * SECOND, 16)


# Throttling by the service


@pytest.mark.parametrize("status", [429, 503])
async def test_429_and_503_back_off_more_than_configured(bench, status):
    bench.configure(EXAMPLE)
    bench.target.will_answer(status)
    bench.create()
    await bench.drain()
    assert bench.target.delays == [20]


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_minded(bench, status):
    bench.configure(EXAMPLE)
    bench.target.will_answer(Response(status_code=status, headers={"Retry-After": "1200"}))
    bench.create()
    await bench.drain()
    assert bench.target.delays == [1200]


async def test_retry_after_as_a_date(bench):
    bench.configure(EXAMPLE)
    bench.target.will_answer(Response(status_code=503, headers={"Retry-After": "Tue, 24 Nov 2026 07:00:00 GMT"}))
    bench.create()
    await bench.drain()
    assert bench.target.delays == [3600]


async def test_a_high_rate_of_errors_backs_off_too(make_bench):
    bench = await make_bench(throttling=Throttling(window=4, high_error_share=1.0))
    bench.configure(RetryConfig(min_backoff=10 * SECOND, max_backoff=10 * SECOND))
    bench.target.will_answer(*[500] * 5)
    bench.create()
    async with bench.dispatcher:
        await bench.drain()
    assert bench.target.delays == [10, 10, 10, 20, 20]


async def test_overload_slows_the_whole_queue_and_success_restores_it(bench):
    bench.configure(rates=RateLimits(10, 1, 100), retry=EXAMPLE)
    bench.target.will_answer(503)
    for _ in range(6):
        bench.create()
    await bench.advance(5)
    gaps = bench.target.delays[:5]
    assert gaps[0] == 0.2
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] == 0.1


async def test_a_new_queue_ramps_up_when_asked_to(make_bench):
    bench = await make_bench(throttling=Throttling(ramp_up=timedelta(seconds=100)))
    bench.configure(rates=RateLimits(1, 1, 10))
    for _ in range(3):
        bench.create()
    async with bench.dispatcher:
        await bench.drain()
    first, second = bench.target.delays
    assert first > second > 1


# Giving up

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("attempts", "elapsed", "max_attempts", "max_duration", "expected"),
    [
        (5, DAY, 5, timedelta(hours=1), True),
        (5, timedelta(minutes=59), 5, timedelta(hours=1), False),
        (4, DAY, 5, timedelta(hours=1), False),
        (10**6, 30 * DAY, -1, timedelta(0), False),
        (10**6, timedelta(minutes=59), -1, timedelta(hours=1), False),
        (2, timedelta(hours=1), -1, timedelta(hours=1), True),
        (5, timedelta(0), 5, timedelta(0), True),
        (4, 30 * DAY, 5, timedelta(0), False),
    ],
)
def test_only_when_every_limit_that_is_set_is_reached(attempts, elapsed, max_attempts, max_duration, expected):
    assert gives_up(attempts, elapsed, RetryConfig(max_attempts, max_duration)) is expected


async def test_attempts_go_on_until_the_duration_is_over_too(bench):
    bench.configure(RetryConfig(2, 60 * SECOND, 10 * SECOND, 10 * SECOND))
    bench.target.will_answer(*[500] * 50)
    bench.create()
    await bench.drain()
    assert bench.target.offsets == [0, 10, 20, 30, 40, 50, 60]


async def test_a_task_that_is_given_up_is_deleted_and_nobody_is_told(bench):
    bench.configure(RetryConfig(max_attempts=3))
    bench.target.will_answer(*[500] * 50)
    bench.create("t")
    await bench.drain()
    assert len(bench.target.requests) == 3
    assert bench.waiting == []
    assert bench.queue.stats["gave_up"] == 1


async def test_without_limits_a_task_lives_31_days(make_bench):
    bench = await make_bench(throttling=NO_THROTTLING)
    bench.configure(RetryConfig(-1, timedelta(0), timedelta(hours=6), timedelta(hours=6)))
    bench.target.will_answer(*[500] * 1000)
    bench.create()
    async with bench.dispatcher:
        await bench.advance(40 * DAY)
    assert len(bench.target.requests) == 31 * 4
    assert bench.queue.stats["expired"] == 1


async def test_a_paused_queue_loses_its_tasks_after_31_days(bench):
    bench.queue.pause()
    bench.create("t")
    await bench.advance(31 * DAY - SECOND)
    assert bench.waiting == ["t"]
    await bench.advance(SECOND)
    assert bench.waiting == []


async def test_a_task_may_bring_its_own_retries(bench):
    bench.target.will_answer(*[500] * 9)
    bench.create(retry=RetryConfig(max_attempts=2))
    assert await bench.drain() == 2


# Deadlines


async def test_an_attempt_is_cut_off_at_its_deadline_and_tried_again(bench):
    bench.configure(EXAMPLE)
    bench.target.will_answer(HANG)
    bench.create("t", dispatch_deadline=15 * SECOND)
    await bench.advance(14, patience=0.01)
    assert bench.queue.stats["cut_off"] == 0
    await bench.advance(1)
    assert bench.queue.stats["cut_off"] == 1
    await bench.advance(10)
    assert bench.target.offsets == [0, 25]
    assert bench.waiting == []


async def test_the_deadline_is_ten_minutes_unless_set(bench):
    bench.target.will_answer(HANG)
    bench.create()
    await bench.advance(599.9, patience=0.01)
    assert bench.queue.stats["cut_off"] == 0
    await bench.advance(0.1)
    assert bench.queue.stats["cut_off"] == 1


async def test_an_answer_before_the_deadline_counts(bench):
    bench.target.will_answer(HANG)
    bench.create()
    await bench.advance(500, patience=0.01)
    bench.target.released.set()
    await bench.drain()
    assert (bench.queue.stats["done"], bench.queue.stats["dispatched"]) == (1, 1)
