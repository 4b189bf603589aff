"""What a phone in a text is: one notion for sending messages, for masking people and for forgetting them.

Whoever can be messaged must be found by `forget` and masked by `show`, so all three read a text here: as stretches of
digits with signs between them that people, telephones and spreadsheets put there. They differ in one thing: what is
messaged must be sure (`candidates`), what is masked may be any run of digits that stands alone (`runs`), and what is
forgotten may be any run at all (`keys`). Light to import: a webhook function does without `phonenumbers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

SIGNS = (
    r"\s\x00-\x1f\x7f().\-\xad\xb7\u061c\u180e\u200b-\u2015\u2028-\u202f\u2043\u2060-\u206f\u2212\u20e3\u2e3a\u2e3b"
    r"\ufe0e\ufe0f\ufe58\ufe63\ufeff\uff08\uff09\uff0d\uff0e\ufffd"
)
"""What may stand between the digits of one phone: spaces of every width, dashes, dots, brackets, marks of direction,
what makes a digit an emoji, and what stands for a byte that isn't UTF-8."""

SHORTEST, SHORTEST_ABROAD, LONGEST = 10, 7, 15
"""Digits of a phone; fewer than ten only after a `+`, where the country's code is among them (E.164)."""

NESTED = 3
"""Texts of JSON within JSON that are looked into."""

MOST_GROUPS = 50_000
"""Of one stretch so many groups of digits are looked at: no list of phones within a request has more."""

_PLUS = "+\uff0b"
_STRETCH = re.compile(rf"(?:[{_PLUS}][\s(\uff08]{{0,3}}|[(\uff08])?\d(?:[{SIGNS}]*\d)+")
_LOOSE = re.compile(rf"\d[\d{_PLUS}{SIGNS}]{{6,}}")
"""In a form that isn't decoded a `+` is a space too."""
_ABROAD = {plus: re.compile(rf"{re.escape(plus)}[\s(\uff08]{{0,3}}(\d[\d{SIGNS}]{{6,}})") for plus in _PLUS}
_GROUP = re.compile(rf"([{_PLUS}]?)[\s(\uff08]{{0,3}}(\d+)")
_DIGITS = re.compile(r"\d+")
_TIED = re.compile(r"[0-9A-Za-z_]")
"""Next to one of these, digits are part of an id."""
_FOLLOWS = re.compile(r"ext|x[\s.:]{0,3}\d|e[+-]?\d{1,2}(?!\d)", re.I)
"""What may follow a phone without a gap all the same: an extension, or a spreadsheet's exponent."""
_DECIMAL = re.compile(r"\A\s*(\d{1,20})[.,](\d{1,20})\s*")
_EXPONENT = re.compile(r"\A\s*(\d{1,20})(?:[.,](\d{0,20}))?e\+?(\d{1,2})\s*", re.I)
_TELLING = ("\\u00", "\\u16", "\\u30", "\\u06", "\\u18", "\\u20", "\\u22", "\\u2e", "\\u2E", "\\uf", "\\uF")
_TELLING_ESCAPE = re.compile(
    r"\\u(00[0-9aAbB][0-9a-fA-F]|1680|3000|06(?:1[cC]|6[0-9])|180[eE]|20[0-6][0-9a-fA-F]|2212|2[eE]3[abAB]|[fF][eEfF][0-9a-fA-F]{2})"
)
"""Of JSON's escapes those that stand for a digit, a letter of an e-mail or a sign between digits."""
_OTHER_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[bfnrt])")
_GLUED = re.compile(rf"\\(?:u[0-9a-fA-F]{{4}}[0-9+(]|[bfnrt][\d{_PLUS}{SIGNS}])")
"""Any other is of interest only where it would lend its digits to a phone, or part a phone's."""
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_ESCAPE = re.compile(
    r"%(?:[0-7][0-9a-f]|[cd][0-9a-f]%[89ab][0-9a-f]|e[0-9a-f](?:%[89ab][0-9a-f]){2}|[89a-f][0-9a-f])"
    r"|(?<!\\)\\+(?:u[0-9a-f]{4}|[bfnrt])",
    re.I,
)
_BARE = re.compile(r"[\d\s]+")


class Number(NamedTuple):
    """Digits that may be a phone, and where they stand in the text, with a `+` and a bracket before them."""

    start: int
    end: int
    digits: str
    plus: bool


