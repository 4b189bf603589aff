"""`held`: what a flood brought, or a form filled in too quickly, and what is to become of it."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from svyazka.catalogue import N_, _, ngettext
from svyazka.cli.options import OfTenant
from svyazka.cli.output import progress, say
from svyazka.cli.session import Session, run
from svyazka.engine.operating.operator import How
from svyazka.engine.operating.replay import discard, replay_event
from svyazka.model.events import FLOOD, HELD, QUICK
from svyazka.reading import lists
from svyazka.reading.lists import Filter

WHY = {FLOOD: N_("far more than usual came at once"), QUICK: N_("filled in faster than fingers do it")}


def held(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help=N_("NAME or TENANT/NAME."))],
    tenant: OfTenant = None,
    release: Annotated[bool, typer.Option("--release", help=N_("Let all of it go on, oldest first."))] = False,
    gone: Annotated[
        bool, typer.Option("--discard", help=N_("End it: it stays in the journal, nothing is done."))
    ] = False,
    only: Annotated[
        str | None, typer.Option("--only", metavar="WHY", help=N_("Only what is held for this: flood, min_fill."))
    ] = None,
) -> None:
    """How much waits; with an option, what becomes of it."""
    if release and gone:
        raise typer.BadParameter(_("expected one of --release and --discard"), param_hint="--release")
    if only is not None and only not in HELD:
        raise typer.BadParameter(_("expected flood or min_fill, got {given!r}", given=only[:40]), param_hint="--only")

    async def body(session: Session) -> None:
        owner, name = await session.connection_of(connection, tenant)
        wanted = Filter(owner.id, name, frozenset({"quarantined"}))
        why = {
            one.event.id: one.reason or ""
            async for one in lists.events(session.store, wanted)
            if one.is_held and only in (None, one.reason)
        }
        ids = list(why)
        if not (release or gone):
            say(ngettext("{count} call is held", "{count} calls are held", len(ids)))
            for reason, count in sorted(Counter(why.values()).items()):
                say(f"  {count}: {_(WHY[reason])} ({reason})")
            if ids:
                say(_("each of them: svyazka events --status quarantined --connection {owner}/{name}; one of them goes "
                      "on by `svyazka replay ID`", owner=owner.id, name=name))  # fmt: skip
            return
        what = "release" if release else "discard"
        async with session.noting("held", f"{owner.id}/{name}", what=what, count=len(ids)):
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
