"""What r_keeper's answers mean, and whose token a call carries: against the stand-in, over HTTP on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connectors.support import NOW, by_deed, calling
from simulators.rkeeper import CLIENT_ID, CLIENT_SECRET, OBJECT_ID, WS_TOKEN, RKeeper
from simulators.serve import Running, serve
from svyazka.connectors.rkeeper import client, delivery, white_server
from svyazka.connectors.rkeeper.events import Order
from svyazka.connectors.rkeeper.failures import FAILURES, TILL_ERROR, of_delivery
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.engine.contracts.calls import TokenCache
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.outcomes import Blocked, Refused, Retry, Succeeded, Unclear

SAMPLES = Path(__file__).parents[2] / "samples" / "rkeeper"
ORDERS, TASKS, LOGIN = "/orders/api/v1/orders", white_server.ADDRESS, "/connect/token"
GUID = "5e964af3-6e1d-4661-8db1-08d897c7079a"
WANTED = Order(str(OBJECT_ID), GUID)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


@pytest.fixture
def till() -> Iterator[Running]:
    with serve([RKeeper()]) as running:
        yield running


def settings_for(till: Running, **changes: Any) -> RKeeperSettings:
    given = {
        "base_url": till.base_url("rkeeper"), "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "object_id": OBJECT_ID, "token": WS_TOKEN,
    }  # fmt: skip
    return RKeeperSettings(**{**given, **changes})


def calls(till: Running, path: str) -> list[dict[str, Any]]:
    return [call for call in till.of("rkeeper").calls if call["path"] == path]


async def failure(till: Running, what: str, **changes: Any) -> Any:
    async with calling(settings_for(till, **changes), till.base_url("rkeeper")) as call:
        with pytest.raises(VendorFailure) as caught:
            await (delivery.orders(call, NOW) if what == "delivery" else white_server.order(call, WANTED))
    return caught.value.outcome


# r_k Delivery's failure map, row by row


def test_the_rows_are_those_of_r_keepers_pages() -> None:
    for rule in (*FAILURES.statuses.values(), *FAILURES.codes.values()):
        told = re.search(r"[А-я]{4}", rule.what), re.search(r"[А-я]{4}", rule.remedy or "")
        assert all(told) if rule.do == "block" else not any(told), "the owner reads the one, the operator the other"
    assert by_deed(FAILURES.statuses.items()) == {"block": {401, 403}, "refuse": {400, 404, 422}, "retry": {429}}
    assert by_deed(FAILURES.codes.items()) == {
        "block": {"AuthFailed", "License", "WsAgentNotSelected", "WsaCommandNotSupported"},
        "retry": {"TaskLimitExceeded", "Timeout", "AwaitingAnswer", "InternalError"},
        "done": {"WsaDuplicateOrder"},
        "refuse": {
            "BadRequest", "NotFound", "WsaOrderCreationDishNotFound", "WsaOrderCreationSelectorNotFound",
            "WsaOrderMenuIsUnknownError", "WsaOrderCanceledOnKass", "WsaOrderCreationCancelled",
            "WsaOrderIgnoredOnPos", "WsaOrderError", "WsaFillingOrderError",
        },
    }  # fmt: skip


async def test_wrong_credentials_block_the_connection_and_are_not_tried_again(till: Running) -> None:
    outcome = await failure(till, "delivery", client_secret="another-secret")
    assert isinstance(outcome, Blocked)
    assert outcome.remedy
    assert len(till.of("rkeeper").calls) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (sample("delivery-pay-error")["msg"], Refused),
        ("WS Error: Error Code: Timeout. Agent is offline or has been unresponsive", Unclear),
        ("WS Error: Касса не отвечает", Unclear),
        ("WS Error: Error Code: Timeout", Unclear),
    ],
)
async def test_an_error_of_the_till_behind_delivery_is_told_by_its_text(text: str, kind: type) -> None:
    assert isinstance(of_delivery(400, TILL_ERROR, text), kind)


def test_a_command_that_may_have_been_carried_out_is_never_repeated_blindly() -> None:
    assert isinstance(of_delivery(502, None, None), Unclear)
    assert isinstance(of_delivery(429, None, None), Retry)


async def test_an_order_of_somebody_elses_is_not_shown(till: Running) -> None:
    till.of("rkeeper").put_order("59707", 11)
    async with calling(settings_for(till), till.base_url("rkeeper")) as call:
        assert await delivery.order(call, "59707") is None
        with pytest.raises(VendorFailure):
            await delivery.order(call, "1/../2")


# White Server's, row by row: HTTP 200 all the time


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ws-error-auth-failed", Blocked),
        ("ws-error-bad-request", Refused),
        ("ws-error-timeout", Retry),
        ("ws-gettaskresponse-awaiting", Retry),
    ],
)
async def test_each_error_of_the_samples_is_what_its_readme_says(till: Running, name: str, kind: type) -> None:
    till.fault("rkeeper", kind="answer", path=TASKS, status=200, body=sample(name))
    assert isinstance(await failure(till, "white server"), kind)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"wsError": {"code": "License", "extCode": "WsAgent", "desc": "x"}}, Blocked),
        ({"wsError": {"code": 17}, "agentError": None}, Retry),
        ({"wsError": {"code": "AgentError"}, "rkError": {"code": "WsaDuplicateOrder"}}, Succeeded),
        ({"wsError": "?"}, Retry),
        ("?", Retry),
    ],
)
async def test_an_error_of_another_shape_is_read_as_far_as_it_goes(till: Running, error: Any, kind: type) -> None:
    till.fault("rkeeper", kind="answer", path=TASKS, status=200, body={"error": error})
    outcome = await failure(till, "white server")
    assert isinstance(outcome, kind)
    if kind is Blocked:
        assert "WsAgent" in outcome.message


@pytest.mark.parametrize(("status", "body"), [(502, "<html>"), (200, "[]"), (200, {"taskResponse": None})])
async def test_what_white_server_itself_did_not_say_is_tried_again(till: Running, status: int, body: Any) -> None:
    till.fault("rkeeper", kind="answer", path=TASKS, status=status, body=body)
    assert isinstance(await failure(till, "white server"), Retry | Unclear)


async def test_the_stand_ins_own_refusals_are_understood(till: Running) -> None:
    assert isinstance(await failure(till, "white server", token="another"), Blocked)
    till.of("rkeeper").agent_is_on = False
    assert isinstance(await failure(till, "white server"), Retry)
    till.of("rkeeper").agent_is_on, till.of("rkeeper").tasks_a_minute = True, 0
    outcome = await failure(till, "white server")
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.after) == ("TaskLimitExceeded", 60)


async def test_a_task_is_asked_as_documented_with_little_patience(till: Running) -> None:
    till.of("rkeeper").put_till_order(GUID, "Complited")
    for scheme, header in ((None, WS_TOKEN), ("Token", f"Token {WS_TOKEN}")):
        async with calling(settings_for(till, token_scheme=scheme), till.base_url("rkeeper")) as call:
            assert (await white_server.order(call, WANTED) or {})["status"]["value"] == "Complited"
        assert header not in str(call.http.log)
    wanted = sample("ws-getorderstate-request")
    wanted |= {"taskType": "GetOrder"}
    wanted["params"]["sync"]["timeout"] = white_server.AGENT_TIMEOUT
    assert [json.loads(call["body"]) for call in calls(till, TASKS)] == [wanted, wanted]


# Tokens


class Shared(TokenCache):
    """A store of tokens that several processes share."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, datetime]] = {}

    async def get(self, name: str) -> tuple[str, datetime] | None:
        return self.kept.get(name)

    async def put(self, name: str, value: str, until: datetime) -> None:
        self.kept[name] = (value, until)


