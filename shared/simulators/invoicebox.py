"""Invoicebox's stand-in: orders, their cancelling, refunds, lists, notifications, as strict as its pages say.

It reckons each bill after us. A number of the shop's may come twice (`unique` makes it refuse that, as its pages have
it); lists are paged in one of two spellings. A notification comes again until it is answered by success or by a code
that isn't `out_of_service`. A payer's page stands at `/pay/<id>`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.cashdesk import Cashdesk
from simulators.till import Payment, Refund, State, Till, TooMuch

MERCHANT = "01900000-1111-7222-8333-444444444444"
TOKEN = "invoicebox-token-for-tests"
NOTIFICATION_KEY = "hook-key-for-tests"
PROBE = "ffffffff-ffff-ffff-ffff-ffffffffffff"

STATUSES = {State.WAITS: "created", State.PAID: "completed", State.HELD: "hold"}
REFUND_STATUSES = {State.WAITS: "created", State.DONE: "completed", State.OVER: "canceled"}
RATES = {"VATNONE": 0, "RUS_VAT0": 0, "RUS_VAT5": 5, "RUS_VAT7": 7, "RUS_VAT10": 10, "RUS_VAT20": 20, "RUS_VAT22": 22}
NEEDED = (
    "description", "merchantId", "merchantOrderId", "amount", "vatAmount", "currencyId", "expirationDate",
    "basketItems", "customer",
)  # fmt: skip
INVITE = ["notification", "api", "invite"]
ACTIVATE = ["billing", "api", "merchant", "merchant-integration-setting", "activation"]
PARTNER, PARTNER_TOKEN = "01900000-9999-7222-8333-444444444444", "partner-token-for-tests"
ACTIVATION = "111222333"


class Refusal(Exception):
    """An error body."""

    def __init__(self, status: int, code: str, *fields: str) -> None:
        self.status = status
        named = [{"name": name, "code": "wrong_value", "message": ""} for name in fields]
        self.body = {"error": {"message": "...", "code": code, "fields": named}}


class Invoicebox(Cashdesk):
    """One shop. Effects: `payment` and `refund` as they are made, `paid` as payers pay, `returned` where a paid order
    is cancelled."""

    vendor, title, shop = "invoicebox", "Инвойсбокс", "merchant_id"
    settings = ("hook", "lag", "paging", "unique", "processable")
    credentials = {"merchant_id": MERCHANT, "notification_key": NOTIFICATION_KEY}

    def reset(self) -> None:
        self.till = Till(self.now, _id)
        self.hook: str | None = None
        """Where it tells of orders that name no address of their own."""
        self.paging = "_page"
        """`_page` or `page`: the spelling that it understands; the other is passed over."""
        self.unique = False
        self.processable = True
        self.shipments: list[tuple[float, dict[str, Any]]] = []
        """When each was told, and what: the same may come twice."""
        self.codes = {ACTIVATION}
        """Codes of activation that are still good."""
        self.answers: list[str] = []
        """What it was answered to notifications, the last of each."""

    # The API

    def routes(self) -> Sequence[BaseRoute]:
        return [
            *self.pay_routes(),
            Route("/{version}/{path:path}", self._call, methods=["GET", "POST", "PUT", "DELETE"]),
        ]

    async def _call(self, request: Request) -> Response:
        path = str(request.path_params["path"]).split("/")
        try:
            if request.path_params["version"] not in ("v3", "l3"):
                raise Refusal(404, "not_found")
            if path == ["security", "api", "auth", "auth"] and "authorization" not in request.headers:
                return _found({"userId": None, "profile": None, "accessToken": None})
            if path in (INVITE, ACTIVATE):
                return _found(self._by_partner(request, path, _told(await request.body())))
            self._let_in(request)
            if request.method == "GET":
                return self._shown(path, request.query_params)
            return _found(self._written(request.method, path, _told(await request.body())))
        except Refusal as refusal:
            return JSONResponse(refusal.body, refusal.status)

    def _let_in(self, request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.admits(token, TOKEN):
            raise Refusal(401, "unauthorized")
        if "/" not in request.headers.get("user-agent", "") or "python" in request.headers["user-agent"]:
            raise Refusal(403, "forbidden")

    def _by_partner(self, request: Request, path: list[str], told: dict[str, Any]) -> dict[str, Any]:
        """An invitation, or the access that a code opens: once only, the strictest reading."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.admits(token, PARTNER_TOKEN) or told.get("partnerId") != PARTNER:
            raise Refusal(401, "unauthorized")
        if path == INVITE:
            if told.get("type") != "email" or "@" not in str(told.get("identifier")):
                raise Refusal(422, "validation_error", "identifier")
            self.record("invited", to=told["identifier"])
            return {"id": _id(len(self.effects))}
        if told.get("activationCode") not in self.codes:
            raise Refusal(422, "validation_error", "activationCode")
        self.codes.discard(told["activationCode"])
        self.record("activated")
        return {"merchantId": MERCHANT, "token": TOKEN}

    # Writes

    def _written(self, method: str, path: list[str], told: dict[str, Any]) -> dict[str, Any]:
        match method, path:
            case "POST", ["billing", "api", "order", "order"]:
                return self.order(self._created(told))
            case "DELETE", ["billing", "api", "order", "order", id_]:
                return self.order(self._cancelled(self._payment(id_)))
            case "POST", ["billing", "api", "order", "refund-order"]:
                one = self._payment(str(told.get("parentId")))
                return self.refund_order(one, self._refunded(one, told))
            case "POST", ["billing", "api", "order", "shipment"]:
                return self._shipped(self._payment(str(told.get("orderId"))), told)
        raise Refusal(404, "not_found")

    def _created(self, told: dict[str, Any]) -> Payment:
        missing = [name for name in NEEDED if name not in told]
        if missing:
            raise Refusal(422, "validation_error", *missing)
        if told["merchantId"] != MERCHANT and not self.lets_anybody_in:
            raise Refusal(403, "forbidden")
        if told["currencyId"] != "RUB":
            raise Refusal(422, "wrong_currency", "currencyId")
        if datetime.fromisoformat(told["expirationDate"]).timestamp() <= self.now():
            raise Refusal(422, "wrong_expiration_date", "expirationDate")
        number, amount = told["merchantOrderId"], reckoned(told)
        if not 0 < len(number) <= 36 or len(told["description"]) > 1000:
            raise Refusal(422, "validation_error", "merchantOrderId")
        if self.unique and self.till.numbered(number):
            raise Refusal(422, "merchant_order_id_duplicate", "merchantOrderId")
        one = self.till.make(number, amount, said=told, shop=str(told["merchantId"]))
        self.record("payment", id=one.id, number=number, kopecks=amount)
        return one

    def _cancelled(self, one: Payment) -> Payment:
        """Of one that is paid by guarantee the money goes back with it."""
        if one.state is State.OVER or one.refunds:
            raise Refusal(422, "wrong_order_status")
        if one.state is State.PAID:
            self.record("returned", id=one.id, kopecks=one.amount)
        self.till.end(one, "canceled")
        self._tell(one)
        return one

    def _refunded(self, one: Payment, told: dict[str, Any]) -> Refund:
        number, amount = told.get("merchantOrderId"), reckoned(told)
        if any(refund.number == number for _, refund in self.till.all_refunds()):
            raise Refusal(422, "merchant_order_id_duplicate", "merchantOrderId")
        left = {str(item["sku"]): _kopecks(item["availableAmount"]) for item in self.refundable(one)}
        for item in told["basketItems"]:
            left[str(item["sku"])] = left.get(str(item["sku"]), 0) - _kopecks(item["totalAmount"])
        if one.state is not State.PAID or min(left.values(), default=0) < 0:
            raise Refusal(422, "wrong_total_amount", "basketItems")
        try:
            refund = self.till.refund(one, number, amount, told)
        except TooMuch:
            raise Refusal(422, "wrong_total_amount", "amount") from None
        self.record("refund", id=refund.id, number=number, kopecks=amount)
        return refund

    def _shipped(self, one: Payment, told: dict[str, Any]) -> dict[str, Any]:
        if one.state is not State.PAID:
            raise Refusal(422, "wrong_order_status", "orderId")
        items = told.get("basketItems") or []
        sum_ = sum(_kopecks(item["totalAmount"]) for item in items)
        if not 0 < sum_ <= one.free:
            raise Refusal(422, "wrong_total_amount", "basketItems")
        made = {"id": len(self.shipments) + 1, "merchantId": MERCHANT, **_json(told)}
        self.shipments.append((self.now(), made))
        self.record("shipment", id=made["id"], order=one.id, kopecks=sum_)
        return made

    # Reads

    def _shown(self, path: list[str], query: Mapping[str, str]) -> Response:
        match path:
            case ["security", "api", "auth", "auth"]:
                return _found({"userId": "01900000-5555-7222-8333-444444444444", "profile": None, "accessToken": None})
            case ["billing", "api", "order", "order", id_]:
                return _found(self.order(self._payment(id_)))
            case ["billing", "api", "order", "order", id_, "refund-basket-item"]:
                return _found(self.refundable(self._payment(id_)))
            case ["billing", "api", "order", "shipment"]:  # its filter is passed over
                paged = {name: value for name, value in query.items() if name != "orderId"}
                return self._listed([told for at, told in self.shipments if self.till.shown(at)], paged)
            case ["filter", "api", "order", "order"]:
                shown = [self.order(one) for one in self.till.payments.values() if self.till.shown(one.at)]
                return self._listed(shown, query)
            case ["filter", "api", "order", "refund-order"]:
                made = [pair for pair in self.till.all_refunds() if self.till.shown(pair[1].at)]
                return self._listed([self.refund_order(*pair) for pair in made], query)
        raise Refusal(404, "not_found")

    def _listed(self, rows: list[dict[str, Any]], query: Mapping[str, str]) -> Response:
        if "_order" in query:
            raise Refusal(422, "validation_error", "_order")
        at, size = (self.paging, "_pageSize" if self.paging == "_page" else "pageSize")
        for name, value in query.items():
            field, _, how = name.partition("[")
            if field in ("_order", "_page", "_pageSize", "page", "pageSize"):
                continue
            rows = [row for row in rows if _meets(row.get(field), how.rstrip("]"), value)]
        number, most = int(query.get(at, "1")), min(int(query.get(size, "30")), 100)
        meta = {"totalCount": len(rows), "pageSize": most, "page": number}
        return JSONResponse({"data": rows[(number - 1) * most : number * most], "metaData": meta, "extendedData": []})

    def order(self, one: Payment) -> dict[str, Any]:
        """An order as the API and notifications show it."""
        names = ("description", "expirationDate", "merchantOrderIdVisible", "customer", "languageId")
        shown = {name: one.said[name] for name in names if name in one.said}
        shown |= {
            "id": one.id, "merchantId": MERCHANT, "merchantOrderId": one.number, "amount": _roubles(one.amount),
            "vatAmount": _json(one.said.get("vatAmount", 0)), "currencyId": "RUB", "basketItems": _items(one),
            "status": STATUSES.get(one.state) or one.why or "expired", "createdAt": _stamp(one.at), "subtype": "order",
            "orderContainerId": one.id, "paymentUrl": f"{self.pages}/{one.id}", "fileIds": [],
            "processable": self.processable, "processingStatus": "",
        }  # fmt: skip
        if one.captured_at is not None:
            shown["paidAt"] = _stamp(one.captured_at)
        return shown

    def refund_order(self, one: Payment, refund: Refund) -> dict[str, Any]:
        """A refund as the API shows it."""
        return {
            "id": refund.id, "parentId": one.id, "merchantOrderId": refund.number or refund.id, "merchantId": MERCHANT,
            "amount": _roubles(refund.amount), "vatAmount": _json(refund.said.get("vatAmount", 0)),
            "currencyId": "RUB", "basketItems": _json(refund.said.get("basketItems", [])),
            "createdAt": _stamp(refund.at), "status": REFUND_STATUSES[refund.state],
        }  # fmt: skip

    def refundable(self, one: Payment) -> list[dict[str, Any]]:
        """What is left of each line; of a refund made in the cabinet it is taken from the first ones."""
        gone: dict[str, int] = {}
        taxes: dict[str, int] = {}
        unsaid = 0
        for refund in one.refunds:
            if refund.state is not State.OVER:
                unsaid += 0 if "basketItems" in refund.said else refund.amount
                for item in refund.said.get("basketItems", []):
                    sku = str(item["sku"])
                    gone[sku] = gone.get(sku, 0) + _kopecks(item["totalAmount"])
                    taxes[sku] = taxes.get(sku, 0) + _kopecks(item["totalVatAmount"])
        left = []
        for item in _items(one):
            sku = str(item["sku"])
            free = _kopecks(item["totalAmount"]) - gone.get(sku, 0)
            vat = _kopecks(item["totalVatAmount"]) - taxes.get(sku, 0)
            taken = min(unsaid, free)
            vat -= vat * taken // free if free else 0
            unsaid, free = unsaid - taken, free - taken
            if free:
                left.append({**item, "availableAmount": _roubles(free), "availableVatAmount": _roubles(vat)})
        return left if one.state is State.PAID else []

    def _payment(self, id_: str) -> Payment:
        one = self.till.payments.get(id_)
        if one is None:
            raise Refusal(404, "not_found")
        return one

    # What payers do, and what it tells

    def controls(self) -> Sequence[BaseRoute]:
        return [Route("/pay", self._pays, methods=["POST"])]

    def back_of(self, one: Payment, paid: bool) -> str | None:
        return one.said.get("successUrl" if paid else "failUrl") or one.said.get("returnUrl")

    async def pressed(self, one: Payment, pay: bool) -> None:
        """Who declines a bill calls it off: there is no other no that the shop hears of."""
        self._ended(one, None if pay else "canceled")

    async def _pays(self, request: Request) -> Response:
        """A payer pays: {"number" or "id"}; {"why": "expired"} where nobody does."""
        told = json.loads(await request.body())
        one = self.till.payments.get(told.get("id", "")) or self.till.of(told.get("number", ""))
        self._ended(one, told.get("why"))
        return JSONResponse(self.order(one))

    def _ended(self, one: Payment, why: str | None) -> None:
        self.ended(one, why)
        self._tell(one)

    def notification(self, one: Payment, **changed: Any) -> tuple[bytes, dict[str, str]]:
        """What it tells of an order, byte for byte as PHP writes JSON, and signed."""
        return signed({**self.order(one), **changed})

    def _tell(self, one: Payment) -> None:
        hook = one.said.get("notificationUrl") or self.told_at(one)
        if hook:
            self.in_background(self._told_of(str(hook), one))

    async def _told_of(self, hook: str, one: Payment) -> None:
        await self.send_hooks(hook, [self.notification(one)], tries=11, settled=self._is_settled)

    def _is_settled(self, answer: httpx.Response) -> bool:
        try:
            told = answer.json() if answer.status_code == 200 else {}
        except ValueError:
            told = {}
        said = told.get("status") if isinstance(told, dict) else None
        code = "success" if said == "success" else told.get("code", "out_of_service") if said else "out_of_service"
        self.answers.append(code)
        return code != "out_of_service"


