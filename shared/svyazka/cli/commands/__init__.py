"""The commands, one file a family; `app` is all of them."""

from __future__ import annotations

import typer

from svyazka.cli import auth
from svyazka.cli.commands import (
    configure,
    demo,
    doctor,
    forget,
    hooks,
    init,
    journal,
    message,
    pause,
    preview,
    replay,
    secrets,
    serve,
    show,
    stats,
)
from svyazka.cli.options import Data
from svyazka.cli.session import data_folder

app = typer.Typer(
    name="svyazka",
    help="An integration hub for small businesses: webhooks in, messages and records out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _begin(data: Data = None) -> None:
    """An integration hub for small businesses: webhooks in, messages and records out."""
    data_folder.set(data)


for family in (
    serve, demo, init, configure, hooks, secrets, auth, doctor, journal, show, replay, message, preview, pause, forget,
    stats,
):  # fmt: skip
    family.register(app)

__all__ = ["app"]
