"""With the journal out of reach a request travels in a task of its own, and is whole when the journal is back."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace

import pytest

from fakes import START, FakeTill, House, order
from svyazka.engine.contracts.webhook import Inbound, RawRequest
from svyazka.engine.ports.store import Task
from svyazka.engine.worker import Worker
from svyazka.model.events import EventStatus, Fact, Unreadable


async def cut_off(house: House, *bodies: object) -> list[Task]:
    """Requests that come while the journal is out of reach, though their connection is known: the tasks they became."""
    connection = house.store.documents["connections", "kofe.till"]

    async def known(key: str) -> object:
        return connection

    house.store.connection = known  # type: ignore[method-assign,assignment]
    house.store.down = True
    for body in bodies:
        answer = await house.post(body)
        assert answer.status == 200
        assert json.loads(answer.body) == {"status": "accepted", "events": []}
    house.store.down = False
    return [task for task in house.store.tasks if task.path == "/salvage"]


async def test_what_could_not_be_journaled_is_journaled_later_as_of_its_arrival(house: House) -> None:
    (task,) = await cut_off(house, [order(1), "nonsense", order(2)])
    house.clock.step(3600)
    await house.run()
    assert sorted(record.status for record in house.events()) == [
        EventStatus.PLANNED, EventStatus.PLANNED, EventStatus.QUARANTINED,
    ]  # fmt: skip
    assert {record.event.received_at for record in house.events()} == {START}
    assert {record.event.origin for record in house.events()} == {"salvage"}
    assert len(house.sms.sent) == 2
    assert [alert.kind for alert in house.alerts()] == ["quarantined"]
    assert task.queue == "salvage"


async def test_the_task_holds_the_request_packed_and_no_key(house: House) -> None:
    (task,) = await cut_off(house, order(1))
    packed = base64.b64decode(task.body["request"])
    text = zlib.decompress(packed).decode()
    assert json.loads(json.loads(text)["body"]) == order(1)
    assert house.keyring.mint("till", "kofe", "till") not in text
    assert task.body["verified"] == "yes"


async def test_a_task_that_comes_twice_or_dies_half_way_makes_each_event_once(house: House) -> None:
    (task,) = await cut_off(house, [order(1), order(2)])
    commit, commits = house.store.commit, []

    async def dies(*args: object, **kwargs: object) -> object:
        commits.append(args)
        if len(commits) == 3:
            raise SystemExit
        return await commit(*args, **kwargs)  # type: ignore[arg-type]

    house.store.commit = dies  # type: ignore[method-assign,assignment]
    with pytest.raises(SystemExit):
        await house.worker.handle(task.path, task.body)
    house.store.commit = commit  # type: ignore[method-assign]
    house.start()
    for _ in range(2):
        assert await house.worker.handle(task.path, task.body) == 204
    await house.run()
    assert len(house.events()) == len(house.sms.sent) == 2


async def test_an_event_that_came_again_meanwhile_is_the_same_one(house: House) -> None:
    weak = {"status": "done", "phone": "+79991234567"}
    tasks = await cut_off(house, order(1), weak)
    house.store.tasks.clear()
    await house.post(order(1))
    await house.post(weak)
    for task in tasks:
        assert await house.worker.handle(task.path, task.body) == 204
    await house.run()
    assert len(house.events()) == len(house.sms.sent) == 2


async def test_a_weak_event_that_was_repeated_just_before_its_window_is_the_same_one(house: House) -> None:
    weak = {"status": "done", "phone": "+79991234567"}
    house.clock.step(12 * 3600 - 60)  # a minute before midnight: the dedupe window's end
    await house.post(weak)
    house.clock.step(120)
    (task,) = await cut_off(house, weak)
    await house.worker.handle(task.path, task.body)
    await house.run()
    assert len(house.events()) == len(house.sms.sent) == 1


async def test_what_cannot_be_read_is_kept_and_told(house: House) -> None:
    (task,) = await cut_off(house, order(1))
    garbage = base64.b64encode(
        zlib.compress(json.dumps({"method": "POST", "path": "/webhook_till", "body": "{oops"}).encode())
    ).decode()
    await house.worker.handle(task.path, {**task.body, "request": garbage})
    raws = [json.loads(d.data) for d in house.store.documents.values() if d.kind == "raws"]
    assert [(raw["status"], raw["request"]["body"]) for raw in raws] == [("quarantined", "{oops")]
    assert [alert.kind for alert in house.alerts()] == ["quarantined"]


async def test_a_mistake_in_our_parser_loses_nothing(house: House) -> None:
    class Broken(FakeTill):
        def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
            raise KeyError("whatever")

    (task,) = await cut_off(house, order(1))
    worker = Worker(house.hub, lambda vendor: Broken())
    assert await worker.handle(task.path, task.body) == 204
    (raw,) = [json.loads(d.data) for d in house.store.documents.values() if d.kind == "raws"]
    assert json.loads(raw["request"]["body"]) == order(1)


async def test_a_journal_that_is_still_out_of_reach_keeps_the_task(house: House) -> None:
    (task,) = await cut_off(house, order(1))
    house.store.down = True
    assert await house.worker.handle(task.path, task.body) == 503
    house.store.down = False
    assert await house.worker.handle(task.path, task.body) == 204
    assert len(house.events()) == 1


async def test_a_connection_that_is_gone_leaves_nothing_to_do(house: House) -> None:
    (task,) = await cut_off(house, order(1))
    assert await house.worker.handle(task.path, {**task.body, "connection": "gone"}) == 204
    assert house.events() == []


async def test_with_queue_and_journal_out_of_reach_the_vendor_is_asked_to_repeat(house: House) -> None:
    connection = house.store.documents["connections", "kofe.till"]

    async def known(key: str) -> object:
        return connection

    house.store.connection = known  # type: ignore[method-assign,assignment]
    house.store.down = house.store.queue_down = True
    answer = await house.post(order(1))
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert replace(answer).body