def signed(told: Mapping[str, Any], key: str = NOTIFICATION_KEY) -> tuple[bytes, dict[str, str]]:
    """A notification's bytes and headers."""
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/").encode()
    return body, {"content-type": "application/json", "x-signature": signature(body, key)}


def signature(body: bytes, key: str = NOTIFICATION_KEY) -> str:
    return hmac.new(key.encode(), body, hashlib.sha1).hexdigest()


def _id(n: int) -> str:
    return f"0195a000-0000-7000-8000-{n:012x}"


def _told(body: bytes) -> dict[str, Any]:
    """Sums as the text that they were written in."""
    try:
        told = json.loads(body or b"{}", parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        raise Refusal(422, "validation_error") from None
    return told if isinstance(told, dict) else {}


def reckoned(told: Mapping[str, Any]) -> int:
    """The sum of a bill, or of a refund, whose lines are reckoned after. In kopecks."""
    amount, vat, items = _kopecks(told.get("amount")), _kopecks(told.get("vatAmount")), told.get("basketItems") or []
    if amount <= 0 or not items:
        raise Refusal(422, "wrong_total_amount", "amount")
    for number, item in enumerate(items):
        where, quantity = f"basketItems[{number}]", Decimal(str(item["quantity"]))
        total, tax = _kopecks(item["totalAmount"]), _kopecks(item["totalVatAmount"])
        if quantity <= 0 or _rounded(_kopecks(item["amount"]) * quantity) != total:
            raise Refusal(422, "wrong_basket_item_total_amount", where)
        if item["vatCode"] not in RATES or not 0 <= tax <= total:
            raise Refusal(422, "wrong_basket_item_total_vat_amount", where)
        if abs(_rounded(_kopecks(item["amountWoVat"]) * quantity) + tax - total) > 1:
            raise Refusal(422, "wrong_basket_item_amount_wo_vat", where)
        if len(item["name"]) > 500 or len(item["sku"]) > 500 or len(item["measure"]) > 10 or not item["measureCode"]:
            raise Refusal(422, "validation_error", where)
    if sum(_kopecks(item["totalAmount"]) for item in items) != amount:
        raise Refusal(422, "wrong_total_amount", "amount")
    if sum(_kopecks(item["totalVatAmount"]) for item in items) != vat:
        raise Refusal(422, "wrong_total_vat_amount", "vatAmount")
    return amount


def _rounded(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def _kopecks(told: object) -> int:
    try:
        exact = Decimal(str(told)) * 100
    except InvalidOperation:
        raise Refusal(422, "wrong_total_amount", "amount") from None
    if exact != exact.to_integral_value():
        raise Refusal(422, "wrong_total_amount", "amount")
    return int(exact)


def _roubles(kopecks: int) -> int | float:
    """As PHP writes it: no zeros at the end."""
    return kopecks // 100 if kopecks % 100 == 0 else float(f"{kopecks // 100}.{kopecks % 100:02}")


def _json(told: Any) -> Any:
    """What was read with exact numbers, as it is written again."""
    if isinstance(told, Decimal):
        return int(told) if told == told.to_integral_value() else float(str(told))
    if isinstance(told, list):
        return [_json(one) for one in told]
    return {name: _json(one) for name, one in told.items()} if isinstance(told, dict) else told


def _items(one: Payment) -> list[dict[str, Any]]:
    """Its lines; of an order that was made past the API one that says it all."""
    made: list[dict[str, Any]] = _json(one.said.get("basketItems", []))
    sum_ = _roubles(one.amount)
    return made or [
        {
            "sku": "1", "name": "Заказ", "measure": "шт", "measureCode": "796", "quantity": 1, "amount": sum_,
            "amountWoVat": sum_, "totalAmount": sum_, "totalVatAmount": 0, "vatCode": "VATNONE", "type": "service",
            "paymentType": "full_payment",
        }
    ]  # fmt: skip


def _meets(value: Any, how: str, wanted: str) -> bool:
    if how in ("", "_eq"):
        return str(value) == wanted
    if value is None or how not in ("_ge", "_gt", "_le", "_lt"):
        return value is not None
    there, edge = datetime.fromisoformat(value), datetime.fromisoformat(wanted)
    return {"_ge": there >= edge, "_gt": there > edge, "_le": there <= edge, "_lt": there < edge}[how]


def _found(told: Any) -> Response:
    return JSONResponse({"data": told, "extendedData": []})


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


SIMULATOR = Invoicebox
