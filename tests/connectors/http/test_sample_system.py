"""The sample of a system of one's own answers what we ask: a process of its own, over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from connectors.support import calling, posted
from simulators.http import SECRET, HttpSink
from simulators.serve import serve
from svyazka.connectors.http.records import HttpRecords
from svyazka.connectors.http.settings import HttpSettings
from svyazka.connectors.http.webhook import WEBHOOK
from svyazka.engine.contracts.capabilities.records import Fate
from svyazka.engine.contracts.webhook import Inbound
from svyazka.model.events import Change, Fact, Hint
from svyazka.model.outcomes import Retry, Succeeded
from svyazka.model.records import CLEARED, Key, KeyType, RecordKind

SAMPLE = Path(__file__).parents[3] / "examples" / "own-system" / "server.py"
CONTACT = RecordKind.CONTACT
RECORDS = {"one": ["phone", "email"]}


@pytest.fixture
def hub() -> Iterator[HttpSink]:
    """Takes its webhooks, and is as strict about their signatures as anybody."""
    with serve([HttpSink()]) as running:
        sink: HttpSink = running.of("http")
        sink.url = running.base_url("http")  # type: ignore[attr-defined]
        yield sink


@pytest.fixture
def sample(hub: HttpSink, tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TOKEN": "sesame", "HUB": f"{hub.url}/told", "HUB_SECRET": SECRET}  # type: ignore[attr-defined]
    process = subprocess.Popen(
        [sys.executable, str(SAMPLE), str(tmp_path / "cards.db"), str(port)], env=environment,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _listens(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the sample never listens")


async def test_people_are_found_listed_written_and_told_of(sample: str, hub: HttpSink) -> None:
    system = {"url": sample, **RECORDS, "page": 2}
    records = HttpRecords().under({"records": system})
    settings = HttpSettings(authorization="Bearer sesame", records=system)  # type: ignore[arg-type]
    async with calling(settings, sample) as call:
        ids = []
        for number in range(5):
            person = {"name": f"Гость {number}", "phone": (f"+7999000000{number}",), "birthday": "1990-02-28"}
            written = await records.create(CONTACT, person, (), f"svz-{number}", call)
            assert isinstance(written.outcome, Succeeded), written
            assert written.left_out == ()
            ids.append(written.outcome.external_id or "")
        found, after = [], None
        while not found or after is not None:
            page = await records.page(CONTACT, after, call)
            found, after = [*found, *(one.id for one in page.objects)], page.next
        assert found == ids
        assert [one.id for one in await records.find(CONTACT, Key(KeyType.PHONE, "+79990000003"), call) or ()] == [
            ids[3]
        ]
        assert [one.id for one in await records.find(CONTACT, Key(KeyType.MARK, "svz-2"), call) or ()] == [ids[2]]
        there = {one.id: one for one in await records.read_many(CONTACT, [ids[0], ids[4], "77"], call)}
        assert set(there) == {ids[0], ids[4]}
        first = there[ids[0]]
        assert first.changed_at is not None
        changed = await records.update(first, {"email": ("anna@example.test",), "birthday": CLEARED}, call)
        assert changed is not None
        assert changed.shown is not None
        assert (changed.shown.elements("email"), changed.shown.shows("birthday")) == (("anna@example.test",), CLEARED)
        late = await records.update(first, {"name": "Анна"}, call)
        assert late is not None
        assert isinstance(late.outcome, Retry), "it was changed since it was read"
        page = await records.changed(CONTACT, changed.shown.changed_at or first.changed_at, None, call)
        assert page is not None
        assert [one.id for one in page.objects] == [ids[0]]
        assert (await records.fate(CONTACT, "77", call), await records.fate(CONTACT, ids[0], call)) == (
            Fate.GONE, Fate.THERE,
        )  # fmt: skip
    until = time.monotonic() + 60
    while len(hub.messages) < 6 and time.monotonic() < until:
        time.sleep(0.01)
    assert not [effect for effect in hub.effects if effect["kind"] == "forged"], "its signatures are good"
    told = [
        hint
        for one in hub.messages
        for fact in WEBHOOK.parse(posted(one["body"].encode(), ("content-type", "application/json")), Inbound({}, {}))
        if isinstance(fact, Fact)
        for hint in fact.about
    ]
    assert sorted(told, key=lambda hint: (hint.id, hint.change)) == sorted(
        [*(Hint(kind="contact", id=id_, change=Change.CREATED) for id_ in ids), Hint(kind="contact", id=ids[0])],
        key=lambda hint: (hint.id, hint.change),
    )


async def test_a_stranger_is_told_nothing(sample: str) -> None:
    settings = HttpSettings(authorization="Bearer no", records={"url": sample})  # type: ignore[arg-type]
    async with calling(settings, sample) as call:
        with pytest.raises(Exception, match="let us in"):
            await HttpRecords().page(CONTACT, None, call)


def test_whatever_it_is_asked_it_answers(sample: str) -> None:
    ours = {"authorization": "Bearer sesame"}
    for path, headers, body in (
        ("contact", ours, b"[1]"), ("contact", ours, b'{"fields": null}'),
        ("contact", ours, b'{"fields": {"name": {"a": 1}}}'), (f"contact/{10**30}", ours, b"{}"),
        ("contact", {"authorization": "Bearer сезам".encode()}, b"{}"),
    ):  # fmt: skip
        answer = httpx.post(f"{sample}/{path}", content=body, headers=headers)  # type: ignore[arg-type]
        assert answer.status_code in (400, 401)
        assert set(answer.json()) == {"error"}
    assert httpx.get(f"{sample}/contact?since=2026-01-01T00:00:00Z", headers=ours).json()["objects"] == []
