"""iiko, as the tests know it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from matrix.hub import Machine
from simulators.iiko.orders import Told
from simulators.iiko.simulator import LOGIN
from simulators.iiko.world import BY_BILL
from simulators.serve import Running
from svyazka.connectors.iiko import reads
from svyazka.engine.contracts.failures import Case
from svyazka.model.events import Entity
from vendors.parts.asking import Asked, Question
from vendors.parts.base import NAME, SAMPLES, WRONG, Guest, Webhook, json_hook
from vendors.parts.done import Done, Person, body, sample
from vendors.parts.hooks import Hooks, Proof, Source
from vendors.parts.money import CheckThere, Dish, Tables
from vendors.parts.vendor import Vendor

ORGANIZATION = "7bc05553-4b68-44e8-b7bc-37be63c6d9e9"
TOKEN = "iiko-hook-token-for-tests"


def _token(content: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    return {"authorization": secrets["auth_token"]}


HOOKS = Hooks(
    samples="iiko",
    told={
        "webhook-delivery-cancelled.json": ["order.cancelled order:c3b7d76e-2e8e-587b-b608-cf3e73f0b983"],
        "webhook-delivery-closed.http": ["order.completed order:f7d7468e-4c1f-5e7a-96d0-d063007888ed"],
        "webhook-delivery-closed.json": ["order.completed order:f7d7468e-4c1f-5e7a-96d0-d063007888ed"],
        "webhook-delivery-cooking-started.json": ["order.changed order:f7d7468e-4c1f-5e7a-96d0-d063007888ed"],
        "webhook-delivery-error.json": [
            "order.changed order:d1b8eca2-705b-5ef7-af82-c4d03ed0a102: "
            "the till didn't take it: TerminalGroupUnregistered",
        ],
        "webhook-personal-shift-opened.json": ["other: iiko sent PersonalShift: nothing here acts on it"],
        "webhook-reserve-new.json": ["appointment.booked appointment:7b7ceb35-12e8-54f7-9a3f-83e236ebbb84"],
        "webhook-seed-single-object.json": ["order.completed order:c687233e-7c70-5545-9ef7-9b464d7477fc"],
        "webhook-stop-list-update.json": ["stock.changed"],
        "webhook-table-order-closed.json": ["order.completed order:4838a48a-d067-5e73-9ea7-76ca39d995ec"],
    },
    others=("api-*",),
    public=({"organization_id": ORGANIZATION}, {}),
    proof=Proof(secrets={"auth_token": TOKEN}, headers=_token, of_the_body=False, demanded=False),
)  # fmt: skip


def _closed_delivery(running: Running, guest: Guest) -> Webhook:
    content = json.loads((SAMPLES / "iiko" / "webhook-delivery-closed.json").read_bytes())
    info = content[0]["eventInfo"]
    info["id"] = f"00000000-0000-4000-8000-{guest.number:012d}"
    info["order"]["phone"] = guest.phone
    info["order"]["customer"]["name"] = NAME
    return json_hook(content, Authorization=TOKEN)


async def _order(machine: Machine, status: str = "Closed") -> None:
    await machine.tell(
        "iiko", "orders",
        {"id": "f7d7468e-4c1f-5e7a-96d0-d063007888ed", "number": 6482, "status": status, "phone": "+79991234567"},
    )  # fmt: skip


def _begin(running: Running, now: datetime) -> None:
    running.of("iiko").world.standing = now
    running.of("iiko").world.revoked.add(WRONG)


def _closed_at_the_till(running: Running, now: datetime) -> Sequence[Webhook]:
    world = running.of("iiko").world
    world.standing = now
    order = world.tell(Told(status="Closed", phone="+79990000007", name=NAME)).thing
    return [json_hook([world.event(order, [])], Authorization=TOKEN)]


def _says(case: Case) -> Iterator[tuple[int, object]]:
    if case.status != 401:  # the token is renewed first: see test_iiko_client
        yield case.status or 400, {"error": case.code, "errorDescription": "because"}


def _dishes(dishes: Sequence[Dish]) -> list[dict[str, object]]:
    return [{"name": one.name, "price": one.price, "amount": one.amount} for one in dishes]


def _opens(running: Running, table: str, dishes: Sequence[Dish]) -> str:
    told = Told(kind="table", status="New", table=table, dishes=_dishes(dishes), customer="none")
    return running.of("iiko").world.tell(told).thing.id


def _orders(running: Running, check: str, dishes: Sequence[Dish], off: float) -> None:
    sums = {"discount": max(off, 0), "surcharge": max(-off, 0)}
    running.of("iiko").world.tell(Told(id=check, kind="table", dishes=_dishes(dishes), **sums))


def _there(running: Running, check: str) -> CheckThere:
    stand_in = running.of("iiko")
    body = stand_in.world.things[check].body
    closed = [one for one in stand_in.effects if one["kind"] == "check closed" and one["order"] == check]
    return CheckThere([one["sum"] for one in body["payments"]], len(closed))


def _closes(running: Running, check: str) -> None:
    running.of("iiko").world.tell(Told(id=check, kind="table", status="Closed"))


def _busy(running: Running, check: str, busy: bool) -> None:
    world = running.of("iiko").world
    world.staff_is_at = {check: "EntityAlreadyInUse"} if busy else {}


BRIEF = {
    "eventType": "DeliveryOrderUpdate",
    "eventInfo": {"order": {"status": "Delivered", "customer": {"phone": "+79991234567"}}},
}
SHOWN = {
    "eventType": "DeliveryOrderUpdate", "eventTime": "2024-01-15T14:30:00.000", "organizationId": "uuid",
    "correlationId": "uuid",
    "eventInfo": {
        "id": "order-uuid", "posId": "pos-uuid", "creationStatus": "Success",
        "order": {"id": "...", "status": "Delivered", "customer": {"phone": "+79991234567", "name": "Иван"}},
    },
}  # fmt: skip
COMMON = {
    "now": "2026-03-14T15:53:05+00:00", "done": sample("iiko/webhook-delivery-closed.json"), "person": Person("Иван"),
    "brief": BRIEF,
}  # fmt: skip

VENDOR = Vendor(
    name="iiko",
    hooks=HOOKS,
    source=Source("iiko", {}, {"auth_token": TOKEN}, webhook=_closed_delivery),
    asked=Asked(
        "iiko", {"organization_id": ORGANIZATION}, {"api_login": LOGIN},
        entity=Entity(kind="delivery", id="00000000-0000-4000-8000-000000000007"),
        questions=(Question(path="/api/1/organizations", ask=reads.organizations, says=_says),),
        begin=_begin,
        happens=_closed_at_the_till,
        polling="/api/1/deliveries/*",
        signing_in="/api/1/access_token",
    ),
    tables=Tables(
        "iiko", {"organization_id": ORGANIZATION, "payment_type": BY_BILL}, {"api_login": LOGIN},
        opens=_opens, orders=_orders, there=_there, closes=_closes, busy=_busy,
        paying={"path": "/api/1/order/add_payments"}, closing={"path": "/api/1/order/close"},
        reading={"path": "/api/1/order/by_id"},
    ),
    done=(
        Done(
            "iiko", **COMMON, name="iiko",
            not_done={
                "cooking": sample("iiko/webhook-delivery-cooking-started.json"),
                "cancelled": sample("iiko/webhook-delivery-cancelled.json"),
                "brief-on-way": body({
                    "eventType": "DeliveryOrderUpdate",
                    "eventInfo": {"order": {"status": "OnWay", "customer": {"phone": "+79991234567"}}},
                }),
                "stop-list": sample("iiko/webhook-stop-list-update.json"),
            },
            shown={"documented": (body(SHOWN), Person("Иван"))},
        ),
        Done(
            "iiko", {"organization_id": ORGANIZATION}, {"api_login": "api-login-for-tests"}, **COMMON,
            name="iiko+api", put=_order, unsaid=partial(_order, status="Cancelled"),
        ),
    ),
)  # fmt: skip
