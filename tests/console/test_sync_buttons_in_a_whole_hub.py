"""Buttons about systems in step, pressed in a hub whole: what amoCRM's and a business's own system hold then."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from console.visitor import Visitor
from console.whole import Desk
from kits.paying_shop import START
from matrix.conftest import empty, front, running, vendors  # noqa: F401
from matrix.hub import TENANT, Connection, Front, Machine, machine
from real_side import FIELDS, RealSide
from simulators.serve import Running
from svyazka.engine.agreeing.nightly import begin
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.comparing import brakes, holds
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_JOBS
from svyazka.model.events import Change, EventType, Fact
from svyazka.model.in_step import Link, link_id
from svyazka.model.jobs import Job, JobState
from svyazka.model.records import RecordKind
from svyazka.model.tenants import CompiledConnection
from vendors import CRMS

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLOW = f"/sync/{TENANT}/people"
TYPES = {Change.CREATED: EventType.CONTACT_CREATED, Change.DELETED: EventType.CONTACT_DELETED}


class Both(Desk):
    """amoCRM and the business's own system; whoever is named stands in both under one phone."""

    def __init__(self, hub: Machine, owner: Visitor) -> None:
        super().__init__(hub, owner)
        self.amo, self.own = (RealSide(name, hub.vendors) for name in ("amocrm", "http"))
        self.told = 0

    async def pairs(self, *names: str) -> list[tuple[str, str]]:
        """People who stand in both; their cards' ids."""
        made = []
        for name in names:
            self.told += 1
            person = {"name": name, "phone": (f"+7999000{self.told:04}",)}
            made.append((self.amo.add(**person), self.own.add(**person)))
        self.own.told.clear()
        await self.quiet()
        return made

    async def quiet(self) -> None:
        """Hooks arrive and all is done: a new card is looked at a minute after it was made."""
        for side in (self.amo, self.own):
            while side.told:
                await self._told(side.name, side.told.popleft())
        await self.hub.work()
        await self.hub.pass_time(0.03)
        for memo in self.hub.hub.memos.values():
            memo.clear()  # what is known of a vendor lasts by the process's own clock, which stands still here

    async def _told(self, name: str, hint: Any) -> None:
        self.told += 1
        document = await self.hub.store.get("connections", f"{TENANT}.{name}")
        compiled = journal.read(CompiledConnection, document).model
        fact = Fact(type=TYPES.get(hint.change, EventType.CONTACT_CHANGED), key=(hint.id, str(self.told)),
                    subject=f"contact:{hint.id}", about=(hint,))  # fmt: skip
        create, tasks = found_event(self.hub.hub, compiled, fact, self.hub.clock.now(), "webhook")
        await self.hub.store.commit([create], tasks)

    def names(self, *pairs: tuple[str, str]) -> list[tuple[object, object]]:
        """What stands in amoCRM and in the own system."""
        amo, own = self.amo.cards, self.own.cards
        return [(amo[one].fields["name"], own[other].fields["name"]) for one, other in pairs]

    async def shown(self, pair: tuple[str, str]) -> str:
        """Where both cards of somebody stand, read anew just now."""
        self.hub.vendors.of("http").calls.clear()
        page = (await self.owner.page(f"{FLOW}/doubts")).partition(f"http №{pair[1]}<")[2]
        where = await self.owner.press(page, "Показать обе карточки")
        await self.hub.work()
        assert self.calls("http")
        return where

    async def held_jobs(self) -> list[str]:
        page = await self.hub.store.find(RECENT_JOBS)
        jobs = [journal.read(Job, one).model for one in page.documents]
        return [one.id for one in jobs if one.state is JobState.HELD]

    async def cards(self, card: str, vendor: str = "amocrm") -> str:
        """The page of whoever has this card."""
        link = await journal.load(self.hub.store, Link, link_id(TENANT, RecordKind.CONTACT, vendor, card))
        assert link is not None
        return f"{FLOW}/cards/{link.model.record}"


