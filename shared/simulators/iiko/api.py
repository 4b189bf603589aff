"""The methods of iikoCloud API that the connector uses, each a function of the world and a checked body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from simulators.iiko.orders import Json, Thing, Told
from simulators.iiko.world import Happened, Hook, Refusal, World

IDS_AT_ONCE = 200
SETTABLE = ("Waiting", "OnWay", "Delivered")
DONE = frozenset({"Closed", "Cancelled"})


@dataclass(frozen=True, slots=True)
class Answered:
    """A method's answer, and what happened by it (a webhook follows)."""

    content: Json
    happened: Happened | None = None


Method = Callable[[World, Json, str], Answered]
"""World, body, credentials of the caller."""


def _organizations(world: World, body: Json, credentials: str) -> Answered:
    wanted = body.get("organizationIds") or list(world.organizations)
    found = [
        {"responseType": "Simple", "id": id_, "name": name, "code": "31", "externalData": []}
        for id_, name in world.organizations.items()
        if id_ in wanted
    ]
    return Answered({"organizations": found})


def _terminal_groups(world: World, body: Json, credentials: str) -> Answered:
    groups = [
        {"organizationId": id_, "items": [g.shown() for g in world.terminal_groups if g.organization == id_]}
        for id_ in _known(world, body)
    ]
    return Answered({"terminalGroups": groups, "terminalGroupsInSleep": []})


def _deliveries_by_id(world: World, body: Json, credentials: str) -> Answered:
    found = [thing for thing in world.of_kind("delivery", _known(world, body)) if world.is_hot(thing)]
    return Answered({"orders": _shown(_by_id(found, body), body)})


def _deliveries_by_revision(world: World, body: Json, credentials: str) -> Answered:
    if not world.reaches(body["startRevision"]):
        raise Refusal(400, "Revision offset is more than 3 hours.")
    found = world.of_kind("delivery", _known(world, body))
    return _by_organization(found, [thing for thing in found if thing.revision > body["startRevision"]], body)


def _deliveries_by_date(world: World, body: Json, credentials: str) -> Answered:
    found = world.of_kind("delivery", _known(world, body))
    first, last = body["deliveryDateFrom"], body.get("deliveryDateTo")
    due = [
        thing
        for thing in found
        if thing.body is not None
        and world.is_hot(thing)
        and _moment(first) <= _moment(thing.body["completeBefore"])
        and (last is None or _moment(thing.body["completeBefore"]) <= _moment(last))
        and ("statuses" not in body or thing.status in body["statuses"])
    ]
    return _by_organization(found, due, body)


def _set_status(world: World, body: Json, credentials: str) -> Answered:
    """A command: taken at once, what became of it is asked by its correlation id."""
    if body["deliveryStatus"] not in SETTABLE:
        raise Refusal(400, 'Field "deliveryStatus" has incorrect format.')
    (organization,) = _known(world, body)
    command = world.identifier()
    thing = world.things.get(body["orderId"])
    if thing is None or thing.kind != "delivery" or thing.organization != organization:
        raise Refusal(400, f"Order {body['orderId']} is not found.")
    if thing.body is None or thing.status in DONE:
        failed = {"state": "Error", "exception": {"message": "Wrong delivery status"}}
        world.commands[command] = [{"state": "InProgress"}, {**failed, "errorReason": "WrongDeliveryStatus"}]
        return Answered({"correlationId": command})
    world.commands[command] = [{"state": "InProgress"}, {"state": "Success"}]
    return Answered({"correlationId": command}, world.tell(Told(id=thing.id, status=body["deliveryStatus"])))


def _command_status(world: World, body: Json, credentials: str) -> Answered:
    _known(world, body)
    answers = world.commands.get(body["correlationId"])
    if answers is None:
        raise Refusal(410, "Correlation id is no longer supported.")
    return Answered(answers.pop(0) if len(answers) > 1 else answers[0])


def _table_orders_by_id(world: World, body: Json, credentials: str) -> Answered:
    return Answered({"orders": _shown(_by_id(world.of_kind("table", _known(world, body)), body), body)})


