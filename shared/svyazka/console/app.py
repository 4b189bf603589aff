"""The console as an ASGI application."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from svyazka.console import (
    access,
    connections,
    doing,
    files,
    first,
    lists,
    month,
    more,
    payments,
    stories,
    subscriptions,
    sync,
    work,
)
from svyazka.console.coming_in import PATH, ComingIn, keep
from svyazka.console.gates import COOKIE, ByCookie, Gate
from svyazka.console.guarding import Guard
from svyazka.console.people import people
from svyazka.console.pictures import pictures
from svyazka.console.rendering import page
from svyazka.console.surroundings import Surroundings, Visit
from svyazka.console.veiling import unveiled
from svyazka.engine.support.logs import log, where
from svyazka.model.errors import Unavailable
from svyazka.signing_in import leave

STATIC = Path(__file__).parent / "static"

Page = Callable[[Visit], Awaitable[Response]]


def console(
    around: Surroundings,
    hosts: Collection[str],
    secure: bool = False,
    now: Callable[[], float] = time.monotonic,
    gate: Gate | None = None,
) -> Guard:
    """The application. `hosts`: the names by which browsers call it; `secure`: over https; `gate`: how one comes in."""
    gate = gate or ByCookie()
    around.opens_by_link = gate.has_codes
    coming_in = ComingIn(around, secure, gate.has_codes)

    def shown(to: Page) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            visit = await _visit(around, gate, request)
            if visit is None:
                return coming_in.outside(request)
            if request.method == "POST" and not await _is_our_form(visit):
                raise HTTPException(403)
            named = request.path_params
            named |= {name: unveiled(around.keyring, one) for name, one in named.items()}
            return kept(await to(visit), visit)

        return endpoint

    def kept(answer: Response, visit: Visit) -> Response:
        if visit.is_new:
            keep(answer, visit.cookie, secure)
        return answer

    async def go(visit: Visit) -> Response:
        await leave(visit.store, visit.session)
        answer = coming_in.outside(visit.request, 200)
        answer.delete_cookie(COOKIE)
        return answer

    async def broken(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 503
        if not isinstance(error, HTTPException | Unavailable):
            log("CRITICAL", "console failed", error=type(error).__name__, where=where(error))
        visit = await _visit(around, gate, request) if not isinstance(error, Unavailable) else None
        if visit is None:
            return PlainTextResponse(str(status), status)
        return kept(page("trouble.html", visit, {"status": status, "tenant": None}, status), visit)

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
            Route("/payments", shown(payments.payments)),
            Route("/payments/{id}", shown(payments.payment)),
            Route("/payments/{id}", shown(payments.revealed), methods=["POST"]),
            Route("/payments/{id}/refund", shown(payments.refund)),
            Route("/subscriptions", shown(subscriptions.subscriptions)),
            Route("/subscriptions/{id}", shown(subscriptions.subscription)),
            Route("/receipts/{id}", shown(payments.receipt)),
            Route("/jobs", shown(work.jobs)),
            Route("/jobs/{id}", shown(work.job)),
            Route("/again", shown(work.again)),
            Route("/file", shown(files.file)),
            Route("/file", shown(files.proposed), methods=["POST"]),
            Route("/secrets", shown(access.secrets)),
            Route("/month", shown(month.month)),
            Route("/month/money", shown(month.money)),
            Route("/more", shown(more.more)),
            Route("/audit", shown(more.audit)),
            Route("/do", shown(doing.do), methods=["POST"]),
            Route("/requests/{id}", shown(doing.request)),
            Route("/requests/{id}", shown(doing.revealed), methods=["POST"]),
            Route("/sync", shown(sync.flows)),
            Route("/sync/{tenant}/{flow}", shown(sync.flow)),
            Route("/sync/{tenant}/{flow}/doubts", shown(sync.doubts)),
            Route("/sync/{tenant}/{flow}/watched", shown(sync.watched)),
            Route("/sync/{tenant}/{flow}/cards/{record}", shown(sync.record)),
            Route("/leave", shown(go), methods=["POST"]),
            Route("/people", shown(people)),
            *(_ways_in(coming_in) if gate.has_codes else ()),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={HTTPException: broken, Exception: broken},
    )
    return Guard(app, hosts, now)


def _ways_in(coming_in: ComingIn) -> list[Route]:
    return [
        Route("/enter/{token}", coming_in.invited),
        Route("/enter/{token}", coming_in.enter, methods=["POST"]),
        Route(PATH, coming_in.asked),
        Route(PATH, coming_in.ask, methods=["POST"]),
        Route(f"{PATH}/code", coming_in.enter_code, methods=["POST"]),
    ]


async def _visit(around: Surroundings, gate: Gate, request: Request) -> Visit | None:
    """None for whoever isn't in, and for whoever may see nothing any more."""
    known = await gate.known(around, request)
    if known is None:
        return None
    tenants, roles = await around.let_in(known.session)
    if not roles and known.session.way != "link":
        return None
    return Visit(request, around, known.session, known.cookie, tenants, roles, known.is_new)


async def _is_our_form(visit: Visit) -> bool:
    form = await visit.form()
    return hmac.compare_digest(form.get("form_key", "").encode(), visit.form_key.encode())
