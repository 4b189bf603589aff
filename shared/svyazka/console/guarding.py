"""What every call meets before a page does: whose address was called, from which page a form came, how often.

A page of a stranger's in the same browser can send forms here and can name us by a host of its own (DNS rebinding);
neither gets through. Answers bear a policy under which a browser runs no script but ours.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from svyazka.console.rates import Bucket

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Not `no-referrer`: under it a browser sends our own forms with `Origin: null`.
HEADERS = {
    "content-security-policy": POLICY, "x-content-type-options": "nosniff", "x-frame-options": "DENY",
    "referrer-policy": "same-origin", "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin", "permissions-policy": "camera=(), microphone=(), geolocation=()",
}  # fmt: skip

BODY_LIMIT = 320 * 1024
"""A Russian letter is six bytes of a form: a business's settings are the longest (`files.LONGEST`)."""

CALLS_A_MINUTE = 600
"""Of one address."""

SAFE = frozenset({"GET", "HEAD"})

Refusal = Callable[[Request], Awaitable[Response | None]]


class Guard:
    """Around the whole application."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], now: Callable[[], float] = time.monotonic) -> None:
        """`hosts`: the names under which it may be called, with their ports."""
        self._app, self._hosts = app, frozenset(hosts)
        self._calls = Bucket(CALLS_A_MINUTE, now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if not scope["path"].startswith("/static/"):
                    headers["cache-control"] = "no-store"
            await send(message)

        refusal = self._refused(request)
        # What breaks is answered and logged by the application; a server would add its whole traceback, and in that
        # stands what was typed.
        with suppress(Exception):
            await (refusal or self._app)(scope, receive, guarded)

    def _refused(self, request: Request) -> Response | None:
        host = request.headers.get("host", "").lower()
        if host not in self._hosts:
            return PlainTextResponse("this is not the address of the console", 421)
        if not self._calls.take(request.client.host if request.client else ""):
            return PlainTextResponse("too many calls: wait a minute", 429, {"retry-after": "60"})
        if request.method in SAFE:
            return None
        if request.method != "POST":
            return PlainTextResponse("expected GET or POST", 405)
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        foreign = origin is not None and urlsplit(origin).netloc.lower() != host
        if foreign or site not in (None, "same-origin", "none"):
            return PlainTextResponse("this form is of another page", 403)
        length = request.headers.get("content-length")
        if length is None:
            return PlainTextResponse("expected a form that says how long it is", 411)
        if not (length.isascii() and length.isdigit() and int(length) <= BODY_LIMIT):
            return PlainTextResponse("expected a small form", 413)
        return None
