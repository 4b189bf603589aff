"""amoCRM's API v4 as HAL+JSON: pages, filters, 204 for nothing, 429 and then a wall for too many calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.amocrm import saving
from simulators.amocrm.cards import ACCOUNT_ID, FIRST, PIPELINE, STAGES, TOKEN_USER, UNSORTED, Card
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
HOSTS = (".amocrm.ru", ".amocrm.com", ".kommo.com")


def refused(status: int, **more: Any) -> Response:
    title, detail = TITLES[status]
    body = {"title": title, "type": f"https://httpstatus.es/{status}", "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def invalid(wrong: Sequence[tuple[int, Sequence[saving.Complaint]]]) -> Response:
    """The whole batch is refused for what is wrong with some of it."""
    told = [
        {
            "request_id": str(place),
            "errors": [{"code": code, "path": path, "detail": detail} for code, path, detail in complaints],
        }
        for place, complaints in wrong
    ]
    return refused(400, **{"validation-errors": told})


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
            self._route("leads/unsorted/forms", self._unsorted, "POST"),
            self._route("leads/unsorted/{uid}/accept", self._accepted, "POST"),
            self._route("tasks", self._tasks, "GET", "POST"),
            self._route("tasks/{id}", self._task, "PATCH"),
            self._route("webhooks", self._webhooks, "GET", "POST", "DELETE"),
        ]
        for kind in KINDS:
            routes += [
                self._route(kind + "/custom_fields", self._fields(kind), "GET"),
                self._route(kind + "/notes", self._notes(kind), "POST"),
                self._route(kind + "/{id}/notes", self._notes(kind), "GET", "POST"),
                self._route(kind + "/{id}/link", self._link(kind), "POST"),
                self._route(kind + "/{id}/links", self._links(kind), "GET"),
            ]
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
        return self._hal(
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
        return self._hal({"_total_items": len(pipelines), "_embedded": {"pipelines": pipelines}})

    async def _users(self, request: Request) -> Response:
        if not self._sim.admin:
            return refused(403)
        users = [{"id": id_, "name": name, "rights": {"is_admin": True}} for id_, name in self._sim.users.items()]
        return self._hal({"_embedded": {"users": users}})

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
            return self._page("custom_fields", list(self._sim.shown_fields(kind).values()), request, 250)

        return serve

    def _one(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            card = self._sim.cards[kind].get(int(request.path_params["id"]))
            if card is None or card["is_deleted"]:
                return Response(status_code=204)
            if request.method == "PATCH":
                body = json_of(await request.body())
                if wrong := saving.complaints(self._sim, kind, body):
                    return invalid([(0, wrong)])
                saving.changed(self._sim, kind, card, body, TOKEN_USER)
                self._sim.send_soon()
                return self._hal({"id": card["id"], "updated_at": card["updated_at"]})
            return self._hal(self._sim.shown(kind, card, request.query_params.get("with", "")))

        return serve

    def _many(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            if request.method == "POST":
                return await self._add(kind, request)
            cards = self._filtered(saving.found(self._sim, kind, request.query_params), request)
            with_ = request.query_params.get("with", "")
            return self._page(kind, [self._sim.shown(kind, card, with_) for card in cards], request, 250)

        return serve

    async def _add(self, kind: str, request: Request) -> Response:
        given = await self._batch(request)
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
        return self._hal({"_embedded": {kind: shown}})

    async def _batch(self, request: Request, most: int = 250) -> list[Any] | Response:
        try:
            given = await request.json()
        except ValueError:
            given = None
        if not isinstance(given, list) or not given:
            return refused(400, detail="Request data can not be empty")
        return refused(422) if len(given) > most else given

    async def _complex(self, request: Request) -> Response:
        given = await self._batch(request, 50)
        if isinstance(given, Response):
            return given
        wrong = [(n, found) for n, one in enumerate(given) if (found := saving.complaints(self._sim, "leads", one))]
        if wrong:
            return invalid(wrong)
        made = [saving.complex_lead(self._sim, one, TOKEN_USER) for one in given]
        self._sim.send_soon()
        return self._hal(made)

    # Notes, tasks, links, the unsorted

    def _notes(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            sim, card_id = self._sim, request.path_params.get("id")
            if request.method == "GET":
                found = [one for one in sim.notes[kind] if one["entity_id"] == int(card_id or 0)]
                types = request.query_params.getlist("filter[note_type][]")
                found = [one for one in found if not types or one["note_type"] in types]
                backwards = request.query_params.get("order[id]") == "desc"
                return self._page("notes", found[::-1] if backwards else found, request, 250)
            given = await self._batch(request)
            if isinstance(given, Response):
                return given
            ids = [int(card_id if card_id is not None else one["entity_id"]) for one in given]
            if any(id_ not in sim.cards[kind] or sim.cards[kind][id_]["is_deleted"] for id_ in ids):
                return refused(404)
            if any(not (one.get("params") or {}).get("text") for one in given):
                return refused(400)
            made = [sim.noted(kind, id_, one) for id_, one in zip(ids, given, strict=True)]
            shown = [{"id": one["id"], "entity_id": one["entity_id"], "request_id": "0"} for one in made]
            return self._hal({"_embedded": {"notes": shown}})

        return serve

    async def _tasks(self, request: Request) -> Response:
        sim = self._sim
        if request.method == "GET":
            given, found = request.query_params, list(sim.tasks.values())
            type_, ids = given.get("filter[entity_type]"), given.getlist("filter[entity_id][]")
            found = [one for one in found if type_ in (None, one["entity_type"])]
            found = [one for one in found if not ids or str(one["entity_id"]) in ids]
            return self._page("tasks", found[::-1], request, 250)
        tasks = await self._batch(request)
        if isinstance(tasks, Response):
            return tasks
        for place, one in enumerate(tasks):
            if not one.get("text") or not isinstance(one.get("complete_till"), int):
                return invalid([(place, [("FieldMissing", "complete_till", "This field is missing.")])])
            if one.get("entity_id") not in sim.cards[one.get("entity_type", "leads")]:
                return refused(404)
        made = [sim.tasked(one) for one in tasks]
        shown = [{"id": one["id"], "updated_at": one["updated_at"], "request_id": "0"} for one in made]
        return self._hal({"_embedded": {"tasks": shown}})

    async def _task(self, request: Request) -> Response:
        task = self._sim.tasks.get(int(request.path_params["id"]))
        if task is None:
            return refused(404)
        task |= json_of(await request.body())
        return self._hal({"id": task["id"], "updated_at": task["updated_at"]})

    def _link(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            card = self._sim.cards[kind].get(int(request.path_params["id"]))
            given = await self._batch(request)
            if isinstance(given, Response):
                return given
            if card is None or any(one["to_entity_id"] not in self._sim.cards[one["to_entity_type"]] for one in given):
                return refused(404)
            for one in given:
                saving.linked(self._sim, kind, card, one)
            return self._hal({"_total_links": len(given), "_embedded": {"links": given}})

        return serve

    def _links(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            card = self._sim.cards[kind].get(int(request.path_params["id"]))
            if card is None:
                return refused(404)
            links = [
                {
                    "entity_id": card["id"], "entity_type": kind, "to_entity_id": one["id"], "to_entity_type": name,
                    "metadata": {"main_contact": one["is_main"]} if "is_main" in one else None,
                }
                for name in KINDS
                for one in card["_embedded"].get(name, ())
            ]  # fmt: skip
            return self._hal({"_total_links": len(links), "_embedded": {"links": links}})

        return serve

    async def _unsorted(self, request: Request) -> Response:
        given = await self._batch(request)
        if isinstance(given, Response):
            return given
        shown = []
        for place, one in enumerate(given):
            leads, contacts = one["_embedded"].get("leads", ()), one["_embedded"].get("contacts", ())
            for lead in leads:
                if wrong := saving.complaints(self._sim, "leads", lead):
                    return invalid([(place, wrong)])
            if not {"form_id", "form_name", "form_page", "form_sent_at", "ip"} <= set(one.get("metadata") or ()):
                return invalid([(place, [("FieldMissing", "metadata", "This field is missing.")])])
            shown.append(self._sim.put_into_unsorted(one, leads, contacts, TOKEN_USER))
        self._sim.send_soon()
        return self._hal({"_total_items": len(shown), "_embedded": {"unsorted": shown}})

    async def _accepted(self, request: Request) -> Response:
        """A person accepts: the deal goes to a stage."""
        entry = self._sim.unsorted.pop(request.path_params["uid"], None)
        if entry is None:
            return refused(404)
        lead = self._sim.cards["leads"][entry["lead"]]
        self._sim.change("leads", lead, {"status_id": json_of(await request.body()).get("status_id", FIRST)})
        return self._hal({"uid": request.path_params["uid"], "_embedded": {"leads": [{"id": lead["id"]}]}})

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
