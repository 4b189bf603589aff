"""What the cells of a column look like, whatever stands over them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from svyazka.importing.fields import Shape
from svyazka.importing.remarks import Why
from svyazka.importing.values import amounts, choices, days, mails, names, phones

_SOME_NUMBER = frozenset({Why.ROUNDED, Why.HIDDEN, Why.LOCAL, Why.RUBBISH})
_LETTER = re.compile(r"[^\W\d_]{2}")
ALL = 0.6
"""A column is of a shape where so many of its cells are: the rest is what people typed wrong."""
HARDLY = 0.3


def share(shape: Shape, cells: Sequence[str], today: date) -> float:
    """Which part of these cells, none of them blank, can be read as that shape."""
    if not cells:
        return 1.0
    if shape is Shape.CODE:
        return len(set(cells)) / len(cells)
    test = _TESTS.get(shape)
    return 1.0 if test is None else sum(test(cell, today) for cell in cells) / len(cells)


def _phone(cell: str, today: date) -> bool:
    read = phones.phones(cell)
    return bool(read.value) or any(remark.why in _SOME_NUMBER for remark in read.remarks)


def _name(cell: str, today: date) -> bool:
    return _LETTER.search(cell) is not None and "@" not in cell and sum(map(str.isdigit, cell)) * 2 < len(cell)


_TESTS: Mapping[Shape, Callable[[str, date], bool]] = {
    Shape.PHONES: _phone,
    Shape.NAME: _name,
    Shape.MAILS: lambda cell, today: "@" in cell or bool(mails.mails(cell).value),
    Shape.DAY: lambda cell, today: days.day(cell, today).value is not None,
    Shape.BIRTHDAY: lambda cell, today: any(map(str.isdigit, cell)) and not _is_no_day(cell, today),
    Shape.AMOUNT: lambda cell, today: amounts.amount(cell).value is not None,
    Shape.COUNT: lambda cell, today: amounts.count(cell).value is not None,
    Shape.SEX: lambda cell, today: choices.sex(cell).value is not None or cell == "0",
    Shape.FLAG: lambda cell, today: choices.flag(cell).value is not None,
}


def _is_no_day(cell: str, today: date) -> bool:
    return any(remark.why is Why.NO_DAY for remark in days.day(cell, today, birth=True).remarks)


def by_looks(cells: Sequence[str], today: date) -> tuple[str, float] | None:
    """The field that a column without a known heading must be, by its cells alone, and how sure that is."""
    if len(cells) < 3:
        return None
    if sum("@" in cell for cell in cells) >= 0.8 * len(cells):
        return "email", 0.9
    if share(Shape.PHONES, cells, today) >= 0.8 and sum(len(cell) >= 10 for cell in cells) >= 0.8 * len(cells):
        return "phone", 0.7
    if sum(names.looks_like_a_name(cell) for cell in cells) >= 0.7 * len(cells):
        return "name", 0.6
    return None
