"""Who is offered a time that somebody is just booking."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from fakes import House
from svyazka.engine.asking.holds import LONGEST, Holds
from svyazka.engine.tenants.directory import Account
from svyazka.model.bookings import Slot, WallTime


class Desk:
    """Holds of one connection."""

    def __init__(self, house: House, account: Account) -> None:
        self.house, self.account, self.holds = house, account, Holds(house.hub)

    async def place(self, clock: str, visitor: str, staff: str | None = "16", minutes: int | None = 60) -> bool:
        return await self.holds.place(self.account, slot(clock, staff, minutes), visitor)

    async def offered(self, visitor: str | None = None, staff: str | None = "16") -> list[str]:
        slots = [slot(clock, staff, 60) for clock in ("11:00", "11:30", "12:00", "12:30", "13:00")]
        return [f"{one.starts_at.clock:%H:%M}" for one in await self.holds.spared(self.account, slots, visitor)]


def slot(clock: str, staff: str | None, minutes: int | None) -> Slot:
    return Slot(starts_at=WallTime.read(f"2026-10-05T{clock}", "Europe/Moscow"), staff=staff, minutes=minutes)


@pytest.fixture
async def desk() -> Desk:
    house = House()
    await house.settle_in()
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    return Desk(house, account)


async def test_a_time_that_is_held_is_offered_to_nobody_else(desk: Desk) -> None:
    assert await desk.place("12:00", "anna")
    assert await desk.offered() == await desk.offered("ivan") == ["11:00", "13:00"]
    assert await desk.offered("anna") == await desk.offered("ivan", staff="17")
    assert [await desk.place(clock, "ivan") for clock in ("11:30", "12:00", "12:30", "13:00")] == [False] * 3 + [True]
    assert await desk.place("12:00", "anna"), "again: she came back"
    assert await desk.place("12:00", "ivan", staff="17")


async def test_a_hold_ends_by_itself_or_when_it_is_let_go(desk: Desk) -> None:
    await desk.place("12:00", "anna")
    desk.house.clock.step(LONGEST.total_seconds())
    assert await desk.place("12:00", "ivan")
    await desk.holds.free(desk.account, "ivan")
    assert await desk.offered("anna") == ["11:00", "11:30", "12:00", "12:30", "13:00"]
    await desk.holds.free(desk.account, "nobody")


async def test_a_visitor_holds_two_at_most(desk: Desk) -> None:
    assert [await desk.place(clock, "anna") for clock in ("10:00", "12:00", "14:00")] == [True, True, False]
    await desk.holds.free(desk.account, "anna")
    assert await desk.place("14:00", "anna")


async def test_whoever_is_free_isnt_held(desk: Desk) -> None:
    assert await desk.place("12:00", "anna", staff=None)
    assert "12:00" in await desk.offered("ivan", staff=None)


async def test_of_many_at_once_one_holds_it(desk: Desk) -> None:
    placed = await asyncio.gather(*(desk.place("12:00", f"visitor {number}") for number in range(5)))
    assert placed.count(True) == 1


async def test_a_store_that_is_away_stops_nobody(desk: Desk) -> None:
    desk.house.store.down = True
    assert await desk.place("12:00", "anna")
    assert "12:00" in await desk.offered("ivan")
    await desk.holds.free(desk.account, "anna")


async def test_no_visitors_address_is_kept_and_documents_expire(desk: Desk) -> None:
    await desk.place("12:00", "192.0.2.7")
    kept = [document for document in desk.house.store.documents.values() if document.kind == "holds"]
    assert len(kept) == 2
    assert "192.0.2.7" not in str([dataclasses.asdict(document) for document in kept])
    assert {document.fields["expire_at"] for document in kept} == {desk.house.clock.real() + timedelta(minutes=10)}
