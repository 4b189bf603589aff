"""A business's settings at the console: shown, checked, a change looked at first, and made against its own revision."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from console.visitor import Visitor, fields
from fakes import House
from svyazka.connectors.registry import load_manifest
from svyazka.console.files import LONGEST
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.requests import Role
from svyazka.model.tenants import Tenant
from svyazka.tenantfile.reader import read_tenant_file, read_tenant_text
from svyazka.tenanttext import text_of

EXAMPLES = sorted((Path(__file__).parents[2] / "tenants").glob("*.yaml"))
TEXT = """id: kofe
name: Кофейня
timezone: Europe/Moscow
connections:
  till: {vendor: iiko}
  sms: {vendor: smsru, api_id: {secret: smsru-api-id}}
flows:
- flow: review_request
  from: [till]
  via: [sms]
  text: '{name}, спасибо! {review_url}'
  review_url: https://example.org/r
"""


@pytest.fixture
async def house() -> House:
    house = House()
    house.manifests |= {name: load_manifest(name) for name in ("iiko", "smsru")}
    house.tenant = read_tenant_text(TEXT, "kofe.yaml")
    await house.store.commit([Put(journal.document(house.tenant))])
    await house.worker.handle("/sweep", {})
    return house


async def planned(house: House, visitor: Visitor, change: tuple[str, str]) -> str:
    """The page with what would follow."""
    page = await visitor.page("/file?tenant=kofe")
    text = unescape(page.partition("<textarea")[2].partition(">\n")[2].partition("</textarea>")[0])
    assert change[0] in text
    where = await visitor.press(page, "Посмотреть, что изменится", typed=text.replace(*change))
    await house.run()
    return await visitor.page(where)


async def stored(house: House) -> Tenant:
    held = await journal.load(house.store, Tenant, "kofe")
    assert held is not None
    return held.model


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_tenants_text_says_the_whole_tenant(path: Path) -> None:
    tenant = read_tenant_file(path)
    assert read_tenant_text(text_of(tenant), path.name) == tenant


async def test_a_change_is_looked_at_first_and_then_made(house: House, visitor: Visitor) -> None:
    page = await planned(house, visitor, ("Кофейня", "Кофейня на углу"))
    assert "Ещё ничего не изменено" in page or "пока ничего не изменено" in page
    assert (await stored(house)).name == "Кофейня"
    where = {await visitor.press(page, "Изменить") for _ in range(2)}
    assert len(where) == 1
    await house.run()
    assert "Готово" in await visitor.page(where.pop())
    assert (await stored(house)).name == "Кофейня на углу"
    assert "изменил настройки" in await visitor.page("/audit")


@pytest.mark.parametrize(("letters", "status"), [(LONGEST - 1000, 303), (LONGEST, 400)])
async def test_a_long_text_in_russian_is_taken_and_a_longer_one_told_of(
    house: House, visitor: Visitor, letters: int, status: int
) -> None:
    page = await visitor.page("/file?tenant=kofe")
    form = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'action="/file"' in one)
    answer = await visitor.http.post("/file", data={**fields(form), "typed": f"{TEXT}# {'я' * letters}\n"})
    assert answer.status_code == status
    assert (f"не больше {LONGEST} знаков" in answer.text) == (status == 400)


async def test_a_change_of_what_somebody_changed_meanwhile_is_not_made(house: House, visitor: Visitor) -> None:
    page = await planned(house, visitor, ("Кофейня", "Кофейня на углу"))
    other = (await stored(house)).model_copy(update={"name": "Чайная"})
    await house.store.commit([Put(journal.document(other))])
    house.hub.directory.forget()
    where = await visitor.press(page, "Изменить")
    await house.run()
    assert "Не сделано" in await visitor.page(where)
    assert (await stored(house)).name == "Чайная"


@pytest.mark.parametrize(
    ("change", "said"),
    [(("vendor: iiko", "vendor: iikoo"), "iiko"), (("id: kofe", "id: bar"), "kofe"),
     (("secret: smsru-api-id", "key: 1"), "api_id"), (("flows:", "flows: ["), "YAML")],
)  # fmt: skip
async def test_what_is_wrong_with_it_is_said_and_nothing_is_put_down(
    house: House, visitor: Visitor, change: tuple[str, str], said: str
) -> None:
    page = await visitor.page("/file?tenant=kofe")
    form = {**fields(page[page.index('action="/file"') :]), "typed": TEXT.replace(*change)}
    answer = await visitor.http.post("/file", data=form)
    assert answer.status_code == 400
    assert "Ничего не изменено" in answer.text
    assert said in answer.text
    assert not [one for one in house.store.documents if one[0] == "requests"]


async def test_only_an_owner_changes_it(house: House) -> None:
    operator = await Visitor(house).come_in(Role.OPERATOR)
    page = await operator.page("/file?tenant=kofe")
    assert "readonly" in page
    form = {**fields(page[page.index('action="/file"') :]), "typed": TEXT}
    assert (await operator.http.post("/file", data=form)).status_code == 403


async def test_people_are_let_in_and_the_last_owner_is_not_put_out(house: House, visitor: Visitor) -> None:
    people = "people:\n- name: Мария\n  role: owner\n  connection: sms\n  phone: '+79991112233'\n"
    page = await planned(house, visitor, ("connections:", f"{people}connections:"))
    assert "человек Мария" in page
    await visitor.press(page, "Изменить")
    await house.run()
    assert [one.name for one in (await stored(house)).people] == ["Мария"]
    page = await planned(house, visitor, (people, ""))
    assert "последнего владельца" in page
    assert [one.name for one in (await stored(house)).people] == ["Мария"]
