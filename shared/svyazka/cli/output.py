"""What commands print: tables for people, one JSON object a line for scripts, errors in one clear line.

rich is imported where a table, a tree or a bar is drawn, and nowhere else: it costs a good part of a short command.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import cache
from typing import TYPE_CHECKING, NoReturn

import typer

from svyazka.catalogue import Language, _, reader, told
from svyazka.model.terminal import escaped, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

WIDE = 220
"""Columns of a table that doesn't go to a terminal: what is piped into grep must not be cut."""

STYLES = {
    "succeeded": "green", "planned": "green", "ok": "green", "delivered": "green", "read": "green", "+": "green",
    "waiting_for": "cyan", "pending": "cyan", "in_flight": "cyan", "accepted": "cyan", "retrying": "yellow",
    "parked": "yellow",
    "blocked": "yellow", "warn": "yellow", "~": "yellow", "unknown": "magenta", "quarantined": "magenta",
    "failed": "red", "dead": "red", "fail": "red", "undelivered": "red", "-": "red",
    "expired": "bright_black", "cancelled": "bright_black", "ignored": "bright_black",
}  # fmt: skip


STATE_COLUMNS = frozenset({"status", "receipt"})


def style_of(word: str) -> str | None:
    """How a state looks, said in the reader's language or as scripts say it."""
    return STYLES.get(word) or _said_styles(reader()).get(word)


@cache
def _said_styles(language: Language) -> dict[str, str]:
    return {told(name, language): style for name, style in STYLES.items()}


def console(stderr: bool = False) -> Console:
    """A console on stdout (or stderr) as it is now; wide where nobody's terminal bounds it."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False,
        width=None if stream.isatty() else WIDE,
    )  # fmt: skip


def say(text: str = "", style: str | None = None) -> None:
    """One line for people, on stdout."""
    typer.secho(plain(text), fg=style)


def note(text: str, style: str | None = "yellow") -> None:
    """A remark beside the result, on stderr."""
    typer.secho(plain(text), fg=style, err=True)


def fail(text: str) -> NoReturn:
    """One clear line (or one a mistake) on stderr, exit status 1."""
    note("svyazka: " + "\n".join(map(told, text.split("\n"))), "red")
    raise typer.Exit(1)


def line(content: Mapping[str, object]) -> None:
    """One JSON object, on one line."""
    typer.echo(escaped(json.dumps(content, ensure_ascii=False)))


def lines(contents: Iterable[Mapping[str, object]]) -> None:
    """JSON objects, one a line."""
    for content in contents:
        line(content)


PROSE = frozenset({"what", "why", "reason", "remedy", "note", "text", "detail", "found", "promised", "what happened"})
"""Columns of sentences: they are wrapped, the others are kept whole."""

AS_SENT = "text"
"""The one of them that is shown as somebody got it; the others may have been stored in another language."""

PROSE_WIDTH = 30
"""Characters that a column of sentences wants at least."""

SHORT_ID = len("evt_") + 10
"""So much of an id tells it from a million others; every command takes it."""


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table; `columns` in English, `empty` says what it means that there is nothing, and what to do then.

    On a terminal too narrow for it each row becomes a paragraph, wrapped by words. There ids are short.
    """
    terminal = sys.stdout.isatty()
    cells = [[_cell(column, value, terminal) for column, value in zip(columns, row, strict=True)] for row in rows]
    if not cells:
        note(empty, "bright_black")
    elif terminal and _width(columns, cells) > screen_width():
        for row in cells:
            for text in paragraph(columns, row, screen_width()):
                typer.echo(text)
    else:
        _draw(columns, cells)


def _cell(column: str, value: object, terminal: bool) -> str:
    text = "" if value is None else str(value)
    if column.lower() in (PROSE - {AS_SENT}) | STATE_COLUMNS:
        text = told(text)
    if column.lower() not in PROSE:
        text = " ".join(text.splitlines())  # a name makes no line that looks like another row
    return plain(text[:SHORT_ID] if terminal and column == "Id" else text)


