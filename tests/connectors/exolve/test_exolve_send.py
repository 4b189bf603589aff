"""One message through Exolve, and what each of its answers means: against the stand-in, over real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.support import NOW, ask, by_deed, calling, perform, repeat_of
from simulators.exolve import KEY
from simulators.serve import Running
from svyazka.connectors.exolve import client
from svyazka.connectors.exolve.client import PAGE
from svyazka.connectors.exolve.failures import FAILURES
from svyazka.connectors.exolve.manifest import MANIFEST
from svyazka.connectors.exolve.messenger import NO_WHATSAPP
from svyazka.connectors.exolve.settings import ExolveSettings
from svyazka.engine.contracts.learning import Finding
from svyazka.model.commands import Repeat, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unclear

SAMPLES = Path(__file__).parents[2] / "samples" / "exolve"
SETTINGS = ExolveSettings(api_key=KEY, sender="MyBrand")
IVAN = "+79991234567"
TEXT = "Ваша запись завтра в 12:00"
ROWS = list(FAILURES.rows())


def message(phone: str | None = IVAN, text: str = TEXT, **more: Any) -> SendMessage:
    return SendMessage(to=Contact(phone=phone), text=text, **more)


async def sent(
    exolve: Running, command: SendMessage | None = None, settings: ExolveSettings = SETTINGS, **around: Any
) -> Outcome:
    async with calling(settings, exolve.base_url("exolve"), **around) as call:
        return await perform(MANIFEST, command or message(), call)


async def answered(exolve: Running, status: int, body: Any, headers: Any = None, **around: Any) -> Outcome:
    """What becomes of a message to which Exolve answers so."""
    exolve.fault("exolve", kind="answer", path="/messaging/v1/SendSMS", status=status, body=body, headers=headers or {})
    return await sent(exolve, **around)


async def asked(exolve: Running, command: SendMessage | None = None, **around: Any) -> Outcome | None:
    """Whether Exolve has it."""
    now = datetime.now(UTC)
    async with calling(SETTINGS, exolve.base_url("exolve"), **{"now": now, "doubt_since": now, **around}) as call:
        return await ask(MANIFEST, command or message(), call)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def ledger(exolve: Running) -> list[dict[str, Any]]:
    return [effect for effect in exolve.of("exolve").effects if effect["kind"] == "message"]


# The request


async def test_the_request_is_the_samples(exolve: Running) -> None:
    await sent(exolve)
    call = exolve.of("exolve").calls[-1]
    head, _, body = (SAMPLES / "send_request.http").read_bytes().partition(b"\r\n\r\n")
    assert call["body"].encode() == body
    assert head.decode().split()[:2] == [call["method"], call["path"]]


async def test_without_a_sender_the_applications_own_number_is_left_to_exolve(exolve: Running) -> None:
    await sent(exolve, settings=ExolveSettings(api_key=KEY))
    assert "number" not in json.loads(exolve.of("exolve").calls[-1]["body"])
    assert ledger(exolve)[0]["sender"] == "79990000010"


def test_a_message_can_be_asked_for_and_a_code_is_never_repeated() -> None:
    assert repeat_of(MANIFEST, message()) is Repeat.CHECKABLE
    assert repeat_of(MANIFEST, message(code=True)) is Repeat.UNSAFE


async def test_whatsapp_through_exolve_is_refused_with_the_reason_and_never_tried(exolve: Running) -> None:
    settings = ExolveSettings(api_key=KEY, whatsapp_sender="wa-1")
    outcome = await sent(exolve, settings=settings)
    assert outcome == NO_WHATSAPP
    assert exolve.of("exolve").calls == []
    both = settings.model_copy(update={"sender": "MyBrand"})
    assert isinstance(await sent(exolve, settings=both), Succeeded), "its SMS is another matter"


# The samples' answers


async def test_send_ok(exolve: Running) -> None:
    assert await answered(exolve, 200, sample("send_ok")) == Succeeded(external_id="439166538239448536")


@pytest.mark.parametrize(
    ("name", "status", "kind", "said"),
    [
        ("error_400_nested", 400, Refused, "wrong number"), ("error_400_flat", 400, Refused, "isn't allowed"),
        ("error_401", 401, Blocked, "ключ API"), ("error_403_message", 403, Blocked, "нет доступа"),
    ],
)  # fmt: skip
async def test_the_errors_of_the_samples_in_all_their_forms(
    exolve: Running, name: str, status: int, kind: type[Outcome], said: str
) -> None:
    outcome = await answered(exolve, status, sample(name))
    assert isinstance(outcome, kind)
    assert said in outcome.message


async def test_200_without_an_id_is_not_sent_is_asked_for_and_refused_the_second_time(exolve: Running) -> None:
    first = await answered(exolve, 200, sample("send_200_empty"))
    assert isinstance(first, Unclear)
    second = await answered(exolve, 200, sample("send_200_empty"), doubt_since=NOW)
    assert isinstance(second, Refused)
    assert second.remedy, "somebody is told"
    code = await answered(exolve, 200, sample("send_200_empty"), command=message(code=True))
    assert isinstance(code, Unclear)


async def test_a_page_of_plain_text_is_a_wrong_address(exolve: Running) -> None:
    _, _, body = (SAMPLES / "send_404_text.http").read_bytes().partition(b"\r\n\r\n")
    outcome = await answered(exolve, 404, body.decode(), {"content-type": "text/plain"})
    assert isinstance(outcome, Retry)
    assert "base_url" in outcome.message
    async with calling(SETTINGS, exolve.base_url("exolve") + "/elsewhere") as call:
        assert isinstance(await perform(MANIFEST, message(), call), Retry)


# The failure map, row by row


def test_the_rows_are_those_that_are_known_of_exolve() -> None:
    assert by_deed(((case.status, case.phrase), rule) for case, rule in ROWS) == {
        "refuse": {
            (400, "incorrect number format"), (400, "destination is not permitted"),
            (400, "customer has not signed"), (400, ""), (404, ""),
        },
        "block": {
            (400, "incorrect customer state"), (400, "is disabled on the application"),
            *((400, words) for words in ("underfunded", "insufficient", "not enough", "balance")),
            (401, ""), (402, ""), (403, ""),
        },
        "retry": {(429, "")}, "unclear": {(408, "")},
    }  # fmt: skip
    assert FAILURES.rule_of(400, said="customer has not signed").remedy, "told once"


async def test_an_error_may_come_with_200(exolve: Running) -> None:
    outcome = await answered(exolve, 200, {"error": {"message": "incorrect customer state", "code": 7, "details": []}})
    assert isinstance(outcome, Blocked)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", ["<html>", {}, {"error": {"message": "internal"}}])
async def test_a_provider_that_fails_is_asked_before_it_is_tried_again(exolve: Running, status: int, body: Any) -> None:
    outcome = await answered(exolve, status, body)
    assert isinstance(outcome, Unclear)
    assert isinstance(await answered(exolve, status, body, command=message(code=True)), Unclear)


def test_a_row_with_a_phrase_stands_before_the_one_that_takes_them_all() -> None:
    assert [FAILURES.rule_of(case.status, said=case.phrase) for case, _ in ROWS] == [rule for _, rule in ROWS]


# Asking


async def test_the_list_of_the_samples_has_the_message_though_its_numbers_say_nothing(exolve: Running) -> None:
    exolve.fault("exolve", kind="answer", path="/messaging/v1/GetList", status=200, body=sample("get_list"))
    outcome = await asked(exolve, doubt_since=datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    assert outcome == Succeeded(external_id="439166538239448536", already=True)


@pytest.mark.parametrize(
    ("command", "found"),
    [(message(), True), (message(text="Иное"), False), (message("+79991234568"), False),
     (message(text=f"{TEXT} "), True)],
)  # fmt: skip
async def test_only_the_same_text_to_the_same_number_counts(exolve: Running, command: SendMessage, found: bool) -> None:
    await sent(exolve)
    assert (await asked(exolve, command) is not None) is found


async def test_what_was_sent_before_the_first_try_was_not_this_one(exolve: Running) -> None:
    await sent(exolve)
    later = datetime.now(UTC) + timedelta(minutes=10)
    assert await asked(exolve, now=later, doubt_since=later) is None


async def test_a_long_list_is_looked_through_page_by_page(exolve: Running) -> None:
    await sent(exolve)
    listed = exolve.of("exolve").messages
    listed[:0] = [{**listed[0], "text": "Иное"} for _ in range(PAGE)]
    assert isinstance(await asked(exolve), Succeeded)
    offsets = [json.loads(call["body"]).get("offset") for call in exolve.of("exolve").calls[1:]]
    assert offsets == [0, PAGE]
    listed[:0] = listed[:PAGE] * client.PAGES
    assert isinstance(await asked(exolve), Retry), "it may be further on: nothing is repeated blindly"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(401, {}, Retry), (503, "", Unclear), (404, "404", Retry), (400, {}, Retry), (200, "<html>", Unclear)],
)
async def test_an_exolve_that_does_not_tell_proves_nothing(
    exolve: Running, status: int, body: Any, kind: type[Outcome]
) -> None:
    exolve.fault("exolve", kind="answer", path="/messaging/v1/GetList", status=status, body=body)
    assert isinstance(await asked(exolve), kind)


# doctor


async def checked(exolve: Running, settings: ExolveSettings = SETTINGS) -> dict[str, Finding]:
    async with calling(settings, exolve.base_url("exolve")) as call:
        return {finding.check: finding for finding in await MANIFEST.doctor.check(call)}


async def test_a_good_key_is_found_good_by_counting(exolve: Running) -> None:
    exolve.fault("exolve", kind="answer", path="/messaging/v1/GetCount", status=200, body=sample("get_count"))
    findings = await checked(exolve)
    assert list(findings) == ["credentials"]
    assert findings["credentials"].status == "ok"
    assert "42" in findings["credentials"].message


async def test_what_is_not_in_order_is_said_with_its_remedy(exolve: Running) -> None:
    findings = await checked(exolve, ExolveSettings(api_key="wrong", whatsapp_sender="wa-1"))
    assert {name: finding.status for name, finding in findings.items()} == {
        "credentials": "fail", "sender": "warn", "whatsapp": "warn",
    }  # fmt: skip
    assert all(finding.remedy for finding in findings.values())
    async with calling(SETTINGS, "http://127.0.0.1:1") as call:
        (finding,) = await MANIFEST.doctor.check(call)
    assert finding.status == "fail"
    assert (MANIFEST.doctor.ready(SETTINGS), MANIFEST.doctor.ready(ExolveSettings())) == (True, False)