def _init_by_table(world: World, body: Json, credentials: str) -> Answered:
    """From now on the cloud knows what was opened at the till for these tables."""
    _known(world, body)
    world.loaded.update(
        thing.id for thing in world.things.values() if thing.kind == "table" and _is_at(thing, body["tableIds"])
    )
    return Answered({"correlationId": world.command({"state": "InProgress"}, {"state": "Success"})})


def _table_orders_by_table(world: World, body: Json, credentials: str) -> Answered:
    found = [
        thing for thing in world.of_kind("table", _known(world, body))
        if thing.id in world.loaded and _is_at(thing, body["tableIds"])
        and ("statuses" not in body or thing.status in body["statuses"])
    ]  # fmt: skip
    return Answered({"orders": _shown(found, body)})


def _is_at(thing: Thing, tables: list[str]) -> bool:
    return thing.body is not None and any(table in thing.body["tableIds"] for table in tables)


def _restaurant_sections(world: World, body: Json, credentials: str) -> Answered:
    tables = [
        {"id": id_, "number": int(name) if name.isdecimal() else 0, "name": name, "seatingCapacity": 4, "revision": 1,
         "isDeleted": False, "posId": id_}
        for name, id_ in world.tables.items()
    ]  # fmt: skip
    halls = [
        {"id": world.identifier(), "terminalGroupId": group.id, "name": "Зал", "tables": tables, "schema": None}
        for group in world.terminal_groups if group.id in body["terminalGroupIds"]
    ]  # fmt: skip
    return Answered({"restaurantSections": halls, "revision": 1})


def _order_of(world: World, body: Json) -> Thing:
    (organization,) = _known(world, body)
    thing = world.things.get(body["orderId"])
    if thing is None or thing.kind != "table" or thing.organization != organization or thing.id not in world.loaded:
        raise Refusal(400, f"Order {body['orderId']} is not found.")
    return thing


def _add_payments(world: World, body: Json, credentials: str) -> Answered:
    """A command. The same payment added again is another one: nothing tells them apart."""
    thing = _order_of(world, body)
    refusal = world.staff_is_at.get(thing.id) or _not_open(thing)
    if refusal is not None:
        return Answered({"correlationId": world.command(_failed(refusal))})
    assert thing.body is not None
    for payment in body["payments"]:
        if payment["paymentTypeId"] not in world.payment_types:
            return Answered({"correlationId": world.command(_failed("PaymentTypeNotFound"))})
        thing.body["payments"].append({
            "paymentType": {"id": payment["paymentTypeId"], "name": "По счёту", "kind": payment["paymentTypeKind"]},
            "sum": payment["sum"], "isPreliminary": False, "isExternal": True,
            "isProcessedExternally": payment.get("isProcessedExternally", False),
            "isFiscalizedExternally": payment.get("isFiscalizedExternally", False), "isPrepay": False,
        })  # fmt: skip
        thing.body["processedPaymentsSum"] += payment["sum"]
        world.did.append(("check paid", thing.id, payment["sum"]))
    answers = [{"state": "InProgress"}] * world.till_is_slow + [{"state": "Success"}]
    return Answered({"correlationId": world.command(*answers)})


def _close(world: World, body: Json, credentials: str) -> Answered:
    """A command: the till closes what is paid in full."""
    thing = _order_of(world, body)
    refusal = world.staff_is_at.get(thing.id) or _not_open(thing)
    if refusal is None and thing.body is not None and thing.body["processedPaymentsSum"] < thing.body["sum"]:
        refusal = "OrderNotPaid"
    if refusal is not None:
        return Answered({"correlationId": world.command(_failed(refusal))})
    happened = world.tell(Told(id=thing.id, kind="table", status="Closed"))
    world.did.append(("check closed", thing.id, None))
    return Answered({"correlationId": world.command({"state": "InProgress"}, {"state": "Success"})}, happened)


def _not_open(thing: Thing) -> str | None:
    return None if thing.status in ("New", "Bill") else "WrongOrderStatus"


