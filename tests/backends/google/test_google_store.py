"""Does the store know what became of its writes, and say so when it can't?"""

from __future__ import annotations

import asyncio
import os
import time

import pytest
from google.auth.exceptions import DefaultCredentialsError

from conformance.documents import bare
from simulators.cloudtasks import Mode
from svyazka.backends.google import store as store_module
from svyazka.backends.google.store import FirestoreStore
from svyazka.engine.journal.kinds import DUE_EVENTS, RECENT_EVENTS
from svyazka.engine.ports.schema import Query
from svyazka.engine.ports.store import Create, Delete, Document, Put, Replace, Task
from svyazka.model.errors import ConfigError, Conflict, Unavailable, Unstorable
from svyazka.settings import Settings


@pytest.fixture
async def hasty(proxied):
    """A store that soon gives up."""
    made = FirestoreStore(proxied.project, proxied.queue, limit=0.4)
    yield made
    await made.close()


# Away


@pytest.mark.parametrize("how", ["down", "hang"])
async def test_every_operation_says_when_there_is_no_answer(wire, hasty, how):
    wire.breaks(how)
    began = time.monotonic()
    for operation in (
        hasty.get("events", "a"),
        hasty.get_many([("events", "a"), ("events", "b")]),
        hasty.find(RECENT_EVENTS),
        hasty.commit([Create(bare("events", "a"))]),
    ):
        with pytest.raises(Unavailable):
            await operation
    assert time.monotonic() - began < 8


async def test_a_short_trouble_is_outlasted(wire, proxied):
    await proxied.store.commit([Create(bare("events", "a"))])
    for operation in (
        lambda: proxied.store.get("events", "a"),
        lambda: proxied.store.find(RECENT_EVENTS),
        lambda: proxied.store.commit([Put(bare("events", "b"))]),
    ):
        wire.breaks("down", times=2)
        await operation()


async def test_a_commit_that_is_refused_while_its_keys_cannot_be_read_is_unavailable(wire, hasty, proxied):
    await proxied.store.commit([Create(bare("events", "a")), Create(bare("events", "b"))])

    async def break_after_the_refusal() -> None:
        seen = len(wire.bill.calls)
        while len(wire.bill.calls) == seen:
            await asyncio.sleep(0)
        wire.breaks("down")

    breaking = asyncio.create_task(break_after_the_refusal())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await hasty.commit([Create(bare("events", "a")), Create(bare("events", "b"))])
    await breaking


# Done, and the answer lost


async def test_a_commit_whose_answer_was_lost_is_known_again(wire, proxied):
    """Else its own second try would look like somebody else's claim."""
    wire.breaks("lost", times=1)
    versions = await proxied.store.commit([Create(bare("events", "a", b"1")), Put(bare("events", "b"))])
    found = await proxied.store.get_many([("events", "a"), ("events", "b")])
    assert versions == [document.version for document in found]
    (version,) = await proxied.store.commit([Replace(bare("events", "a", b"2", versions[0]))])
    wire.breaks("lost", times=1)
    (version,) = await proxied.store.commit([Replace(bare("events", "a", b"3", version))])
    assert (await proxied.store.get("events", "a")).version == version


async def test_a_deletion_among_its_writes_is_no_obstacle(wire, proxied):
    (a, b) = await proxied.store.commit([Create(bare("events", "a")), Create(bare("events", "b"))])
    wire.breaks("lost", times=1)
    versions = await proxied.store.commit([Replace(bare("events", "a", b"2", a)), Delete("events", "b", b)])
    assert versions == [(await proxied.store.get("events", "a")).version, ""]


async def test_another_mans_equal_write_is_not_taken_for_ours(wire, proxied):
    """A try that never came through, and meanwhile somebody writes the very same."""
    (version,) = await proxied.store.commit([Create(bare("deliveries", "d", b"open"))])
    claim = Replace(bare("deliveries", "d", b"claimed", version))
    wire.breaks("down", times=1)
    ours = asyncio.create_task(proxied.store.commit([claim]))
    while wire.times:
        await asyncio.sleep(0)
    await FirestoreStore(proxied.project, proxied.queue).commit([claim])
    with pytest.raises(Conflict) as refused:
        await ours
    assert refused.value.keys == [("deliveries", "d")]


# Costs


async def test_a_single_condition_that_fails_costs_no_read(wire, proxied):
    await proxied.store.commit([Create(bare("events", "a"))])
    wire.bill.calls.clear()
    with pytest.raises(Conflict):
        await proxied.store.commit([Create(bare("events", "a")), Put(bare("events", "b"))])
    assert (wire.bill.calls, wire.bill.reads) == (["Commit"], 0)


async def test_the_same_key_twice_is_read_once(wire, proxied):
    await proxied.store.get_many([("events", "a"), ("events", "a")])
    assert wire.bill.reads == 1


async def test_a_page_reads_no_document_beyond_its_limit(wire, proxied):
    await proxied.store.commit([Create(bare("events", f"e{n}", received_at=proxied.now())) for n in range(5)])
    await proxied.store.find(RECENT_EVENTS, limit=2)
    assert wire.bill.reads == 2


# Tasks of a commit


async def test_a_commit_stands_when_its_tasks_could_not_be_queued(proxied):
    proxied.breaks(Mode.DOWN)
    proxied.queue._limit = 0.2
    (version,) = await proxied.store.commit([Create(bare("events", "a"))], [Task("plan", "/plan", {"event": "a"})])
    assert (await proxied.store.get("events", "a")).version == version
    proxied.mends()


# The table of queries, settings


async def test_a_query_outside_the_table_is_refused(proxied):
    with pytest.raises(ValueError, match="declares"):
        await proxied.store.find(Query("by_type", "events", equal=("type",)), equal={"type": "x"})
    assert (await proxied.store.find(DUE_EVENTS, at_most=proxied.now())).documents == []


def test_without_a_project_it_says_what_is_missing(proxied):
    with pytest.raises(ConfigError, match="SVYAZKA_PROJECT"):
        FirestoreStore.from_settings(Settings(backend="google"), proxied.queue)


async def test_without_credentials_it_says_what_to_do(proxied, monkeypatch):
    def nobody(*_: object) -> None:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr(store_module, "AsyncClient", nobody)
    made = FirestoreStore.from_settings(Settings(backend="google", project="p"), proxied.queue)
    with pytest.raises(ConfigError, match="gcloud auth"):
        await made.get("events", "a")


def test_it_may_be_made_before_there_is_a_loop(proxied):
    """A function's module is loaded before its server begins: no channel may be bound to anything by then."""
    made = FirestoreStore(proxied.project, proxied.queue)
    assert "_client" not in made.__dict__


async def test_a_document_larger_than_firestore_takes_is_unstorable(google):
    """Said at once and by its name: to wait for a better day would be in vain."""
    document = Document("meta", "large", {}, os.urandom(2 * 1024 * 1024))
    with pytest.raises(Unstorable):
        await google.store.commit([Put(document)])
