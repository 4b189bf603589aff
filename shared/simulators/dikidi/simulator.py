"""DIKIDI's widget as its own page calls it, pieced together from the programs that others wrote for it.

Whoever doesn't look like a browser gets a page of the bot protection, and a call without `X-Requested-With` is told
that it is no AJAX; errors come in every form that was seen; empty maps are `[]`; a time is given away in one step; a
hold left alone goes by itself. Where nothing is known, it is as unhelpful as may be: a session can't take a time that
it holds itself, and a booking is shown and removed only within its session.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of
from simulators.dikidi.office import Office
from simulators.dikidi.salon import CLOCK, COMPANY, MASTERS, SERVICES, Booking, Salon, booked, catalogue, held

CODE = "1234"
NOT_AJAX = "Это не AJAX запрос"
BUSY = "Выбранное время уже занято"
GONE = "Время бронирования истекло, выберите время заново"
NEEDS_CODE = "Введите код подтверждения из SMS"
PROTECTION = "<html><head><title>Just a moment...</title></head><body>DDoS-Guard</body></html>"

Handler = Callable[[Request], Awaitable[Response]]


class Dikidi(Simulator):
    """One salon. Effects: `hold`, `hold_cleared`, `booking` {id, to, phone, master, services, time, comment},
    `cancelled` {id}, `code` {to}."""

    vendor = "dikidi"
    settings = ("protection", "session_in", "moved", "changed", "sms", "error_form", "refusals", "ahead")

    def __init__(self) -> None:
        super().__init__()
        self.office = Office(self)

    def reset(self) -> None:
        self.salon = Salon()
        if hasattr(self, "office"):
            self.office.clear()
        self.protection: int | None = None
        """The status with which the bot protection answers everybody."""
        self.session_in = "options"
        """Where a session is to be had: `options`, or the `page` only."""
        self.moved: tuple[str, ...] = ()
        """Calls, by the last part of their path, that are found no more."""
        self.changed: tuple[str, ...] = ()
        """Calls whose answers hold none of the keys that they used to."""
        self.sms = False
        """Whether a booking must be confirmed by a code from an SMS."""
        self.error_form = "number"
        """Of refusals: `number` beside `message`, `text` in `error`, or `object` with `code`."""
        self.refusals: dict[str, str] = {}
        """Last part of a path -> what it is refused with, whatever is asked."""
        self.confirmed: set[tuple[str, str]] = set()
        self._sessions = 0

    def number_from(self, first: int) -> None:
        self.salon.number_from(first)

    # The widget

    def routes(self) -> Sequence[BaseRoute]:
        calls: dict[str, tuple[Handler, str]] = {
            "/mobile/ajax/newrecord/company_services": (self._services, "GET"),
            "/ru/mobile/ajax/newrecord/project_options": (self._options, "GET"),
            "/ru/ajax/newrecord/to_master_get_masters": (self._masters, "GET"),
            "/ru/ajax/newrecord/get_dates_true": (self._dates, "GET"),
            "/ru/ajax/newrecord/get_datetimes": (self._times, "GET"),
            "/ru/mobile/ajax/newrecord/get_datetimes": (self._times, "GET"),
            "/ru/ajax/newrecord/time_reservation": (self._reserve, "GET"),
            "/ru/ajax/newrecord/time_reservation_clear": (self._clear, "GET"),
            "/ru/mobile/newrecord/check": (self._check, "POST"),
            "/ru/ajax/newrecord/send_code": (self._send_code, "GET"),
            "/ru/ajax/newrecord/check_code": (self._check_code, "GET"),
            "/ru/ajax/newrecord/record": (self._record, "POST"),
            "/ru/ajax/newrecord/records_info": (self._info, "GET"),
            "/ru/mobile/ajax/newrecord/records_info": (self._info, "GET"),
            "/ru/mobile/newrecord/remove_record": (self._remove, "GET"),
        }
        return [
            *(Route(f"{path}/", self._guarded(handler), methods=[method]) for path, (handler, method) in calls.items()),
            Route("/{company:int}", self._page, methods=["GET"]),
            *self.office.routes(),
            Route("/{path:path}", self._nothing, methods=["GET", "POST"]),
        ]

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/take", self._control_take, methods=["POST"]),
            Route("/bookings", self._control_bookings, methods=["GET"]),
            Route("/save", self._control_save, methods=["POST"]),
            Route("/remove", self._control_remove, methods=["POST"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            name = request.url.path.rstrip("/").rpartition("/")[2]
            if refused := self.protected(request):
                return refused
            if name in self.moved:
                return await self._nothing(request)
            if request.headers.get("x-requested-with") != "XMLHttpRequest":
                return JSONResponse({"error": NOT_AJAX})
            if name in self.refusals:
                return self._refusal(self.refusals[name])
            if name in self.changed:
                return JSONResponse({"result": {}})
            asked = {**request.query_params}
            company = asked.get("company_id", asked.get("company", COMPANY))
            return self._refusal("COMPANY_ERROR") if company != COMPANY else await handler(request)

        return answer

    def protected(self, request: Request) -> Response | None:
        """The bot protection's page, or None."""
        if self.protection is not None:
            return HTMLResponse(PROTECTION, self.protection)
        return (
            None if request.headers.get("user-agent", "").startswith("Mozilla/5.0") else HTMLResponse(PROTECTION, 403)
        )

    def _refusal(self, said: str) -> Response:
        """No, in one of the forms that were seen. A word in capitals is a code."""
        code = said if re.fullmatch(r"[A-Z_]+", said) else None
        forms: dict[str, Any] = {
            "number": {"error": code or 1, "message": said}, "text": {"error": code or said, "message": said},
            "object": {"error": {"code": code or 1, "message": said}},
        }  # fmt: skip
        return JSONResponse(forms[self.error_form])

    async def _nothing(self, request: Request) -> Response:
        return self.protected(request) or HTMLResponse("<html>Страница не найдена</html>", 404)

    async def _page(self, request: Request) -> Response:
        """The page that the widget lives in; its script holds the session."""
        if refused := self.protected(request):
            return refused
        if str(request.path_params["company"]) != COMPANY:
            return await self._nothing(request)
        session = self._session()
        page = HTMLResponse(f'<html><script>var app={{"client":{{"id":0,"session":"{session}"}}}};</script></html>')
        page.set_cookie("session", session)
        return page

    def _session(self) -> str:
        self._sessions += 1
        return hashlib.sha1(f"session {self._sessions}".encode()).hexdigest()

    # Reads

    async def _options(self, request: Request) -> Response:
        session = {"session": self._session()} if self.session_in == "options" else {}
        return _data({"id": COMPANY, "name": "Салон на Тверской", "address": "Тверская, 1", **session})

    async def _services(self, request: Request) -> Response:
        currency = {"id": "1", "title": "Рубль", "abbr": "₽", "iso": "RUB"}
        return _data(
            {"list": catalogue(self.salon.services, request.query_params.get("array") == "1"), "currency": currency}
        )

    async def _masters(self, request: Request) -> Response:
        found = {
            id_: {"id": id_, "username": name, "image": "", "post": post}
            for id_, (name, post) in self.salon.masters.items()
        }
        return JSONResponse({"masters": found or []})

    async def _dates(self, request: Request) -> Response:
        asked = request.query_params
        services = _services_of(asked.getlist("services_id[]"))
        if services is None:
            return self._refusal("Specialist not found")
        since, until = (datetime.strptime(asked[name], "%Y-%m-%d").date() for name in ("date_from", "date_to"))
        days = self.salon.days(asked.get("master_id") or None, services, since, until, self._now())
        return JSONResponse({"dates_true": [day.isoformat() for day in days]})

    async def _times(self, request: Request) -> Response:
        """With `with_first` the next day that has a free time is shown where the one asked for has none."""
        asked = request.query_params
        services = _services_of(asked.getlist("service_id[]"))
        master = asked.get("master_id") or None
        if services is None or (master is not None and master not in MASTERS):
            return self._refusal("Specialist not found")
        now = self._now()
        day = datetime.strptime(asked["date"], "%Y-%m-%d").date() if asked.get("date") else now.date()
        near = self.salon.days(master, services, day, day + timedelta(days=14), now)
        shown = near[0] if near and asked.get("with_first") == "1" else day
        masters = [master] if master else self.salon.masters_of(services)
        free = {one: self.salon.free(one, services, shown, now) for one in masters}
        times = {one: [at.strftime(CLOCK) for at in found] for one, found in free.items() if found}
        first = SERVICES[services[0]]
        who = {
            one: {
                "id": one, "username": MASTERS[one][0], "service_name": first.name, "cost": first.cost,
                "time": str(first.minutes), "price": first.price,
            }
            for one in times
        }  # fmt: skip
        days = [one.isoformat() for one in near]
        nearest = days[0] if days else None
        return _data(
            {
                "masters": who or [], "times": times or [], "dates_true": days, "date_near": nearest,
                "first_date_true": nearest, "warning": "",
            }
        )  # fmt: skip

    # Booking

    async def _reserve(self, request: Request) -> Response:
        asked = request.query_params
        services, master = _services_of(asked.getlist("services_id[]")), asked.get("master_id", "")
        if services is None or master not in self.salon.masters_of(services):
            return self._refusal("Specialist not found")
        at = datetime.strptime(asked["time"], CLOCK)
        got = self.salon.hold(asked.get("session", ""), master, services, at, self._now())
        if got is None:
            return self._refusal(BUSY)
        self.record("hold", id=got.id, master=master, time=asked["time"])
        minutes = int((got.ends - got.starts).total_seconds() // 60)
        return JSONResponse({"record_id": int(got.id), "master_id": master, "duration_string": f"{minutes} мин"})

    async def _clear(self, request: Request) -> Response:
        for id_ in self.salon.let_go(request.query_params.get("session", "")):
            self.record("hold_cleared", id=id_)
        return JSONResponse({"error": 0})

    async def _check(self, request: Request) -> Response:
        form = _form(await request.body())
        return self._wrong(form) or JSONResponse({"error": 0})

    def _wrong(self, form: dict[str, str]) -> Response | None:
        if not re.fullmatch(r"\d{10,15}", form.get("phone", "")):
            return self._refusal("Неверный номер телефона")
        return None if form.get("first_name") else self._refusal("Укажите имя")

    async def _send_code(self, request: Request) -> Response:
        self.record("code", to=request.query_params.get("phone"))
        return JSONResponse({"status": "success"})

    async def _check_code(self, request: Request) -> Response:
        asked = request.query_params
        if asked.get("code") != CODE:
            return JSONResponse({"status": "error", "message": "Неверный код"})
        self.confirmed.add((asked.get("session", ""), asked.get("phone", "")))
        return JSONResponse({"status": "ok"})

    async def _record(self, request: Request) -> Response:
        form = _form(await request.body())
        session, phone = request.query_params.get("session", ""), form.get("phone", "")
        if wrong := self._wrong(form):
            return wrong
        if self.sms and (session, phone) not in self.confirmed and form.get("code") != CODE:
            return self._refusal(NEEDS_CODE)
        waiting = self.salon.held_by(session, self._now())
        if not waiting:
            return self._refusal(GONE)
        for one in waiting:
            one.until, one.status, one.client = None, "1", form
            self.record(
                "booking", id=one.id, to=phone, phone=phone, master=one.master, services=list(one.services),
                time=one.starts.strftime(CLOCK), name=form.get("name"), comment=form.get("comments"),
            )  # fmt: skip
        return JSONResponse({"bookings": [booked(one) for one in waiting]})

    async def _info(self, request: Request) -> Response:
        """What of these records this session may see, held ones too."""
        asked = request.query_params
        seen = [found for id_ in asked.getlist("record_id_list[]") if (found := self._seen(id_, asked.get("session")))]
        if "/mobile/" not in request.url.path:
            return JSONResponse({"bookings": [booked(one) for one in seen if not one.is_hold]})
        shown = {one.id: {"record": held(one) if one.is_hold else booked(one)} for one in seen}
        return _data(shown or [])

    def _seen(self, id_: str, session: str | None) -> Booking | None:
        found = self.salon.bookings.get(id_)
        if found is None or found.session != session or (found.until is not None and found.until <= self._now()):
            return None
        return found

    async def _remove(self, request: Request) -> Response:
        asked = request.query_params
        found = self._seen(asked.get("id", ""), asked.get("session"))
        if found is None or found.is_hold or found.status == "4":
            return self._refusal("Запись не найдена")
        found.status = "4"
        self.record("cancelled", id=found.id)
        return JSONResponse({"error": 0, "record": {"_sale": None, "allowModify": True}})

    # Controls

    async def _control_take(self, request: Request) -> Response:
        """`{master, service, time}`, and if you like `name`, `phone`: somebody books by telephone."""
        told = json_of(await request.body())
        at = datetime.strptime(told["time"], CLOCK)
        taken = self.salon.take(told["master"], [told["service"]], at)
        taken.client = {name: told[name] for name in ("name", "phone") if name in told}
        return JSONResponse(booked(taken))

    async def _control_save(self, request: Request) -> Response:
        """`{id, status, came, time, master}`: the administrator changes a visit in the journal."""
        told = json_of(await request.body())
        one = self.salon.bookings[told["id"]]
        one.status, one.came = told.get("status", one.status), told.get("came", one.came)
        one.master = told.get("master", one.master)
        if "time" in told:
            long = one.ends - one.starts
            one.starts = datetime.strptime(told["time"], CLOCK)
            one.ends = one.starts + long
        return JSONResponse(booked(one))

    async def _control_remove(self, request: Request) -> Response:
        """`{ids}`: the administrator takes visits out of the journal."""
        for id_ in json_of(await request.body())["ids"]:
            del self.salon.bookings[id_]
        return JSONResponse({})

    async def _control_bookings(self, request: Request) -> Response:
        return JSONResponse([booked(one) for one in self.salon.bookings.values() if not one.is_hold])

    def _now(self) -> datetime:
        """The salon's own clock, without an offset."""
        return datetime.fromtimestamp(self.now(), ZoneInfo(self.salon.zone)).replace(tzinfo=None)


def _data(content: Any) -> Response:
    return JSONResponse({"error": {"code": 0, "message": None}, "data": content})


def _services_of(ids: Sequence[str]) -> list[str] | None:
    return list(ids) if ids and all(one in SERVICES for one in ids) else None


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}


SIMULATOR = Dikidi
