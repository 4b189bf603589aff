"""The two processes of one machine: no tick ends for a mistake, no caller who leaves is an alarm, no key is logged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from fakes import MemoryStore, SteppedClock, keyring
from svyazka.backends.local.store import LocalStore
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.errors import Unavailable
from svyazka.model.tenants import CompiledConnection
from svyazka.server.accept import AcceptApp
from svyazka.server.work import _every
from svyazka.way_in import local_keyring, webhook

Message = MutableMapping[str, Any]


# Ticks


@pytest.mark.parametrize(
    "trouble", [Unavailable("down"), KeyError("whatever"), ValueError("+79991234567"), OSError("disk")]
)
async def test_a_tick_that_fails_is_logged_and_the_next_one_comes_all_the_same(
    trouble: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    stop, ticks = asyncio.Event(), 0

    async def work() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            stop.set()
            return
        raise trouble

    await asyncio.wait_for(_every(0.001, 1.0, stop, work), 10)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ticks == 3
    assert [(line["message"], line["error"]) for line in lines] == [("tick failed", type(trouble).__name__)] * 2
    assert "9991234567" not in str(lines)


# The way in


class Caller:
    """Somebody who calls the accepting process, straight over ASGI."""

    def __init__(self, store: MemoryStore) -> None:
        self.keyring = keyring()
        self.app = AcceptApp(store, self.keyring, SteppedClock())

    async def call(self, path: str, *messages: Message, method: str = "POST", query: bytes = b"") -> list[Message]:
        """What is answered; after `messages` the caller is gone."""
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query,
            "headers": [(b"content-type", b"application/json")],
        }  # fmt: skip
        coming, answered = list(messages), []

        async def receive() -> Message:
            return coming.pop(0) if coming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            answered.append(message)

        await self.app(scope, receive, send)
        return answered


def body(content: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    till = CompiledConnection(tenant="kofe", connection="till", vendor="iiko", wants=("order.completed",))
    await store.commit([Put(journal.document(till))])
    return store


async def test_a_caller_who_leaves_in_the_middle_is_no_alarm_and_leaves_nothing(
    store: MemoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = Caller(store)
    key = caller.keyring.mint("iiko", "kofe", "till")
    before = dict(store.documents)
    answered = await caller.call("/webhook_iiko", body(b'[{"eventType":', more=True), query=f"key={key}".encode())
    assert answered == []
    assert store.documents == before
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["severity"], line["message"]) for line in lines] == [("WARNING", "caller left")]


async def test_nor_is_he_one_at_a_deployed_function(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVYAZKA_DATA", str(tmp_path))
    till = CompiledConnection(tenant="kofe", connection="till", vendor="iiko", wants=("order.completed",))
    store = LocalStore.open(tmp_path)
    await store.commit([Put(journal.document(till))])
    await store.close()
    query = f"key={local_keyring(tmp_path).mint('iiko', 'kofe', 'till')}".encode()
    coming = [body(b'[{"eventType":', more=True), {"type": "http.disconnect"}]

    async def receive() -> Message:
        return coming.pop(0)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": query, "headers": []}
    answer = await webhook("iiko")(Request(scope, receive))
    assert answer.status_code == 400
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["severity"], line["message"]) == ("WARNING", "caller left")


async def test_a_body_that_never_ends_is_given_up_at_a_deployed_function(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVYAZKA_DATA", str(tmp_path))
    monkeypatch.setattr("svyazka.way_in.READ_LIMIT", 0.01)
    query = f"key={local_keyring(tmp_path).mint('iiko', 'kofe', 'till')}".encode()
    coming = [body(b'[{"eventType":', more=True)]

    async def receive() -> Message:
        return coming.pop() if coming else await asyncio.Future()

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": query, "headers": []}
    answer = await webhook("iiko")(Request(scope, receive))
    assert answer.status_code == 408
    assert "caller too slow" in capsys.readouterr().out


async def test_a_mistake_of_ours_is_503_and_its_line_says_where_and_holds_no_key(
    store: MemoryStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(store)
    key = caller.keyring.mint("iiko", "kofe", "till")

    async def broken(*args: object) -> None:
        raise KeyError(key)

    monkeypatch.setattr(store, "accept", broken)
    answered = await caller.call(f"/webhook_iiko/{key}", body(b"[]"))
    assert answered[0]["status"] == 503
    assert dict(answered[0]["headers"])[b"retry-after"]
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CRITICAL" in line]
    assert (line["message"], line["error"]) == ("accept failed", "KeyError")
    assert "receive.py" in line["where"]
    assert key not in json.dumps(line)


@pytest.mark.parametrize("path", ["*", "", "//", "/webhook_", "/webhook_iiko/a/b", "/WEBHOOK_IIKO", "/\x00", "/%2e%2e"])
async def test_an_odd_path_is_404(store: MemoryStore, path: str) -> None:
    answered = await Caller(store).call(path, body(b"{}"))
    assert answered[0]["status"] == 404


async def test_head_is_answered_without_a_body(store: MemoryStore) -> None:
    caller = Caller(store)
    answered = await caller.call("/webhook_iiko", method="HEAD")
    assert answered[0]["status"] == 200
    assert answered[1]["body"] == b""
