"""Phones as they stand in a cell: several of them, with extensions, rounded by a spreadsheet, or made up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from svyazka.importing.remarks import Read, Remark, Why
from svyazka.model.contacts import normalize_phone
from svyazka.model.phones import LONGEST, SHORTEST, ascii_digits

_BETWEEN = re.compile(r"[,;/|\n\\]+|\s{1,9}(?:или|и|or)\s+", re.I)
_EXTENSION = re.compile(
    r"(?<![\s,;(])[\s,;(]*(?:доб(?:авочный)?|вн(?:утр)?(?:енний)?|ext|x|#)[\s.:#№]{0,9}\d{1,6}\)?\s*\Z", re.I
)
_BEFORE_EXTENSION = re.compile(r"[,;]\s*(?=(?:доб|вн|ext)\b)", re.I)
_ROUNDED = re.compile(r"\d(?:[.,]\d*)?e\+?\d{1,2}", re.I)
_HIDDEN = re.compile(r"\d[\s()\-]*[*•xхXХ]{2,}|[*•]{3,}")
_GROUPS = re.compile(r"\+?\d+")
_COMMA_OF_A_NUMBER = re.compile(r"\A\s*\d,\d+e\+?\d+\s*", re.I)

_LOCAL = range(5, 8)
"""Digits of a number within its town."""


def phones(text: str) -> Read[tuple[str, ...]]:
    """Every number of a cell in E.164, in its order, each once."""
    found: dict[str, None] = {}
    remarks: list[Remark] = []
    for piece in _pieces(text):
        numbers, said = _of_piece(piece)
        found.update(dict.fromkeys(numbers))
        remarks += said
    if len(found) > 1:
        remarks.append(Remark(Why.SEVERAL, text, ", ".join(found)))
    elif len(found) == 1 and not remarks and next(iter(found)) != text:
        remarks.append(Remark(Why.SPELLING, text, next(iter(found))))
    return Read(tuple(found), tuple(remarks))


def _pieces(text: str) -> Iterator[str]:
    if _COMMA_OF_A_NUMBER.fullmatch(text):  # `7,9990002233E+10`: a Russian spreadsheet's decimal comma
        yield text.strip()
        return
    for piece in _BETWEEN.split(_BEFORE_EXTENSION.sub(" ", text)):
        if piece.strip(" .'\""):
            yield piece.strip()


def _of_piece(piece: str) -> tuple[list[str], list[Remark]]:
    plain = _EXTENSION.sub("", piece)
    said = [] if plain == piece or not plain else [Remark(Why.EXTENSION, piece, plain)]
    plain = plain or piece
    if _HIDDEN.search(plain):
        return [], [Remark(Why.HIDDEN, piece)]
    numbers = _several(plain)
    real = [number for number in numbers if not _is_made_up(number)]
    if real:
        return real, said
    return [], [Remark(_why_not(plain, rubbish=bool(numbers)), piece)]


def _several(text: str) -> list[str]:
    """The numbers of a piece; two that only a blank parts are told by each being whole."""
    whole = normalize_phone(text)
    if whole is not None and len(ascii_digits(text)) <= LONGEST:
        return [whole]
    groups, found, at = _GROUPS.findall(text), [], 0
    while at < len(groups):
        for end in range(at + 1, len(groups) + 1):
            digits = ascii_digits("".join(groups[at:end]))
            if len(digits) > LONGEST:
                break
            number = normalize_phone("".join(groups[at:end])) if len(digits) >= SHORTEST else None
            if number is not None and number.startswith("+7"):
                found.append(number)
                at = end - 1
                break
        at += 1
    return found or ([whole] if whole is not None else [])


def _is_made_up(number: str) -> bool:
    """`+7 999 999-99-99`, `+7 911 111-11-11`: of ten digits eight are one, or the last seven are."""
    local = number[-10:]
    return max(map(local.count, set(local))) >= 8 or len(set(local[-7:])) == 1


def _why_not(text: str, rubbish: bool) -> Why:
    digits = ascii_digits(text)
    if rubbish or (digits and len(set(digits)) == 1):
        return Why.RUBBISH
    if _ROUNDED.search(text):
        return Why.ROUNDED
    return Why.LOCAL if len(digits) in _LOCAL and len(digits) * 2 >= len(text) else Why.NO_PHONE
