"""Is the way in durable, item by item, and does a duplicate find what is there?"""

from __future__ import annotations

import base64
import random
from datetime import timedelta

import pytest

from conformance.documents import SALVAGE, T0, arrival, bare, content, event
from conformance.harness import Handed
from svyazka.engine.ports.claims import claimants, claims_document
from svyazka.engine.ports.store import Create, Delete, Document, NewEvent, Put, Task


def raw(key: str = "raw", data: bytes = b"{}") -> Document:
    return bare("raws", key, data, tenant="kofe", received_at=T0)


@pytest.fixture
def inbox(backend):
    return backend.inbox


async def test_an_event_is_journaled_and_its_task_handed_over(backend, inbox, store):
    assert await inbox.accept([arrival("a")], None, SALVAGE) == [None]
    assert content(await store.get("events", "a")) == content(event("a"))
    assert await backend.deliver() == [Handed("/plan", {"event": "a"})]


async def test_claims_are_read_as_they_were_written(inbox, store):
    assert await inbox.claims("claims.whatsapp.1") is None
    await store.commit([Create(claims_document("claims.whatsapp.2", ["b.wa", "a.wa"], None))])
    assert claimants(await inbox.claims("claims.whatsapp.2")) == ("a.wa", "b.wa")


async def test_what_asks_for_no_task_gets_none(backend, inbox, store):
    assert await inbox.accept([NewEvent(event("a", status="ignored"))], None, SALVAGE) == [None]
    assert await store.get("events", "a") is not None
    assert await backend.deliver(3600) == []


async def test_a_duplicate_answers_what_is_there_and_queues_nothing(backend, inbox, store):
    await inbox.accept([arrival("a", b'"first"')], None, SALVAGE)
    await backend.deliver()
    there = await store.get("events", "a")
    (present,) = await inbox.accept([arrival("a", b'"second"')], None, SALVAGE)
    assert (present.key, content(present)) == (("events", "a"), content(there))
    assert await store.get("events", "a") == there
    assert await backend.deliver(3600) == []


async def test_a_duplicate_shows_how_far_the_event_is_by_now(inbox, store):
    await inbox.accept([arrival("a")], None, SALVAGE)
    await store.commit([Put(event("a", b'"planned"', status="planned"))])
    (present,) = await inbox.accept([arrival("a")], None, SALVAGE)
    assert (present.fields["status"], present.data) == ("planned", b'"planned"')


async def test_items_do_not_refuse_each_other(backend, inbox, store):
    await inbox.accept([arrival("b"), arrival("d")], None, SALVAGE)
    await backend.deliver()
    found = await inbox.accept([arrival(key) for key in "abcde"], raw(), SALVAGE)
    assert [document and document.id for document in found] == [None, "b", None, "d", None]
    assert None not in await store.get_many([("events", key) for key in "abcde"])
    assert [handed.body["event"] for handed in await backend.deliver()] == ["a", "c", "e"]


async def test_the_raw_request_is_written_once_and_then_left(inbox, store):
    await inbox.accept([arrival("a")], raw(data=b'"first"'), SALVAGE)
    assert await inbox.accept([arrival("b")], raw(data=b'"second"'), SALVAGE) == [None]
    assert (await store.get("raws", "raw")).data == b'"first"'


async def test_a_raw_request_alone(inbox, store):
    assert await inbox.accept([], raw(), SALVAGE) == []
    assert await store.get("raws", "raw") is not None


async def test_many_items_of_one_request(backend, inbox, store):
    """More than fit in one call of any store."""
    keys = [f"e{number:03}" for number in range(620)]
    await inbox.accept([arrival(key) for key in keys[::50]], None, SALVAGE)
    found = await inbox.accept([NewEvent(event(key)) for key in keys], raw(), SALVAGE)
    assert [document.id for document in found if document] == keys[::50]
    assert None not in await store.get_many([("events", key) for key in keys])


