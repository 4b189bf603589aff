"""What a target sees of an attempt: PLATFORM section 2, the headers recorded from the real service."""

from __future__ import annotations

from datetime import timedelta

import pytest

from simulators.cloudtasks import HttpMethod, HttpRequest, OidcToken, RetryConfig

URL = "http://worker.test/plan"
HANG = 0

RECORDED = (
    # answer before, RetryCount, ExecutionCount, PreviousResponse, RetryReason
    (None, "0", "0", None, None),
    (503, "1", "0", "503", ""),
    (404, "2", "1", "404", ""),
    (429, "3", "2", "429", ""),
    (500, "4", "2", "500", ""),
    (302, "5", "3", "302", ""),
)


async def test_the_recorded_table_holds_row_by_row(bench):
    bench.target.will_answer(503, 404, 429, 500, 302, 200)
    bench.create()
    await bench.drain()
    seen = zip(
        bench.target.header("TaskRetryCount"),
        bench.target.header("TaskExecutionCount"),
        bench.target.header("TaskPreviousResponse"),
        bench.target.header("TaskRetryReason"),
        strict=True,
    )
    assert list(seen) == [row[1:] for row in RECORDED]
    assert bench.waiting == []


async def test_after_a_timeout_the_previous_response_is_504_and_the_execution_is_not_counted(bench):
    bench.target.will_answer(HANG, 200)
    bench.create()
    await bench.advance(0, patience=0.01)
    await bench.advance(timedelta(minutes=11), patience=0.01)
    assert bench.target.header("TaskRetryCount") == ["0", "1"]
    assert bench.target.header("TaskExecutionCount") == ["0", "0"]
    assert bench.target.header("TaskPreviousResponse") == [None, "504"]
    assert bench.target.header("TaskRetryReason") == [None, ""]


async def test_what_every_attempt_carries(bench):
    bench.create("hash-1", after=1.5, body=b"raw")
    await bench.drain()
    (request,) = bench.target.requests
    assert request.method == "POST"
    assert dict(request.headers) == {
        "host": "worker.test",
        "content-length": "3",
        "content-type": "application/octet-stream",
        "user-agent": "Google-Cloud-Tasks",
        "x-cloudtasks-queuename": "plan",
        "x-cloudtasks-taskname": "hash-1",
        "x-cloudtasks-taskretrycount": "0",
        "x-cloudtasks-taskexecutioncount": "0",
        "x-cloudtasks-tasketa": f"{request_eta(bench):.6f}",
    }
    assert bench.target.bodies == [b"raw"]


def request_eta(bench) -> float:
    return bench.target.times[0].timestamp()


async def test_the_eta_of_a_retry_is_the_time_it_was_due(bench):
    bench.configure(RetryConfig(min_backoff=timedelta(seconds=10)))
    bench.target.will_answer(500)
    bench.create()
    await bench.drain()
    first, second = (float(eta) for eta in bench.target.header("TaskETA"))
    assert second - first == 10


@pytest.mark.parametrize("name", ["User-Agent", "host", "Content-Length", "X-Google-Id", "X-CloudTasks-TaskName"])
async def test_headers_that_a_task_cannot_set(bench, name):
    bench.create("t", request=HttpRequest(URL, headers={name: "mine", "X-Own": "kept"}, body=b"{}"))
    await bench.drain()
    headers = bench.target.requests[0].headers
    assert headers.get(name) != "mine"
    assert headers["X-Own"] == "kept"


async def test_a_content_type_and_a_method_that_are_set_are_kept(bench):
    request = HttpRequest(URL, HttpMethod.PUT, {"content-type": "application/json"}, b"{}")
    bench.create(request=request)
    await bench.drain()
    assert bench.target.requests[0].method == "PUT"
    assert bench.target.requests[0].headers.getlist("content-type") == ["application/json"]


async def test_a_token_takes_the_place_of_an_authorization_header(bench):
    token = OidcToken("worker@p.iam.gserviceaccount.com")
    bench.create(request=HttpRequest(URL, headers={"authorization": "Basic x"}, oidc_token=token))
    await bench.drain()
    (value,) = bench.target.requests[0].headers.getlist("authorization")
    assert value.startswith("Bearer ey")
