"""Web pages that are called `.xls`: how Bitrix24 and many cabinets export "to Excel"."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from svyazka.importing.files.encodings import encoding_of, letters
from svyazka.importing.files.kinds import LIMITS, FileKind, Limits, Line, too_long


class Page:
    """The lines of a page's tables, one after the other."""

    kind = FileKind.PAGE

    def __init__(self, path: Path, limits: Limits = LIMITS) -> None:
        self._path, self._limits, self._encoding = path, limits, encoding_of(path)
        self.said = f"HTML, {self._encoding.name}"

    def lines(self) -> Iterator[Line]:
        reader, number = _Reader(self._limits.columns), 0
        for text in self._texts():
            if text is None:
                reader.end()
            else:
                reader.feed(text)
            for cells in reader.taken():
                number += 1
                if number > self._limits.lines:
                    raise too_long(self._path, self._limits)
                yield Line(number, cells, any("\ufffd" in cell for cell in cells))

    def _texts(self) -> Iterator[str | None]:
        """Line by line; None at the end, where a page that was cut off still has its last cells."""
        for text, _damaged in letters(self._path, self._encoding, self._limits):
            yield text
        yield None


class _Reader(HTMLParser):
    """Cells of `tr` in their order; one that spans columns is followed by empty ones."""

    def __init__(self, columns: int) -> None:
        super().__init__(convert_charrefs=True)
        self._columns = columns
        self._rows: list[tuple[str, ...]] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._span = 1

    def end(self) -> None:
        self.close()
        self._end_row()

    def taken(self) -> list[tuple[str, ...]]:
        rows, self._rows = self._rows, []
        return rows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._end_row()
            self._row = []
        elif tag in {"td", "th"} and self._row is not None:
            self._end_cell()
            self._cell = []
            span = dict(attrs).get("colspan") or "1"
            self._span = min(int(span), self._columns) if span.isdecimal() else 1
        elif tag in {"br", "p", "div"} and self._cell:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._end_cell()
        elif tag in {"tr", "table"}:
            self._end_row()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is not None and self._row is not None:
            self._row += ["".join(self._cell).strip(), *[""] * (self._span - 1)]
        self._cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._row is not None:
            self._rows.append(tuple(self._row))
        self._row = None