def _draw(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(_heading(column), no_wrap=column.lower() not in PROSE, overflow="fold")
    for row in cells:
        shown.add_row(*(Text(cell, style=style_of(cell) or "") for cell in row))
    console().print(shown)


def _heading(column: str) -> str:
    return _(column) if column else ""


def screen_width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size().columns


def _width(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    """What the table needs; a column of sentences can do with less than its longest."""
    total = 2 * (len(columns) - 1)
    for column, below in zip(columns, zip(*cells, strict=True), strict=True):
        longest = max(map(len, below))
        total += max(len(_heading(column)), min(longest, PROSE_WIDTH) if column.lower() in PROSE else longest)
    return total


def paragraph(columns: Sequence[str], row: Sequence[str], width: int) -> list[str]:
    """A row that is wider than the screen: when, which and how it stands; sentences; then the rest, named.

    14.03 15:00:05  dlv_0123456789  failed
      why: the gateway has no money
      through kofe/sms, step review/sms, tries 3
    """
    named = list(zip(columns, row, strict=True))
    head = [(column, cell) for column, cell in named[:2] if column.lower() not in PROSE]
    head += [(column, cell) for column, cell in named[2:] if column == "Status"]
    rest = [(column, cell) for column, cell in named if cell and (column, cell) not in head]
    told = ["  ".join(typer.style(cell, fg=style_of(cell)) for _column, cell in head if cell)]
    for column, cell in rest:
        if column.lower() in PROSE:
            told += _sentence(_heading(column).lower(), cell, width)
    short = ", ".join(f"{_heading(column).lower()} {cell}" for column, cell in rest if column.lower() not in PROSE)
    return [text for text in told + wrapped(short, width, "  ") if text]


def _sentence(name: str, text: str, width: int) -> list[str]:
    """A command stands on a line of its own, whole, so that it can be copied."""
    if text.startswith("svyazka ") and len(text) + len(name) + 4 > width:
        return [f"  {name}:", f"  {text}"]
    return wrapped(f"{name}: {text}", width, "  ")


def wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines of at most `width`, broken between words; a word that is longer (an address, an id) stays whole."""
    found: list[str] = []
    for word in text.split():
        if found and len(found[-1]) + 1 + len(word) <= width:
            found[-1] += f" {word}"
        else:
            found.append((indent if not found else indent * 2) + word)
    return found


def short_time(moment: datetime | None, zone: tzinfo) -> str | None:
    """`14.03 15:00:05`: as people of the tenant's zone read it."""
    return f"{moment.astimezone(zone):%d.%m %H:%M:%S}" if moment else None


def full_time(moment: datetime, zone: tzinfo) -> str:
    """`14.03.2026 15:00 MSK`: where the day may be long ago, and the zone isn't plain."""
    return f"{moment.astimezone(zone):%d.%m.%Y %H:%M %Z}"


def stamp(moment: datetime | None, zone: tzinfo) -> str | None:
    """RFC 3339 with offset."""
    return moment.astimezone(zone).isoformat(timespec="milliseconds") if moment else None


def confirm(question: str, yes: bool) -> None:
    """Go on only with a yes; without a terminal nobody can be asked, and --yes is wanted."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail(_("nobody can be asked here: --yes goes ahead without asking"))
    if not agrees(question):
        raise typer.Exit(1)


def agrees(question: str) -> bool:
    """A yes or no of the person at the terminal; no unless somebody says yes."""
    choice = _("y/N")
    while True:
        answer = str(typer.prompt(plain(f"{question} [{choice}]"), default="", show_default=False, err=True))
        if answer.strip().casefold() in ("y", "yes", "д", "да"):
            return True
        if answer.strip().casefold() in ("", "n", "no", "н", "нет"):
            return False


def progress(what: str) -> Progress:
    """A bar on stderr for long work; it vanishes when done and stays away where there is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    return Progress(
        SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(),
        console=console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