async def test_the_largest_body(inbox, store):
    body = base64.b64encode(random.Random(1).randbytes(512 * 1024))
    assert await inbox.accept([arrival("a", b'{"body":"' + body + b'"}')], None, None) == [None]
    assert (await store.get("events", "a")).data == b'{"body":"' + body + b'"}'


async def test_without_a_salvage_it_works_the_same(inbox):
    assert await inbox.accept([arrival("a")], None, None) == [None]


# Weak identities


def weak(key: str, earlier: str, since: float) -> NewEvent:
    return NewEvent(event(key), Task("plan", "/plan", {"event": key}), earlier, T0 + timedelta(seconds=since))


async def test_a_weak_event_of_the_window_before_is_the_same_one(backend, inbox, store):
    await inbox.accept([arrival("before")], None, SALVAGE)
    await backend.deliver()
    (present,) = await inbox.accept([weak("now", "before", since=-1)], None, SALVAGE)
    assert present.id == "before"
    assert await store.get("events", "now") is None
    assert await backend.deliver(3600) == []


async def test_its_own_moment_still_counts_and_the_next_microsecond_not(inbox, store):
    await inbox.accept([arrival("before")], None, SALVAGE)
    (present,) = await inbox.accept([weak("in", "before", since=0)], None, SALVAGE)
    assert present.id == "before"
    assert await inbox.accept([weak("out", "before", since=0.000001)], None, SALVAGE) == [None]
    assert await store.get("events", "out") is not None


async def test_a_weak_event_with_nothing_before_it_is_new(backend, inbox):
    assert await inbox.accept([weak("now", "before", since=-1)], None, SALVAGE) == [None]
    (present,) = await inbox.accept([weak("now", "before", since=-1)], None, SALVAGE)
    assert present.id == "now"
    assert len(await backend.deliver()) == 1


async def test_weak_and_strong_in_one_request(inbox):
    await inbox.accept([arrival("before"), arrival("strong")], None, SALVAGE)
    items = [weak("w1", "before", since=-1), arrival("strong"), weak("w2", "none", since=-1), arrival("new")]
    found = await inbox.accept(items, None, SALVAGE)
    assert [document and document.id for document in found] == ["before", "strong", None, None]


# Tasks again, connections


async def test_a_task_can_be_handed_over_again(backend, inbox):
    await inbox.accept([arrival("a")], None, SALVAGE)
    await backend.deliver()
    await inbox.enqueue([Task("plan", "/plan", {"event": "a"})])
    assert await backend.deliver() == [Handed("/plan", {"event": "a"})]


async def test_no_tasks_again(inbox):
    await inbox.enqueue([])


async def test_a_connection_is_read_as_it_was_written(inbox, store):
    given = bare("connections", "kofe.till", b'{"wants":["order.completed"]}', tenant="kofe", vendor="iiko")
    await store.commit([Create(given)])
    found = await inbox.connection("kofe.till")
    assert (found.key, content(found)) == (given.key, content(given))


async def test_a_connection_that_is_not_there(inbox, store):
    await store.commit([Create(bare("connections", "kofe.gone"))])
    await store.commit([Delete("connections", "kofe.gone")])
    assert await inbox.connection("kofe.gone") is None


# What the front door counts by


def place(number: int) -> Document:
    return Document("takes", f"a.{number}", {"expire_at": T0 + timedelta(days=1)}, b'{"n": 1}')


async def test_of_many_who_want_one_place_one_gets_it(inbox, store):
    assert await inbox.create([place(1), place(2)]) == [True, True]
    assert await inbox.create([place(2), place(3)]) == [False, True]
    wanting = [inbox.create([place(9)]) for _ in range(8)]
    assert sorted([(await each)[0] for each in wanting]) == [False] * 7 + [True]
    found = await inbox.get_many([place(3).key, ("takes", "none"), place(1).key])
    assert [one and one.id for one in found] == ["a.3", None, "a.1"]
    assert found[0].data == b'{"n": 1}'
    assert await inbox.create([]) == []
