"""iiko's stand-in behaves as the vendor documents it: what the connector's tests lean on is held here."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.support import NOW, Scripted, scripted
from simulators.iiko import IikoSimulator
from simulators.iiko.bodies import body_of
from simulators.iiko.world import ORGANIZATION, TERMINAL_GROUP, TerminalGroup
from simulators.serve import Running, serve

SAMPLES = Path(__file__).parents[1] / "samples" / "iiko"
BY_ID, BY_REVISION = "/api/1/deliveries/by_id", "/api/1/deliveries/by_revision"
BY_DATE = "/api/1/deliveries/by_delivery_date_and_status"
OURS = {"organizationIds": [ORGANIZATION]}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


class Iiko:
    """The stand-in from outside: API calls with a token, and controls."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.client = httpx.Client(trust_env=False, verify=False, timeout=10)
        self.token = self.raw("/api/1/access_token", {"apiLogin": "api-login-for-tests"}).json()["token"]
        self.stand(NOW)

    def raw(self, path: str, body: Any, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.post(self.running.base_url("iiko") + path, json=body, headers=headers)

    def ask(self, path: str, body: Any) -> Any:
        answer = self.raw(path, body, self.token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, body: Any) -> tuple[int, str]:
        answer = self.raw(path, body, self.token)
        envelope = answer.json()
        assert set(envelope) == {"correlationId", "errorDescription", "error"}
        return answer.status_code, envelope["errorDescription"]

    def control(self, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.client.post(f"{self.running.url}/_sim/iiko/{path}", json=body or {}, params=options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stand(self, now: datetime) -> None:
        self.control("clock", {"now": now.isoformat()})

    def since(self, revision: int) -> list[Any]:
        (group,) = self.ask(BY_REVISION, {"startRevision": revision, **OURS})["ordersByOrganizations"]
        found: list[Any] = group["orders"]
        return found


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve([IikoSimulator()]) as up:
        yield up


@pytest.fixture
def iiko(running: Running) -> Iterator[Iiko]:
    running.of("iiko").clear()
    made = Iiko(running)
    yield made
    made.client.close()


@pytest.fixture
def hub() -> Iterator[Scripted]:
    with scripted() as receiver:
        receiver.on("/hook", 200, {"status": "accepted"})
        yield receiver


def events(hub: Scripted) -> list[Any]:
    return [event for body in hub.asked("/hook") for event in body]


# Tokens


def test_v1_gives_an_opaque_token_and_v2_one_that_says_when_it_ends(iiko: Iiko) -> None:
    assert "." not in iiko.token
    answer = iiko.raw("/api/v2/access_token", sample("api-access-token-v2-request")).json()
    claims = json.loads(base64.urlsafe_b64decode(answer["token"].split(".")[1] + "=="))
    assert 3500 < claims["exp"] - time.time() <= 3600
    assert set(answer) == {"correlationId", "token"}
    iiko.token = answer["token"]
    assert iiko.ask("/api/1/organizations", {})["organizations"][0]["id"] == ORGANIZATION


def test_an_expired_token_is_told_as_the_sample_has_it(iiko: Iiko) -> None:
    iiko.client.delete(f"{iiko.running.url}/_sim/iiko/tokens")
    answer = iiko.raw("/api/1/organizations", {}, iiko.token)
    wanted = sample("api-error-401-token-expired")
    assert answer.status_code == 401
    assert {**answer.json(), "correlationId": wanted["correlationId"]} == wanted


@pytest.mark.parametrize("token", [None, "never-given"])
def test_no_token_or_an_unknown_one_is_401_before_the_body_is_looked_at(iiko: Iiko, token: str | None) -> None:
    assert iiko.raw("/api/1/organizations", {"nonsense": 1}, token).status_code == 401


def test_revoked_credentials_get_no_token_and_theirs_stop_working(iiko: Iiko) -> None:
    iiko.running.of("iiko").world.revoked.add("api-login-for-tests")
    assert iiko.raw("/api/1/access_token", {"apiLogin": "api-login-for-tests"}).status_code == 401
    assert iiko.raw("/api/1/organizations", {}, iiko.token).status_code == 401


# The schema


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (BY_REVISION, {"startRevision": 1}, 'Required property "organizationIds"'),
        (BY_REVISION, {"startRevision": "1", **OURS}, 'Field "startRevision"'),
        (BY_REVISION, {"startRevision": 1, **OURS, "returnExternalDataKeys": []}, 'member "returnExternalDataKeys"'),
        (BY_DATE, {**OURS, "deliveryDateFrom": "2026-03-14"}, 'Field "deliveryDateFrom"'),
        (BY_DATE, {**OURS, "deliveryDateFrom": "2026-03-14 00:00:00.000", "statuses": ["Done"]}, 'Field "statuses"'),
        (BY_ID, {"organizationId": ORGANIZATION}, "Exactly one of"),
        (BY_ID, {"organizationId": ORGANIZATION, "orderIds": ["order-uuid"]}, 'Field "orderIds"'),
        (BY_ID, {"organizationId": ORGANIZATION, "orderIds": [ORGANIZATION] * 201}, "Maximum allowed"),
        (BY_ID, {"organizationId": TERMINAL_GROUP, "orderIds": [ORGANIZATION]}, "is not found"),
        ("/api/v2/access_token", {"apiLogin": "x"}, 'member "apiLogin"'),
        (
            "/api/1/webhooks/update_settings",
            {"organizationId": ORGANIZATION, "webHooksUri": "x", "webHooksFilter": {"deliveryOrderFilter": {"x": 1}}},
            'member "webHooksFilter.deliveryOrderFilter.x"',
        ),
    ],
)
def test_what_the_schema_forbids_is_refused(iiko: Iiko, path: str, body: Any, said: str) -> None:
    status, description = iiko.refused(path, body)
    assert status == 400
    assert said in description


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/1/access_token", "access-token-v1"), ("/api/v2/access_token", "access-token-v2"),
        ("/api/1/webhooks/update_settings", "webhooks-update-settings"),
        ("/api/1/deliveries/update_order_delivery_status", "update-delivery-status"),
    ],
)  # fmt: skip
def test_the_vendors_own_requests_pass_the_schema(path: str, name: str) -> None:
    wanted = sample(f"api-{name}-request")
    assert body_of(path, json.dumps(wanted).encode()) == wanted


