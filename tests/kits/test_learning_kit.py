"""The kit of reading and of doctors: what they say when the vendor is away, or another answers in its place.

Whoever can be asked takes part with an object of its own, or the build fails.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from connectors.support import calling
from engine.outbound.test_transport import request_of, vendor
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.manifest import Manifest
from svyazka.model.errors import MaybeSent, NotSent, SourceUnavailable
from svyazka.model.events import Entity
from svyazka.model.outcomes import Retry

ID = str(UUID(int=1))
SECRET = "k3y-of-the-kit"
ASKED: dict[str, tuple[dict[str, Any], Entity]] = {
    "amocrm": ({"subdomain": "kofe", "token": SECRET}, Entity(kind="lead", id="7")),
    "bitrix24": ({"webhook_url": f"https://kofe.bitrix24.ru/rest/1/{SECRET}/"}, Entity(kind="deal", id="7")),
    "iiko": ({"api_login": SECRET, "organization_id": ID}, Entity(kind="delivery", id=ID)),
    "resend": ({"api_key": SECRET}, Entity(kind="email", id="7")),
    "rkeeper": ({"client_id": "c", "client_secret": SECRET}, Entity(kind="order", id="7")),
    "smsru": ({"api_id": SECRET}, Entity(kind="message", id="202626-7")),
    "yclients": ({"company_id": 1, "partner_token": SECRET, "user_token": SECRET}, Entity(kind="record", id="7")),
}
"""Settings with access, and an object that may be asked for."""

READING = [name for name in VENDORS if load_manifest(name).reading is not None]
DOCTORS = [name for name in ASKED if load_manifest(name).doctor is not None]


def settings_of(name: str, base_url: str) -> tuple[Manifest[Any], Any]:
    manifest = load_manifest(name)
    return manifest, manifest.settings.model_validate({**ASKED[name][0], "base_url": base_url})


def page(status: int):  # type: ignore[no-untyped-def]
    """A box on the way that answers everything with its page."""
    body = "<html>Доступ ограничен</html>".encode()

    async def answer(reader, writer) -> None:  # type: ignore[no-untyped-def]
        while True:
            await request_of(reader)
            head = f"HTTP/1.1 {status} No\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)

    return answer


def test_whoever_can_be_asked_takes_part() -> None:
    assert set(READING) == set(ASKED)


@pytest.mark.parametrize("name", ASKED)
def test_without_access_nobody_is_asked_and_with_it_they_are(name: str) -> None:
    manifest, settings = settings_of(name, "http://127.0.0.1:1")
    assert manifest.reading is not None
    assert manifest.reading.ready(settings)
    bare = {setting: value for setting, value in ASKED[name][0].items() if SECRET not in str(value)}
    assert not manifest.reading.ready(manifest.settings.model_validate(bare))


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("status", [400, 401, 402, 404, 405, 410, 422])
async def test_a_page_in_place_of_a_sources_api_is_tried_again(name: str, status: int) -> None:
    async with vendor(page(status)) as port:
        manifest, settings = settings_of(name, f"http://127.0.0.1:{port}")
        assert manifest.reading is not None
        async with calling(settings, f"http://127.0.0.1:{port}") as call:
            with pytest.raises(SourceUnavailable) as caught:
                await manifest.reading.read(ASKED[name][1], call)
            assert SECRET not in str([one.model_dump_json() for one in call.http.log])
    assert isinstance(caught.value.outcome, Retry)


@pytest.mark.parametrize("name", ASKED)
async def test_a_source_that_is_away_is_said_to_be_away(name: str) -> None:
    manifest, settings = settings_of(name, "http://127.0.0.1:1")
    assert manifest.reading is not None
    async with calling(settings, "http://127.0.0.1:1") as call:
        with pytest.raises((SourceUnavailable, NotSent, MaybeSent)):
            await manifest.reading.read(ASKED[name][1], call)


@pytest.mark.parametrize("name", DOCTORS)
async def test_a_doctor_who_reaches_nobody_finds_so_and_tells_no_credential(name: str) -> None:
    manifest, settings = settings_of(name, "http://127.0.0.1:1")
    assert manifest.doctor is not None
    hook = "https://hub.example.org/webhook?key=k"
    async with calling(settings, "http://127.0.0.1:1", hook_url=hook) as call:
        findings = await manifest.doctor.check(call)
    assert "fail" in {finding.status for finding in findings}
    assert len({finding.check for finding in findings}) == len(findings)
    assert SECRET not in json.dumps([str(finding) for finding in findings])
