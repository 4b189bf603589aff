"""Calls by the hundred, by whoever has no business here: nothing is shown, nothing is done, nothing breaks.

SVYAZKA_FUZZ=100000 makes as many of them.
"""

from __future__ import annotations

import base64
import os
import random
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from starlette.routing import Route

from console.visitor import HOST, Visitor
from fakes import House, order
from svyazka.console import lists
from svyazka.console.app import console
from svyazka.console.gates import COOKIE
from svyazka.console.surroundings import Surroundings
from svyazka.console.veiling import veiled
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_EVENTS
from svyazka.model.outcomes import Refused
from svyazka.model.requests import OWNERS, Role, Wish
from svyazka.model.tenants import Person, Tenant

ROUNDS = int(os.environ.get("SVYAZKA_FUZZ", "400"))
PHONE = "+79035550142"
"""A guest's; the console's pages show others as examples."""
NOT_TO_BE_SEEN = ("Кофейня", "Петров", PHONE[2:], "bad number of a guest")
ODD = ("", "..", "%00", "'\"><script>", "\u202e", "a" * 300, "evt_", "dlv_x", "-1", "null", "//evil.example", "kofe\n")
ASKED = ("tenant", "connection", "status", "after", "stands", "back")
FIELDS = ("key", "about", "sought", "why", "back", "as", "sealed", "typed", "who", "code")
HEADERS = ("origin", "sec-fetch-site", "x-forwarded-host", "host")
OPEN = ("/enter/", "/sign-in")
"""What is there for whoever isn't in."""

SAID = (f"http://{HOST}", "null", "http://evil.example", "same-origin", "cross-site", HOST)


class Stranger:
    """Makes calls up."""

    def __init__(
        self, chance: random.Random, house: House, routes: list[Route], form_key: str, wishes: Iterable[str]
    ) -> None:
        self._chance, self._routes, self._form_key, self._wishes = chance, routes, form_key, tuple(wishes)
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
        form |= {"tenant": pick(("kofe", "kofe", "")), "wish": pick(self._wishes)}
        form["form_key"] = pick((self._form_key, self._form_key, "", "guessed"))
        return pick(("GET", "POST", "POST", "HEAD", "PUT", "DELETE")), f"{path or '/'}?{query}", headers, form

    def _some(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if self._chance.random() < 0.5]


WHO = {
    "nobody": None, "forged": None, "another business's owner": (Role.OWNER, "bar"),
    "who only looks": (Role.LOOKER, "kofe"), "an operator": (Role.OPERATOR, "kofe"),
    "an owner there who only looks here": {"bar": "owner", "kofe": "looker"},
    "an operator by a code": {"kofe": "operator"},
}  # fmt: skip
"""Who calls, and how they came in: by a link with a role for a tenant, or as a person of these tenants' files."""