async def test_a_token_is_asked_for_as_documented_and_shown_to_nobody(till: Running) -> None:
    async with calling(settings_for(till), till.base_url("rkeeper")) as call:
        await delivery.orders(call, NOW)
    wanted = parse_qsl((SAMPLES / "delivery-token-request.form").read_text())
    assert [parse_qsl(asked["body"]) for asked in calls(till, LOGIN)] == [wanted]
    story = str(call.http.log)
    assert CLIENT_SECRET not in story
    assert not any(token in story for token in till.of("rkeeper").tokens)


async def test_a_token_is_renewed_a_minute_before_its_end(till: Running) -> None:
    shared = Shared()
    async with calling(settings_for(till), till.base_url("rkeeper"), tokens=shared) as call:
        await delivery.orders(call, NOW)
    ((name, (token, until)),) = shared.kept.items()
    assert timedelta(minutes=59) < until - datetime.now(UTC) < timedelta(minutes=61), "expires_in is believed"
    shared.kept[name] = (token, datetime.now(UTC) + timedelta(seconds=50))
    async with calling(settings_for(till), till.base_url("rkeeper"), tokens=shared) as call:
        await delivery.orders(call, NOW)
    assert len(calls(till, LOGIN)) == 2


@pytest.mark.parametrize("body", ["<html>", {}, {"access_token": 5}, {"access_token": ""}])
async def test_an_answer_without_a_token_is_tried_again(till: Running, body: Any) -> None:
    till.fault("rkeeper", kind="answer", path=LOGIN, status=200, body=body)
    assert isinstance(await failure(till, "delivery"), Retry)


