"""What `doctor` finds out about an account of Resend's, and letters read again: over real HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.support import calling
from simulators.resend import KEY, ONLY_SENDING, SECRET
from simulators.serve import Running
from svyazka.connectors.resend.doctor import NEEDED
from svyazka.connectors.resend.manifest import MANIFEST
from svyazka.connectors.resend.settings import ResendSettings
from svyazka.connectors.resend.webhook import received_fact
from svyazka.engine.contracts.learning import Finding
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.consent import Consent
from svyazka.model.contacts import Contact
from svyazka.model.errors import NotShown
from svyazka.model.events import Entity, EventType, Fact, ReceiptState

SAMPLES = Path(__file__).parents[2] / "samples" / "resend"
SETTINGS = ResendSettings(api_key=KEY, sender="Кофейня <noreply@example.com>", signing_secret=SECRET)
HOOK = "https://hub.example.ru/webhook_resend?key=1.kofe.mail.1.mac"
ENDPOINT = {"id": "1", "endpoint": HOOK, "events": sorted(NEEDED), "status": "enabled"}


async def checked(resend: Running, settings: ResendSettings = SETTINGS, hook: str | None = HOOK) -> dict[str, Finding]:
    async with calling(settings, resend.base_url("resend"), hook_url=hook) as call:
        return {finding.check: finding for finding in await MANIFEST.doctor.check(call)}


async def reread(resend: Running, kind: str, id_: str, settings: ResendSettings = SETTINGS) -> Fact | None:
    async with calling(settings, resend.base_url("resend")) as call:
        return await MANIFEST.reading.read(Entity(kind=kind, id=id_), call)


def statuses(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.status for name, finding in findings.items()}


async def test_an_account_in_order_has_nothing_to_mend(resend: Running) -> None:
    resend.of("resend").endpoints = [{**ENDPOINT, "endpoint": "https://other.example.ru/in?key=secret"}, ENDPOINT]
    async with calling(SETTINGS, resend.base_url("resend"), hook_url=HOOK) as call:
        findings = await MANIFEST.doctor.check(call)
        told = "".join(exchange.model_dump_json() for exchange in call.http.log)
    assert [(finding.check, finding.status) for finding in findings] == [
        ("sender", "ok"), ("webhook", "ok"), ("signing secret", "ok"),
    ]  # fmt: skip
    assert "secret" not in told, "other programs' addresses hold their keys"
    assert "1.kofe" not in findings[1].message


@pytest.mark.parametrize(
    ("domains", "sender", "status", "said"),
    [
        ({"example.com": "verified"}, "noreply@EXAMPLE.com", "ok", "verified"),
        ({"example.com": "pending"}, "noreply@example.com", "fail", "pending"),
        ({"example.com": "temporary_failure"}, "x <noreply@example.com>", "fail", "temporary_failure"),
        ({}, "noreply@example.com", "fail", "no domain"), ({}, "onboarding@resend.dev", "warn", "own address only"),
        ({}, None, "fail", "isn't set"),
    ],
)  # fmt: skip
async def test_the_senders_domain_must_be_verified(
    resend: Running, domains: dict[str, str], sender: str | None, status: str, said: str
) -> None:
    resend.of("resend").domains = domains
    finding = (await checked(resend, SETTINGS.model_copy(update={"sender": sender})))["sender"]
    assert finding.status == status
    assert said in finding.message
    assert bool(finding.remedy) == (status != "ok")


@pytest.mark.parametrize(
    ("endpoints", "hook", "status", "said"),
    [
        ([], HOOK, "warn", "isn't there"), ([ENDPOINT], None, "warn", "isn't known"),
        ([ENDPOINT], HOOK, "ok", "come to us"),
        ([{**ENDPOINT, "endpoint": HOOK.replace("1.mac", "0.cam")}], HOOK, "warn", "another key"),
        ([{**ENDPOINT, "status": "disabled"}], HOOK, "warn", "switched off"),
        ([{**ENDPOINT, "events": ["email.delivered"]}], HOOK, "warn", "email.bounced"),
        ([{**ENDPOINT, "events": None}], HOOK, "ok", "come to us"),
    ],
)  # fmt: skip
async def test_the_endpoint_must_be_ours_and_hear_enough(
    resend: Running, endpoints: list[dict[str, Any]], hook: str | None, status: str, said: str
) -> None:
    resend.of("resend").endpoints = endpoints
    finding = (await checked(resend, hook=hook))["webhook"]
    assert finding.status == status
    assert said in finding.message


@pytest.mark.parametrize(("secret", "status"), [(SECRET, "ok"), (None, "warn"), ("whsec_", "warn")])
async def test_the_signing_secret_must_be_one(resend: Running, secret: str | None, status: str) -> None:
    findings = await checked(resend, SETTINGS.model_copy(update={"signing_secret": secret}))
    assert findings["signing secret"].status == status


async def test_a_key_that_may_only_send_hinders_nothing(resend: Running) -> None:
    findings = await checked(resend, SETTINGS.model_copy(update={"api_key": ONLY_SENDING}))
    assert statuses(findings) == {"sender": "ok", "webhook": "ok", "signing secret": "ok"}
    assert "may only send" in findings["sender"].message


async def test_a_wrong_key_is_said_first_with_its_remedy(resend: Running) -> None:
    findings = await checked(resend, SETTINGS.model_copy(update={"api_key": "re_wrong"}))
    assert statuses(findings) == {"sender": "fail", "signing secret": "ok"}
    assert "svyazka secret set" in str(findings["sender"].remedy)


async def test_a_resend_that_cannot_be_reached_is_one_finding() -> None:
    async with calling(SETTINGS, "http://127.0.0.1:1") as call:
        findings = await MANIFEST.doctor.check(call)
    assert [(finding.check, finding.status) for finding in findings] == [("sender", "fail"), ("signing secret", "ok")]


def test_what_can_be_asked_depends_on_the_key() -> None:
    assert MANIFEST.doctor.ready(SETTINGS) is MANIFEST.reading.ready(SETTINGS) is True
    assert MANIFEST.doctor.ready(ResendSettings()) is MANIFEST.reading.ready(ResendSettings()) is False


# Reading again


async def test_the_letter_of_the_samples_is_the_fact_that_its_event_told(resend: Running) -> None:
    body = json.loads((SAMPLES / "email_get.json").read_bytes())
    resend.fault("resend", kind="answer", path="/emails/*", status=200, body=body)
    fact = await reread(resend, "email", body["id"])
    assert fact is not None
    assert fact.key == ("email", "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794", "delivered")
    assert fact.receipt is not None
    assert fact.receipt.state is ReceiptState.DELIVERED


async def test_a_letter_that_is_not_there_is_none_and_a_key_that_may_not_look_says_so(resend: Running) -> None:
    assert await reread(resend, "email", "nobodys") is None
    assert await reread(resend, "received", "nobodys") is None
    assert await reread(resend, "something", "else") is None
    with pytest.raises(NotShown):
        await reread(resend, "email", "nobodys", SETTINGS.model_copy(update={"api_key": ONLY_SENDING}))


async def test_a_resend_in_trouble_is_asked_again_later(resend: Running) -> None:
    resend.fault("resend", kind="answer", path="/emails/*", status=500, body={})
    with pytest.raises(VendorFailure):
        await reread(resend, "email", "e1")


async def test_a_letter_that_came_is_read_whole(resend: Running) -> None:
    told = httpx.post(
        f"{resend.url}/_sim/resend/incoming", trust_env=False,
        json={"from": "Анна <anna@example.org>", "subject": "Re: Спасибо", "text": "СТОП\n", "hook": "http://127.0.0.1:1"},
    ).json()  # fmt: skip
    fact = await reread(resend, "received", told["id"])
    assert fact is not None
    assert (fact.type, fact.partial, fact.contact) == (
        EventType.MESSAGE_RECEIVED, False, Contact(name="Анна", email="anna@example.org"),
    )  # fmt: skip
    assert fact.data["text"] == "СТОП"
    assert fact.consent is Consent.WITHDRAWN
    announced = received_fact({"email_id": told["id"]})
    assert announced is not None
    assert announced.key != fact.key, "the whole letter is a fact of its own"
