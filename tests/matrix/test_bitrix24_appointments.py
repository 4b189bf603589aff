"""Visits of YCLIENTS' journal are deals in Bitrix24 too: the same rooms, another CRM's cards."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from matrix.appointments import FLOW, Business, business, connections
from matrix.hub import Connection, Front
from simulators.bitrix24.cards import CONTACT, DEAL
from simulators.serve import Running
from vendors import CRMS
from vendors.parts.base import told

pytestmark = pytest.mark.asyncio(loop_scope="session")

STARTS, STAFF = "UF_CRM_2006", "UF_CRM_2001"
STAGES = {
    "booked": "C1:NEW", "confirmed": "C1:UC_1", "completed": "C1:WON", "cancelled": "C1:LOSE",
    "missed": "C1:LOSE",
}  # fmt: skip
OWN = {STARTS: {"type": "datetime"}, STAFF: {"type": "string"}}


class Portal:
    """The deals, as a manager at Bitrix24 sees and moves them."""

    def __init__(self, one: Business) -> None:
        self._vendors = one.hub.vendors
        self.portal = self._vendors.of("bitrix24").portal

    def deal(self) -> dict[str, Any]:
        (one,) = self.portal.cards[DEAL].values()
        return dict(one)

    def people(self) -> list[str]:
        return [f"{one['name']} {one['lastName'] or ''}".strip() for one in self.portal.cards[CONTACT].values()]

    def move(self, stage: str) -> None:
        card = self.portal.cards[DEAL][self.deal()["id"]]
        told(self._vendors, lambda: self.portal.change(DEAL, card, {"stageId": stage}))

    def remove(self) -> None:
        told(self._vendors, lambda: self.portal.delete(DEAL, self.deal()["id"]))


@pytest_asyncio.fixture(loop_scope="session", params=["told", "never told"])
async def shop(
    request: pytest.FixtureRequest, tmp_path: Path, empty: Path, front: Front, vendors: Running
) -> AsyncIterator[Business]:  # fmt: skip
    """By webhooks; and with every webhook lost, so that it is asked for."""
    crm = CRMS["bitrix24"]
    crm.open(vendors)
    vendors.of("bitrix24").portal.own_fields[str(DEAL)].update(OWN)
    fields = {**crm.settings["fields"], "deal.starts_at": STARTS, "deal.staff": STAFF}
    portal = Connection("bitrix24", {**crm.settings, "fields": fields, "category": 1}, crm.secrets)
    made = {"salon": connections()["salon"], "crm": portal}
    flow = {**FLOW, "stages": STAGES}
    async with business(shutil.copytree(empty, tmp_path / "data"), front, vendors, flow, made=made) as one:
        if request.param == "told":
            one.listens = True
            one.salon.hooks = {**one.salon.hooks, "urls": [await one.hub.hook("salon")], "record": 1, "client": 1}
            assert crm.tell is not None
            crm.tell(vendors, await one.hub.hook("crm"))
        yield one


async def test_a_visit_is_one_deal_both_ways(shop: Business) -> None:
    crm = Portal(shop)
    visit = shop.visit(**shop.at("2026-10-07 12:00"))
    await shop.settle()
    deal = crm.deal()
    assert (deal["title"], deal["stageId"], deal["categoryId"]) == ("Мужская стрижка: Анна Петрова", "C1:NEW", 1)
    assert (deal[STARTS], deal["opportunity"]) == ("2026-10-07T12:00:00+03:00", 1300)
    assert crm.people() == ["Анна Петрова"]
    shop.visit(visit, **shop.at("2026-10-08 15:30"))
    await shop.settle()
    assert crm.deal()[STARTS] == "2026-10-08T15:30:00+03:00"
    crm.move("C1:UC_1")
    await shop.settle()
    assert shop.shows(visit)["attendance"] == 2, "confirmed in the CRM"
    shop.visit(visit, attendance=1)
    await shop.settle()
    assert crm.deal()["stageId"] == "C1:WON"


async def test_cancelled_on_either_side_it_is_so_on_both_and_a_deleted_deal_leaves_the_visit(shop: Business) -> None:
    crm = Portal(shop)
    visit = shop.visit(**shop.at("2026-10-07 12:00"))
    await shop.settle()
    shop.visit(visit, deleted=True)
    await shop.settle()
    assert crm.deal()["stageId"] == "C1:LOSE"
    shop.visit(visit, deleted=False)
    await shop.settle()
    assert crm.deal()["stageId"] == "C1:NEW"
    crm.move("C1:LOSE")
    await shop.settle()
    assert shop.shows(visit)["deleted"]
    crm.remove()
    other = shop.visit(**shop.at("2026-10-09 12:00"))
    await shop.settle()
    assert crm.deal()["stageId"] == "C1:NEW"
    crm.remove()
    await shop.settle()
    assert not shop.shows(other)["deleted"]
    assert crm.people() == ["Анна Петрова"]
