"""Is the way in durable, or says so in time, whatever is away?"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backends.google.deployment import ACCOUNT, WORKER_URL
from conformance.documents import SALVAGE, arrival, bare, event
from conformance.harness import Handed
from simulators.cloudtasks import Mode
from svyazka.backends.google import inbox as inbox_module
from svyazka.backends.google.inbox import RestInbox
from svyazka.engine.ports.store import Create, Put, Task
from svyazka.engine.rules.deadlines import ACCEPT_LIMIT
from svyazka.engine.security.keyring import Keyring
from svyazka.model.errors import ConfigError, Unavailable

SALVAGED = Handed("/salvage", dict(SALVAGE.task.body))


@pytest.fixture
def hasty(proxied):
    """An inbox with a quarter of its budget, for tests that wait until it is over."""
    return RestInbox(proxied.documents, proxied.rest_tasks, ACCEPT_LIMIT / 4)


@pytest.fixture
def usual(proxied):
    """One with the budget that it really has."""
    return RestInbox(proxied.documents, proxied.rest_tasks)


# The journal away


@pytest.mark.parametrize("how", ["down", "hang"])
async def test_without_the_journal_the_request_is_salvaged(proxied, wire, hasty, how):
    wire.breaks(how)
    assert await hasty.accept([arrival("a"), arrival("b")], bare("raws", "r"), SALVAGE) is None
    assert await proxied.deliver() == [SALVAGED]


async def test_a_journal_that_wrote_and_could_not_say_so_is_salvaged_too(proxied, wire, hasty):
    """The salvage then finds the event there, and queues it again."""
    wire.breaks("lost")
    assert await hasty.accept([arrival("a")], None, SALVAGE) is None
    assert await proxied.deliver() == [SALVAGED]
    assert await proxied.store.get("events", "a") is not None


@pytest.mark.parametrize("how", ["down", "hang"])
async def test_a_request_that_must_not_be_salvaged_is_refused(proxied, wire, hasty, how):
    wire.breaks(how)
    with pytest.raises(Unavailable):
        await hasty.accept([arrival("a")], None, None)
    assert await proxied.deliver(3600) == []


async def test_a_duplicate_that_could_not_be_read_is_salvaged(proxied, wire, usual):
    await usual.accept([arrival("a")], None, SALVAGE)
    await proxied.deliver()
    wire.codes = [6]
    wire.bill.calls.clear()

    async def break_after_the_write() -> None:
        while "batchWrite" not in wire.bill.calls:
            await asyncio.sleep(0)
        wire.breaks("down")

    breaking = asyncio.create_task(break_after_the_write())
    assert await usual.accept([arrival("a")], None, SALVAGE) is None
    await breaking
    assert await proxied.deliver() == [SALVAGED]


@pytest.mark.parametrize("code", [4, 8, 10, 13, 14])
async def test_an_item_that_met_another_writer_is_tried_again(proxied, wire, code):
    wire.codes = [code]
    assert await proxied.inbox.accept([arrival("a"), arrival("b")], bare("raws", "r"), SALVAGE) == [None, None]
    assert [handed.body for handed in await proxied.deliver()] == [{"event": "a"}, {"event": "b"}]


async def test_one_that_is_never_written_sends_the_whole_request_to_salvage(proxied, wire, usual):
    wire.codes = [3]  # INVALID_ARGUMENT: no second try would change it
    assert await usual.accept([arrival("a"), arrival("b")], None, SALVAGE) is None
    assert await proxied.deliver() == [SALVAGED]
    assert await proxied.store.get("events", "b") is not None


# The queue away


@pytest.mark.parametrize("how", [Mode.DOWN, Mode.HANG, Mode.LOST])
async def test_without_the_queue_the_event_is_journaled_all_the_same(proxied, usual, how):
    """200: its `wake_at` brings the sweep."""
    proxied.breaks(how)
    assert await usual.accept([arrival("a")], None, SALVAGE) == [None]
    found = await proxied.store.get("events", "a")
    assert found.fields["wake_at"] == event("a").fields["wake_at"]
    proxied.mends()


@pytest.mark.parametrize("how", [Mode.DOWN, Mode.HANG])
async def test_a_task_that_must_be_handed_over_again_says_when_it_could_not_be(proxied, hasty, how):
    proxied.breaks(how)
    with pytest.raises(Unavailable):
        await hasty.enqueue([Task("plan", "/plan", {"event": "a"})])
    proxied.mends()
    await hasty.enqueue([Task("plan", "/plan", {"event": "a"})])
    assert len(await proxied.deliver()) == 1


# Both


@pytest.mark.parametrize("journal", ["down", "hang"])
@pytest.mark.parametrize("queue", [Mode.DOWN, Mode.HANG])
async def test_without_both_it_says_so_within_the_budget(proxied, wire, hasty, journal, queue):
    wire.breaks(journal)
    proxied.breaks(queue)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await hasty.accept([arrival("a")], None, SALVAGE)
    assert time.monotonic() - began < ACCEPT_LIMIT
    proxied.mends()


# The connection


@pytest.fixture
async def till(proxied):
    """A connection, and how to change it."""

    async def change(text: bytes) -> None:
        await proxied.store.commit([Put(bare("connections", "kofe.till", text, tenant="kofe", vendor="iiko"))])

    await change(b'"first"')
    return change


async def test_a_connection_is_read_once_in_a_few_seconds(proxied, wire, till):
    for _ in range(5):
        assert (await proxied.inbox.connection("kofe.till")).data == b'"first"'
    assert wire.bill.calls.count("batchGet") == 1


async def test_then_it_is_read_anew(proxied, till, monkeypatch):
    await proxied.inbox.connection("kofe.till")
    await till(b'"second"')
    monkeypatch.setattr(inbox_module, "FRESH_FOR", 0.0)
    assert (await proxied.inbox.connection("kofe.till")).data == b'"second"'


@pytest.mark.parametrize("how", ["down", "hang"])
async def test_an_old_one_serves_while_the_store_is_away(wire, usual, till, monkeypatch, how):
    await usual.connection("kofe.till")
    monkeypatch.setattr(inbox_module, "FRESH_FOR", 0.0)
    wire.breaks(how)
    assert (await usual.connection("kofe.till")).data == b'"first"'


async def test_the_store_is_not_asked_in_vain_for_every_request(wire, usual, till):
    await usual.connection("kofe.till")
    usual._known["connections", "kofe.till"].asked_at -= inbox_module.FRESH_FOR
    wire.breaks("down", times=2)  # a kept connection, and a fresh one
    for _ in range(5):
        assert (await usual.connection("kofe.till")).data == b'"first"'
    assert (wire.times, wire.bill.calls.count("batchGet")) == (0, 1)


async def test_but_not_for_ever(wire, usual, till, monkeypatch):
    await usual.connection("kofe.till")
    monkeypatch.setattr(inbox_module, "FRESH_FOR", 0.0)
    monkeypatch.setattr(inbox_module, "STALE_FOR", 0.0)
    wire.breaks("down")
    with pytest.raises(Unavailable):
        await usual.connection("kofe.till")


@pytest.mark.parametrize("how", ["down", "hang"])
async def test_one_that_was_never_read_is_unavailable(wire, hasty, how):
    wire.breaks(how)
    with pytest.raises(Unavailable):
        await hasty.connection("kofe.till")


async def test_that_there_is_none_is_remembered_as_briefly(proxied, wire, till):
    assert await proxied.inbox.connection("kofe.new") is None
    assert await proxied.inbox.connection("kofe.new") is None
    assert wire.bill.calls == ["Commit", "batchGet"]


async def test_finding_the_connection_and_accepting_share_one_budget(proxied, wire, hasty):
    """A slow look leaves less for the rest; never so little that nothing could be done."""
    began = time.monotonic()
    wire.breaks("hang")
    with pytest.raises(Unavailable):
        await hasty.connection("kofe.till")
    assert await hasty.accept([arrival("a")], None, SALVAGE) is None
    assert time.monotonic() - began < ACCEPT_LIMIT
    assert await proxied.deliver() == [SALVAGED]


# As deployed


def environment(monkeypatch, proxied, **other: str) -> None:
    given = {
        "SVYAZKA_PROJECT": proxied.project,
        "SVYAZKA_REGION": "europe-west1",
        "SVYAZKA_WORKER_URL": WORKER_URL,
        "SVYAZKA_WORKER_ACCOUNT": ACCOUNT,
        "SVYAZKA_TASKS_URL": proxied.tasks.url,
        "GCE_METADATA_HOST": proxied.tasks.metadata_host,
    }
    for name, value in {**given, **other}.items():
        monkeypatch.setenv(name, value)


async def test_the_environment_makes_the_inbox(google, firestore, monkeypatch):
    environment(monkeypatch, google)
    await google.store.commit([Create(bare("connections", "kofe.till"))])
    made = RestInbox.from_environment()
    made._limit = google.inbox._limit
    assert await made.connection("kofe.till") is not None
    assert await made.accept([arrival("a")], None, SALVAGE) == [None]
    assert await google.deliver() == [Handed("/plan", {"event": "a"})]
    await made.close()


@pytest.mark.parametrize("name", ["PROJECT", "REGION", "WORKER_URL", "WORKER_ACCOUNT"])
async def test_what_is_missing_of_it_is_named_at_the_start(google, monkeypatch, name):
    environment(monkeypatch, google, **{f"SVYAZKA_{name}": ""})
    with pytest.raises(ConfigError, match=f"SVYAZKA_{name}"):
        RestInbox.from_environment()


ROOT = Path(__file__).parents[3]
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/webhook_*/main.py"))
FORBIDDEN = (
    "google.api_core", "google.auth", "google.protobuf", "google.cloud.firestore", "google.cloud.firestore_v1",
    "google.cloud.tasks_v2", "google.cloud.secretmanager_v1", "grpc", "proto", "httpx", "httpcore", "requests",
    "urllib3", "phonenumbers", "cryptography", "typer", "rich", "sqlite3", "yaml", "pydantic_settings",
    "svyazka.connectors.registry", "svyazka.settings", "svyazka.engine.contracts.calls", "svyazka.engine.hub",
    "svyazka.engine.journal.kinds", "svyazka.model.deliveries", "svyazka.model.commands",
)  # fmt: skip

LOAD = """
import importlib.util, json, sys
loaded = {}
for function in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("main", f"functions/{function}/main.py")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    loaded[function] = sorted(sys.modules)
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """Modules after each function, all in one process of their own: what none may load, all together don't."""
    environment = {
        "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": "p", "SVYAZKA_REGION": "r", "SVYAZKA_WORKER_URL": WORKER_URL,
        "SVYAZKA_WORKER_ACCOUNT": ACCOUNT, "SVYAZKA_MINT_KEYS": Keyring.generate(),
        "SVYAZKA_VERIFY_KEYS": Keyring.generate(),
    }  # fmt: skip
    command = [sys.executable, "-c", LOAD, *FUNCTIONS]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_webhook_function_loads_nothing_that_it_does_not_need(loaded, function):
    below = tuple(f"{name}." for name in FORBIDDEN)
    assert "svyazka.backends.google.inbox" in loaded[function]
    assert [name for name in loaded[function] if name in FORBIDDEN or name.startswith(below)] == []
