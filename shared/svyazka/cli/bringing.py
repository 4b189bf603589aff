"""What `import` does: looks a file through, asks about columns, brings it into a CRM, and reports on each line."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.output import line, note, say, table
from svyazka.cli.views import Row
from svyazka.model.errors import ConfigError

if TYPE_CHECKING:
    from svyazka.cli.session import Session
    from svyazka.importing.columns import Columns, Guess
    from svyazka.importing.decisions import Decisions
    from svyazka.importing.ledger import Ledger
    from svyazka.importing.planning import Planned
    from svyazka.importing.report import Became, Totals
    from svyazka.importing.survey import Survey
    from svyazka.model.jobs import Job
    from svyazka.model.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line said of the file."""

    file: Path
    sheet: str | None
    columns: str
    doubles: str
    folder: Path
    yes: bool
    as_json: bool


def look(asked: Asked) -> None:
    """Look a file through, and write its report. Raises ConfigError."""
    from svyazka.importing.decisions import Decisions
    from svyazka.importing.report import Became

    survey = _looked_through(asked, Decisions())
    _told(asked, survey, (Became(row, row.outcome.value) for row in survey.rows()))


async def bring(session: Session, asked: Asked, tenant: Tenant, connection: str, name: str, dry_run: bool) -> bool:
    """Bring a file into a CRM; whether all that could be taken was. Raises ConfigError."""
    from svyazka.apply import check_may_import_abroad
    from svyazka.importing import planning, remembering, starting
    from svyazka.importing.ledger import Ledger

    if session.settings.backend == "google":
        check_may_import_abroad(tenant)
    hub, outages, content = session.hub, session.worker.outages, _content(asked.file)
    survey = _looked_through(asked, await remembering.decided(hub.store, tenant.id, name))
    decisions = survey.decisions
    target = await planning.target_of(hub, outages, tenant.id, connection, name)
    job_id = await starting.job_id(target, _digest(asked, decisions))
    on_its_way = not dry_run and await starting.is_on_its_way(target, job_id)
    if on_its_way:  # whoever began it may have died since: what is left is done first, and told of afterwards
        note(_("this very file is on its way already: {job}", job=job_id))
        await _followed(session, job_id)
    cards, listed_at = await planning.listed(hub, outages, target.account, target.records)
    note(_("{connection}: {count} cards are there", connection=connection, count=len(cards)), None)
    lines = planning.planned(survey, cards, target)
    ledger = Ledger()
    if dry_run:
        async for one in lines:
            ledger.take(one.row.number, one.what, one.object, _why(one), one.left_out)
        _check_unchanged(asked.file, content)
        _told(asked, survey, _became(survey, ledger))
        return True
    if on_its_way:
        async for _line in _remembered(lines, ledger):
            pass
    else:
        written = await starting.write_down(target, _remembered(lines, ledger))
        _check_unchanged(asked.file, content)
        await hub.store.commit([
            remembering.remember(tenant.id, name, decisions),
            session.audit_write("import", f"{tenant.id}/{connection}", job=job_id, lines=written.lines),
        ])  # fmt: skip
        await starting.begin(target, written, job_id, listed_at)
    failed = ledger.count(*planning.LEFT_BY_US)
    job = await _followed(session, job_id)
    await _outcomes(session, job, ledger)
    if _content(asked.file) != content:
        note(_("{file} was changed meanwhile: the report shows what stands in it now", file=asked.file.name))
    _told(asked, survey, _became(survey, ledger), job)
    return job.counts.failed == failed


def _more(decisions: Decisions, asked: Asked) -> Decisions:
    from svyazka.importing.decisions import given_columns, given_doubles

    return decisions.with_more(given_columns(asked.columns), given_doubles(asked.doubles))


def _looked_through(asked: Asked, decisions: Decisions) -> Survey:
    from svyazka.importing.columns import by_titles, guess
    from svyazka.importing.decisions import given_columns
    from svyazka.importing.survey import look_through
    from svyazka.importing.tables import open_table

    read, today = open_table(asked.file, asked.sheet), datetime.now(UTC).date()
    said = _more(decisions, asked)
    found = guess(read, said, today, given_columns(asked.columns))
    note(read.said, None)
    if not asked.yes:
        _confirm(found)
    return look_through(read, found, by_titles(said, found), today)


def _confirm(columns: Columns) -> None:
    """Show what each column is taken for; what isn't sure needs a person's word. Raises ConfigError."""
    rows = [
        (one.letter, one.title, _taken(one), f"{round(one.sure * 100)} %" if one.field else "", told(one.why))
        for one in columns.guesses
    ]
    table(("", N_("Heading"), N_("Taken for"), N_("Sure"), N_("Why")), rows, _("the file has no columns"))
    if not columns.asked or (sys.stdin.isatty() and typer.confirm(_("Is that right?"))):
        return
    given = ", ".join(f"{one.title or one.letter}={one.field}" for one in columns.asked)
    said = _("not sure of some columns: say what they are, for example --columns {given!r}, or --yes", given=given)
    raise ConfigError(said)


def _taken(guess: Guess) -> str:
    from svyazka.importing.fields import FIELDS

    known = FIELDS.get(guess.field or "")
    return _("left out") if guess.field is None else _(known.title) if known else guess.field


