"""`doctor`: is everything as it has to be, and if not, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated

import typer

from svyazka.catalogue import N_, _
from svyazka.cli.checks import Check, Level, how_sure
from svyazka.cli.checks.machine import close_files, installation
from svyazka.cli.checks.tenants import tenant_checks
from svyazka.cli.options import AsJson
from svyazka.cli.output import lines, note, progress, table
from svyazka.cli.session import Session, run
from svyazka.cli.together import together
from svyazka.connectors.registry import VENDORS
from svyazka.model.tenants import Tenant

WORST_FIRST: Sequence[Level] = ("fail", "warn", "ok")

MANY, SOME = 20, 3
"""Lines of one check that are nobody's failure: of more than so many a person is shown so many."""


def doctor(
    tenant: Annotated[
        str | None, typer.Argument(metavar="TENANT", help=N_("Only this one."), show_default=False)
    ] = None,
    live: Annotated[bool, typer.Option("--live", help=N_("Ask the vendors too: credentials, balance, hooks."))] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help=N_("Put right what can be: register hooks, close files (audited)."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at everything that has to be right; exit status 1 when something isn't."""

    async def body(session: Session) -> list[Check]:
        tenants = [await session.tenant(tenant)] if tenant else list((await session.tenants()).values())
        if fix and session.settings.backend == "local":
            closed = close_files(session.settings.data)
            if closed:
                await session.audit("doctor --fix", "permissions", files=[path.name for path in closed])
        with progress(_("looking")) as bar:
            task = bar.add_task("", total=len(tenants) + 1)
            found = [check async for check in installation(session)]
            bar.advance(task)

            async def look(one: Tenant) -> list[Check]:
                checks = [check async for check in tenant_checks(session, one, live, fix)]
                bar.advance(task)
                return checks

            if live or fix:  # vendors are asked one after another: many accounts may share a vendor's rate
                asked = [await look(one) for one in tenants]
            else:
                asked = await together([partial(look, one) for one in tenants])
        found += [check for checks in asked for check in checks]
        found += [how_sure(vendor) for vendor in sorted({*_vendors(tenants)} & {*VENDORS})]
        return sorted(found, key=lambda check: WORST_FIRST.index(check.status))

    found = run(body)
    if as_json:
        lines(
            {
                "check": one.check, "tenant": one.tenant, "connection": one.connection, "status": one.status,
                "message": one.message, "remedy": one.remedy,
            }
            for one in found
        )  # fmt: skip
    else:
        table(
            (N_("Status"), N_("Check"), N_("Whose"), N_("What"), N_("Remedy")),
            ((one.status, one.check, _whose(one), one.message, one.remedy) for one in folded(found)),
            _("nothing to look at"),
        )
        count = Counter(one.status for one in found)
        note(_("{ok} ok, {warn} warn, {fail} fail", ok=count["ok"], warn=count["warn"], fail=count["fail"]), None)
    if any(one.status == "fail" for one in found):
        raise typer.Exit(1)


def folded(found: Sequence[Check]) -> Iterator[Check]:
    """What a person reads: of a thousand tenants that lack the same thing the first few, and how many more."""
    counts, shown = Counter((one.check, one.status) for one in found), Counter[tuple[str, Level]]()
    for one in found:
        kind = (one.check, one.status)
        shown[kind] += 1
        if one.status == "fail" or counts[kind] <= MANY or shown[kind] <= SOME:
            yield one
        elif shown[kind] == SOME + 1:
            more = _("and {count} more like these", count=counts[kind] - SOME)
            yield Check(one.check, one.status, more, _("svyazka doctor TENANT shows one tenant's, --json all of them"))


def _vendors(tenants: Sequence[Tenant]) -> Iterator[str]:
    return (spec.vendor for tenant in tenants for spec in tenant.connections.values())


def _whose(one: Check) -> str:
    return "/".join(part for part in (one.tenant, one.connection) if part)
