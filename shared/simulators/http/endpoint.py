"""Any customer's endpoint: takes whatever comes, checks its Standard Webhooks signature, tells repeats by their id.

It verifies by itself, as a customer would, and not by the product's code. Below `/system` is a business's own system,
which keeps cards of people and companies and answers our questions (`docs/in-step.md`).
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of
from simulators.http.system import OwnSystem

SECRET = "whsec_aHViLW91dGdvaW5nLXRlc3Qta2V5LTAwMDE="
TOLERANCE = 300
TOKEN = "own-system-token"
PAGE = 100


class HttpSink(Simulator):
    """Endpoints at any path under `/http`: `/http/plain/...` takes what isn't signed, too."""

    vendor = "http"
    credentials = {"outbound_secret": SECRET}

    def reset(self) -> None:
        self.secret = SECRET
        self.seen: dict[str, int] = {}
        """Messages by id, and how often each came."""
        self.messages: list[dict[str, Any]] = []
        self.system = OwnSystem(self.now, self._changed)
        self.hooks: list[str] = []
        """Addresses that are told when a card was changed."""
        self.most: int | None = None
        """Calls of the system in any second; None: as many as come."""
        self._asked: deque[float] = deque()

    def routes(self) -> Sequence[BaseRoute]:
        methods = ["POST", "PUT", "PATCH"]
        return [
            Route("/system/{kind}", self._system_list, methods=["GET"]),
            Route("/system/{kind}", self._system_add, methods=["POST"]),
            Route("/system/{kind}/{id}", self._system_card, methods=["GET", "PATCH"]),
            Route("/plain/{path:path}", self._plain, methods=methods),
            Route("/{path:path}", self._signed, methods=methods),
        ]

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/messages", self._messages, methods=["GET"]),
            Route("/secret", self._secret, methods=["POST"]),
            Route("/send", self._send, methods=["POST"]),
            Route("/hook", self._own_hook, methods=["POST"]),
            Route("/card", self._own_card, methods=["POST"]),
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

    # A system with cards

    def _changed(self, kind: str, id_: str, change: str, version: str | None) -> None:
        told = {"kind": kind, "id": id_, "change": change, **({"version": version} if version else {})}
        stamp = datetime.fromtimestamp(self.now(), UTC).isoformat().replace("+00:00", "Z")
        body = json.dumps({"type": "record.changed", "timestamp": stamp, "data": told}).encode()
        for url in self.hooks:
            self.in_background(self.send_hooks(url, [(body, self.signed(body))]))

    def signed(self, body: bytes) -> dict[str, str]:
        """Headers by which a webhook is known to be this system's."""
        message, timestamp = f"msg_{self.chance.getrandbits(64):x}", str(int(time.time()))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        made = base64.b64encode(hmac.digest(key, f"{message}.{timestamp}.".encode() + body, "sha256")).decode()
        named = {"webhook-id": message, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{made}"}
        return {"Content-Type": "application/json", **named}

    def _turned_away(self, request: Request) -> Response | None:
        if not self.admits(request.headers.get("authorization", "").removeprefix("Bearer "), TOKEN):
            return JSONResponse({"error": "unknown token"}, 401)
        while self._asked and self._asked[0] <= self.now() - 1:
            self._asked.popleft()
        if self.most is not None and len(self._asked) >= self.most:
            return JSONResponse({"error": "too many requests"}, 429, {"Retry-After": "1"})
        self._asked.append(self.now())
        if request.path_params["kind"] not in self.system.cards:
            return JSONResponse({"error": "no such kind"}, 404)
        return None

    async def _system_list(self, request: Request) -> Response:
        if (turned_away := self._turned_away(request)) is not None:
            return turned_away
        kind, asked, own = request.path_params["kind"], request.query_params, self.system
        by = next((one for one in ("mark", "phone", "email", "name") if one in asked), None)
        cards = list(own.found(kind, by, asked[by]) if by is not None else own.there(kind))
        if "id" in asked:
            cards = [card for card in cards if card["id"] in asked.getlist("id")]
        if "since" in asked:
            since = datetime.fromisoformat(asked["since"]).timestamp()
            cards = [card for card in cards if card["saved_at"] >= since]
        if "linked" in asked:
            kind_of, _, id_ = asked["linked"].partition(":")
            cards = [card for card in cards if any((one["kind"], one["id"]) == (kind_of, id_) for one in card["links"])]
        if "after" in asked:
            cards = [card for card in cards if int(card["id"]) > int(asked["after"])]
        limit = min(int(asked.get("limit", PAGE)), PAGE)
        further = cards[limit - 1]["id"] if len(cards) > limit else None
        return JSONResponse({"objects": [own.shown(card) for card in cards[:limit]], "next": further})

    async def _system_add(self, request: Request) -> Response:
        if (turned_away := self._turned_away(request)) is not None:
            return turned_away
        kind, told, own = request.path_params["kind"], json_of(await request.body()), self.system
        card = own.add(kind, told.get("fields", {}), told.get("mark"), told.get("links"), ours=True)
        self.record("card_created", what=kind, id=card["id"], fields=told.get("fields"), quiet=told.get("quiet", False))
        answer = JSONResponse(own.shown(card), 201)
        self._meanwhile(kind, card["id"])
        return answer

    async def _system_card(self, request: Request) -> Response:
        if (turned_away := self._turned_away(request)) is not None:
            return turned_away
        kind, id_, own = request.path_params["kind"], request.path_params["id"], self.system
        card = own.cards[kind].get(id_)
        if card is None:
            status, why = (410, "deleted") if id_ in own.bin[kind] else (404, "no such card")
            return JSONResponse({"error": why}, status)
        if id_ in own.unseen:
            return JSONResponse({"error": "no right to see it"}, 403)
        if request.method == "GET":
            return JSONResponse(own.shown(card))
        if request.headers.get("if-match", "").strip('"') not in ("", str(card["version"])):
            return JSONResponse({"error": "changed meanwhile"}, 412)
        told = json_of(await request.body())
        own.change(kind, id_, told.get("fields", {}), told.get("links"), ours=True)
        what = "card_changed" if told.get("fields") else "card_linked"
        self.record(what, what=kind, id=id_, fields=told.get("fields"), quiet=told.get("quiet", False))
        answer = JSONResponse(own.shown(card))
        self._meanwhile(kind, id_)
        return answer

    def _meanwhile(self, kind: str, id_: str) -> None:
        """What somebody saves in the moment after our write."""
        for at, (of, fields) in enumerate(self.system.between):
            if of == kind:
                del self.system.between[at]
                self.system.change(kind, id_, fields)
                return

    # Controls

    async def _own_hook(self, request: Request) -> Response:
        """`{url}`: tell that address of changed cards."""
        self.hooks.append(str(json_of(await request.body())["url"]))
        return JSONResponse({"hooks": self.hooks})

    async def _own_card(self, request: Request) -> Response:
        """`{kind, id, fields}`: somebody makes a card, or changes the one of that id; without fields it is deleted."""
        told = json_of(await request.body())
        kind, id_, fields = told.get("kind", "contact"), told.get("id"), told.get("fields")
        if id_ is None:
            return JSONResponse(self.system.shown(self.system.add(kind, fields or {})))
        if fields is None:
            self.system.delete(kind, id_)
            return JSONResponse({"deleted": id_})
        return JSONResponse(self.system.shown(self.system.change(kind, id_, fields)))

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