@pytest.fixture
def opened(tmp_path: Path, empty: Path, front: Front, vendors: Running):  # noqa: F811
    @asynccontextmanager
    async def both(**settings: object) -> AsyncIterator[Both]:
        connections = {name: Connection(name, CRMS[name].settings, CRMS[name].secrets) for name in ("amocrm", "http")}
        flow = {"id": "people", "flow": "sync_contacts", "between": ["amocrm", "http"], "mode": "on",
                "fields": {**dict.fromkeys(FIELDS, "both"), "birthday": "off"}, **settings}  # fmt: skip
        data = shutil.copytree(empty, tmp_path / "data")
        async with machine(data, front, vendors, START, connections, [flow]) as hub:
            await hub.worker.handle("/sweep", {})
            yield Both(hub, await Visitor(hub).come_in())

    return both


async def test_each_answer_to_a_doubt_is_seen_in_both_systems(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brakes, "WRITES_IN_AN_HOUR", 1)
    async with opened(create="none") as it:
        people = await it.pairs(*(f"Гость {number}" for number in range(9)))

        async def renamed(*which: tuple[str, str]) -> None:
            for one, other in which:
                it.amo.edit(one, name="Из CRM")
                it.own.edit(other, name="Из своей")
            await it.quiet()
            assert it.names(*which) == [("Из CRM", "Из своей")] * len(which)

        for pair, label, there in (
            (people[0], "Как в amocrm", ("Из CRM", "Из CRM")), (people[1], "Пусть отличаются", ("Из CRM", "Из своей")),
        ):  # fmt: skip
            await renamed(pair)
            await it.press(await it.shown(pair), label)
            await it.quiet()
            assert it.names(pair) == [there], label
        for pairs, label, there in (
            (people[2:4], "Все: как в http", ("Из своей", "Из своей")),
            (people[4:6], "Все: пусть отличаются", ("Из CRM", "Из своей")),
        ):  # fmt: skip
            await renamed(*pairs)
            await it.does(f"{FLOW}/doubts", label)
            await it.quiet()
            assert it.names(*pairs) == [there] * 2, label
        stopped = people[6:]
        for number in range(2):
            for one, _other in stopped:
                it.amo.edit(one, name=f"Робот {number}")
            await it.quiet()
        assert ("Робот 1", "Робот 1") not in it.names(*stopped)
        await it.press(await it.shown(stopped[0]), "Пустить дальше")
        await it.quiet()
        assert it.names(*stopped).count(("Робот 1", "Робот 1")) == 1
        await it.does(f"{FLOW}/doubts", "Все: пусть идёт дальше")
        await it.quiet()
        assert it.names(*stopped) == [("Робот 1", "Робот 1")] * 3
        assert "Вашего слова ничего не ждёт" in await it.owner.page(f"{FLOW}/doubts")


async def test_each_word_about_whose_a_card_is_is_seen_in_both_systems(opened) -> None:
    async with opened(create="all", delete={"http": "ask"}) as it:
        ivan = {"name": "Иван Петров", "phone": ("+79990001000",)}
        first, _second = it.own.add(**ivan), it.own.add(**ivan)
        it.own.told.clear()
        amo = it.amo.add(**ivan)
        await it.quiet()
        await it.does(f"{FLOW}/doubts", f"Это http №{first}")
        await it.quiet()
        it.amo.edit(amo, name="Иван Иванов")
        await it.quiet()
        assert [one.fields["name"] for one in it.own.cards.values()] == ["Иван Иванов", "Иван Петров"]

        (alone, *gone) = await it.pairs("Пётр", "Павел", "Анна")
        page = await it.cards(alone[0])
        it.hub.vendors.of("http").calls.clear()
        await it.does(page, "Показать карточки")
        assert it.calls("http"), "they are read anew"
        await it.does(page, f"Отделить http №{alone[1]}")
        await it.quiet()
        it.amo.edit(alone[0], name="Пётр Первый")
        await it.quiet()
        assert it.names(alone) == [("Пётр Первый", "Пётр")]

        for _one, other in gone:
            it.own.delete(other)
        await it.quiet()
        before = len(it.own.cards)
        await it.does(f"{FLOW}/doubts", "Все: Завести заново")
        await it.quiet()
        assert len(it.own.cards) - before == 2
        again = next(id_ for id_, one in it.own.cards.items() if one.fields["name"] == "Павел")
        it.own.delete(again)
        await it.quiet()
        assert len(it.own.cards) - before == 1
        await it.does(await it.cards(gone[0][0]), "Завести заново в http")
        await it.quiet()
        assert len(it.own.cards) - before == 2


