"""Options that several commands share, so that they are spelled and explained alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line (docs/command-line.md).")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show people's addresses, names and texts (audited).")]
OfTenant = Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Only this tenant's.")]
OfConnection = Annotated[
    str | None, typer.Option("--connection", metavar="CONNECTION", help="Only what goes through this connection.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="Only what is younger: 2h, 3d, 2026-03-14T10:00+03:00.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many, the newest.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The data folder (SVYAZKA_DATA, else .data).", show_default=False),
]
Port = Annotated[int, typer.Option("--port", min=1, max=65535)]
