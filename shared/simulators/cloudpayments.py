"""CloudPayments' stand-in: one site, its API's face over a till, its questions and notifications.

A link (an order) has an id of its own; who pays by it makes a transaction, which is all that can be read.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode, urlsplit, urlunsplit

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.cashdesk import Cashdesk
from simulators.chassis import json_of
from simulators.till import Payment, Refund, State, Till, TooMuch
from svyazka.connectors.cloudpayments.webhook import signature

PUBLIC_ID, SECRET = "pk_test_0000000000000000000000000001", "fake_cp_secret_0001"
FIRST = 897_728_000
ORDER = "gAS"
"""What orders' ids begin with here; the digits after it are the transaction's that pays it."""

Told = dict[str, Any]

STATUSES = {
    State.WAITS: "AwaitingAuthentication", State.HELD: "Authorized", State.PAID: "Completed", State.OVER: "Declined",
    State.DONE: "Completed",
}  # fmt: skip


class Cloudpayments(Cashdesk):
    """One site. `hook`: our address, to which the type is added. `test`: its money is play money."""

    vendor, title, shop = "cloudpayments", "CloudPayments", "public_id"
    settings = ("hook", "test")
    credentials = {"public_id": PUBLIC_ID, "api_secret": SECRET}

    def reset(self) -> None:
        self.till = Till(self.now, lambda n: str(FIRST + n))
        self.hook: str | None = None
        self.test = False
        self.notifications: dict[tuple[str, str], Told] = {}
        """Shop and type -> what it has registered."""
        self.secrets = {PUBLIC_ID: SECRET}
        """Shop -> what its notifications are signed by."""
        self.by = PUBLIC_ID
        """Whose call is being answered."""
        self.replayed: dict[str, Told] = {}

    def routes(self) -> Sequence[BaseRoute]:
        calls: dict[str, Callable[[Told], Told]] = {
            "/test": lambda told: {"Success": True, "Message": "bd6353c3-0ed6-4a65-946f-083664bf8dbd"},
            "/orders/create": self._order, "/orders/cancel": self._off,
            "/payments/tokens/charge": self._charge, "/payments/tokens/auth": self._charge,
            "/payments/confirm": self._confirm, "/payments/void": self._void, "/payments/refund": self._refund,
            "/payments/get": self._get, "/payments/find": self._find, "/v2/payments/find": self._find_any,
            "/payments/list": self._list,
        }  # fmt: skip
        registering = Route("/site/notifications/{type}/{what}", self._registering, methods=["POST"])
        api = [Route(path, self._proved(do), methods=["POST"]) for path, do in calls.items()]
        return [*api, registering, *self.pay_routes()]

    def controls(self) -> Sequence[BaseRoute]:
        return [Route("/pay", self._pays, methods=["POST"])]

    # The API

    def _lets_in(self, request: Request) -> bool:
        basic = request.headers.get("authorization", "").removeprefix("Basic ")
        try:
            pair = base64.b64decode(basic, validate=True).decode()
        except ValueError:
            return False
        if not self.admits(pair, f"{PUBLIC_ID}:{SECRET}"):
            return False
        self.by, _, self.secrets[self.by] = pair.partition(":")
        return True

    def _proved(self, do: Callable[[Told], Told]) -> Any:
        async def serve(request: Request) -> Response:
            if not self._lets_in(request):
                return Response(status_code=401)
            body = json_of(await request.body())
            key = f"{request.url.path}:{request.headers.get('x-request-id')}"
            if key in self.replayed and "x-request-id" in request.headers:
                return JSONResponse(self.replayed[key])
            answer = do(body)
            if answer.get("Success"):
                self.replayed[key] = answer
            return JSONResponse(answer)

        return serve

    def _order(self, told: Told) -> Told:
        amount = kopecks(told.get("Amount"))
        if not amount:
            return _no("Amount is required")
        if not told.get("Description"):
            return _no("Description is required")
        for kind in ("SendEmail", "SendSms", "SendViber"):
            if told.get(kind):
                self.record("letter", to=told.get("Email") or told.get("Phone"))
        one = self.till.make(
            told.get("InvoiceId"), amount, hold=bool(told.get("RequireConfirmation")),
            save=bool(told.get("AccountId")), said=told, shop=self.by,
        )  # fmt: skip
        del self.till.payments[one.id]
        one.id = f"{ORDER}{one.id}"
        self.till.payments[one.id] = one
        self.record("order", id=one.id, number=one.number, amount=amount)
        url = f"{self.pages}/{one.id}"
        return _yes({"Id": one.id, "Amount": told["Amount"], "Currency": "RUB", "Url": url, "Status": "Created"})

    def _off(self, told: Told) -> Told:
        one = self.till.payments.get(str(told.get("Id")))
        if one is None:
            return _no("Order not found")
        if one.state is State.WAITS:
            self.till.end(one, "off")
            self.record("cancel", id=one.id)
        return _yes()

    def _charge(self, told: Told) -> Told:
        amount = kopecks(told.get("Amount"))
        for name in ("AccountId", "Token", "TrInitiatorCode"):
            if told.get(name) in (None, ""):
                return _no(f"{name} is required")
        if not amount:
            return _no("Amount is required")
        one = self.till.charge(told.get("InvoiceId"), amount, str(told["Token"]), said=told, shop=self.by)
        self.record("charge", id=one.id, amount=amount)
        self._tell("fail" if one.state is State.OVER else "pay", one)
        return {"Success": one.state is State.PAID, "Message": None, "Model": self.shown(one)}

    def _confirm(self, told: Told) -> Told:
        one = self._of(told)
        if one is None or one.state is not State.HELD:
            return _no("Transaction can't be confirmed")
        try:
            self.till.capture(one, kopecks(told.get("Amount")))
        except TooMuch:
            return _no("Amount is too big")
        self.record("capture", id=one.id, amount=one.amount)
        self._tell("confirm", one)
        return _yes()

    def _void(self, told: Told) -> Told:
        one = self._of(told)
        if one is None or one.state is not State.HELD:
            return _no("Transaction can't be voided")
        self.till.end(one, "void")
        self.record("cancel", id=one.id)
        self._tell("cancel", one)
        return _yes()

    def _refund(self, told: Told) -> Told:
        one = self._of(told)
        if one is None or one.state is not State.PAID:
            return _no("Transaction can't be refunded")
        try:
            refund = self.till.refund(one, None, kopecks(told.get("Amount")) or 0, told)
        except TooMuch:
            return _no("Amount is bigger than what is left")
        self.record("refund", id=refund.id, amount=refund.amount)
        if refund.state is State.DONE:
            self._tell("refund", one, refund)
        return _yes({"TransactionId": int(refund.id)})

    def _get(self, told: Told) -> Told:
        one = self._of(told)
        if one is not None:
            return {"Success": one.state is not State.OVER, "Message": None, "Model": self.shown(one)}
        for payment, refund in self.till.all_refunds():
            if refund.id == str(told.get("TransactionId")):
                return _yes(self.refund_shown(payment, refund))
        return _no("Not found")

    def _find(self, told: Told) -> Told:
        tried = [one for one in self.till.numbered(str(told.get("InvoiceId"))) if was_tried(one)]
        seen = [one for one in tried if self.till.shown(one.at)]
        if not seen:
            return _no("Not found")
        return {"Success": seen[-1].state is not State.OVER, "Message": None, "Model": self.shown(seen[-1])}

    def _find_any(self, told: Told) -> Told:
        ours = self.till.numbered(str(told.get("InvoiceId")))
        refunds = [(one, it) for one in ours for it in one.refunds if self.till.shown(it.at)]
        return _yes(self.refund_shown(*refunds[-1])) if refunds else self._find(told)

    def _list(self, told: Told) -> Told:
        day = str(told.get("Date"))
        payments = [one for one in self.till.payments.values() if was_tried(one) and _iso(one.at).startswith(day)]
        refunds = [(one, it) for one, it in self.till.all_refunds() if _iso(it.at).startswith(day)]
        return _yes([*map(self.shown, payments), *(self.refund_shown(*pair) for pair in refunds)])

    def _of(self, told: Told) -> Payment | None:
        id_ = str(told.get("TransactionId"))
        return self.till.payments.get(id_) or self.till.payments.get(f"{ORDER}{id_}")

    async def _registering(self, request: Request) -> Response:
        if not self._lets_in(request):
            return Response(status_code=401)
        type_, shop = request.path_params["type"], self.by
        if type_ == "check":
            return JSONResponse(_no("Unknown notification type"))
        if request.path_params["what"] == "update":
            self.notifications[shop, type_] = json_of(await request.body())
            self.record("registered", type=type_)
            return JSONResponse(_yes())
        off = {"IsEnabled": False, "Address": None, "HttpMethod": "GET", "Encoding": "UTF8"}
        return JSONResponse(_yes(self.notifications.get((shop, type_), off)))

    # What it shows and tells

    def shown(self, one: Payment) -> Told:
        """A transaction as its API has it."""
        code = one.why if one.state is State.OVER else "0"
        cancelled = one.state is State.OVER and one.why in ("void", "off")
        return {
            "ReasonCode": int(code) if code and code.isdecimal() else (0 if cancelled else code),
            "TransactionId": int(transaction_of(one)), "Amount": roubles(one.amount), "Currency": "RUB",
            "InvoiceId": one.number, "AccountId": one.said.get("AccountId"), "JsonData": one.said.get("JsonData"),
            "CreatedDateIso": _iso(one.at), "ConfirmDateIso": _iso(one.captured_at) if one.captured_at else None,
            "TestMode": self.test, "CardFirstSix": "424242", "CardLastFour": "4242", "CardType": "Visa",
            "Status": "Cancelled" if cancelled else STATUSES[one.state], "Type": 0,
            "Refunded": one.refunded >= one.amount, "Token": f"tk_{transaction_of(one)}", "TotalFee": 0,
        }  # fmt: skip

    def refund_shown(self, one: Payment, refund: Refund) -> Told:
        """Money that goes back."""
        return {
            "TransactionId": int(refund.id), "OriginalTransactionId": int(transaction_of(one)), "Type": 1,
            "Amount": roubles(refund.amount), "Currency": "RUB", "InvoiceId": one.number,
            "JsonData": refund.said.get("JsonData"), "CreatedDateIso": _iso(refund.at), "TestMode": self.test,
            "Status": STATUSES[refund.state], "ReasonCode": int(refund.why or 0),
        }  # fmt: skip

    def notification(self, type_: str, one: Payment, refund: Refund | None = None, **changed: str) -> bytes:
        """The form that it sends."""
        told: Told = {
            "TransactionId": refund.id if refund else transaction_of(one),
            "Amount": f"{(refund.amount if refund else one.amount) / 100:.2f}", "Currency": "RUB",
            "DateTime": _iso(one.at).replace("T", " "), "CardFirstSix": "424242", "CardLastFour": "4242",
            "CardType": "Visa", "CardExpDate": "12/28", "TestMode": int(self.test),
            "Status": "Authorized" if one.hold and type_ != "confirm" else "Completed", "OperationType": "Payment",
            "InvoiceId": one.number or "", "AccountId": one.said.get("AccountId") or "", "SubscriptionId": "",
            "Name": "TEST USER", "Email": "client@example.com", "Description": "Заказ №42",
            "Data": one.said.get("JsonData") or "", **({"ReasonCode": one.why} if type_ == "fail" else {}),
            **({"PaymentTransactionId": transaction_of(one), "OperationType": "Refund"} if refund else {}), **changed,
        }  # fmt: skip
        return urlencode(told).encode()

    def _tell(self, type_: str, one: Payment, refund: Refund | None = None) -> None:
        hook = self._hook(type_, one)
        if hook is None:
            return
        body = self.notification(type_, one, refund)
        batch = [(body, self._signed(body, one))]
        self.in_background(self.send_hooks(hook, batch, tries=3))

    def _hook(self, type_: str, one: Payment) -> str | None:
        """Where a type is told: as the cabinet says, else as it was registered by the API, which has no Check."""
        told_at = self.told_at(one)
        address = at(told_at, type_) if told_at else self.notifications.get((one.shop, type_), {}).get("Address")
        return str(address) if address else None

    def _signed(self, body: bytes, one: Payment) -> dict[str, str]:
        return headers_of(body, {"api_secret": self.secrets.get(one.shop, SECRET)})

    async def asked(self, one: Payment, **changed: str) -> int:
        """What Check is answered; a silent shop, or one that speaks of something else, takes no money."""
        hook = self._hook("check", one)
        if hook is None:
            return 0
        body = self.notification("check", one, None, **changed)
        async with httpx.AsyncClient(trust_env=False, timeout=30, verify=False) as client:
            try:
                answer = await client.post(hook, content=body, headers=self._signed(body, one))
                return int(answer.json()["code"])
            except (httpx.HTTPError, ValueError, KeyError, TypeError):
                return -1

    async def _pays(self, request: Request) -> Response:
        """A payer pays by a link (`{"number"}`), or is declined (`"code"`); the shop is asked first."""
        told = json_of(await request.body())
        one = self.till.of(str(told.get("number")))
        if answer := await self.asked(one):
            return JSONResponse({"declined": answer})
        self._ended(one, told.get("code"))
        return JSONResponse({"id": transaction_of(one)})

    def _ended(self, one: Payment, code: object) -> None:
        self.ended(one, str(code) if code else None)
        self._tell("fail" if code else "pay", one)

    def back_of(self, one: Payment, paid: bool) -> str | None:
        return one.said.get("SuccessRedirectUrl" if paid else "FailRedirectUrl")

    async def pressed(self, one: Payment, pay: bool) -> None:
        """The shop is asked first; where it takes no money nothing comes of it, and nothing is told."""
        if not await self.asked(one):
            self._ended(one, None if pay else "5051")


def headers_of(body: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    """The headers by which a notification is known to be its own."""
    plain = unquote_to_bytes(body.replace(b"+", b" "))
    return {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Content-HMAC": signature(body, secrets["api_secret"]).decode(),
        "X-Content-HMAC": signature(plain, secrets["api_secret"]).decode(),
    }


def at(hook: str, type_: str) -> str:
    """Our address for a type."""
    parts = urlsplit(hook)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{type_}"))


def transaction_of(one: Payment) -> str:
    """Of the transaction by which it was paid."""
    return one.id.removeprefix(ORDER)


def was_tried(one: Payment) -> bool:
    """Whether anybody has tried to pay it: a link that waits isn't shown."""
    return not one.id.startswith(ORDER) or (one.state is not State.WAITS and one.why != "off")


def kopecks(value: object) -> int | None:
    """Out of roubles."""
    return round(float(value) * 100) if isinstance(value, int | float) and not isinstance(value, bool) else None


def roubles(amount: int) -> float:
    """A JSON number."""
    return amount / 100


def _iso(at_: float) -> str:
    return datetime.fromtimestamp(at_, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _yes(model: object = None) -> Told:
    return {"Success": True, "Message": None, **({"Model": model} if model is not None else {})}


def _no(message: str) -> Told:
    return {"Success": False, "Message": message}


SIMULATOR = Cloudpayments
