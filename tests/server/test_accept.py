"""What the accepting process answers to whatever may knock, over real HTTP: DESIGN 8's table."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.support import Front, listening, store_of
from svyazka.engine.intake.receive import BODY_LIMIT
from svyazka.engine.journal.kinds import RAWS_BY_STATUS, RECENT_EVENTS

SAMPLE = (Path(__file__).parents[1] / "samples" / "iiko" / "webhook-delivery-closed.json").read_bytes()
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with listening(tmp_path_factory.mktemp("front")) as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20) as made:
        yield made


def numbered(number: int) -> bytes:
    """The closed delivery as another order."""
    return SAMPLE.replace(b"f7d7468e-4c1f-5e7a-96d0-d063007888ed", f"00000000-0000-4000-8000-{number:012d}".encode())


async def tables(front: Front) -> tuple[int, int]:
    """How many events and raws are journaled."""
    async with store_of(front) as store:
        events = len((await store.find(RECENT_EVENTS, limit=10_000)).documents)
        raws = store.read("SELECT count(*) FROM raws")[0][0]
    assert isinstance(raws, int)
    return events, raws


def test_a_done_order_is_accepted_and_said_so(front: Front, client: httpx.Client) -> None:
    answer = client.post(front.hook(), content=numbered(1), headers=JSON)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["status"] == "accepted"
    (event,) = told["events"]
    assert (event["type"], event["status"], event["reason"]) == ("order.completed", "accepted", None)
    again = client.post(front.hook(), content=numbered(1), headers=JSON).json()["events"][0]
    assert (again["id"], again["status"]) == (event["id"], "duplicate")


@pytest.mark.parametrize("form", ["/webhook_iiko", "/webhook/iiko", "/api/webhook/iiko"])
@pytest.mark.parametrize("place", ["query", "x-api-key", "bearer", "bare", "token", "path"])
def test_the_key_may_stand_in_each_of_its_places(front: Front, client: httpx.Client, form: str, place: str) -> None:
    key = front.keyring.mint("iiko", "kofe", "till")
    url, headers = f"{front.url}{form}", dict(JSON)
    match place:
        case "query":
            url += f"?key={key}"
        case "x-api-key":
            headers["X-Api-Key"] = key
        case "bearer":
            headers["Authorization"] = f"Bearer {key}"
        case "bare":
            headers["Authorization"] = key
        case "token":
            headers["Token"] = key
        case "path":
            url += f"/{key}"
    assert client.post(url, content=numbered(2), headers=headers).status_code == 200


@pytest.mark.parametrize(
    "key",
    ["", "nonsense", "1.kofe.till.1." + "a" * 32, "9.kofe.till.1." + "a" * 32, "1.kofe.till.٣." + "a" * 32, "x" * 5000],
)
async def test_a_forged_key_is_401_and_leaves_nothing(front: Front, key: str) -> None:
    before = await tables(front)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{front.url}/webhook_iiko", params={"key": key}, content=SAMPLE, headers=JSON)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert await tables(front) == before


async def test_a_key_of_another_vendor_or_connection_is_401(front: Front) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for vendor, connection in (("smsru", "sms"), ("iiko", "bar")):
            key = front.keyring.mint(vendor, "kofe", connection)
            answer = await client.post(f"{front.url}/webhook_iiko?key={key}", content=SAMPLE, headers=JSON)
            assert answer.status_code == 401


def test_get_with_a_key_is_ready_and_without_one_ok(front: Front, client: httpx.Client) -> None:
    assert client.get(front.hook()).json() == {"status": "ready"}
    assert client.get(f"{front.url}/webhook_iiko").json() == {"status": "ok"}
    assert client.get(f"{front.url}/webhook_iiko?key=nonsense").status_code == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_405(front: Front, client: httpx.Client, method: str) -> None:
    answer = client.request(method, front.hook())
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("content_type", ["text/xml", "multipart/form-data; boundary=x", "image/png"])
def test_a_content_type_that_cannot_be_read_is_415(front: Front, client: httpx.Client, content_type: str) -> None:
    answer = client.post(front.hook(), content=SAMPLE, headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]
    answer = client.post(front.hook(), content=SAMPLE, headers={**JSON, "Content-Encoding": "br"})
    assert answer.status_code == 415


def test_a_body_over_the_limit_is_413_however_it_comes(front: Front, client: httpx.Client) -> None:
    big = b'{"a":"' + b"x" * 10_000_000 + b'"}'
    bomb = gzip.compress(b"0" * 300_000_000, 9)
    assert len(bomb) < BODY_LIMIT
    assert client.post(front.hook(), content=big, headers=JSON).status_code == 413
    chunks = (big[i : i + 65536] for i in range(0, len(big), 65536))
    assert client.post(front.hook(), content=chunks, headers=JSON).status_code == 413
    answer = client.post(front.hook(), content=bomb, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_body_is_read(front: Front, client: httpx.Client, encoding: str) -> None:
    packed = gzip.compress(numbered(3)) if encoding == "gzip" else zlib.compress(numbered(3))
    answer = client.post(front.hook(), content=packed, headers={**JSON, "Content-Encoding": encoding})
    assert answer.status_code == 200
    broken = client.post(front.hook(), content=packed[:-20], headers={**JSON, "Content-Encoding": encoding})
    assert broken.status_code == 400


UNREADABLE: dict[str, bytes] = {
    "broken JSON": b'[{"eventType":',
    "not JSON": b"hello",
    "bad UTF-8": b'{"eventType": "\xff\xfe"}',
    "a zero byte": b"\x00",
    "deep nesting": b"[" * 200_000,
    "deep nesting, closed": b'{"a":' * 80_000 + b"1" + b"}" * 80_000,
    "a bare number": b"17",
    "NaN": b'{"eventInfo": NaN, "eventType": Infinity}',
    "a huge number": b'[{"eventType": "DeliveryOrderUpdate", "eventInfo": {"id": ' + b"9" * 5000 + b"}}]",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_cannot_be_read_is_refused_or_quarantined_and_never_lost(front: Front, body: bytes) -> None:
    before = await tables(front)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(front.hook(), content=body, headers=JSON)
    assert answer.status_code in (200, 400)
    assert "Traceback" not in answer.text
    assert await tables(front) > before


async def test_a_refused_body_lies_in_quarantine_with_its_reason(front: Front) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(front.hook(), content=b'{"eventType": oops}', headers=JSON)
    assert answer.status_code == 400
    async with store_of(front) as store:
        found = await store.find(RAWS_BY_STATUS, equal={"status": "quarantined"}, limit=1000)
    kept = [json.loads(document.data) for document in found.documents]
    (one,) = [raw for raw in kept if "oops" in raw["request"]["body"]]
    assert one["reason"]


def test_an_unknown_path_is_404_and_says_where_to_look(front: Front, client: httpx.Client) -> None:
    answer = client.post(f"{front.url}/webhook_nobody?key=x", content=SAMPLE)
    assert answer.status_code == 404
    assert "svyazka urls" in answer.json()["detail"]


def test_a_caller_who_leaves_in_the_middle_of_his_body_leaves_nothing(front: Front) -> None:
    before = asyncio.run(tables(front))
    host, port = front.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as caller:
        path = front.hook().removeprefix(front.url)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        caller.sendall(head.encode() + SAMPLE[:100])
    assert httpx.get(f"{front.url}/health", trust_env=False).status_code == 200
    assert asyncio.run(tables(front)) == before


async def test_a_hundred_equal_webhooks_at_once_are_one_event(front: Front) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answers = await asyncio.gather(
            *(client.post(front.hook(), content=numbered(4), headers=JSON) for _ in range(100))
        )
    assert {answer.status_code for answer in answers} == {200}
    told = [answer.json()["events"][0]["status"] for answer in answers]
    assert sorted(set(told)) == ["accepted", "duplicate"]
    assert told.count("accepted") == 1


def test_a_locked_database_is_503_and_nothing_half_written(front: Front, client: httpx.Client) -> None:
    before = asyncio.run(tables(front))
    other = sqlite3.connect(front.data / "svyazka.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = client.post(front.hook(), content=numbered(5), headers=JSON)
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert asyncio.run(tables(front)) == before
    assert client.post(front.hook(), content=numbered(5), headers=JSON).json()["events"][0]["status"] == "accepted"


def test_sms_receipts_get_their_exact_answer(front: Front, client: httpx.Client) -> None:
    answer: Any = client.post(
        front.hook("smsru", "sms"),
        content=b"data[0]=test",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 401, "no secret is set, so nothing proves a receipt"
