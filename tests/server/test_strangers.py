"""What strangers write to the door, byte by byte over real sockets: read, or refused, and never vouched for unread."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from functions_framework.aio import create_asgi_app

from chaos.installation import free_port
from server.support import Front, listening, settle_in, store_of

FORM = "application/x-www-form-urlencoded"
ORDER = [
    {
        "eventType": "DeliveryOrderUpdate",
        "eventTime": "2026-11-29 11:00:00.123",
        "eventInfo": {
            "id": "ord-1",
            "timestamp": 1700000000001,
            "creationStatus": "Success",
            "order": {"phone": "+79990000105", "status": "Delivered"},
        },
    }
]
OFFERS = (
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x",
    "upgrade: TLS/1.0\r\nconnection: upgrade",
)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with listening(tmp_path_factory.mktemp("strangers")) as running:
        yield running


class Wire:
    """A connection that sends bytes as they are and reads answers one by one."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._read = self._socket.makefile("rb")

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._socket.sendall(piece)

    def answer(self) -> tuple[int, Any]:
        """Status and content of the next answer; (0, None) when the connection was closed."""
        line = self._read.readline()
        if not line:
            return 0, None
        length = 0
        while (header := self._read.readline().strip()) != b"":
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        body = self._read.read(length)
        return int(line.split()[1]), json.loads(body) if body.startswith(b"{") else body

    def close(self) -> None:
        self._read.close()
        self._socket.close()


@contextmanager
def wire(front: Front) -> Iterator[Wire]:
    port = urlsplit(front.url).port
    assert port is not None
    with closing(Wire(port)) as made:
        yield made


def key_of(front: Front, vendor: str = "http", connection: str = "site") -> str:
    return front.keyring.mint(vendor, "kofe", connection)


def request(target: str, body: bytes, *headers: str, kind: str = FORM, chunked: bool = False) -> tuple[bytes, bytes]:
    """Head and body of a POST."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = "\r\n".join((f"POST {target} HTTP/1.1", "Host: hub.local:8080", *headers, f"Content-Type: {kind}", framing))
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    return f"{head}\r\n\r\n".encode(), sent


def form(number: str) -> bytes:
    return f"Name=Anna&Phone=%2B79990000101&tranid={number}".encode()


async def phone_of(front: Front, event: str) -> str | None:
    async with store_of(front) as store:
        document = await store.get("events", event)
    assert document is not None
    phone: str | None = json.loads(document.data)["event"]["contact"]["phone"]
    return phone


async def journaled(front: Front) -> list[tuple[object, ...]]:
    async with store_of(front) as store:
        return store.read("SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM raws)")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("offer", OFFERS)
async def test_an_offer_to_upgrade_is_ignored_and_its_body_read(
    front: Front, offer: str, together: bool, chunked: bool
) -> None:
    target, name = f"/webhook_http?key={key_of(front)}", f"{OFFERS.index(offer)}-{together}-{chunked}"
    first, second = (request(target, form(f"{name}-{n}"), offer, chunked=chunked) for n in (1, 2))
    with wire(front) as line:
        events = []
        for pieces in (first, second):
            line.send(*([b"".join(pieces)] if together else pieces))
            status, told = line.answer()
            assert (status, told["events"][0]["status"]) == (200, "accepted")
            events.append(told["events"][0]["id"])
        line.send(*first)
        assert line.answer()[1]["events"][0]["status"] == "duplicate"
    assert [await phone_of(front, event) for event in events] == ["+79990000101"] * 2


@pytest.mark.parametrize("served_by", ["h11", "httptools"])
async def test_a_function_reads_it_or_says_that_it_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served_by: str
) -> None:
    """h11 serves the functions (their packages hold no httptools, which loses such a body: then it is 503)."""
    keyring = await settle_in(tmp_path)
    monkeypatch.setenv("SVYAZKA_DATA", str(tmp_path))
    folder = Path(__file__).parents[2] / "functions" / "webhook_http"
    assert "httptools" not in (folder / "requirements.txt").read_text()
    app = create_asgi_app("webhook_http", str(folder / "main.py"), "http")
    server = uvicorn.Server(uvicorn.Config(app, http=served_by, log_level="critical", lifespan="off"))  # type: ignore[arg-type]
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        with closing(Wire(listener.getsockname()[1])) as line:
            line.send(*request(f"/?key={keyring.mint('http', 'kofe', 'site')}", form("up-1"), OFFERS[0]))
            status, told = await asyncio.to_thread(line.answer)
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join, 20)
    if served_by == "h11":
        assert (status, told["events"][0]["status"]) == (200, "accepted")
    else:
        assert status == 503


@pytest.mark.parametrize(
    "target",
    [
        "/webhook_http?key=KEY?utm_source=x",
        "/webhook_http?key=KEY/",
        "/webhook_http?key=KEY&key=",
        "/webhook_http?key=KEY&name=Анна",
        "/webhook_http?name=Анна Ивановна&key=KEY",
        "/webhook_http/KEY/?utm=Москва",
        "//webhook/http?key=KEY#form",
        "/webhook_http&key=KEY",
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "cp1251"])
def test_a_careless_address_is_understood(front: Front, target: str, charset: str) -> None:
    head, body = request(target.replace("KEY", key_of(front)), form(f"{sum(target.encode())}-{len(target)}-{charset}"))
    sent = head.decode().encode(charset)
    line_ends = sent.index(b"\r\n")
    with wire(front) as line:
        line.send(sent[: line_ends - 20], sent[line_ends - 20 :] + body)
        status, told = line.answer()
        assert (status, told["events"][0]["status"]) == (200, "accepted")


def test_a_charset_for_a_compression_takes_the_order(front: Front) -> None:
    target = f"/webhook_iiko?key={key_of(front, 'iiko', 'till')}"
    plain = json.dumps(ORDER).encode()
    with wire(front) as line:
        for body, said in (
            (plain, "UTF-8"),
            (plain, "gzip"),
            (gzip.compress(plain[:9]) + gzip.compress(plain[9:]), "gzip"),
        ):
            line.send(*request(target, body, f"Content-Encoding: {said}", kind="application/json"))
            status, told = line.answer()
            assert (status, told["events"][0]["type"]) == (200, "order.completed")


@pytest.mark.parametrize("said", ["multipart/form-data; boundary=BB", "multipart/form-data"])
async def test_a_sites_multipart_form_is_read(front: Front, said: str) -> None:
    fields = {"Name": "Анна", "Phone": "+79990000109", "tranid": said}
    parts = [
        f'--BB\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    with wire(front) as line:
        line.send(*request(f"/webhook_http?key={key_of(front)}", "".join([*parts, "--BB--\r\n"]).encode(), kind=said))
        status, told = line.answer()
    assert (status, told["events"][0]["status"]) == (200, "accepted")
    assert await phone_of(front, told["events"][0]["id"]) == "+79990000109"


# What never becomes a request


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /webhook_http HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"POST /webhook_http HTTP/1.1\r\n" + b"a: b\r\n" * 40_000, 431),
        (b"POST /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\n\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
)
def test_what_is_too_much_or_no_request_is_told_so_and_closed(front: Front, sent: bytes, status: int) -> None:
    with wire(front) as line:
        try:
            line.send(sent)
            assert line.answer()[0] == status
            assert line.answer() == (0, None)
        except ConnectionError:
            pass  # closed while we were still sending
    assert httpx.get(f"{front.url}/", trust_env=False).status_code == 200


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("announced", [None, 30])
async def test_a_body_that_was_not_announced_is_not_vouched_for(
    front: Front, monkeypatch: pytest.MonkeyPatch, connection: str, together: bool, announced: int | None
) -> None:
    """Senders by hand forget Content-Length, or count letters for bytes: half a phone number is another's."""
    monkeypatch.setattr("svyazka.server.protocol.PAUSE", 20.0)  # the body comes at once, but this machine may be busy
    length = f"Content-Length: {announced}\r\n" if announced else ""
    head = (
        f"POST /webhook_http?key={key_of(front)} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n{length}".encode()
    )
    head, body = head + f"Content-Type: {FORM}\r\n\r\n".encode(), form("unannounced")
    before = await journaled(front)
    with wire(front) as line:
        line.send(*([head + body] if together or announced else [head, body]))
        assert line.answer()[0] == 400
    assert await journaled(front) == before


