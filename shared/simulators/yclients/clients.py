"""Clients' cards at YCLIENTS' stand-in: a list in short by the order of ids, whole cards one by one, put back whole.

What a PUT leaves out is gone, which is the worst that may be meant by "replaces".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simulators.chassis import json_of
from simulators.yclients.answers import envelope, error, one
from simulators.yclients.salon import as_told

if TYPE_CHECKING:
    from simulators.yclients.simulator import Yclients

Card = dict[str, Any]

WRITABLE: Card = {
    "name": "", "surname": "", "patronymic": "", "phone": "", "email": "", "card": "", "birth_date": "", "comment": "",
    "discount": 0, "sex_id": 0, "sms_check": 0, "sms_not": 0, "spent": 0, "balance": 0, "importance_id": 0,
    "categories": [], "custom_fields": [],
}  # fmt: skip
"""What a write sets, and what is there where it is left out."""

TAKEN = "Клиент с указанным телефоном уже существует в базе"
SHORT = {"id", "name", "phone", "email", "last_visit_date"}
MOST = 200


class Clients:
    """Routes over a salon's clients."""

    def __init__(self, vendor: Yclients) -> None:
        self._vendor = vendor

    def routes(self, api: str) -> Sequence[BaseRoute]:
        return [
            Route(f"{api}/company/{{company:int}}/clients/search", self._search, methods=["POST"]),
            Route(f"{api}/clients/{{company:int}}", self._many, methods=["GET", "POST"]),
            Route(f"{api}/client/{{company:int}}/{{id:int}}", self._one, methods=["GET", "PUT"]),
        ]

    async def _search(self, request: Request) -> Response:
        """In the order that is asked for; its index is behind by `seen_after` seconds."""
        wanted = json_of(await request.body())
        if refused := self._vendor.refused(request):
            return refused
        size, page = int(wanted.get("page_size", 25)), int(wanted.get("page", 1))
        if size > MOST or set(wanted.get("fields", ())) - SHORT:
            return error(422, "Произошла ошибка", {"page_size": ["не больше 200"]})
        words = [each["state"]["value"] for each in wanted.get("filters", ()) if each["type"] == "quick_search"]
        down = wanted.get("order_by_direction") == "DESC"
        found = sorted(
            (card for card in self._there() if all(self._is_found(card, word) for word in words)),
            key=lambda card: card[wanted.get("order_by", "id")], reverse=down,
        )  # fmt: skip
        shown = [
            {name: value for name, value in self._vendor.shown_card(card).items() if name in wanted["fields"]}
            for card in found[(page - 1) * size : page * size]
        ]
        return envelope(request, shown, meta={"total_count": len(found)})

    async def _many(self, request: Request) -> Response:
        body = await request.body()
        if refused := self._vendor.refused(request):
            return refused
        if request.method == "POST":
            return self._add(request, json_of(body))
        if not self._vendor.clients_open:
            return error(403, "Доступ запрещен.")
        email = request.query_params.get("email")
        found = [card for card in self._there() if email is None or card["email"].casefold() == email.casefold()]
        return self._vendor.listed(request, map(self._vendor.shown_card, found))

    async def _one(self, request: Request) -> Response:
        body = await request.body()
        if refused := self._vendor.refused(request):
            return refused
        found = self._vendor.salon.clients.get(request.path_params["id"])
        if found is None or found.get("deleted"):
            return one(request, None)
        if request.method == "GET":
            return one(request, self._vendor.shown_card(found))
        return self._put(request, found, json_of(body))

    def _add(self, request: Request, given: Card) -> Response:
        if wrong := self._wrong(given, None):
            return wrong
        card, _ = self._vendor.salon.put_client(None, self._vendor.clock(), self._taken({**WRITABLE, **given}))
        self._vendor.record("client_created", id=card["id"], fields=dict(given))
        return self._answered(request, card, "create", 201)

    def _put(self, request: Request, card: Card, given: Card) -> Response:
        if wrong := self._wrong(given, card["id"]):
            return wrong
        kept = {name: value for name, value in given.items() if name in WRITABLE}
        changes = self._taken({**WRITABLE, **kept})
        deaf = {name: card.get(name) for name in self._vendor.deaf}
        self._vendor.salon.put_client(card["id"], self._vendor.clock(), {**changes, **deaf})
        self._vendor.record("client_updated", id=card["id"], fields=dict(given))
        return self._answered(request, card, "update", 200)

    def _answered(self, request: Request, card: Card, status: str, code: int) -> Response:
        told = self._vendor.shown_card(dict(card))
        if self._vendor.hooks.get("self_sending"):
            self._tell(status, card)
        if self._vendor.between:
            self._vendor.salon.put_client(card["id"], self._vendor.clock(), self._vendor.between.pop(0))
            self._tell("update", card)
        return envelope(request, told, code)

    def _tell(self, status: str, card: Card) -> None:
        event = self._vendor.event("client", card["id"], status, as_told(dict(card)))
        self._vendor.in_background(self._vendor.tell(event))

    def _taken(self, given: Card) -> Card:
        """What becomes of the values: categories are named by their ids, a short field is cut."""
        known = self._vendor.categories
        listed = [{"id": id_, "title": known[id_]} for id_ in given["categories"] if id_ in known]
        cut = {name: given[name][:most] for name, most in self._vendor.cuts.items() if isinstance(given.get(name), str)}
        return {**given, **cut, "categories": listed}

    def _wrong(self, given: Card, id_: int | None) -> Response | None:
        phone = "".join(filter(str.isdigit, str(given.get("phone") or "")))
        if not given.get("name") or not phone:
            return error(422, "Произошла ошибка", {"phone" if given.get("name") else "name": ["обязательно"]})
        if not 9 <= len(phone) <= 15:
            return error(422, "Произошла ошибка", {"phone": ["Телефон должен содержать от 9 до 15 цифр"]})
        same = (card for card in self._there() if card["id"] != id_ and _digits(card) == phone)
        return error(422, TAKEN, {"phone": [TAKEN]}) if next(same, None) else None

    def _there(self) -> list[Card]:
        return [card for card in self._vendor.salon.clients.values() if not card.get("deleted")]

    def _is_found(self, card: Card, word: str) -> bool:
        made = self._vendor.salon.made_at.get(card["id"], 0.0)
        if made + self._vendor.seen_after > self._vendor.clock().timestamp():
            return False
        told = " ".join(str(card.get(name) or "") for name in ("name", "surname", "card")).casefold()
        return word.casefold() in told or bool(word.isdigit() and word in _digits(card))


def _digits(card: Card) -> str:
    return "".join(filter(str.isdigit, str(card["phone"])))
