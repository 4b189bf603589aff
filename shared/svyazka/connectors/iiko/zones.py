"""Terminal groups' time zones. The order's own times are local to its group and name no zone.

How `timeZone` is written is unspecified (iikoCloud API contract 9.7.5.2: format `date-span`), so IANA names,
Windows names and offsets are all taken.
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WINDOWS: dict[str, str] = {
    "Kaliningrad Standard Time": "Europe/Kaliningrad",
    "Russian Standard Time": "Europe/Moscow",
    "Volgograd Standard Time": "Europe/Volgograd",
    "Russia Time Zone 3": "Europe/Samara",
    "Astrakhan Standard Time": "Europe/Astrakhan",
    "Saratov Standard Time": "Europe/Saratov",
    "Ekaterinburg Standard Time": "Asia/Yekaterinburg",
    "Omsk Standard Time": "Asia/Omsk",
    "Altai Standard Time": "Asia/Barnaul",
    "Tomsk Standard Time": "Asia/Tomsk",
    "N. Central Asia Standard Time": "Asia/Novosibirsk",
    "North Asia Standard Time": "Asia/Krasnoyarsk",
    "North Asia East Standard Time": "Asia/Irkutsk",
    "Transbaikal Standard Time": "Asia/Chita",
    "Yakutsk Standard Time": "Asia/Yakutsk",
    "Vladivostok Standard Time": "Asia/Vladivostok",
    "Sakhalin Standard Time": "Asia/Sakhalin",
    "Magadan Standard Time": "Asia/Magadan",
    "Russia Time Zone 10": "Asia/Srednekolymsk",
    "Russia Time Zone 11": "Asia/Kamchatka",
    "Belarus Standard Time": "Europe/Minsk",
    "Georgian Standard Time": "Asia/Tbilisi",
    "Caucasus Standard Time": "Asia/Yerevan",
    "Azerbaijan Standard Time": "Asia/Baku",
    "West Asia Standard Time": "Asia/Tashkent",
    "Qyzylorda Standard Time": "Asia/Qyzylorda",
    "Central Asia Standard Time": "Asia/Bishkek",
    "Arabian Standard Time": "Asia/Dubai",
}
"""Russia and its neighbours, by Unicode's windowsZones.xml."""

_WINDOWS = {name.casefold(): zone for name, zone in WINDOWS.items()}

OFFSET = re.compile(r"\A\(?(?:UTC|GMT)?\s*([+-]?)(\d{1,2})(?::?([0-5]\d))?(?::[0-5]\d)?(?:$|\))", re.IGNORECASE)
"""`+03:00`, `UTC+3`, `(UTC+03:00) Москва`, and .NET's TimeSpan `03:00:00`."""

FURTHEST = timedelta(hours=14)


def zone_of(written: object) -> tzinfo | None:
    """The zone, or None for what can't be read as one."""
    name = written.strip() if isinstance(written, str) else ""
    if not name:
        return None
    try:
        return ZoneInfo(_WINDOWS.get(name.casefold(), name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _offset(name)


def _offset(name: str) -> tzinfo | None:
    found = OFFSET.match(name)
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset > FURTHEST:
        return None
    return timezone(-offset if sign == "-" else offset)
