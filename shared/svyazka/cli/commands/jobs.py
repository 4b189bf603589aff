"""`jobs`: long work, how far it is, and what an operator may do with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.following import follow as followed
from svyazka.cli.following import standing, why
from svyazka.cli.group import Command, Family
from svyazka.cli.options import AsJson, OfTenant
from svyazka.cli.output import lines, note, say, short_time, table
from svyazka.cli.session import Session, run
from svyazka.cli.views import job_row
from svyazka.cli.waiting import somebody_works
from svyazka.engine.hub import Hub
from svyazka.engine.jobs import steering
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import JOBS_OF_TENANT, RECENT_JOBS
from svyazka.model.errors import ConfigError
from svyazka.model.jobs import Job
from svyazka.model.tenants import Tenant
from svyazka.reading import lists
from svyazka.reading.ids import whole_id

SHOWN = timedelta(days=7)
"""What ended longer ago is shown with --all only."""

Which = Annotated[str, typer.Argument(metavar="JOB", help=N_("Its id, or the beginning of it."))]
All = Annotated[bool, typer.Option("--all", help=N_("Those too that ended more than a week ago."))]

Answers = Annotated[
    list[str] | None,
    typer.Option("--answer", metavar="NAME=VALUE", help=N_("What was decided, where it is held for that.")),
]

family = typer.Typer(
    cls=Family, invoke_without_command=True, add_completion=False, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip


@family.callback(
    help=N_("Long work: imports, comparisons, first links. Without a command: what there is, newest first.")
)
def jobs(context: typer.Context, tenant: OfTenant = None, all_: All = False, as_json: AsJson = False) -> None:
    """Long work, newest first: how far it is, how quick, and how long it takes yet."""
    if context.invoked_subcommand is not None:
        return

    async def body(session: Session) -> None:
        query, where = (JOBS_OF_TENANT, {"tenant": tenant}) if tenant else (RECENT_JOBS, {})
        if tenant:
            await session.tenant(tenant)
        since = session.hub.clock.now() - SHOWN
        found = [
            one.model
            async for document in lists.pages(session.store, query, where)
            for one in journal.known(Job, [document])
            if all_ or one.model.ended_at is None or one.model.ended_at >= since
        ]
        if as_json:
            lines([job_row(one, await session.zone(one.tenant)) for one in found])
            return
        rows = [
            (one.id, short_time(one.made_at, await session.zone(one.tenant)), one.kind,
             "/".join(part for part in (one.tenant, one.subject) if part), standing(one), far(one), said(one))
            for one in found
        ]  # fmt: skip
        columns = (N_("Id"), N_("Begun"), N_("Kind"), N_("About"), N_("Status"), N_("How far"), N_("Note"))
        table(columns, rows, _("no long work: imports, comparisons and first links stand here"))

    run(body)


def far(job: Job) -> str:
    """`1 200 of 5 000, 42/s, 1 min 30 s left`."""
    read = job.counts.read
    parts = [_("{read} of {total}", read=read, total=job.total) if job.total is not None else str(read)]
    if job.is_going:
        left, rate = job.left(), round(job.rate or 0, 1)
        parts += [_("{rate}/s", rate=rate)] if rate else []
        parts += [_("{time} left", time=in_words(left))] if left else []
    return ", ".join(parts)


def in_words(seconds: float) -> str:
    """`1 h 5 min`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("{hours} h {minutes} min", hours=hours, minutes=minutes)
    return _("{minutes} min", minutes=minutes + (rest > 0)) if minutes else _("{seconds} s", seconds=rest)


def said(job: Job) -> str | None:
    """What came of it, and why it stands where it does."""
    counts = [f"{told(name)} {count}" for name, count in job.counts if count and name != "read"]
    return "; ".join([*([", ".join(counts)] if counts else []), *why(job)]) or None


NAMES = (
    N_("linked"), N_("created"), N_("updated"), N_("unchanged"), N_("skipped"), N_("doubt"), N_("failed"),
    N_("planned"), N_("running"), N_("waits"), N_("paused"), N_("held"), N_("done"), N_("cancelled"),
)  # fmt: skip
"""What becomes of a row, and where a job stands, for the catalogue."""


@family.command("pause", cls=Command, help=N_("No further piece of it, until it is resumed."))
def pause(job: Which) -> None:
    """No further piece of it, until it is resumed."""
    _steer(job, "pause", steering.pause, N_("{job} is paused; it goes on with: svyazka jobs resume {job}"))


@family.command(
    "resume", cls=Command, help=N_("Let it go on from where it stopped: paused, held for a decision, or failed.")
)
def resume(job: Which, answer: Answers = None) -> None:
    """Let it go on from where it stopped: paused, held for a decision, or failed."""
    said = dict(_answer(one) for one in answer or ())

    async def going_on(hub: Hub, tenant: Tenant, job_id: str) -> Job:
        return await steering.resume(hub, tenant, job_id, said)

    _steer(job, "resume", going_on, N_("{job} goes on"))


def _answer(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise typer.BadParameter(_("expected NAME=VALUE, got {text!r}", text=text), param_hint="--answer")
    return name, value


@family.command(
    "cancel", cls=Command, help=N_("End it: what is under way is seen to its end, what is done stays done.")
)
def cancel(job: Which) -> None:
    """End it: what is under way is seen to its end, what is done stays done."""

    async def body(session: Session) -> None:
        held, tenant = await _found(session, job)
        async with session.noting("jobs cancel", held.id):
            await steering.cancel(session.hub, tenant, held.id, session.who)
        say(_("{job} ends; what is done stays done", job=held.id))
        _unless_somebody_works(session)

    run(body)


@family.command(
    "follow", cls=Command, help=N_("Watch it until it ends, wherever it is done; Ctrl-C stops only the watching.")
)
def follow(job: Which) -> None:
    """Watch it until it ends, wherever it is done; Ctrl-C stops only the watching."""

    async def body(session: Session) -> Job:
        held, _tenant = await _found(session, job)
        _unless_somebody_works(session)
        return await followed(session, held.id)

    last = run(body)
    say(f"{last.id}: {told(last.state)}, {far(last)}" + (f" ({text})" if (text := said(last)) else ""))
    if last.state == "failed":
        raise typer.Exit(1)


Steering = Callable[..., Awaitable[Job]]


def _steer(job: str, action: str, change: Steering, done: str) -> None:
    async def body(session: Session) -> None:
        held, tenant = await _found(session, job)
        async with session.noting(f"jobs {action}", held.id):
            await change(session.hub, tenant, held.id)
        say(_(done, job=held.id))
        if action == "resume":
            _unless_somebody_works(session)

    run(body)


async def _found(session: Session, given: str) -> tuple[Job, Tenant]:
    id_ = await whole_id(session.store, given, only="job")
    held = await journal.load(session.store, Job, id_)
    if held is None:
        raise ConfigError(_("there is no job {job}: svyazka jobs lists them", job=given))
    return held.model, await session.tenant(held.model.tenant)


def _unless_somebody_works(session: Session) -> None:
    if not somebody_works(session):
        note(_("nobody is at work here: `svyazka run` does it"))
