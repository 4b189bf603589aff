"""`sync held`, `sync let-go`: what happens to many at once, and what is to become of it."""

from __future__ import annotations

from typing import Annotated

import typer

from svyazka.catalogue import N_, _, ngettext
from svyazka.cli.options import AsJson, Yes
from svyazka.cli.output import confirm, lines, progress, say, table
from svyazka.cli.session import Session, run
from svyazka.engine.operating import holding, syncing

OfTenants = Annotated[str, typer.Argument(metavar="TENANT")]
FlowId = Annotated[str, typer.Argument(metavar="FLOW", help=N_("As in the tenant file: its id."))]
What = Annotated[
    str, typer.Argument(metavar="WHAT", help=N_("As `sync held` lists it: a field, @CONNECTION or +CONNECTION."))
]
Said = Annotated[
    str,
    typer.Argument(
        metavar="ANSWER",
        help=N_("`go-on`, `leave`, or of a field a connection: the values there are put back everywhere."),
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help=N_("Only say how many records it concerns."))]

WHY = {
    "mass_change": N_("the same field of many records was cleared, or set to one value"),
    "mass_deletion": N_("many were deleted there"),
    "mass_making": N_("many would be made there"),
}


def held(tenant: OfTenants, flow: FlowId, as_json: AsJson = False) -> None:
    """What waits for a person because it happened to many records at once."""

    async def body(session: Session) -> None:
        owner = await session.tenant(tenant)
        found = await holding.held(session.hub, owner, await syncing.flow_named(session.hub, owner, flow))
        if as_json:
            lines(
                [{"flow": flow, "what": one.what, "why": one.why, "records": one.count,
                  "since": one.since.isoformat(), "examples": list(one.examples), "choices": list(one.choices)}
                 for one in found]
            )  # fmt: skip
            return
        table(
            (N_("What"), N_("Why"), N_("Records"), N_("For example"), N_("Answers")),
            [(one.what, _(WHY[one.why]), str(one.count), ", ".join(one.examples), ", ".join(one.choices))
             for one in found],
            _("nothing is held"),
        )  # fmt: skip

    run(body)


def let_go(tenant: OfTenants, flow: FlowId, what: What, said: Said, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Say what becomes of what is held: of all of it at once."""

    async def body(session: Session) -> None:
        owner, hub = await session.tenant(tenant), session.hub
        found = await syncing.flow_named(hub, owner, flow)
        count = len([one async for one in holding.let_go(hub, owner, found, what, said, dry_run=True)])
        if dry_run:
            say(ngettext("{count} record would be looked at anew", "{count} records would be looked at anew", count))
            return
        confirm(_("{what}: {said} for {count} records?", what=what, said=said, count=count), yes)
        done = 0
        async with session.noting("sync let-go", f"{owner.id}/{flow}", what=what, said=said):
            with progress(_("looking anew")) as bar:
                task = bar.add_task("", total=count)
                async for _id in holding.let_go(hub, owner, found, what, said):
                    done += 1
                    bar.advance(task)
        say(ngettext("{count} record is looked at anew", "{count} records are looked at anew", done))

    run(body)
