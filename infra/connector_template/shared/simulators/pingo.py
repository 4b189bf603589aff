"""Pingo's stand-in: as strict as Pingo is, and with its way of saying no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator

KEY = "pingo-key-for-tests"
SECRET = "pingo-signing-secret-for-tests"  # [signed]


# [signed
def signed(body: bytes, secrets: Mapping[str, str]) -> dict[str, str]:
    """The headers by which a body is known to be Pingo's."""
    return {}


# signed]


class Pingo(Simulator):
    """One account."""

    vendor = "pingo"

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/{path:path}", self._not_written, methods=["GET", "POST"])]

    async def _not_written(self, request: Request) -> Response:
        return JSONResponse({"error": "the stand-in isn't written yet"}, 501)


SIMULATOR = Pingo
