"""The calls by which clients book at YCLIENTS' stand-in, with the developer's token alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import json_of
from simulators.yclients.answers import envelope, error, one
from simulators.yclients.front import CATEGORY, CODE, FORM, No, midnight
from simulators.yclients.salon import COMPANY, as_told

if TYPE_CHECKING:
    from simulators.yclients.simulator import Yclients

PARTNER_TOKEN = "partner-token-for-tests"


class Booking:
    """Routes over a salon's front."""

    def __init__(self, salon: Yclients) -> None:
        self._salon = salon

    def routes(self, api: str) -> Sequence[BaseRoute]:
        """All of them."""
        company = f"{api}/{{}}/{{{{company:int}}}}"
        return [
            Route(company.format("book_services"), self._services, methods=["GET"]),
            Route(company.format("book_staff"), self._staff, methods=["GET"]),
            Route(company.format("book_dates"), self._dates, methods=["GET"]),
            Route(f"{company.format('book_times')}/{{staff:int}}/{{day}}", self._times, methods=["GET"]),
            Route(company.format("book_code"), self._code, methods=["POST"]),
            Route(company.format("book_record"), self._book, methods=["POST"]),
            Route(f"{company.format('book_record')}/{{id:int}}", self._move, methods=["PUT"]),
            Route(f"{company.format('book_record')}/{{id:int}}/{{hash}}", self._own, methods=["GET"]),
            Route(f"{api}/user/records/{{id:int}}/{{hash}}", self._cancel, methods=["DELETE"]),
            Route(f"{api}/bookform/{{id:int}}", self._form, methods=["GET"]),
        ]

    async def _services(self, request: Request) -> Response:
        content = {"events": [], "services": self._salon.front.services, "category": [CATEGORY]}
        return self._refused(request) or envelope(request, content)

    async def _staff(self, request: Request) -> Response:
        return self._refused(request) or envelope(request, self._salon.front.masters)

    async def _dates(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        query, front = request.query_params, self._salon.front
        first, last = date.fromisoformat(query["date_from"]), date.fromisoformat(query["date_to"])
        days = front.days(int(query.get("staff_id", "0")), first, last)
        by_month: dict[str, list[str]] = {}
        for day in days:
            by_month.setdefault(str(day.month), []).append(str(day.day))
        listed: list[Any] = [midnight(day) if front.unix else day.isoformat() for day in days]
        content = {"booking_days": by_month or [], "booking_dates": listed, "working_days": [], "working_dates": []}
        return envelope(request, content)

    async def _times(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        wanted = request.query_params.getlist("service_ids[]")
        known = {str(each["id"]) for each in self._salon.front.services}
        times = self._salon.front.times(request.path_params["staff"], date.fromisoformat(request.path_params["day"]))
        return envelope(request, times if set(wanted) <= known else [])

    async def _code(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        phone = json_of(await request.body()).get("phone")
        self._salon.record("code", to=phone, text=CODE)
        return envelope(request, None, 201, {"message": "Created"})

    async def _book(self, request: Request) -> Response:
        body = await request.body()
        if refused := self._refused(request):
            return refused

        def act() -> Response:
            wanted = json_of(body)
            id_, hash_ = self._salon.front.book(wanted, self._salon.clock())
            record = self._salon.salon.records[id_]
            self._salon.record("booked", id=id_, mark=record["api_id"], staff=record["staff_id"], at=record["date"])
            self._tell("create", record)
            return envelope(request, [{"id": 1, "record_id": id_, "record_hash": hash_}], 201)

        return self._answered(act)

    async def _move(self, request: Request) -> Response:
        body = await request.body()
        if refused := self._refused(request):
            return refused

        def act() -> Response:
            spelled, id_ = json_of(body).get("datetime"), request.path_params["id"]
            record = self._salon.front.move(id_, spelled, self._salon.clock())
            self._salon.record("moved", id=id_, to=record["date"])
            self._tell("update", record)
            return envelope(request, record)

        return self._answered(act)

    async def _own(self, request: Request) -> Response:
        found = self._salon.salon.records.get(request.path_params["id"])
        return self._refused(request) or one(request, found if self._is_own(request) else None)

    async def _cancel(self, request: Request) -> Response:
        if refused := self._not_known(request):
            return refused
        found = self._salon.salon.records.get(request.path_params["id"])
        if found is None or found["deleted"] or not self._is_own(request):
            return one(request, None)
        self._salon.cancelled(found["id"])
        return Response(status_code=200)

    async def _form(self, request: Request) -> Response:
        settings = {"company_id": COMPANY, "phone_confirmation": self._salon.front.phone_confirmation}
        return self._not_known(request) or one(request, settings if request.path_params["id"] == FORM else None)

    def _is_own(self, request: Request) -> bool:
        return bool(self._salon.front.hashes.get(request.path_params["id"]) == request.path_params["hash"])

    def _not_known(self, request: Request) -> Response | None:
        if refused := self._salon.throttled():
            return refused
        if not self._salon.admits(request.headers.get("authorization", ""), f"Bearer {PARTNER_TOKEN}"):
            return error(401, "Необходима авторизация")
        return None

    def _refused(self, request: Request) -> Response | None:
        if refused := self._not_known(request):
            return refused
        if request.path_params["company"] != COMPANY:
            return error(403, "Доступ запрещен.")
        if not self._salon.licence_paid:
            return error(402, f"Необходимо продлить лицензию в филиале с id: {COMPANY}")
        return None

    def _answered(self, act: Callable[[], Response]) -> Response:
        try:
            return act()
        except No as no:
            return error(no.status, "Произошла ошибка" if no.errors else "", no.errors)

    def _tell(self, status: str, record: dict[str, Any]) -> None:
        self._salon.in_background(self._salon.tell(self._salon.event("record", record["id"], status, as_told(record))))
