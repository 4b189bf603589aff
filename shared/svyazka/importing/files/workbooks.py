"""Workbooks: XLSX, XLS, XLSB, ODS. Dates come as dates, and a whole number without its dot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from svyazka.catalogue import _
from svyazka.importing.files.kinds import LIMITS, FileKind, FileRefused, Limits, Line, refused, too_long, too_wide

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_MIDNIGHT = time()


class Workbook:
    """One sheet of a workbook: the one that was named, else the first that can be seen and holds anything."""

    kind = FileKind.WORKBOOK

    def __init__(self, path: Path, sheet: str | None = None, limits: Limits = LIMITS) -> None:
        self._path, self._limits = path, limits
        book, self._sheet = _opened(path, sheet)
        others = [name for name in book.sheet_names if name != self._sheet.name]
        self.said = f"{path.suffix.removeprefix('.').upper() or 'XLSX'}, «{self._sheet.name}»"
        if others and sheet is None:
            self.said += " " + _("(left aside: {others})", others=", ".join(f"«{name}»" for name in others))
        if self._sheet.total_height > limits.lines:
            raise too_long(path, limits)

    def lines(self) -> Iterator[Line]:
        start = self._sheet.start
        if start is None:
            return
        above, left = start
        for number in range(1, above + 1):
            yield Line(number, ())
        for number, cells in enumerate(self._sheet.iter_rows(), start=above + 1):
            row: Sequence[object] = cells if len(cells) <= self._limits.columns else _without_empty_end(cells)
            if len(row) > self._limits.columns:
                raise too_wide(self._path, number, self._limits)
            yield Line(number, ("",) * left + tuple(map(_as_text, row)))


def _opened(path: Path, sheet: str | None) -> tuple[CalamineWorkbook, CalamineSheet]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        book = CalamineWorkbook.from_path(str(path))
        return book, _chosen(path, book, sheet)
    except PasswordError:
        raise refused(path, _("it is protected by a password: save it without one")) from None
    except (CalamineError, OSError):
        raise refused(path, _("it is damaged, or no workbook: open it in a spreadsheet and save it as XLSX")) from None


def _chosen(path: Path, book: CalamineWorkbook, wanted: str | None) -> CalamineSheet:
    from python_calamine import SheetVisibleEnum

    if wanted is not None:
        if wanted not in book.sheet_names:
            raise refused(
                path,
                _("it has no sheet {wanted!r}; there are {names}", wanted=wanted, names=", ".join(book.sheet_names)),
            )
        return book.get_sheet_by_name(wanted)
    for known in book.sheets_metadata:
        if known.visible is SheetVisibleEnum.Visible:
            sheet = book.get_sheet_by_name(known.name)
            if sheet.height > 1:
                return sheet
    raise FileRefused(f"{path.name}: " + _("no sheet that can be seen has more than one line"))


def _without_empty_end(row: Sequence[object]) -> Sequence[object]:
    filled = max((place + 1 for place, cell in enumerate(row) if cell != ""), default=0)
    return row[:filled]


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "да" if value else "нет"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
