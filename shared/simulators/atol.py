"""АТОЛ Онлайн's stand-in: tokens, groups of tills, documents, reports, callbacks, as strict as its protocol says.

A number (`external_id`) stands for one document of its group for ever. A document is printed `lag` seconds after it was
taken, or fails as scripted (`ends`); till then its report says "not yet". For whoever tries things out it prints after
a few seconds, and then calls the address that the document names.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of

LOGIN, PASSWORD, GROUP, INN = "atol-login-for-tests", "atol-password-for-tests", "svyazka-example_5179", "5544332219"
TOKEN_LIFE = 24 * 3600.0
PRINTS_IN = 3.0
"""Seconds in which it prints for people who try things out; the real one takes from seconds to minutes."""
OPERATIONS = ("sell", "sell_refund", "sell_correction", "buy", "buy_refund", "buy_correction")
VATS = {
    "none", "vat0", "vat5", "vat7", "vat10", "vat20", "vat22", "vat105", "vat107", "vat110", "vat120", "vat122",
}  # fmt: skip
METHODS = {
    "full_prepayment", "prepayment", "advance", "full_payment", "partial_payment", "credit", "credit_payment",
}  # fmt: skip


class Refusal(Exception):
    """An error of the service."""

    def __init__(self, status: int, code: int, text: str = "...", **more: Any) -> None:
        self.status = status
        error = {"error_id": "475d6d8d-844d-4d05-aa8b-e3dbdf4defd6", "code": code, "text": text, "type": "system"}
        self.body = {"status": "fail", "error": error, **more}


@dataclass
class Document:
    """One document of a group."""

    uuid: str
    number: str
    operation: str
    total: int
    at: float
    body: dict[str, Any]
    group: str
    """By which it was registered: whoever tries things out has one of their own."""
    end: tuple[str, int] | None = None
    """Type and code of how it fails; None: it is printed."""
    told: bool = field(default=False)


class Atol(Simulator):
    """One user with one group. Effects: `receipt` as each is printed, `document` as each is taken."""

    vendor = "atol"
    settings = ("lag", "hooks", "version")
    credentials = {"login": LOGIN, "password": PASSWORD, "group_code": GROUP, "inn": INN}

    def reset(self) -> None:
        self.documents: dict[str, Document] = {}
        """By number."""
        self.tokens: dict[str, float] = {}
        self.lag: float | None = None
        """Seconds till it is printed; None: at once, or `PRINTS_IN` for whoever tries things out."""
        self.hooks = False
        """Whether it calls the addresses that documents name."""
        self.version = "v5"
        """Of its group."""
        self.ends: deque[tuple[str, int] | None] = deque()
        """How each further document ends: an error's type and code; None: printed."""
        self.gone: set[str] = set()
        """Documents whose reports aren't kept any more."""

    # What a test counts

    def printed(self) -> list[Document]:
        """Receipts that exist."""
        return [one for one in self.documents.values() if one.end is None and self._is_ready(one)]

    def kopecks(self, operation: str) -> int:
        return sum(one.total for one in self.printed() if one.operation == operation)

    def finish(self) -> None:
        """Whatever waits is printed now."""
        for one in self.documents.values():
            one.at = min(one.at, self.now() - self._lag)

    @property
    def _lag(self) -> float:
        return self.lag if self.lag is not None else PRINTS_IN if self.lets_anybody_in else 0.0

    def _is_ready(self, one: Document) -> bool:
        return self.now() - one.at >= self._lag

    # The API

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/{version}/{path:path}", self._call, methods=["GET", "POST"])]

    async def _call(self, request: Request) -> Response:
        path, version = request.path_params["path"].strip("/").split("/"), request.path_params["version"]
        try:
            return JSONResponse(await self._answered(request, version, path))
        except Refusal as refusal:
            return JSONResponse({**refusal.body, "timestamp": _stamp(self.now())}, refusal.status)

    async def _answered(self, request: Request, version: str, path: list[str]) -> dict[str, Any]:
        if path == ["getToken"]:
            return self._token(json_of(await request.body()))
        token = request.headers.get("token", "")
        if token not in self.tokens and not self.lets_anybody_in:
            raise Refusal(401, 10, "Токен не распознан")
        if self.tokens.get(token, 0.0) and self.tokens[token] <= self.now():
            raise Refusal(401, 11, "Переданный токен не активен")
        group, *rest = path
        if group != GROUP and not self.lets_anybody_in:
            raise Refusal(401, 20, "group_code не соответствует токену")
        if version != self.version and not self.lets_anybody_in:
            raise Refusal(401, 21, "Группа не поддерживает эту версию протокола")
        match request.method, rest:
            case "GET", ["report", uuid]:
                return self.report_of(self._document(uuid))
            case "POST", [operation] if operation in OPERATIONS:
                if not request.headers.get("content-type", "").startswith("application/json"):
                    raise Refusal(415, 41)
                return self._register(operation, json_of(await request.body()), version, group)
        raise Refusal(400, 31, "Неизвестная операция")

    def _token(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        if re.search(r"\s", str(asked.get("login", ""))):
            raise Refusal(400, 32, "Ошибка валидации. Ошибочные поля : PatternMismatch: #/login")
        if not (self.admits(str(asked.get("login", "")), LOGIN) and self.admits(str(asked.get("pass", "")), PASSWORD)):
            raise Refusal(401, 12, "Неверный логин или пароль")
        alive = next((one for one, until in self.tokens.items() if until - self.now() > 60), None)
        token = alive or f"atol-token-{len(self.tokens) + 1:06d}-{int(self.now())}"
        self.tokens.setdefault(token, self.now() + TOKEN_LIFE)
        return {"error": None, "token": token, "timestamp": _stamp(self.now())}

    def _register(self, operation: str, told: dict[str, Any], version: str, group: str) -> dict[str, Any]:
        number = told.get("external_id")
        if not isinstance(number, str) or not 0 < len(number) <= 128:
            raise _invalid("external_id")
        there = self.documents.get(number)
        if there is not None:
            text = f"В системе существует чек с external_id : {number} и group_code: {group}"
            raise Refusal(400, 33, text, uuid=there.uuid)
        total = self._checked(told, version)
        uuid = f"2ea26f17-0884-4f08-b120-{len(self.documents) + 1:012x}"
        end = self.ends.popleft() if self.ends else None
        one = Document(uuid, number, operation, total, self.now(), told, group, end)
        self.documents[number] = one
        self.record("document", operation=operation, number=number, total=total)
        if one.end is None:
            self.record("receipt", operation=operation, number=number, total=total)
        if self.hooks or self.lets_anybody_in:
            self.in_background(self._tell(one))
        return {"uuid": uuid, "timestamp": _stamp(self.now()), "error": None, "status": "wait"}

    def _checked(self, told: Mapping[str, Any], version: str) -> int:
        """The total, in kopecks; a document that isn't as its schema says is refused."""
        receipt = told.get("receipt") or {}
        if not re.fullmatch(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d", str(told.get("timestamp"))):
            raise _invalid("timestamp")
        client, company = receipt.get("client") or {}, receipt.get("company") or {}
        if not client.get("email") and not client.get("phone"):
            raise _invalid("receipt.client")
        if not re.fullmatch(r"\+\d{7,15}", client.get("phone", "+79990000000")):
            raise _invalid("receipt.client.phone")
        if not {"email", "inn", "payment_address"} <= {*company}:
            raise _invalid("receipt.company")
        items = receipt.get("items") or []
        if not 1 <= len(items) <= 100:
            raise _invalid("receipt.items")
        total = _kopecks(receipt.get("total"), "receipt.total")
        for one in items:
            self._check_item(one, version)
        paid = sum(_kopecks(one.get("sum"), "receipt.payments.sum") for one in receipt.get("payments") or [])
        lines = sum(_kopecks(one.get("sum"), "receipt.items.sum") for one in items)
        if not paid == lines == total:
            raise _invalid("receipt.total")
        return total

    def _check_item(self, one: Mapping[str, Any], version: str) -> None:
        price, sum_ = _kopecks(one.get("price"), "item.price"), _kopecks(one.get("sum"), "item.sum")
        quantity = Decimal(str(one.get("quantity")))
        if abs(price * quantity - sum_) >= 1:
            raise _invalid("receipt.items.sum")
        if not 0 < len(str(one.get("name", ""))) <= 128 or one.get("payment_method") not in METHODS:
            raise _invalid("receipt.items.payment_method")
        if (one.get("vat") or {}).get("type") not in VATS:
            raise _invalid("receipt.items.vat.type")
        wanted = (int, "measure") if version == "v5" else (str, "measurement_unit")
        if not isinstance(one.get("payment_object"), wanted[0]) or (version == "v5" and wanted[1] not in one):
            raise _invalid("receipt.items.payment_object")
        if "agent_info" in one and "inn" not in (one.get("supplier_info") or {}):
            raise _invalid("receipt.items.supplier_info")

    def _document(self, uuid: str) -> Document:
        found = next((one for one in self.documents.values() if one.uuid == uuid), None)
        if found is None or uuid in self.gone:
            raise Refusal(400, 30, "Передан некорректный UUID")
        return found

    def report_of(self, one: Document) -> dict[str, Any]:
        """Its report as it is now, which is what a callback brings too."""
        if not self._is_ready(one):
            error = {"error_id": "1", "code": 34, "text": "Состояние чека не найдено. Попробуйте позднее",
                     "type": "system"}  # fmt: skip
            return {"error": error, "status": "wait", "timestamp": _stamp(self.now()), "callback_url": ""}
        shared = {
            "uuid": one.uuid, "timestamp": _stamp(self.now()), "group_code": one.group, "daemon_code": "prod-agent-1",
            "device_code": "KSR13.00-1-11", "warnings": None, "external_id": one.number,
            "callback_url": (one.body.get("service") or {}).get("callback_url", ""),
        }  # fmt: skip
        if one.end is not None:
            type_, code = one.end
            return {**shared, "status": "fail", "payload": None, "error": {"code": code, "text": "...", "type": type_}}
        n = int(one.uuid.rpartition("-")[2], 16)
        total = one.total / 100
        payload = {
            "total": int(total) if total.is_integer() else total, "fns_site": "www.nalog.ru",
            "fn_number": "9999078900001234", "shift_number": 23, "receipt_datetime": _stamp(one.at + self._lag),
            "fiscal_receipt_number": n, "fiscal_document_number": 100 + n,
            "ecr_registration_number": "0000111118041361", "fiscal_document_attribute": 3449555941 + n,
            "ofd_inn": "7709364346",
            "ofd_receipt_url": f"https://consumer.1-ofd.ru/v1?fn=9999078900001234&fp={3449555941 + n}&i={100 + n}",
        }  # fmt: skip
        return {**shared, "error": None, "status": "done", "payload": payload}

    # What it tells

    async def _tell(self, one: Document) -> None:
        url = (one.body.get("service") or {}).get("callback_url")
        if url and self.lets_anybody_in:
            await asyncio.sleep(max(0.0, one.at + self._lag - self.now()))
        if url and self._is_ready(one):
            await self.call_back(one.number, url)

    async def call_back(self, number: str, url: str) -> list[int]:
        """Tells that address how a document ended."""
        body = json.dumps(self.report_of(self.documents[number]), ensure_ascii=False).encode()
        return await self.send_hooks(url, [(body, {"content-type": "application/json; charset=utf-8"})], tries=3)


def _invalid(field: str) -> Refusal:
    return Refusal(400, 32, f"Ошибка валидации входного чека. Ошибочные поля : PropertyRequired: #/{field}")


def _kopecks(told: Any, field: str) -> int:
    """A JSON number of at most two decimals."""
    try:
        exact = Decimal(str(told)) * 100 if isinstance(told, int | float) and not isinstance(told, bool) else None
    except InvalidOperation:
        exact = None
    if exact is None or exact < 0 or exact != exact.to_integral_value():
        raise _invalid(field)
    return int(exact)


def _stamp(at: float) -> str:
    """By the till's clock: Moscow's."""
    return f"{datetime.fromtimestamp(at + 3 * 3600, UTC):%d.%m.%Y %H:%M:%S}"


SIMULATOR = Atol
