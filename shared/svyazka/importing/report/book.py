"""The report as a workbook: every line, every cell that was changed, every group that may be one person.

All is written as text. What begins like a formula gets a `'`: the file may be saved as CSV one day, and opened again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from svyazka.catalogue import _
from svyazka.importing.clusters import REASONS, Cluster
from svyazka.importing.remarks import SAID
from svyazka.importing.report.page import name_of, title_of
from svyazka.importing.report.totals import Became, Totals

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

_LIKE_A_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"\A[+-]?\d[\d., ]*\Z")
LONGEST = 32_000


class Book:
    """Written line by line, so that it costs no memory; whole when it is left."""

    def __init__(self, path: Path, totals: Totals) -> None:
        import xlsxwriter

        self._totals = totals
        options = {
            "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "strings_to_numbers": False,
        }  # fmt: skip
        self._book = xlsxwriter.Workbook(str(path), options)
        self._fields = list(dict.fromkeys(one.field for one in totals.columns.taken if one.field))
        if "name" not in self._fields:
            self._fields.insert(0, "name")
        titles = list(map(title_of, self._fields))
        self._lines = self._sheet(
            _("Lines"), [_("Line"), _("What became of it"), _("See lines"), _("In the CRM"), *titles]
        )
        self._cells = self._sheet(_("Cells"), [_("Line"), _("Column"), _("Stood there"), _("Taken"), _("Why")])
        self._doubles = self._sheet(_("Doubles"), [_("Id"), _("Line"), _("Why"), _("One person?")])
        self._at = {"lines": 0, "cells": 0, "doubles": 0}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._book.close()

    def take(self, became: Became) -> None:
        """Write a line, and what was changed in it."""
        row = became.row
        about = ", ".join(map(str, row.about))
        what = name_of(became.what) + (f": {became.note}" if became.note else "")
        values = ["\n".join(row.texts(name)) if name in row.fields else "" for name in self._fields]
        self._write(self._lines, "lines", [str(row.number), what, about, became.object or "", *values])
        for place, remark in row.remarks:
            said = [str(row.number), self._totals.title(place), remark.was, remark.now or "", _(SAID[remark.why][1])]
            self._write(self._cells, "cells", said)

    def doubles(self, clusters: Sequence[Cluster]) -> None:
        """Write the groups that may be one person."""
        for cluster in clusters:
            why = "; ".join(_(REASONS[reason]) for reason in sorted(cluster.reasons))
            for line in cluster.lines:
                alike = _("nothing speaks against it") if cluster.alike else _("something speaks against it")
                self._write(self._doubles, "doubles", [cluster.id, str(line), why, alike])

    def _sheet(self, name: str, heads: Sequence[str]) -> Worksheet:
        sheet = self._book.add_worksheet(name)
        bold = self._book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for place, head in enumerate(heads):
            sheet.write_string(0, place, head, bold)
        return sheet

    def _write(self, sheet: Worksheet, name: str, cells: Sequence[str]) -> None:
        self._at[name] += 1
        for place, cell in enumerate(cells):
            if cell:
                sheet.write_string(self._at[name], place, guarded(cell))


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula; a phone or a number isn't one."""
    plain = text[:LONGEST]
    if _LIKE_A_FORMULA.match(plain) and not _NUMBER.match(plain):
        return "'" + plain
    return plain
