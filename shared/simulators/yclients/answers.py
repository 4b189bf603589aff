"""YCLIENTS' envelope around every answer."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

ACCEPT = "application/vnd.yclients.v2+json"


def envelope(request: Request, data: Any, status: int = 200, meta: Any = None) -> Response:
    """What was asked for; in the older format for who doesn't ask for this one."""
    if request.headers.get("accept") != ACCEPT:
        return JSONResponse(data, status)
    return JSONResponse({"success": True, "data": data, "meta": [] if meta is None else meta}, status)


def one(request: Request, found: dict[str, Any] | None) -> Response:
    """An object, or that there is none."""
    if found is None:
        return JSONResponse({"success": False, "data": None, "meta": {}}, 404)
    return envelope(request, found)


def error(status: int, message: str, errors: Any = None) -> Response:
    """A failure."""
    meta = {"message": message, **({"errors": errors} if errors else {})}
    return JSONResponse({"success": False, "data": None, "meta": meta}, status)
