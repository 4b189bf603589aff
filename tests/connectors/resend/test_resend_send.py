"""One letter through Resend, and what each of its answers means: against the stand-in, over real HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.support import NOW, by_deed, calling, perform
from simulators.resend import KEY, SECRET
from simulators.serve import Running
from svyazka.connectors.resend.failures import FAILURES
from svyazka.connectors.resend.manifest import MANIFEST
from svyazka.connectors.resend.messenger import subject_of
from svyazka.connectors.resend.settings import ResendSettings
from svyazka.model.commands import SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unknown

SAMPLES = Path(__file__).parents[2] / "samples" / "resend"
SETTINGS = ResendSettings(api_key=KEY, sender="Кофейня «Утро» <noreply@example.com>", signing_secret=SECRET)
ANNA = "anna@example.org"
HOOK = "https://hub.example.ru/webhook_resend?key=1.kofe.mail.1.mac"


def letter(email: str | None = ANNA, text: str = "Оцените нас", **more: Any) -> SendMessage:
    return SendMessage(to=Contact(email=email), text=text, **{"subject": "Спасибо за визит", **more})


async def sent(
    resend: Running, command: SendMessage | None = None, settings: ResendSettings = SETTINGS, **around: Any
) -> Outcome:
    async with calling(settings, resend.base_url("resend"), **around) as call:
        return await perform(MANIFEST, command or letter(), call)


async def answered(resend: Running, status: int, body: Any, headers: Any = None, **around: Any) -> Outcome:
    """What becomes of a letter to which Resend answers so."""
    resend.fault("resend", kind="answer", path="/emails", status=status, body=body, headers=headers or {})
    return await sent(resend, **around)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def raw(name: str) -> tuple[str, dict[str, str], bytes]:
    """First line, headers and body of a raw message."""
    head, _, body = (SAMPLES / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}, body


def ledger(resend: Running) -> list[dict[str, Any]]:
    return [effect for effect in resend.of("resend").effects if effect["kind"] == "message"]


def asked(resend: Running) -> dict[str, Any]:
    """Body of the last call."""
    body: dict[str, Any] = json.loads(resend.of("resend").calls[-1]["body"])
    return body


# The request


async def test_the_request_is_the_samples_but_for_the_name_of_its_tag(resend: Running) -> None:
    await sent(resend, letter(html="<p>Оцените нас</p>"))
    _, _, body = raw("send_request")
    theirs, ours = json.loads(body), asked(resend)
    del theirs["reply_to"]  # answers go to the sender
    assert {name: value for name, value in ours.items() if name != "tags"} == {
        name: value for name, value in theirs.items() if name != "tags"
    }
    assert ours["tags"] == [{"name": "delivery", "value": "dlv_1"}]


async def test_a_letter_arrives_once_with_both_of_its_forms(resend: Running) -> None:
    outcome = await sent(resend, letter(html="<p>Оцените нас</p>"))
    (taken,) = ledger(resend)
    assert (taken["to"], taken["subject"], taken["text"], taken["html"], taken["key"]) == (
        ANNA, "Спасибо за визит", "Оцените нас", "<p>Оцените нас</p>", "dlv_1.1",
    )  # fmt: skip
    assert isinstance(outcome, Succeeded)
    assert outcome.external_id == taken["id"]


async def test_a_letter_without_html_has_none(resend: Running) -> None:
    await sent(resend)
    assert "html" not in asked(resend)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Анна, спасибо за визит! Оставьте отзыв: https://example.org/r", "Анна, спасибо за визит!"),
        ("Ваш код: 1234", "Ваш код: 1234"), ("Здравствуйте.\nЖдём вас", "Здравствуйте."), ("Первая\nВторая", "Первая"),
        ("слово " * 30, "слово слово слово слово слово слово слово слово слово слово слово…"), (" \n ", "Сообщение"),
    ],
)  # fmt: skip
def test_a_letter_without_a_subject_is_named_by_its_first_sentence(text: str, subject: str) -> None:
    assert subject_of(text) == subject


async def test_no_key_stands_in_a_story_neither_resends_nor_our_webhooks(resend: Running) -> None:
    async with calling(SETTINGS, resend.base_url("resend"), hook_url=HOOK) as call:
        await perform(MANIFEST, letter(), call)
        (exchange,) = call.http.log
    story = exchange.model_dump_json()
    assert "List-Unsubscribe" in story
    assert KEY not in story
    assert "1.kofe.mail" not in story


def test_an_aggregators_address_is_nobodys() -> None:
    assert MANIFEST.address(Contact(email=" Anna@Example.ORG ")) == ANNA
    assert MANIFEST.address(Contact(email=ANNA, proxy=True)) is None


# The link to unsubscribe


async def test_a_letter_can_be_unsubscribed_from_by_one_click_and_names_nobody_in_the_link(resend: Running) -> None:
    await sent(resend, hook_url=HOOK)
    headers = ledger(resend)[0]["headers"]
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = headers["List-Unsubscribe"]
    assert link.startswith("<https://hub.example.ru/webhook_resend/unsubscribe-")
    assert "anna" not in link


@pytest.mark.parametrize(
    ("hook", "secret", "code"),
    [(None, SECRET, False), ("http://127.0.0.1/webhook_resend?key=k", SECRET, False), (HOOK, None, False),
     (HOOK, SECRET, True)],
)  # fmt: skip
async def test_there_is_no_link_where_it_could_not_work_and_none_in_a_code(
    resend: Running, hook: str | None, secret: str | None, code: bool
) -> None:
    settings = SETTINGS.model_copy(update={"signing_secret": secret})
    await sent(resend, letter(code=code), settings, hook_url=hook)
    assert "headers" not in asked(resend)


# Repeating


async def test_a_repeat_is_the_same_to_the_byte_and_sends_nothing_more(resend: Running) -> None:
    first = await sent(resend, hook_url=HOOK)
    again = await sent(resend, hook_url=HOOK, doubt_since=NOW - timedelta(minutes=5))
    assert first == again
    assert len(ledger(resend)) == 1
    one, two = (call["body"] for call in resend.of("resend").calls)
    assert one == two


async def test_a_changed_sender_under_the_same_key_is_never_sent_again(resend: Running) -> None:
    await sent(resend)
    other = SETTINGS.model_copy(update={"sender": "noreply@example.com"})
    sure = await sent(resend, settings=other)
    assert isinstance(sure, Refused)
    assert sure.remedy
    in_doubt = await sent(resend, settings=other, doubt_since=NOW - timedelta(minutes=5))
    assert isinstance(in_doubt, Unknown), "our earlier try was received: its events tell what became of it"
    assert len(ledger(resend)) == 1


# The samples' answers


async def test_send_ok(resend: Running) -> None:
    outcome = await answered(resend, 200, sample("send_ok"))
    assert outcome == Succeeded(external_id="49a3999c-0ce1-4ea6-ab68-afcd6dc2e794")


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("error_422_missing", 422, Refused), ("error_401_restricted", 401, Blocked), ("error_403_domain", 403, Refused),
        ("error_409_conflict", 409, Refused), ("error_409_concurrent", 409, Retry), ("error_429_daily", 429, Blocked),
        ("error_500", 500, Retry), ("error_409_locked", 409, Retry), ("error_alias_missing_fields", 422, Refused),
    ],
)  # fmt: skip
async def test_the_errors_of_the_samples(resend: Running, name: str, status: int, kind: type[Outcome]) -> None:
    outcome = await answered(resend, status, sample(name))
    assert isinstance(outcome, kind)
    if name == "error_403_domain":
        assert isinstance(outcome, Refused)
        assert "домен не подтверждён" in outcome.message
        assert outcome.remedy, "it is a matter of settings: somebody is told"


async def test_the_rate_limit_of_the_samples_is_waited_for(resend: Running) -> None:
    _, headers, body = raw("error_429_rate")
    del headers["content-length"]
    outcome = await answered(resend, 429, body.decode(), headers)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.after) == ("429", 1.0)


async def test_the_gateway_of_the_samples_is_tried_again_with_the_same_key_and_bytes(resend: Running) -> None:
    _, _, body = raw("error_502")
    outcome = await answered(resend, 502, body.decode(), {"content-type": "text/html"})
    assert isinstance(outcome, Retry)
    assert outcome.maybe_sent
    await sent(resend, doubt_since=NOW)
    one, two = (call["body"] for call in resend.of("resend").calls)
    assert one == two
    assert ledger(resend)[0]["key"] == "dlv_1.1"


# The failure map, row by row


def test_the_rows_are_those_of_resends_pages() -> None:
    assert by_deed(FAILURES.codes.items()) == {
        "block": {
            "missing_api_key", "restricted_api_key", "invalid_api_key", "suspended_api_key", "invalid_access",
            "invalid_permission", "email_above_quota", "daily_quota_exceeded", "monthly_quota_exceeded",
        },
        "retry": {
            "rate_limit_exceeded", "concurrent_idempotent_requests", "resource_locked", "application_error",
            "internal_server_error", "service_unavailable",
        },
        "refuse": {
            "invalid_idempotent_request", "invalid_idempotency_key", "validation_error", "invalid_from_address",
            "not_found", "method_not_allowed", "invalid_attachment", "invalid_parameter", "invalid_region",
            "missing_required_field", "missing_required_fields", "missing_required_parameter", "security_error",
        },
    }  # fmt: skip
    assert by_deed(FAILURES.statuses.items()) == {
        "block": {401, 403}, "refuse": {400, 404, 405, 413, 422, 451}, "retry": {408, 409, 429},
    }  # fmt: skip
    assert all(FAILURES.codes[name].remedy for name in ("invalid_idempotent_request", "security_error")), "told"


@pytest.mark.parametrize(
    ("headers", "after"),
    [({"retry-after": "7", "ratelimit-reset": "3"}, 7.0), ({"ratelimit-reset": "3"}, 3.0), ({}, 1.0),
     ({"retry-after": "soon"}, 1.0)],
)  # fmt: skip
async def test_too_many_requests_wait_as_long_as_resend_says(
    resend: Running, headers: dict[str, str], after: float
) -> None:
    outcome = await answered(resend, 429, {"name": "rate_limit_exceeded"}, headers)
    assert isinstance(outcome, Retry)
    assert outcome.after == after


async def test_a_deliverys_id_can_be_a_tag(resend: Running) -> None:
    assert isinstance(await sent(resend, key="dlv_0123456789abcdef0123456789abcdef.12"), Succeeded)
    assert asked(resend)["tags"] == [{"name": "delivery", "value": "dlv_0123456789abcdef0123456789abcdef"}]
