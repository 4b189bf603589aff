"""What amoCRM's API answers with: HAL+JSON, pages, refusals with the place of each mistake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.amocrm.cards import Card
from simulators.amocrm.saving import Complaint

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


def refused(status: int, **more: Any) -> Response:
    title, detail = TITLES[status]
    body = {"title": title, "type": f"https://httpstatus.es/{status}", "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def invalid(wrong: Sequence[tuple[int, Sequence[Complaint]]]) -> Response:
    """The whole batch is refused for what is wrong with some of it."""
    told = [
        {
            "request_id": str(place),
            "errors": [{"code": code, "path": path, "detail": detail} for code, path, detail in complaints],
        }
        for place, complaints in wrong
    ]
    return refused(400, **{"validation-errors": told})


def hal(body: Any) -> Response:
    """A good answer."""
    return JSONResponse(body, media_type=HAL)


def page_of(kind: str, found: list[Card], request: Request, most: int) -> Response:
    """One page of a list; nothing at all is a 204."""
    limit, page = int(request.query_params.get("limit", 50)), int(request.query_params.get("page", 1))
    if limit > most:
        return refused(422, detail=f"Limit {most} per page")
    shown = found[(page - 1) * limit : page * limit]
    if not shown:
        return Response(status_code=204)
    links = {"self": {"href": str(request.url)}}
    if len(found) > page * limit:
        links["next"] = {"href": str(request.url.include_query_params(page=page + 1))}
    return hal({"_page": page, "_links": links, "_embedded": {kind: shown}})


async def batch_of(request: Request, most: int = 250) -> list[Any] | Response:
    """The elements of a POST, or why they aren't taken."""
    try:
        given = await request.json()
    except ValueError:
        given = None
    if not isinstance(given, list) or not given:
        return refused(400, detail="Request data can not be empty")
    return refused(422) if len(given) > most else given
