"""What `doctor` finds out about an account of sms.ru, and a message's status asked for: over real HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.support import calling
from simulators.serve import Running
from svyazka.connectors.smsru import client
from svyazka.connectors.smsru.client import Price, Usage
from svyazka.connectors.smsru.manifest import MANIFEST
from svyazka.connectors.smsru.settings import SmsruSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Finding
from svyazka.model.events import Entity

SAMPLES = Path(__file__).parents[2] / "samples" / "smsru"
KEY = "00000000-AAAA-BBBB-CCCC-000000000001"
SETTINGS = SmsruSettings(api_id=KEY, sender="KOFE")
HOOK = "https://hub.example.ru/webhook_smsru?key=v1.kofe.sms.1.mac"
OLD_HOOK = HOOK.replace(".1.mac", ".0.cam")
ALL_WELL = ["credentials", "balance", "price", "sender", "daily limit", "callback"]


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


@asynccontextmanager
async def asking(smsru: Running, settings: SmsruSettings = SETTINGS, **around: Any) -> AsyncIterator[Call[Any]]:
    async with calling(settings, smsru.base_url("smsru"), hook_url=HOOK, **around) as call:
        yield call


async def checked(smsru: Running, settings: SmsruSettings = SETTINGS) -> dict[str, Finding]:
    async with asking(smsru, settings) as call:
        findings = await MANIFEST.doctor.check(call)
    assert len({finding.check for finding in findings}) == len(findings)
    return {finding.check: finding for finding in findings}


async def fixed(smsru: Running) -> Finding:
    async with asking(smsru) as call:
        (finding,) = await MANIFEST.hook.register(call, HOOK)
    return finding


def account(smsru: Running, **told: Any) -> Any:
    """The stand-in's account, set so."""
    found = smsru.of("smsru").account(KEY)
    for name, value in {"callbacks": [HOOK], "senders": ["KOFE", "UTRO"], **told}.items():
        assert hasattr(found, name)
        setattr(found, name, value)
    return found


async def answered(smsru: Running, method: str, name: str, ask: Callable[[Call[Any]], Awaitable[Any]]) -> Any:
    """What a question is answered with when sms.ru says what a sample says."""
    smsru.fault("smsru", kind="answer", path=f"/{method}", status=200, body=sample(name))
    async with asking(smsru) as call:
        return await ask(call)


# The samples


async def test_auth_ok(smsru: Running) -> None:
    assert await answered(smsru, "auth/check", "auth_ok", client.authorize) is None


async def test_balance(smsru: Running) -> None:
    assert await answered(smsru, "my/balance", "balance", client.balance) == 4122.56


async def test_limit_comes_as_a_string_and_a_number(smsru: Running) -> None:
    assert await answered(smsru, "my/limit", "limit", client.daily_limit) == Usage(total=10, used=1)


async def test_free_null_is_none_used(smsru: Running) -> None:
    assert await answered(smsru, "my/free", "free_null", client.free_messages) == Usage(total=5, used=0)


async def test_senders_none_is_an_empty_list(smsru: Running) -> None:
    assert await answered(smsru, "my/senders", "senders_none", client.senders) == []


async def test_callback_list(smsru: Running) -> None:
    expected = ["https://hub.example.com/in/smsru/k1"]
    assert await answered(smsru, "callback/get", "callback_list", client.callbacks) == expected


async def test_cost_ok_is_two_parts(smsru: Running) -> None:
    ask = lambda call: client.price(call, "79991234567", "текст")  # noqa: E731
    assert await answered(smsru, "sms/cost", "cost_ok", ask) == Price(3.48, 2)


async def test_cost_all_error_has_no_price(smsru: Running) -> None:
    ask = lambda call: client.price(call, "79990000005", "текст")  # noqa: E731
    assert await answered(smsru, "sms/cost", "cost_all_error", ask) == Price(None, None)


async def test_status_mixed_is_read_id_by_id(smsru: Running) -> None:
    found = {}
    for sms_id in ("202626-1000001", "202626-1000002", "202626-1000009"):
        ask = lambda call, one=sms_id: client.status(call, one)  # noqa: E731
        found[sms_id] = await answered(smsru, "sms/status", "status_mixed", ask)
    assert found == {"202626-1000001": (103, 1.74), "202626-1000002": (102, 1.74), "202626-1000009": None}


# doctor


async def test_an_account_in_order_has_nothing_to_mend(smsru: Running) -> None:
    account(smsru)
    findings = await checked(smsru)
    assert {name: finding.status for name, finding in findings.items()} == dict.fromkeys(ALL_WELL, "ok")
    assert "1.74" in findings["price"].message
    assert "v1.kofe" not in findings["callback"].message


async def test_a_wrong_key_is_said_first_and_nothing_else_asked(smsru: Running) -> None:
    smsru.of("smsru").right = ["another"]
    findings = await checked(smsru)
    assert list(findings) == ["credentials"]
    assert findings["credentials"].status == "fail"
    assert "301" in findings["credentials"].message
    assert findings["credentials"].remedy


