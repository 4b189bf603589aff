"""iiko's stand-in behind HTTP: the API under `/iiko`, controls under `/_sim/iiko`.

POST   orders?count=1&batch=1&drop=0   an order or a list of them, see `Told`: created, or changed when found
                                       by `id` or by `kind` and `number`; `count` copies of one (numbers and
                                       phones counting up), `batch` events a webhook, `drop` of the events lost
POST   webhook {uri, token?, login?, organization?}   registers it as by hand in iikoWeb, all filters on
POST   clock {now?}                    makes the clock stand at a time, or run
DELETE tokens                          makes all tokens expire
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of
from simulators.iiko import api
from simulators.iiko.bodies import BODIES, body_of
from simulators.iiko.orders import Told
from simulators.iiko.world import EVERYTHING, ORGANIZATION, Happened, Hook, Refusal, World

SIGN_IN = ("/api/1/access_token", "/api/v2/access_token")
LOGIN = "api-login-for-tests"


class IikoSimulator(Simulator):
    """One restaurant behind iikoCloud API. Every method is a POST."""

    vendor = "iiko"
    world: World

    def reset(self) -> None:
        self.world = World()

    def routes(self) -> Sequence[BaseRoute]:
        return [Route(path, self._answer, methods=["POST"]) for path in BODIES]

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/orders", self._tell_orders, methods=["POST"]),
            Route("/webhook", self._by_hand, methods=["POST"]),
            Route("/clock", self._set_clock, methods=["POST"]),
            Route("/tokens", self._expire_tokens, methods=["DELETE"]),
        ]

    # The API

    async def _answer(self, request: Request) -> Response:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        try:
            answered = self._done(path, await request.body(), request.headers.get("authorization", ""))
        except Refusal as refusal:
            said = {"errorDescription": refusal.description, "error": refusal.error}
            return JSONResponse({"correlationId": self.world.identifier(), **said}, refusal.status)
        if answered.happened is not None:
            await self._send([answered.happened], 1, 0)
        if "state" in answered.content:
            return JSONResponse(answered.content)
        return JSONResponse({"correlationId": self.world.identifier(), **answered.content})

    def _done(self, path: str, raw: bytes, authorization: str) -> api.Answered:
        """The token is looked at before the body, as iiko does."""
        if path in SIGN_IN:
            answered = api.sign_in(self.world, path, body_of(path, raw))
            self.record("token", version=2 if path == SIGN_IN[1] else 1)
            return answered
        credentials = self.world.credentials_of(authorization)
        body = body_of(path, raw)
        answered = api.METHODS[path](self.world, body, credentials)
        if path.endswith("/update_settings"):
            self.record("webhook registered", organization=body["organizationId"])
        for what, order, sum_ in self.world.did:
            self.record(what, order=order, **({"sum": sum_} if sum_ is not None else {}))
        self.world.did.clear()
        if answered.happened is not None and "deliveryStatus" in body:
            self.record("status set", order=body["orderId"], status=body["deliveryStatus"])
        return answered

    # Controls

    async def _tell_orders(self, request: Request) -> Response:
        try:
            content = await request.json()
            count, batch, drop = (int(request.query_params.get(*usual)) for usual in _OPTIONS.items())
            told = [Told(**one) for one in (content if isinstance(content, list) else [content])]
            if len(told) == 1 and count > 1:
                told = _copies(told[0], count)
            happened = [self.world.tell(one) for one in told]
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        lost, statuses = await self._send(happened, max(batch, 1), drop)
        orders = [
            {"id": h.thing.id, "number": h.thing.number, "kind": h.thing.kind, "status": h.thing.status,
             "revision": h.thing.revision}
            for h in happened
        ]  # fmt: skip
        return JSONResponse({"orders": orders, "dropped": [h.thing.id for h in lost], "hooks": statuses})

    async def _by_hand(self, request: Request) -> Response:
        given = json_of(await request.body())
        if not isinstance(given.get("uri"), str):
            return JSONResponse({"error": "expected uri, and if you like token, login, organization"}, 400)
        owner = (given.get("login", LOGIN), given.get("organization", ORGANIZATION))
        self.world.hooks[owner] = Hook(given["uri"], given.get("token"), EVERYTHING)
        return JSONResponse({"registered": owner})

    async def _set_clock(self, request: Request) -> Response:
        now = json_of(await request.body()).get("now")
        self.world.standing = datetime.fromisoformat(now).astimezone(UTC) if now else None
        return JSONResponse({"now": self.world.now().isoformat()})

    async def _expire_tokens(self, request: Request) -> Response:
        self.world.expire_tokens()
        return JSONResponse({"expired": len(self.world.tokens)})

    # Webhooks

    async def _send(self, happened: list[Happened], batch: int, drop: int) -> tuple[list[Happened], list[int]]:
        """Tell every registered webhook that wants it: what was lost on the way, and how each was answered."""
        lost = self.chance.sample(happened, min(drop, len(happened)))
        left = [one for one in happened if not any(one is each for each in lost)]
        statuses: list[int] = []
        for (_, organization), hook in self.world.hooks.items():
            told = [
                self.world.event(one.thing, hook.keys())
                for one in left
                if one.thing.organization == organization and hook.wants(one.thing, one.entered)
            ]
            bodies = [_body(told[start : start + batch]) for start in range(0, len(told), batch)]
            headers = {"Content-Type": "application/json; charset=utf-8"}
            if hook.token is not None:
                headers["Authorization"] = hook.token
            statuses += await self.send_hooks(hook.uri, [(body, headers) for body in bodies])
        return lost, statuses


_OPTIONS: dict[str, Any] = {"count": 1, "batch": 1, "drop": 0}


def _copies(told: Told, count: int) -> list[Told]:
    """As many orders of one making, each with a number and a phone of its own."""
    made = []
    for index in range(count):
        changes = {**vars(told), "id": None}
        if told.number is not None:
            changes["number"] = told.number + index
        changes["phone"] = _counted(told.phone or "+79991000000", index)
        made.append(Told(**changes))
    return made


def _counted(phone: str, index: int) -> str:
    return re.sub(r"\d+$", lambda tail: str(int(tail[0]) + index).zfill(len(tail[0])), phone)


def _body(events: list[dict[str, Any]]) -> bytes:
    """iiko sends compact JSON in UTF-8, an array even of one."""
    return json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode()