def _failed(reason: str) -> Json:
    return {"state": "Error", "exception": {"message": "Операция не выполнена"}, "errorReason": reason}


def _reserves_by_id(world: World, body: Json, credentials: str) -> Answered:
    found = world.of_kind("reserve", _known(world, body))
    return Answered({"reserves": [thing.info for thing in found if thing.id in body["reserveIds"]]})


def _hook_settings(world: World, body: Json, credentials: str) -> Answered:
    (organization,) = _known(world, body)
    hook = world.hooks.get((credentials, organization))
    settings = {
        "webHooksUri": hook.uri if hook else None, "authToken": hook.token if hook else None,
        "webHooksFilter": hook.filter if hook else None,
    }  # fmt: skip
    return Answered({"apiLoginName": "hub", **settings})


def _register_hook(world: World, body: Json, credentials: str) -> Answered:
    """Overwrites. Without a filter nothing would be told."""
    (organization,) = _known(world, body)
    hook = Hook(body["webHooksUri"], body.get("authToken"), body.get("webHooksFilter") or {})
    world.hooks[credentials, organization] = hook
    return Answered({})


METHODS: dict[str, Method] = {
    "/api/1/organizations": _organizations,
    "/api/1/terminal_groups": _terminal_groups,
    "/api/1/deliveries/by_id": _deliveries_by_id,
    "/api/1/deliveries/by_revision": _deliveries_by_revision,
    "/api/1/deliveries/by_delivery_date_and_status": _deliveries_by_date,
    "/api/1/deliveries/update_order_delivery_status": _set_status,
    "/api/1/order/by_id": _table_orders_by_id,
    "/api/1/order/by_table": _table_orders_by_table,
    "/api/1/order/init_by_table": _init_by_table,
    "/api/1/order/add_payments": _add_payments,
    "/api/1/order/close": _close,
    "/api/1/reserve/available_restaurant_sections": _restaurant_sections,
    "/api/1/reserve/status_by_id": _reserves_by_id,
    "/api/1/webhooks/settings": _hook_settings,
    "/api/1/webhooks/update_settings": _register_hook,
    "/api/1/commands/status": _command_status,
}
"""What needs a token."""


def sign_in(world: World, path: str, body: Json) -> Answered:
    """v1 gives an opaque token, v2 a JWT."""
    v2 = path == "/api/v2/access_token"
    return Answered({"token": world.sign_in(body["apiKey" if v2 else "apiLogin"], jwt=v2)})


def _known(world: World, body: Json) -> list[str]:
    """The organizations that a body names; one that isn't there is refused."""
    named = body.get("organizationIds") or [body["organizationId"]]
    for organization in named:
        if organization not in world.organizations:
            raise Refusal(400, f"Organization {organization} is not found.")
    return list(named)


def _by_id(found: list[Thing], body: Json) -> list[Thing]:
    ids = body.get("orderIds")
    if (ids is None) == ("posOrderIds" not in body):
        raise Refusal(400, 'Exactly one of "orderIds" and "posOrderIds" is required.')
    wanted: list[str] = ids if ids is not None else body["posOrderIds"]
    if len(wanted) > IDS_AT_ONCE:
        raise Refusal(400, f"Maximum allowed ids to request - {IDS_AT_ONCE}.")
    return [thing for thing in found if (thing.id if ids is not None else thing.info["posId"]) in wanted]


def _shown(found: list[Thing], body: Json) -> list[Json]:
    return [thing.shown(body.get("returnExternalDataKeys")) for thing in found]


def _by_organization(every: list[Thing], found: list[Thing], body: Json) -> Answered:
    """Neither of the two lists can be asked for `externalData`; `maxRevision` is that of all orders."""
    groups = [
        {"organizationId": id_, "orders": [thing.shown(None) for thing in found if thing.organization == id_]}
        for id_ in body["organizationIds"]
    ]
    newest = max((thing.revision for thing in every), default=0)
    return Answered({"maxRevision": newest, "ordersByOrganizations": groups})


def _moment(local: str) -> datetime:
    return datetime.fromisoformat(local)
