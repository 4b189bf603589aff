"""The `svyazka` command. Never imported by a function; one file for each family of commands."""

from __future__ import annotations

import os
import sys

from svyazka.catalogue import _


def main() -> None:
    """Entry point: exit status 0 done, 1 failed, 2 wrong usage. A traceback only with SVYAZKA_DEBUG=1."""
    from svyazka.cli.commands import app

    try:
        app(prog_name="svyazka")
    except Exception as error:
        if os.environ.get("SVYAZKA_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        print("svyazka: " + _("a fault of ours: {what} (SVYAZKA_DEBUG=1 shows where)", what=what), file=sys.stderr)
        sys.exit(1)


__all__ = ["main"]
