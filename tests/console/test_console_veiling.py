"""Ids that open something at the front door: no page shows one whole, and all that a page leads to is found by it."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from console.visitor import Visitor, form_key
from door.salon import Salon, salon
from door.support import PAGE, PHONE, told
from svyazka.console.veiling import beginning, unveiled, veiled
from svyazka.model.requests import Role
from svyazka.model.tenants import FlowSpec
from svyazka.reading.ids import whole_id

TWELVE = "2026-10-05T12:00:00+03:00"
WISH = {"service": "331", "staff": "16", "starts_at": TWELVE, "name": "Анна", "phone": PHONE}
LINKS_MOST = 60


@pytest.fixture
async def site() -> Salon:
    link = {"text": "Вы записаны: {time}, {link}", "link": "https://example.ru/visit?id={booking}"}
    flow = FlowSpec(id="booking", flow="booking", sources=("web",), via=("salon", "sms"), settings=link)
    return await salon(flows=(flow,))


async def booked(site: Salon) -> str:
    """A booking's id, as whoever has booked is told it."""
    answer = await site.post("booking", WISH, idempotency_key="k")
    assert answer.status == 200, answer.body
    await site.run()
    return str(told(answer)["id"])


async def all_pages(visitor: Visitor) -> dict[str, str]:
    """Every page that is linked from the first, and from those."""
    left, seen = ["/", "/events", "/deliveries"], dict[str, str]()
    while left and len(seen) < LINKS_MOST:
        path = left.pop(0)
        if path in seen:
            continue
        answer = await visitor.http.get(path)
        assert answer.status_code in (200, 403), path
        seen[path] = answer.text
        left += [unescape(one) for one in re.findall(r'href="(/[^"#]*)"', answer.text) if "/static/" not in one]
    return seen


async def test_whoever_only_looks_finds_nothing_by_which_a_clients_booking_is_cancelled(site: Salon) -> None:
    id_ = await booked(site)
    looker = await Visitor(site).come_in(Role.LOOKER)
    pages = await all_pages(looker)
    story = next(page for path, page in pages.items() if path.startswith(f"/story/{id_[:20]}"))
    assert f"visit?id={id_[:20]}" in story
    for path, page in pages.items():
        assert id_ not in path + page, path
    held = next(one for one in await site.events() if one.event.id == id_)
    assert held.request is not None
    named = json.loads(held.request.body)["named"]
    assert not [path for path, page in pages.items() if named in page]
    words = {word for page in pages.values() for word in re.findall(r"evt_[\w-]+", page)}
    assert words
    for word in words:
        refused = await site.call("POST", "/ingest/booking/cancel", {"id": word}, **PAGE)
        assert refused.status == 404, word
    assert told(await site.call("POST", "/ingest/booking/cancel", {"id": id_}, **PAGE))["status"] == "cancelled"


async def test_the_rest_of_an_id_is_not_found_out_by_looking_for_it_letter_by_letter(site: Salon) -> None:
    id_ = await booked(site)
    looker = await Visitor(site).come_in(Role.LOOKER)
    key = form_key(await looker.page("/"))

    async def finds(sought: str) -> bool:
        answer = await looker.http.post("/search", data={"form_key": key, "sought": sought})
        assert answer.status_code == 200
        assert id_ not in answer.text
        return f"/story/{id_[:20]}" in answer.text

    assert await finds(id_[:20])
    assert await finds(veiled(site.keyring, id_))
    assert {await finds(id_[:20] + letter) for letter in "0123456789abcdef"} == {True}
    assert not await finds("evt_" + "0" * 16)


@pytest.mark.parametrize("id_", ["evt_" + "0af1" * 8, "sub_" + "90bc" * 6])
async def test_what_is_veiled_is_found_again_at_the_console_and_by_the_command_line(site: Salon, id_: str) -> None:
    shown = veiled(site.keyring, f'<a href="/story/{id_}">{id_[:-2]}</a>, dlv_{"1" * 32}')
    where, short, other = re.fullmatch(r'<a href="/story/(.*)">(.*)</a>, (.*)', shown).groups()  # type: ignore[union-attr]
    assert id_ not in shown
    assert unveiled(site.keyring, where) == id_
    assert short == f"{beginning(id_)}…"
    assert other == "dlv_" + "1" * 32
    for as_it_is in (id_, beginning(id_), where[:-1], "evt_0-0", ""):
        assert unveiled(site.keyring, as_it_is) == as_it_is
    await booked(site)
    event = (await site.events())[0].event.id
    assert await whole_id(site.store, veiled(site.keyring, event)) == event
