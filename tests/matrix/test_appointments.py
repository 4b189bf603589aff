"""Visits of YCLIENTS' journal are deals in amoCRM: through the hub whole, by webhooks and without them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dying import dies_at
from in_step_house import POINTS
from matrix.appointments import (
    ANNA,
    BOOKED,
    CALL_BACK,
    CONFIRMED,
    FLOW,
    LOST,
    MISSED,
    START,
    WON,
    Business,
    business,
    connections,
)
from matrix.hub import Connection, Front
from simulators.serve import Running
from svyazka.engine.operating.syncing import flow_named, look_anew, switched
from vendors import VENDORS
from vendors.parts.base import UNHURRIED

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


@pytest.mark.parametrize("shop", ["told"], indirect=True)
async def test_what_nobody_told_and_no_poll_has_found_is_mended_in_the_night(shop: Business) -> None:
    visit = shop.visit(**shop.at("2026-10-07 12:00"))
    other = shop.visit(client={**ANNA, "id": 4002, "phone": "+79994445566"}, **shop.at("2026-10-07 16:00"))
    await shop.settle()
    shop.listens, shop.salon.hooks = False, {**shop.salon.hooks, "urls": []}
    shop.crm.hooks.clear()
    deal, kept = shop.deal_of(visit), shop.deal_of(other)
    shop.salon.salon.records[visit] |= shop.at("2026-10-07 18:00")  # and its time of change says nothing of it
    deal["status_id"] = CONFIRMED
    kept["is_deleted"] = True
    await shop.nights(8)
    assert (shop.starts(deal), shop.shows(visit)["attendance"]) == ("2026-10-07 18:00", 2)
    assert not shop.shows(other)["deleted"]
    assert len(shop.crm.cards["leads"]) == 2


@pytest.mark.parametrize("shop", ["told"], indirect=True)
@pytest.mark.parametrize("how", ["shown as deleted", "not shown any more"])
async def test_a_visit_that_was_deleted_without_a_word_closes_its_deal_in_the_night(shop: Business, how: str) -> None:
    visit = shop.visit(**shop.at("2026-10-20 12:00"))
    other = shop.visit(client={**ANNA, "id": 4002, "phone": "+79994445566"}, **shop.at("2026-10-20 16:00"))
    await shop.settle()
    deal, kept = shop.deal_of(visit), shop.deal_of(other)
    shop.listens, shop.salon.hooks = False, {**shop.salon.hooks, "urls": []}
    shop.visit(visit, deleted=True)
    if how == "not shown any more":
        shop.purge(visit)
    await shop.nights(8)
    assert (deal["status_id"], kept["status_id"]) == (LOST, BOOKED)


def flow(**changes: Any) -> dict[str, Any]:
    return {**FLOW, **changes}


async def test_a_flow_that_watches_writes_nothing_and_lists_what_it_then_does(
    tmp_path: Path, empty: Path, front: Front, vendors: Running
) -> None:
    data = shutil.copytree(empty, tmp_path / "data")
    async with business(data, front, vendors, flow(mode="watch")) as shop:
        await shop.listen()
        shop.visit(**shop.at("2026-10-07 12:00"))
        await shop.settle()
        assert not shop.deals()
        assert not shop.crm.cards["contacts"]
        (record,) = await shop.records()
        assert record.would == {"crm": ("+",)}
        owner = await shop.hub.hub.directory.tenant("kofe")
        assert owner is not None
        one = await flow_named(shop.hub.hub, owner, "sync_appointments")
        await switched(shop.hub.hub, owner, one, ["crm"], on=True)
        async for _ in look_anew(shop.hub.hub, owner, one):
            pass
        await shop.settle()
        assert shop.deal()["status_id"] == BOOKED
        (record,) = await shop.records()
        assert not record.would
        shop.move(shop.deal()["id"], CONFIRMED)
        await shop.settle()
        (record,) = await shop.records()
        assert record.would == {"salon": ("status",)}, "toward the salon nobody has started it"


async def test_a_visit_takes_the_persons_only_open_deal_and_leaves_what_managers_wrote(
    tmp_path: Path, empty: Path, front: Front, vendors: Running
) -> None:
    data = shutil.copytree(empty, tmp_path / "data")
    async with business(data, front, vendors, flow(attach="open")) as shop:
        await shop.listen()
        lead = shop.lead("Заявка с сайта", CALL_BACK, price=5000)
        visit = shop.visit(**shop.at("2026-10-07 12:00"))
        await shop.settle()
        deal = shop.deal()
        assert (deal["id"], deal["name"], deal["price"], deal["status_id"]) == (lead, "Заявка с сайта", 5000, BOOKED)
        assert shop.starts(deal) == "2026-10-07 12:00"
        shop.visit(visit, attendance=2)
        shop.visit(**shop.at("2026-11-07 12:00"))
        await shop.settle()
        assert [one["status_id"] for one in shop.deals()] == [CONFIRMED, BOOKED], "that one has a visit by now"
        for number in (1, 2):
            shop.lead(f"Курс {number}", CALL_BACK)
        shop.visit(**shop.at("2026-12-07 12:00"))
        await shop.settle()
        assert len(shop.deals()) == 4, "which of several is a question"
        assert [(one.field, one.cause, len(one.candidates)) for one in await shop.doubts()] == [("@crm", "several", 2)]


async def test_what_was_over_or_names_nobody_is_no_deal_and_a_walk_in_salon_of_another_zone_keeps_its_clock(
    tmp_path: Path, empty: Path, front: Front, vendors: Running
) -> None:
    data = shutil.copytree(empty, tmp_path / "data")
    made = connections(salon={"timezone": "Asia/Vladivostok"})
    async with business(data, front, vendors, FLOW, made=made) as shop:
        await shop.listen()
        shop.visit(**shop.at("2026-10-04 12:00"))
        shop.visit(client=None, **shop.at("2026-10-08 12:00"))
        cancelled = shop.visit(client={**ANNA, "phone": "+79990001122"}, **shop.at("2026-10-08 13:00"))
        shop.visit(cancelled, deleted=True)
        await shop.settle()
        assert not shop.deals()
        visit = shop.visit(**shop.at("2026-10-08 00:30"))
        await shop.settle()
        assert shop.starts(shop.deal(), "Asia/Vladivostok") == "2026-10-08 00:30"
        writes = shop.crm.cards["leads"][shop.deal()["id"]]["updated_at"]
        shop.visit(visit, comment="у окна")
        await shop.settle()
        assert shop.crm.cards["leads"][shop.deal()["id"]]["updated_at"] == writes, "the same time in another zone"


async def test_a_visit_that_is_cancelled_in_dikidi_or_vanishes_from_it_closes_its_deal(
    tmp_path: Path, empty: Path, front: Front, vendors: Running
) -> None:
    """DIKIDI tells nobody: its journal is compared with the look before. It is only read."""
    data, (office,) = shutil.copytree(empty, tmp_path / "data"), [VENDORS["dikidi"].asked]
    assert office is not None
    office.begin(vendors, START)
    salon = Connection("dikidi", {**office.settings, **UNHURRIED}, office.secrets)
    made = {**connections(), "salon": salon}
    async with business(data, front, vendors, made=made) as shop:
        book, at = shop.dikidi.salon, datetime(2026, 10, 7, 12)
        visits = []
        for number in range(3):
            one = book.take("555", ["2001"], at + timedelta(hours=2 * number))
            one.client = {"name": f"Анна {number}", "phone": f"+7999333000{number}"}
            visits.append(one)
        await shop.settle()
        assert [one["status_id"] for one in shop.deals()] == [CONFIRMED] * 3
        assert shop.starts(shop.deals()[0]) == "2026-10-07 12:00"
        visits[0].status = "5"
        shop.dikidi.office.lost.add(visits[1].id)
        shop.move(shop.deals()[2]["id"], LOST)
        await shop.settle()
        await shop.settle()
        assert [one["status_id"] for one in shop.deals()] == [LOST] * 3
        assert book.bookings[visits[2].id].status != "5", "what is only read stays as it is"
        assert not [one for one in await shop.hub.deliveries() if one.status == "failed"]
