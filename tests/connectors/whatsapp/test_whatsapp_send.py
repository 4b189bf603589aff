"""One message through WhatsApp, and what each of Meta's answers means: against the stand-in, over real HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.support import by_deed, calling, perform
from simulators.serve import Running
from simulators.whatsapp import APP_SECRET, NUMBER, TOKEN
from svyazka.connectors.whatsapp.failures import FAILURES
from svyazka.connectors.whatsapp.manifest import MANIFEST
from svyazka.connectors.whatsapp.settings import WhatsappSettings
from svyazka.connectors.whatsapp.templates import WrongTemplate, template_of
from svyazka.engine.contracts.learning import Finding
from svyazka.model.commands import SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded
from svyazka.model.reasons import Reason

SAMPLES = Path(__file__).parents[2] / "samples" / "whatsapp-meta"
SETTINGS = WhatsappSettings(phone_number_id=NUMBER, access_token=TOKEN, app_secret=APP_SECRET, verify_token="v")
ANNA = "+79991234567"
TEXT = "Спасибо за визит!"
TEMPLATE = {"name": "review_request", "language": "ru", "parameters": ["Кофейня «Утро»"]}


def message(phone: str | None = ANNA, text: str = TEXT, **more: Any) -> SendMessage:
    return SendMessage(to=Contact(phone=phone), text=text, **more)


async def sent(
    whatsapp: Running, command: SendMessage | None = None, settings: WhatsappSettings = SETTINGS, **around: Any
) -> Outcome:
    async with calling(settings, whatsapp.base_url("whatsapp"), **around) as call:
        return await perform(MANIFEST, command or message(), call)


async def answered(whatsapp: Running, status: int, body: Any, headers: Any = None, **around: Any) -> Outcome:
    """What becomes of a message to which Meta answers so."""
    whatsapp.fault("whatsapp", kind="answer", path="/*/messages", status=status, body=body, headers=headers or {})
    return await sent(whatsapp, **around)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def asked(whatsapp: Running) -> dict[str, Any]:
    """Body of the last call."""
    body: dict[str, Any] = json.loads(whatsapp.of("whatsapp").calls[-1]["body"])
    return body


# The request


async def test_a_text_is_the_samples(whatsapp: Running) -> None:
    await sent(whatsapp, key="job-01")
    assert asked(whatsapp) == sample("send_text_request")
    assert whatsapp.of("whatsapp").calls[-1]["path"] == "/v25.0/1122334455667/messages"


async def test_a_template_is_the_samples_with_our_key(whatsapp: Running) -> None:
    button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "abc123"}]}
    await sent(whatsapp, message(template={**TEMPLATE, "components": [button]}))
    body = asked(whatsapp)
    assert (body.pop("biz_opaque_callback_data"), body.pop("recipient_type")) == ("dlv_1.1", "individual")
    assert body == sample("send_template_request")


async def test_who_hides_his_number_is_reached_by_his_id(whatsapp: Running) -> None:
    hidden = Contact(name="Анна", chats={"whatsapp": "RU.13491208655302741918"})
    await sent(whatsapp, SendMessage(to=hidden, text=TEXT))
    assert asked(whatsapp)["recipient"] == "RU.13491208655302741918"
    assert "to" not in asked(whatsapp)


@pytest.mark.parametrize(
    ("contact", "reached"),
    [
        (Contact(phone="8 (999) 123-45-67"), ANNA), (Contact(phone="+375 29 123-45-67"), "+375291234567"),
        (Contact(phone="8 800 555-35-35"), None), (Contact(phone=ANNA, proxy=True), None), (Contact(), None),
        (Contact(chats={"whatsapp": "RU.1/../2"}), None), (Contact(chats={"telegram": "5"}), None),
    ],
)  # fmt: skip
async def test_whom_it_reaches(whatsapp: Running, contact: Contact, reached: str | None) -> None:
    assert MANIFEST.address(contact) == reached
    assert isinstance(await sent(whatsapp, SendMessage(to=contact, text=TEXT)), Succeeded if reached else Refused)
    assert len(whatsapp.of("whatsapp").calls) == bool(reached)


@pytest.mark.parametrize("id_", [1122334455667, "1122334455667"])
def test_a_number_of_yaml_is_an_id(id_: object) -> None:
    assert WhatsappSettings.model_validate({"phone_number_id": id_}).phone_number_id == str(id_)


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone_number_id": "../me"},
        {"phone_number_id": "+79990000001"},
        {"graph_version": "25"},
        {"phone_number_id": ""},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        WhatsappSettings.model_validate(wrong)


# Templates


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"name": "hello"}, {"name": "hello", "language": {"code": "ru"}}),
        ({"name": "hello", "language": {"code": "en_US"}}, {"name": "hello", "language": {"code": "en_US"}}),
        (
            {"name": "r", "parameters": {"client": "Анна", "sum": 150}},
            {
                "name": "r", "language": {"code": "ru"},
                "components": [{"type": "body", "parameters": [
                    {"type": "text", "parameter_name": "client", "text": "Анна"},
                    {"type": "text", "parameter_name": "sum", "text": "150"},
                ]}],
            },
        ),
        (
            {
                "name": "r",
                "components": [{"type": "body", "parameters": [{"type": "text", "text": " a\nb\t c      d "}]},
                               {"type": "button", "sub_type": "quick_reply", "index": "0"}],
            },
            {
                "name": "r", "language": {"code": "ru"},
                "components": [{"type": "body", "parameters": [{"type": "text", "text": "a b  c d"}]},
                               {"type": "button", "sub_type": "quick_reply", "index": "0"}],
            },
        ),
        ({"name": "r", "parameters": []}, {"name": "r", "language": {"code": "ru"}}),
    ],
)  # fmt: skip
def test_a_template_is_written_as_meta_wants_it(given: Any, made: Any) -> None:
    assert template_of(given) == made


@pytest.mark.parametrize(
    "given",
    [{}, {"name": ""}, {"name": 7}, {"name": "r", "language": None}, {"name": "r", "parameters": "x"},
     {"name": "r", "parameters": [None]}, {"name": "r", "parameters": [["x"]]}, {"name": "r", "components": {}},
     {"name": "r", "components": ["body"]}, {"name": "r", "params": []}, {"name": "r", "parameters": [" \n"]}],
)  # fmt: skip
async def test_a_template_that_cannot_be_sent_costs_no_call_and_is_told_why(whatsapp: Running, given: Any) -> None:
    with pytest.raises(WrongTemplate, match=r"expected|empty"):
        template_of(given)
    assert isinstance(await sent(whatsapp, message(template=given)), Refused)
    assert whatsapp.of("whatsapp").calls == []


# The samples' answers


async def test_send_ok(whatsapp: Running) -> None:
    outcome = await answered(whatsapp, 200, sample("send_ok"))
    assert outcome == Succeeded(external_id="wamid.HBgLNzk5OTEyMzQ1NjcVAgASZ3YSgofvLLjq15go5bdv")


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("error_131056", 400, Retry), ("error_190_expired", 401, Blocked), ("error_130429", 400, Retry),
        ("error_132001", 404, Refused), ("error_100", 400, Refused), ("error_368", 403, Blocked),
    ],
)  # fmt: skip
async def test_the_errors_of_the_samples(whatsapp: Running, name: str, status: int, kind: type[Outcome]) -> None:
    outcome = await answered(whatsapp, status, sample(name))
    assert isinstance(outcome, kind)
    assert outcome.code == str(sample(name)["error"]["code"])
    if isinstance(outcome, Retry) and name == "error_131056":
        assert outcome.after is not None
        assert outcome.after >= 6
        assert not outcome.outage, "the trouble is this one person's"


async def test_a_token_that_ran_out_is_told_with_what_to_do(whatsapp: Running) -> None:
    outcome = await sent(whatsapp, settings=SETTINGS.model_copy(update={"access_token": "old"}))
    assert isinstance(outcome, Blocked)
    assert "системного пользователя" in outcome.remedy


# The failure map, row by row


def test_the_rows_are_those_of_metas_pages() -> None:
    assert by_deed(FAILURES.codes.items()) == {
        "block": {0, 3, 10, 190, 368, 131005, 131031, 131037, 131042, 131045, 131048},
        "retry": {
            1, 2, 4, 80007, 130429, 131000, 131016, 131056, 131057, 132015, 132069, 133004, 133015,
        },
        "refuse": {
            33, 100, 470, 130472, 130497, 131008, 131009, 131021, 131026, 131030, 131047, 131049, 131050, 131051,
            131052, 131053, 131062, 131063, 131064, 132000, 132001, 132005, 132007, 132008, 132012, 132016, 132018,
            132068, 135000, 137000,
        },
    }  # fmt: skip
    assert [FAILURES.rule_of(code=code).do for code in (200, 299, 133000, 133016)] == ["block"] * 4
    assert {code for code, rule in FAILURES.codes.items() if rule.reason is Reason.OPT_OUT} == {131050}
    assert all(FAILURES.codes[code].remedy for code in (33, 100, 131030, 131047, 131063, 132000, 132001, 132016)), (
        "told"
    )


@pytest.mark.parametrize("code", [138000, 2494055, 999999])
async def test_a_code_of_no_row_is_permanent_and_told(whatsapp: Running, code: int) -> None:
    outcome = await answered(whatsapp, 400, {"error": {"code": code, "message": "x"}})
    assert isinstance(outcome, Refused)
    assert outcome.remedy
    assert str(code) in outcome.message


async def test_what_meta_calls_transient_is_tried_again(whatsapp: Running) -> None:
    for code in (999999, 131026):
        outcome = await answered(whatsapp, 400, {"error": {"code": code, "is_transient": True}})
        assert isinstance(outcome, Retry)
    still = await answered(whatsapp, 400, {"error": {"code": 190, "is_transient": True}})
    assert isinstance(still, Blocked)


# doctor


async def checked(whatsapp: Running, settings: WhatsappSettings = SETTINGS) -> dict[str, Finding]:
    async with calling(settings, whatsapp.base_url("whatsapp")) as call:
        return {finding.check: finding for finding in await MANIFEST.doctor.check(call)}


async def test_a_number_in_order_has_nothing_to_mend(whatsapp: Running) -> None:
    findings = await checked(whatsapp)
    assert {name: finding.status for name, finding in findings.items()} == {
        "number": "ok", "app secret": "ok", "verify token": "ok",
    }  # fmt: skip
    assert "Кофейня" in findings["number"].message


@pytest.mark.parametrize(
    ("number", "check", "status"),
    [
        ({"status": "BANNED"}, "number", "fail"), ({"status": "FLAGGED"}, "number", "ok"),
        ({"status": None}, "number", "ok"), ({"name_status": "DECLINED"}, "name", "warn"),
        ({"quality_rating": "RED"}, "quality", "warn"),
    ],
)  # fmt: skip
async def test_what_meta_says_of_the_number_is_told(
    whatsapp: Running, number: dict[str, Any], check: str, status: str
) -> None:
    whatsapp.of("whatsapp").number.update(number)
    finding = (await checked(whatsapp))[check]
    assert finding.status == status
    assert bool(finding.remedy) == (status != "ok")


async def test_what_is_not_there_is_told_with_its_remedy(whatsapp: Running) -> None:
    findings = await checked(whatsapp, WhatsappSettings(phone_number_id=NUMBER, access_token="wrong"))
    assert {name: finding.status for name, finding in findings.items()} == {
        "number": "fail", "app secret": "warn", "verify token": "warn",
    }  # fmt: skip
    assert all(finding.remedy for finding in findings.values())
    other = (await checked(whatsapp, SETTINGS.model_copy(update={"phone_number_id": "1"})))["number"]
    assert other.status == "fail"
    whatsapp.fault("whatsapp", kind="answer", path="/*", status=502, body="<html>")
    assert (await checked(whatsapp))["number"].status == "fail"
