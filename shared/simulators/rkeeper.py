"""r_keeper's stand-in: r_k Delivery (login, orders, pushes by template) and White Server (tasks, events).

As documented: a token sees only the orders made through its own API connection; White Server answers HTTP 200
to everything; an agent that is off makes every synchronous task end in `Timeout`; a repeated `originalOrderId`
is `WsaDuplicateOrder`. The push's body is unpublished: `seed` is the assumed form, `object` the documented
order object.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, form_of, json_of

CLIENT_ID, CLIENT_SECRET = "client-id-for-tests", "client-secret-for-tests"
WS_TOKEN, OBJECT_ID = "ws-token-for-tests", 199990160

STATUS_NAMES = {
    1: "Новый", 2: "Подтвержден", 3: "Принят в ресторане", 4: "Передан на кухню", 5: "Готовится", 6: "Приготовлен",
    7: "Сборка заказа", 8: "Собран", 9: "У курьера", 10: "Заказ в пути", 11: "Выполнен", 12: "Отменен",
    13: "Доставлен",
}  # fmt: skip
REASONS = [
    {
        "id": "37631981-7d11-4e36-8465-dd1887d888cc", "reason": "Гость отказался от заказа", "type": "simple",
        "isPossibleDelete": True,
    },
    {"id": "5ff37e88-61ef-46ff-9f6c-4c9579e74210", "reason": "Другая", "type": "text", "isPossibleDelete": True},
]  # fmt: skip
NOT_PAID = (
    "WS Error: Error Code: WsaOrderError. RkInternal: Checkout [3373] Not enough funds to pay for the order in full."
)


class RKeeper(Simulator):
    """r_k Delivery and White Server of one restaurant."""

    vendor = "rkeeper"

    def reset(self) -> None:
        self.tokens: set[str] = set()
        self.orders: dict[str, dict[str, Any]] = {}
        """Orders of r_k Delivery by `orderId`."""
        self.through_api: set[str] = set()
        self.till: dict[str, dict[str, Any]] = {}
        """Orders of the till by GUID."""
        self.status_names = dict(STATUS_NAMES)
        self.agent_is_on = True
        self.tasks_a_minute = 360
        self.answers: dict[str, dict[str, Any]] = {}
        """Answers to asynchronous tasks by task GUID."""
        self._tasks: deque[float] = deque()
        self.tables = {str(n): 240 + n for n in range(1, 13)}
        """Name of a table -> its code."""
        self.staff_is_at: set[str] = set()
        """Orders that a waiter has open on a screen."""

    def routes(self) -> Sequence[BaseRoute]:
        api = "/orders/api/v1"
        return [
            Route("/connect/token", self._token, methods=["POST"]),
            Route(f"{api}/orders", self._list, methods=["GET"]),
            Route(f"{api}/orders", self._create, methods=["POST"]),
            Route(f"{api}/orders/{{id}}", self._read, methods=["GET"]),
            Route(f"{api}/orders/{{id}}/reject", self._reject, methods=["PUT"]),
            Route(f"{api}/orders/{{id}}/pay", self._pay, methods=["PUT"]),
            Route(f"{api}/orders/{{id}}/complete", self._complete, methods=["PUT"]),
            Route(f"{api}/rejectionReasons", self._reasons, methods=["GET"]),
            Route("/wsserverlp/api/v2/aggregators/Create", self._task, methods=["POST"]),
        ]

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/order", self._control_order, methods=["POST"]),
            Route("/till", self._control_till, methods=["POST"]),
        ]

    # r_k Delivery

    async def _token(self, request: Request) -> Response:
        form = form_of(await request.body())
        wanted = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "client_credentials"}
        if not all(self.admits(form.get(name, ""), value) for name, value in wanted.items()):
            return JSONResponse({"error": "invalid_client"}, 400)
        token = f"jwt-{uuid.uuid4().hex}"
        self.tokens.add(token)
        return JSONResponse({"access_token": token, "expires_in": 3600, "token_type": "Bearer", "scope": "orders"})

    def _refused(self, request: Request, order: str | None = None) -> Response | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return Response(status_code=401)
        if order is not None and order not in self.through_api:
            return _error(403, "ERR_FORBIDDEN", "Access denied")
        return None

    async def _list(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        since = _moment(request.query_params.get("fromDate"))
        found = [self.orders[id_] for id_ in self.through_api]
        found = [order for order in found if since is None or datetime.fromisoformat(order["createdAt"]) >= since]
        found.sort(key=lambda order: order["updatedAt"], reverse=request.query_params.get("sortOrder") == "desc")
        return JSONResponse({"result": [{k: v for k, v in order.items() if k != "id"} for order in found]})

    async def _create(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        wanted = json_of(await request.body())
        phone = str((wanted.get("guest") or {}).get("phone", ""))
        if not (phone.isdecimal() and len(phone) == 11):
            return _error(400, "ERR_VALIDATION", "The Phone field is not a valid phone number.")
        order = self.put_order(status=1, guest=wanted["guest"], amount=sum(d["price"] for d in wanted["dishList"]))
        self.through_api.add(order["orderId"])
        self.record("order", order=order["orderId"])
        return JSONResponse({"result": {"orderId": order["orderId"]}}, 201)

    async def _read(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        if refused := self._refused(request, id_ if id_ in self.orders else None):
            return refused
        if id_ not in self.orders:
            return _error(404, "ERR_NOT_FOUND", "Order not found")
        return JSONResponse({"result": self.orders[id_]})

    async def _reject(self, request: Request) -> Response:
        return self._moved(request, 12)

    async def _pay(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        if refused := self._refused(request, id_):
            return refused
        paid = sum(payment["amount"] for payment in json.loads(await request.body()))
        if paid < self.orders[id_]["amount"]:
            return _error(400, "ERR_EXTERNAL_ERROR_WS", NOT_PAID)
        self.record("payment", order=id_, amount=paid)
        return JSONResponse({"result": {}})

    async def _complete(self, request: Request) -> Response:
        return self._moved(request, 11)

    def _moved(self, request: Request, status: int) -> Response:
        id_ = request.path_params["id"]
        if refused := self._refused(request, id_):
            return refused
        self.put_order(id_, status)
        self.record("status", order=id_, status=status)
        return JSONResponse({"result": {}})

    async def _reasons(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse({"result": REASONS})

    def put_order(self, order_id: str | None = None, status: int = 1, **fields: Any) -> dict[str, Any]:
        """Make an order or change one; the documented order object."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        id_ = order_id or str(59707 + len(self.orders))
        order = self.orders.setdefault(
            id_, {"orderId": id_, "id": str(uuid.uuid4()), "createdAt": now, "orderSourceName": "Менеджер"}
        )
        order |= {
            "orderStatusId": status, "orderStatusName": self.status_names[status], "updatedAt": now,
            "completedAt": now if status in (11, 13) else None, **fields,
        }  # fmt: skip
        return order

    async def _control_order(self, request: Request) -> Response:
        """`{order_id, status, phone, name, through_api, push: {url, form}}`: a manager makes or moves an order, and
        the template whose condition holds pushes it."""
        wanted = json_of(await request.body())
        guest = {"phone": wanted.get("phone", "79991234567"), "firstName": wanted.get("name", "Анна")}
        order = self.put_order(wanted.get("order_id"), int(wanted.get("status", 11)), guest=guest)
        if wanted.get("through_api"):
            self.through_api.add(order["orderId"])
        push, statuses = wanted.get("push"), []
        if push:
            body = order if push.get("form") == "object" else _seed_form(order)
            content = json.dumps(body, ensure_ascii=False).encode()
            statuses = await self.send_hooks(push["url"], [(content, {"Content-Type": "application/json"})])
        return JSONResponse({"order": order, "pushed": statuses})

    # White Server

    async def _task(self, request: Request) -> Response:
        wanted = json_of(await request.body())
        task, params = str(wanted.get("taskType")), wanted.get("params") or {}
        if not self.admits(request.headers.get("aggregatorauthentication", "").removeprefix("Token "), WS_TOKEN):
            return _ws_error(None, "AuthFailed", "Authorization error")
        mode = params.get("sync") or params.get("async") or {}
        if task == "GetTaskResponse":
            return self._answered(str(params.get("taskGuid")))
        if "objectId" not in mode:
            return _ws_error(None, "BadRequest", "InvalidRequestStructure")
        common = {"taskGuid": str(uuid.uuid4()), "taskType": task, "objectId": mode["objectId"]}
        if mode["objectId"] != OBJECT_ID:
            return _ws_error(common, "NotFound", "Object not found")
        if self._over_limit():
            return _ws_error(common, "TaskLimitExceeded", "Too many tasks")
        answer = self._done(task, params, common) if self.agent_is_on else None
        if "async" in params:
            self.answers[common["taskGuid"]] = answer or _ws_fault(common, "AwaitingAnswer", "Awaiting answer")
            return JSONResponse({"responseCommon": common})
        silent = "Agent is offline or has been unresponsive for more than 2 minutes."
        return JSONResponse(answer or _ws_fault(common, "Timeout", silent))

    def _answered(self, task: str) -> Response:
        return JSONResponse(self.answers[task]) if task in self.answers else _ws_error(None, "NotFound", "Task")

    def _over_limit(self) -> bool:
        now = self.now()
        while self._tasks and self._tasks[0] < now - 60:
            self._tasks.popleft()
        self._tasks.append(now)
        return len(self._tasks) > self.tasks_a_minute

    def _done(self, task: str, params: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
        """What the agent answers."""
        if task == "GetRestaurantInfo":
            return {"taskResponse": {"restaurant": {"name": "Ресторан 1"}}, "responseCommon": common}
        if task == "GetTableList":
            halls = [
                {"maxGuests": 4, "name": name, "code": code, "hallName": "Зал"} for name, code in self.tables.items()
            ]
            return {"taskResponse": {"tables": halls}, "responseCommon": common}
        if task == "GetOrderList":
            there = [self._row(one) for one in self.till.values() if one.get("tableCode") == params.get("tableCode")]
            open_ = [one for one in there if params.get("withClosed") or not one["isFinished"]]
            return {"taskResponse": {"orders": open_}, "responseCommon": common}
        if task == "CreateOrder":
            return self._create_till_order(params["order"], common)
        order = self.till.get(str(params.get("orderGuid")))
        if order is None:
            return _ws_fault(common, "NotFound", "Order not found")
        if task in ("AddPrepayOrder", "CompleteOrder"):
            return self._paid_at_the_till(task, order, params, common)
        shown = ("orderGuid", "status", "substate") if task == "GetOrderState" else tuple(order.keys() - {"orderGuid"})
        return {"taskResponse": {"order": {name: order[name] for name in shown}}, "responseCommon": common}

    def _row(self, order: dict[str, Any]) -> dict[str, Any]:
        total = sum(float(one["price"]) * one["quantity"] for one in order["products"]) - order["off"]
        return {
            "orderGuid": order["orderGuid"], "tableCode": order["tableCode"], "waiterId": 5, "sum": round(total, 2),
            "unpaid": round(total - sum(order["prepaid"]), 2), "openTime": "2026-03-14T18:01:00", "isReserve": False,
            "isFinished": order["status"]["value"] == "Complited", "duration": "00:00:00",
        }  # fmt: skip

    def _paid_at_the_till(
        self, task: str, order: dict[str, Any], params: dict[str, Any], common: dict[str, Any]
    ) -> dict[str, Any]:
        """A prepayment, or the end of an order that is prepaid in full. The same prepayment again is another one."""
        guid, row = order["orderGuid"], self._row(order)
        if guid in self.staff_is_at:
            refusal = {"code": "WsaOrderError", "desc": "Order is locked by another station"}
            return _ws_fault(common, "AgentError", "Agent error", agentError=refusal)
        if row["isFinished"] or (task == "CompleteOrder" and row["unpaid"] > 0):
            refusal = {"code": "WsaOrderError", "desc": "Order is finished, or not paid in full"}
            return _ws_fault(common, "AgentError", "Agent error", agentError=refusal)
        if task == "AddPrepayOrder":
            order["prepaid"].append(params["amount"])
            self.record("check paid", order=guid, sum=params["amount"])
            return {"taskResponse": {}, "responseCommon": common}
        self.put_till_order(guid, "Complited")
        self.record("check closed", order=guid)
        return {"taskResponse": {"order": {"price": {"total": row["sum"]}}}, "responseCommon": common}

    def _create_till_order(self, wanted: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
        if any(order["originalOrderId"] == wanted["originalOrderId"] for order in self.till.values()):
            agent = {"code": "WsaDuplicateOrder", "desc": "Order exists"}
            return _ws_fault(common, "AgentError", "Agent error", agentError=agent)
        order = self.put_till_order(**wanted)
        self.record("till_order", order=order["orderGuid"])
        shown = {name: order[name] for name in ("orderGuid", "originalOrderId", "status", "price")}
        return {"taskResponse": {"order": shown}, "responseCommon": common}

    def put_till_order(self, guid: str | None = None, status: str = "Created", **fields: Any) -> dict[str, Any]:
        """Make an order of the till or change one."""
        guid = guid or str(uuid.uuid4())
        order = self.till.setdefault(guid, {"orderGuid": guid, "originalOrderId": "", "substate": ""})
        order |= {"status": {"value": status, "isBillPrinted": status == "Complited"}, **fields}
        return order

    async def _control_till(self, request: Request) -> Response:
        """`{guid, status, customer, hook}`: the waiter moves an order, and White Server tells of it."""
        wanted = json_of(await request.body())
        extra = {"customer": wanted["customer"]} if "customer" in wanted else {}
        order = self.put_till_order(wanted.get("guid"), str(wanted.get("status", "Complited")), **extra)
        statuses = []
        if "hook" in wanted:
            body = json.dumps(self.event(order), ensure_ascii=False).encode()
            # Nobody says how the signature is made: this one is good for nothing but its length.
            signature = base64.b64encode(hashlib.sha256(body).digest()).decode()
            headers = {"Content-Type": "application/json; charset=utf-8", "Signature": signature}
            statuses = await self.send_hooks(wanted["hook"], [(body, headers)])
        return JSONResponse({"order": order, "sent": statuses})

    def event(self, order: dict[str, Any]) -> dict[str, Any]:
        """OrderStatusChanged about an order: it holds no phone."""
        shown = {"originalOrderId": order["originalOrderId"], "orderGuid": order["orderGuid"]}
        return {
            "responseEventCommon": {
                "objectId": OBJECT_ID,
                "agentGuid": "a63d8b95-8ea0-4c8d-9db3-eac3692bcbf2",
                "eventGuid": str(uuid.uuid4()),
                "dateTimeServerReceiveEventFromAgent": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}0+00:00",
                "eventType": "OrderStatusChanged",
            },
            "response": {**shown, "status": order["status"]},
        }


def _seed_form(order: dict[str, Any]) -> dict[str, Any]:
    customer = {"phone": order["guest"]["phone"], "name": order["guest"]["firstName"]}
    return {"order": {"id": order["orderId"], "status": order["orderStatusName"], "customer": customer}}


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "msg": message, "requestId": "0HMGNRL7KKKDF:00000001", "errors": None}, status)


def _ws_fault(common: dict[str, Any] | None, code: str, desc: str, **systems: Any) -> dict[str, Any]:
    error = {"wsError": {"code": code, "desc": desc}, **systems}
    return {**({"responseCommon": common} if common else {}), "error": error}


def _ws_error(common: dict[str, Any] | None, code: str, desc: str) -> Response:
    return JSONResponse(_ws_fault(common, code, desc))


def _moment(value: str | None) -> datetime | None:
    found = datetime.fromisoformat(value.replace(" ", "+")) if value else None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


SIMULATOR = RKeeper