@pytest.mark.timeout(7200 if ROUNDS > 1000 else 120)
@pytest.mark.parametrize("who", WHO)
async def test_nothing_is_shown_and_nothing_is_done(house: House, who: str) -> None:
    """An operator has buttons of his own: what he forges is what only an owner has."""
    house.sms.script.append(Refused(code="202", message="bad number of a guest"))
    await house.post(order(phone=PHONE))
    await house.run()
    await house.store.commit([journal.create(Tenant(id="bar", name="Бар за углом", timezone="Europe/Moscow"))])
    await house.worker.handle("/sweep", {})
    visitor, form_key, came = Visitor(house), "guessed", WHO[who]
    if who == "forged":
        visitor.http.cookies.set(COOKIE, "a" * 43)
    elif isinstance(came, dict):
        await as_a_person(house, visitor, came)
    elif came is not None:
        await visitor.come_in(*came)
    if came is not None:
        form_key = (await visitor.page("/")).partition('name="form_key" value="')[2].partition('"')[0]
    operates, knows = "operator" in who, "kofe" in str(came)
    around = Surroundings(house.store, house.clock, house.keyring)
    routes: list[Any] = console(around, {HOST})._app.routes  # type: ignore[attr-defined]
    # An operator may reveal, which leaves a line; that is another test's.
    left_out = {"/leave", *(["/story/{id}", "/requests/{id}"] if operates or isinstance(came, dict) else [])}
    inside = [one for one in routes if isinstance(one, Route) and one.path not in left_out]
    stranger = Stranger(random.Random(who), house, inside, form_key, OWNERS if operates else (*Wish, "x"))
    before = _kept(house)
    for number in range(ROUNDS // 4):
        method, address, headers, form = stranger.call()
        house.clock.step(0.2)
        answer = await visitor.http.request(
            method, address, headers=headers, content=httpx.Request("POST", "http://x", data=form).content,
        )  # fmt: skip
        assert answer.status_code < 500, (number, method, address)
        if not knows:
            seen = [word for word in NOT_TO_BE_SEEN if word in answer.text]
            assert not seen, (number, method, address, form)
        if who in ("nobody", "forged"):
            assert answer.status_code not in (200, 303) or address.startswith(OPEN), (number, method, address)
        assert _kept(house) == before, (number, method, address, form)


async def test_each_page_is_there_for_a_business_that_has_nothing_yet(house: House) -> None:
    await house.store.commit([journal.create(Tenant(id="bar", name="Бар за углом", timezone="Europe/Moscow"))])
    visitor = Visitor(house)
    await visitor.come_in(Role.OWNER, "bar")
    routes: list[Any] = console(Surroundings(house.store, house.clock, house.keyring), {HOST})._app.routes  # type: ignore[attr-defined]
    for one in routes:
        if isinstance(one, Route) and "GET" in (one.methods or ()) and "{" not in one.path:
            answer = await visitor.http.get(one.path, params={"tenant": "bar"})
            assert answer.status_code < 500, one.path


async def test_what_leads_on_in_a_list_says_nothing_and_leads_nowhere_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three businesses somebody sees two; what the third was told of lies between."""
    monkeypatch.setattr(lists, "ROWS", 2)
    for id_ in ("bar", "baz"):
        await house.store.commit([journal.create(Tenant(id=id_, name=id_, timezone="Europe/Moscow"))])
    await house.post(order())
    (told,) = house.events()
    for number, tenant in enumerate(("kofe", "baz", "kofe", "baz", "bar", "baz", "kofe")):
        event = told.event.model_copy(
            update={"id": f"evt_{tenant}{number}", "tenant": tenant,
                    "received_at": told.event.received_at + timedelta(seconds=number + 1)}
        )  # fmt: skip
        await house.store.commit([journal.create(told.model_copy(update={"event": event}))])
    await house.worker.handle("/sweep", {})
    visitor, other = Visitor(house), await Visitor(house).come_in()
    await as_a_person(house, visitor, {"bar": "owner", "kofe": "looker"})
    seen, path, ways = [], "/events", []
    while path:
        page = await visitor.page(path)
        seen += re.findall(r'href="/story/(evt_[\w-]+)"', page)
        (path,) = re.findall(r'<a class="button" href="(/events\?after=[^"]+)"', page) or [""]
        ways += [path] if path else []
    assert seen == ["evt_kofe6", "evt_bar4", "evt_kofe2", "evt_kofe0", veiled(house.keyring, told.event.id)]
    plain = (await house.store.find(RECENT_EVENTS, limit=2)).cursor
    place = ways[0].partition("after=")[2]
    assert "evt_baz5" in str(plain), "the last one of the first page, which isn't shown"
    assert b"baz" not in base64.urlsafe_b64decode(unquote(place).rpartition(".")[2])
    for who, where in (
        (visitor, f"/events?after={quote(str(plain))}"), (visitor, ways[0][:-9]), (other, ways[0]),
        (visitor, f"/events?tenant=kofe&after={place}"),
    ):  # fmt: skip
        first = re.findall(r'href="/story/(evt_[\w-]+)"', await who.page(where))
        assert first == re.findall(r'href="/story/(evt_[\w-]+)"', await who.page(where.partition("after=")[0])), where
    assert (await visitor.http.get(f"/deliveries?after={place}")).status_code == 200


def test_lists_are_turned_in_one_place() -> None:
    found = [path.name for path in Path(lists.__file__).parent.glob("*.py") if "cursor=" in path.read_text("utf-8")]
    assert found == ["turning.py"]


def _kept(house: House) -> dict[Any, Any]:
    """Everything that the store holds, but what asking for a code leaves, and when somebody was last seen."""
    kept = {key: document.data for key, document in house.store.documents.items() if key[0] != "sign_ins"}
    return {key: b"" if key[0] == "signed_in" else data for key, data in kept.items()}


async def as_a_person(house: House, visitor: Visitor, roles: Mapping[str, str]) -> None:
    """Come in by a code, with a role in each of these tenants."""
    home = next(iter(roles))
    for id_ in roles:
        held = await journal.load(house.store, Tenant, id_)
        assert held is not None
        entry = {"name": "Аня", "role": roles[id_], "of": home}
        if id_ == home:
            entry = {"name": "Аня", "role": roles[id_], "connection": "mail", "email": "anya@example.org"}
        connections = house.tenant.connections
        now = held.model.model_copy(update={"people": (Person.model_validate(entry),), "connections": connections})
        await house.store.commit([journal.replace(now, held.version)])
    await visitor.http.post("/sign-in", data={"who": "anya@example.org"})
    await house.run()
    code = re.findall(r"\d{6}", house.mail.sent[-1][1])[0]
    assert (await visitor.http.post("/sign-in/code", data={"code": code})).status_code == 303