def test_a_command_id_that_is_not_known_is_410(iiko: Iiko) -> None:
    body = {"organizationId": ORGANIZATION, "correlationId": TERMINAL_GROUP}
    assert iiko.refused("/api/1/commands/status", body)[0] == 410


def names(shape: Any) -> Any:
    return {name: names(value) for name, value in shape.items()} if isinstance(shape, dict) else None


@pytest.mark.parametrize(
    ("kind", "status", "like"),
    [
        ("delivery", "Closed", "webhook-delivery-closed"),
        ("table", "Closed", "webhook-table-order-closed"),
        ("reserve", "New", "webhook-reserve-new"),
    ],
)
def test_a_webhook_has_every_field_of_the_vendors_sample_and_no_other(
    iiko: Iiko, hub: Scripted, kind: str, status: str, like: str
) -> None:
    iiko.control("webhook", {"uri": f"{hub.url}/hook"})
    iiko.control("orders", {"kind": kind, "status": status})
    (ours,), (theirs,) = events(hub), sample(like)
    assert names({**ours, "eventInfo": None}) == names({**theirs, "eventInfo": None})
    assert ours["eventInfo"].keys() == theirs["eventInfo"].keys()
    body = "reserve" if kind == "reserve" else "order"
    assert ours["eventInfo"][body].keys() == theirs["eventInfo"][body].keys()


# Webhooks


def test_a_hook_registered_by_api_is_read_back_and_belongs_to_its_login(iiko: Iiko) -> None:
    settings = "/api/1/webhooks/settings"
    assert iiko.ask(settings, {"organizationId": ORGANIZATION})["webHooksUri"] is None
    wanted = sample("api-webhooks-update-settings-request")
    assert set(iiko.ask("/api/1/webhooks/update_settings", wanted)) == {"correlationId"}
    back = iiko.ask(settings, {"organizationId": ORGANIZATION})
    assert {name: back[name] for name in ("webHooksUri", "authToken", "webHooksFilter")} == {
        name: wanted[name] for name in ("webHooksUri", "authToken", "webHooksFilter")
    }
    iiko.token = iiko.raw("/api/1/access_token", {"apiLogin": "another"}).json()["token"]
    assert iiko.ask(settings, {"organizationId": ORGANIZATION})["webHooksUri"] is None


def test_an_event_is_an_array_with_the_registered_token_in_its_header(iiko: Iiko, hub: Scripted) -> None:
    iiko.control("webhook", {"uri": f"{hub.url}/hook", "token": "hook-secret"})
    iiko.control("orders", {"number": 5, "status": "Closed", "phone": "+79991234567", "name": "Анна"})
    ((_, (event,), headers),) = hub.seen
    assert headers["authorization"] == "hook-secret"
    assert event["eventType"] == "DeliveryOrderUpdate"
    assert event["eventTime"] == "2026-03-14 16:00:00.000", "UTC"
    order = event["eventInfo"]["order"]
    assert (order["number"], order["phone"], order["customer"]["name"]) == (5, "+79991234567", "Анна")
    assert order["whenClosed"] == "2026-03-14 19:00:00.000", "local to its till"


