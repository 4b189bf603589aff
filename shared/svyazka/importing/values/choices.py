"""Cells that hold one of a few answers, and cells that hold a list of words."""

from __future__ import annotations

import re

from svyazka.importing.remarks import Read, Remark, Why

_SEXES = {
    "male": ("м", "муж", "муж.", "мужской", "мужчина", "m", "male", "1"),
    "female": ("ж", "жен", "жен.", "женский", "женщина", "f", "w", "female", "2"),
}
_FLAGS = {
    "yes": ("да", "yes", "y", "true", "истина", "1", "+", "согласен", "согласна", "x", "х", "v", "✓", "получено"),
    "no": ("нет", "no", "n", "false", "ложь", "0", "-", "не согласен", "не согласна", "отказ"),
}
_BETWEEN = re.compile(r"[,;|\n]+")


def sex(text: str) -> Read[str | None]:
    """`male` or `female`; 1C's and YCLIENTS' 0 is neither."""
    return Read(None) if text == "0" else _one_of(text, _SEXES)


def flag(text: str) -> Read[str | None]:
    """`yes` or `no`. A consent is believed in plain words only."""
    return _one_of(text, _FLAGS)


def tags(text: str) -> Read[tuple[str, ...]]:
    """The words of a list, each once."""
    return Read(tuple(dict.fromkeys(tag for tag in (part.strip() for part in _BETWEEN.split(text)) if tag)))


def _one_of(text: str, choices: dict[str, tuple[str, ...]]) -> Read[str | None]:
    plain = text.casefold().strip()
    for choice, words in choices.items():
        if plain in words:
            return Read(choice)
    return Read(None, (Remark(Why.NO_CHOICE, text),))
