"""DIKIDI's back office as far as it is read: signing in step by step, and the journal of visits.

A wrong password is refused, and after a few of them everybody meets the protection's page. A session that isn't bound
to the company, or is over, gets the login page in place of an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from simulators.dikidi.salon import CLOCK, COMPANY, MASTERS, SERVICES, Booking

if TYPE_CHECKING:
    from simulators.dikidi.simulator import Dikidi

LOGIN, PASSWORD = "79990000001", "password-for-tests"
CSRF = "0123456789abcdef0123456789abcdef:1791190800.123"
LOGIN_PAGE = '<html><form><input name="number"><input name="password" type="password"></form></html>'
NO_RIGHTS = "Недостаточно прав для выполнения операции"
PATIENCE = 3
"""Wrong passwords after which a captcha stands in the way."""


class Office:
    """The back office of one salon; what `clear` forgets is the vendor's."""

    def __init__(self, vendor: Dikidi) -> None:
        self._vendor = vendor
        self.clear()

    def clear(self) -> None:
        self.rights = True
        """Whether the employee may see the journal."""
        self.masters = list(MASTERS)
        """Whom it lists."""
        self.lost: set[str] = set()
        """Visits that it doesn't show, though they are there."""
        self.drifted = False
        """It has no records any more."""
        self.sessions: dict[str, bool] = {}
        """Tokens, and whether each is bound to the company."""
        self.tries = self.wrong = 0

    def routes(self) -> Sequence[Route]:
        return [
            Route("/ru/", self._home, methods=["GET"]),
            Route("/ajax/check/auth/", self._check, methods=["POST"]),
            Route("/ajax/user/auth/", self._sign_in, methods=["POST"]),
            Route("/ru/owner/journal/", self._bind, methods=["GET"]),
            Route("/ru/owner/ajax/journal/api/", self._journal, methods=["POST"]),
        ]

    async def _home(self, request: Request) -> Response:
        if refused := self._vendor.protected(request):
            return refused
        page = HTMLResponse(f'<html><script>var telegram_csrf="{CSRF}";</script></html>')
        page.set_cookie("cookie_name", "guest", domain=".dikidi.ru")
        return page

    async def _check(self, request: Request) -> Response:
        form = await _form(request)
        if form.get("telegram_csrf") != CSRF:
            return JSONResponse({"error": {"code": "NUMBER_NOT_TRUE", "message": "Неверный номер"}}, 400)
        return JSONResponse({"csrf": CSRF})

    async def _sign_in(self, request: Request) -> Response:
        if refused := self._vendor.protected(request):
            return refused
        form = await _form(request)
        self.tries += 1
        known = self._vendor.admits(form.get("number") or "-", LOGIN) and self._vendor.admits(
            form.get("password", ""), PASSWORD
        )
        if not known or form.get("csrf") != CSRF:
            self.wrong += 1
            if self.wrong > PATIENCE:
                return HTMLResponse("<html>captcha</html>", 403)
            error = {"code": "USER_AUTHORISATION_DATA_ERROR", "message": "Неверный номер телефона или пароль"}
            return JSONResponse({"error": error}, 400)
        token = f"{len(self.sessions) + 1:040x}"
        self.sessions[token] = False
        answer = JSONResponse({"callback": [f"sw.auth.complete('{token}')"]})
        answer.headers.append("set-cookie", f"token={token}; path=/; domain=.dikidi.ru; HttpOnly")
        return answer

    async def _bind(self, request: Request) -> Response:
        token = request.cookies.get("token", "")
        if token in self.sessions and request.query_params.get("company") == COMPANY:
            self.sessions[token] = True
            return HTMLResponse("<html>Журнал записи</html>")
        return HTMLResponse(LOGIN_PAGE)

    async def _journal(self, request: Request) -> Response:
        if refused := self._vendor.protected(request):
            return refused
        if not self.sessions.get(request.cookies.get("token", "")):
            return HTMLResponse(LOGIN_PAGE)
        if not self.rights:
            return JSONResponse({"error": 1, "message": NO_RIGHTS})
        form = await _form(request)
        first, last = (form[f"request[options][masters][records][0][{name}]"] for name in ("date_from", "date_to"))
        records: dict[str, dict[str, dict[str, Any]]] = {}
        for one in self._vendor.salon.bookings.values():
            day = one.starts.date().isoformat()
            if not one.is_hold and one.id not in self.lost and first <= day <= last:
                records.setdefault(one.master, {}).setdefault(day, {})[one.id] = entry(one)
        known = {id_: {"title": MASTERS[id_][0], "is_master": "1"} for id_ in self.masters}
        shown = {"info": {"ids": self.masters, "data": known}}
        return JSONResponse({"masters": shown if self.drifted else {**shown, "records": {"data": records or []}}})


def entry(one: Booking) -> dict[str, Any]:
    """A visit as the journal shows it: seconds, a price as text."""
    client = one.client
    services = [{"title": SERVICES[id_].name, "cost": f"{SERVICES[id_].price},00"} for id_ in one.services]
    return {
        "id": one.id, "item_id": one.master, "date": one.starts.date().isoformat(),
        "begin": one.starts.strftime(CLOCK), "end": one.ends.strftime(CLOCK),
        "duration": int((one.ends - one.starts).total_seconds()), "type": "appointment",
        "info": {
            "client_id": "70001" if client else "0", "client_name": client.get("name", ""),
            "client_phone": client.get("phone", ""), "services": services,
            "services_title": ", ".join(service["title"] for service in services), "status_id": one.status,
            "client_came_id": one.came, "comment": client.get("comments", ""), "is_anonym": "0" if client else "1",
        },
    }  # fmt: skip


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body()).decode()
    return {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
