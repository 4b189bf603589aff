"""Visits and deals: a status goes along, a manager's own stages stay, and only the calendar takes anything back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world_of_sides import printer, seen, some

from svyazka.engine.comparing.compare import compare_field
from svyazka.engine.comparing.fields import FieldRule, Verdict
from svyazka.engine.comparing.stages import ATTENDANCE, STEPS, Silent, StageTable
from svyazka.engine.comparing.visits import Deal, Place, deal_of
from svyazka.model.bookings import VisitStatus
from svyazka.model.errors import ConfigError
from svyazka.model.records import UNREAD

BOOKED, CONFIRMED, COMPLETED, MISSED, CANCELLED = VisitStatus
TABLE = StageTable.of(
    {"booked": ["10", "11"], "confirmed": "20", "completed": "142", "missed": "143", "cancelled": "143"}
)


READ = [
    # stage, the calendar's status, what they agreed on -> what the deal says
    ("10", BOOKED, BOOKED, BOOKED, None),
    ("11", BOOKED, BOOKED, BOOKED, None),  # "prepaid" is a stage of its own that means booked too
    ("20", BOOKED, BOOKED, CONFIRMED, None),
    ("99", BOOKED, BOOKED, UNREAD, Silent.NOT_OURS),
    ("142", BOOKED, BOOKED, UNREAD, Silent.NOT_ITS_TO_SAY),  # won before the visit: nobody has come yet
    ("142", COMPLETED, BOOKED, COMPLETED, None),
    ("143", BOOKED, BOOKED, CANCELLED, None),  # it may mean missed too, which is the calendar's to say
    ("143", MISSED, BOOKED, MISSED, None),
    ("143", MISSED, MISSED, MISSED, None),
    ("10", COMPLETED, COMPLETED, UNREAD, Silent.NOT_ITS_TO_SAY),  # a tidied deal undoes no visit
    ("10", CANCELLED, BOOKED, BOOKED, None),  # the calendar has moved on, the deal hasn't yet
]


@pytest.mark.parametrize(("stage", "calendar", "last", "status", "why"), READ)
def test_a_stage_says_of_a_visit_what_is_its_to_say(
    stage: str, calendar: VisitStatus, last: VisitStatus, status: object, why: Silent | None
) -> None:
    found = TABLE.read(stage, calendar, lambda one: one is last)
    assert (found.status, found.why) == (status, why)


def test_managers_who_may_say_who_came_are_asked_where_a_stage_means_both() -> None:
    assert TABLE.read("142", BOOKED, lambda one: one is BOOKED, attendance_both=True).status is COMPLETED
    assert TABLE.read("143", BOOKED, lambda one: one is BOOKED, attendance_both=True).why is Silent.AMBIGUOUS


@pytest.mark.parametrize(
    ("status", "stage", "written"),
    [
        (BOOKED, "11", None),
        (CONFIRMED, "11", "20"),
        (CANCELLED, "143", None),
        (BOOKED, "20", "10"),
        (BOOKED, None, "10"),
    ],
)
def test_a_stage_is_written_only_where_it_means_another_status(
    status: VisitStatus, stage: str | None, written: str | None
) -> None:
    assert TABLE.to_write(status, stage) == written


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"came": "1"}, "expected statuses of booked"),
        ({"booked": "1", "confirmed": "2", "completed": "142", "cancelled": "143"}, "'missed' has no stage"),
        ({"booked": [], "confirmed": "2", "completed": "1", "missed": "3", "cancelled": "4"}, "'booked' has no stage"),
    ],
)
def test_a_table_names_a_stage_to_write_for_each_status(given: dict[str, str | list[str]], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        StageTable.of(given)


stages = st.sampled_from("abcdefg")
tables = st.fixed_dictionaries(
    {status.value: st.lists(stages, min_size=1, max_size=3, unique=True) for status in VisitStatus}
).map(StageTable.of)
statuses = st.sampled_from(VisitStatus)


@given(tables, statuses, stages, st.booleans())
@some(60)
def test_what_is_put_is_read_and_what_is_read_puts_nothing_in_any_table(
    table: StageTable, status: VisitStatus, stage: str, both: bool
) -> None:
    """Put-get and get-put, also where one stage means several statuses and several stages one."""
    moved = table.to_write(status, stage) or stage
    assert table.read(moved, status, lambda one: one is status, attendance_both=both).status is status
    read = table.read(stage, status, lambda one: False, attendance_both=both).status
    if isinstance(read, VisitStatus):
        assert table.to_write(read, stage) is None
        assert read is status or (read in STEPS[status] and (both or read not in ATTENDANCE))


def test_the_status_of_visit_and_deal_is_compared_like_any_other_field() -> None:
    deal = TABLE.read("143", BOOKED, lambda one: one is BOOKED)
    assert isinstance(deal.status, VisitStatus)
    sides = {"salon": seen("status", "booked", "booked"), "crm": seen("status", deal.status.value, "booked")}
    assert compare_field("status", sides, FieldRule(), printer()).writes == {"salon": "cancelled"}
    tidied = {"salon": seen("status", "completed", "completed"), "crm": seen("status", UNREAD, "completed")}
    assert compare_field("status", tidied, FieldRule(), printer()).verdict is Verdict.UNSEEN


def deal(id: str, mark: str | None = None, *, is_open: bool = True, has_visit: bool = False) -> Deal:
    return Deal(id, mark, is_open, has_visit)


PLACED = [
    ([deal("1"), deal("2", "svz-7")], True, Place.MARK, "2"),
    ([deal("1", "svz-7"), deal("2", "svz-7")], True, Place.ASK, None),
    ([deal("1")], True, Place.ATTACHED, "1"),
    ([deal("1", has_visit=True), deal("2"), deal("3", is_open=False)], True, Place.ATTACHED, "2"),
    ([deal("1"), deal("2")], True, Place.ASK, None),
    ([deal("1")], False, Place.NEW, None),
    ([], True, Place.NEW, None),
]


@pytest.mark.parametrize(("deals", "attach", "why", "id"), PLACED)
def test_a_visit_gets_the_deal_that_is_its_own(deals: list[Deal], attach: bool, why: Place, id: str | None) -> None:
    for listed in (deals, deals[::-1]):
        placed = deal_of(listed, "svz-7", attach_open=attach)
        assert (placed.why, placed.deal) == (why, id)
        assert (placed.why is Place.ASK) == (len(placed.candidates) > 1)
