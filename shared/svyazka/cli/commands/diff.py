"""`diff`: whether systems that are kept in step agree, how fresh that is, and where they don't."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.following import follow, standing, why
from svyazka.cli.options import AsJson, Reveal
from svyazka.cli.output import line, note, say, short_time, stamp, table
from svyazka.cli.session import Session, run
from svyazka.cli.waiting import somebody_works
from svyazka.engine.agreeing.diffing import Difference, SideShown, Summary, differences, summary
from svyazka.engine.agreeing.nightly import begin, job_id
from svyazka.engine.in_step.flows import InStep, in_step_flows
from svyazka.model.errors import ConfigError
from svyazka.model.records import Blank
from svyazka.model.tenants import Tenant
from svyazka.reading.masking import Masker, masked

MOST = 50
"""Differences that are shown."""

Full = Annotated[
    bool, typer.Option("--full", help=N_("Compare everything now, instead of what the nights have found."))
]
OnlyFlow = Annotated[str | None, typer.Option("--flow", metavar="FLOW", help=N_("Only this one."))]


def diff(
    tenant: Annotated[str, typer.Argument(metavar="TENANT")],
    flow: OnlyFlow = None,
    full: Full = False,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """Whether systems that are kept in step agree: how many fields, how fresh that is, and where they differ."""

    async def body(session: Session) -> None:
        owner = await session.tenant(tenant)
        flows = [one for one in await in_step_flows(session.hub, owner) if flow in (None, one.id)]
        if not flows:
            raise ConfigError(_("{tenant} has no flow that keeps systems in step", tenant=owner.id))
        if full:
            await _compared(session, owner, flows)
        masker = await session.masker(reveal, f"diff {owner.id}")
        zone = await session.zone(owner.id)
        for one in flows:
            found = await summary(session.hub, owner, one)
            rows = await differences(session.hub, session.worker.outages, owner, one, MOST)
            if as_json:
                _lines(owner, found, rows, masker, zone)
            else:
                _tell(found, rows, masker, zone)

    run(body)


async def _compared(session: Session, owner: Tenant, flows: list[InStep]) -> None:
    """Everything is compared, and watched until it is."""
    if not somebody_works(session):
        raise ConfigError(_("nobody is at work here: `svyazka run` does it"))
    when = session.hub.clock.now().isoformat(timespec="seconds")
    async with session.noting("diff --full", owner.id):
        for one in flows:
            for connection in one.rules.between:
                await begin(session.hub, owner, one, connection, when, full=True)
    for one in flows:
        for connection in one.rules.between:
            job = await follow(session, job_id(owner.id, one.id, connection, when), until_blocked=True)
            if job.state != "done":
                note(f"{one.id}/{connection}: {'; '.join([told(standing(job)), *why(job)])}: svyazka jobs")


def _lines(owner: Tenant, found: Summary, rows: list[Difference], masker: Masker, zone: tzinfo) -> None:
    tally = found.tally
    line({
        "tenant": owner.id, "flow": found.flow, "kind": found.kind, "records": tally.records, "fields": tally.fields,
        "agree": tally.agree, "on_their_way": tally.on_their_way, "asked": tally.asked, "mended": tally.mended,
        "unlinked": tally.unlinked,
    })  # fmt: skip
    for one in rows:
        line({
            "record": one.record, "field": one.field,
            "sides": [
                {"connection": side.connection, "object": side.object, "value": value_of(one.field, side, masker),
                 "changed_at": stamp(side.changed_at, zone)}
                for side in one.sides
            ],
            "cause": one.cause, "remedy": one.remedy,
        })  # fmt: skip


def _tell(found: Summary, rows: list[Difference], masker: Masker, zone: tzinfo) -> None:
    tally = found.tally
    say(
        _(
            "{flow}: agree on {agree} of {fields} fields; {accepted} differ for good reason, {asked} wait for you, "
            "{on_their_way} on their way, {mended} mended; {unlinked} cards in one system only",
            flow=found.flow, **vars(tally),
        )
    )  # fmt: skip
    for side in found.sides:
        if side.changed_at is None:
            say(_("  {connection}: never compared yet", connection=side.connection))
            continue
        say(
            _(
                "  {connection}: all {objects} compared by {whole}, changes by {changed}",
                connection=side.connection, objects="?" if side.objects is None else side.objects,
                whole=short_time(side.whole_at, zone) or "—", changed=short_time(side.changed_at, zone) or "—",
            )
        )  # fmt: skip
    cells = [
        (one.record, one.field, one.cause, "; ".join(_side(one.field, side, masker) for side in one.sides), one.remedy)
        for one in rows
    ]
    columns = (N_("Record"), N_("Field"), N_("Why"), N_("Stands there"), N_("Remedy"))
    table(columns, cells, _("no difference that is known"))


def _side(name: str, side: SideShown, masker: Masker) -> str:
    value = value_of(name, side, masker)
    return f"{side.connection}/{side.object}" + (f" {value}" if value else "")


def value_of(name: str, side: SideShown, masker: Masker) -> str | None:
    """What stands there, masked as people are; None where nothing does, or it isn't shown."""
    if side.value is None or isinstance(side.value, Blank):
        return None
    values = [str(one) for one in (side.value if isinstance(side.value, tuple) else (side.value,))]
    return ", ".join(values if masker.reveal else (masked(name, one) for one in values))
