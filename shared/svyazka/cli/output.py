"""What commands print: tables for people, one JSON object a line for scripts, errors in one clear line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
WIDE = 220
"""Columns of a table that doesn't go to a terminal: what is piped into grep must not be cut."""

STYLES = {
    "succeeded": "green", "planned": "green", "ok": "green", "delivered": "green", "read": "green", "+": "green",
    "pending": "cyan", "in_flight": "cyan", "accepted": "cyan", "retrying": "yellow", "parked": "yellow",
    "blocked": "yellow", "warn": "yellow", "~": "yellow", "unknown": "magenta", "quarantined": "magenta",
    "failed": "red", "dead": "red", "fail": "red", "undelivered": "red", "-": "red",
    "expired": "bright_black", "cancelled": "bright_black", "ignored": "bright_black",
}  # fmt: skip


def console(stderr: bool = False) -> Console:
    """A console on stdout (or stderr) as it is now; wide where nobody's terminal bounds it."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False,
        width=None if stream.isatty() else WIDE,
    )  # fmt: skip


def plain(text: str) -> str:
    """Text from outside without the control characters that would drive a terminal."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def say(text: str = "", style: str | None = None) -> None:
    """One line for people, on stdout."""
    console().print(Text(plain(text), style=style or ""), soft_wrap=True)


def note(text: str, style: str | None = "yellow") -> None:
    """A remark beside the result, on stderr."""
    console(stderr=True).print(Text(plain(text), style=style or ""), soft_wrap=True)


def fail(text: str) -> NoReturn:
    """One clear line (or one a mistake) on stderr, exit status 1."""
    note(f"svyazka: {text}", "red")
    raise typer.Exit(1)


def line(content: Mapping[str, object]) -> None:
    """One JSON object, on one line."""
    typer.echo(json.dumps(content, ensure_ascii=False))


def lines(contents: Iterable[Mapping[str, object]]) -> None:
    """JSON objects, one a line."""
    for content in contents:
        line(content)


PROSE = frozenset({"what", "why", "reason", "remedy", "note", "text", "detail", "found", "promised", "what happened"})
"""Columns of sentences: they are wrapped, the others are kept whole."""

PROSE_WIDTH = 30
"""Characters that a column of sentences wants at least."""


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table; `empty` says what it means that there is nothing, and what to do then.

    On a terminal too narrow for it each row becomes a paragraph: ids and addresses are never cut.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        note(empty, "bright_black")
        return
    out = console()
    if sys.stdout.isatty() and _width(columns, cells) > out.width:
        for row in cells:
            _paragraph(out, columns, row)
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, no_wrap=column.lower() not in PROSE, overflow="fold")
    for row in cells:
        shown.add_row(*row)
    out.print(shown)


def _width(columns: Sequence[str], cells: Sequence[Sequence[Text]]) -> int:
    """What the table needs; a column of sentences can do with less than its longest."""
    total = 2 * (len(columns) - 1)
    for column, below in zip(columns, zip(*cells, strict=True), strict=True):
        longest = max(cell.cell_len for cell in below)
        total += max(len(column), min(longest, PROSE_WIDTH) if column.lower() in PROSE else longest)
    return total


def _paragraph(out: Console, columns: Sequence[str], row: Sequence[Text]) -> None:
    """`14.03 15:00:05  evt_...` and, under it, whatever else there is of the row, named."""
    out.print(Text("  ").join(cell for cell in row[:2] if cell), soft_wrap=True)
    rest = [
        Text.assemble((f"{column.lower()} ", "bright_black"), cell)
        for column, cell in zip(columns[2:], row[2:], strict=True)
        if cell
    ]
    if rest:
        out.print(Text("  ") + Text(", ").join(rest), soft_wrap=True)


def _cell(value: object) -> Text:
    text = "" if value is None else plain(str(value))
    return Text(text, style=STYLES.get(text, ""))


def short_time(moment: datetime | None, zone: tzinfo) -> str | None:
    """`14.03 15:00:05`: as people of the tenant's zone read it."""
    return f"{moment.astimezone(zone):%d.%m %H:%M:%S}" if moment else None


def stamp(moment: datetime | None, zone: tzinfo) -> str | None:
    """RFC 3339 with offset."""
    return moment.astimezone(zone).isoformat(timespec="milliseconds") if moment else None


def confirm(question: str, yes: bool) -> None:
    """Go on only with a yes; without a terminal nobody can be asked, and --yes is wanted."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail("nobody can be asked here: --yes goes ahead without asking")
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


def progress(what: str) -> Progress:
    """A bar on stderr for long work; it vanishes when done and stays away where there is no terminal."""
    return Progress(
        SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(),
        console=console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
