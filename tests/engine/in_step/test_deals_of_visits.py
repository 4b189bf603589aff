"""A deal as the visit that it shows: what its stage says, beside the calendar and what was agreed; and its times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fake_visits import VisitHouse
from svyazka.engine.comparing.prints import Printer
from svyazka.engine.in_step.deals import DealsOfVisits
from svyazka.engine.in_step.flows import InStep as InStepFlow
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.engine.in_step.visits import VisitKind
from svyazka.engine.in_step.wanting import Wanting
from svyazka.engine.operating.answering import answer, choices
from svyazka.model.bases import FieldBase, Owed
from svyazka.model.in_step import Record, Rules, Side
from svyazka.model.records import CLEARED, UNREAD, Object, RecordKind, Shown

NOW = datetime(2026, 10, 5, 9, tzinfo=UTC)
STAGES = {
    "booked": ("new", "called"), "confirmed": ("sure", "paid"), "completed": ("won",), "cancelled": ("lost",),
    "missed": ("lost", "absent"),
}  # fmt: skip
PRINTS = Printer({"1": bytes(32)}, "kofe", "visit")


def kind(**rules: Any) -> VisitKind:
    given = Rules(
        kind=RecordKind.VISIT, between=("salon", "crm"), writes=True, fields={"status": "both"}, create={},
        shows_as={"crm": RecordKind.DEAL}, stages=STAGES, delete={"salon": "mirror"}, **rules,
    )  # fmt: skip
    return VisitKind(given, "Europe/Moscow", lambda texts: texts.get("service", ""))


def said(
    stage: str, calendar: str | None, agreed: str | None, ends: str = "2026-10-07T12:00:00", **rules: Any
) -> Shown:
    """What a deal says of its visit."""
    base = {} if agreed is None else {"status": FieldBase(prints=PRINTS.prints("status", agreed))}
    return _said(stage, calendar, base, ends, **rules)


def _said(stage: str, calendar: str | None, bases: dict[str, FieldBase], ends: str, **rules: Any) -> Shown:
    side = Side(object="d", bases=bases)
    record = Record(id="r", tenant="kofe", kind=RecordKind.VISIT, sides={"crm": side}, created_at=NOW)
    deal = Object(RecordKind.VISIT, "d", {"stage": stage})
    visit = Object(RecordKind.VISIT, "v", {"status": calendar or "", "ends_at": f"{ends} Europe/Moscow"})
    others = {} if calendar is None else {"salon": visit}
    return kind(**rules).shown("crm", deal, record, others, PRINTS, NOW)["status"]


@pytest.mark.parametrize(
    ("stage", "calendar", "agreed", "status"),
    [
        ("called", "booked", "booked", "booked"),  # a manager's move within a status
        ("paid", "booked", "booked", "confirmed"),
        ("new", "confirmed", "confirmed", UNREAD),  # no way back at a deal's word
        ("new", "completed", "confirmed", "confirmed"),  # ... which doesn't keep it from going where the visit goes
        ("won", "booked", "booked", UNREAD),  # won before anybody came
        ("lost", "booked", "booked", "cancelled"),  # it means two: who was absent is the calendar's to say
        ("lost", "missed", "booked", "missed"),
        ("theirs", "booked", "booked", UNREAD),
        ("theirs", "booked", None, CLEARED),  # found just now: it is to be brought to where the visit stands
        ("sure", "booked", None, "confirmed"),
        ("sure", "completed", None, CLEARED),  # nothing was agreed, and the visit has gone on
        ("won", "booked", None, UNREAD),
        ("won", "cancelled", None, "completed"),  # ... or to be asked about, where both have ended, and unlike
        ("lost", "completed", None, "cancelled"),
        ("won", "cancelled", "cancelled", UNREAD),  # what was agreed once, a move that says nothing leaves
        ("lost", None, "cancelled", "cancelled"),  # as a list shows it, beside what was agreed alone
        ("sure", None, "booked", "confirmed"),
    ],
)
def test_what_a_stage_says(stage: str, calendar: str | None, agreed: str | None, status: Shown) -> None:
    assert said(stage, calendar, agreed) == status


def test_a_visit_that_is_over_is_neither_confirmed_nor_cancelled_by_its_deal() -> None:
    assert said("lost", "confirmed", "confirmed", ends="2026-10-05T11:00:00") is UNREAD
    assert said("won", "confirmed", "confirmed", ends="2026-10-05T11:00:00", attendance=True) == "completed"


def test_what_is_still_to_be_brought_to_a_deal_is_no_word_of_its_own() -> None:
    before = (PRINTS.prints("status", "booked"),)
    owed = {"status": FieldBase(prints=PRINTS.prints("status", "cancelled"), owed=Owed(before=before))}
    assert _said("new", "cancelled", owed, "2026-10-07T12:00:00") == "booked"
    assert _said("won", "cancelled", owed, "2026-10-07T12:00:00") == "booked", "whatever managers did to it meanwhile"
    assert _said("won", "booked", owed, "2026-10-07T12:00:00") == "cancelled", "and where its visit went back"


async def look_at_all(house: VisitHouse) -> InStepFlow:
    """What a night does."""
    (flow,) = await in_step_flows(house.hub, house.tenant)
    for one in house.records():
        await Wanting(house.hub).wish(house.tenant, flow, one.id)
    await house.quiet(0.2)
    return flow


async def ended_unlike(how: str) -> tuple[VisitHouse, str, str, InStepFlow]:
    """A deal that was won and its visit that was not held, of whose status nothing was ever agreed: its stage was
    hidden since it was made."""
    house = VisitHouse()
    await house.settle_in()
    house.deals.hidden = {"stage"}
    house.deals.cut.extend(["", "after"])  # the answer that it was made is lost
    visit = house.journal.book(48, name="Анна", phone=("+79991234567",))
    await house.quiet(0.2)
    (deal,) = house.deals.cards
    house.deals.edit(deal, stage="won")
    if how == "deleted":
        house.journal.delete(visit)
    else:
        house.journal.edit(visit, status="cancelled")
    await house.quiet(0.2)
    assert "status" not in house.record().sides["crm"].bases
    house.deals.hidden = set()
    flow = await look_at_all(house)
    assert house.record().asked == {"status": "first"}
    return house, visit, deal, flow


@pytest.mark.parametrize("how", ["deleted", "cancelled"])
async def test_a_deal_won_unseen_and_its_cancelled_visit_are_asked_about(how: str) -> None:
    house, _visit, deal, flow = await ended_unlike(how)
    assert (house.deals.cards[deal].fields["stage"], house.journal.writes) == ("won", []), (
        "nothing is written meanwhile"
    )
    assert [choices(one) for one in house.doubts()] == [("crm", "salon", "leave")]
    await answer(house.hub, house.tenant, flow, house.record().id, "status", "salon")
    await house.quiet(0.2)
    assert (house.deals.cards[deal].fields["stage"], house.record().asked) == ("lost", {})


async def test_that_the_deal_holds_against_a_deleted_visit_ends_it() -> None:
    """There is nothing left at the calendar that could be made as the deal is: nothing is owed there."""
    house, visit, deal, flow = await ended_unlike("deleted")
    await answer(house.hub, house.tenant, flow, house.record().id, "status", "crm")
    await house.quiet(0.2)
    for _ in range(2):
        record = house.record()
        assert (record.asked, record.decided) == ({}, {})
        assert not [one for side in record.sides.values() for one in side.bases.values() if one.owed]
        assert (house.deals.cards[deal].fields["stage"], house.journal.writes) == ("won", [])
        await look_at_all(house)
    house.journal.restore(visit)
    await house.quiet(0.2)
    assert house.journal.writes == [], "what was said of the deleted one is no order to whoever books it anew"
    assert house.deals.cards[deal].fields["stage"] == "new"


class Deals:
    def keeps(self, kind: RecordKind, field: str, value: Any) -> Any:
        return value


@pytest.mark.parametrize("zone", ["Europe/Moscow", "Asia/Vladivostok", "America/New_York", "Europe/London"])
@pytest.mark.parametrize(
    "clock",
    ["2026-03-29T01:30:00", "2026-10-25T01:30:00", "2026-11-01T01:30:00", "2026-12-31T23:59:00", "2026-10-07T00:00:00"],
)
def test_a_time_that_was_written_is_read_as_the_same(clock: str, zone: str) -> None:
    deals: Any = DealsOfVisits(Deals(), kind().table, zone)  # type: ignore[arg-type]
    told = f"{clock} {zone}"
    written = deals._theirs({"starts_at": told}, None)["starts_at"]
    read = deals._shown("starts_at", datetime.fromisoformat(written).astimezone(UTC).isoformat())
    assert deals.keeps(RecordKind.VISIT, "starts_at", told) == read


def test_a_stage_is_written_only_where_it_means_another_status() -> None:
    deals: Any = DealsOfVisits(Deals(), kind().table, "Europe/Moscow")  # type: ignore[arg-type]
    there = Object(RecordKind.VISIT, "d", {"stage": "called"})
    assert deals._theirs({"status": "booked"}, there) == {}
    assert deals._theirs({"status": "confirmed"}, there) == {"stage": "sure"}