def candidates(text: str) -> Iterator[tuple[str, bool]]:
    """What of a text may be meant as a phone to write to, in its order: the digits of each stretch and whether a `+`
    is before them; then those of its beginning, where another number follows.

    Nothing after a decimal point is a digit of a phone: `79990000107.0` is a number that a spreadsheet made.
    """
    numeric, digits = _as_a_number(text)
    if numeric:
        if digits is not None:
            yield digits, False
        return
    for match in _STRETCH.finditer(text):
        start, end = match.span()
        if _is_tied(text, start, end) or _is_after_comma(text, start):
            continue
        groups = _groups(_without_decimals(match[0]))
        if not groups:
            continue
        plus = groups[0].plus
        all_digits = "".join(group.digits for group in groups)
        if _fits(all_digits, plus):
            yield all_digits, plus
        for run in _runs(groups, 0):
            if len(run.digits) < len(all_digits) and is_russian(run.digits):
                yield run.digits, plus


def runs(text: str) -> Iterator[list[Number]]:
    """For each place where a phone may begin, the runs of digits that it may be, the longest first. None is part of
    a longer word or number."""
    for match in _LOOSE.finditer(text):
        start = match.start()
        while start and text[start - 1] in "(\uff08 \u00a0" and match.start() - start < 3:
            start -= 1
        if not (start and text[start - 1] in _PLUS):
            start = match.start()
        else:
            start -= 1
        groups = _groups(text[start : match.end()])
        for index in range(len(groups)):
            found = [run for run in _runs(groups, index) if _fits(run.digits, run.plus)]
            placed = [run._replace(start=run.start + start, end=run.end + start) for run in reversed(found)]
            fitting = [run for run in placed if not _is_tied(text, run.start, run.end)]
            if fitting:
                yield fitting


def keys(text: str) -> Iterator[str]:
    """Of everything in a text that may be a phone the key by which it is compared. Russian numbers come first: what
    else may be one is mostly a date, a sum or a part of an id."""
    others: dict[str, None] = {}
    for stretch in dict.fromkeys(_LOOSE.findall(text)):  # an id stands in a body more than once
        groups = _DIGITS.findall(stretch)
        whole = "".join(groups)
        if len(whole) < SHORTEST:
            continue
        for digits in (whole,) if len(whole) == SHORTEST or len(groups) == 1 else _joined(groups):
            if SHORTEST <= len(digits) <= LONGEST:
                plain = digits if digits.isascii() else ascii_digits(digits)
                if is_russian(plain):
                    yield plain[-10:]
                else:
                    others[plain] = None
    for digits in others:
        yield digits[-10:]
        abroad = dialled_abroad(digits)
        if abroad is not None and len(abroad) < SHORTEST:
            yield "+" + abroad
    for plus in _PLUS:
        for stretch in _ABROAD[plus].findall(text) if plus in text else ():
            digits = ascii_digits(stretch)
            if SHORTEST_ABROAD <= len(digits) < SHORTEST:
                yield "+" + digits


def _joined(groups: list[str]) -> Iterator[str]:
    """The digits of every run of groups that isn't too long for a phone."""
    for index, digits in enumerate(groups[:MOST_GROUPS]):
        for following in groups[index + 1 : index + LONGEST + 1]:
            yield digits
            digits += following
            if len(digits) > LONGEST:
                break
        else:
            yield digits


def unescaped(raw: bytes) -> str:
    """The text of a request as phones are looked for in it: forms and JSON without their escapes, also where one stands
    within the other. What isn't UTF-8 keeps its digits."""
    if raw.startswith(_UTF16_MARKS):
        text = raw.decode("utf-16", "replace")
    else:
        text = (raw.replace(b"\x00", b"") if b"\x00" in raw else raw).decode("utf-8", "replace")
    if "%" in text:
        text = unquote_plus(text)
    if "\\" in text:
        for _ in range(NESTED):
            text = text.replace("\\\\", "\\")
        if any(mark in text for mark in _TELLING):
            text = _TELLING_ESCAPE.sub(_sign, text)
        if _GLUED.search(text):
            text = _OTHER_ESCAPE.sub(" ", text)
    return text


