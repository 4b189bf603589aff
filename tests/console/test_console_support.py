"""A link for whoever helps: to look, masked, for so long as its owner said, or until the owner ends it."""

from __future__ import annotations

import re

import pytest

from console.visitor import Visitor, form_key
from fakes import House, order
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.operator import Operator
from svyazka.engine.operating.send import request_send
from svyazka.model.contacts import Contact
from svyazka.model.outcomes import Refused
from svyazka.model.requests import Role, Wish
from svyazka.model.tenants import FlowSpec, Tenant

DAY = 86400


async def link_for(house: House, owner: Visitor, label: str = "На 7 дн.") -> str:
    where = await owner.press(await owner.page("/people?tenant=kofe"), label)
    await house.run()
    (link,) = re.findall(r"/enter/[\w-]+", await owner.page(where))
    return link


async def came(house: House, link: str, status: int = 303) -> Visitor:
    helper = Visitor(house)
    assert "Войти" in await helper.page(link)
    answer = await helper.http.post(link, headers={"content-length": "0"})
    assert answer.status_code == status
    return helper


@pytest.fixture
async def told(house: House) -> House:
    await house.post(order(phone="+79991234567"))
    await house.run()
    return house


async def test_whoever_has_it_looks_as_often_as_need_be_and_sees_nobody(told: House, visitor: Visitor) -> None:
    link = await link_for(told, visitor)
    for _browser in range(2):
        helper = await came(told, link)
        story = await helper.page(f"/story/{told.events()[0].event.id}")
        for page in (story, await helper.page("/"), await helper.page("/deliveries"), await helper.page("/month")):
            assert not [one for one in ("1234567", "Петров", 'action="/do"') if one in page]
        assert "Покажите" not in story
        for path in ("/secrets?tenant=kofe", "/people?tenant=kofe", "/audit", "/systems/kofe/sms/access"):
            await helper.page(path, 403)


async def test_a_code_that_a_client_was_sent_is_read_by_the_client_alone(house: House, visitor: Visitor) -> None:
    """Whoever reads it comes in at the site as that client: masked in what came, what went and what was echoed."""
    codes = FlowSpec(id="login", flow="one_time_code", sources=(), via=("sms",), settings={"text": "Код {code}"})
    house.tenant = house.tenant.model_copy(update={"flows": (codes,)})
    await house.settle_in()
    asked, client = Operator(house.hub, lambda _: None, "site"), Contact(name="Ольга", phone="+79991234567")
    house.sms.script.append(Refused(code="202", message="«Код%20471183»: Ольга не читает"))
    event = await request_send(asked, house.tenant, "sms", client, {"flow": "login", "code": "471183"}, "Ольга")
    await house.run()
    helper = await came(house, await link_for(house, visitor))
    for path in (f"/story/{event.event.id}", f"/story/{house.deliveries()[0].id}"):
        story = await helper.page(path)
        assert "Код •••" in story
        assert "471183" not in story
    assert "Ольга" not in await helper.page("/deliveries")


@pytest.mark.parametrize("wish", list(Wish))
async def test_it_does_nothing(told: House, visitor: Visitor, wish: Wish) -> None:
    helper = await came(told, await link_for(told, visitor))
    before = len([key for key in told.store.documents if key[0] == "requests"])
    form = {"form_key": form_key(await helper.page("/")), "tenant": "kofe", "wish": wish.value, "about": "sms",
            "key": "1", "days": "7"}  # fmt: skip
    assert (await helper.http.post("/do", data=form)).status_code == 403
    assert len([key for key in told.store.documents if key[0] == "requests"]) == before
    event = told.events()[0].event.id
    shown = await helper.http.post(f"/story/{event}", data={"form_key": form["form_key"], "why": "клиент звонит"})
    assert "1234567" not in shown.text


async def test_it_ends_when_it_was_said_to(told: House, visitor: Visitor) -> None:
    link = await link_for(told, visitor, "На 1 дн.")
    helper = await came(told, link)
    told.clock.step(DAY - 60)
    await helper.page("/")
    told.clock.step(61)
    await helper.page("/", 401)
    await came(told, link, 403)


async def test_its_owner_sees_it_and_ends_it_and_whoever_leaves_does_not(told: House, visitor: Visitor) -> None:
    link = await link_for(told, visitor)
    helper, other = await came(told, link), await came(told, link)
    await helper.http.post("/leave", data={"form_key": form_key(await helper.page("/"))})
    await helper.page("/", 401)
    await other.page("/")
    page = await visitor.page("/people?tenant=kofe")
    assert "по ссылке для помощника" in page
    await visitor.press(page, "Закончить вход: помощник")
    await told.run()
    await other.page("/", 401)
    await came(told, link, 403)


async def test_it_opens_one_business_and_only_its_owner_makes_it(told: House, visitor: Visitor) -> None:
    await told.store.commit([journal.create(Tenant(id="bar", name="Бар за углом", timezone="Europe/Moscow"))])
    visitor.around.forget_tenants()
    helper = await came(told, await link_for(told, visitor))
    await helper.page("/?tenant=bar", 404)
    assert "Бар" not in await helper.page("/")
    operator = await Visitor(told).come_in(Role.OPERATOR)
    form = {"form_key": form_key(await operator.page("/")), "tenant": "kofe", "wish": "support_link", "about": "kofe",
            "key": "1", "days": "7"}  # fmt: skip
    assert (await operator.http.post("/do", data=form)).status_code == 403


async def test_what_lies_in_the_store_opens_nothing_and_another_session_is_not_shown_it(
    told: House, visitor: Visitor
) -> None:
    where = await visitor.press(await visitor.page("/people?tenant=kofe"), "На 30 дн.")
    await told.run()
    (link,) = re.findall(r"/enter/([\w-]+)", await visitor.page(where))
    assert link not in str([(one.key, one.data, one.fields) for one in told.store.documents.values()])
    assert link not in await (await Visitor(told).come_in()).page(where)
    assert "сделал ссылку для помощника" in await visitor.page("/audit")
