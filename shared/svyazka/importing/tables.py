"""Whatever file it is, as a table of lines."""

from __future__ import annotations

from pathlib import Path

from svyazka.catalogue import _
from svyazka.importing.files.kinds import LIMITS, FileKind, Limits, Table, kind_of, refused


def open_table(path: Path, sheet: str | None = None, limits: Limits = LIMITS) -> Table:
    """Open a file. Raises FileRefused with what to do about it."""
    kind = kind_of(path, limits)
    if kind is FileKind.WORKBOOK:
        from svyazka.importing.files.workbooks import Workbook

        return Workbook(path, sheet, limits)
    if sheet is not None:
        raise refused(path, _("it isn't a workbook, so it has no sheets: leave --sheet out"))
    if kind is FileKind.PAGE:
        from svyazka.importing.files.pages import Page

        return Page(path, limits)
    from svyazka.importing.files.delimited import Delimited

    return Delimited(path, limits)
