"""People's names as they stand in cells: in capitals, with notes beside them, in the wrong column."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from svyazka.importing.remarks import Read, Remark, Why
from svyazka.importing.values.phones import phones
from svyazka.model.lookalikes import PAIRS
from svyazka.model.names import is_first_name, is_like_a_surname, is_patronymic

_TO_CYRILLIC = {latin: cyrillic for cyrillic, latin in PAIRS.items() if chr(cyrillic) not in "іІјЈѕЅ"}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_COMPANY = re.compile(
    r"(?<!\w)(?:ООО|ОАО|ЗАО|ПАО|АО|НКО|ГБУ\w*|МБУ\w*|ТСЖ|ЖСК|СНТ|LLC|Ltd|Inc|GmbH|ЧОУ|АНО|филиал|компания|фирма|завод|банк)(?!\w)",
    re.I,
)  # fmt: skip
_SOLE_TRADER = re.compile(r"\A(?:ИП|индивидуальный предприниматель)\s+", re.I)
_ASIDE = re.compile(r"(?:[;|/]|\s[-–—]\s|,(?=\s*\S))(.+)|[(\[{](.+)", re.S)
_PHONE = re.compile(r"\+?\d[\d\s()\-.]{8,}\d")
_SMALL = frozenset(
    {
        "оглы",
        "кызы",
        "оглу",
        "угли",
        "заде",
        "фон",
        "де",
        "ван",
        "дер",
        "аль",
        "эль",
        "ибн",
        "von",
        "van",
        "de",
        "der",
        "di",
        "da",
        "la",
        "ibn",
        "al",
    }
)
LONGEST = 255


class Name(NamedTuple):
    """A person's name and what stood beside it in its cell."""

    text: str | None
    beside: str | None = None
    """A note: it isn't lost, it goes to the comment."""
    numbers: tuple[str, ...] = ()
    """Phones that somebody had typed into the name."""


def name(text: str) -> Read[Name]:
    """The name of one cell, however many words it has."""
    plain = text.replace("\n", " ")
    if len(plain) > LONGEST:
        return Read(Name(None, text), (Remark(Why.TOO_LONG, text),))
    if _COMPANY.search(plain) and not _SOLE_TRADER.match(plain):
        return Read(Name(plain), (Remark(Why.COMPANY, plain),))
    remarks: list[Remark] = []
    person, numbers = _without_phones(plain)
    person, beside = _without_notes(_SOLE_TRADER.sub("", person))
    if beside or numbers:
        remarks.append(Remark(Why.MOVED, text, person))
    person = _each(person, _in_cyrillic, Why.LATIN, remarks)
    person = _each(person, _in_case, Why.CASE, remarks)
    return Read(Name(person or None, beside, numbers), tuple(remarks))


def _each(person: str, put_right: Callable[[str], str], why: Why, remarks: list[Remark]) -> str:
    better = _WORD.sub(lambda match: put_right(match[0]), person)
    if better != person:
        remarks.append(Remark(why, person, better))
    return better


def _without_phones(text: str) -> tuple[str, tuple[str, ...]]:
    numbers: list[str] = []
    for match in _PHONE.finditer(text):
        numbers += phones(match[0]).value
    return (_PHONE.sub(" ", text).strip(" ,;-"), tuple(numbers)) if numbers else (text, ())


def _without_notes(text: str) -> tuple[str, str | None]:
    """The name, and what is written behind it: `Петрова Анна; VIP`, `Мария (маникюр)`."""
    match = _ASIDE.search(text)
    if match is None or not _WORD.search(text[: match.start()]):
        return text.strip(), None
    note = (match[1] or _unclosed(match[2])).strip()
    return (text[: match.start()].strip(), note) if note else (text.strip(), None)


def _unclosed(text: str) -> str:
    """What stands behind an opening bracket, without the one that closes it."""
    plain = text.rstrip()
    return plain[:-1] if len(plain) > 1 and plain.endswith((")", "]", "}")) else plain


def _in_cyrillic(word: str) -> str:
    """`Aннa` with Latin letters among Cyrillic ones; a word that is Latin as a whole is a foreigner's."""
    cyrillic = sum("а" <= letter <= "я" or letter == "ё" for letter in word.casefold())
    if not cyrillic or cyrillic == len(word):
        return word
    better = word.translate(_TO_CYRILLIC)
    return better if not re.search("[a-zA-Z]", better) else word


def _in_case(word: str) -> str:
    """`ИВАНОВ`, `иванов`, `иВАНОВ`; what has capitals within (`МакГрегор`, `O'Neil`) was typed on purpose."""
    if len(word) < 2:
        return word.upper() if word.islower() else word
    if word.casefold() in _SMALL:
        return word.lower() if word.isupper() else word
    as_typed = not (word.isupper() or word.islower() or (word[0].islower() and word[1:].isupper()))
    return word if as_typed else word[0].upper() + word[1:].lower()


def together(last: str | None, first: str | None, patronymic: str | None) -> Read[str | None]:
    """Three columns as one name, in the order in which systems with a field for each tell them apart; first and last
    name in each other's column are put right where both show it."""
    remarks: tuple[Remark, ...] = ()
    was = _said(first, patronymic, last)
    if last and first and _swapped(last, first):
        last, first = first, last
        remarks = (Remark(Why.SWAPPED, was, _said(first, patronymic, last)),)
    return Read(_said(first, patronymic, last) or None, remarks)


def _said(*parts: str | None) -> str:
    return " ".join(filter(None, parts))


def _swapped(last: str, first: str) -> bool:
    return is_first_name(last) and not is_first_name(first) and is_like_a_surname(first)


def looks_like_a_name(text: str) -> bool:
    """Two or three words of letters of which one is a first name or a patronymic, or one that is a first name."""
    words = text.split()
    if not 1 <= len(words) <= 4 or any(not _WORD.fullmatch(word.replace("-", "").strip(".")) for word in words):
        return False
    return any(is_first_name(word) or is_patronymic(word) for word in words)
