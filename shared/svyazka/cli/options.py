"""Options that several commands share, so that they are spelled and explained alike everywhere."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

import typer

from svyazka.catalogue import N_, use

data_folder: ContextVar[Path | None] = ContextVar("data_folder", default=None)
"""What `--data DIR` said; None: the environment decides."""


def _english(as_json: bool) -> bool:
    """Scripts read the same words whoever starts them."""
    if as_json:
        use("en")
    return as_json


AsJson = Annotated[
    bool,
    typer.Option("--json", help=N_("One JSON object a line (docs/command-line.md)."), callback=_english),
]
Reveal = Annotated[bool, typer.Option("--reveal", help=N_("Show people's addresses, names and texts (audited)."))]
OfTenant = Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help=N_("Only this tenant's."))]
OfConnection = Annotated[
    str | None, typer.Option("--connection", metavar="CONNECTION", help=N_("Only what goes through this connection."))
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help=N_("Only what is younger: 2h, 3d, 2026-03-14T10:00+03:00.")),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help=N_("At most so many, the newest."))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=N_("Don't ask."))]
DryRun = Annotated[bool, typer.Option("--dry-run", help=N_("Only say what would be done."))]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help=N_("The data folder (SVYAZKA_DATA, else .data)."), show_default=False),
]
Port = Annotated[int, typer.Option("--port", min=1, max=65535)]
