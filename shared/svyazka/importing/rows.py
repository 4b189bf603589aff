"""Each line of a table as what it tells of one person, put right, with everything that was changed on the way. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from svyazka.importing.columns import Columns, Guess
from svyazka.importing.fields import Shape
from svyazka.importing.files.kinds import Line, Table
from svyazka.importing.outcomes import Outcome
from svyazka.importing.remarks import Kind, Read, Remark, Why
from svyazka.importing.values import amounts, choices, days, names, phones
from svyazka.importing.values.blanks import cleaned, is_an_error, is_blank
from svyazka.importing.values.mails import mails
from svyazka.model.records import Value

_TOTALS = ("итого", "всего", "итог", "total", "grand total", "общий итог")
_TOTALS_FILL = 4
"""Cells of a line of sums, where the word isn't the first of them."""
_PARTS = ("last_name", "first_name", "patronymic")
LONGEST = 4096
"""Letters of a text: a CRM's own fields end there or before."""


class Said(NamedTuple):
    """A remark, and the column that it is about."""

    place: int
    remark: Remark


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file."""

    number: int
    outcome: Outcome
    fields: Mapping[str, Value] = field(default_factory=dict)
    """By canonical name; what nothing is said of isn't here."""
    remarks: tuple[Said, ...] = ()
    about: tuple[int, ...] = ()
    """Numbers of the lines that this outcome is about: what it repeats, whom it may be."""
    unsure: frozenset[str] = frozenset()
    """Fields of which a cell couldn't be used: what is missing there may be the cell's fault."""

    def texts(self, name: str) -> tuple[str, ...]:
        """A field's texts, be it one or several."""
        value = self.fields.get(name)
        return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()

    def text(self, name: str) -> str | None:
        """A field's text, or the first of several."""
        return next(iter(self.texts(name)), None)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its phones and e-mails."""
        return (*self.texts("phone"), *self.texts("email"))

    @property
    def digest(self) -> bytes:
        """Equal for lines that say the same."""
        said = json.dumps(dict(sorted(self.fields.items())), ensure_ascii=False, default=list)
        return hashlib.blake2b(said.encode(), digest_size=16).digest()


def rows(table: Table, columns: Columns, today: date) -> Iterator[Row]:
    """Every line of the table, in its order."""
    reader = _Reader(columns, today)
    return map(reader.row, table.lines())


class _Reader:
    def __init__(self, columns: Columns, today: date) -> None:
        self._columns, self._today = columns, today
        self._width = len(columns.guesses)
        self._taken = [(one.place, one) for one in columns.taken]

    def row(self, line: Line) -> Row:
        cells = tuple(map(cleaned, line.cells))
        outcome = self._without_a_person(line.number, cells)
        if outcome is not None:
            return Row(line.number, outcome, remarks=self._joined(line))
        person = _Person(self._today)
        person.said += self._joined(line)
        for place, column in self._taken:
            if place < len(cells) and cells[place]:
                person.take(column, cells[place])
        if line.damaged:
            person.said.append(Said(0, Remark(Why.DAMAGED, "")))
        fields = person.fields()
        named = "name" in fields and ("code" in fields or "birthday" in fields)  # a code alone is nobody
        known = named or "phone" in fields or "email" in fields
        outcome = Outcome.READY if known else Outcome.UNUSABLE if fields or any(cells) else Outcome.BLANK
        return Row(line.number, outcome, fields, tuple(person.said), unsure=self._unsure(person, line.damaged))

    def _unsure(self, person: _Person, damaged: bool) -> frozenset[str]:
        if damaged:  # any of its letters may be lost
            return frozenset(column.field for _place, column in self._taken if column.field)
        left_out = {said.place for said in person.said if said.remark.kind is Kind.LEFT_OUT}
        return frozenset(column.field for place, column in self._taken if place in left_out and column.field)

    def _joined(self, line: Line) -> tuple[Said, ...]:
        """Said of whatever the line is: a quote that somebody forgot may have swallowed a person."""
        if not line.joined:
            return ()
        held = [(place, cell) for place, cell in enumerate(line.cells) if "\n" in cell or "\r" in cell]
        return tuple(Said(min(place, self._width - 1), Remark(Why.JOINED, cell)) for place, cell in held)

    def _without_a_person(self, number: int, cells: Sequence[str]) -> Outcome | None:
        heading = self._columns.heading
        filled = [cell for cell in cells if cell]
        if not filled:
            return Outcome.BLANK
        if number < heading.first or heading.repeats(cells):
            return Outcome.HEADING
        if _is_total(filled) and not self._is_somebodys(cells):
            return Outcome.TOTAL
        if any(cells[self._width :]):
            return Outcome.BROKEN
        if len(filled) == 1 and bool(cells[0]) and self._width > 2:
            return Outcome.GROUP
        return None

    def _is_somebodys(self, cells: Sequence[str]) -> bool:
        """Whether a phone or an address stands there: a client may be called `Total Fitness`."""
        return any(
            _READERS[column.shape](cells[place], self._today, column).value
            for place, column in self._taken
            if column.shape in (Shape.PHONES, Shape.MAILS) and place < len(cells)
        )


def _is_total(filled: Sequence[str]) -> bool:
    first = filled[0].casefold().rstrip(" :")
    if any(first == total or first.startswith((f"{total} ", f"{total}:")) for total in _TOTALS):
        return True
    return len(filled) <= _TOTALS_FILL and any(cell.casefold().rstrip(" :") in _TOTALS for cell in filled)


class _Person:
    """What the cells of a line add up to."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._single: dict[str, Value] = {}
        self._several: dict[str, dict[str, None]] = {}
        self._parts: dict[str, tuple[int, str]] = {}
        self.said: list[Said] = []

    def take(self, column: Guess, cell: str) -> None:
        """Read a cell of a column that is used."""
        assert column.field is not None
        if column.shape is Shape.NAME:
            if not is_blank(cell):
                self._take_name(column, cell)
            return
        if is_an_error(cell):
            self.said.append(Said(column.place, Remark(Why.FORMULA, cell)))
        elif column.shape is Shape.FLAG:
            self._keep(column, choices.flag(cell))
        elif not is_blank(cell):
            self._keep(column, _READERS[column.shape](cell, self._today, column))

    def fields(self) -> dict[str, Value]:
        """All that is said of the person."""
        self._single |= {name: tuple(texts) for name, texts in self._several.items() if texts and name != "comment"}
        if notes := self._several.get("comment"):
            self._single["comment"] = "\n".join(notes)
        if "name" not in self._single:
            self._join_name()
        return self._single

    def _keep(self, column: Guess, read: Read[Value | None]) -> None:
        assert column.field is not None
        self.said += (Said(column.place, remark) for remark in read.remarks)
        value = read.value
        if column.shape is Shape.FLAG and value is not None:
            self._single[column.field] = value == "yes"
        elif isinstance(value, tuple) or (value is not None and column.field == "comment"):
            texts = value if isinstance(value, tuple) else (str(value),)
            self._several.setdefault(column.field, {}).update(dict.fromkeys(texts))
        elif value is not None:
            self._single.setdefault(column.field, value)

    def _take_name(self, column: Guess, cell: str) -> None:
        assert column.field is not None
        read = names.name(cell)
        self.said += (Said(column.place, remark) for remark in read.remarks)
        if read.value.beside:
            self._several.setdefault("comment", {})[read.value.beside] = None
        self._several.setdefault("phone", {}).update(dict.fromkeys(read.value.numbers))
        if read.value.text and column.field in _PARTS:
            self._parts[column.field] = (column.place, read.value.text)
        elif read.value.text:
            self._single[column.field] = read.value.text

    def _join_name(self) -> None:
        read = names.together(*(self._parts.get(part, (0, None))[1] for part in _PARTS))
        place = min((place for place, _text in self._parts.values()), default=0)
        self.said += (Said(place, remark) for remark in read.remarks)
        if read.value:
            self._single["name"] = read.value


