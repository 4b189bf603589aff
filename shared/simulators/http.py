"""Any customer's endpoint: takes whatever comes, checks its Standard Webhooks signature, tells repeats by their id.

It verifies by itself, as a customer would, and not by the product's code.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of

SECRET = "whsec_aHViLW91dGdvaW5nLXRlc3Qta2V5LTAwMDE="
TOLERANCE = 300


class HttpSink(Simulator):
    """Endpoints at any path under `/http`: `/http/plain/...` takes what isn't signed, too."""

    vendor = "http"
    credentials = {"outbound_secret": SECRET}

    def reset(self) -> None:
        self.secret = SECRET
        self.seen: dict[str, int] = {}
        """Messages by id, and how often each came."""
        self.messages: list[dict[str, Any]] = []

    def routes(self) -> Sequence[BaseRoute]:
        methods = ["POST", "PUT", "PATCH"]
        return [
            Route("/plain/{path:path}", self._plain, methods=methods),
            Route("/{path:path}", self._signed, methods=methods),
        ]

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/messages", self._messages, methods=["GET"]),
            Route("/secret", self._secret, methods=["POST"]),
            Route("/send", self._send, methods=["POST"]),
        ]

    async def _plain(self, request: Request) -> Response:
        return await self._take(request)

    async def _signed(self, request: Request) -> Response:
        if not self._is_genuine(request, await request.body()):
            self.record("forged", path=request.path_params["path"])
            return JSONResponse({"error": "wrong signature"}, 401)
        return await self._take(request)

    async def _take(self, request: Request) -> Response:
        message = request.headers.get("webhook-id", "")
        self.seen[message] = self.seen.get(message, 0) + 1
        if self.seen[message] == 1:
            body = (await request.body()).decode("utf-8", "replace")
            taken = {"id": message, "method": request.method, "path": request.path_params["path"], "body": body}
            self.messages.append(taken)
            self.record("message", **taken)
        return Response(status_code=204)

    def _is_genuine(self, request: Request, body: bytes) -> bool:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        message, timestamp, signatures = (request.headers.get(name, "") for name in names)
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
            return False
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        made = hmac.digest(key, f"{message}.{timestamp}.".encode() + body, "sha256")
        return f"v1,{base64.b64encode(made).decode()}" in signatures.split(" ")

    async def _messages(self, request: Request) -> Response:
        return JSONResponse({"messages": self.messages, "copies": self.seen})

    async def _secret(self, request: Request) -> Response:
        """`{secret}`: the customer changes his key."""
        self.secret = str(json_of(await request.body())["secret"])
        return JSONResponse({"secret": self.secret})

    async def _send(self, request: Request) -> Response:
        """`{url, body, headers}`: the customer's system calls a webhook of ours."""
        wanted = json_of(await request.body())
        content = wanted["body"] if isinstance(wanted["body"], str) else json.dumps(wanted["body"], ensure_ascii=False)
        headers = {"Content-Type": "application/json", **wanted.get("headers", {})}
        return JSONResponse({"sent": await self.send_hooks(wanted["url"], [(content.encode(), headers)])})


SIMULATOR = HttpSink
