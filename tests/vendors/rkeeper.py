"""r_keeper, as the tests know it: pushes of its Delivery, and events of its White Server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from matrix.hub import Machine
from simulators.rkeeper import CLIENT_ID, CLIENT_SECRET, WS_TOKEN, RKeeper
from simulators.serve import Running
from svyazka.connectors.rkeeper import delivery, white_server
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import Case
from svyazka.model.events import Entity
from vendors.parts.asking import Asked, Question
from vendors.parts.base import NAME, UNHURRIED, Guest, Webhook, json_hook, told
from vendors.parts.done import Done, Person, body, sample
from vendors.parts.hooks import Hooks, Source
from vendors.parts.money import CheckThere, Dish, Tables
from vendors.parts.vendor import Vendor

OBJECT_ID = 199990160

HOOKS = Hooks(
    samples="rkeeper",
    told={
        "push-constructed-order-object-completed.json": ["order.completed order:59707"],
        "push-seed-completed.http": ["order.completed (no key) (no time)"],
        "push-seed-completed.json": ["order.completed (no key) (no time)"],
        "push-seed-in-transit.json": ["order.changed order:59708 (no time)"],
        "ws-event-order-changed.json": ["order.created order:5e964af3-6e1d-4661-8db1-08d897c7079a"],
        "ws-event-order-status-changed-complited.json": ["order.completed order:5e964af3-6e1d-4661-8db1-08d897c7079a"],
        "ws-event-order-status-changed-created.json": ["order.created order:5e964af3-6e1d-4661-8db1-08d897c7079a"],
        "ws-event.http": ["order.completed order:5e964af3-6e1d-4661-8db1-08d897c7079a"],
    },
    others=("delivery-*", "ws-createorder-*", "ws-error-*", "ws-getorder*", "ws-gettask*"),
    public=(
        {"object_id": OBJECT_ID}, {},
        {"paths": {"order": "id", "status": ["state", "status"], "phone": 5}, "final_statuses": None},
        {"status_map": {"Выполнен": "completed", "В пути": 7}, "object_id": "x"},
    ),
    modules=frozenset({"capture", "events", "push", "statuses"}),
)  # fmt: skip


def _completed_order(running: Running, guest: Guest) -> Webhook:
    """Pushed by the restaurant's template as the documented order object, and read again through the API."""
    till: RKeeper = running.of("rkeeper")

    def happen() -> dict[str, Any]:
        person = {"phone": guest.phone.removeprefix("+"), "firstName": NAME, "email": guest.email}
        order = till.put_order(str(100_000 + guest.number), 11, guest=person)
        till.through_api.add(order["orderId"])
        return order

    return json_hook(told(running, happen))


def _at(running: Running, now: datetime) -> Sequence[Webhook]:
    till: RKeeper = running.of("rkeeper")
    order = till.put_order("700", 11, guest={"phone": "79990000007", "firstName": NAME})
    till.through_api.add("700")
    order |= dict.fromkeys(("createdAt", "updatedAt", "completedAt"), now.isoformat(timespec="milliseconds"))
    return [json_hook(order)]


def _delivery_says(case: Case) -> Iterator[tuple[int, object]]:
    if case.status is not None and case.status != 401:  # the token is renewed first: see test_rkeeper_client
        yield case.status, {"code": "ERR_SOMETHING", "msg": "because", "errors": None}


def _white_server_says(case: Case) -> Iterator[tuple[int, object]]:
    code = str(case.code)
    if code.startswith("Wsa"):
        yield 200, {"error": {"wsError": {"code": "AgentError"}, "agentError": {"code": code, "desc": "because"}}}
    elif case.code is not None:
        yield 200, {"error": {"wsError": {"code": code, "desc": "because"}}}


async def _delivery(call: Call[RKeeperSettings]) -> object:
    return await delivery.orders(call, call.now)


async def _white_server(call: Call[RKeeperSettings]) -> object:
    return await white_server.ask(call, "GetRestaurantInfo", str(OBJECT_ID))


async def _order(machine: Machine, status: int = 11) -> None:
    await machine.tell("rkeeper", "order", {"order_id": "59707", "status": status, "through_api": True})


async def _till_order(machine: Machine, status: str = "Complited") -> None:
    customer = {"name": "Анна", "phone": "+79991234567"}
    guid = "5e964af3-6e1d-4661-8db1-08d897c7079a"
    await machine.tell("rkeeper", "till", {"guid": guid, "status": status, "customer": customer})