def _text(cell: str, today: date, column: Guess) -> Read[Value | None]:
    return Read(cell) if len(cell) <= LONGEST else Read(None, (Remark(Why.TOO_LONG, cell[:100]),))


def _code(cell: str, today: date, column: Guess) -> Read[Value | None]:
    return Read(cell) if len(cell) <= 100 else Read(None, (Remark(Why.TOO_LONG, cell[:100]),))


def _birthday(cell: str, today: date, column: Guess) -> Read[Value | None]:
    return days.day(cell, today, column.order, birth=True) if cell != "0" else Read(None)


_READERS: Mapping[Shape, Callable[[str, date, Guess], Read[Value | None]]] = {
    Shape.CODE: _code,
    Shape.PHONES: lambda cell, today, column: phones.phones(cell) if cell != "0" else Read(()),
    Shape.MAILS: lambda cell, today, column: mails(cell),
    Shape.DAY: lambda cell, today, column: days.day(cell, today, column.order) if cell != "0" else Read(None),
    Shape.BIRTHDAY: _birthday,
    Shape.AMOUNT: lambda cell, today, column: amounts.amount(cell),
    Shape.COUNT: lambda cell, today, column: amounts.count(cell),
    Shape.SEX: lambda cell, today, column: choices.sex(cell),
    Shape.TAGS: lambda cell, today, column: choices.tags(cell),
    Shape.TEXT: _text,
}
