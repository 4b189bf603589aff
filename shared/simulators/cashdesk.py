"""What stand-ins of payment providers show to payers: one page for all, at `/pay/<id>`, with the three things that may
happen there; and what shops set up in their cabinets, the address for notifications.

A payer who has paid, or was refused, is sent back to the shop as by the provider itself. A notification is on its way
then; which of both comes first is nobody's promise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from html import escape
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Scope, Simulator, form_of, json_of
from simulators.till import Payment, State, Till


class Press(StrEnum):
    """A button of the page."""

    PAY = "pay"
    DECLINE = "decline"
    """The bank says no."""
    LEAVE = "leave"
    """The payer closes the page: nothing is decided, and the link stays good."""


PAGE = """<!doctype html><html lang="ru"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>body{{font:1.1rem system-ui;max-width:28rem;margin:3rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1rem;margin:0 .5rem .5rem 0}}small{{color:#555}}</style>
<small>{title}: модель, деньги не настоящие</small><h1>{sum} ₽</h1><p>{what}</p>{below}</html>"""
BUTTONS = """<form method="post"><button name="do" value="pay">Оплатить</button><button name="do" value="decline">\
Отказать</button><button name="do" value="leave">Уйти</button></form>"""
STANDS = {
    State.WAITS: "Не оплачено: по этой ссылке ещё можно заплатить.", State.HELD: "Деньги задержаны.",
    State.PAID: "Оплачено.", State.OVER: "Не оплачено, и по этой ссылке уже не заплатить.",
}  # fmt: skip
BACK = '<p><a href="{back}">Вернуться в магазин</a></p>'


class Cashdesk(Simulator, ABC):
    """A provider's stand-in: its API's face over a till, and the page on which people pay."""

    title: ClassVar[str]
    shop: ClassVar[str]
    """The setting of a connection that says whose money it is: a cabinet is told of addresses by it."""

    till: Till
    pages: str = "https://pay.test"
    """Where payers' pages are: below the address at which it is called."""
    hook: str | None
    """Where it tells of what happens by itself, whoever's money it is: for tests, which have one shop."""

    def clear(self) -> None:
        self.cabinets: dict[str, str] = {}
        """Shop -> where it wants to be told."""
        super().clear()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        at = Request(scope).url
        self.pages = f"{at.scheme}://{at.netloc}{scope.get('root_path', '')}/pay"
        await super().__call__(scope, receive, send)

    @property
    def lag(self) -> float:
        """Seconds after which what has happened is shown by lists and looks."""
        return self.till.lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        self.till.lag = seconds

    # What a provider says of itself

    @abstractmethod
    def back_of(self, one: Payment, paid: bool) -> str | None:
        """Where the shop wants its payer to return to."""

    @abstractmethod
    async def pressed(self, one: Payment, pay: bool) -> None:
        """Its payer pays, or the bank declines; the shop is told."""

    def told_at(self, one: Payment) -> str | None:
        """Where a shop wants to be told of a payment."""
        return self.hook or self.cabinets.get(one.shop)

    def ended(self, one: Payment, why: str | None) -> None:
        """Its payer has paid, or no money comes, and why."""
        self.till.end(one, why) if why else self.till.pay(one)
        self.record("declined" if why else "paid", id=one.id, kopecks=one.amount)

    # The machinery

    def pay_routes(self) -> Sequence[BaseRoute]:
        return [Route("/pay/{id}", self._page, methods=["GET", "POST"])]

    def control_routes(self) -> list[BaseRoute]:
        return [*super().control_routes(), Route("/cabinet", self._cabinet, methods=["POST"])]

    async def _page(self, request: Request) -> Response:
        one = self.till.payments.get(request.path_params["id"])
        if one is None:
            return HTMLResponse("404", 404)
        if request.method == "POST":
            press = Press(form_of(await request.body()).get("do", Press.PAY))
            if press is not Press.LEAVE and one.state is State.WAITS:
                await self.pressed(one, press is Press.PAY)
            back = self.back_of(one, one.state in (State.HELD, State.PAID))
            return RedirectResponse(back or str(request.url), 303)
        return HTMLResponse(self._paper(one))

    def _paper(self, one: Payment) -> str:
        back = self.back_of(one, one.state in (State.HELD, State.PAID))
        waits = one.state is State.WAITS
        below = BUTTONS if waits else f"<p>{STANDS[one.state]}</p>" + (BACK.format(back=escape(back)) if back else "")
        what = str(one.said.get("description") or one.said.get("Description") or "")
        return PAGE.format(title=escape(self.title), sum=f"{one.amount / 100:.2f}", what=escape(what), below=below)

    async def _cabinet(self, request: Request) -> Response:
        """A shop says where it wants to be told: `{"shop", "url"}`."""
        told = json_of(await request.body())
        if set(told) != {"shop", "url"}:
            return JSONResponse({"error": "expected a JSON object with shop and url"}, 400)
        self.cabinets[str(told["shop"])] = str(told["url"])
        return JSONResponse(self.cabinets)
