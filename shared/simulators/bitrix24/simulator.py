"""The stand-in itself: who is let in, at which rate, where the portal lives, and what a test or a demo tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.bitrix24.access import CLIENT_ID, HOOK_CODE, HOOK_USER, MEMBER, Access
from simulators.bitrix24.cards import KINDS, Refusal, shown, stamp
from simulators.bitrix24.limits import Bucket, Operating
from simulators.bitrix24.methods import METHODS
from simulators.bitrix24.parameters import Params, filled, of_query
from simulators.bitrix24.portal import Portal
from simulators.chassis import Simulator, json_of

BATCH = 50
HOOK_TOKEN = "testhooktoken0000000000000000000"
"""Of an outgoing webhook: by it an event is known to be the portal's."""

EVENTS = [f"ONCRM{kind}{what}" for kind in KINDS.values() for what in ("ADD", "UPDATE", "DELETE")]
FORM = {"content-type": "application/x-www-form-urlencoded"}
OF_THE_PORTAL = ("own_fields", "required", "denied", "hidden", "deaf", "cuts", "robots", "index_lag", "simple_mode")
PRIVILEGES = "The request requires higher privileges than provided by the webhook token"
HTML = "<html><head><title>302 Found</title></head><body>Moved</body></html>"


class Bitrix24(Simulator):
    """One portal, and the authorisation server. Effects: `item_added`, `item_updated`, `comment`, `task`,
    `exchange`, `refresh`."""

    vendor = "bitrix24"
    credentials: ClassVar[Mapping[str, str]] = {
        "webhook_url": f"https://b24-demo0000.bitrix24.ru/rest/{HOOK_USER}/{HOOK_CODE}/"
    }
    settings = ("commercial", "moved_to", "redirect_uri")

    def reset(self) -> None:
        self.access = Access()
        self.bucket = Bucket()
        self.operating = Operating()
        self.portal = Portal(self.record, self.now, self._happened)
        self.hooks: list[dict[str, Any]] = []
        """Outgoing webhooks: `url`, and the `events` that each is told of."""
        self.commercial = True
        self.moved_to: str | None = None
        """Where the portal lives now: calls to any other host are sent there."""
        self.redirect_uri = "https://hub.example.test/oauth/bitrix24/callback"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/rest/{user:int}/{code}/{method}", self._rest, methods=["GET", "POST"]),
            Route("/rest/{method}", self._rest, methods=["GET", "POST"]),
            Route("/oauth/authorize/", self._agree, methods=["GET"]),
            Route("/oauth/token/", self._token, methods=["GET", "POST"]),
        ]

    # Access

    async def _agree(self, request: Request) -> Response:
        """A person agrees; errors are shown and never sent on."""
        if request.query_params.get("client_id") != CLIENT_ID or not self.access.installed:
            return HTMLResponse("Приложение не найдено", 404)
        return RedirectResponse(self.redirect(request.query_params.get("state"), request.url.netloc), 302)

    def redirect(self, state: str | None, domain: str) -> str:
        """Where a person who has agreed is sent."""
        query = {
            "code": self.access.code(self.now()), "state": state or "", "domain": domain, "member_id": MEMBER,
            "scope": ",".join(self.portal.scopes), "server_domain": "oauth.bitrix24.tech",
        }  # fmt: skip
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{urlencode(query)}"

    async def _token(self, request: Request) -> Response:
        asked = dict(request.query_params) or json_of(await request.body())
        here = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
        status, answer = self.access.token(asked, self.now(), f"{self.moved_to or here}/rest/")
        kind = "exchange" if asked.get("grant_type") == "authorization_code" else "refresh"
        self.record(kind, status=status, error=answer.get("error"))
        return JSONResponse(answer, status)

    def _who(self, request: Request, params: Params) -> int:
        """Whose rights a call has. Raises Refusal."""
        given = request.path_params
        if "code" in given:
            if (given["user"], given["code"]) in self.access.hooks or self.admits(given["code"]):
                return int(given["user"])
            raise Refusal(401, "NO_AUTH_FOUND", "Wrong authorization data")
        token = str(params.pop("auth", "") or "")
        if self.access.tokens.get(token, self.now() + 1) <= self.now():
            raise Refusal(401, "expired_token", "The access token provided has expired")
        if token not in self.access.tokens or not self.access.installed:
            raise Refusal(401, "NO_AUTH_FOUND", "Wrong authorization data")
        return HOOK_USER

    # REST

    async def _rest(self, request: Request) -> Response:
        """Rate first, for everybody; then whether the portal is still here; then who calls."""
        now = self.now()
        if not self.bucket.takes(now):
            return _error(Refusal(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"))
        if self.moved_to and urlsplit(self.moved_to).netloc != request.url.netloc:
            path = request.url.path.removeprefix(str(request.scope.get("root_path", "")))
            there = f"{self.moved_to}{path}{'?' + request.url.query if request.url.query else ''}"
            return HTMLResponse(HTML, 302, {"location": there})
        params = of_query(request.url.query) | await _body_of(request)
        method = str(request.path_params["method"]).removesuffix(".json")
        try:
            by = self._who(request, params)
            if not self.commercial:
                raise Refusal(403, "ACCESS_DENIED", "REST API is available only on commercial plans")
            if method == "batch":
                return JSONResponse({"result": self._batch(params, by), "time": self._time("batch", now)})
            result, beside = self._call(method, params, by)
        except Refusal as refusal:
            return _error(refusal)
        return JSONResponse({"result": result, **beside, "time": self._time(method, now)})

    def _call(self, method: str, params: Params, by: int) -> tuple[object, dict[str, Any]]:
        found = METHODS.get(method)
        if found is None:
            raise Refusal(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        scope, act = found
        if scope and scope not in self.portal.scopes:
            raise Refusal(
                403, "insufficient_scope", "The request requires higher privileges than provided by the token"
            )
        if self.operating.is_used_up(method, self.now()):
            raise Refusal(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit")
        if method in self.portal.denied:
            raise Refusal(400, "ACCESS_DENIED", "Доступ запрещен")
        self.operating.count(method, self.now())
        return act(self.portal, params, by)

    def _batch(self, params: Params, by: int) -> dict[str, Any]:
        """Every command by itself: 200 even where all of them fail; empty maps are `[]`, as PHP writes them."""
        told: dict[str, dict[str, Any]] = {"result": {}, "result_error": {}, "result_total": {}, "result_next": {}}
        told["result_time"] = {}
        commands = params.get("cmd")
        pairs = commands.items() if isinstance(commands, Mapping) else enumerate(commands or [])
        halt = str(params.get("halt", 0)) in ("1", "true", "True")
        for place, (key, command) in enumerate(pairs):
            method, _, query = filled(str(command), told["result"]).partition("?")
            try:
                if place >= BATCH:
                    raise Refusal(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
                if method == "batch":
                    raise Refusal(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
                result, beside = self._call(method, of_query(query), by)
            except Refusal as refusal:
                told["result_error"][str(key)] = {"error": refusal.code, "error_description": refusal.text}
                if halt:
                    break
                continue
            told["result"][str(key)] = result
            told["result_time"][str(key)] = self._time(method, self.now())
            for name in ("total", "next"):
                if name in beside:
                    told[f"result_{name}"][str(key)] = beside[name]
        return {name: value or [] for name, value in told.items()}

    def _time(self, method: str, began: float) -> dict[str, Any]:
        now = self.now()
        return {
            "start": began, "finish": now, "duration": now - began, "processing": now - began,
            "date_start": stamp(began), "date_finish": stamp(now),
            "operating_reset_at": self.operating.resets_at(method, now),
            "operating": round(self.operating.used(method, now), 3),
        }  # fmt: skip

    # Events

    def _happened(self, what: str, kind: int, id_: int) -> None:
        """Told once, whoever did it, and never again; a move to another pipeline only to applications, of which there
        are none here."""
        event = f"ONCRM{KINDS[kind]}{what}"
        for number, hook in enumerate(self.hooks):
            if event in hook["events"] and what != "MOVETOCATEGORY":
                body = urlencode(self._event(event, 12 + number, id_)).encode()
                self.in_background(self.send_hooks(hook["url"], [(body, FORM)]))

    def _event(self, event: str, handler: int, id_: int) -> dict[str, Any]:
        """An outgoing webhook's: the card's id and nothing of it; `ts` is the time of sending."""
        portal = "https://b24-demo0000.bitrix24.ru"
        return {
            "event": event, "event_handler_id": handler, "data[FIELDS][ID]": id_, "ts": int(self.now()),
            "auth[domain]": "b24-demo0000.bitrix24.ru", "auth[client_endpoint]": f"{portal}/rest/",
            "auth[server_endpoint]": "https://oauth.bitrix24.tech/rest/", "auth[member_id]": MEMBER,
            "auth[application_token]": HOOK_TOKEN,
        }  # fmt: skip

    # What a test or a demo tells it

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/items", self._told_items, methods=["POST"]),
            Route("/change", self._told_change, methods=["POST"]),
            Route("/delete", self._told_delete, methods=["POST"]),
            Route("/cards", self._told_cards, methods=["GET"]),
            Route("/portal", self._told_portal, methods=["POST"]),
            Route("/hook", self._told_hook, methods=["POST"]),
            Route("/merge", self._told_merge, methods=["POST"]),
        ]

    async def _told_items(self, request: Request) -> Response:
        """`{type, items: [fields]}`: a person creates cards."""
        given = await request.json()
        return JSONResponse({"ids": [self.portal.add(int(given["type"]), one)["id"] for one in given["items"]]})

    async def _told_change(self, request: Request) -> Response:
        """`{type, id, fields}`: a person saves a card."""
        given = await request.json()
        card = self.portal.cards[int(given["type"])][int(given["id"])]
        return JSONResponse({"changed": self.portal.change(int(given["type"]), card, given["fields"])})

    async def _told_delete(self, request: Request) -> Response:
        """`{type, id}`: a person deletes a card."""
        given = await request.json()
        self.portal.delete(int(given["type"]), int(given["id"]))
        return JSONResponse({})

    async def _told_hook(self, request: Request) -> Response:
        """`{url, events}`: an outgoing webhook is made; without `events` one for all that happens to cards."""
        given = await request.json()
        self.hooks.append({"url": given["url"], "events": given.get("events", EVENTS)})
        return JSONResponse({"application_token": HOOK_TOKEN})

    async def _told_merge(self, request: Request) -> Response:
        """`{type, survivor, others}`: a person makes one card of several."""
        given = await request.json()
        self.portal.merge(int(given["type"]), int(given["survivor"]), list(map(int, given["others"])))
        return JSONResponse({})

    async def _told_portal(self, request: Request) -> Response:
        """Some of `OF_THE_PORTAL`: the owner changes how the portal works."""
        given = await request.json()
        if unknown := set(given) - set(OF_THE_PORTAL):
            return JSONResponse({"error": f"unknown: {sorted(unknown)}; expected some of {sorted(OF_THE_PORTAL)}"}, 400)
        for name, value in given.items():
            setattr(self.portal, name, value)
        return JSONResponse(given)

    async def _told_cards(self, request: Request) -> Response:
        """What the portal holds."""
        held = self.portal.cards.items()
        told: dict[str, Any] = {
            KINDS[kind].lower(): [shown(kind, card, original=False) for card in cards.values()] for kind, cards in held
        }
        return JSONResponse({**told, "comments": self.portal.comments, "tasks": self.portal.tasks})


async def _body_of(request: Request) -> Params:
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return of_query(body.decode())
    return json_of(body)


def _error(refusal: Refusal) -> Response:
    return JSONResponse({"error": refusal.code, "error_description": refusal.text}, refusal.status)
