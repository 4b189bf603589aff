"""A vendor that reports by GET: its query goes the way of a form that was posted, and nothing else counts."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import uvicorn
from functions_framework.aio import create_asgi_app

from fakes import FakeTill, House
from server.support import settle_in
from svyazka.backends.local.store import LocalStore
from svyazka.engine.contracts.webhook import FORM, Answer, Inbound, NotTheFormat, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.security.keyring import Keyring
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact, Unreadable

SECRET = b"secret-for-tests"


class Caller(FakeTill):
    """A telephony vendor: `?order=5&phone=...&sign=...`, signed over the query; `?challenge=` proves the address."""

    content_types = (FORM,)
    reads_get = True

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        told = dict(parse_qsl(request.body.decode()))
        return None if told.get("sign") == sign(told) else "the signature is wrong"

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        told = dict(parse_qsl(request.body.decode()))
        if "order" not in told:
            raise NotTheFormat("expected order")
        key = ("order", told["order"])
        return [Fact(type=EventType.ORDER_COMPLETED, key=key, contact=Contact(phone=told.get("phone")))]

    def answer(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Answer | None:
        return Answer(200, b"OK", "text/plain") if facts else None

    def handshake(self, request: RawRequest, inbound: Inbound) -> Answer | None:
        challenge = request.params().get("challenge")
        return Answer(200, challenge.encode(), "text/plain") if challenge else None


class Deaf(Caller):
    """The same vendor, where GET is no report."""

    reads_get = False


def sign(told: dict[str, str]) -> str:
    text = "&".join(f"{name}={value}" for name, value in sorted(told.items()) if name != "sign")
    return hmac.digest(SECRET, text.encode(), hashlib.sha256).hex()


def report(**told: str) -> str:
    return "&".join(f"{name}={value}" for name, value in {**told, "sign": sign(told)}.items())


async def called(
    house: House, query: str, method: str = "GET", webhook: FakeTill | None = None, **headers: str
) -> Answer:
    async def read(limit: int) -> bytes | None:
        raise AssertionError("a GET has no body to be read")

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    head = RawRequest(method, "/webhook_till", query.encode(), pairs, b"")
    return await Receiver(webhook or Caller(), house.inbox, house.keyring, house.clock).handle(head, read)


def key_of(house: House) -> str:
    return house.keyring.mint("till", "kofe", "till")


def events(house: House) -> list[dict[str, Any]]:
    return [json.loads(each.data) for each in house.store.documents.values() if each.kind == "events"]


ORDER = report(order="5", phone="79991234567")


@pytest.mark.parametrize("query", [f"key=KEY&{ORDER}", f"{ORDER}&key=KEY", f"key=KEY?{ORDER}", f"{ORDER}&%6Bey=KEY"])
async def test_a_report_is_an_event_once_however_often_it_comes_and_its_key_is_kept_nowhere(
    house: House, query: str
) -> None:
    key = key_of(house)
    for _ in range(2):
        answer = await called(house, query.replace("KEY", key))
        assert (answer.status, answer.body) == (200, b"OK")
        assert answer.headers["Cache-Control"] == "no-store", "or a repeat is answered by whoever stands between"
    (event,) = events(house)
    assert event["event"]["type"] == "order.completed"
    assert not [each for each in house.store.documents.values() if key.encode() in each.data]


@pytest.mark.parametrize(
    ("query", "method", "headers", "told"),
    [
        (f"key=KEY&{ORDER}", "HEAD", {}, "ready"),
        (f"key=KEY&{ORDER}", "GET", {"sec_purpose": "prefetch;prerender"}, "ready"),
        (f"key=KEY&{ORDER}", "GET", {"purpose": "prefetch"}, "ready"),
        ("key=KEY&challenge=42", "GET", {}, "42"),
        (f"key=KEY&{ORDER.replace('order=5', 'order=6')}", "GET", {}, "Not genuine"),
        (f"key=elsewhere&{ORDER}", "GET", {}, "Wrong key"),
        (ORDER, "HEAD", {}, "ok"),
    ],
)
async def test_what_is_no_report_leaves_nothing_behind(
    house: House, query: str, method: str, headers: dict[str, str], told: str
) -> None:
    before = dict(house.store.documents)
    answer = await called(house, query.replace("KEY", key_of(house)), method, **headers)
    assert told in answer.body.decode()
    assert house.store.documents == before


async def test_where_a_vendor_does_not_report_by_get_a_get_is_a_look_at_the_address(house: House) -> None:
    answer = await called(house, f"key={key_of(house)}&{ORDER}", webhook=Deaf())
    assert json.loads(answer.body) == {"status": "ready"}
    assert events(house) == []


async def test_a_report_that_is_not_the_format_is_kept_and_refused(house: House) -> None:
    answer = await called(house, f"key={key_of(house)}&{report(phone='7999')}")
    assert (answer.status, events(house)) == (400, [])
    (raw,) = [each for each in house.store.documents.values() if each.kind == "raws"]
    assert b"7999" in raw.data


async def test_a_report_comes_through_functions_framework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring: Keyring = await settle_in(tmp_path)
    monkeypatch.setenv("SVYAZKA_DATA", str(tmp_path))

    class Site(Caller):
        vendor = "http"

    monkeypatch.setattr("svyazka.connectors.http.webhook.WEBHOOK", Site())
    folder = Path(__file__).parents[3] / "functions" / "webhook_http"
    app = create_asgi_app("webhook_http", str(folder / "main.py"), "http")
    server = uvicorn.Server(uvicorn.Config(app, http="h11", log_level="critical", lifespan="off"))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    where = f"/?key={keyring.mint('http', 'kofe', 'site')}&{ORDER}"

    def ask(method: str) -> tuple[int, bytes]:
        with closing(HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=10)) as line:
            line.request(method, where)
            answer = line.getresponse()
            return answer.status, answer.read()

    try:
        told = [await asyncio.to_thread(ask, method) for method in ("HEAD", "GET", "GET")]
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join, 20)
    assert told == [(200, b""), (200, b"OK"), (200, b"OK")]
    store = LocalStore.open(tmp_path)
    try:
        assert [count for (count,) in store.read("SELECT count(*) FROM events")] == [1]
    finally:
        await store.close()
