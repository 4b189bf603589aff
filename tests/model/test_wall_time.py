"""Times on the clock of a place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from svyazka.model.bookings import WallTime


@pytest.mark.parametrize(
    ("given", "zone", "clock", "moment", "iso"),
    [
        ("2026-10-05T12:00", "Europe/Moscow", "2026-10-05T12:00", "2026-10-05T09:00Z", "2026-10-05T12:00:00+03:00"),
        ("2026-10-05 12:00:00", "Asia/Omsk", "2026-10-05T12:00", "2026-10-05T06:00Z", "2026-10-05T12:00:00+06:00"),
        ("2026-10-05T12:00+03:00", "Asia/Omsk", "2026-10-05T15:00", "2026-10-05T09:00Z", "2026-10-05T15:00:00+06:00"),
        ("2026-12-31T21:00Z", "Europe/Moscow", "2027-01-01T00:00", "2026-12-31T21:00Z", "2027-01-01T00:00:00+03:00"),
        ("2026-10-05T23:59:59.7", "Europe/Moscow", "2026-10-05T23:59:59", "2026-10-05T20:59:59Z",
         "2026-10-05T23:59:59+03:00"),
        # Clocks go back at 03:00: 02:30 comes twice, the first time it is still summer. Forward: it never comes.
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30Z", "2026-10-25T02:30:00+02:00"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T02:30", "2026-03-29T00:30Z", "2026-03-29T02:30:00"),
    ],
)  # fmt: skip
def test_a_time_is_read_as_the_clock_there_shows_it(given: str, zone: str, clock: str, moment: str, iso: str) -> None:
    time = WallTime.read(given, zone)
    assert time.clock == datetime.fromisoformat(clock)
    assert time.moment == datetime.fromisoformat(moment)
    assert time.iso == iso
    assert WallTime.read(time.iso, zone) == time
    assert WallTime.model_validate_json(time.model_dump_json()) == time


def test_what_the_clocks_show_twice_or_never_is_said() -> None:
    doubts = [WallTime.read(f"2026-{day}T02:30", "Europe/Berlin").doubt for day in ("03-29", "10-25", "10-26")]
    assert doubts == ["never", "twice", None]


def test_equal_are_those_of_one_clock_and_one_zone() -> None:
    moscow, simferopol = (WallTime.read("2026-10-05T12:00", zone) for zone in ("Europe/Moscow", "Europe/Simferopol"))
    assert moscow.moment == simferopol.moment
    assert moscow != simferopol


@pytest.mark.parametrize("given", ["", "tomorrow", "12:00", "2026-02-30T12:00", "0001-01-01T00:00+14:00", "9" * 5000])
def test_what_is_no_time_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        WallTime.read(given, "Asia/Vladivostok")


def test_a_clock_has_no_offset() -> None:
    with pytest.raises(ValidationError):
        WallTime(clock=datetime(2026, 10, 5, 12, tzinfo=UTC), zone="Europe/Moscow")
