"""Answers whose bodies are not what they say: the status stands, memory is bounded, no call is made twice."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import httpx
import pytest

from engine.outbound.test_transport import Answer, calling, says, vendor
from svyazka.connectors.http.failures import answered
from svyazka.engine.outbound import transport
from svyazka.engine.support.answers import FLAW, Gathered, text_of
from svyazka.model.errors import MaybeSent
from svyazka.model.outcomes import Succeeded

OK = b"HTTP/1.1 200 OK\r\n"
MEBIBYTE = bytes(1 << 20)


def bomb(wbits: int) -> bytes:
    """Very little on the wire, 64 MiB and more unpacked."""
    pack = zlib.compressobj(1, zlib.DEFLATED, wbits)
    return b"".join(pack.compress(MEBIBYTE) for _ in range(64)) + pack.flush()


def with_length(head: bytes, body: bytes) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


ODD: dict[str, Answer] = {
    "a lie about gzip": says(OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"),
    "a lie about deflate": says(OK + b"Content-Encoding: deflate\r\nContent-Length: 2\r\n\r\nok"),
    "gzip that breaks": says(with_length(OK + b"Content-Encoding: gzip\r\n", gzip.compress(b"ok" * 99)[:-20])),
    "an encoding nobody asked for": says(OK + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\nok"),
    "a header of 10 KB": says(OK + b"X-Policy: " + b"a" * 10_000 + b"\r\nContent-Length: 2\r\n\r\nok"),
    "a short body": says(OK + b"Content-Length: 200\r\n\r\nok"),
    "a chunk that never ends": says(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", hang=True),
    "a broken chunk": says(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab"),
    "a body after 204": says(b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"),
    "a charset that is no text's": says(OK + b"Content-Type: a/b; charset=base64\r\nContent-Length: 2\r\n\r\nok"),
    "a charset unheard of": says(OK + b"Content-Type: a/b; charset=\xff\r\nContent-Length: 2\r\n\r\nok"),
    "half a surrogate": says(OK + b"Content-Type: a/b; charset=utf-7\r\nContent-Length: 5\r\n\r\n+2AA-"),
    "a head without end": says(OK + b"X: " + b"a" * 100_000 + b"\r\n\r\n"),
    "closed within the head": says(OK + b"Content-Le"),
    "headers that are none": says(OK + b"\x00\x01\x02\r\n\r\nok"),
    "two lengths": says(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
    "another answer behind it": says(OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n"),
    "an interim answer before it": says(b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\n" + OK + b"\r\nok"),
    "an end by closing": says(OK + b"\r\nok"),
    "without end": says(OK + b"Connection: close\r\n\r\n", *[b"x" * 50_000] * 20),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD.keys())
async def test_where_only_the_status_counts_a_2xx_is_taken_whatever_its_rest(answer: Answer) -> None:
    calls = 0

    async def counted(reader, writer) -> None:  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        await answer(reader, writer)

    async with vendor(counted) as port, calling(f"http://127.0.0.1:{port}", seconds=0.5) as http:
        response = await http.request("POST", "/hook", content=b"{}", only_status=True)
    assert isinstance(answered(response.status_code, response.headers, None), Succeeded)  # type: ignore[arg-type]
    assert calls == 1
    assert http.log[0].status == response.status_code
    (http.log[0].response_body or "").encode()  # any store can hold it


async def test_a_status_that_is_no_success_has_come_whatever_its_body() -> None:
    short = says(b"HTTP/1.1 503 Unavailable\r\nRetry-After: 7\r\nContent-Length: 200\r\n\r\n<html>")
    async with vendor(short) as port, calling(f"http://127.0.0.1:{port}") as http:
        response = await http.request("POST", "/sms/send", data={"to": "1"})
    assert (response.status_code, response.headers["retry-after"], response.text) == (503, "7", "<html>")


PACKED = {
    "gzip": (b"gzip", gzip.compress(b"taken")),
    "gzip by its old name": (b"x-gzip", gzip.compress(b"taken")),
    "gzip of several members": (b"gzip", gzip.compress(b"tak") + gzip.compress(b"en")),
    "gzip with zeros behind": (b"gzip", gzip.compress(b"taken") + bytes(8)),
    "deflate": (b"deflate", zlib.compress(b"taken")),
    "raw deflate": (b"Deflate", zlib.compress(b"taken", wbits=-15)),
    "one in another": (b"deflate, gzip", gzip.compress(zlib.compress(b"taken"))),
    "said and not done": (b"gzip", b"taken"),
    "nothing": (b"identity", b"taken"),
}


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED.keys())
@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_what_is_packed_is_unpacked_in_whatever_pieces_it_comes(packed: tuple[bytes, bytes], piece: int) -> None:
    encoding, body = packed
    gathered = Gathered(encoding.decode(), 100)
    for at in range(0, len(body), piece):
        assert gathered.take(body[at : at + piece])
    assert (gathered.body, gathered.flaw) == (b"taken", None)


BOMBS: dict[str, tuple[bytes, Callable[[], bytes]]] = {
    "gzip": (b"gzip", lambda: bomb(31)),
    "deflate": (b"deflate", lambda: bomb(15)),
    "raw deflate": (b"deflate", lambda: bomb(-15)),
    "gzip in gzip": (b"gzip, gzip", lambda: gzip.compress(bomb(31))),
    "members without end": (b"gzip", lambda: gzip.compress(MEBIBYTE) * 64),
}


@pytest.mark.parametrize("packed", BOMBS.values(), ids=BOMBS.keys())
async def test_an_answer_that_unpacks_to_very_much_costs_little_memory(
    packed: tuple[bytes, Callable[[], bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "BODY_LIMIT", 1 << 20)
    encoding, body = packed[0], packed[1]()
    head = OK + b"Content-Encoding: " + encoding + b"\r\nConnection: close\r\n"
    async with vendor(says(with_length(head, body))) as port, calling(f"http://127.0.0.1:{port}") as http:
        tracemalloc.start()
        taken = await http.request("POST", "/hook", content=b"{}", only_status=True)
        with pytest.raises(MaybeSent, match="longer than"):
            await http.request("GET", "/list")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (taken.status_code, taken.extensions[FLAW]) == (200, "longer than 65536 bytes")
    assert len(taken.content) <= 65536
    assert most < 16 << 20


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/html; charset=windows-1251", "принято".encode("cp1251"), "принято"),
        ("text/html", "принято".encode(), "принято"),
        ("text/html; charset=utf-7", b"+2AA-", "+2AA-"),
        ("text/html; charset=unicode_escape", rb"\ud800", r"\ud800"),
        ("text/html; charset=rot13", b"abc", "abc"),
        ("text/html; charset=undefined", b"abc", "abc"),
        ("text/html; charset=utf-8", b"ab\xff", "ab�"),
    ],
)
def test_text_is_read_by_charsets_that_are_a_texts(content_type: str, body: bytes, text: str) -> None:
    assert text_of(httpx.Response(200, headers={"content-type": content_type}, content=body), 100) == text
