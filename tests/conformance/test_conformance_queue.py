"""Does every task reach the worker, not before its time, and a named one once?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from conformance.documents import TEXT, bare
from conformance.harness import Handed
from svyazka.engine.ports.store import Create, Replace, Task
from svyazka.model.errors import Conflict


@pytest.fixture
def queue(backend):
    return backend.queue


def due_in(backend, seconds: float, body: str = "x", name: str | None = None) -> Task:
    return Task("plan", "/plan", {"event": body}, backend.now() + timedelta(seconds=seconds), name)


async def test_path_and_body_arrive_as_they_were_given(backend, queue):
    body = {"delivery": "dlv_1", "text": TEXT, "empty": ""}
    await queue.enqueue([Task("smsru", "/perform", body), Task("salvage", "/salvage", {"a": "1"})])
    assert await backend.deliver() == [Handed("/perform", body), Handed("/salvage", {"a": "1"})]


async def test_a_large_body(backend, queue):
    body = {"request": "7b" * 350_000}
    await queue.enqueue([Task("salvage", "/salvage", body)])
    assert await backend.deliver() == [Handed("/salvage", body)]


async def test_nothing_to_hand_over(backend, queue):
    await queue.enqueue([])
    assert await backend.deliver(3600) == []


async def test_many_at_once(backend, queue):
    keys = [f"e{number:03}" for number in range(120)]
    await queue.enqueue([Task("plan", "/plan", {"event": key}) for key in keys])
    assert [handed.body["event"] for handed in await backend.deliver(10)] == keys


async def test_none_comes_before_it_is_due(backend, queue):
    await queue.enqueue([due_in(backend, 60)])
    assert await backend.deliver(58) == []
    assert await backend.deliver(4) == [Handed("/plan", {"event": "x"})]


async def test_what_was_due_long_ago_comes_at_once(backend, queue):
    await queue.enqueue([due_in(backend, -86400)])
    assert await backend.deliver() == [Handed("/plan", {"event": "x"})]


async def test_days_ahead(backend, queue):
    await queue.enqueue([due_in(backend, 20 * 86400)])
    assert await backend.deliver(20 * 86400 - 60) == []
    assert len(await backend.deliver(120)) == 1


@pytest.mark.parametrize("refusal", [500, 503, 404, 429, 302])
async def test_it_comes_again_until_its_work_is_done(backend, queue, refusal):
    backend.worker.script.extend([refusal, refusal, 204])
    await queue.enqueue([Task("plan", "/plan", {"event": "x"})])
    handed = [len(await backend.deliver(600)) for _ in range(3)]
    assert sum(handed) == 3
    assert await backend.deliver(86400) == []


@pytest.mark.parametrize("status", [200, 204])
async def test_done_is_done(backend, queue, status):
    backend.worker.script.append(status)
    await queue.enqueue([Task("plan", "/plan", {"event": "x"})])
    assert len(await backend.deliver()) == 1
    assert await backend.deliver(86400) == []


async def test_two_of_one_name_are_one(backend, queue):
    """Also within one call, and also once the first has run."""
    await queue.enqueue([due_in(backend, 0, "a", "имя/1"), due_in(backend, 0, "b", "имя/1")])
    await queue.enqueue([due_in(backend, 0, "c", "имя/1"), due_in(backend, 0, "d", "имя/2")])
    first = [handed.body["event"] for handed in await backend.deliver(5)]
    assert len(first) == 2
    assert first[1] == "d"
    await queue.enqueue([due_in(backend, 0, "e", "имя/1")])
    assert await backend.deliver(60) == []


async def test_two_without_a_name_are_two(backend, queue):
    await queue.enqueue([Task("plan", "/plan", {"event": "x"})] * 2)
    assert len(await backend.deliver()) == 2


# Tasks of a commit


async def test_a_commits_tasks_follow_it(backend, store):
    tasks = [Task("smsru", "/perform", {"delivery": "d"}), due_in(backend, 60)]
    await store.commit([Create(bare("deliveries", "d"))], tasks)
    assert await backend.deliver() == [Handed("/perform", {"delivery": "d"})]
    assert await backend.deliver(61) == [Handed("/plan", {"event": "x"})]


async def test_a_commit_that_was_refused_hands_nothing_over(backend, store):
    (version,) = await store.commit([Create(bare("deliveries", "d"))])
    await store.commit([Replace(bare("deliveries", "d", b"1", version))])
    with pytest.raises(Conflict):
        await store.commit([Replace(bare("deliveries", "d", b"2", version))], [Task("plan", "/plan", {"event": "x"})])
    assert await backend.deliver(3600) == []


async def test_a_commit_of_tasks_alone(backend, store):
    assert await store.commit([], [Task("plan", "/plan", {"event": "x"})]) == []
    assert len(await backend.deliver()) == 1
