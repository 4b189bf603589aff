"""T-Bank's stand-in: one terminal, its API's face over a till, its notifications.

Strict about tokens, as T-Bank is, and answers 200 to everything. What it doesn't show stays unshown here: the sum of a
part refund, and a link's address once it was told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.cashdesk import Cashdesk
from simulators.chassis import json_of
from simulators.till import Payment, State, Till, TooMuch
from svyazka.connectors.tbank.signing import token_of

TERMINAL, PASSWORD = "1700000000000DEMO", "FakePass1234567"
FIRST = 3_093_640_000
CARD = {"CardId": 10452089, "Pan": "430000******0777", "ExpDate": "1228"}

ENDS = ("CANCELED", "REVERSED", "DEADLINE_EXPIRED", "ATTEMPTS_EXPIRED")

Told = dict[str, Any]


class Tbank(Cashdesk):
    """One terminal. `hook`: where it tells of what happens by itself. `repeats`: whether a number that it has had makes
    another payment; it depends on the terminal."""

    vendor, title, shop = "tbank", "Т-Касса", "terminal_key"
    settings = ("hook", "repeats")
    credentials = {"terminal_key": TERMINAL, "password": PASSWORD}

    def reset(self) -> None:
        self.till = Till(self.now, lambda n: str(FIRST + n))
        self.hook: str | None = None
        self.repeats = True

    def routes(self) -> Sequence[BaseRoute]:
        calls = {
            "Init": self._init, "Charge": self._charge, "Confirm": self._confirm, "Cancel": self._cancel,
            "GetState": self._state, "CheckOrder": self._order, "GetCardList": self._cards,
        }  # fmt: skip
        api = [Route(f"/{name}", self._proved(do), methods=["POST"]) for name, do in calls.items()]
        return [*api, *self.pay_routes()]

    def controls(self) -> Sequence[BaseRoute]:
        return [Route("/pay", self._pays, methods=["POST"])]

    # The API

    def _proved(self, do: Any) -> Any:
        async def serve(request: Request) -> Response:
            told = json_of(await request.body())
            if self.lets_anybody_in:
                return do(told)  # type: ignore[no-any-return]
            if told.get("TerminalKey") != TERMINAL:
                return _no(205, "Терминал не найден.")
            if told.get("Token") != token_of(told, PASSWORD):
                return _no(204, "Неверный токен. Проверьте пару TerminalKey/SecretKey.")
            return do(told)  # type: ignore[no-any-return]

        return serve

    def _init(self, told: Told) -> Response:
        amount, number = told.get("Amount"), told.get("OrderId")
        if not isinstance(amount, int) or amount < 100:
            return _no(251, "Неверные параметры.", "Неверная сумма. Сумма должна быть больше или равна 100 копеек.")
        if not isinstance(number, str) or not 0 < len(number) <= 36:
            return _no(212, "Неверные параметры.", "Неверный OrderId.")
        if told.get("Recurrent") == "Y" and not told.get("CustomerKey"):
            return _no(1126, "Неверные параметры.")
        if not self.repeats and self.till.numbered(number):
            return _no(20, "Повторный идентификатор заказа.")
        items = (told.get("Receipt") or {}).get("Items")
        if items is not None and sum(one["Amount"] for one in items) != amount:
            return _no(308, "Неверные параметры.", "Сумма всех позиций чека должна равняться сумме заказа.")
        one = self.till.make(
            number,
            amount,
            hold=told.get("PayType") == "T",
            save=told.get("Recurrent") == "Y",
            said=told,
            shop=str(told.get("TerminalKey")),
        )
        self.record("payment", id=one.id, number=number, amount=amount)
        return _yes(one, Status="NEW", Amount=amount, PaymentURL=f"{self.pages}/{one.id}")

    def _charge(self, told: Told) -> Response:
        one = self._of(told)
        if one is None:
            return _no(255, "Платёж не найден.")
        if one.state is not State.WAITS or one.token is not None:
            return _no(8, "Неверный статус транзакции.")
        one.token = str(told.get("RebillId"))
        state, why = self.till.charges.popleft() if self.till.charges else (State.PAID, None)
        if state is State.OVER:
            code = why or "1051"
            self.till.end(one, code)
            self._tell(one)
            return _no(code, "Отказ.", Status="REJECTED", PaymentId=one.id, Amount=one.amount)
        if state is State.PAID:
            self.till.pay(one)
            self.record("charge", id=one.id, amount=one.amount)
            self._tell(one)
        return _yes(one, Status=status_of(one), Amount=one.amount)

    def _confirm(self, told: Told) -> Response:
        one = self._of(told)
        if one is None:
            return _no(255, "Платёж не найден.")
        if one.state is not State.HELD:
            return _no(4, "Неверный статус транзакции.")
        try:
            self.till.capture(one, told.get("Amount"))
        except TooMuch:
            return _no(4, "Сумма больше удержанной.")
        self.record("capture", id=one.id, amount=one.amount)
        self._tell(one)
        return _yes(one, Status="CONFIRMED")

    def _cancel(self, told: Told) -> Response:
        one, number = self._of(told), told.get("ExternalRequestId")
        if one is None:
            return _no(255, "Платёж не найден.")
        amount = int(told.get("Amount") or one.free)
        known = self.till.keys.get(f"{one.id}:{number}") if number else None
        if known is not None:
            return _yes(one, Status=known[1], OriginalAmount=one.amount, NewAmount=one.free)
        if one.state in (State.WAITS, State.HELD):
            word = "CANCELED" if one.state is State.WAITS else "REVERSED"
            self.till.end(one, word)
            self.record("cancel", id=one.id)
            self._tell(one)
            return _yes(one, Status=word, OriginalAmount=one.amount, NewAmount=0)
        if one.state is not State.PAID:
            return _no(4, "Неверный статус транзакции.")
        before = one.free
        try:
            refund = self.till.refund(one, number, amount)
        except TooMuch:
            return _no(4, "Сумма возврата больше суммы платежа.")
        if refund.state is State.OVER:
            return _no(refund.why or "3028", "Банк покупателя отказал.")
        self.record("refund", id=one.id, amount=amount)
        if number:
            self.till.keys[f"{one.id}:{number}"] = amount, status_of(one)
        self._tell(one)
        return _yes(one, Status=status_of(one), OriginalAmount=before, NewAmount=one.free)

    def _state(self, told: Told) -> Response:
        one = self._of(told)
        if one is None:
            return _no(255, "Платёж не найден.")
        params = [{"Key": "Route", "Value": "ACQ"}, {"Key": "Source", "Value": one.said.get("source", "cards")}]
        code = (one.why or "0") if status_of(one) == "REJECTED" else "0"
        return JSONResponse({**_head(one), "ErrorCode": code, "Success": code == "0", "Status": status_of(one),
                             "Amount": one.amount, "Params": params})  # fmt: skip

    def _order(self, told: Told) -> Response:
        found = [one for one in self.till.numbered(str(told.get("OrderId"))) if self.till.shown(one.at)]
        if not found:
            return _no(255, "Заказ не найден.")
        payments = [
            {
                "PaymentId": one.id, "Amount": one.amount, "Status": status_of(one), "RRN": "603668680243",
                "Success": "false" if one.state is State.OVER else "true",
                "ErrorCode": int(one.why) if (one.why or "").isdecimal() and one.why else 0,
            }
            for one in reversed(found)
        ]  # fmt: skip
        return JSONResponse({"TerminalKey": TERMINAL, "OrderId": told.get("OrderId"), "Success": True,
                             "ErrorCode": "0", "Message": "OK", "Payments": payments})  # fmt: skip

    def _cards(self, told: Told) -> Response:
        saved = [
            one for one in self.till.payments.values()
            if one.save and one.token and one.said.get("CustomerKey") == told.get("CustomerKey")
        ]  # fmt: skip
        if not saved:
            return _no(7, "Покупатель не найден.")
        return JSONResponse(
            [{"CardId": "881900", "Pan": "518223******0036", "Status": "D", "RebillId": "6155312073", "CardType": 0}]
            + [{**CARD, "Status": "A", "RebillId": one.token, "CardType": 0} for one in saved]
        )

    def _of(self, told: Told) -> Payment | None:
        return self.till.payments.get(str(told.get("PaymentId")))

    # What it tells

    def notification(self, one: Payment, status: str | None = None) -> bytes:
        """What it tells of a payment as it stands, or as it stood."""
        word = status or status_of(one)
        refused = (one.why or "0") if word == "REJECTED" else "0"
        told: Told = {
            "TerminalKey": TERMINAL, "OrderId": one.number, "Success": refused == "0", "Status": word,
            "PaymentId": int(one.id), "ErrorCode": refused, "Amount": one.amount, **CARD,
            **({"RebillId": int(one.token)} if one.token and one.token.isdecimal() and one.save else {}),
            "Data": one.said.get("DATA") or {},
        }  # fmt: skip
        return signed(told)

    def _tell(self, one: Payment) -> None:
        """One-stage payments send two notifications practically at once."""
        hook = self.hook or one.said.get("NotificationURL") or self.told_at(one)
        if hook is None:
            return
        words = ("AUTHORIZED", "CONFIRMED") if status_of(one) == "CONFIRMED" and not one.hold else (status_of(one),)
        headers = {"content-type": "application/json"}
        batch = [(self.notification(one, word), headers) for word in words]
        self.in_background(self.send_hooks(hook, batch, tries=3, settled=lambda answer: answer.content == b"OK"))

    async def _pays(self, request: Request) -> Response:
        """A payer pays (`{"number"}`), or is declined (`"code"`)."""
        told = json_of(await request.body())
        one = self.till.of(str(told.get("number")))
        self._ended(one, told.get("code"))
        return JSONResponse({"id": one.id, "status": status_of(one)})

    def _ended(self, one: Payment, code: object) -> None:
        self.ended(one, str(code) if code else None)
        self._tell(one)

    def back_of(self, one: Payment, paid: bool) -> str | None:
        return one.said.get("SuccessURL" if paid else "FailURL")

    async def pressed(self, one: Payment, pay: bool) -> None:
        self._ended(one, None if pay else "1051")


def signed(told: Mapping[str, Any]) -> bytes:
    """A notification with its token."""
    return json.dumps({**told, "Token": token_of(told, PASSWORD)}, ensure_ascii=False).encode()


def status_of(one: Payment) -> str:
    """T-Bank's word for how a payment stands."""
    if one.state is State.WAITS:
        return "AUTHORIZING" if one.token is not None else "NEW"
    if one.state is State.HELD:
        return "AUTHORIZED"
    if one.state is State.OVER:
        return one.why if one.why in ENDS else "REJECTED" if one.why else "DEADLINE_EXPIRED"
    if any(refund.state is State.WAITS for refund in one.refunds):
        return "ASYNC_REFUNDING"
    return "CONFIRMED" if not one.refunded else "REFUNDED" if one.refunded >= one.amount else "PARTIAL_REFUNDED"


def _head(one: Payment) -> Told:
    return {"TerminalKey": TERMINAL, "OrderId": one.number, "PaymentId": one.id}


def _yes(one: Payment, **more: Any) -> Response:
    return JSONResponse({**_head(one), "Success": True, "ErrorCode": "0", **more})


def _no(code: int | str, message: str, details: str = "", **more: Any) -> Response:
    return JSONResponse({"Success": False, "ErrorCode": str(code), "Message": message, "Details": details, **more})


SIMULATOR = Tbank
