"""ЮKassa's stand-in: payments, holds, refunds, saved methods, lists, notifications, as strict as its pages say.

The same key and body give the same object for 24 hours, another body under the key is refused; an unpaid link can't be
cancelled; the sum of a receipt, and of shares, must be the amount. A payer's page stands at `/pay/<id>`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.cashdesk import Cashdesk
from simulators.chassis import json_of
from simulators.till import Payment, Refund, State, Till, TooMuch

SHOP, KEY = "100500", "live_yookassa-key-for-tests"
KEY_LIFE = 24 * 3600.0
FEE = Decimal("0.035")

STATUSES = {
    State.WAITS: "pending", State.HELD: "waiting_for_capture", State.PAID: "succeeded", State.OVER: "canceled",
    State.DONE: "succeeded",
}  # fmt: skip


class Refusal(Exception):
    """An error body."""

    def __init__(self, status: int, code: str, parameter: str | None = None, description: str = "...") -> None:
        self.status = status
        said = {"type": "error", "id": "ab5a11cd-13cc-4e33-af8b-75a74e18dd09", "code": code, "description": description}
        self.body = {**said, **({"parameter": parameter} if parameter else {})}


@dataclass(frozen=True, slots=True)
class Key:
    """Whose it is, and whether of a test shop."""

    shop: str
    test: bool


class Yookassa(Cashdesk):
    """One shop. Effects: `payment` and `refund` as they are made, `paid` as payers pay."""

    vendor, title, shop = "yookassa", "ЮKassa", "shop_id"
    settings = ("hook", "test", "lag", "shop_status", "forbidden", "processing", "receipts")
    credentials = {"shop_id": SHOP}

    def reset(self) -> None:
        self.till = Till(self.now, _id)
        self.hook: str | None = None
        """Where it tells of what happens by itself."""
        self.test = False
        """Whether its money is play money, whatever the key says."""
        self.play: set[str] = set()
        """Payments that were made by a test shop's key."""
        self.shop_status = "enabled"
        self.forbidden: list[str] = []
        """Parts of a request that this shop may not use: `payment_method_id`, `transfers`, `save_payment_method`."""
        self.receipts = "succeeded"
        """What becomes of the receipts of money that has moved: `pending`, `succeeded`, `canceled`."""
        self.processing = 0
        """So many writes are done and answered 202 for now."""

    # The API

    def routes(self) -> Sequence[BaseRoute]:
        return [
            *self.pay_routes(),
            Route("/{path:path}", self._call, methods=["GET", "POST", "DELETE"]),
        ]

    async def _call(self, request: Request) -> Response:
        path = str(request.path_params["path"]).split("/")
        try:
            key = self._let_in(request)
            if request.method == "GET":
                return JSONResponse(self._shown(path, request.query_params, key))
            return self._written(path, request, await request.body(), key)
        except Refusal as refusal:
            return JSONResponse(refusal.body, refusal.status)

    def _let_in(self, request: Request) -> Key:
        kind, _, pair = request.headers.get("authorization", "").partition(" ")
        try:
            shop, _, key = base64.b64decode(pair).decode().partition(":")
        except ValueError:
            shop = key = ""
        if kind != "Basic" or not self.admits(key, KEY) or (shop != SHOP and not self.lets_anybody_in):
            raise Refusal(401, "invalid_credentials", "Authorization")
        return Key(shop, key.startswith("test_"))

    # Writes

    def _written(self, path: list[str], request: Request, body: bytes, by: Key) -> Response:
        key = request.headers.get("idempotence-key", "")
        if not 0 < len(key) <= 64:
            raise Refusal(400, "invalid_request", "Idempotence-Key", "Idempotence key is required")
        asked = (path, body)
        known = self.till.keys.get(key)
        if known is not None and self.now() - known[0][2] < KEY_LIFE:  # type: ignore[index]
            if known[0][:2] != asked:  # type: ignore[index]
                raise Refusal(400, "invalid_request", "Idempotence-Key", "Idempotence key duplicated")
            return JSONResponse(self._object(known[1]))
        id_ = self._done(path, json_of(body), by)
        self.till.keys[key] = ((*asked, self.now()), id_)
        if self.processing > 0:
            self.processing -= 1
            return JSONResponse({"type": "processing", "description": "...", "retry_after": 1800}, 202)
        return JSONResponse(self._object(id_))

    def _done(self, path: list[str], told: dict[str, Any], by: Key) -> str:
        match path:
            case ["payments"]:
                return self._created(told, by).id
            case ["refunds"]:
                return self._refunded(told).id
            case ["payments", id_, "capture"]:
                one = self._payment(id_)
                if one.state is not State.HELD:
                    raise Refusal(400, "invalid_request", "status")
                amount = _kopecks(told["amount"]) if "amount" in told else None
                self._checked(told, one.amount if amount is None else amount)
                try:
                    self.till.capture(one, amount)
                except TooMuch:
                    raise Refusal(400, "invalid_request", "amount") from None
                self._tell(one.id)
                return one.id
            case ["payments", id_, "cancel"]:
                one = self._payment(id_)
                if one.state is not State.HELD:
                    raise Refusal(400, "invalid_request", "status")
                self.till.end(one, "canceled_by_merchant")
                self._tell(one.id)
                return one.id
        raise Refusal(404, "not_found")

    def _created(self, told: dict[str, Any], by: Key) -> Payment:
        for part in self.forbidden:
            if part in told:
                raise Refusal(403, "forbidden", description="This store can't make recurring payments.")
        amount, meta = _kopecks(told.get("amount")), told.get("metadata") or {}
        ways = [name for name in ("payment_method_data", "payment_method_id", "payment_token") if name in told]
        if len(ways) > 1 or len(told.get("description", "")) > 128:
            raise Refusal(400, "invalid_request", "description" if len(ways) < 2 else ways[1])
        if len(meta) > 16 or any(not isinstance(value, str) or len(value) > 512 for value in meta.values()):
            raise Refusal(400, "invalid_request", "metadata")
        self._checked(told, amount)
        more: dict[str, Any] = {"hold": told.get("capture") is not True, "said": told, "shop": by.shop}
        if "payment_method_id" in told:
            token = str(told["payment_method_id"])
            if not any(one.token == token and one.save for one in self.till.payments.values()):
                raise Refusal(400, "invalid_request", "payment_method_id")
            one = self.till.charge(meta.get("svyazka"), amount, token, **more)
        else:
            confirmation = told.get("confirmation") or {}
            if confirmation.get("type") != "redirect" or not confirmation.get("return_url"):
                raise Refusal(400, "invalid_request", "confirmation.return_url")
            save = told.get("save_payment_method") is True
            one = self.till.make(meta.get("svyazka"), amount, save=save, **more)
        if by.test:
            self.play.add(one.id)
        self.record("payment", id=one.id, number=one.number, kopecks=amount, receipt=told.get("receipt"))
        if one.state is not State.WAITS:
            self._tell(one.id)
        return one

    def _refunded(self, told: dict[str, Any]) -> Refund:
        one, amount = self._payment(str(told.get("payment_id"))), _kopecks(told.get("amount"))
        if len(told.get("description", "")) > 250:
            raise Refusal(400, "invalid_request", "description")
        self._checked(told, amount)
        try:
            refund = self.till.refund(one, (told.get("metadata") or {}).get("svyazka"), amount, told)
        except TooMuch:
            raise Refusal(400, "invalid_request", "amount") from None
        self.record("refund", id=refund.id, number=refund.number, kopecks=amount, receipt=told.get("receipt"))
        if refund.state is State.DONE:
            self._tell(refund.id)
        return refund

    def _checked(self, told: Mapping[str, Any], amount: int) -> None:
        """A receipt's sum, and that of the shares."""
        if (receipt := told.get("receipt")) is not None:
            customer = receipt.get("customer") or {}
            if not customer.get("email") and not customer.get("phone"):
                raise Refusal(400, "invalid_request", "receipt.customer")
            items = receipt.get("items") or []
            total = sum(Decimal(str(one["quantity"])) * _kopecks(one["amount"]) for one in items)
            if not 0 < len(items) <= 100 or round(total) != amount:
                raise Refusal(400, "invalid_request", "receipt.items")
            if any(one.get("vat_code") not in range(1, 13) or len(one["description"]) > 128 for one in items):
                raise Refusal(400, "invalid_request", "receipt.items")
        shares = told.get("transfers") or told.get("sources")
        if shares and sum(_kopecks(one["amount"]) for one in shares) != amount:
            raise Refusal(400, "invalid_request", "transfers")

    # Reads

    def _shown(self, path: list[str], query: Mapping[str, str], by: Key) -> dict[str, Any]:
        match path:
            case ["me"]:
                return {
                    "account_id": SHOP, "test": by.test or self.test, "status": self.shop_status,
                    "fiscalization_enabled": True,
                    "payment_methods": ["bank_card", "sbp"],
                }  # fmt: skip
            case ["payments" | "refunds" as kind]:
                return self._listed(kind, query)
            case ["payments", id_]:
                return self.payment_object(self._payment(id_))
            case ["refunds", id_]:
                return self._object(id_)
        raise Refusal(404, "not_found")

    def _listed(self, kind: str, query: Mapping[str, str]) -> dict[str, Any]:
        size = int(query.get("limit", "10"))
        if not 1 <= size <= 100:
            raise Refusal(400, "invalid_request", "limit")
        if kind == "payments":
            found = [
                (self.payment_object(one), {"created_at": one.at, "captured_at": one.captured_at})
                for one in self.till.payments.values()
                if self.till.shown(one.at)
            ]
        else:
            of = query.get("payment_id")
            found = [
                (self.refund_object(one, refund), {"created_at": refund.at})
                for one, refund in self.till.all_refunds()
                if of in (None, one.id) and self.till.shown(refund.at)
            ]
        for name, value in query.items():
            field, _, how = name.partition(".")
            if how in ("gte", "gt", "lte", "lt"):
                edge = datetime.fromisoformat(value).timestamp()
                found = [(one, at) for one, at in found if _within(at.get(field), how, edge)]
        items = [one for one, _ in reversed(found)]
        begin = int(query.get("cursor", "0"))
        page = {"type": "list", "items": items[begin : begin + size]}
        return {**page, "next_cursor": str(begin + size)} if len(items) > begin + size else page

    def payment_object(self, one: Payment) -> dict[str, Any]:
        """A payment as the API and notifications show it."""
        shown: dict[str, Any] = {
            "id": one.id, "status": STATUSES[one.state], "amount": _amount(one.amount),
            "recipient": {"account_id": SHOP, "gateway_id": "100700"}, "created_at": _stamp(one.at),
            "test": self.test or one.id in self.play,
            "paid": one.state in (State.HELD, State.PAID), "refundable": one.free > 0,
            "metadata": one.said.get("metadata") or {},
        }  # fmt: skip
        if "description" in one.said:
            shown["description"] = one.said["description"]
        if one.state is State.WAITS and "confirmation" in one.said:
            shown["confirmation"] = {**one.said["confirmation"], "confirmation_url": f"{self.pages}/{one.id}"}
        if one.state is State.OVER:
            shown["cancellation_details"] = {"party": "yoo_money", "reason": one.why or "expired_on_confirmation"}
        if one.state in (State.HELD, State.PAID) or one.token:
            token = one.token or one.id
            saved = one.token is not None
            shown["payment_method"] = {
                "type": "bank_card", "id": token, "saved": saved, "title": "Bank card *4444",
                "card": {"first6": "555555", "last4": "4444", "expiry_year": "2028", "expiry_month": "07"},
            }  # fmt: skip
        if one.state is State.PAID:
            net = one.amount - int((Decimal(one.amount) * FEE).to_integral_value())
            shown |= {"captured_at": _stamp(one.captured_at or one.at), "income_amount": _amount(net)}
            shown["refunded_amount"] = _amount(one.refunded)
        if "receipt" in one.said:
            shown["receipt_registration"] = self._registered(one.state is State.PAID, one.state is State.OVER)
        return shown

    def refund_object(self, one: Payment, refund: Refund) -> dict[str, Any]:
        """A refund as the API and notifications show it."""
        shown = {
            "id": refund.id, "payment_id": one.id, "status": STATUSES[refund.state], "amount": _amount(refund.amount),
            "created_at": _stamp(refund.at), "metadata": refund.said.get("metadata") or {},
        }  # fmt: skip
        if "receipt" in refund.said:
            shown["receipt_registration"] = self._registered(refund.state is State.DONE, refund.state is State.OVER)
        if refund.state is State.OVER:
            shown["cancellation_details"] = {"party": "yoo_money", "reason": refund.why or "general_decline"}
        return shown

    def _registered(self, done: bool, over: bool) -> str:
        return "canceled" if over else self.receipts if done else "pending"

    def _payment(self, id_: str) -> Payment:
        one = self.till.payments.get(id_)
        if one is None:
            raise Refusal(404, "not_found")
        return one

    def _object(self, id_: str) -> dict[str, Any]:
        one, refund = self._found(id_)
        return self.refund_object(one, refund) if refund else self.payment_object(one)

    def _found(self, id_: str) -> tuple[Payment, Refund | None]:
        """A payment, or a refund with its payment."""
        if id_ in self.till.payments:
            return self.till.payments[id_], None
        for one, refund in self.till.all_refunds():
            if refund.id == id_:
                return one, refund
        raise Refusal(404, "not_found")

    # What payers do, and what it tells

    def controls(self) -> Sequence[BaseRoute]:
        return [Route("/pay", self._pays, methods=["POST"])]

    def back_of(self, one: Payment, paid: bool) -> str | None:
        return (one.said.get("confirmation") or {}).get("return_url")

    async def pressed(self, one: Payment, pay: bool) -> None:
        self._ended(one, None if pay else "insufficient_funds")

    async def _pays(self, request: Request) -> Response:
        """A payer pays, or gives up: {"number" or "id", "why": a reason where no money comes}."""
        told = json_of(await request.body())
        one = self.till.payments.get(told.get("id", "")) or self.till.of(told.get("number", ""))
        self._ended(one, told.get("why"))
        return JSONResponse(self.payment_object(one))

    def _ended(self, one: Payment, why: str | None) -> None:
        self.ended(one, why)
        self._tell(one.id)

    def notification(self, id_: str) -> dict[str, Any]:
        """What it tells of a payment, or of a refund, as it is now."""
        told = self._object(id_)
        kind = "refund" if "payment_id" in told else "payment"
        return {"type": "notification", "event": f"{kind}.{told['status']}", "object": told}

    def _tell(self, id_: str) -> None:
        hook = self.told_at(self._found(id_)[0])
        if hook:
            body = json.dumps(self.notification(id_), ensure_ascii=False).encode()
            work = self.send_hooks(hook, [(body, {"content-type": "application/json"})], tries=3)
            self.in_background(work)


def _id(n: int) -> str:
    return f"2f1a{n:04x}-000f-5000-8000-18db{n:08x}"


def _within(at: float | None, how: str, edge: float) -> bool:
    if at is None:
        return False
    return {"gte": at >= edge, "gt": at > edge, "lte": at <= edge, "lt": at < edge}[how]


def _kopecks(told: Any) -> int:
    """Roubles as text, at most two decimals."""
    try:
        amount = Decimal(told["value"]) if isinstance(told["value"], str) else Decimal("-1")
        exact = amount * 100
    except (TypeError, KeyError, InvalidOperation):
        raise Refusal(400, "invalid_request", "amount.value") from None
    if exact <= 0 or exact != exact.to_integral_value() or told.get("currency") != "RUB":
        raise Refusal(400, "invalid_request", "amount.value")
    return int(exact)


def _amount(kopecks: int) -> dict[str, str]:
    return {"value": f"{kopecks // 100}.{kopecks % 100:02}", "currency": "RUB"}


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


SIMULATOR = Yookassa
