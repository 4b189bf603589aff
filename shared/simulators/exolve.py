"""MTS Exolve's stand-in: SendSMS, GetList, GetCount, and events without a signature.

As far as is known: HTTP 200 without `message_id` is no success; errors come in three forms; enums are words in
events and numbers in GetList (which number means what is nobody's knowledge, so these are made up); a wrong address
answers in plain text. There is no client id: a repeat is a second message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of

KEY = "exolve-key-for-tests"
APPLICATION = "3f0a4c1e-0000-4000-8000-000000000001"
FIRST_ID = 439166538239448536
"""Beyond 2^53: whoever reads ids as floating numbers loses their ends."""

NUMBERS = {"DIRECTION_INCOMING": 1, "DIRECTION_OUTGOING": 2, "DELIVERY_STATUS_SENT": 2, "DELIVERY_STATUS_DELIVERED": 3}


class Exolve(Simulator):
    """One application. Every message taken is an effect `message` {id, to, text, sender}."""

    vendor = "exolve"
    settings = ("senders", "refusals", "form", "hook", "final", "ahead")

    def reset(self) -> None:
        self.senders = ["79990000010", "MyBrand", "KOFE"]
        """Numbers and names bound to the application; the first is used where none is given."""
        self.refusals: dict[str, str] = {}
        """Recipient, or `*` for everybody -> what the error says."""
        self.form = "nested"
        """Of errors: `nested`, `flat` or `message`."""
        self.hook: str | None = None
        """Where events go (the cabinet's setting of the number)."""
        self.final: str | None = "DELIVERED"
        """The status that every message gets by itself once there is a hook; None: none."""
        self.messages: list[dict[str, Any]] = []

    # The API

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/messaging/v1/{method}", self._call, methods=["POST"]),
            Route("/{path:path}", self._nothing, methods=["GET", "POST"]),
        ]

    async def _nothing(self, request: Request) -> Response:
        return PlainTextResponse("404 page not found\n", 404)

    async def _call(self, request: Request) -> Response:
        methods = {"SendSMS": self._send, "GetList": self._list, "GetCount": self._count}
        method = methods.get(request.path_params["method"])
        if method is None:
            return await self._nothing(request)
        if not self.admits(request.headers.get("authorization", "").removeprefix("Bearer "), KEY):
            return self._error(401, "incorrect authorization token")
        return method(json_of(await request.body()))

    def _error(self, status: int, said: str) -> Response:
        forms: dict[str, dict[str, Any]] = {
            "nested": {"error": {"message": said}}, "flat": {"error": said}, "message": {"message": said},
        }  # fmt: skip
        return JSONResponse(forms[self.form], status)

    def _send(self, wanted: dict[str, Any]) -> Response:
        to, text, sender = str(wanted.get("destination", "")), wanted.get("text"), wanted.get("number", self.senders[0])
        if not re.fullmatch(r"7\d{10}", to) or not text:
            return self._error(400, "incorrect number format")
        if sender not in self.senders:
            return self._error(400, "number is not found on the application")
        told = self.refusals.get(to, self.refusals.get("*"))
        if told is not None:
            return JSONResponse({}) if told == "" else self._error(400, told)
        message = self._kept("DIRECTION_OUTGOING", number=sender, sender=sender, receiver=to, text=text)
        self.record("message", id=message["message_id"], to=to, text=text, sender=sender)
        if self.final is not None and self.hook is not None:
            self.in_background(self._tell_all(message))
        return JSONResponse({"message_id": message["message_id"]})

    def _kept(self, direction: str, **content: str) -> dict[str, Any]:
        message = {
            "message_id": str(FIRST_ID + len(self.messages)), "application_uuid": APPLICATION, "date": self.now(),
            **content, "direction": direction, "segments_count": 1, "billing_status": 1,
            "delivery_status": "DELIVERY_STATUS_SENT", "channel": "CHANNEL_SMS", "status": "STATUS_SENT",
        }  # fmt: skip
        self.messages.append(message)
        return message

    def _list(self, wanted: dict[str, Any]) -> Response:
        found = [self._listed(one) for one in self._filtered(wanted)]
        begin = int(wanted.get("offset", 0))
        return JSONResponse({"messages": found[begin : begin + min(int(wanted.get("limit", 100)), 2000)]})

    def _count(self, wanted: dict[str, Any]) -> Response:
        return JSONResponse({"count": str(len(self._filtered(wanted)))})

    def _filtered(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        since = datetime.fromisoformat(wanted["date_gte"]).timestamp() if wanted.get("date_gte") else 0.0
        return [
            one for one in self.messages
            if one["date"] >= since and wanted.get("number", one["number"]) == one["number"]
            and wanted.get("message_id", one["message_id"]) == one["message_id"]
        ]  # fmt: skip

    def _listed(self, message: dict[str, Any]) -> dict[str, Any]:
        numbers = {
            name: NUMBERS.get(message[name], 9) for name in ("direction", "delivery_status", "status", "channel")
        }
        return {**message, **numbers, "date": _iso(message["date"])}

    # Events

    def event(self, message: dict[str, Any], delivery: str, status: str | None = None) -> dict[str, Any]:
        """An event about a message, which is in that state from now on."""
        message["delivery_status"], message["status"] = f"DELIVERY_STATUS_{delivery}", f"STATUS_{status or delivery}"
        return {**message, "event_id": message["direction"], "date": _iso(self.now())}

    async def _tell_all(self, message: dict[str, Any]) -> None:
        assert self.hook is not None
        for word in ("SENT", self.final or ""):
            await self._post(self.hook, self.event(message, word), tries=3)

    async def _post(self, url: str, content: dict[str, Any], tries: int = 1) -> list[int]:
        body = json.dumps(content, ensure_ascii=False).encode()
        return await self.send_hooks(url, [(body, {"content-type": "application/json"})], tries=tries)

    # Controls

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/event", self._control_event, methods=["POST"]),
            Route("/incoming", self._control_incoming, methods=["POST"]),
        ]

    async def _control_event(self, request: Request) -> Response:
        """`{"id", "delivery": "DELIVERED", "status": "UNDERFUNDED", "hook": url}`; without `hook` to the setting's."""
        told = json_of(await request.body())
        message = next(one for one in self.messages if one["message_id"] == told["id"])
        content = self.event(message, told["delivery"], told.get("status"))
        return JSONResponse({"sent": await self._post(told.get("hook") or str(self.hook), content)})

    async def _control_incoming(self, request: Request) -> Response:
        """`{"from": "79991234567", "text", "hook": url}`: somebody writes."""
        told, ours = json_of(await request.body()), self.senders[0]
        message = self._kept("DIRECTION_INCOMING", number=ours, sender=told["from"], receiver=ours, text=told["text"])
        content = {**message, "status": "STATUS_RECEIVED", "date": _iso(self.now())}
        del content["delivery_status"]
        return JSONResponse({"sent": await self._post(told.get("hook") or str(self.hook), content)})


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


SIMULATOR = Exolve
