"""amoCRM's API v4 as HAL+JSON: pages, filters, 204 for nothing, 429 and then a wall for too many calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.amocrm.cards import ACCOUNT_ID, PIPELINE, STAGES, TOKEN_USER, Card
from simulators.chassis import form_of, json_of

if TYPE_CHECKING:
    from simulators.amocrm.simulator import AmocrmSimulator

TITLES = {
    400: ("Bad Request", "Request validation failed"),
    401: ("Unauthorized", "Invalid user name or password"),
    402: ("Payment Required", "Payment required"),
    403: ("Forbidden", "You have no rights for this action"),
    404: ("Not Found", "Cannot GET"),
    422: ("Unprocessable Entity", "Limit 250 per page"),
    429: ("Too Many Requests", "You have sent too many requests in a given amount of time. Please try again later."),
}
WALL = "<html>\n<head><title>403 Forbidden</title></head>\n<body><h1>403 Forbidden</h1></body>\n</html>"
HAL = "application/hal+json"
KINDS = ("leads", "contacts", "companies")


def refused(status: int, **more: Any) -> Response:
    title, detail = TITLES[status]
    body = {"title": title, "type": f"https://httpstatus.es/{status}", "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


class Api:
    """The routes of one account."""

    def __init__(self, account: AmocrmSimulator) -> None:
        self._sim = account

    def routes(self) -> Sequence[BaseRoute]:
        routes: list[BaseRoute] = [
            Route("/oauth", self._consent, methods=["GET"]),
            Route("/oauth2/access_token", self._token, methods=["POST"]),
            self._route("account", self._account, "GET"),
            self._route("leads/pipelines", self._pipelines, "GET"),
            self._route("events", self._events, "GET"),
            self._route("webhooks", self._webhooks, "GET", "POST", "DELETE"),
        ]
        for kind in KINDS:
            routes.append(self._route(kind, self._many(kind), "GET", "POST"))
            routes.append(self._route(kind + "/{id}", self._one(kind), "GET", "PATCH"))
        return routes

    def _route(self, path: str, serve: Callable[[Request], Awaitable[Response]], *methods: str) -> Route:
        async def guarded(request: Request) -> Response:
            return self._stopped(request) or await serve(request)

        return Route(f"/api/v4/{path}", guarded, methods=list(methods))

    def _stopped(self, request: Request) -> Response | None:
        """Rate first, for everybody; then the token."""
        wall = self._sim.pace.counted(self._sim.now())
        if wall is not None:
            return HTMLResponse(WALL, 403) if wall == 403 else refused(429, retry_after=self._sim.pace.retry_after)
        given = request.headers.get("authorization", "")
        if not self._sim.grants.lets_in(given, self._sim.now()) and not self._sim.admits(given.removeprefix("Bearer ")):
            return refused(401)
        return None

    # OAuth

    async def _consent(self, request: Request) -> Response:
        """The page where a person agrees: he always does."""
        given = request.query_params
        integration = self._sim.grants.integrations.get(given.get("client_id", ""))
        if integration is None:
            return HTMLResponse("no such integration", 404)
        return RedirectResponse(self._sim.redirect(given["client_id"], given.get("state")), 302)

    async def _token(self, request: Request) -> Response:
        body = await request.body()
        asked = json_of(body) or form_of(body)
        status, answer = self._sim.grants.token(asked, self._sim.now())
        kind = "exchange" if asked.get("grant_type") == "authorization_code" else "refresh"
        self._sim.record(kind, status=status, hint=answer.get("hint"))
        return JSONResponse(answer, status)

    # Reading

    async def _account(self, request: Request) -> Response:
        sim = self._sim
        return self._hal(
            {
                "id": ACCOUNT_ID, "name": "Кофейня Тест", "subdomain": sim.grants.subdomain,
                "current_user_id": TOKEN_USER, "country": "RU", "is_unsorted_on": True,
                "is_api_filter_enabled": sim.filters,
            }
        )  # fmt: skip

    async def _pipelines(self, request: Request) -> Response:
        statuses = [
            {"id": id_, "name": name, "pipeline_id": PIPELINE, "account_id": ACCOUNT_ID} for id_, name in STAGES.items()
        ]
        pipeline = {"id": PIPELINE, "name": "Воронка", "is_main": True, "_embedded": {"statuses": statuses}}
        return self._hal({"_total_items": 1, "_embedded": {"pipelines": [pipeline]}})

    def _one(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            card = self._sim.cards[kind].get(int(request.path_params["id"]))
            if card is None or card["is_deleted"]:
                return Response(status_code=204)
            if request.method == "PATCH":
                self._sim.change(kind, card, json_of(await request.body()), by=TOKEN_USER)
                self._sim.send_soon()
                return self._hal({"id": card["id"], "updated_at": card["updated_at"]})
            return self._hal(card)

        return serve

    def _many(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            if request.method == "POST":
                return await self._add(kind, request)
            cards = [card for card in self._sim.cards[kind].values() if not card["is_deleted"]]
            return self._page(kind, self._filtered(cards, request), request, 250)

        return serve

    async def _add(self, kind: str, request: Request) -> Response:
        given = await request.json()
        if not isinstance(given, list) or not given:
            return refused(400, detail="Request data can not be empty")
        if len(given) > 250:
            return refused(422)
        made = [self._sim.add(kind, one) for one in given]
        self._sim.send_soon()
        shown = [{"id": card["id"], "request_id": str(place)} for place, card in enumerate(made)]
        return self._hal({"_embedded": {kind: shown}})

    def _filtered(self, cards: list[Card], request: Request) -> list[Card]:
        given = request.query_params
        if self._sim.filters:
            since, until = given.get("filter[updated_at][from]"), given.get("filter[updated_at][to]")
            cards = [
                card
                for card in cards
                if (since is None or card["updated_at"] >= int(since))
                and (until is None or card["updated_at"] <= int(until))
            ]
        order = given.get("order[updated_at]")
        key = "updated_at" if order else "id"
        return sorted(cards, key=lambda card: (card[key], card["id"]), reverse=order == "desc")

    async def _events(self, request: Request) -> Response:
        given = request.query_params
        types = given.get("filter[type]", "").split(",") if given.get("filter[type]") else None
        since = int(given.get("filter[created_at][from]", 0))
        found = [one for one in self._sim.log if one["created_at"] >= since and (not types or one["type"] in types)]
        return self._page("events", list(reversed(found)), request, 100)

    def _page(self, kind: str, found: list[Card], request: Request, most: int) -> Response:
        limit, page = int(request.query_params.get("limit", 50)), int(request.query_params.get("page", 1))
        if limit > most:
            return refused(422, detail=f"Limit {most} per page")
        shown = found[(page - 1) * limit : page * limit]
        if not shown:
            return Response(status_code=204)
        links = {"self": {"href": str(request.url)}}
        if len(found) > page * limit:
            links["next"] = {"href": str(request.url.include_query_params(page=page + 1))}
        return self._hal({"_page": page, "_links": links, "_embedded": {kind: shown}})

    # Webhooks

    async def _webhooks(self, request: Request) -> Response:
        if not self._sim.admin:
            return refused(403)
        if request.method == "GET":
            wanted = request.query_params.get("filter[destination]")
            shown = [hook.shown() for hook in self._sim.hooks.values() if wanted in (None, hook.destination)]
            if not shown:
                return Response(status_code=204)
            return self._hal({"_total_items": len(shown), "_embedded": {"webhooks": shown}})
        body = json_of(await request.body())
        if request.method == "DELETE":
            self._sim.unsubscribe(str(body.get("destination")))
            return Response(status_code=204)
        if not body.get("destination") or not body.get("settings"):
            return refused(400)
        return self._hal(self._sim.subscribe(body["destination"], list(body["settings"])).shown())

    def _hal(self, body: Any) -> Response:
        return JSONResponse(body, media_type=HAL)
