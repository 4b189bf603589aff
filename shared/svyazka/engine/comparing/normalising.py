"""The one spelling in which values of a field are compared and printed. Versioned: a print says by which it was made.

A change of what a version makes of any value would make every base of such a field look changed on every side. So a
version is never changed: a new one is added, and the last two stay (`tests/engine/comparing/test_prints.py` holds
samples of each).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from svyazka.model.contacts import normalize_email, normalize_phone
from svyazka.model.money import plain_amount
from svyazka.model.records import Value


class FieldType(StrEnum):
    """What kind of value a field holds."""

    TEXT = "text"
    NAME = "name"
    """A person's or a thing's name."""
    PHONE = "phone"
    EMAIL = "email"
    DATE = "date"
    """A day without an hour: a birthday."""
    MONEY = "money"
    CHOICE = "choice"
    """One of a list, an id, or a time: no spelling of it is another's."""
    TAG = "tag"
    FLAG = "flag"


SET_TYPES = frozenset({FieldType.PHONE, FieldType.EMAIL, FieldType.TAG})
"""Their fields hold several values in no order."""

_TYPES: Mapping[str, FieldType] = {
    "name": FieldType.NAME,
    "phone": FieldType.PHONE,
    "email": FieldType.EMAIL,
    "birthday": FieldType.DATE,
    "price": FieldType.MONEY,
    "tags": FieldType.TAG,
    "status": FieldType.CHOICE,
    "stage": FieldType.CHOICE,
    "pipeline": FieldType.CHOICE,
    "responsible": FieldType.CHOICE,
    "starts_at": FieldType.CHOICE,
    "ends_at": FieldType.CHOICE,
}


def field_type(name: str) -> FieldType:
    """The type of a canonical field; what isn't in the table is plain text."""
    return _TYPES.get(name, FieldType.TEXT)


_NEVER_CLEARED = frozenset({FieldType.PHONE, FieldType.EMAIL, FieldType.MONEY, FieldType.NAME})
_NEVER_CLEARED_NAMES = frozenset({"mark", "title", "stage", "pipeline", "status", "starts_at", "ends_at"})


def may_be_cleared(name: str, type: FieldType) -> bool:
    """False for what a card is found by, what it is called, where it stands, and money: no rule empties these."""
    return type not in _NEVER_CLEARED and name not in _NEVER_CLEARED_NAMES


@dataclass(frozen=True, slots=True)
class Normaliser:
    """One version: a rule for each type that has one of its own; the rule for texts serves the others."""

    version: int
    rules: Mapping[FieldType, Callable[[str], str]]

    def __call__(self, type: FieldType, value: str | bool) -> str:
        """One value, or one element of a set, as it is compared."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        return _once(self.rules.get(type) or self.rules[FieldType.TEXT], value)


@lru_cache(maxsize=4096)
def _once(rule: Callable[[str], str], value: str) -> str:
    """One comparison asks for the same value several times."""
    return rule(value)


_UNSEEN = re.compile(r"[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})")


def plain_text(text: str) -> str:
    """Without what nobody sees: composed letters, single spaces, no marks of direction."""
    return " ".join(_UNSEEN.sub("", unicodedata.normalize("NFC", text)).split())


def plain_day(text: str) -> str | None:
    """A day in ISO's form, from `1990-12-31`, a moment that begins with it, or `31.12.1990`; None for what is none."""
    cleaned = text.strip()
    russian = _DAY_FIRST.match(cleaned)
    try:
        if russian:
            return date(int(russian[3]), int(russian[2]), int(russian[1])).isoformat()
        return date.fromisoformat(cleaned[:10]).isoformat()
    except ValueError:
        return None


def _phone(text: str) -> str:
    return normalize_phone(text) or plain_text(text)


def _email(text: str) -> str:
    return normalize_email(text) or plain_text(text).lower()


def _tag(text: str) -> str:
    return plain_text(text).casefold()


def _money(text: str) -> str:
    return plain_amount(text) or plain_text(text)


def _date(text: str) -> str:
    return plain_day(text) or plain_text(text)


FIRST = Normaliser(
    1,
    {
        FieldType.TEXT: plain_text,
        FieldType.PHONE: _phone,
        FieldType.EMAIL: _email,
        FieldType.TAG: _tag,
        FieldType.MONEY: _money,
        FieldType.DATE: _date,
    },
)

NORMALISERS: tuple[Normaliser, ...] = (FIRST,)
"""The newest last; at most two: what an older one printed counts as no base."""


def elements(value: Value) -> tuple[str, ...]:
    """The elements of a set's value, be it written as one text."""
    return value if isinstance(value, tuple) else (str(value),)


@lru_cache(maxsize=8192)
def loosely(type: FieldType, normal: str) -> str:
    """What is left of a normal value when spelling is no matter: case and ё, and in names the order of words.

    Two bases typed by different hands differ in little else. Nobody is asked about it, and nothing is written for its
    sake; a person who corrects it on one side has it corrected on the others.
    """
    plain = normal.casefold().replace("ё", "е")
    if type is FieldType.NAME:
        return " ".join(sorted(re.findall(r"\w+", plain))) or plain
    return plain if type is FieldType.TEXT else normal
