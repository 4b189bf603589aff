"""amoCRM's API v4 as HAL+JSON: pages, filters, 204 for nothing, 429 and then a wall for too many calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.amocrm import saving
from simulators.amocrm.answers import WALL, batch_of, hal, invalid, page_of, refused
from simulators.amocrm.attachments import Attachments
from simulators.amocrm.cards import ACCOUNT_ID, KINDS, PIPELINE, STAGES, TOKEN_USER, UNSORTED, Card
from simulators.chassis import form_of, json_of

if TYPE_CHECKING:
    from simulators.amocrm.simulator import AmocrmSimulator


HOSTS = (".amocrm.ru", ".amocrm.com", ".kommo.com")


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
            Route("/oauth2/account/subdomain", self._subdomain, methods=["GET"]),
            self._route("users", self._users, "GET"),
            self._route("events", self._events, "GET"),
            self._route("leads/complex", self._complex, "POST"),
            *(self._route(path, serve, *methods) for path, serve, methods in Attachments(self._sim).routes()),
            self._route("webhooks", self._webhooks, "GET", "POST", "DELETE"),
        ]
        for kind in KINDS:
            routes.append(self._route(kind + "/custom_fields", self._fields(kind), "GET"))
            routes.append(self._route(kind, self._many(kind), "GET", "POST"))
            routes.append(self._route(kind + "/{id}", self._one(kind), "GET", "PATCH"))
        return routes

    def _route(self, path: str, serve: Callable[[Request], Awaitable[Response]], *methods: str) -> Route:
        async def guarded(request: Request) -> Response:
            return self._stopped(request) or await serve(request)

        return Route(f"/api/v4/{path}", guarded, methods=list(methods))

    def _stopped(self, request: Request) -> Response | None:
        """Rate first, for everybody; then the address, then the token."""
        wall = self._sim.pace.counted(self._sim.now())
        if wall is not None:
            return HTMLResponse(WALL, 403) if wall == 403 else refused(429, retry_after=self._sim.pace.retry_after)
        host = request.headers.get("host", "")
        if host.endswith(HOSTS) and host.partition(".")[0] != self._sim.grants.subdomain:
            there = f"https://{self._sim.grants.subdomain}.amocrm.ru{request.url.path.removeprefix('/amocrm')}"
            return RedirectResponse(there, 301) if self._sim.renamed == "redirect" else refused(401)
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
        return hal(
            {
                "id": ACCOUNT_ID, "name": "Кофейня Тест", "subdomain": sim.grants.subdomain,
                "current_user_id": TOKEN_USER, "country": "RU", "is_unsorted_on": True,
                "is_api_filter_enabled": sim.filters,
            }
        )  # fmt: skip

    async def _pipelines(self, request: Request) -> Response:
        pipelines = [
            {
                "id": one, "name": "Воронка", "is_main": one == PIPELINE, "_embedded": {"statuses": [
                    {
                        "id": stage, "name": STAGES.get(stage, f"Этап {stage}"), "pipeline_id": one,
                        "account_id": ACCOUNT_ID, "type": int(stage == UNSORTED),
                    }
                    for stage in stages
                ]},
            }
            for one, stages in self._sim.pipelines.items()
        ]  # fmt: skip
        return hal({"_total_items": len(pipelines), "_embedded": {"pipelines": pipelines}})

    async def _users(self, request: Request) -> Response:
        if not self._sim.admin:
            return refused(403)
        users = [{"id": id_, "name": name, "rights": {"is_admin": True}} for id_, name in self._sim.users.items()]
        return hal({"_embedded": {"users": users}})

    async def _subdomain(self, request: Request) -> Response:
        """Where the account lives by now; any of amoCRM's hosts tells it."""
        given = request.headers.get("authorization", "")
        if not self._sim.grants.lets_in(given, self._sim.now()) and not self._sim.admits(given.removeprefix("Bearer ")):
            return refused(401)
        name = self._sim.grants.subdomain
        told = {"id": ACCOUNT_ID, "subdomain": name, "domain": f"{name}.amocrm.ru", "top_level_domain": "ru"}
        return JSONResponse(told)

    def _fields(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            if not self._sim.admin:
                return refused(403)
            return page_of("custom_fields", list(self._sim.shown_fields(kind).values()), request, 250)

        return serve

    def _one(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            card = self._sim.cards[kind].get(int(request.path_params["id"]))
            if card is None or card["is_deleted"]:
                return Response(status_code=204)
            if card["id"] in self._sim.unseen:
                return refused(403)
            if request.method == "PATCH":
                body = json_of(await request.body())
                if wrong := saving.complaints(self._sim, kind, body):
                    return invalid([(0, wrong)])
                saving.changed(self._sim, kind, card, body, TOKEN_USER)
                told = {"id": card["id"], "updated_at": card["updated_at"]}
                saving.meddled(self._sim, kind, card)
                self._sim.send_soon()
                return hal(told)
            return hal(self._sim.shown(kind, card, request.query_params.get("with", "")))

        return serve

    def _many(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            if request.method == "POST":
                return await self._add(kind, request)
            cards = self._filtered(saving.found(self._sim, kind, request.query_params), request)
            with_ = request.query_params.get("with", "")
            return page_of(kind, [self._sim.shown(kind, card, with_) for card in cards], request, 250)

        return serve

    async def _add(self, kind: str, request: Request) -> Response:
        given = await batch_of(request)
        if isinstance(given, Response):
            return given
        wrong = [
            (place, found) for place, one in enumerate(given) if (found := saving.complaints(self._sim, kind, one))
        ]
        if wrong:
            return invalid(wrong)
        made = [saving.made(self._sim, kind, one, TOKEN_USER) for one in given]
        self._sim.send_soon()
        shown = [
            {"id": card["id"], "request_id": one.get("request_id", str(place))}
            for place, (card, one) in enumerate(zip(made, given, strict=True))
        ]
        for card in made:
            saving.meddled(self._sim, kind, card)
        return hal({"_embedded": {kind: shown}})

    async def _complex(self, request: Request) -> Response:
        given = await batch_of(request, 50)
        if isinstance(given, Response):
            return given
        wrong = [(n, found) for n, one in enumerate(given) if (found := saving.complaints(self._sim, "leads", one))]
        if wrong:
            return invalid(wrong)
        made = [saving.complex_lead(self._sim, one, TOKEN_USER) for one in given]
        self._sim.send_soon()
        return hal(made)

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
        by = next((name for name in ("updated_at", "created_at", "id") if f"order[{name}]" in given), "id")
        down = given.get(f"order[{by}]") == "desc"
        return sorted(cards, key=lambda card: (card[by], card["id"]), reverse=down)

    async def _events(self, request: Request) -> Response:
        given = request.query_params
        types = given.get("filter[type]", "").split(",") if given.get("filter[type]") else None
        since = int(given.get("filter[created_at][from]", 0))
        found = [one for one in self._sim.log if one["created_at"] >= since and (not types or one["type"] in types)]
        return page_of("events", list(reversed(found)), request, 100)

    # Webhooks

    async def _webhooks(self, request: Request) -> Response:
        if not self._sim.admin:
            return refused(403)
        if request.method == "GET":
            wanted = request.query_params.get("filter[destination]")
            shown = [hook.shown() for hook in self._sim.hooks.values() if wanted in (None, hook.destination)]
            if not shown:
                return Response(status_code=204)
            return hal({"_total_items": len(shown), "_embedded": {"webhooks": shown}})
        body = json_of(await request.body())
        if request.method == "DELETE":
            self._sim.unsubscribe(str(body.get("destination")))
            return Response(status_code=204)
        if not body.get("destination") or not body.get("settings"):
            return refused(400)
        return hal(self._sim.subscribe(body["destination"], list(body["settings"])).shown())
