"""What hangs on cards: notes, tasks, links; and what waits in the unsorted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from simulators.amocrm import saving
from simulators.amocrm.answers import batch_of, hal, invalid, page_of, refused
from simulators.amocrm.cards import FIRST, KINDS, TOKEN_USER
from simulators.chassis import json_of

if TYPE_CHECKING:
    from simulators.amocrm.simulator import AmocrmSimulator

Serve = Callable[[Request], Awaitable[Response]]


class Attachments:
    """Their routes, to be guarded like every other."""

    def __init__(self, account: AmocrmSimulator) -> None:
        self._sim = account

    def routes(self) -> Iterator[tuple[str, Serve, tuple[str, ...]]]:
        """Path, who serves it, methods."""
        yield "leads/unsorted/forms", self._unsorted, ("POST",)
        yield "leads/unsorted/{uid}/accept", self._accepted, ("POST",)
        yield "tasks", self._tasks, ("GET", "POST")
        yield "tasks/{id}", self._task, ("PATCH",)
        for kind in KINDS:
            yield f"{kind}/notes", self._notes(kind), ("POST",)
            yield f"{kind}/{{id}}/notes", self._notes(kind), ("GET", "POST")
            yield f"{kind}/{{id}}/link", self._link(kind), ("POST",)
            yield f"{kind}/{{id}}/links", self._links(kind), ("GET",)

    def _notes(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            sim, card_id = self._sim, request.path_params.get("id")
            if request.method == "GET":
                found = [one for one in sim.notes[kind] if one["entity_id"] == int(card_id or 0)]
                types = request.query_params.getlist("filter[note_type][]")
                found = [one for one in found if not types or one["note_type"] in types]
                backwards = request.query_params.get("order[id]") == "desc"
                return page_of("notes", found[::-1] if backwards else found, request, 250)
            given = await batch_of(request)
            if isinstance(given, Response):
                return given
            ids = [int(card_id if card_id is not None else one["entity_id"]) for one in given]
            if any(id_ not in sim.cards[kind] or sim.cards[kind][id_]["is_deleted"] for id_ in ids):
                return refused(404)
            if any(not (one.get("params") or {}).get("text") for one in given):
                return refused(400)
            made = [sim.noted(kind, id_, one) for id_, one in zip(ids, given, strict=True)]
            shown = [{"id": one["id"], "entity_id": one["entity_id"], "request_id": "0"} for one in made]
            return hal({"_embedded": {"notes": shown}})

        return serve

    async def _tasks(self, request: Request) -> Response:
        sim = self._sim
        if request.method == "GET":
            given, found = request.query_params, list(sim.tasks.values())
            type_, ids = given.get("filter[entity_type]"), given.getlist("filter[entity_id][]")
            found = [one for one in found if type_ in (None, one["entity_type"])]
            found = [one for one in found if not ids or str(one["entity_id"]) in ids]
            return page_of("tasks", found[::-1], request, 250)
        tasks = await batch_of(request)
        if isinstance(tasks, Response):
            return tasks
        for place, one in enumerate(tasks):
            if not one.get("text") or not isinstance(one.get("complete_till"), int):
                return invalid([(place, [("FieldMissing", "complete_till", "This field is missing.")])])
            if one.get("entity_id") not in sim.cards[one.get("entity_type", "leads")]:
                return refused(404)
        made = [sim.tasked(one) for one in tasks]
        shown = [{"id": one["id"], "updated_at": one["updated_at"], "request_id": "0"} for one in made]
        return hal({"_embedded": {"tasks": shown}})

    async def _task(self, request: Request) -> Response:
        task = self._sim.tasks.get(int(request.path_params["id"]))
        if task is None:
            return refused(404)
        task |= json_of(await request.body())
        return hal({"id": task["id"], "updated_at": task["updated_at"]})

    def _link(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            card = self._sim.cards[kind].get(int(request.path_params["id"]))
            given = await batch_of(request)
            if isinstance(given, Response):
                return given
            if card is None or any(one["to_entity_id"] not in self._sim.cards[one["to_entity_type"]] for one in given):
                return refused(404)
            for one in given:
                saving.linked(self._sim, kind, card, one)
            return hal({"_total_links": len(given), "_embedded": {"links": given}})

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
            return hal({"_total_links": len(links), "_embedded": {"links": links}})

        return serve

    async def _unsorted(self, request: Request) -> Response:
        given = await batch_of(request)
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
        return hal({"_total_items": len(shown), "_embedded": {"unsorted": shown}})

    async def _accepted(self, request: Request) -> Response:
        """A person accepts: the deal goes to a stage."""
        entry = self._sim.unsorted.pop(request.path_params["uid"], None)
        if entry is None:
            return refused(404)
        lead = self._sim.cards["leads"][entry["lead"]]
        self._sim.change("leads", lead, {"status_id": json_of(await request.body()).get("status_id", FIRST)})
        return hal({"uid": request.path_params["uid"], "_embedded": {"leads": [{"id": lead["id"]}]}})
