"""`import`: a file of clients looked through, and brought into a CRM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from svyazka.catalogue import N_, _
from svyazka.cli import bringing
from svyazka.cli.options import AsJson, DryRun, OfTenant, Yes
from svyazka.cli.output import fail
from svyazka.cli.session import Session, run
from svyazka.model.errors import ConfigError

File = Annotated[Path, typer.Argument(metavar="FILE", help=N_("CSV, XLSX, XLS, ODS, or a table saved as a web page."))]
Into = Annotated[
    str | None,
    typer.Option("--into", metavar="CONNECTION", help=N_("The CRM; without it the file is only looked through.")),
]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help=N_("What such files are called: the next changes what differs.")),
]
Sheet = Annotated[
    str | None, typer.Option("--sheet", metavar="NAME", help=N_("Of a workbook; else the first with anything in it."))
]
Given = Annotated[
    str | None,
    typer.Option("--columns", metavar="HEADING=FIELD,...", help=N_("What a column is; `skip` leaves it out.")),
]
Doubles = Annotated[
    str | None,
    typer.Option("--doubles", metavar="WHICH=one|each,...", help=N_("Whether lines that may be one person are one.")),
]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FOLDER", help=N_("Where the report is written; else beside the file.")),
]


def import_(
    file: File, into: Into = None, tenant: OfTenant = None, as_: As = None, columns: Given = None,
    doubles: Doubles = None, sheet: Sheet = None, report: Report = None, dry_run: DryRun = False, yes: Yes = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Look a file of clients through, and with --into bring it into a CRM: each line once, nothing merged unasked."""
    asked = bringing.Asked(file, sheet, columns or "", doubles or "", report or file.parent, yes or as_json, as_json)
    if into is None:
        try:
            bringing.look(asked)
        except ConfigError as error:
            fail(str(error))
        return

    async def body(session: Session) -> bool:
        owner, connection = await session.connection_of(into, tenant)
        return await bringing.bring(session, asked, owner, connection, as_ or file.stem, dry_run)

    if not run(body):
        fail(_("not all of it was taken: the report says which lines and why"))
