"""YCLIENTS' API as it is documented, strict on headers and envelope, for there is no sandbox to learn it in.

Both tokens stand in one header, for what clients book by the developer's alone (`front.py`); a wrong one is 401, a
foreign salon 403, an unpaid licence 402; a salon may not open its webhooks (`hooks_settings`) to an integration. Over 5
requests a second or 200 a minute from one address is 429 without `Retry-After`. Each event is sent once, to every
address, and never again.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import Simulator, json_of
from simulators.yclients.answers import envelope, error, one
from simulators.yclients.booking import PARTNER_TOKEN, Booking
from simulators.yclients.clients import Clients
from simulators.yclients.front import Front
from simulators.yclients.salon import COMPANY, Salon, as_told, changed_since, clock, since_of

LOGIN, PASSWORD, CODE = "79990000001", "password-for-tests", "123456"
USER_TOKEN = "user-token-for-tests"
FLAGS = {
    "active": 1, "salon": 0, "service_category": 0, "service": 0, "good": 0, "master": 0, "client": 0, "record": 0,
    "goods_operations_sale": 0, "goods_operations_receipt": 0, "goods_operations_consumable": 0,
    "goods_operations_stolen": 0, "goods_operations_move": 0, "finances_operation": 0, "self_sending": 0,
}  # fmt: skip
FLAG_OF = {"staff": "master"}
"""`resource` of an event -> its flag, where they differ."""

UNAUTHORISED = "Необходима авторизация"
FORBIDDEN = "Доступ запрещен."
LICENCE = "Необходимо продлить лицензию в филиале с id: {}"


class Yclients(Simulator):
    """One salon, one developer, one user."""

    vendor = "yclients"
    settings = ("user_token", "rights", "licence_paid", "hooks_open", "clients_open", "a_second", "a_minute",
                "phones_masked", "hidden", "deaf", "cuts", "between", "seen_after")  # fmt: skip

    def reset(self) -> None:
        self.salon = Salon()
        self.front = Front(self.salon)
        self.user_token = USER_TOKEN
        self.two_factor = False
        self.rights = True
        self.licence_paid = True
        self.hooks_open = True
        self.clients_open = True
        self.hooks: dict[str, Any] = {"urls": [], **FLAGS}
        self.a_second, self.a_minute = 5, 200
        self.phones_masked = False
        self.hidden: list[str] = []
        """Keys of clients' cards that this user isn't shown."""
        self.deaf: list[str] = []
        """Keys that take nothing, without a word."""
        self.cuts: dict[str, int] = {}
        """Key -> the characters that it keeps."""
        self.categories = {7001: "Постоянный", 7002: "VIP"}
        self.between: list[dict[str, Any]] = []
        """What somebody saves into the next cards that are written, before anybody can look."""
        self.seen_after = 0.0
        """Seconds by which the search is behind."""
        self.clock: Callable[[], datetime] = lambda: datetime.fromtimestamp(self.now(), UTC)
        self._asked: deque[float] = deque()

    def routes(self) -> Sequence[BaseRoute]:
        api = "/api/v1"
        return [
            Route(f"{api}/auth", self._auth, methods=["POST"]),
            Route(f"{api}/companies", self._companies, methods=["GET"]),
            Route(f"{api}/records/{{company:int}}", self._records, methods=["GET"]),
            Route(f"{api}/record/{{company:int}}/{{id:int}}", self._record, methods=["GET", "PUT", "DELETE"]),
            Route(f"{api}/hooks_settings/{{company:int}}", self._hook_settings, methods=["GET", "POST"]),
            *Booking(self).routes(api),
            *Clients(self).routes(api),
        ]

    def controls(self) -> Sequence[BaseRoute]:
        return [
            Route("/record", self._control_record, methods=["POST"]),
            Route("/client", self._control_client, methods=["POST"]),
            Route("/remove", self._control_remove, methods=["POST"]),
            Route("/event", self._control_event, methods=["POST"]),
            Route("/front", self._control_front, methods=["POST"]),
        ]

    # The API

    async def _auth(self, request: Request) -> Response:
        """Login and password for the user's token; with `two_factor` a code goes to the person first."""
        if request.headers.get("authorization") != f"Bearer {PARTNER_TOKEN}":
            return error(401, UNAUTHORISED)
        wanted = json_of(await request.body())
        if (wanted.get("login"), wanted.get("password")) != (LOGIN, PASSWORD):
            return error(401, "Неверный логин или пароль")
        if self.two_factor and wanted.get("2fa") != {"uuid": "2fa-uuid", "secret": CODE}:
            transport = {"type": "email", "recipient": "i***@example.test"}
            return envelope(request, {"uuid": "2fa-uuid", "flow": "login", "transport": transport, "attempts_left": 3})
        return envelope(request, {"id": 746310, "user_token": self.user_token, "login": LOGIN}, 201)

    async def _companies(self, request: Request) -> Response:
        found = (
            [{"id": COMPANY, "title": "Салон на Тверской", "timezone": 3, "timezone_name": self.front.zone}]
            if self.rights
            else []
        )
        return self._unauthorised(request) or envelope(request, found)

    async def _records(self, request: Request) -> Response:
        deleted = request.query_params.get("with_deleted") == "1"
        found = (record for record in self.salon.records.values() if deleted or not record["deleted"])
        return self.refused(request) or self.listed(request, of_visits(found, request.query_params))

    async def _record(self, request: Request) -> Response:
        if refused := self.refused(request):
            return refused
        found = self.salon.records.get(request.path_params["id"])
        if request.method == "GET" or found is None or found["deleted"]:
            return one(request, found if request.method == "GET" else None)
        if request.method == "PUT":
            return await self._put_record(request, found)
        self.cancelled(found["id"])
        return Response(status_code=204)

    async def _put_record(self, request: Request, found: dict[str, Any]) -> Response:
        """The whole of a record: what isn't sent is as nobody had written it."""
        wanted = json_of(await request.body())
        lacking = [
            name for name in ("staff_id", "services", "client", "datetime", "seance_length") if name not in wanted
        ]
        if lacking:
            return error(422, "Произошла ошибка", {name: ["Обязательное поле"] for name in lacking})
        starts = datetime.fromisoformat(wanted["datetime"]).replace(tzinfo=None)
        if not wanted.get("save_if_busy") and not self.front.is_free(int(wanted["staff_id"]), starts, but=found["id"]):
            return error(409, "Выбранное время занято")
        put = {name: wanted.get(name, blank) for name, blank in (("comment", ""), ("api_id", ""), ("attendance", 0))}
        costs = {each["id"]: each for each in found["services"]}
        services = [{**costs.get(each["id"], {}), **each} for each in wanted["services"]]
        record, _ = self.salon.put_record(
            found["id"],
            self.clock(),
            {**put, **self.front.at(starts), "staff_id": wanted["staff_id"], "services": services},
        )
        if wanted.get("send_sms") is not False:
            self.record("sms", id=found["id"])
        self.record("put record", id=found["id"])
        self.in_background(self.tell(self.event("record", found["id"], "update", as_told(record))))
        return envelope(request, record, 201)

    def cancelled(self, id_: int) -> None:
        """Somebody has cancelled it; YCLIENTS tells of it."""
        record = self.front.cancel(id_, self.clock())
        self.record("cancelled", id=id_)
        self.in_background(self.tell(self.event("record", id_, "update", as_told(record))))

    def shown_card(self, card: dict[str, Any]) -> dict[str, Any]:
        """A client's card as this user sees it."""
        phone = str(card["phone"])
        masked = {"phone": f"{phone[:4]}****{phone[-2:]}"} if self.phones_masked and phone else {}
        return {**{name: value for name, value in card.items() if name not in self.hidden}, **masked}

    async def _hook_settings(self, request: Request) -> Response:
        if refused := self.refused(request):
            return refused
        if not self.hooks_open:
            return error(403, FORBIDDEN)
        if request.method == "GET":
            return envelope(request, self.hooks)
        wanted = json_of(await request.body())
        if not isinstance(wanted.get("urls"), list) or len(wanted["urls"]) > 10:
            return error(422, "Произошла ошибка", {"urls": ["Не более 10 адресов"]})
        self.hooks = wanted
        self.record("hooks", urls=len(wanted["urls"]))
        return envelope(request, self.hooks, 201)

    def throttled(self) -> Response | None:
        """Over the limits of one address, or None."""
        now = self.now()
        self._asked.append(now)
        while self._asked[0] < now - 60:
            self._asked.popleft()
        if (
            len(self._asked) > self.a_minute
            or sum(1 for _ in takewhile(lambda at: at > now - 1, reversed(self._asked))) > self.a_second
        ):
            return error(429, "Too Many Requests")
        return None

    def _unauthorised(self, request: Request) -> Response | None:
        if refused := self.throttled():
            return refused
        if not self.admits(request.headers.get("authorization", ""), f"Bearer {PARTNER_TOKEN}, User {self.user_token}"):
            return error(401, UNAUTHORISED)
        return None

    def refused(self, request: Request) -> Response | None:
        """Why this user's call to the journal isn't served, or None."""
        if refused := self._unauthorised(request):
            return refused
        if not self.rights or request.path_params["company"] != COMPANY:
            return error(403, FORBIDDEN)
        return None if self.licence_paid else error(402, LICENCE.format(COMPANY))

    def listed(self, request: Request, found: Iterable[dict[str, Any]]) -> Response:
        """A page of what changed since the time that is asked for."""
        query = request.query_params
        since = since_of(query.get("changed_after"))
        wanted = [each for each in found if changed_since(each, since)]
        page, count = int(query.get("page", "1")), int(query.get("count", "50"))
        shown = wanted[(page - 1) * count : page * count]
        return envelope(request, shown, meta={"page": page, "total_count": len(wanted)})

    # Events

    def event(self, resource: str, id_: int, status: str, data: Any) -> dict[str, Any]:
        """The vendor's envelope."""
        return {"company_id": COMPANY, "resource": resource, "resource_id": id_, "status": status, "data": data}

    async def tell(self, event: dict[str, Any], url: str | None = None) -> list[int]:
        """Send an event, once, to `url` or to every address that is set; the statuses of the answers."""
        flag = FLAG_OF.get(event["resource"], event["resource"])
        wanted = self.hooks.get("active") and self.hooks.get(flag)
        urls = [url] if url else (self.hooks["urls"] if wanted else [])
        body = json.dumps(event, ensure_ascii=False).encode()
        return [
            status
            for each in urls
            for status in await self.send_hooks(each, [(body, {"Content-Type": "application/json"})])
        ]

    async def _control_record(self, request: Request) -> Response:
        """`{id, changes: {...}, body: full|partial|bare, as_delete, hook}`: the administrator saves or deletes a
        record, and YCLIENTS tells of it in full, with only what was changed, or with only the id."""
        wanted = json_of(await request.body())
        changes = wanted.get("changes") or {}
        record, status = self.salon.put_record(wanted.get("id"), self.clock(), changes)
        if changes.get("deleted") and wanted.get("as_delete"):
            status = "delete"
        return await self._told("record", record, status, wanted)

    async def _control_client(self, request: Request) -> Response:
        """`{id, changes, body, hook}`: the same for a client's card."""
        wanted = json_of(await request.body())
        card, status = self.salon.put_client(wanted.get("id"), self.clock(), wanted.get("changes") or {})
        return await self._told("client", card, status, wanted)

    async def _control_remove(self, request: Request) -> Response:
        """`{id, as_update}`: somebody deletes a client's card, which is told as `delete`, or as `update` with
        `deleted: true`."""
        wanted = json_of(await request.body())
        return JSONResponse({"sent": await self.tell(self.removed(wanted["id"], as_update=wanted.get("as_update")))})

    def removed(self, id_: int, *, as_update: bool | None = False) -> dict[str, Any]:
        """A client's card is deleted; what is told of it."""
        card = self.salon.clients[id_]
        card |= {"deleted": True, "last_change_date": clock(self.clock())}
        if as_update:
            return self.event("client", id_, "update", as_told(card))
        return self.event("client", id_, "delete", {"id": id_, "deleted": True})

    async def _told(self, resource: str, found: dict[str, Any], status: str, wanted: dict[str, Any]) -> Response:
        data = {
            "full": as_told(found),
            "partial": {"id": found["id"], **(wanted.get("changes") or {})},
            "bare": {"id": found["id"], "deleted": True},
        }[wanted.get("body", "full")]
        sent = await self.tell(self.event(resource, found["id"], status, data), wanted.get("hook"))
        return JSONResponse({resource: found, "sent": sent})

    async def _control_event(self, request: Request) -> Response:
        """`{resource, resource_id, status, data, hook}`: any other event (goods, money, staff)."""
        wanted = json_of(await request.body())
        event = self.event(wanted["resource"], wanted["resource_id"], wanted.get("status", "create"), wanted["data"])
        return JSONResponse({"sent": await self.tell(event, wanted.get("hook"))})

    async def _control_front(self, request: Request) -> Response:
        """`{zone, unix, hours, phone_confirmation, black_list}`: how the booking form is set."""
        for name, value in json_of(await request.body()).items():
            setattr(self.front, name, value)
        return JSONResponse({})


def of_visits(found: Iterable[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Those of the days and the master that are asked for."""
    first, last, staff = query.get("start_date", ""), query.get("end_date", "9999"), query.get("staff_id")
    return [
        each for each in found
        if first <= each["date"][:10] <= last and staff in (None, str(each["staff_id"]))
    ]  # fmt: skip


SIMULATOR = Yclients
