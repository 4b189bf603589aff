"""Quiet hours end when they say, in every zone and over every change of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from svyazka.model.commands import QuietHours

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(zone="Europe/Moscow", start=time(21), end=time(10))


def moscow(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (moscow(14, 20, 59), None), (moscow(14, 21), moscow(15, 10)), (moscow(14, 23, 59), moscow(15, 10)),
        (moscow(15, 0), moscow(15, 10)), (moscow(15, 9, 59), moscow(15, 10)), (moscow(15, 10), None),
    ],
)  # fmt: skip
def test_a_night_is_quiet_from_its_first_minute_to_its_end(now: datetime, opens: datetime | None) -> None:
    assert NIGHT.opens_at(now.astimezone(UTC)) == opens


def test_hours_within_a_day_are_quiet_on_that_day() -> None:
    nap = QuietHours(zone="Europe/Moscow", start=time(13), end=time(15))
    assert nap.opens_at(moscow(14, 12, 59)) is None
    assert nap.opens_at(moscow(14, 13)) == moscow(14, 15)
    assert nap.opens_at(moscow(14, 15)) is None


def test_hours_without_length_are_never_quiet() -> None:
    assert QuietHours(zone="Europe/Moscow", start=time(9), end=time(9)).opens_at(moscow(14, 9)) is None


def test_the_answer_is_in_the_zone_of_the_question() -> None:
    opens = NIGHT.opens_at(moscow(14, 22).astimezone(UTC))
    assert opens is not None
    assert opens.tzinfo is UTC


def test_an_end_that_the_clocks_repeat_is_waited_for_once() -> None:
    """02:15 comes twice on 25 October 2026 in Berlin: in the second, the first 02:30 is past."""
    quiet = QuietHours(zone="Europe/Berlin", start=time(21), end=time(2, 30))
    second = datetime(2026, 10, 25, 2, 15, fold=1, tzinfo=BERLIN).astimezone(UTC)
    assert quiet.opens_at(second) == second + timedelta(minutes=15)


def test_an_end_that_the_clocks_skip_comes_no_later_than_an_hour_after() -> None:
    """02:30 is no time of 29 March 2026 in Berlin."""
    quiet = QuietHours(zone="Europe/Berlin", start=time(21), end=time(2, 30))
    opens = quiet.opens_at(datetime(2026, 3, 29, 1, 59, tzinfo=BERLIN).astimezone(UTC))
    assert opens is not None
    assert opens.astimezone(BERLIN).time() == time(3, 30)


CLOCK = st.builds(time, st.integers(0, 23), st.integers(0, 59))
MOMENT = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
FIXED = st.sampled_from(["Europe/Moscow", "Asia/Vladivostok", "Asia/Kathmandu", "UTC"])
SHIFTING = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"])


@given(FIXED, CLOCK, CLOCK, MOMENT)
def test_they_open_in_the_future_within_a_day_and_then_are_not_quiet(
    zone: str, start: time, end: time, now: datetime
) -> None:
    quiet = QuietHours(zone=zone, start=start, end=end)
    opens = quiet.opens_at(now)
    if opens is not None:
        assert now < opens <= now + timedelta(hours=24)
        assert quiet.opens_at(opens) is None


@given(SHIFTING, CLOCK, CLOCK, MOMENT)
@example("Europe/Berlin", time(21), time(2, 30), datetime(2026, 10, 25, 1, 15, tzinfo=UTC))
@example("Europe/Berlin", time(3, 10), time(2, 30), datetime(2026, 3, 29, 0, 0, tzinfo=UTC))
def test_a_change_of_clocks_adds_its_hour_and_no_more(zone: str, start: time, end: time, now: datetime) -> None:
    """The one exception is an end that the clocks skip with a start right behind it: the next day then."""
    quiet = QuietHours(zone=zone, start=start, end=end)
    opens = quiet.opens_at(now)
    if opens is not None:
        assert now < opens <= now + timedelta(hours=49)
        assert quiet.opens_at(opens) is None