def unescaped_with_places(text: str) -> tuple[str, Callable[[int], int]]:
    """The same of a text that is to be shown, and where each of its places was in the text with its escapes."""
    if "%" not in text and "\\" not in text:
        return text, lambda place: place
    read: list[str] = []
    places: list[int] = []
    done = 0
    for match in _ESCAPE.finditer(text):
        read.append(text[done : match.start()])
        places += range(done, match.start() + 1)
        read.append(_letter(match[0]))
        done = match.end()
    read.append(text[done:])
    places += range(done, len(text) + 1)
    return "".join(read), places.__getitem__


def _letter(escape: str) -> str:
    """The one letter that an escape stands for."""
    if escape[0] == "%":
        return unquote(escape)[:1]
    return chr(int(escape[-4:], 16)) if "u" in escape.lower() else " "


def _sign(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def key(address: str) -> str | None:
    """The key of one phone, in E.164 or as it was typed; None for what is too short or too long for one.

    The last ten digits, so that `8 999...` and `+7999...` are one.
    """
    digits = ascii_digits(address)
    if SHORTEST <= len(digits) <= LONGEST:
        return digits[-10:]
    return None


def is_russian(digits: str) -> bool:
    """Whether digits have the form of a Russian number: `8 999...`, `7 495...`, `999...`."""
    if len(digits) == 11:
        return digits[0] in "78" and digits[1] in "3489"
    return len(digits) == 10 and digits[0] in "3489"


def dialled_abroad(digits: str) -> str | None:
    """The number itself where it is dialled as from Russia (`8-10-375...`) or from Europe (`00 49...`)."""
    if digits.startswith("810") and len(digits) > 10:
        return digits[3:]
    return digits[2:] if digits.startswith("00") else None


def ascii_digits(text: str) -> str:
    """The digits of a text, Arabic and full-width ones too, as 0 to 9."""
    found = "".join(_DIGITS.findall(text))
    return found if found.isascii() else "".join(str(int(digit)) for digit in found)


def _as_a_number(text: str) -> tuple[bool, str | None]:
    """Whether a text is a number as programs write it, and its digits where it is a whole one.

    `7.99E+10` is whole too, and its digits are those of nobody: a spreadsheet had rounded them away.
    """
    match = _EXPONENT.fullmatch(text)
    if match is not None:
        whole, fraction, exponent = match[1], match[2] or "", int(match[3])
        if len(fraction.rstrip("0")) > exponent or len(fraction) < exponent:
            return True, None
        return True, ascii_digits(whole + fraction[:exponent])
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return False, None
    return True, (_if_it_fits(match[1]) if not match[2].strip("0") else None)


def _if_it_fits(digits: str) -> str | None:
    plain = ascii_digits(digits)
    return plain if _fits(plain, plus=False) else None


def _without_decimals(stretch: str) -> str:
    """A stretch without what stands after its decimal point; nothing at all where the number isn't whole.

    A single dot is one in a number of digits and spaces alone (`99 912 345.67`), or before zeros after a whole phone.
    """
    before, dot, after = stretch.rpartition(".")
    if not dot or "." in before or not after.isdecimal():
        return stretch
    if after.strip("0"):
        return "" if _BARE.fullmatch(before) else stretch
    return before if _BARE.fullmatch(before) or len(ascii_digits(before)) >= SHORTEST else stretch


def _groups(stretch: str) -> list[Number]:
    return [Number(*match.span(), ascii_digits(match[2]), bool(match[1])) for match in _GROUP.finditer(stretch)]


def _runs(groups: list[Number], index: int) -> Iterator[Number]:
    """What begins at a group, from the shortest to the longest."""
    digits = ""
    for group in groups[index:]:
        digits += group.digits
        if len(digits) > LONGEST:
            return
        yield Number(groups[index].start, group.end, digits, groups[index].plus)


def _fits(digits: str, plus: bool) -> bool:
    return (SHORTEST_ABROAD if plus else SHORTEST) <= len(digits) <= LONGEST


def _is_tied(text: str, start: int, end: int) -> bool:
    if start and _TIED.match(text[start - 1]):
        return True
    return end < len(text) and _TIED.match(text[end]) is not None and _FOLLOWS.match(text, end) is None


def _is_after_comma(text: str, start: int) -> bool:
    """A Russian decimal point: `7,9990000107`."""
    return start >= 2 and text[start - 1] == "," and text[start - 2].isdecimal()
