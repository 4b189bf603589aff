"""What a person reads after an import, or before it: one page with charts, and a workbook with every line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from svyazka.importing.report.book import Book
from svyazka.importing.report.page import page
from svyazka.importing.report.totals import Became, Totals


def write(folder: Path, name: str, totals: Totals, lines: Iterable[Became], made_at: datetime) -> tuple[Path, Path]:
    """Both, beside each other, for their owner's eyes alone; the lines go by once."""
    folder.mkdir(parents=True, exist_ok=True)
    web, workbook = folder / f"{name}.html", folder / f"{name}.xlsx"
    for path in (web, workbook):
        path.touch(0o600)
        path.chmod(0o600)
    with Book(workbook, totals) as book:
        for became in lines:
            totals.take(became)
            book.take(became)
        book.doubles(totals.clusters)
    web.write_text(page(totals, made_at), encoding="utf-8")
    return web, workbook


__all__ = ["Became", "Totals", "write"]