async def test_what_becomes_of_a_change_of_very_many_is_seen_in_both_systems(
    opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "MASS_CHANGE", holds.Threshold(2, 5))
    async with opened(create="none") as it:
        people = await it.pairs(*(f"Гость {number}" for number in range(4)))
        for name, label, rest in (
            ("Клиент", "Да, продолжать", ("Клиент", "Клиент")), ("Гость", "Нет, как в amocrm", ("Клиент", "Клиент")),
            ("Человек", "Пусть отличаются", ("Клиент", "Человек")),
        ):  # fmt: skip
            for _one, other in people:
                it.own.edit(other, name=name)
            await it.quiet()
            held = [one for one in people if it.names(one) != [(name, name)]]
            assert len(held) == 2, "those after the first ones"
            card = re.findall(r"/problems/\w+", await it.owner.page("/"))[0]
            assert f'href="{FLOW}"' in await it.owner.page(card), "it leads to where it is answered"
            await it.does(FLOW, label)
            await it.quiet()
            assert it.names(*held) == [rest] * 2, label


async def test_what_becomes_of_very_many_new_cards_is_seen_in_both_systems(
    opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "MADE", holds.Threshold(1, 5))
    async with opened(create="all") as it:
        for label, made in (("Нет: не заводить их", 1), ("Да, продолжать", 3)):
            before = len(it.amo.cards)
            for _ in range(3):
                it.told += 1
                it.own.add(name="Новый", phone=(f"+7988000{it.told:04}",))
            await it.quiet()
            assert len(it.amo.cards) - before == 1, "those after the first one"
            await it.does(FLOW, label)
            await it.quiet()
            assert len(it.amo.cards) - before == made, label
            await it.hub.pass_time(25)
            await it.come_in_anew()


async def test_what_becomes_of_those_that_a_list_lacks_is_asked_of_each_or_of_none(
    opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "INFERRED", holds.Threshold(0, 2))
    async with opened(create="none", delete={"http": "ask"}) as it:
        _stays, gone = await it.pairs("Анна", "Пётр")
        it.own.delete(gone[1])
        it.own.told.clear()
        tenant = await it.hub.hub.directory.tenant(TENANT)
        assert tenant is not None
        (flow,) = await in_step_flows(it.hub.hub, tenant)
        for label, asked in (("Не трогать их и продолжать", 0), ("Их больше нет: продолжать", 1)):
            await begin(it.hub.hub, tenant, flow, "http", label)
            await it.quiet()
            (job,) = await it.held_jobs()
            it.hub.vendors.of("http").calls.clear()
            await it.does(f"/jobs/{job}", label)
            await it.quiet()
            assert (len(it.calls("http", f"/{gone[1]}")) > 0) == asked, label
            assert await it.held_jobs() == []
            await it.hub.pass_time(24)
            await it.come_in_anew()
        assert "Завести заново" in await it.owner.page(f"{FLOW}/doubts")


async def test_writing_begins_and_ends_by_a_button(opened) -> None:
    async with opened(mode="watch") as it:
        (person,) = await it.pairs("Иван")
        it.amo.edit(person[0], name="Иван Первый")
        await it.quiet()
        assert it.names(person) == [("Иван Первый", "Иван")]
        await it.does(FLOW, "Писать в http")
        await it.quiet()
        assert it.names(person) == [("Иван Первый", "Иван Первый")]
        await it.does(FLOW, "Снова только наблюдать за http")
        it.amo.edit(person[0], name="Иван Второй")
        await it.quiet()
        assert it.names(person) == [("Иван Второй", "Иван Первый")]
