"""Pingo's stand-in: as strict as Pingo is, and with its way of saying no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator
from simulators.till import Payment, Till

KEY = "pingo-key-for-tests"
SECRET = "pingo-signing-secret-for-tests"  # [signed]


# [signed
def signed(body: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    """The headers by which a body is known to be Pingo's."""
    return {}


# signed]


class Pingo(Simulator):
    """One account."""

    vendor = "pingo"
    title, shop = "Pingo", "shop_id"  # [payments]

    # [cards
    def reset(self) -> None:
        # [records
        self.cards: dict[str, dict[str, Any]] = {}
        """By their ids, as Pingo keeps them."""
        self.search_lags = 0.0
        """Seconds by which its search is behind."""
        self.hidden: set[str] = set()
        """Fields that these credentials don't see."""
        self.deaf: set[str] = set()
        """Fields that take nothing, without a word."""
        self.listeners: list[str] = []
        """Addresses that are told of whatever happens to a card."""
        self.cuts: dict[str, int] = {}
        """Field -> how many characters it keeps."""
        self.meanwhile: dict[str, Any] = {}
        """What somebody changes of the card that is written next, right after it was."""
        # records]
        # [calendar
        self.zone = "Europe/Moscow"
        self.hours: dict[str, list[str]] = {}
        """Day -> the times that it has; other days have their usual ones."""
        self.visits: dict[str, dict[str, Any]] = {}
        """By their ids: `at` on the wall of the place, `staff`, `comment`, `cancelled`."""
        self.opened = True
        """Whether anything can be booked."""
        # calendar]
        # [payments
        self.till = Till(self.now, lambda n: f"p{n}")
        """Its books: the API is their face, and the kit works on them."""
        self.hook = None
        # payments]

    # cards]

    def routes(self) -> Sequence[BaseRoute]:
        return [
            *self.pay_routes(),  # [payments]
            Route("/{path:path}", self._not_written, methods=["GET", "POST"]),
        ]

    # [payments
    def back_of(self, one: Payment, paid: bool) -> str | None:
        """As the shop's request for a link says it; `one.said` is that request."""
        return None

    async def pressed(self, one: Payment, pay: bool) -> None:
        """The shop is to be told, too."""
        self.ended(one, None if pay else "declined")

    # payments]

    async def _not_written(self, request: Request) -> Response:
        return JSONResponse({"error": "the stand-in isn't written yet"}, 501)


SIMULATOR = Pingo
