"""Coming in, by a link or by a code. Nothing here tells whether anybody is known by what was typed: the answer and the
work for it are the same, and whom it means only the worker looks up."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from svyazka.console.gates import COOKIE
from svyazka.console.rendering import bare
from svyazka.console.surroundings import Surroundings, form_of, language_of
from svyazka.signing_in import CODE_LIVES, STAYS, ask_for_code, come_in, enter_code, is_support

ASKED = "svyazka_sign_in"
"""The cookie with the word of an asking: a code that somebody else asked for is of no use here."""

PATH = "/sign-in"


class ComingIn:
    """Its pages. `secure`: over https."""

    def __init__(self, around: Surroundings, secure: bool, has_codes: bool) -> None:
        self._around, self._secure, self._has_codes = around, secure, has_codes

    def outside(self, request: Request, status: int = 401, **said: object) -> Response:
        """What whoever isn't in sees."""
        values = {"token": None, "used": False, "codes": self._has_codes, "asked": False, "wrong": "", **said}
        return bare("outside.html", language_of(request), values, status)

    async def invited(self, request: Request) -> Response:
        """The link: it only shows a button, so that a messenger that looks at links uses none up."""
        return self.outside(request, 200, token=request.path_params["token"])

    async def enter(self, request: Request) -> Response:
        around, token = self._around, request.path_params["token"]
        cookie = token if await is_support(around.store, around.clock, token) else None
        cookie = cookie or await come_in(around.store, around.clock, token)
        return self._inside(cookie) if cookie is not None else self.outside(request, 403, used=True)

    async def ask(self, request: Request) -> Response:
        """An address, or a login, comes by POST: it stands in no address, no history and no log."""
        typed = (await form_of(request)).get("who", "").strip()
        if not typed:
            return self.outside(request, 400)
        if not self._around.asks.take("sign in"):
            return self.outside(request, 429, wrong="often")
        word = await ask_for_code(self._around.store, self._around.clock, typed)
        if word is None:
            return self.outside(request, 503, wrong="no_worker")
        answer = RedirectResponse(PATH, 303)
        answer.set_cookie(
            ASKED, word, max_age=int(CODE_LIVES.total_seconds()), path=PATH, httponly=True, samesite="strict",
            secure=self._secure,
        )  # fmt: skip
        return answer

    async def asked(self, request: Request) -> Response:
        """Where the code is entered."""
        return self.outside(request, 200, asked=ASKED in request.cookies)

    async def enter_code(self, request: Request) -> Response:
        code, word = (await form_of(request)).get("code", ""), request.cookies.get(ASKED, "")
        if not self._around.tries.take("sign in"):
            return self.outside(request, 429, asked=True, wrong="often")
        around = self._around
        cookie = await enter_code(around.store, around.clock, around.keyring, word, "".join(code.split())[:20])
        if cookie is None:
            return self.outside(request, 403, asked=bool(word), wrong="code")
        answer = self._inside(cookie)
        answer.delete_cookie(ASKED, path=PATH)
        return answer

    def _inside(self, cookie: str) -> Response:
        answer = RedirectResponse("/", 303)
        keep(answer, cookie, self._secure)
        return answer


def keep(answer: Response, cookie: str, secure: bool) -> None:
    """Give a browser its session."""
    answer.set_cookie(
        COOKIE, cookie, max_age=int(STAYS.total_seconds()), httponly=True, samesite="strict", secure=secure
    )