@pytest.mark.parametrize(
    ("balance", "status"), [(0.0, "fail"), (-3.0, "fail"), (1.73, "fail"), (1.74, "warn"), (80.0, "warn"), (90.0, "ok")]
)
async def test_the_balance_is_measured_in_messages(smsru: Running, balance: float, status: str) -> None:
    account(smsru, balance=balance)
    finding = (await checked(smsru))["balance"]
    assert finding.status == status
    assert f"{balance:.2f}" in finding.message
    assert bool(finding.remedy) == (status != "ok")


async def test_free_messages_are_named_where_there_is_no_money(smsru: Running) -> None:
    account(smsru, balance=0.0)
    assert "5 free" in (await checked(smsru))["balance"].message


async def test_a_price_that_sms_ru_does_not_name_is_a_warning_and_no_obstacle(smsru: Running) -> None:
    account(smsru, refusals={"*": 202})
    findings = await checked(smsru)
    assert (findings["price"].status, findings["balance"].status) == ("warn", "ok")


@pytest.mark.parametrize(
    ("senders", "ours", "status", "said"),
    [
        ([], "KOFE", "fail", "no approved"), (["UTRO", "DEN"], "KOFE", "fail", "UTRO, DEN"),
        (["UTRO"], None, "warn", "UTRO"), (["KOFE"], "KOFE", "ok", "KOFE"), (["kofe"], "KOFE", "fail", "kofe"),
    ],
)  # fmt: skip
async def test_the_sender_must_be_an_approved_one(
    smsru: Running, senders: list[str], ours: str | None, status: str, said: str
) -> None:
    account(smsru, senders=senders)
    finding = (await checked(smsru, SmsruSettings(api_id=KEY, sender=ours)))["sender"]
    assert finding.status == status
    assert said in finding.message


@pytest.mark.parametrize(("used", "status"), [(0, "ok"), (79, "ok"), (80, "warn"), (100, "fail")])
async def test_the_daily_limit_is_looked_at(smsru: Running, used: int, status: str) -> None:
    found = account(smsru, daily_limit=100)
    assert (await checked(smsru))["daily limit"].status == "ok"
    found.used_today = used
    assert (await checked(smsru))["daily limit"].status == status


@pytest.mark.parametrize(
    ("registered", "status"), [([HOOK], "ok"), (["https://other.example.ru/in", HOOK], "ok"), ([OLD_HOOK], "warn"),
                               (["https://other.example.ru/in"], "warn"), ([], "warn")]
)  # fmt: skip
async def test_the_callback_must_be_ours(smsru: Running, registered: list[str], status: str) -> None:
    account(smsru, callbacks=registered)
    finding = (await checked(smsru))["callback"]
    assert finding.status == status
    assert bool(finding.remedy) == (status != "ok")


async def test_one_question_that_fails_does_not_hide_the_others(smsru: Running) -> None:
    account(smsru)
    smsru.fault("smsru", kind="answer", path="/my/senders", status=502, body="<html>")
    findings = await checked(smsru)
    assert findings["sender"].status == "fail"
    assert findings["daily limit"].status == "ok"


# doctor --fix


async def test_our_callback_is_added_beside_the_others_and_once(smsru: Running) -> None:
    found = account(smsru, callbacks=["https://other.example.ru/in"])
    assert [(await fixed(smsru)).status, (await fixed(smsru)).status] == ["ok", "ok"]
    assert found.callbacks == ["https://other.example.ru/in", HOOK]
    assert sum(call["path"] == "/callback/add" for call in smsru.of("smsru").calls) == 1


async def test_no_key_of_any_address_stays_in_the_story(smsru: Running) -> None:
    account(smsru, callbacks=["https://other.example.ru/in?secret=theirs-for-tests"])
    async with asking(smsru) as call:
        await MANIFEST.hook.register(call, HOOK)
        story = "".join(exchange.model_dump_json() for exchange in call.http.log)
    assert "v1.kofe.sms" not in story
    assert "theirs" not in story


@pytest.mark.parametrize(
    "body",
    [{"status": "ERROR", "status_code": 901, "status_text": "no"}, {"status": "OK", "status_code": 100}, "<html>"],
)
async def test_a_registration_that_did_not_work_says_so(smsru: Running, body: Any) -> None:
    smsru.fault("smsru", kind="answer", path="/callback/add", status=200, body=body)
    finding = await fixed(smsru)
    assert finding.status == "fail"
    assert finding.remedy


async def test_a_registration_without_an_answer_can_be_repeated(smsru: Running) -> None:
    smsru.fault("smsru", kind="cut_after", path="/callback/add")
    assert (await fixed(smsru)).status == "fail"
    assert (await fixed(smsru)).status == "ok"
    assert smsru.of("smsru").account(KEY).callbacks == [HOOK]


# A status asked for


async def test_a_message_of_nobody_is_gone_and_another_kind_is_not_asked_for(smsru: Running) -> None:
    async with asking(smsru) as call:
        assert await MANIFEST.reading.read(Entity(kind="message", id="202626-1"), call) is None
        assert await MANIFEST.reading.read(Entity(kind="order", id="1"), call) is None
    assert len(smsru.of("smsru").calls) == 1
