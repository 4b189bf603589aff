"""Buttons whose presses are told elsewhere of fakes, here pressed in a hub whole: what the vendors' stand-ins took."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest

from console.visitor import Visitor
from console.whole import Desk
from matrix import channels
from matrix.conftest import empty, front, running, vendors  # noqa: F401
from matrix.hub import TENANT, Connection, Front, Machine, machine
from simulators.serve import Running
from vendors import MESSENGERS
from vendors.parts.base import SAMPLES

pytestmark = pytest.mark.asyncio(loop_scope="session")

START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
ASKS = {
    "id": "ask", "flow": "review_request", "from": ["till"], "via": ["smsru"], "text": "{name}, спасибо! {review_url}",
    "review_url": "https://example.org/r", "at_most_once_per": "1h",
}  # fmt: skip


class Cafe(Desk):
    """A till that tells of orders, SMS.ru, and its owner at the console."""

    def __init__(self, hub: Machine, owner: Visitor) -> None:
        super().__init__(hub, owner)
        self.orders = 0

    async def delivered(self, phone: str, hours: float = 0) -> str:
        """An order is brought to somebody, and time goes by; its message's delivery."""
        self.orders += 1
        content = json.loads((SAMPLES / "iiko" / "webhook-delivery-closed.json").read_bytes())
        info = content[0]["eventInfo"]
        info["id"] = f"00000000-0000-4000-8000-{self.orders:012d}"
        info["order"]["phone"], info["order"]["customer"]["name"] = phone, "Иван"
        info["order"]["whenClosed"] = f"{self.hub.clock.now().astimezone():%Y-%m-%d %H:%M:%S.000}"
        body = json.dumps(content).encode()
        assert (await self.hub.post(await self.hub.hook("till"), body, "application/json")).status_code == 200
        await self.hub.work()
        if hours:
            await self.hub.pass_time(hours)
        return (await self.hub.deliveries())[-1].id

    def texts(self, phone: str) -> list[str]:
        return [one.text for one in self.hub.sent() if one.to == phone.removeprefix("+")]

    async def refuses(self, *phones: str) -> None:
        await self.hub.tell("smsru", "account", {"refusals": {one.removeprefix("+"): 202 for one in phones}})


@pytest.fixture
def opened(tmp_path: Path, empty: Path, front: Front, vendors: Running):  # noqa: F811
    @asynccontextmanager
    async def cafe() -> AsyncIterator[Cafe]:
        connections = {"till": Connection("iiko"), "smsru": channels.connection(MESSENGERS["smsru"])}
        data = shutil.copytree(empty, tmp_path / "data")
        async with machine(data, front, vendors, START, connections, [ASKS]) as hub:
            await hub.worker.handle("/sweep", {})
            yield Cafe(hub, await Visitor(hub).come_in())

    return cafe


async def test_each_button_about_a_message_is_seen_in_the_messengers_ledger(opened) -> None:
    phones = [f"+7999111400{number}" for number in range(6)]
    async with opened() as it:
        for phone, label, sent in (
            (phones[0], "Не сделано, и не надо", 1), (phones[1], "Не сделано: сделать ещё раз", 2),
        ):  # fmt: skip
            it.hub.vendors.fault("smsru", kind="cut_after", path="/sms/send")
            story = f"/story/{await it.delivered(phone, 1)}"
            assert len(it.texts(phone)) == 1
            assert "Готово" in await it.press(story, label)
            assert len(it.texts(phone)) == sent, label
        await it.refuses(*phones[2:])
        again, old, *_ = [f"/story/{await it.delivered(phone)}" for phone in phones[2:]]
        await it.refuses()
        assert "Готово" in await it.press(again, "Попробовать снова")
        assert len(it.texts(phones[2])) == 1
        assert "Готово" in await it.press(again, "Всё равно ещё раз")
        assert len(it.texts(phones[2])) == 2
        await it.hub.pass_time(24 * 9)
        await it.come_in_anew()
        await it.press(old, "Попробовать снова")
        assert it.texts(phones[3]) == []
        assert "Готово" in await it.press(old, "Попробовать снова, сколько бы ни прошло")
        assert len(it.texts(phones[3])) == 1
        await it.does("/again?tenant=kofe&status=failed", "Попробовать ещё раз, даже старые: 3")
        await it.hub.pass_time(0.5)
        assert [len(it.texts(phone)) for phone in phones] == [2, 2, 2, 1, 1, 1]


