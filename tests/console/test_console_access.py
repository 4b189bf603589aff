"""Who gets in, and what a stranger's page can do: nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

import pytest

from console.visitor import HOST, Visitor, form_key
from fakes import House, order
from svyazka.console.guarding import CALLS_A_MINUTE
from svyazka.engine.ports.store import Create, Document
from svyazka.model.requests import Role
from svyazka.model.tenants import Tenant
from svyazka.signing_in import LINK_LIVES, STAYS, Invitation, come_in, invite

PAGES = ["/", "/systems", "/deliveries", "/events", "/story/evt_x", "/problems/prb_x", "/requests/req_x"]
FORMS = ["/do", "/search", "/leave", "/story/evt_x"]


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_is_shown_anything_without_having_come_in(house: House, path: str) -> None:
    await house.post(order())
    page = await Visitor(house).page(path, 401)
    assert "svyazka console" in page
    assert "Кофейня" not in page


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_a_strangers_page_does_nothing(visitor: Visitor, path: str) -> None:
    form = {"form_key": visitor.house.keyring.mark("console form", "guessed"), "wish": "pause", "tenant": "kofe"}
    own = {"origin": f"http://{HOST}"}
    assert (await visitor.http.post(path, data=form, headers=own)).status_code == 403
    for header in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert (await visitor.http.post(path, data=form, headers=header)).status_code == 403
    assert not [key for key in visitor.house.store.documents if key[0] == "requests"]


async def test_a_form_that_doesnt_say_how_long_it_is_is_asked_to(visitor: Visitor) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"name=x"

    assert (await visitor.http.post("/leave", content=pieces())).status_code == 411


async def test_a_host_that_is_not_ours_is_refused(visitor: Visitor) -> None:
    answer = await visitor.http.get("/", headers={"host": "rebound.example:8082"})
    assert (answer.status_code, "Кофейня" in answer.text) == (421, False)


async def test_a_link_lets_one_in_once(house: House) -> None:
    token = await invite(house.store, house.clock, Invitation("ivan", Role.OWNER))
    assert "Войти" in await Visitor(house).page(f"/enter/{token}")  # to look at it uses nothing up
    cookies = await asyncio.gather(*(come_in(house.store, house.clock, token) for _ in range(5)))
    assert len([cookie for cookie in cookies if cookie]) == 1
    late = await invite(house.store, house.clock, Invitation("ivan", Role.OWNER))
    house.clock.step(LINK_LIVES.total_seconds())
    assert await come_in(house.store, house.clock, late) is None
    assert await come_in(house.store, house.clock, "made-up") is None


async def test_what_lies_in_the_store_lets_nobody_in(house: House) -> None:
    token = await invite(house.store, house.clock, Invitation("ivan", Role.OWNER))
    cookie = await come_in(house.store, house.clock, token)
    kept = str([(document.key, document.data) for document in house.store.documents.values()])
    assert cookie is not None
    assert token not in kept
    assert cookie not in kept


async def test_one_is_out_after_a_while_and_after_leaving(house: House) -> None:
    visitor = await Visitor(house).come_in()
    assert (await visitor.http.post("/leave", data={"form_key": form_key(await visitor.page("/"))})).status_code == 200
    await visitor.page("/", 401)
    visitor = await Visitor(house).come_in()
    house.clock.step((STAYS + timedelta(seconds=1)).total_seconds())
    await visitor.page("/", 401)


async def test_another_business_is_not_there(house: House) -> None:
    await house.post(order())
    await house.run()
    other = Tenant(id="bar", name="Бар за углом", timezone="Europe/Moscow")
    from svyazka.engine.journal import documents as journal

    await house.store.commit([journal.create(other)])
    stranger = await Visitor(house).come_in(tenant="bar")
    event = house.events()[0].event.id
    for path in (f"/story/{event}", f"/story/{house.deliveries()[0].id}", "/?tenant=kofe", "/events?tenant=kofe"):
        await stranger.page(path, 404)
    for path in ("/", "/systems", "/deliveries", "/events"):
        page = await stranger.page(path)
        assert "Кофейня" not in page
        assert "dlv_" not in page
        assert "evt_" not in page
    answer = await stranger.http.post(
        "/search", data={"form_key": form_key(await stranger.page("/")), "sought": "+79991234567"}
    )
    assert "evt_" not in answer.text
    form = {
        "form_key": form_key(await stranger.page("/")),
        "tenant": "kofe",
        "wish": "pause",
        "about": "sms",
        "key": "1",
    }
    assert (await stranger.http.post("/do", data=form)).status_code == 404


async def test_who_only_looks_has_no_buttons_and_can_do_nothing(house: House) -> None:
    looker = await Visitor(house).come_in(Role.LOOKER)
    page = await looker.page("/systems")
    assert "/do" not in page
    form = {"form_key": form_key(page), "tenant": "kofe", "wish": "pause", "about": "sms", "key": "1"}
    assert (await looker.http.post("/do", data=form)).status_code == 403


async def test_too_many_calls_are_turned_away(house: House) -> None:
    visitor = Visitor(house)
    answers = [(await visitor.http.get("/static/icon.svg")).status_code for _ in range(CALLS_A_MINUTE + 20)]
    assert (answers[0], answers[-1]) == (200, 429)
    flood = []
    for _ in range(100):  # twice as many as are let in: each that is turned away must not put off the next
        house.clock.step(60 / CALLS_A_MINUTE / 2)
        flood.append((await visitor.http.get("/static/icon.svg")).status_code)
    assert 45 <= flood.count(200) <= 55


async def test_what_breaks_is_answered_and_stands_in_no_traceback(house: House, visitor: Visitor) -> None:
    fields = "&".join(f"f{number}=1" for number in range(60))
    assert (await Visitor(house).http.post("/sign-in", content=fields)).status_code == 400
    await house.store.commit([Create(Document("events", "evt_broken", {}, b'{"phone": "+79991234567"}'))])
    answer = await visitor.http.get("/story/evt_broken")  # a server that hears of it would log all of it
    assert (answer.status_code, "79991234567" in answer.text) == (503, False)


@pytest.mark.parametrize("back", ["//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example"])
async def test_the_way_back_leads_to_a_page_of_ours(visitor: Visitor, back: str) -> None:
    where = await visitor.press(await visitor.page("/systems"), "Пауза", back=back)
    assert "back=" not in where
    assert "evil" not in await visitor.page(f"{where}?back={quote(back)}")


async def test_a_browser_runs_no_script_but_ours(visitor: Visitor) -> None:
    answer = await visitor.http.get("/")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>" not in answer.text
    assert " onclick" not in answer.text
    assert " style=" not in answer.text
