"""What a broken call proves: only what failed before the first byte counts as not sent."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fakes import START
from svyazka.engine.contracts.calls import Exchanges
from svyazka.engine.outbound import transport
from svyazka.engine.outbound.http_clients import Clients
from svyazka.model.errors import MaybeSent, NotSent

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def request_of(reader: asyncio.StreamReader) -> bytes:
    """One request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + (await reader.readexactly(int(length[0].split(b":")[1])) if length else b"")


@asynccontextmanager
async def vendor(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Something that listens and behaves so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the caller is gone, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def calling(url: str, seconds: float = 30.0) -> AsyncIterator[Exchanges]:
    clients = Clients()
    try:
        yield Exchanges(clients.of("c", 2), base_url=url, deadline=time.monotonic() + seconds)
    finally:
        await clients.close()


def says(*parts: bytes, hang: bool = False) -> Answer:
    """Read a request, say this, and end (or say no more)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if hang:
            await reader.read()

    return answer


MAYBE: dict[str, Answer] = {
    "closed without a word": says(),
    "closed within the head": says(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "closed within the body": says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"),
    "closed within a chunk": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
    "not HTTP": says(b"\x00\x01\x02 hello\r\n\r\n"),
    "silence": says(hang=True),
    "silence within the body": says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123", hang=True),
}


@pytest.mark.parametrize("answer", MAYBE.values(), ids=MAYBE.keys())
async def test_whatever_breaks_after_the_first_byte_may_have_been_sent(answer: Answer) -> None:
    async with vendor(answer) as port, calling(f"http://127.0.0.1:{port}", seconds=0.3) as http:
        with pytest.raises(MaybeSent):
            await http.request("POST", "/sms/send", data={"to": "1"})
    assert len(http.log) == 1, "the story tells of it"


@pytest.mark.parametrize("clock", [0, 1], ids=["a process that was stopped", "a machine that stood still"])
async def test_whoever_was_frozen_on_the_way_to_its_first_byte_sends_nothing(
    clock: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    came, real, frozen = list[bytes](), transport._now, [0.0, 0.0]
    monkeypatch.setattr(transport, "_now", lambda: tuple(one + late for one, late in zip(real(), frozen, strict=True)))

    async def freezes(*_: object) -> None:
        frozen[clock] = 3600.0

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(1))

    connect = aiohttp.TCPConnector.connect

    async def connected(self: Any, *args: Any, **more: Any) -> Any:
        connection = await connect(self, *args, **more)
        await freezes()
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connected)
    async with vendor(counts) as port, calling(f"http://127.0.0.1:{port}", seconds=5) as http:
        with pytest.raises(NotSent):
            await http.request("POST", "/refund", data={"to": "1"})
    assert came in ([], [b""])
    assert http.wrote == 0


async def test_what_nobody_listens_to_was_not_sent() -> None:
    async with vendor(says()) as port:
        pass
    for url in (f"http://127.0.0.1:{port}", "http://nobody.invalid"):
        async with calling(url) as http:
            with pytest.raises(NotSent):
                await http.request("POST", "/sms/send", data={"to": "1"})


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate that no authority vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(START.replace(year=2020)).not_valid_after(START.replace(year=2040))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


async def test_a_certificate_that_nobody_vouches_for_is_never_talked_to(tmp_path: Path) -> None:
    async with vendor(says(), self_signed(tmp_path)) as port, calling(f"https://127.0.0.1:{port}") as http:
        with pytest.raises(NotSent):
            await http.request("POST", "/sms/send", data={"to": "1"})


async def test_a_connection_that_the_vendor_says_it_closes_is_not_used_again() -> None:
    closing = says(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    async with vendor(closing) as port, calling(f"http://127.0.0.1:{port}") as http:
        for _ in range(5):
            assert (await http.request("POST", "/sms/send", data={"to": "1"})).text == "ok"


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "BODY_LIMIT", 100_000)
    endless = says(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", *[b"x" * 50_000] * 20)
    async with vendor(endless) as port, calling(f"http://127.0.0.1:{port}") as http:
        with pytest.raises(MaybeSent):
            await http.request("GET", "/big")


async def test_redirects_are_shown_and_not_followed_and_cookies_are_not_kept() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await request_of(reader))
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n")

    async with vendor(answer) as port, calling(f"http://127.0.0.1:{port}") as http:
        for _ in range(2):
            assert (await http.request("GET", "/")).status_code == 302
    assert len(seen) == 2
    assert b"cookie" not in seen[1].lower()


async def test_a_request_goes_out_as_it_was_written() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        packed = gzip.compress("принято".encode())
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        writer.write(head.encode() + packed)

    async with vendor(answer) as port, calling(f"http://127.0.0.1:{port}") as http:
        got = await http.request("POST", "/a%2Fb?x=1%2B2", headers={"X-Own": "1"}, content=b"raw\xff", params=None)
    assert got.text == "принято"
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post /a%2fb?x=1%2b2 http/1.1"
    assert body == b"raw\xff"
    assert lines.count(f"host: 127.0.0.1:{port}".encode()) == 1
    assert b"user-agent: svyazka" in lines
    assert b"x-own: 1" in lines


@pytest.mark.parametrize(("method", "length"), [("POST", b"content-length: 0"), ("GET", None)])
async def test_a_call_without_a_body_says_so_where_one_could_be(method: str, length: bytes | None) -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with vendor(answer) as port, calling(f"http://127.0.0.1:{port}") as http:
        await http.request(method, "/x")
    lines = seen[0].lower().split(b"\r\n")
    assert [line for line in lines if line.startswith((b"content-length", b"transfer-encoding"))] == (
        [length] if length else []
    )


async def test_a_call_that_is_cut_off_in_the_middle_stands_in_the_story_for_it_has_left() -> None:
    come = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        come.set()
        await asyncio.Event().wait()

    async with vendor(answer) as port, calling(f"http://127.0.0.1:{port}", 60) as http:
        asked = asyncio.ensure_future(http.request("POST", "/sms/send", data={"to": "1"}))
        await come.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    (told,) = http.log
    assert (told.method, told.request_body, told.status) == ("POST", "to=1", None)
