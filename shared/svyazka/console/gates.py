"""Whose call it is: where the console is on a machine of one's own by a cookie that a link or a code gave, behind
Google's identity-aware proxy by the account that the proxy has signed for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from svyazka.console.surroundings import Surroundings
from svyazka.model.requests import SignedIn
from svyazka.signing_in import signed_in

COOKIE = "svyazka_console"


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whose call it is."""

    session: SignedIn
    cookie: str
    is_new: bool = False
    """Their browser hasn't the cookie yet."""


class Gate(Protocol):
    """A way in."""

    has_codes: bool
    """Whether one may come in by a code or a link."""

    async def known(self, around: Surroundings, request: Request) -> Known | None:
        """Whose call it is; None for nobody's."""


class ByCookie:
    """On a machine of one's own."""

    has_codes = True

    async def known(self, around: Surroundings, request: Request) -> Known | None:
        cookie = request.cookies.get(COOKIE, "")
        session = await signed_in(around.store, around.clock, cookie)
        return Known(session, cookie) if session is not None else None
