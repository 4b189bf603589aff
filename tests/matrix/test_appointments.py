"""Visits of YCLIENTS' journal are deals in amoCRM: through the hub whole, by webhooks and without them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from in_step_house import POINTS, dies_at
from matrix.appointments import ANNA, BOOKED, CALL_BACK, CONFIRMED, LOST, MISSED, WON, Business, business
from matrix.hub import Front
from simulators.serve import Running

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session", params=["told", "never told"])
async def shop(
    request: pytest.FixtureRequest, tmp_path: Path, empty: Path, front: Front, vendors: Running
) -> AsyncIterator[Business]:  # fmt: skip
    """By webhooks; and with every webhook lost, so that it is asked for."""
    async with business(shutil.copytree(empty, tmp_path / "data"), front, vendors) as made:
        if request.param == "told":
            await made.listen()
        yield made


async def test_a_visit_is_one_deal_and_what_becomes_of_it_is_seen_there(shop: Business) -> None:
    visit = shop.visit(**shop.at("2026-10-07 12:00"))
    await shop.settle()
    deal = shop.deal()
    assert (deal["name"], deal["status_id"], deal["price"]) == ("Мужская стрижка: Анна Петрова", BOOKED, 1300)
    assert shop.starts(deal) == "2026-10-07 12:00"
    assert [one["name"] for one in shop.crm.cards["contacts"].values()] == ["Анна Петрова"]
    shop.visit(visit, **shop.at("2026-10-08 15:30"))
    await shop.settle()
    assert shop.starts(shop.deal()) == "2026-10-08 15:30"
    for attendance, stage in ((2, CONFIRMED), (-1, MISSED), (0, BOOKED), (1, WON)):
        shop.visit(visit, attendance=attendance)
        await shop.settle()
        assert shop.deal()["status_id"] == stage, attendance
    assert not [one for one in shop.salon.effects if one["kind"] in ("put record", "cancelled")]


async def test_a_cancelled_visit_closes_its_deal_and_one_that_comes_back_opens_it(shop: Business) -> None:
    visit = shop.visit(**shop.at("2026-10-07 12:00"))
    await shop.settle()
    shop.visit(visit, deleted=True)
    await shop.settle()
    assert shop.deal()["status_id"] == LOST
    shop.visit(visit, deleted=False)
    await shop.settle()
    assert shop.deal()["status_id"] == BOOKED
    shop.purge(visit)
    if not shop.listens:  # no list shows it: somebody has to touch its deal
        shop.rename(shop.deal()["id"], "Анна, стрижка")
    await shop.settle()
    assert shop.deal()["status_id"] == LOST, "gone for good is cancelled too"


async def test_a_stage_of_the_deal_moves_the_visit_and_a_deleted_deal_leaves_it(shop: Business) -> None:
    visit = shop.visit(**shop.at("2026-10-07 12:00"))
    await shop.settle()
    deal = shop.deal()["id"]
    shop.move(deal, CALL_BACK)
    await shop.settle()
    assert (shop.shows(visit)["attendance"], shop.deal()["status_id"]) == (0, CALL_BACK), "a stage of their own"
    shop.move(deal, CONFIRMED)
    await shop.settle()
    assert shop.shows(visit)["attendance"] == 2
    shop.move(deal, BOOKED)
    await shop.settle()
    assert (shop.shows(visit)["attendance"], shop.deal()["status_id"]) == (2, BOOKED), "no way back"
    shop.move(deal, LOST)
    await shop.settle()
    assert shop.shows(visit)["deleted"]
    other = shop.visit(**shop.at("2026-10-09 12:00"))
    await shop.settle()
    made = next(one["id"] for one in shop.deals() if one["id"] != deal)
    shop.remove(made)
    await shop.settle()
    assert not shop.shows(other)["deleted"]
    shop.visit(other, **shop.at("2026-10-09 15:00"))
    await shop.settle()
    assert [one["id"] for one in shop.deals()] == [deal], "nothing is made in a deleted deal's place"
    assert not [one for one in shop.salon.effects if one["kind"] == "sms"]


@pytest.mark.parametrize("shop", ["told"], indirect=True)
async def test_a_worker_that_dies_at_any_step_makes_nothing_twice(
    shop: Business, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Each step's death is another visit's: booked by somebody new, moved, and cancelled through its deal."""
    for number, point in enumerate(POINTS):
        person = {**ANNA, "id": 5000 + number, "phone": f"+7999222{number:04}"}
        left = dies_at(point, monkeypatch)
        visit = shop.visit(client=person, **shop.at(f"2026-10-{number + 7:02} 12:00"))
        await shop.survive()
        assert not left, f"nothing passes {point}"
        deal = shop.deal_of(visit)
        dies_at(point, monkeypatch)
        shop.visit(visit, **shop.at(f"2026-10-{number + 7:02} 17:00"))
        await shop.survive()
        assert shop.starts(shop.deal_of(visit)) == f"2026-10-{number + 7:02} 17:00"
        dies_at(point, monkeypatch)
        shop.move(deal["id"], LOST)
        await shop.survive()
        assert shop.shows(visit)["deleted"], point
    assert len(shop.deals()) == len(shop.crm.cards["contacts"]) == len(POINTS)
    assert len([one for one in shop.salon.effects if one["kind"] == "cancelled"]) == len(POINTS)
