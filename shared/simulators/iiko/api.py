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
