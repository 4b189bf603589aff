"""Text files with a delimiter: what parts the cells, and records that go over several lines."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from svyazka.importing.fields import NAMED, plain, without_number
from svyazka.importing.files.encodings import Encoding, encoding_of, letters
from svyazka.importing.files.kinds import LIMITS, FileKind, Limits, Line, too_long, too_wide

_DELIMITERS = (";", "\t", ",", "|")
_CALLED = {";": ";", "\t": "TAB", ",": ",", "|": "|"}
_SAMPLE = 100
_LONGEST_RECORD = 50
"""Lines of one record: an open quote that has swallowed more was never meant as one."""


class _Pulled:
    """Lines as one record's reader takes them, which can be given back."""

    def __init__(self, lines: Iterator[tuple[str, bool]]) -> None:
        self._lines = lines
        self._again: list[tuple[str, bool]] = []
        self.taken: list[tuple[str, bool]] = []
        self.allowed = 0

    def __iter__(self) -> _Pulled:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= self.allowed:
            raise StopIteration
        line = self._again.pop() if self._again else next(self._lines)
        self.taken.append(line)
        return line[0]

    def give_back(self, lines: list[tuple[str, bool]]) -> None:
        """They are taken again, in their order."""
        self._again += reversed(lines)


class Delimited:
    """A CSV file, whoever wrote it."""

    kind = FileKind.TEXT

    def __init__(self, path: Path, limits: Limits = LIMITS) -> None:
        self._path, self._limits = path, limits
        self._encoding: Encoding = encoding_of(path)
        sample = [line for line, _damaged in islice(letters(path, self._encoding, limits), _SAMPLE)]
        self._announced = _announced(sample)
        self._delimiter = self._announced or _delimiter_of(sample)
        self._width = self._usual_width(sample)
        other = f" + {self._encoding.other}" if self._encoding.other and self._encoding.name == "utf-8" else ""
        self.said = f"CSV, {self._encoding.name}{other}, {_CALLED.get(self._delimiter, self._delimiter)}"

    def lines(self) -> Iterator[Line]:
        pulled = _Pulled(letters(self._path, self._encoding, self._limits))
        number = 0
        while (record := self._record(pulled)) is not None:
            number += 1
            if number == 1 and self._announced:
                continue  # `sep=;` is no line of the table
            cells, damaged = record
            if number > self._limits.lines:
                raise too_long(self._path, self._limits)
            if len(cells) > self._limits.columns:
                raise too_wide(self._path, number, self._limits)
            yield Line(number, tuple(cells), damaged)

    def _record(self, pulled: _Pulled) -> tuple[list[str], bool] | None:
        """The next record. A quote that was never closed makes one record of many lines: where that has not the
        table's width, each of its lines is a record of its own, its quotes plain letters."""
        pulled.taken.clear()
        pulled.allowed = _LONGEST_RECORD
        try:
            cells = next(csv.reader(pulled, delimiter=self._delimiter), None)
        except csv.Error:  # a cell of 128 KB: a quote that was never closed, over long lines
            cells = []
        if cells is None:
            return None
        if len(pulled.taken) == 1 and (cells or not pulled.taken[0][0].strip()):
            return cells, pulled.taken[0][1]
        if cells and self._fits(cells) and len(pulled.taken) < _LONGEST_RECORD:
            return cells, any(damaged for _line, damaged in pulled.taken)
        first, *others = pulled.taken
        pulled.give_back(others)
        alone = next(csv.reader([first[0]], delimiter=self._delimiter, quoting=csv.QUOTE_NONE), [])
        return alone, first[1]

    def _fits(self, cells: list[str]) -> bool:
        return self._width == 0 or len(cells) == self._width

    def _usual_width(self, sample: list[str]) -> int:
        widths = Counter(len(cells) for cells in csv.reader(sample, delimiter=self._delimiter) if any(cells))
        return widths.most_common(1)[0][0] if widths else 0


def _announced(sample: list[str]) -> str | None:
    """Excel's own first line: `sep=;`."""
    first = sample[0].strip() if sample else ""
    return first[4:5] if first.casefold().startswith("sep=") and len(first) == 5 else None


def _delimiter_of(sample: list[str]) -> str:
    """What gives the headings that are known; else what makes the lines most alike."""
    known = {
        delimiter: max(map(_known_words, csv.reader(sample, delimiter=delimiter)), default=0)
        for delimiter in _DELIMITERS
    }
    best = max(_DELIMITERS, key=lambda delimiter: known[delimiter])
    if known[best] >= 2:
        return best
    from clevercsv import Detector

    found = Detector().detect("".join(sample), delimiters=list(_DELIMITERS))
    return found.delimiter if found is not None and found.delimiter else _DELIMITERS[0]


def _known_words(cells: list[str]) -> int:
    return sum(without_number(plain(cell)) in NAMED for cell in cells)
