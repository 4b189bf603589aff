"""`held`: what a flood brought, and what is to become of it."""

from __future__ import annotations

from typing import Annotated

import typer

from svyazka.catalogue import N_, _, ngettext
from svyazka.cli import reading
from svyazka.cli.options import OfTenant
from svyazka.cli.output import progress, say
from svyazka.cli.reading import Filter
from svyazka.cli.session import Session, run
from svyazka.engine.operating.operator import How
from svyazka.engine.operating.replay import discard, replay_event


def held(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help=N_("NAME or TENANT/NAME."))],
    tenant: OfTenant = None,
    release: Annotated[bool, typer.Option("--release", help=N_("Let all of it go on, oldest first."))] = False,
    gone: Annotated[
        bool, typer.Option("--discard", help=N_("End it: it stays in the journal, nothing is done."))
    ] = False,
) -> None:
    """How much waits; with an option, what becomes of it."""
    if release and gone:
        raise typer.BadParameter(_("expected one of --release and --discard"), param_hint="--release")

    async def body(session: Session) -> None:
        owner, name = await session.connection_of(connection, tenant)
        wanted = Filter(owner.id, name, frozenset({"quarantined"}))
        ids = [one.event.id async for one in reading.events(session.store, wanted) if one.is_held]
        if not (release or gone):
            say(ngettext("{count} call is held", "{count} calls are held", len(ids)))
            return
        what = "release" if release else "discard"
        await session.audit("held", f"{owner.id}/{name}", what=what, count=len(ids))
        with progress(_("deciding")) as bar:
            task = bar.add_task("", total=len(ids))
            for id_ in reversed(ids):
                if release:
                    await replay_event(session.operator, id_, How())
                else:
                    await discard(session.operator, id_)
                bar.advance(task)
        if release:
            say(ngettext("{count} call goes on", "{count} calls go on", len(ids)))
        else:
            say(ngettext("{count} call is ended", "{count} calls are ended", len(ids)))

    run(body)