@pytest.mark.parametrize("length", ["Content-Length: 0\r\n", ""])
@pytest.mark.parametrize("connection", ["close", "keep-alive"])
async def test_an_empty_check_of_the_address_is_answered(front: Front, length: str, connection: str) -> None:
    head = f"POST /webhook_http?key={key_of(front)} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n{length}\r\n"
    before = await journaled(front)
    with wire(front) as line:
        line.send(head.encode())
        assert line.answer() == (200, {"status": "ready"})
        if connection == "keep-alive":
            line.send(*request(f"/webhook_http?key={key_of(front)}", b""))
            assert line.answer() == (200, {"status": "ready"})
    assert await journaled(front) == before


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
async def test_a_line_end_after_the_body_is_nothing(front: Front, connection: str) -> None:
    head, body = request(f"/webhook_http?key={key_of(front)}", form(f"crlf-{connection}"), f"Connection: {connection}")
    with wire(front) as line:
        line.send(head + body + b"\r\n")
        assert line.answer()[0] == 200


async def test_what_follows_a_chunked_body_is_no_header(front: Front) -> None:
    head, body = request("/webhook_http", form("trailer"), chunked=True)
    trailer = f"X-Api-Key: {key_of(front)}\r\n\r\n".encode()
    with wire(front) as line:
        line.send(head + body.removesuffix(b"\r\n") + trailer)
        assert line.answer()[0] == 401


def test_connections_that_bring_nothing_keep_nobody_out(tmp_path: Path) -> None:
    """More of them than the process may have files: honest requests are served, and the log says why others went."""
    keyring, port = asyncio.run(settle_in(tmp_path)), free_port()
    environment = {**os.environ, "SVYAZKA_DATA": str(tmp_path)}

    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))

    server = subprocess.Popen(
        [sys.executable, "-m", "svyazka.server", "accept", "--supervised", "--port", str(port)],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=few_files,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    held: list[socket.socket] = []
    try:
        _until_it_listens(port)
        target = f"/webhook_http?key={keyring.mint('http', 'kofe', 'site')}"
        head = request(target, b"x" * 500)[0]
        for number in range(300):
            one = socket.create_connection(("127.0.0.1", port), timeout=20)
            held.append(one)
            if number % 2:
                one.sendall(head + b"{")
        for number in range(5):
            with closing(Wire(port)) as line:
                line.send(*request(target, form(f"honest-{number}")))
                assert line.answer()[0] == 200
        log = server.stdout.readline()
        while b"connections closed" not in log:
            log = server.stdout.readline()
        assert re.search(rb'"count": \d+', log)
    finally:
        for one in held:
            one.close()
        server.stdin.close()
        server.wait(20)
        server.stdout.close()


def _until_it_listens(port: int) -> None:
    for _ in range(3000):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except ConnectionError:
            time.sleep(0.02)  # a process of its own is starting: nothing to wait on but its port
    raise AssertionError("it did not start")
