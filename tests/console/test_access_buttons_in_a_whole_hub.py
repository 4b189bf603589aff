"""Buttons about access and about what is held back, pressed in a hub whole: what the vendors' stand-ins took, and what
the hub answers to whoever was let in or put out."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from console.visitor import Visitor, form_key
from console.whole import Desk
from kits.paying_shop import START
from matrix.conftest import empty, front, running, vendors  # noqa: F401
from matrix.hub import TENANT, Connection, Front, machine
from simulators.serve import Running
from svyazka.door.callers import PUBLIC
from svyazka.model.events import EventStatus
from vendors import CRMS, VENDORS

pytestmark = pytest.mark.asyncio(loop_scope="session")

OFFICE = VENDORS["bitrix24"].oauth
assert OFFICE is not None


class Studio(Desk):
    """A site whose leads go to amoCRM, and a Bitrix24 that nobody has let us into yet."""

    async def leaves(self, number: int) -> None:
        """Somebody fills in the form faster than fingers do it."""
        body = {"name": f"Гость {number}", "phone": f"+7999111500{number}", "text": "Хочу консультацию", "took": 100}
        headers = {"X-Site-Key": self.hub.keyring.mint(PUBLIC, TENANT, "web"), "Origin": "https://example.ru"}
        answer = await self.hub.front.client.post(f"{self.hub.front.url}/ingest/lead", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        await self.hub.work()

    def leads(self) -> int:
        return CRMS["amocrm"].done(self.hub.vendors)["create deal"]


@pytest.fixture
def opened(tmp_path: Path, empty: Path, front: Front, vendors: Running):  # noqa: F811
    @asynccontextmanager
    async def studio() -> AsyncIterator[Studio]:
        crm = CRMS["amocrm"]
        crm.open(vendors)
        connections = {
            "web": Connection("site", {"origins": ["https://example.ru"]}),
            "crm": Connection("amocrm", crm.settings, crm.secrets),
            "office": Connection("bitrix24", OFFICE.settings, OFFICE.secrets),
        }  # fmt: skip
        data = shutil.copytree(empty, tmp_path / "data")
        flow = {"flow": "lead_intake", "from": ["web"], "via": ["crm"]}
        async with machine(data, front, vendors, START, connections, [flow]) as hub:
            await hub.worker.handle("/sweep", {})
            yield Studio(hub, await Visitor(hub).come_in())

    return studio


async def test_what_is_held_back_reaches_the_crm_or_never_does(opened) -> None:
    async with opened() as it:
        for label, leads in (("Отбросить", 0), ("Пустить дальше", 2)):
            for number in range(2):
                await it.leaves(number + leads)
            assert it.leads() == 0
            await it.does("/", label)
            await it.hub.pass_time(1)
            assert it.leads() == leads, label
            assert not [one for one in await it.hub.events() if one.status is EventStatus.QUARANTINED]
            await it.hub.pass_time(1)


async def test_a_key_and_a_code_that_were_typed_are_what_the_vendor_is_shown(opened) -> None:
    async with opened() as it:
        office = it.hub.vendors.of("bitrix24")
        access, (secret,) = f"/systems/{TENANT}/office/access", OFFICE.secrets.values()
        for typed in ("not-this-one", secret):
            await it.does(access, "Сохранить", typed=typed)
            where = await it.owner.press(await it.owner.page(access), "Сделать ссылку")
            await it.hub.work()
            page = await it.owner.page(where)
            (link,) = re.findall(r'href="([^"]*/oauth/authorize/[^"]*)"', page)
            agreed = httpx.get(link.replace("&amp;", "&"), trust_env=False).headers["location"]
            taken = await it.owner.press(page, "Принять", typed=agreed)
            await it.hub.work()
            assert ("Готово" in await it.owner.page(taken), len(office.access.refresh)) == (
                typed == secret, int(typed == secret)
            )  # fmt: skip


async def test_whoever_has_a_link_sees_this_business_until_he_is_put_out(opened) -> None:
    async with opened() as it:
        where = await it.owner.press(await it.owner.page("/people"), "На 7 дн.")
        await it.hub.work()
        (link,) = re.findall(r"/enter/[\w-]+", await it.owner.page(where))
        helper = Visitor(it.hub)
        assert (await helper.http.post(link, headers={"content-length": "0"})).status_code == 303
        assert "Сохранить" not in await helper.page("/more")
        await it.does("/people", "Закончить вход: помощник")
        await helper.page("/", 401)
        assert (await Visitor(it.hub).http.post(link, headers={"content-length": "0"})).status_code == 403
        gone = await it.owner.http.post("/leave", data={"form_key": form_key(await it.owner.page("/"))})
        assert gone.status_code == 200
        await it.owner.page("/", 401)
