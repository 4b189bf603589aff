"""Following a job with a bar, wherever it is done: its document is looked at until it stops."""

from __future__ import annotations

import sys

from svyazka.catalogue import _
from svyazka.cli.output import console
from svyazka.cli.session import Session
from svyazka.cli.waiting import until
from svyazka.engine.journal import documents as journal
from svyazka.model.errors import ConfigError
from svyazka.model.jobs import Job

FOR_EVER = 10.0 * 365 * 86400


async def follow(session: Session, job_id: str, seconds: float = FOR_EVER) -> Job:
    """Show how far it is until it ends, or stops for a decision; the job as it was then. Raises ConfigError."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"), TimeElapsedColumn(),
        console=console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    last: Job | None = None
    with bar:
        task = bar.add_task("", total=None, pace="")

        async def look() -> Job | None:
            nonlocal last
            held = await journal.load(session.store, Job, job_id)
            if held is None:
                raise ConfigError(_("there is no job {job}: svyazka jobs lists them", job=job_id))
            last = held.model
            pace = f"{last.rate:.1f}/s" if last.rate else ""
            bar.update(
                task, description=last.phase or last.kind, completed=last.counts.read, total=last.total, pace=pace
            )
            return None if last.is_going else last

        found = await until(look, seconds)
    assert last is not None
    return found or last