@pytest.mark.parametrize("life", [None, "?", -5, 10**12])
async def test_a_life_that_makes_no_sense_is_not_believed(till: Running, life: Any) -> None:
    shared = Shared()
    till.of("rkeeper").tokens.add("t-for-tests")
    till.fault("rkeeper", kind="answer", path=LOGIN, status=200,
               body={"access_token": "t-for-tests", "expires_in": life})  # fmt: skip
    async with calling(settings_for(till), till.base_url("rkeeper"), tokens=shared) as call:
        await delivery.orders(call, NOW)
    ((_, until),) = shared.kept.values()
    assert timedelta(minutes=9) < until - datetime.now(UTC) <= timedelta(days=1)


async def test_without_credentials_the_connection_is_blocked_before_any_call(till: Running) -> None:
    for what, changes in (("delivery", {"client_id": None}), ("white server", {"token": None})):
        outcome = await failure(till, what, **changes)
        assert isinstance(outcome, Blocked)
        assert outcome.code == "no_credentials"
    assert till.of("rkeeper").calls == []


def test_each_product_has_its_own_host() -> None:
    class Versioned:
        settings = RKeeperSettings()

    assert {client.host(Versioned, product) for product in client.HOSTS} == {  # type: ignore[arg-type]
        "https://auth-delivery.ucs.ru", "https://delivery.ucs.ru", "https://ws.ucs.ru",
    }  # fmt: skip


# Settings


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"status_map": {8: "completed"}}, 'its id in quotes such as "8"'),
        ({"final_statuses": [8]}, 'its id in quotes such as "8"'),
        ({"status_map": {"Выполнен": "done"}}, "'created', 'changed', 'completed', 'cancelled' or 'ignored'"),
        ({"paths": {"phone": "a..b"}}, "expected a dotted path such as order.customer.phone, got 'a..b'"),
        ({"paths": {"telephone": "a"}}, "telephone"),
        ({"signature_recipe": "md5"}, "hmac-sha256"),
        ({"object_id": "shop"}, "object_id"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_was_expected(settings: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match="validation error") as caught:
        RKeeperSettings(**settings)
    assert complaint in str(caught.value)


def test_one_restaurant_or_several_and_one_path_or_several() -> None:
    one = RKeeperSettings(object_id=1, paths={"phone": "a.b"})  # type: ignore[arg-type]
    several = RKeeperSettings(object_id=[1, 2], paths={"phone": ["a.b", "c"]})  # type: ignore[arg-type]
    assert (one.object_id, one.paths.phone) == ((1,), ("a.b",))
    assert (several.object_id, several.paths.phone) == ((1, 2), ("a.b", "c"))
