"""`import`: a file of clients looked through, and what would become of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.options import AsJson, Yes
from svyazka.cli.output import fail, line, note, say, table
from svyazka.cli.views import Row
from svyazka.model.errors import ConfigError

if TYPE_CHECKING:
    from svyazka.importing.columns import Columns, Guess
    from svyazka.importing.survey import Survey

File = Annotated[Path, typer.Argument(metavar="FILE", help=N_("CSV, XLSX, XLS, ODS, or a table saved as a web page."))]
Sheet = Annotated[
    str | None, typer.Option("--sheet", metavar="NAME", help=N_("Of a workbook; else the first with anything in it."))
]
Given = Annotated[
    str | None,
    typer.Option("--columns", metavar="HEADING=FIELD,...", help=N_("What a column is; `skip` leaves it out.")),
]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FOLDER", help=N_("Where the report is written; else beside the file.")),
]


def import_(
    file: File,
    sheet: Sheet = None,
    columns: Given = None,
    report: Report = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Look a file of clients through: columns, values, doubles; writes a report and nothing else."""
    try:
        looked = _looked_through(file, sheet, columns, yes or as_json)
    except ConfigError as error:
        fail(str(error))
    paths = _reported(looked, file, report or file.parent)
    if as_json:
        line(_as_row(looked, file, paths))
        return
    table((N_("What"), N_("Lines")), _sums(looked), _("the file has no lines"))
    for path in paths:
        say(str(path))


def _looked_through(file: Path, sheet: str | None, columns: str | None, yes: bool) -> Survey:
    from svyazka.importing.columns import guess
    from svyazka.importing.decisions import Decisions, given_columns
    from svyazka.importing.survey import look_through
    from svyazka.importing.tables import open_table

    read, decisions, today = open_table(file, sheet), Decisions(), datetime.now(UTC).date()
    found = guess(read, decisions, today, given_columns(columns or ""))
    note(read.said, None)
    if not yes:
        confirm(found)
    return look_through(read, found, decisions, today)


def confirm(columns: Columns) -> None:
    """Show what each column is taken for; what isn't sure needs a person's word. Raises ConfigError."""
    from svyazka.importing.fields import FIELDS

    def taken(guess: Guess) -> str:
        known = FIELDS.get(guess.field or "")
        return _("left out") if guess.field is None else _(known.title) if known else guess.field

    rows = [
        (one.letter, one.title, taken(one), f"{round(one.sure * 100)} %" if one.field else "", told(one.why))
        for one in columns.guesses
    ]
    table(("", N_("Heading"), N_("Taken for"), N_("Sure"), N_("Why")), rows, _("the file has no columns"))
    if not columns.asked or (sys.stdin.isatty() and typer.confirm(_("Is that right?"))):
        return
    given = ", ".join(f"{one.title or one.letter}={one.field}" for one in columns.asked)
    raise ConfigError(
        _("not sure of some columns: say what they are, for example --columns {given!r}, or --yes", given=given)
    )


def _reported(looked: Survey, file: Path, folder: Path) -> Sequence[Path]:
    from svyazka.importing.report import Became, Totals, write

    totals = Totals(file.name, looked.table.said, looked.columns, looked.found.clusters, len(looked.found.households))
    lines = (Became(row, row.outcome.value) for row in looked.rows())
    return write(folder, f"{file.stem}-report", totals, lines, datetime.now().astimezone())


def _sums(looked: Survey) -> list[tuple[str, int]]:
    from svyazka.importing.outcomes import OUTCOMES

    return [(_(OUTCOMES[what]), count) for what, count in looked.outcomes.most_common() if count]


def _as_row(looked: Survey, file: Path, paths: Sequence[Path]) -> Row:
    return {
        "file": file.name, "read": looked.table.said,
        "columns": [
            {"letter": one.letter, "heading": one.title, "field": one.field, "sure": one.sure}
            for one in looked.columns.guesses
        ],
        "lines": sum(looked.outcomes.values()),
        "outcomes": {what.value: count for what, count in looked.outcomes.items() if count},
        "groups": len(looked.found.clusters), "households": len(looked.found.households),
        "report": [str(path) for path in paths],
    }  # fmt: skip
