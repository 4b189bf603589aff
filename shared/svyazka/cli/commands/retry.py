"""`retry`: an operator's "try it now" for a connection in trouble."""

from __future__ import annotations

from typing import Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.options import AsJson, OfTenant
from svyazka.cli.output import line, note, say
from svyazka.cli.session import Session, run
from svyazka.cli.waiting import Verdict, somebody_works, verdict
from svyazka.model.errors import ConfigError

PATIENCE = 75.0
"""Seconds: a call's limit, and a sweep where the first try missed its moment."""

Wait = Annotated[
    float, typer.Option("--wait", min=0, metavar="SECONDS", help=N_("How long to wait for what comes of it; 0: not."))
]


def retry(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help=N_("NAME or TENANT/NAME."))],
    wait: Wait = PATIENCE,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Try a connection in trouble now, by one probe, instead of at its next time; say what came of it.

    If it works, all that waits for it goes out at its rate. Exit status 1 when it is still in trouble.
    """

    async def body(session: Session) -> Verdict | None:
        owner, name = await session.connection_of(connection, tenant)
        whole = f"{owner.id}/{name}"
        account = await session.hub.directory.account(owner.id, name)
        if account is not None and account.missing:
            raise ConfigError(
                _("{whole}: not set: {missing}; nothing can be tried", whole=whole, missing=", ".join(account.missing))
            )
        async with session.noting("retry", whole):
            outage = await session.worker.outages.probing.at_once(owner, name)
        found = None
        if outage is not None and wait and somebody_works(session):
            found = await verdict(session, outage, wait)
        if as_json:
            outcome = "no outage" if outage is None else found.outcome if found else None
            line({"tenant": owner.id, "connection": name, "outcome": outcome, "message": found and found.message})
        elif outage is None:
            say(_("{whole} is in no outage: there is nothing to try", whole=whole))
        elif found is None:
            say(_("{whole}: a probe is on its way; svyazka doctor {tenant} says more", whole=whole, tenant=owner.id))
        elif found.outcome == "works":
            say(_("{whole} works: what waited for it goes out now", whole=whole))
        else:
            why = " ".join(told(part) for part in (found.message, found.remedy) if part)
            say(_("{whole} is still {state}: {why}", whole=whole, state=found.outcome, why=why))
        if outage is not None and not somebody_works(session):
            note(_("nobody is at work here: `svyazka run` sends it"))
        return found

    found = run(body)
    if found is not None and found.outcome != "works":
        raise typer.Exit(1)