async def test_each_button_about_a_system_is_seen_in_its_ledger(opened) -> None:
    phones = [f"+7999111410{number}" for number in range(6)]
    async with opened() as it:
        for label, sent in (("Пауза", 0), ("Продолжить", 1)):
            await it.does("/systems?tenant=kofe", label, after="/systems/kofe/smsru")
            if label == "Пауза":
                await it.delivered(phones[0])
            await it.hub.pass_time(0.5)
            assert len(it.texts(phones[0])) == sent, label
        await it.does("/", "Остановить всё")
        await it.delivered(phones[5])
        await it.hub.pass_time(0.5)
        assert it.texts(phones[5]) == []
        await it.does("/", "Пусть всё идёт дальше")
        await it.hub.pass_time(0.5)
        assert len(it.texts(phones[5])) == 1
        before = it.hub.sent()
        assert "Что из этого выйдет" in await it.owner.page("/systems/kofe/till")
        await it.does("/systems/kofe/till", "Что из этого выйдет?")
        assert it.hub.sent() == before, "it is only thought through"
        await it.hub.tell("smsru", "account", {"balance": 0})
        await it.delivered(phones[1])
        assert it.texts(phones[1]) == []
        await it.hub.tell("smsru", "account", {"balance": 1000})
        assert "Готово" in await it.press("/", "Попробовать сейчас")
        await it.hub.pass_time(0.5)
        assert len(it.texts(phones[1])) == 1
        await it.refuses(*phones[2:4])
        for phone in phones[2:4]:
            await it.delivered(phone)
        await it.refuses()
        await it.asks("/again?tenant=kofe&status=failed", "Попробовать ещё раз: 2")
        job = (await it.owner.page("/jobs")).partition('href="/jobs/')[2].partition('"')[0].partition("?")[0]
        await it.asks(f"/jobs/{job}", "Пауза")
        await it.hub.work()
        assert [len(it.texts(phone)) for phone in phones[2:4]] == [0, 0]
        assert "Готово" in await it.press(f"/jobs/{job}", "Продолжить")
        await it.hub.pass_time(0.5)
        assert [len(it.texts(phone)) for phone in phones[2:4]] == [1, 1]
        await it.refuses(phones[4])
        await it.delivered(phones[4])
        await it.refuses()
        await it.asks("/again?tenant=kofe&status=failed", "Попробовать ещё раз: 1")
        job = (await it.owner.page("/jobs")).partition('href="/jobs/')[2].partition('"')[0].partition("?")[0]
        await it.asks(f"/jobs/{job}", "Закончить")
        await it.hub.pass_time(0.5)
        assert it.texts(phones[4]) == []


async def test_settings_that_were_changed_here_are_seen_in_the_next_message(opened) -> None:
    phone = "+79991114201"
    async with opened() as it:
        page = await it.owner.page("/file?tenant=kofe")
        text = unescape(page.partition("<textarea")[2].partition(">\n")[2].partition("</textarea>")[0])
        typed = text.replace("спасибо!", "благодарим!")
        assert typed != text
        where = await it.owner.press(page, "Посмотреть, что изменится", typed=typed)
        await it.hub.work()
        done = await it.owner.press(await it.owner.page(where), "Изменить")
        await it.hub.work()
        assert "Готово" in await it.owner.page(done)
        it.hub.hub.directory.forget()
        await it.delivered(phone)
        assert it.texts(phone) == ["Иван, благодарим! https://example.org/r"]
        assert (await it.hub.hub.directory.tenant(TENANT)) is not None
