"""Our own paths under /_sim/cloudtasks: look inside, move the clock, break things."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.cloudtasks.codec import Json, write_queue, write_task, write_time
from simulators.cloudtasks.dispatcher import PATIENCE, Dispatcher
from simulators.cloudtasks.faults import Chance, Fault, Mode
from simulators.cloudtasks.service import CloudTasks

Control = Callable[[Json], Awaitable[Json]]


class Controls:
    """Each control takes a JSON object and answers one."""

    def __init__(self, service: CloudTasks, dispatcher: Dispatcher) -> None:
        self._service = service
        self._dispatcher = dispatcher

    def routes(self) -> list[Route]:
        return [
            _route("GET", "/state", self._state),
            _route("GET", "/stats", self._stats),
            _route("POST", "/clock", self._clock),
            _route("POST", "/drain", self._drain),
            _route("POST", "/faults", self._fault),
            _route("DELETE", "/faults", self._clear),
            _route("POST", "/forget", self._forget),
            _route("POST", "/duplicate", self._duplicate),
        ]

    async def _state(self, _body: Json) -> Json:
        return {
            "now": write_time(self._service.clock.now()),
            "queues": [
                write_queue(queue) | {"tasks": [write_task(task) for task in queue.tasks.values()]}
                for _, queue in sorted(self._service.queues.items())
            ],
            "faults": [
                {"mode": fault.mode, "calls": sorted(fault.calls), "times": fault.times, "share": fault.share}
                for fault in self._service.faults.api
            ],
        }

    async def _stats(self, _body: Json) -> Json:
        return dict(self._service.stats)

    async def _clock(self, body: Json) -> Json:
        """{"advance": seconds, "patience": real seconds}"""
        sent = await self._dispatcher.advance(
            float(body.get("advance", 0)), patience=float(body.get("patience", PATIENCE))
        )
        return {"now": write_time(self._service.clock.now()), "sent": sent}

    async def _drain(self, body: Json) -> Json:
        """{"patience": real seconds}"""
        sent = await self._dispatcher.drain(patience=float(body.get("patience", PATIENCE)))
        return {"now": write_time(self._service.clock.now()), "sent": sent}

    async def _fault(self, body: Json) -> Json:
        """{"mode": "down|hang|slow|lost", "calls": ["create_task"], "times": 3, "share": 0.5, "seconds": 2}"""
        self._service.faults.add(
            Fault(
                Mode(body["mode"]),
                frozenset(body.get("calls", ())),
                body.get("times"),
                float(body.get("share", 1.0)),
                float(body.get("seconds", 0.0)),
            )
        )
        return {}

    async def _clear(self, _body: Json) -> Json:
        self._service.faults.clear()
        return {}

    async def _forget(self, body: Json) -> Json:
        """{"queue": name, "share": 1.0} loses what waits; {"next": 2} or {"rate": 0.01} what is yet to come."""
        if body.keys() & {"next", "rate"}:
            return _set(self._service.faults.forget, body)
        return {"forgotten": self._service.forget(body.get("queue"), share=float(body.get("share", 1.0)))}

    async def _duplicate(self, body: Json) -> Json:
        """{"next": 2} or {"rate": 0.01}: attempts that are sent twice."""
        return _set(self._service.faults.duplicate, body)


def _set(chance: Chance, body: Json) -> Json:
    chance.next = int(body.get("next", chance.next))
    chance.rate = float(body.get("rate", chance.rate))
    return {"next": chance.next, "rate": chance.rate}


def _route(method: str, path: str, control: Control) -> Route:
    async def answer(request: Request) -> Response:
        try:
            body = await request.json() if await request.body() else {}
            return JSONResponse(await control(body))
        except (ValueError, KeyError, RuntimeError) as problem:
            return JSONResponse({"error": f"{type(problem).__name__}: {problem}"}, 400)

    return Route(path, answer, methods=[method])
