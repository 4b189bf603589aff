"""The stand-in answers r_keeper's documented requests as its documentation does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.rkeeper import WS_TOKEN, RKeeper
from simulators.serve import Running, serve

SAMPLES = Path(__file__).parents[2] / "samples" / "rkeeper"
GUIDS = ("taskGuid", "orderGuid")


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


@pytest.fixture
def till() -> Iterator[Running]:
    with serve([RKeeper()]) as running:
        yield running


@pytest.fixture
def delivery(till: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=till.base_url("rkeeper"), trust_env=False) as client:
        form = (SAMPLES / "delivery-token-request.form").read_bytes()
        told = client.post(
            "/connect/token", content=form, headers={"Content-Type": "application/x-www-form-urlencoded"}
        ).json()
        wanted = sample("delivery-token-response")
        assert {**told, "access_token": wanted["access_token"]} == wanted
        client.headers["Authorization"] = f"Bearer {told['access_token']}"
        yield client


def test_an_order_is_made_paid_and_completed_as_documented(delivery: httpx.Client) -> None:
    made = delivery.post("/orders/api/v1/orders", json=sample("delivery-create-order-request"))
    assert made.status_code == 201
    assert made.json()["result"].keys() == sample("delivery-create-order-response-201")["result"].keys()
    order = f"/orders/api/v1/orders/{made.json()['result']['orderId']}"
    read = delivery.get(order).json()["result"]
    assert read.keys() <= {*sample("delivery-get-order-response")["result"]}
    assert (read["orderStatusName"], read["guest"]["phone"]) == ("Новый", "79991234567")
    payment = sample("delivery-pay-request")
    assert delivery.put(f"{order}/pay", json=[{**payment[0], "amount": 1}]).json() == sample("delivery-pay-error")
    assert delivery.put(f"{order}/pay", json=payment).json() == sample("delivery-pay-response")
    assert delivery.put(f"{order}/complete").json() == {"result": {}}
    assert delivery.get(order).json()["result"]["orderStatusName"] == "Выполнен"


def test_an_order_is_rejected_for_one_of_the_documented_reasons(delivery: httpx.Client) -> None:
    assert delivery.get("/orders/api/v1/rejectionReasons").json() == sample("delivery-rejection-reasons-response")
    made = delivery.post("/orders/api/v1/orders", json=sample("delivery-create-order-request")).json()["result"]
    order = f"/orders/api/v1/orders/{made['orderId']}"
    assert delivery.put(f"{order}/reject", json=sample("delivery-reject-request")).status_code == 200
    assert delivery.get(order).json()["result"]["orderStatusName"] == "Отменен"


def test_a_phone_with_a_plus_is_not_taken(delivery: httpx.Client) -> None:
    wanted = sample("delivery-create-order-request")
    wanted["guest"]["phone"] = "+79991234567"
    refused = delivery.post("/orders/api/v1/orders", json=wanted)
    assert (refused.status_code, refused.json()["msg"]) == (400, "The Phone field is not a valid phone number.")


def task(till: Running, name: str, **changes: Any) -> Any:
    wanted = sample(name)
    wanted["params"].update(changes)
    url = f"{till.base_url('rkeeper')}/wsserverlp/api/v2/aggregators/Create"
    answer = httpx.post(url, json=wanted, headers={"AggregatorAuthentication": WS_TOKEN}, trust_env=False)
    assert answer.status_code == 200
    return answer.json()


def like(told: Any, wanted: Any) -> bool:
    """The same but for GUIDs that are made anew."""
    if isinstance(told, dict) and isinstance(wanted, dict):
        same = told.keys() == wanted.keys()
        return same and all(key in GUIDS or like(told[key], wanted[key]) for key in told)
    return bool(told == wanted)


def test_a_till_order_is_made_at_once_and_a_repeat_is_named_one(till: Running) -> None:
    told = task(till, "ws-createorder-sync-request")
    assert like(told, sample("ws-createorder-sync-response"))
    again = task(till, "ws-createorder-sync-request")
    assert again["error"]["agentError"]["code"] == "WsaDuplicateOrder"
    guid = told["taskResponse"]["order"]["orderGuid"]
    till.of("rkeeper").put_till_order(guid, "Complited")
    assert like(task(till, "ws-getorderstate-request", orderGuid=guid), sample("ws-getorderstate-response"))


def test_a_till_order_is_made_in_its_own_time(till: Running) -> None:
    till.of("rkeeper").agent_is_on = False
    accepted = task(till, "ws-createorder-async-request")
    assert like(accepted, sample("ws-createorder-async-accepted"))
    asked = {"taskGuid": accepted["responseCommon"]["taskGuid"]}
    assert like(task(till, "ws-gettaskresponse-request", **asked), sample("ws-gettaskresponse-awaiting"))
    assert like(task(till, "ws-getorderstate-request"), sample("ws-error-timeout"))


def test_errors_are_the_documented_ones(till: Running) -> None:
    url = f"{till.base_url('rkeeper')}/wsserverlp/api/v2/aggregators/Create"
    told = httpx.post(url, json={"taskType": "GetOrder", "params": {}}, trust_env=False).json()
    assert told == sample("ws-error-auth-failed")
    headers = {"AggregatorAuthentication": f"Token {WS_TOKEN}"}
    told = httpx.post(url, json={"taskType": "GetOrder", "params": {}}, headers=headers, trust_env=False).json()
    assert told == sample("ws-error-bad-request")
