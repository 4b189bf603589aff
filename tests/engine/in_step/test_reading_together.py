"""What waits to be looked at is read together, and nothing that was said since is missed by it."""

from __future__ import annotations

import asyncio
import random

import pytest

from fake_side import FakeSide
from in_step_house import InStep
from svyazka.engine.in_step import reading_ahead
from svyazka.model.deliveries import Status

MANY, AT_ONCE = 120, 50


async def house_of(many: int = MANY) -> tuple[InStep, list[tuple[str, ...]]]:
    """So many people, linked and agreed; of the salon's cards each is read by a call of its own."""
    house = InStep()
    house.salon.reads_at_once = 1
    await house.settle_in()
    people = [{"name": f"Гость {n}", "phone": (f"+7999{n:07}",)} for n in range(many)]
    ids = [tuple(side.add(**one) for side in house.sides.values()) for one in people]
    await house.quiet()
    for side in house.sides.values():
        side.writes.clear()
        side.reads = 0
    return house, ids


def edited(side: FakeSide, ids: list[str]) -> None:
    for number, id_ in enumerate(ids):
        side.edit(id_, name=f"Новый {number}")


async def test_a_bulk_edit_is_read_by_the_page_and_so_are_our_own_changes_coming_back() -> None:
    house, ids = await house_of()
    edited(house.crm, [crm for _, crm in ids])
    await house.hooks()
    await house.run()
    pages = -(-MANY // AT_ONCE)
    assert len(house.salon.writes) == MANY
    assert house.crm.reads <= pages + 1, "whoever is first doesn't know yet that others follow"
    before = house.crm.reads
    await house.quiet()
    assert len(house.salon.writes) == MANY
    assert house.crm.reads - before <= pages + 1
    attempts = [one for one in house.deliveries() if one.attempts]
    assert len(attempts) == MANY, "only what differs is tried"
    assert all(house.salon.shows(salon, "name") == house.crm.shows(crm, "name") for salon, crm in ids)


async def planned(house: InStep) -> None:
    """What was told is planned, one after the other, and not looked at yet."""
    await house.hooks()
    plans = list(house.store.tasks)
    house.store.tasks.clear()
    for task in plans:
        house.clock.step(0.001)
        await house.worker.handle(task.path, task.body)


async def test_a_line_longer_than_is_looked_at_is_read_by_the_page_in_whatever_order_it_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Queues keep no order, and a thousand that were told of in one moment wait for the same one."""
    at_once = 8
    monkeypatch.setattr(reading_ahead, "ASKED_MOST", 2 * at_once)
    house, ids = await house_of(64)
    house.crm.reads_at_once = at_once
    edited(house.crm, [crm for _, crm in ids])
    await planned(house)
    random.Random(1).shuffle(house.store.tasks)
    await house.run()
    assert len(house.salon.writes) == len(ids)
    assert house.crm.reads <= len(ids) // at_once + 3


async def test_of_more_than_can_be_kept_what_was_used_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = 8
    monkeypatch.setattr(reading_ahead, "KEPT_MOST", 2 * at_once)
    house, ids = await house_of(64)
    house.crm.reads_at_once = at_once
    edited(house.crm, [crm for _, crm in ids])
    await planned(house)
    await house.run()
    assert len(house.salon.writes) == len(ids)
    assert house.crm.reads <= len(ids) // at_once + 3


async def test_what_was_told_after_it_was_read_ahead_is_read_anew() -> None:
    house, ids = await house_of(12)
    edited(house.crm, [crm for _, crm in ids])
    await house.hooks()
    plans = list(house.store.tasks)
    house.store.tasks.clear()
    for task in plans:
        await house.worker.handle(task.path, task.body)
    looks = list(house.store.tasks)
    house.store.tasks.clear()
    for task in looks[:2]:  # the second reads for all behind it
        await house.worker.handle(task.path, task.body)
    last = ids[-1][1]
    house.crm.edit(last, name="Самый новый")
    await house.hooks()
    house.store.tasks.extend(looks[2:])  # behind the plan of that edit's hook
    await house.quiet()
    assert house.salon.shows(ids[-1][0], "name") == "Самый новый"
    assert len(house.salon.writes) == len(ids), "the last one was written once, as it stands"


async def test_a_lone_edit_asks_nobody_who_else_waits() -> None:
    house, ids = await house_of(3)
    house.clock.step(3600)
    asked: list[str] = []
    find = house.store.find

    async def counted(query: object, **more: object) -> object:
        asked.append(str(getattr(query, "name", query)))
        return await find(query, **more)  # type: ignore[arg-type]

    house.store.find = counted  # type: ignore[method-assign,assignment]
    house.crm.edit(ids[0][1], name="Один")
    await house.hooks()
    await house.run()
    assert house.salon.shows(ids[0][0], "name") == "Один"
    assert "next_deliveries_of_connection" not in asked


async def test_many_at_once_share_one_reading() -> None:
    house, ids = await house_of(20)
    edited(house.crm, [crm for _, crm in ids])
    await house.hooks()
    plans = list(house.store.tasks)
    house.store.tasks.clear()
    for task in plans:
        await house.worker.handle(task.path, task.body)
    looks = list(house.store.tasks)
    house.store.tasks.clear()
    await asyncio.gather(*(house.worker.handle(task.path, task.body) for task in looks))
    assert house.crm.reads <= 2
    assert {one.status for one in house.deliveries()} == {Status.SUCCEEDED}
