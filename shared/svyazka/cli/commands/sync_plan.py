"""`sync plan`: which cards of filled systems are the same person's, before anything is linked or written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from svyazka.catalogue import N_, _, told
from svyazka.cli.following import blocked, follow, why
from svyazka.cli.options import AsJson
from svyazka.cli.output import line, note, say, table
from svyazka.cli.session import Session, run
from svyazka.cli.waiting import somebody_works
from svyazka.engine.agreeing import first_link
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.engine.jobs.steering import start
from svyazka.engine.keeping.sealed import SealedValues
from svyazka.engine.operating.syncing import proposal_of, take_proposal
from svyazka.model.errors import ConfigError
from svyazka.model.ids import stable_id
from svyazka.model.jobs import Job, JobState
from svyazka.model.tenants import Tenant

SHOWN = 200

Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FOLDER", help=N_("Write a page with charts, and a workbook with every row.")),
]
Anew = Annotated[bool, typer.Option("--anew", help=N_("Read all lists again, though there is a proposal."))]


def plan(
    tenant: Annotated[str, typer.Argument(metavar="TENANT")],
    flow: Annotated[str, typer.Argument(metavar="FLOW", help=N_("As in the tenant file: its id."))],
    anew: Anew = False,
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Read all sides and propose which cards are the same person's; nothing is linked or written."""

    async def body(session: Session) -> None:
        owner = await session.tenant(tenant)
        if flow not in {one.id for one in await in_step_flows(session.hub, owner)}:
            raise ConfigError(_("{tenant} has no flow {flow!r} that keeps systems in step", tenant=owner.id, flow=flow))
        job = None if anew else await proposal_of(session.hub, owner, flow)
        if job is None:
            job = await _made(session, owner, flow)
        rows = await _rows(session.hub, job, None if report is not None else 50 * SHOWN)
        made = job.result
        if report is not None:
            from svyazka.cli.linking_report import write

            paths = write(report, flow, made, rows, datetime.now().astimezone())
            note("\n".join(map(str, paths)))
        new = made["new"] if isinstance(made["new"], dict) else {}
        counts = made["counts"] if isinstance(made["counts"], dict) else {}
        doubts = [row for row in rows if row["what"] == "doubt"]
        if as_json:
            first, second = [*counts, None, None][:2]
            line({
                "flow": flow, "a": counts.get(first or ""), "b": counts.get(second or ""), "linked": made["linked"],
                "new_in_a": new.get(first or ""), "new_in_b": new.get(second or ""), "doubts": made["doubts"],
                "households": made["households"],
            })  # fmt: skip
            for row in doubts:
                places = _places(row)
                line({"a": places[0], "b": places[1:], "reasons": [row["why"]]})
            return
        alone = ", ".join(_("{count} in {name} only", count=count, name=name) for name, count in new.items())
        say(
            _(
                "{flow}: {linked} linked, {doubts} doubts, {households} households; {alone}. Nothing is changed yet: "
                "svyazka sync start {tenant} {flow}",
                flow=flow, tenant=owner.id, linked=made["linked"], doubts=made["doubts"],
                households=made["households"],
                alone=alone,
            )
        )  # fmt: skip
        cells = [(", ".join(_places(row)), row["why"]) for row in doubts]
        table((N_("Cards"), N_("Why")), cells, _("no doubts"))

    run(body)


async def _made(session: Session, owner: Tenant, flow: str) -> Job:
    """A proposal is made, and watched until it is. Raises ConfigError."""
    if not somebody_works(session):
        raise ConfigError(_("nobody is at work here: `svyazka run` does it"))
    id_ = stable_id("job", first_link.KIND, owner.id, flow, session.hub.clock.now().isoformat())
    async with session.noting("sync plan", f"{owner.id}/{flow}"):
        await start(session.hub, owner.id, first_link.KIND, flow, id_, {"flow": flow})
    job = await follow(session, id_, until_blocked=True)
    if (stuck := await blocked(session, job)) is not None:
        raise ConfigError(
            _(
                "{why}: {remedy}; it goes on by itself once that is done: svyazka jobs follow {job}",
                why="; ".join(why(job)), remedy=told(stuck.remedy or stuck.message), job=id_,
            )
        )  # fmt: skip
    if job.state is not JobState.DONE:
        raise ConfigError(_("it could not be made: svyazka jobs says why"))
    return job


async def take(session: Session, owner: Tenant, flow: str) -> bool:
    """Begin to link what was proposed, if anything was; False where there is no proposal."""
    job = await take_proposal(session.hub, owner, flow)
    if job is None:
        return False
    say(_("what was proposed is linked now: svyazka jobs follow {job}", job=job))
    if not somebody_works(session):
        note(_("nobody is at work here: `svyazka run` does it"))
    return True


async def _rows(hub: Hub, job: Job, most: int | None) -> list[dict[str, JsonValue]]:
    sealed, found = SealedValues(hub), list[dict[str, JsonValue]]()
    batches = job.result.get("rows")
    for batch in batches if isinstance(batches, list) else ():
        found += [row for row in await sealed.read(str(batch)) or () if isinstance(row, dict)]
        if most is not None and len(found) >= most:
            break
    return found


def _places(row: dict[str, JsonValue]) -> Sequence[str]:
    places = row["cards"]
    return [str(place) for place in places] if isinstance(places, list) else []