def _digest(asked: Asked, decisions: Decisions) -> str:
    """The same for the same file and the same decisions."""
    return _content(asked.file, decisions.model_dump_json())


def _content(path: Path, beside: str = "") -> str:
    """A print of what stands in a file. Raises ConfigError."""
    content = hashlib.sha256(beside.encode())
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                content.update(piece)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    return content.hexdigest()


def _check_unchanged(path: Path, content: str) -> None:
    """A file is gone through more than once: lines that have moved since would be taken for others. Raises
    ConfigError."""
    if _content(path) != content:
        raise ConfigError(
            _("{file} was changed while it was looked through: nothing was sent, begin anew", file=path.name)
        )


# Carrying


async def _remembered(lines: AsyncIterator[Planned], ledger: Ledger) -> AsyncIterator[Planned]:
    async for one in lines:
        if not one.is_carried:
            ledger.take(one.row.number, one.what, one.object, _why(one), one.left_out)
        yield one


async def _followed(session: Session, job_id: str) -> Job:
    """Carry it on until it ends, or waits for something that isn't in our hands."""
    from svyazka.engine.journal import documents as journal
    from svyazka.model.jobs import Job

    clock, shown = session.hub.clock, ""
    while True:
        held = await journal.load(session.store, Job, job_id)
        if held is None:
            raise ConfigError(_("there is no job {job}", job=job_id))
        job = held.model
        if job.has_ended or not job.is_going or job.waits_on is not None:
            if not job.has_ended:
                why = told(job.error.message) if job.error else job.state.value
                note(_("it goes on by itself with `svyazka run`; it waits: {why}", why=why))
            return job
        if job.phase != shown:
            shown = job.phase
            note(f"{told(shown)} · {job.counts.read}/{job.total}", None)
        due = clock.real_seconds_until(job.not_before) if job.not_before else 0.0
        if due <= 0 and (job.lease_until is None or job.lease_until <= clock.real()):
            await session.worker.jobs.go_on(job_id)
        else:
            await asyncio.sleep(min(max(due, 0.5), 5.0))


async def _outcomes(session: Session, job: Job, ledger: Ledger) -> None:
    """What became of each row that was carried."""
    from svyazka.engine.journal import documents as journal
    from svyazka.importing.carrying import chunk_id
    from svyazka.model.imports import Became, Chunk

    for number in range(int(str(job.parameters["chunks"]))):
        held = await journal.load(session.store, Chunk, chunk_id(str(job.parameters["plan"]), number))
        for one in held.model.outcomes.values() if held is not None else ():
            what = one.code if one.what is Became.DOUBT and one.code else one.what.value
            ledger.take(one.row, what, one.object, one.message and told(one.message), one.left_out)


# Reporting


def _why(one: Planned) -> str | None:
    if one.lacking:
        return _("it lacks: {fields}", fields=", ".join(map(_titled, one.lacking)))
    return _("stays as it is in the CRM: {fields}", fields=", ".join(map(_titled, one.left))) if one.left else None


def _titled(field: str) -> str:
    from svyazka.importing.report.page import title_of

    return title_of(field)


def _became(survey: Survey, ledger: Ledger) -> Iterator[Became]:
    from svyazka.importing.report import Became

    for row in survey.rows():
        fate = ledger.of(row.number)
        if fate is not None:
            yield Became(row, fate.what, fate.object, fate.note, fate.left_out)
        else:
            yield Became(row, "waits" if row.outcome.value == "ready" else row.outcome.value)


def _told(asked: Asked, survey: Survey, lines: Iterator[Became], job: Job | None = None) -> None:
    from svyazka.importing.report import Totals, write
    from svyazka.importing.report.page import WHERE_TO, name_of

    totals = Totals(
        asked.file.name, survey.table.said, survey.columns, survey.found.clusters, len(survey.found.households)
    )
    paths = write(asked.folder, f"{asked.file.stem}-report", totals, lines, datetime.now().astimezone())
    if asked.as_json:
        line(_as_row(asked, survey, totals, paths, job))
        return
    table((N_("What"), N_("Lines")), [(name_of(what), n) for what, n in totals.outcomes.most_common()], _("no lines"))
    if totals.left_out:
        names = ", ".join(f"{_titled(name)} ({count})" for name, count in totals.left_out.most_common())
        note(_("not carried over, the CRM has no place for it: {names}", names=names))
        note(_(WHERE_TO), None)
    for path in paths:
        say(str(path))


def _as_row(asked: Asked, survey: Survey, totals: Totals, paths: Sequence[Path], job: Job | None) -> Row:
    return {
        "file": asked.file.name, "read": survey.table.said,
        "columns": [
            {"letter": one.letter, "heading": one.title, "field": one.field, "sure": one.sure}
            for one in survey.columns.guesses
        ],
        "lines": totals.lines, "outcomes": dict(totals.outcomes), "left_out": dict(totals.left_out),
        "groups": len(survey.found.clusters),
        "households": len(survey.found.households), "report": [str(path) for path in paths],
        "job": None if job is None else job.id, "state": None if job is None else job.state.value,
        "counts": None if job is None else job.counts.model_dump(mode="json"),
    }  # fmt: skip
