"""`problems`: what is wrong, the worst first, and who can mend it and how."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.options import AsJson
from svyazka.cli.output import lines, note, short_time, table
from svyazka.cli.session import Session, run
from svyazka.cli.views import Row, problem_row
from svyazka.engine.problems.holding import Holds, holds
from svyazka.model.problems import Problem
from svyazka.reading.lists import PROBLEMS_SHOWN, open_problems, problems_of

All = Annotated[bool, typer.Option("--all", help=N_("Those that are over too, as far as they are remembered."))]
Whose = Annotated[str | None, typer.Argument(metavar="TENANT", help=N_("Only this one's."), show_default=False)]

Shown = tuple[Problem, Holds]


def problems(tenant: Whose = None, all_: All = False, as_json: AsJson = False) -> None:
    """What is wrong, the worst first: since when, what it holds up, who can mend it and how."""

    async def body(session: Session) -> None:
        owner = (await session.tenant(tenant)).id if tenant else None
        tenants, now = await session.tenants(), session.hub.clock.now()
        found = [one async for one in (problems_of if all_ else open_problems)(session.store, owner)]
        shown = [(one, await holds(session.store, one, tenants.get(one.tenant))) for one in found]
        shown.sort(key=_worst_first)
        if as_json:
            lines([problem_row(one, held, await session.zone(one.tenant), now) for one, held in shown])
            return
        rows = []
        for one, held in shown:
            zone = await session.zone(one.tenant)
            waiting = f"{held.deliveries} ({short_time(held.oldest, zone)})" if held.deliveries else None
            row = problem_row(one, held, zone, now)
            rows.append(
                (short_time(one.since, zone), "/".join(part for part in (one.tenant, one.connection) if part),
                 _status(row), one.title, waiting, one.remedy.command, _who(one))
            )  # fmt: skip
        table(
            (N_("Since"), N_("Whose"), N_("Status"), N_("What"), N_("Holds"), N_("Remedy"), N_("Note")), rows,
            _("no problems: everything works, as far as it is known here"),
        )  # fmt: skip
        if len(found) >= PROBLEMS_SHOWN:
            note(_("the newest {count} only", count=PROBLEMS_SHOWN))

    run(body)


def _worst_first(shown: Shown) -> tuple[bool, bool, bool, int, datetime]:
    one, held = shown
    return (not one.is_open, one.severity != "error", one.absent_since is not None, -held.deliveries, one.since)


def _status(row: Row) -> str:
    """As `doctor` says it, where it is bad: `fail` needs somebody, `warn` mends itself."""
    state = str(row["state"])
    if state == "open":
        return "fail" if row["severity"] == "error" else "warn"
    return state


def _who(one: Problem) -> str | None:
    """Who has to act, and what a connector's own table says is to be done."""
    parts = [told(part) for part in (one.remedy.person, one.advice) if part]
    if one.remedy.link and not (one.advice and one.remedy.link in one.advice):
        parts.append(one.remedy.link)
    return ": ".join(parts) or None
