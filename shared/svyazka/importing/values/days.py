"""Dates as Russians and their programs write them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import Enum

from svyazka.importing.remarks import Read, Remark, Why

_MONTHS = ("янв", "фев", "мар", "апр", "ма", "июн", "июл", "авг", "сен", "окт", "ноя", "дек")
_ENGLISH = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?:[T\s,]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-./](\d{{1,2}})[-./](\d{{1,2}}){_CLOCK}", re.I)
_DAY_FIRST = re.compile(
    rf"(\d{{1,2}})\s*[-./,\s]\s*(\d{{1,2}})\s*[-./,\s]\s*(\d{{4}}|\d{{2}})\s*(?:г\.?|года?)?{_CLOCK}", re.I
)
_BY_WORD = re.compile(r"(\d{1,2})(?:-?го)?[\s.-]+([а-яёa-z]{3,9})\.?(?:[\s,.-]+(\d{4}|\d{2})\s*(?:г\.?|года?)?)?", re.I)
_COMPACT = re.compile(r"(19|20)(\d{2})(\d{2})(\d{2})")
_NO_YEAR = re.compile(r"(\d{1,2})[./-](\d{1,2})\.?")
_SERIAL = re.compile(r"(\d{1,5})(?:[.,]\d+)?")
_EPOCH = date(1899, 12, 30)
"""Day 0 of a spreadsheet, for every day since March 1900."""
OLDEST = 120
"""Years that nobody has lived for."""


class Order(Enum):
    """What stands first in `03/04/1985`."""

    DAY = "day"
    MONTH = "month"
    UNKNOWN = "unknown"


def order_of(cells: list[str]) -> Order:
    """The order that a whole column shows: one 14 in the first place, or in the second, tells for all of it."""
    first = second = False
    for match in filter(None, map(_DAY_FIRST.fullmatch, cells)):
        first = first or int(match[1]) > 12
        second = second or int(match[2]) > 12
    if first == second:
        return Order.UNKNOWN
    return Order.DAY if first else Order.MONTH


def day(text: str, today: date, order: Order = Order.UNKNOWN, birth: bool = False) -> Read[str | None]:
    """A day in ISO. `birth`: it must be somebody's who lives, and a number of two digits is a year that has been."""
    plain = text.strip().rstrip(".")
    parts = _parts(plain, order)
    if parts is None:
        lacks_year = _NO_YEAR.fullmatch(plain) or ((word := _BY_WORD.fullmatch(plain)) and _month(word[2]))
        return Read(None, (Remark(Why.NO_YEAR if lacks_year else Why.NO_DAY, text),))
    year, month, number = parts
    if year == 1:  # how 1C and .NET write that there is none
        return Read(None)
    if year < 0:
        year = -year + (2000 if -year <= (today.year % 100) + (0 if birth else 10) else 1900)
    try:
        found = date(year, month, number)
    except ValueError:
        return Read(None, (Remark(Why.NO_DAY, text),))
    if birth and not (today.year - OLDEST <= found.year and found <= today):
        return Read(None, (Remark(Why.NOT_BORN_THEN, text),))
    said = found.isoformat()
    if _may_be_swapped(plain, order):
        return Read(said, (Remark(Why.ORDER, text, said),))
    return Read(said, () if said == text else (Remark(Why.SPELLING, text, said),))


def _parts(text: str, order: Order) -> tuple[int, int, int] | None:
    """Year, month, day, where the text has all three; a year of two digits is negative."""
    if match := _YEAR_FIRST.fullmatch(text):
        return int(match[1]), int(match[2]), int(match[3])
    if match := _COMPACT.fullmatch(text):
        return int(match[1] + match[2]), int(match[3]), int(match[4])
    if match := _DAY_FIRST.fullmatch(text):
        first, second = int(match[1]), int(match[2])
        if order is Order.MONTH or (second > 12 >= first):
            first, second = second, first
        return _year(match[3]), second, first
    if (match := _BY_WORD.fullmatch(text)) and match[3] and (month := _month(match[2])):
        return _year(match[3]), month, int(match[1])
    if match := _SERIAL.fullmatch(text):
        number = int(match[1])
        if number >= 1000:  # a smaller one is a year's or somebody's age
            found = _EPOCH + timedelta(days=number)
            return (found.year, found.month, found.day) if not 1900 <= number <= 2100 else None
    return None


def _year(digits: str) -> int:
    return int(digits) if len(digits) == 4 else -int(digits) or 2000


def _month(word: str) -> int | None:
    plain = word.casefold()
    for months in (_MONTHS, _ENGLISH):
        for place, begins in enumerate(months):
            if plain.startswith(begins):
                return place + 1
    return None


def _may_be_swapped(text: str, order: Order) -> bool:
    """With slashes both orders are in use; dots are Russian, day first."""
    match = _DAY_FIRST.fullmatch(text)
    if match is None or order is not Order.UNKNOWN or "/" not in text:
        return False
    return int(match[1]) <= 12 and int(match[2]) <= 12 and match[1] != match[2]
