"""Which time zone somebody means who writes it otherwise. Pure; read only when a zone isn't one."""

from __future__ import annotations

import difflib
import re
from zoneinfo import available_timezones

BY_OFFSET = {
    2: "Europe/Kaliningrad", 3: "Europe/Moscow", 4: "Europe/Samara", 5: "Asia/Yekaterinburg", 6: "Asia/Omsk",
    7: "Asia/Krasnoyarsk", 8: "Asia/Irkutsk", 9: "Asia/Yakutsk", 10: "Asia/Vladivostok", 11: "Asia/Magadan",
    12: "Asia/Kamchatka",
}  # fmt: skip
"""Hours from UTC -> a zone of Russia's."""

BY_NAME = {
    "москва": "Europe/Moscow", "мск": "Europe/Moscow", "msk": "Europe/Moscow", "санкт-петербург": "Europe/Moscow",
    "спб": "Europe/Moscow", "петербург": "Europe/Moscow", "казань": "Europe/Moscow", "сочи": "Europe/Moscow",
    "краснодар": "Europe/Moscow", "нижний новгород": "Europe/Moscow", "калининград": "Europe/Kaliningrad",
    "самара": "Europe/Samara", "саратов": "Europe/Saratov", "волгоград": "Europe/Volgograd",
    "екатеринбург": "Asia/Yekaterinburg", "ekaterinburg": "Asia/Yekaterinburg", "челябинск": "Asia/Yekaterinburg",
    "уфа": "Asia/Yekaterinburg", "пермь": "Asia/Yekaterinburg", "тюмень": "Asia/Yekaterinburg", "омск": "Asia/Omsk",
    "новосибирск": "Asia/Novosibirsk", "томск": "Asia/Tomsk", "барнаул": "Asia/Barnaul",
    "красноярск": "Asia/Krasnoyarsk", "иркутск": "Asia/Irkutsk", "якутск": "Asia/Yakutsk", "чита": "Asia/Chita",
    "владивосток": "Asia/Vladivostok", "хабаровск": "Asia/Vladivostok", "магадан": "Asia/Magadan",
    "сахалин": "Asia/Sakhalin", "камчатка": "Asia/Kamchatka", "минск": "Europe/Minsk", "алматы": "Asia/Almaty",
}  # fmt: skip

_OFFSET = re.compile(r"\A(?:utc|gmt|мск|msk)?\s*\+\s*0?(\d{1,2})(?::?00)?")


def meant(written: str) -> str | None:
    """The nearest zone, or None."""
    word = written.strip().casefold()
    if word in BY_NAME:
        return BY_NAME[word]
    offset = _OFFSET.fullmatch(word)
    if offset is not None:
        return BY_OFFSET.get(int(offset[1]) + (3 if word.startswith(("мск", "msk")) else 0))
    zones = {zone.casefold(): zone for zone in sorted(available_timezones()) if "/" in zone}
    city = word.replace(" ", "_").rpartition("/")[2]
    cities = {zone.rpartition("/")[2]: zone for zone in zones}
    near = difflib.get_close_matches(word, zones, n=1, cutoff=0.8) or [
        cities[each] for each in difflib.get_close_matches(city, cities, n=1, cutoff=0.8)
    ]
    return zones[near[0]] if near else None
