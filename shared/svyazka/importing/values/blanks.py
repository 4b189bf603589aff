"""What stands in a cell where nothing stands in it."""

from __future__ import annotations

import re

_SPACES = re.compile(r"[^\S\n]+")
_ODD = re.compile("[^\\S ]|  |^ | $|^'|[\x00-\x1f\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LINES = re.compile(r"(?<!\s)[^\S\r\n]*[\r\n]\s*")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_NOTHING = frozenset({
    "", "-", "--", "---", "—", "–", ".", "?", "нет", "нету", "н/д", "н/а", "нет данных", "не указан", "не указано",
    "не указана", "не указаны", "не задан", "не заполнено", "неизвестно", "пусто", "отсутствует", "n/a", "na", "null",
    "none", "nan", "undefined", "nil", "<пусто>", "(пусто)", "<не указано>", "00.00.0000", "0000-00-00",
    "01.01.0001", "0001-01-01",
})  # fmt: skip
_ERRORS = re.compile(
    r"\A#(?:Н/Д|ССЫЛКА!|ЗНАЧ!|ИМЯ\?|ДЕЛ/0!|ЧИСЛО!|ПУСТО!|N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|#+)\Z", re.I
)


def cleaned(text: str) -> str:
    """Without what nobody sees, one plain space for each stretch of them, lines kept; a spreadsheet's `'` before a text
    isn't part of it."""
    if _ODD.search(text) is None:
        return text
    plain = _SPACES.sub(" ", _LINES.sub("\n", _UNSEEN.sub("", text))).strip()
    return plain[1:].strip() if plain.startswith("'") else plain


def is_blank(text: str) -> bool:
    """Whether nothing is said by it: empty, a dash, or one of the words that programs and people put there."""
    return text.casefold() in _NOTHING


def is_an_error(text: str) -> bool:
    """Whether a spreadsheet's formula failed here (`#Н/Д`, `#REF!`, `#####`)."""
    return text.startswith("#") and _ERRORS.match(text) is not None
