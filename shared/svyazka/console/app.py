"""The console as an ASGI application."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from svyazka.console import access, connections, doing, files, first, lists, month, more, stories, sync, work
from svyazka.console.guarding import Guard
from svyazka.console.pictures import pictures
from svyazka.console.rendering import bare, page
from svyazka.console.surroundings import Surroundings, Visit, language_of
from svyazka.engine.support.logs import log, where
from svyazka.model.errors import Unavailable
from svyazka.signing_in import STAYS, come_in, leave, signed_in

COOKIE = "svyazka_console"
STATIC = Path(__file__).parent / "static"

Page = Callable[[Visit], Awaitable[Response]]


def console(
    around: Surroundings, hosts: Collection[str], secure: bool = False, now: Callable[[], float] = time.monotonic
) -> Guard:
    """The application. `hosts`: the names by which browsers call it; `secure`: over https."""

    def shown(to: Page) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            visit = await _visit(around, request)
            if visit is None:
                return bare("outside.html", language_of(request), {"token": None, "used": False}, 401)
            if request.method == "POST" and not await _is_our_form(visit):
                raise HTTPException(403)
            return await to(visit)

        return endpoint

    async def invited(request: Request) -> Response:
        """The link: it only shows a button, so that a messenger that looks at links uses none up."""
        return bare("outside.html", language_of(request), {"token": request.path_params["token"], "used": False})

    async def enter(request: Request) -> Response:
        cookie = await come_in(around.store, around.clock, request.path_params["token"])
        if cookie is None:
            return bare("outside.html", language_of(request), {"token": None, "used": True}, 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE, cookie, max_age=int(STAYS.total_seconds()), httponly=True, samesite="strict", secure=secure
        )
        return answer

    async def go(visit: Visit) -> Response:
        await leave(visit.store, visit.session)
        answer = bare("outside.html", visit.language, {"token": None, "used": False})
        answer.delete_cookie(COOKIE)
        return answer

    async def broken(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 503
        if not isinstance(error, HTTPException | Unavailable):
            log("CRITICAL", "console failed", error=type(error).__name__, where=where(error))
        visit = await _visit(around, request) if not isinstance(error, Unavailable) else None
        if visit is None:
            return PlainTextResponse(str(status), status)
        return page("trouble.html", visit, {"status": status, "tenant": None}, status)

    app = Starlette(
        routes=[
            Route("/", shown(first.first)),
            Route("/pictures", shown(pictures)),
            Route("/problems/{id}", shown(first.problem)),
            Route("/systems", shown(first.systems)),
            Route("/systems/{tenant}/{connection}", shown(connections.connection)),
            Route("/systems/{tenant}/{connection}/history", shown(connections.history)),
            Route("/systems/{tenant}/{connection}/access", shown(connections.access)),
            Route("/deliveries", shown(lists.deliveries)),
            Route("/events", shown(lists.events)),
            Route("/search", shown(lists.search), methods=["POST"]),
            Route("/story/{id}", shown(stories.story)),
            Route("/story/{id}", shown(stories.revealed), methods=["POST"]),
            Route("/jobs", shown(work.jobs)),
            Route("/jobs/{id}", shown(work.job)),
            Route("/again", shown(work.again)),
            Route("/file", shown(files.file)),
            Route("/file", shown(files.proposed), methods=["POST"]),
            Route("/secrets", shown(access.secrets)),
            Route("/month", shown(month.month)),
            Route("/more", shown(more.more)),
            Route("/audit", shown(more.audit)),
            Route("/do", shown(doing.do), methods=["POST"]),
            Route("/requests/{id}", shown(doing.request)),
            Route("/requests/{id}", shown(doing.revealed), methods=["POST"]),
            Route("/sync", shown(sync.flows)),
            Route("/sync/{tenant}/{flow}", shown(sync.flow)),
            Route("/sync/{tenant}/{flow}/doubts", shown(sync.doubts)),
            Route("/sync/{tenant}/{flow}/watched", shown(sync.watched)),
            Route("/leave", shown(go), methods=["POST"]),
            Route("/enter/{token}", invited),
            Route("/enter/{token}", enter, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={HTTPException: broken, Exception: broken},
    )
    return Guard(app, hosts, now)


async def _visit(around: Surroundings, request: Request) -> Visit | None:
    cookie = request.cookies.get(COOKIE, "")
    session = await signed_in(around.store, around.clock, cookie)
    return Visit(request, around, session, cookie, await around.tenants()) if session is not None else None


async def _is_our_form(visit: Visit) -> bool:
    form = await visit.form()
    return hmac.compare_digest(form.get("form_key", "").encode(), visit.form_key.encode())
