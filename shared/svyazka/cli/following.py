"""Following a job, wherever it is done: its document is looked at until it stops. A terminal gets a bar; a line says
where it stands whenever that changes, so that nobody looks at nothing."""

from __future__ import annotations

import sys

from svyazka.catalogue import _, told
from svyazka.cli.output import console, note
from svyazka.cli.session import Session
from svyazka.cli.waiting import until
from svyazka.engine.journal import documents as journal
from svyazka.model.errors import ConfigError
from svyazka.model.ids import connection_id
from svyazka.model.jobs import Job
from svyazka.model.outages import Outage

FOR_EVER = 10.0 * 365 * 86400


def standing(job: Job) -> str:
    """Where it stands, as a word of the catalogue."""
    return "waits" if job.is_going and job.waits_on else job.state


def why(job: Job) -> list[str]:
    """What it waits for, and why it doesn't go on or didn't."""
    waits = [_("waits for {connection}", connection=job.waits_on)] if job.is_going and job.waits_on else []
    return [*waits, *([told(job.error.message)] if job.error else [])]


async def blocked(session: Session, job: Job) -> Outage | None:
    """What it waits for, where only a person can end that."""
    if not job.is_going or job.waits_on is None:
        return None
    held = await journal.load(session.store, Outage, connection_id(job.tenant, job.waits_on))
    return held.model if held is not None and held.model.is_open and held.model.kind == "blocked" else None


async def follow(session: Session, job_id: str, seconds: float = FOR_EVER, until_blocked: bool = False) -> Job:
    """Show how far it is until it ends, or stops for a decision (or, if so wanted, waits for what only a person can
    mend); the job as it was then. Raises ConfigError."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"), TimeElapsedColumn(),
        console=console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    last: Job | None = None
    said = ""
    with bar:
        task = bar.add_task("", total=None, pace="")

        async def look() -> Job | None:
            nonlocal last, said
            held = await journal.load(session.store, Job, job_id)
            if held is None:
                raise ConfigError(_("there is no job {job}: svyazka jobs lists them", job=job_id))
            last = held.model
            now = "; ".join([told(standing(last)), *why(last)])
            if now != said:
                said = now
                note(f"{job_id}: {now}", None)
            pace = f"{last.rate:.1f}/s" if last.rate else ""
            bar.update(
                task, description=last.phase or last.kind, completed=last.counts.read, total=last.total, pace=pace
            )
            if until_blocked and await blocked(session, last):
                return last
            return None if last.is_going else last

        found = await until(look, seconds)
    assert last is not None
    return found or last
