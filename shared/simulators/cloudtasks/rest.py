"""REST: the paths of cloudtasks.googleapis.com/v2, Google's certificates, the metadata server and our controls."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from simulators.cloudtasks.api import Api
from simulators.cloudtasks.codec import Json
from simulators.cloudtasks.controls import Controls
from simulators.cloudtasks.dispatcher import Dispatcher
from simulators.cloudtasks.errors import Code, Refused, invalid
from simulators.cloudtasks.metadata import MetadataServer
from simulators.cloudtasks.service import CloudTasks

LOCATION: Final = r"projects/[^/]+/locations/[^/]+"
QUEUE: Final = LOCATION + r"/queues/[^/:]+"
TASK: Final = QUEUE + r"/tasks/[^/:]+"

CALLS: Final = tuple(
    (verb, re.compile(f"({resource}){suffix}"), call)
    for verb, resource, suffix, call in (
        ("POST", LOCATION, "/queues", "create_queue"),
        ("GET", LOCATION, "/queues", "list_queues"),
        ("GET", QUEUE, "", "get_queue"),
        ("PATCH", QUEUE, "", "update_queue"),
        ("DELETE", QUEUE, "", "delete_queue"),
        ("POST", QUEUE, ":pause", "pause_queue"),
        ("POST", QUEUE, ":resume", "resume_queue"),
        ("POST", QUEUE, ":purge", "purge_queue"),
        ("POST", QUEUE, "/tasks", "create_task"),
        ("GET", QUEUE, "/tasks", "list_tasks"),
        ("GET", TASK, "", "get_task"),
        ("DELETE", TASK, "", "delete_task"),
        ("POST", TASK, ":run", "run_task"),
    )
)
"""https://cloud.google.com/tasks/docs/reference/rest, v2."""


def app(
    service: CloudTasks,
    dispatcher: Dispatcher,
    *,
    project: str = "loopback",
    email: str = "worker@loopback.iam.gserviceaccount.com",
    require_auth: bool = False,
) -> Starlette:
    """Everything on one port. `require_auth` asks API callers for an access token of our metadata server."""
    metadata = MetadataServer(service.signer, project=project, email=email)
    face = RestFace(Api(service), require_auth=require_auth)

    async def certificates(_request: Request) -> Response:
        return JSONResponse(service.signer.certificates())

    async def jwks(_request: Request) -> Response:
        return JSONResponse(service.signer.jwks())

    return Starlette(
        routes=[
            Route("/v2/{path:path}", face.answer, methods=["GET", "POST", "PATCH", "DELETE"]),
            Route("/oauth2/v1/certs", certificates),
            Route("/oauth2/v3/certs", jwks),
            Mount("/_sim/cloudtasks", routes=Controls(service, dispatcher).routes()),
            *metadata.routes(),
        ]
    )


class RestFace:
    """Turns requests into calls, and refusals into Google's error JSON."""

    def __init__(self, api: Api, *, require_auth: bool) -> None:
        self._api = api
        self._require_auth = require_auth

    async def answer(self, request: Request) -> Response:
        try:
            return JSONResponse(await self._call(request))
        except Refused as refused:
            return error(refused)

    async def _call(self, request: Request) -> Json:
        self._check_token(request.headers)
        path = request.path_params["path"]
        for verb, pattern, call in CALLS:
            if verb == request.method and (found := pattern.fullmatch(path)):
                body = await read_body(request)
                return await self._api.call(call, found[1], body, request.query_params)
        raise Refused(Code.NOT_FOUND, f"No such method: {request.method} /v2/{path}")

    def _check_token(self, headers: Mapping[str, str]) -> None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if self._require_auth and not (kind.lower() == "bearer" and self._api.service.signer.knows(token)):
            raise Refused(
                Code.UNAUTHENTICATED,
                "Request had invalid authentication credentials. Expected OAuth 2 access token.",
            )


async def read_body(request: Request) -> Json:
    """The JSON object of a request, {} when it has no body. Raises Refused."""
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        raise invalid("Invalid JSON payload received.") from None
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received. An object is expected.")
    return body


def error(refused: Refused) -> Response:
    """Google's error JSON: https://cloud.google.com/apis/design/errors#http_mapping."""
    status = refused.code.http_status
    return JSONResponse(
        {"error": {"code": status, "message": refused.message, "status": refused.code.name}}, status_code=status
    )
