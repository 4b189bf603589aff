"""The metadata server that code on Google asks for its project and its tokens.

Paths and the `Metadata-Flavor` handshake: https://cloud.google.com/compute/docs/metadata/overview (doc).
Point google-auth at it with `GCE_METADATA_HOST=127.0.0.1:port`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulators.cloudtasks.oidc import LIFETIME, Signer

FLAVOR: Final = {"Metadata-Flavor": "Google"}
ROOT: Final = "/computeMetadata/v1"
Endpoint = Callable[[Request], Awaitable[Response]]
ACCOUNT: Final = ROOT + "/instance/service-accounts/{account}"


class MetadataServer:
    """One instance's metadata: a project, and a service account that is `default`."""

    def __init__(self, signer: Signer, *, project: str, email: str) -> None:
        self.signer = signer
        self.project = project
        self.email = email

    def routes(self) -> list[Route]:
        return [
            Route("/", self._guarded_text("computeMetadata/\n")),
            Route(f"{ROOT}/project/project-id", self._guarded_text(self.project)),
            Route(f"{ROOT}/universe/universe-domain", self._guarded_text("googleapis.com")),
            Route(f"{ACCOUNT}/email", self._guarded_text(self.email)),
            Route(f"{ACCOUNT}/token", self._token),
            Route(f"{ACCOUNT}/identity", self._identity),
            Route(ACCOUNT + "/", self._account),
        ]

    async def _token(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse(
            {"access_token": self.signer.access_token(), "expires_in": LIFETIME, "token_type": "Bearer"},
            headers=FLAVOR,
        )

    async def _identity(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        audience = request.query_params.get("audience")
        if not audience:
            return PlainTextResponse("non-empty audience parameter required", 400, FLAVOR)
        full = request.query_params.get("format") == "full"
        return PlainTextResponse(self.signer.id_token(self.email, audience, full=full), headers=FLAVOR)

    async def _account(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse(
            {"aliases": ["default"], "email": self.email, "scopes": ["https://www.googleapis.com/auth/cloud-platform"]},
            headers=FLAVOR,
        )

    def _guarded_text(self, text: str) -> Endpoint:
        async def answer(request: Request) -> Response:
            return self._refusal(request) or PlainTextResponse(text, headers=FLAVOR)

        return answer

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("Metadata-Flavor") != "Google":
            return PlainTextResponse("Missing Metadata-Flavor:Google header.", 403, FLAVOR)
        if request.path_params.get("account", "default") not in ("default", self.email):
            return PlainTextResponse("no such service account", 404, FLAVOR)
        return None