def _products(dishes: Sequence[Dish]) -> list[dict[str, object]]:
    return [
        {"id": 1029341 + n, "name": one.name, "price": f"{one.price:.2f}", "quantity": one.amount, "ingredients": [],
         "discountIds": []}
        for n, one in enumerate(dishes)
    ]  # fmt: skip


def _opens(running: Running, table: str, dishes: Sequence[Dish]) -> str:
    till: RKeeper = running.of("rkeeper")
    order = till.put_till_order(tableCode=till.tables[table], products=_products(dishes), off=0, prepaid=[])
    return str(order["orderGuid"])


def _orders(running: Running, check: str, dishes: Sequence[Dish], off: float) -> None:
    running.of("rkeeper").till[check] |= {"products": _products(dishes), "off": off}


def _there(running: Running, check: str) -> CheckThere:
    stand_in = running.of("rkeeper")
    closed = [one for one in stand_in.effects if one["kind"] == "check closed" and one["order"] == check]
    return CheckThere(stand_in.till[check]["prepaid"], len(closed))


def _closes(running: Running, check: str) -> None:
    running.of("rkeeper").put_till_order(check, "Complited")


def _busy(running: Running, check: str, busy: bool) -> None:
    running.of("rkeeper").staff_is_at = {check} if busy else set()


NOW = "2026-03-14T15:53:05+00:00"
PUSHED = {
    "now": NOW, "done": sample("rkeeper/push-constructed-order-object-completed.json"), "person": Person("Анна"),
    "brief": {"order": {"status": "Выполнен", "customer": {"phone": "+79991234567"}}},
}  # fmt: skip
TILL = {"now": NOW, "done": sample("rkeeper/ws-event-order-status-changed-complited.json")}

VENDOR = Vendor(
    name="rkeeper",
    hooks=HOOKS,
    source=Source(
        "rkeeper",
        {"client_id": CLIENT_ID, **UNHURRIED},
        {"client_secret": CLIENT_SECRET},
        webhook=_completed_order,
        tells=frozenset({"phone", "email"}),
    ),
    asked=Asked(
        "rkeeper", {"client_id": CLIENT_ID, "object_id": OBJECT_ID},
        {"client_secret": CLIENT_SECRET, "token": WS_TOKEN},
        entity=Entity(kind="order", id="7"),
        questions=(
            Question(path="/orders/api/v1/orders", ask=_delivery, says=_delivery_says),
            Question(path=white_server.ADDRESS, ask=_white_server, says=_white_server_says),
        ),
        happens=_at,
        polling="/orders/*",
        signing_in="/connect/token",
    ),
    tables=Tables(
        "rkeeper", {"object_id": OBJECT_ID, "currency": "16d72549-14d8-4f31-9e2a-0a833d4f5eed"}, {"token": WS_TOKEN},
        opens=_opens, orders=_orders, there=_there, closes=_closes, busy=_busy, says_busy=False,
        paying={"path": white_server.ADDRESS, "said": "AddPrepayOrder"},
        closing={"path": white_server.ADDRESS, "said": "CompleteOrder"},
        reading={"path": white_server.ADDRESS, "said": "GetOrderList"},
    ),
    done=(
        Done(
            "rkeeper", **PUSHED, name="rkeeper",
            not_done={
                "in-transit": sample("rkeeper/push-seed-in-transit.json"),
                "brief-accepted": body(
                    {"order": {"status": "Принят в ресторане", "customer": {"phone": "+79991234567"}}}
                ),
                "brief-cancelled": body({"order": {"status": "Отменен", "customer": {"phone": "+79991234567"}}}),
            },
        ),
        Done(
            "rkeeper", {"client_id": "client-id-for-tests"}, {"client_secret": "client-secret-for-tests"}, **PUSHED,
            name="rkeeper+api", put=_order, unsaid=partial(_order, status=12),
        ),
        Done(
            "rkeeper", **TILL, name="white-server", person=None,
            not_done={"created": sample("rkeeper/ws-event-order-status-changed-created.json")},
        ),
        Done(
            "rkeeper", {"object_id": OBJECT_ID}, {"token": "ws-token-for-tests"}, **TILL, name="white-server+api",
            person=Person("Анна"), put=_till_order, unsaid=partial(_till_order, status="Cancelled"),
        ),
    ),
)  # fmt: skip
