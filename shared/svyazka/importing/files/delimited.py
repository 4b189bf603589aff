"""Text files with a delimiter: what parts the cells, and records that go over several lines."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
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

csv.field_size_limit(max(csv.field_size_limit(), LIMITS.line))  # a line that isn't too long has no cell that is


class _Pulled:
    """Lines as one record's reader takes them, which can be given back."""

    def __init__(self, lines: Iterator[tuple[str, bool]]) -> None:
        self._lines = lines
        self._again: list[tuple[str, bool]] = []
        self.taken: list[tuple[str, bool]] = []
        self.ran_out = False
        """A quote was still open when there were no more lines to give."""
        self._allowed = 0

    def begin(self, allowed: int) -> None:
        """A new record, of at most so many lines."""
        self.taken, self.ran_out, self._allowed = [], False, allowed

    def __iter__(self) -> _Pulled:
        return self

    def __next__(self) -> str:
        line = None
        if len(self.taken) < self._allowed:
            line = self._again.pop() if self._again else next(self._lines, None)
        if line is None:
            self.ran_out = True
            raise StopIteration
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
        self._width = 0
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
            cells, damaged, joined = record
            if number > self._limits.lines:
                raise too_long(self._path, self._limits)
            if len(cells) > self._limits.columns:
                raise too_wide(self._path, number, self._limits)
            yield Line(number, tuple(cells), damaged, joined)

    def _record(self, pulled: _Pulled) -> tuple[Sequence[str], bool, bool] | None:
        """The next record, whether letters of it are lost, whether it goes over several lines. A quote that was never
        closed makes one record of many lines: each of them is a record of its own, its quotes plain letters."""
        pulled.begin(_LONGEST_RECORD)
        try:
            cells = next(csv.reader(pulled, delimiter=self._delimiter), None)
        except csv.Error:  # a cell longer than a line may be: a quote that was never closed, over long lines
            cells = []
        if cells is None:
            return None
        first, *others = pulled.taken
        if not others and not pulled.ran_out and (cells or not first[0].strip()):
            return cells, first[1], False
        if cells and others and not pulled.ran_out and self._is_one([line for line, _damaged in pulled.taken], cells):
            return cells, any(damaged for _line, damaged in pulled.taken), True
        pulled.give_back(others)
        alone = next(csv.reader([first[0]], delimiter=self._delimiter, quoting=csv.QUOTE_NONE), [])
        return alone, first[1], False

    def _is_one(self, lines: list[str], cells: list[str]) -> bool:
        """Whether a quote was meant to hold these lines together. A forgotten one holds lines that are each as wide
        as the table, and mostly ends where another cell's quotes begin, in front of that cell's text."""
        try:
            next(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return False
        if self._width and len(cells) != self._width:
            return False
        *inner, last = lines
        if last.endswith("\r\n") and not any(line.endswith("\r\n") for line in inner):
            return True  # as spreadsheets write it: lines of the table end so, those of a cell otherwise
        first, *others = [self._widths(line) for line in lines if line.strip()]
        inside = others[:-1] or others  # the last line may be cut short: its quote may open a cell of several lines
        if self._width == 0:
            return not any(width >= max(len(cells), 2) for one in inside for width in first & one)
        return not all(self._width in one for one in (first, *inside))

    def _widths(self, text: str) -> set[int]:
        """How many cells it may have by itself. A comma before a space parts words, not cells."""
        if self._delimiter == ",":
            text = text.replace(", ", " ")
        cells = next(csv.reader([text], delimiter=self._delimiter))
        as_letters = len(cells) + cells[-1].count(self._delimiter)  # where the last cell's quote stays open
        return {len(cells), as_letters, text.count(self._delimiter) + 1}

    def _usual_width(self, sample: list[str]) -> int:
        pulled, widths = _Pulled((line, False) for line in sample), Counter[int]()
        while (record := self._record(pulled)) is not None:
            widths.update([len(record[0])] if any(record[0]) else [])
        return widths.most_common(1)[0][0] if widths else 0


def _announced(sample: list[str]) -> str | None:
    """Excel's own first line: `sep=;`."""
    first = sample[0].strip() if sample else ""
    return first[4:5] if first.casefold().startswith("sep=") and len(first) == 5 else None


def _delimiter_of(sample: list[str]) -> str:
    """What gives the headings that are known; else what makes the lines most alike."""
    known = {delimiter: max(map(_known_words, _both_ways(sample, delimiter)), default=0) for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda delimiter: known[delimiter])
    if known[best] >= 2:
        return best
    from clevercsv import Detector

    found = Detector().detect("".join(sample), delimiters=list(_DELIMITERS))
    return found.delimiter if found is not None and found.delimiter else _DELIMITERS[0]


def _both_ways(sample: list[str], delimiter: str) -> Iterator[list[str]]:
    """With quotes as quotes and, as one may be stray, as letters that mean nothing."""
    with suppress(csv.Error):  # a stray one over long lines
        yield from csv.reader(sample, delimiter=delimiter)
    for line in sample:
        yield line.replace('"', "").strip().split(delimiter)


def _known_words(cells: list[str]) -> int:
    return sum(without_number(plain(cell)) in NAMED for cell in cells)