def test_only_what_the_filter_names_is_sent_and_only_when_it_is_entered(iiko: Iiko, hub: Scripted) -> None:
    register = sample("api-webhooks-update-settings-request") | {"webHooksUri": f"{hub.url}/hook"}
    iiko.ask("/api/1/webhooks/update_settings", register)
    for status in ("CookingStarted", "Delivered", "Delivered", "Closed"):
        iiko.control("orders", {"number": 5, "status": status})
    iiko.control("orders", {"kind": "table", "status": "Bill"})
    iiko.control("orders", {"number": 6, "error": "TerminalGroupUnregistered"})
    told = [(e["eventType"], (e["eventInfo"]["order"] or {}).get("status")) for e in events(hub)]
    assert told == [
        ("DeliveryOrderUpdate", "Delivered"), ("DeliveryOrderUpdate", "Closed"), ("DeliveryOrderError", None),
    ]  # fmt: skip


def test_external_data_comes_back_only_by_the_keys_that_were_asked_for(iiko: Iiko, hub: Scripted) -> None:
    iiko.control("webhook", {"uri": f"{hub.url}/hook"})
    made = iiko.control("orders", {"status": "Closed", "external": {"tgUserId": "5", "other": "x"}})["orders"][0]
    (event,) = events(hub)
    assert event["eventInfo"]["order"]["externalData"] == [{"key": "tgUserId", "value": "5"}]
    assert iiko.since(0)[0]["order"]["externalData"] is None
    wanted = {"organizationId": ORGANIZATION, "orderIds": [made["id"]], "returnExternalDataKeys": ["other"]}
    (order,) = iiko.ask(BY_ID, wanted)["orders"]
    assert order["order"]["externalData"] == [{"key": "other", "value": "x"}]


def test_a_hundred_orders_of_which_thirty_webhooks_are_lost(iiko: Iiko, hub: Scripted) -> None:
    iiko.control("webhook", {"uri": f"{hub.url}/hook"})
    made = iiko.control("orders", {"status": "Closed", "phone": "+79991234500"}, count=100, drop=30)
    told = {event["eventInfo"]["id"] for event in events(hub)}
    assert (len(told), len(made["dropped"]), made["hooks"]) == (70, 30, [200] * 70)
    assert told.isdisjoint(made["dropped"])
    assert len(iiko.since(0)) == 100
    assert {order["order"]["phone"] for order in iiko.since(0)} == {f"+799912345{n:02}" for n in range(100)}


def test_several_events_travel_in_one_webhook_each_as_it_was_at_its_time(iiko: Iiko, hub: Scripted) -> None:
    iiko.control("webhook", {"uri": f"{hub.url}/hook"})
    orders = [{"number": 5, "status": "Delivered"}, {"number": 5, "status": "Closed"}, {"kind": "reserve"}]
    iiko.control("orders", orders, batch=2)
    assert [len(body) for body in hub.asked("/hook")] == [2, 1]
    first, second, _ = events(hub)
    assert [e["eventInfo"]["order"]["status"] for e in (first, second)] == ["Delivered", "Closed"]
    assert first["eventInfo"]["timestamp"] < second["eventInfo"]["timestamp"]


def test_the_chassis_faults_double_and_lose_webhooks(iiko: Iiko, hub: Scripted) -> None:
    iiko.control("webhook", {"uri": f"{hub.url}/hook"})
    iiko.control("hook_faults", {"copies": 2, "drop_every": 2})
    iiko.control("orders", {"status": "Closed"}, count=4)
    assert len(events(hub)) == 4
    assert len({event["eventInfo"]["id"] for event in events(hub)}) == 2


def test_an_order_that_nobody_could_have_is_refused_with_its_field(iiko: Iiko) -> None:
    for order in ({"status": "Done"}, {"kind": "pickup"}, {"colour": "red"}, {"terminal_group": "nowhere"}):
        answer = iiko.client.post(f"{iiko.running.url}/_sim/iiko/orders", json=order)
        assert answer.status_code == 400
        assert any(word in answer.json()["error"] for word in ("status", "kind", "colour", "terminal group"))


# Reading


