"""Does the small HTTP client read what a server may send, keep connections, and never mix two answers up?"""

from __future__ import annotations

import asyncio
import datetime
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backends.google.http_server import Asked, response, serving
from svyazka.backends.google import wire
from svyazka.backends.google.wire import NoAnswer, Origin


async def echo(asked: Asked) -> bytes:
    return response(asked.method.encode() + b" " + asked.path.encode() + b" " + asked.body)


def always(answer: bytes | None):
    async def handler(asked: Asked) -> bytes | None:
        return answer

    return handler


async def test_a_request_arrives_whole():
    async with serving(echo) as server:
        origin = Origin(server.url)
        body = bytes(range(256)) * 4000
        answer = await origin.send("POST", "/v1/a(b)?c=d", {"Authorization": "Bearer x"}, body)
        (asked,) = server.asked
        assert (answer.status, answer.body) == (200, b"POST /v1/a(b)?c=d " + body)
        assert asked.headers == {
            "host": server.url.removeprefix("http://"),
            "content-length": str(len(body)),
            "authorization": "Bearer x",
        }
        origin.close()


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", 200, b"hello"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
            200,
            b"0123456789",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 503 Nope\r\nContent-Length: 0\r\n\r\n", 503, b""),
        (b"HTTP/1.1 409\r\nContent-Length: 2\r\n\r\n{}", 409, b"{}"),
    ],
)
async def test_every_form_of_an_answer(sent, status, body):
    async with serving(always(sent)) as server:
        origin = Origin(server.url)
        for _ in range(2):
            answer = await origin.send("GET", "/")
            assert (answer.status, answer.body) == (status, body)
        assert server.connections == 1
        origin.close()


@pytest.mark.parametrize("length", [b"Content-Length: 5\r\n", b""])
async def test_a_connection_that_ends_with_its_answer_is_not_used_again(length):
    async with serving(always(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + length + b"\r\nhello")) as server:
        origin = Origin(server.url)
        for _ in range(2):
            assert (await origin.send("GET", "/")).body == b"hello"
        assert server.connections == 2
        origin.close()


async def test_many_at_once_have_a_connection_each_and_few_are_kept():
    together = asyncio.Barrier(24)

    async def wait_for_the_others(asked: Asked) -> bytes:
        await together.wait()
        return await echo(asked)

    async with serving(wait_for_the_others) as server:
        origin = Origin(server.url)
        answers = await asyncio.gather(*[origin.send("GET", f"/{number}") for number in range(24)])
        assert [answer.body for answer in answers] == [b"GET /%d " % number for number in range(24)]
        assert (server.connections, len(origin._idle)) == (24, wire.IDLE_CONNECTIONS)
        origin.close()


async def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure():
    async with serving(echo) as server:
        origin = Origin(server.url)
        await origin.send("GET", "/first")
        server.cut_all()
        assert (await origin.send("GET", "/second")).body == b"GET /second "
        assert server.connections == 2
        origin.close()


async def test_nor_one_that_breaks_under_the_request():
    answers = [response(b"first"), None, response(b"second")]

    async def in_turn(asked: Asked) -> bytes | None:
        return answers.pop(0)

    async with serving(in_turn) as server:
        origin = Origin(server.url)
        assert (await origin.send("GET", "/")).body == b"first"
        assert (await origin.send("GET", "/")).body == b"second"
        origin.close()


async def test_one_that_was_idle_for_long_is_not_trusted(monkeypatch):
    async with serving(echo) as server:
        origin = Origin(server.url)
        await origin.send("GET", "/")
        monkeypatch.setattr(wire, "IDLE_LIMIT", 0.0)
        await origin.send("GET", "/")
        assert server.connections == 2
        origin.close()


@pytest.mark.parametrize(
    "sent",
    [
        None,
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"not HTTP at all\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close" + b"x" * 70_000,
    ],
)
async def test_what_breaks_off_or_makes_no_sense_is_no_answer(sent):
    async with serving(always(sent)) as server:
        with pytest.raises(NoAnswer):
            await Origin(server.url).send("GET", "/")


async def test_nobody_there_is_no_answer():
    async with serving(echo) as server:
        url = server.url
    with pytest.raises(NoAnswer):
        await Origin(url).send("GET", "/")


async def test_an_answer_that_came_too_late_is_not_the_next_ones():
    let_go = asyncio.Event()

    async def slow_first(asked: Asked) -> bytes:
        if asked.path == "/slow":
            await let_go.wait()
        return await echo(asked)

    async with serving(slow_first) as server:
        origin = Origin(server.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await origin.send("GET", "/slow")
        let_go.set()
        assert (await origin.send("GET", "/next")).body == b"GET /next "
        origin.close()


async def test_what_is_not_json_is_no_answer():
    async with serving(always(response(b"<html>"))) as server:
        origin = Origin(server.url)
        answer = await origin.send("GET", "/")
        with pytest.raises(NoAnswer):
            answer.json()
        origin.close()


# TLS


@pytest.fixture(scope="module")
def certificate() -> tuple[str, str]:
    """A key and its certificate for `localhost`, which nobody trusts of himself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(encoding, form, serialization.NoEncryption())
    return private.decode(), made.public_bytes(encoding).decode()


async def test_over_tls_the_server_must_prove_itself(certificate, tmp_path, monkeypatch):
    key, public = certificate
    (tmp_path / "chain.pem").write_text(key + public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem")
    async with serving(echo, context) as server:
        for url, trusted in (
            (f"https://localhost:{server.port}", public),
            (f"https://localhost:{server.port}", None),
            (f"https://127.0.0.1:{server.port}", public),
        ):
            monkeypatch.setattr(wire, "_context", ssl.create_default_context(cadata=trusted))
            origin = Origin(url)
            if trusted and "localhost" in url:
                assert (await origin.send("GET", "/secret")).body == b"GET /secret "
            else:
                with pytest.raises(NoAnswer):
                    await origin.send("GET", "/secret")
            origin.close()
        assert len(server.asked) == 1
