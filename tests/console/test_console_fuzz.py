"""Calls by the hundred, by whoever has no business here: nothing is shown, nothing is done, nothing breaks.

SVYAZKA_FUZZ=100000 makes as many of them.
"""

from __future__ import annotations

import os
import random
import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.routing import Route

from console.visitor import HOST, Visitor
from fakes import House, order
from svyazka.console.app import COOKIE, console
from svyazka.console.surroundings import Surroundings
from svyazka.engine.journal import documents as journal
from svyazka.model.outcomes import Refused
from svyazka.model.requests import Role, Wish
from svyazka.model.tenants import Tenant

ROUNDS = int(os.environ.get("SVYAZKA_FUZZ", "400"))
PHONE = "+79991234567"
NOT_TO_BE_SEEN = ("Кофейня", "Петров", PHONE[2:], "bad number of a guest")
ODD = ("", "..", "%00", "'\"><script>", "\u202e", "a" * 300, "evt_", "dlv_x", "-1", "null", "//evil.example", "kofe\n")
ASKED = ("tenant", "connection", "status", "after", "stands", "back")
FIELDS = ("key", "about", "sought", "why", "back", "as", "sealed")
HEADERS = ("origin", "sec-fetch-site", "x-forwarded-host", "host")
SAID = (f"http://{HOST}", "null", "http://evil.example", "same-origin", "cross-site", HOST)


class Stranger:
    """Makes calls up."""

    def __init__(self, chance: random.Random, house: House, routes: list[Route], form_key: str) -> None:
        self._chance, self._routes, self._form_key = chance, routes, form_key
        real = [event.event.id for event in house.events()] + [delivery.id for delivery in house.deliveries()]
        self._words = ["kofe", "bar", "sms", "till", *real, *ODD]

    def call(self) -> tuple[str, str, dict[str, str], dict[str, str]]:
        """Method, address, headers, form."""
        pick = self._chance.choice
        route = pick(self._routes)
        path = re.sub(r"\{[^}]*\}", lambda _: quote(pick(self._words), safe=""), route.path)
        query = "&".join(f"{name}={quote(pick(self._words))}" for name in self._some(ASKED))
        headers = {} if pick((True, False)) else {pick(HEADERS): pick(SAID)}
        form = {name: pick(self._words) for name in self._some(FIELDS)}
        form |= {"tenant": pick(("kofe", "kofe", "")), "wish": pick((*Wish, "x"))}
        form["form_key"] = pick((self._form_key, self._form_key, "", "guessed"))
        return pick(("GET", "POST", "POST", "HEAD", "PUT", "DELETE")), f"{path or '/'}?{query}", headers, form

    def _some(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if self._chance.random() < 0.5]


@pytest.mark.timeout(7200 if ROUNDS > 1000 else 120)
@pytest.mark.parametrize("who", ["nobody", "forged", "another business's owner", "who only looks"])
async def test_nothing_is_shown_and_nothing_is_done(house: House, who: str) -> None:
    house.sms.script.append(Refused(code="202", message="bad number of a guest"))
    await house.post(order(phone=PHONE))
    await house.run()
    await house.store.commit([journal.create(Tenant(id="bar", name="Бар за углом", timezone="Europe/Moscow"))])
    visitor, form_key = Visitor(house), "guessed"
    if who == "forged":
        visitor.http.cookies.set(COOKIE, "a" * 43)
    elif who != "nobody":
        role, tenant = (Role.LOOKER, "kofe") if who == "who only looks" else (Role.OWNER, "bar")
        await visitor.come_in(role, tenant)
        form_key = (await visitor.page("/")).partition('name="form_key" value="')[2].partition('"')[0]
    around = Surroundings(house.store, house.clock, house.keyring)
    routes: list[Any] = console(around, {HOST})._app.routes  # type: ignore[attr-defined]
    inside = [one for one in routes if isinstance(one, Route) and one.path != "/leave"]
    stranger = Stranger(random.Random(who), house, inside, form_key)
    before = _kept(house)
    for number in range(ROUNDS // 4):
        method, address, headers, form = stranger.call()
        house.clock.step(0.2)
        answer = await visitor.http.request(
            method, address, headers=headers, content=httpx.Request("POST", "http://x", data=form).content,
        )  # fmt: skip
        assert answer.status_code < 500, (number, method, address)
        if who != "who only looks":
            seen = [word for word in NOT_TO_BE_SEEN if word in answer.text]
            assert not seen, (number, method, address, form)
        if who in ("nobody", "forged"):
            assert answer.status_code not in (200, 303) or address.startswith("/enter/"), (number, method, address)
        assert _kept(house) == before, (number, method, address, form)


def _kept(house: House) -> dict[Any, Any]:
    """Everything that the store holds."""
    return {key: document.data for key, document in house.store.documents.items()}
