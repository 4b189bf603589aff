"""`demo`: all of it unattended, with real processes, checked against what was promised."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import typer

from svyazka.catalogue import N_, _
from svyazka.cli import session as opened
from svyazka.cli.demo.acts import ACTS, Shown
from svyazka.cli.demo.stage import staged
from svyazka.cli.options import AsJson
from svyazka.cli.output import fail, lines, note, progress, table


def demo(as_json: AsJson = False) -> None:
    """Start hub and stand-ins on free ports, let a few things happen, and check what became of them.

    Exit status 0 only when everything is as promised.
    """
    if opened.settings().backend != "local":
        fail(_("the demo is for one machine: SVYAZKA_BACKEND=local"))
    folder = Path(tempfile.mkdtemp(prefix="svyazka-demo-"))
    opened.data_folder.set(folder / "data")

    async def body(session: opened.Session) -> list[Shown]:
        shown = []
        with progress(_("showing")) as bar:
            task = bar.add_task("", total=len(ACTS))
            async with staged(session, folder) as stage:
                for act in ACTS:
                    shown.append(await act(stage))
                    bar.advance(task)
        return shown

    kept = False
    try:
        shown = opened.run(body, creates=True)
        kept = all(one.kept for one in shown)
        _tell(shown, as_json)
    finally:
        if kept:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            note(_("what the processes said, and their data: {folder}", folder=folder))
    if not kept:
        raise typer.Exit(1)


def _tell(shown: list[Shown], as_json: bool) -> None:
    if as_json:
        lines(
            {"happened": one.happened, "promised": one.promised, "found": one.found, "kept": one.kept} for one in shown
        )
        return
    table(
        ("", N_("What happened"), N_("Promised"), N_("Found")),
        (("ok" if one.kept else "fail", one.happened, one.promised, one.found) for one in shown),
        _("nothing was shown"),
    )
