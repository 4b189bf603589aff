"""A terminal group's `timeZone`, of which nobody says how it is written."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from svyazka.connectors.iiko.zones import WINDOWS, zone_of

NOON = datetime(2026, 3, 14, 12)


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        ("Europe/Moscow", 3), ("Asia/Vladivostok", 10), ("Russian Standard Time", 3), ("Kaliningrad Standard Time", 2),
        ("russia time zone 11", 12), ("03:00:00", 3), ("+03:00", 3), ("+0530", 5.5), ("-03:00", -3), ("UTC+5", 5),
        ("UTC", 0), ("GMT+03:00", 3), ("(UTC+07:00) Красноярск", 7), (" 10:00:00 ", 10),
    ],
)  # fmt: skip
def test_a_zone_is_understood_however_it_is_written(written: str, hours: float) -> None:
    zone = zone_of(written)
    assert zone is not None
    assert NOON.replace(tzinfo=zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("written", [None, 3, "", "Нигде", "../etc/passwd", "99:00:00", "/", "Mars/Olympus", "\x00"])
def test_what_is_no_zone_is_none(written: object) -> None:
    assert zone_of(written) is None


def test_every_windows_name_has_a_zone() -> None:
    assert all(zone_of(name) is not None for name in WINDOWS)
