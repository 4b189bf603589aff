"""Sums of money and counts as people, 1C and spreadsheets write them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from svyazka.importing.remarks import Read, Remark, Why

_CURRENCY = re.compile(r"(?:руб(?:лей|ля|ль)?|rub|rur|р|₽)\.?|(?<=\d)\s*\?\Z", re.I)
"""`?`: what becomes of `₽` in an encoding that is older than it."""
_KOPECKS = re.compile(r"\A(\d+)\s*(?:руб\w*|р)\.?\s*(\d{1,2})\s*коп\w*\.?", re.I)
_IN_BRACKETS = re.compile(r"\A\((.+)\)")
_NUMBER = re.compile(r"[-−]?\d[\d\s.,'’]*")
_SPREADSHEETS = re.compile(r"[-−]?\d+(?:\.\d+)?(?:e[+-]?\d{1,2})?", re.I)
_THREE_AFTER = re.compile(r"[-−]?[1-9]\d{0,2}[.,]\d{3}")
"""`1.049`: a thousand and 49, or hardly more than one; nobody can tell, so nobody is told."""
_MOST = Decimal(10) ** 12


def amount(text: str) -> Read[str | None]:
    """A sum as a decimal text with two places: `1 049,30 руб` is `1049.30`."""
    found = _number(text)
    if found is None or abs(found) >= _MOST:
        return Read(None, (Remark(Why.NO_AMOUNT, text),))
    said = f"{found.quantize(Decimal('0.01'))}"
    return Read(said, () if said == text or _is_plain(text, said) else (Remark(Why.SPELLING, text, said),))


def count(text: str) -> Read[str | None]:
    """A whole number: how often, how many."""
    found = _number(text)
    if found is None or found != found.to_integral_value() or abs(found) >= _MOST:
        return Read(None, (Remark(Why.NO_AMOUNT, text),))
    said = str(int(found))
    return Read(said, () if said == text else (Remark(Why.SPELLING, text, said),))


def _is_plain(text: str, said: str) -> bool:
    """`100` and `100,5` say nothing else than `100.00` and `100.50`: that isn't worth a line."""
    return said in {f"{text}.00", text.replace(",", ".") + "0", text.replace(",", ".")}


def _number(text: str) -> Decimal | None:
    kopecks = _KOPECKS.fullmatch(text.strip())
    if kopecks:
        return Decimal(f"{kopecks[1]}.{int(kopecks[2]):02}")
    plain = _CURRENCY.sub("", text).strip(" \u00a0")
    negative = _IN_BRACKETS.fullmatch(plain)
    plain = negative[1] if negative else plain
    if _THREE_AFTER.fullmatch(plain):
        return None
    if _SPREADSHEETS.fullmatch(plain):
        digits = plain
    elif _NUMBER.fullmatch(plain):
        digits = _with_a_point(re.sub(r"[\s'’]", "", plain))
    else:
        return None
    try:
        found = Decimal(digits.replace("−", "-"))
    except InvalidOperation:
        return None
    return -found if negative else found


def _with_a_point(digits: str) -> str:
    """`1.049,30`, `1,049.30`, `1049,3`: the sign that stands last and once parts the kopecks, if one or two digits
    follow it; all others part thousands."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return digits
    before, sign, after = digits[:last], digits[last], digits[last + 1 :]
    whole = re.sub("[.,]", "", before)
    if sign in before:
        return whole + after
    return f"{whole}.{after}" if after else whole
