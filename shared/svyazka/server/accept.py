"""The accepting process: every webhook function at the paths that the cloud gives them, as plain ASGI."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from svyazka.connectors.registry import CALLS_US, FRONT_DOOR
from svyazka.door.front import FrontDoor
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import Receiver, problem
from svyazka.engine.ports.asking import WorkerAsked
from svyazka.engine.ports.clock import Clock
from svyazka.engine.ports.store import Door
from svyazka.engine.security.keyring import Keyring
from svyazka.engine.support.logs import log, where
from svyazka.server.health import Health
from svyazka.way_in import receiver_for

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PATH = re.compile(r"\A/+(?:webhook_([a-z0-9]+)|(?:api/)?webhook/([a-z0-9]+))(?:[^\w/-][^/]*)?(?:/[^/]*)?/*$")
"""`/webhook_iiko`, `/webhook/iiko` and `/api/webhook/iiko`; a key may follow, and a careless `&key=`."""

_DOOR = re.compile(r"\A/+(?:api/+)?ingest(?:/|\Z)")
"""`/ingest/lead` and its like: the front door."""

_NAME = re.compile(r"/*([\w-]{0,40})", re.ASCII)

SHOWN_OUT = "shown_out"
"""In a request's state: we ended it ourselves, which is said elsewhere."""


class CallerLeft(Exception):
    """In the middle of its body: nobody is there to be answered, and nothing was taken."""


class AcceptApp:
    """ASGI application over any inbox."""

    def __init__(
        self, inbox: Door, keyring: Keyring, clock: Clock, worker: WorkerAsked | None = None, proxies: int = 0
    ) -> None:
        self._receivers: dict[str, Receiver] = {
            vendor: receiver_for(vendor, inbox, keyring, clock) for vendor in CALLS_US if vendor != FRONT_DOOR
        }
        self._door = FrontDoor(inbox, keyring, clock, worker, proxies)
        self._health = Health(inbox)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except CallerLeft:
            if SHOWN_OUT not in scope.get("state", ()):
                log("WARNING", "caller left", path=_function_of(scope))
            return
        except Exception as error:
            # Never a traceback to the outside, never a 200 for what isn't durable.
            log("CRITICAL", "accept failed", path=_function_of(scope), error=type(error).__name__, where=where(error))
            answer = problem(503, "Try again", "something of ours failed", {"Retry-After": "10"})
        headers = [(b"content-type", answer.content_type.encode()), (b"content-length", str(len(answer.body)).encode())]
        headers += [(key.lower().encode(), value.encode()) for key, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        match = _PATH.match(scope["path"])
        door = _DOOR.match(scope["path"])
        receiver = self._receivers.get(match[1] or match[2]) if match else None
        if receiver is None and door is None:
            if scope["path"] == "/health":
                return await self._health.answer()
            if scope["path"] == "/":
                return Answer(200, b'{"status":"ok"}')
            return problem(404, "No such function", "expected /webhook_<vendor>: `svyazka urls TENANT` prints them")
        head = RawRequest(scope["method"], scope["path"], scope["query_string"], scope["headers"], b"")

        async def read(limit: int) -> bytes | None:
            chunks: list[bytes] = []
            size = 0
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CallerLeft
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > limit:
                    return None
                chunks.append(chunk)
                if not message.get("more_body"):
                    if SHOWN_OUT in scope.get("state", ()):
                        raise CallerLeft
                    return b"".join(chunks)

        if receiver is not None:
            return await receiver.handle(head, read)
        return await self._door.handle(head, read, _peer(scope))


def _peer(scope: Scope) -> str:
    """The address of whoever is connected to us."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _function_of(scope: Scope) -> str:
    """What of a path may be logged: a key may follow the function's name."""
    match = _NAME.match(scope["path"])
    return match[1] if match else ""


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