def test_revisions_tell_what_changed_after_one_and_the_newest_of_all(iiko: Iiko) -> None:
    iiko.control("orders", [{"number": 1}, {"number": 2}, {"number": 3}])
    iiko.control("orders", {"number": 1, "status": "Closed"})
    answer = iiko.ask(BY_REVISION, {"startRevision": 2, **OURS})
    assert answer["maxRevision"] == 4
    (group,) = answer["ordersByOrganizations"]
    assert [(order["order"]["number"], order["order"]["status"]) for order in group["orders"]] == [
        (3, "Unconfirmed"), (1, "Closed"),
    ]  # fmt: skip


def test_revisions_go_back_three_hours(iiko: Iiko) -> None:
    iiko.control("orders", {"number": 1})
    iiko.stand(NOW + timedelta(hours=3))
    iiko.control("orders", {"number": 2})
    assert len(iiko.since(1)) == 1
    iiko.stand(NOW + timedelta(hours=3, seconds=1))
    assert iiko.refused(BY_REVISION, {"startRevision": 1, **OURS})[0] == 400
    assert iiko.since(2) == []


def test_a_day_of_deliveries_is_read_by_the_tills_own_date_for_a_week(iiko: Iiko) -> None:
    iiko.control("orders", [{"number": 1}, {"number": 2, "complete_before": "2026-03-15 01:00:00.000"}])
    day = {"deliveryDateFrom": "2026-03-15 00:00:00.000", "deliveryDateTo": "2026-03-15 23:59:59.999", **OURS}

    def found(**more: Any) -> list[int]:
        (group,) = iiko.ask(BY_DATE, {**day, **more})["ordersByOrganizations"]
        return [order["order"]["number"] for order in group["orders"]]

    assert found() == [2]
    assert found(statuses=["Closed"]) == []
    assert found(deliveryDateFrom="2026-03-14 00:00:00.000", deliveryDateTo=None) == [1, 2]
    iiko.stand(NOW + timedelta(days=8))
    assert found() == []


def test_tables_and_reservations_have_methods_of_their_own(iiko: Iiko) -> None:
    made = iiko.control("orders", [{"kind": "table"}, {"kind": "reserve"}])["orders"]
    table, reserve = (order["id"] for order in made)
    assert iiko.ask("/api/1/order/by_id", {**OURS, "orderIds": [table]})["orders"][0]["id"] == table
    asked = {"organizationId": ORGANIZATION, "reserveIds": [reserve]}
    assert iiko.ask("/api/1/reserve/status_by_id", asked)["reserves"][0]["reserve"]["status"] == "New"
    assert iiko.since(0) == []


def test_terminal_groups_name_their_zones(iiko: Iiko) -> None:
    east = TerminalGroup(id=ORGANIZATION, zone="Asia/Vladivostok", written_zone="Vladivostok Standard Time")
    iiko.running.of("iiko").world.terminal_groups.append(east)
    (group,) = iiko.ask("/api/1/terminal_groups", OURS)["terminalGroups"]
    assert [item["timeZone"] for item in group["items"]] == ["Europe/Moscow", "Vladivostok Standard Time"]
    (theirs,) = sample("api-terminal-groups-response")["terminalGroups"]
    assert group["items"][0] == theirs["items"][0]


# A command


def test_a_command_is_taken_at_once_and_its_outcome_is_asked_for(iiko: Iiko, hub: Scripted) -> None:
    iiko.control("webhook", {"uri": f"{hub.url}/hook"})
    made = iiko.control("orders", [{"number": 1, "status": "OnWay"}, {"number": 2, "status": "Closed"}])["orders"]
    states = []
    for order in made:
        body = {"organizationId": ORGANIZATION, "orderId": order["id"], "deliveryStatus": "Delivered"}
        answer = iiko.ask("/api/1/deliveries/update_order_delivery_status", body)
        asked = {"organizationId": ORGANIZATION, "correlationId": answer["correlationId"]}
        states += [iiko.ask("/api/1/commands/status", asked) for _ in range(2)]
    in_progress, error = sample("api-commands-status-in-progress"), sample("api-commands-status-error")
    assert states[:3] == [in_progress, sample("api-commands-status-success"), in_progress]
    assert (states[3]["state"], states[3].keys()) == (error["state"], error.keys())
    assert [e["eventInfo"]["order"]["status"] for e in events(hub)] == ["Closed", "Delivered"]


def test_a_reset_forgets_everything(iiko: Iiko) -> None:
    iiko.control("orders", {})
    iiko.client.post(f"{iiko.running.url}/_sim/reset")
    assert iiko.raw("/api/1/organizations", {}, iiko.token).status_code == 401
    assert iiko.running.of("iiko").world.things == {}
