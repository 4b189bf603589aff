"""`apply`: tenant files become the installation's truth, after their plan was shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from svyazka.apply import ApplyPlan, commit_apply, plan_apply
from svyazka.catalogue import N_, _, told
from svyazka.cli.checks.tenants import unheard_alerts
from svyazka.cli.options import AsJson, DryRun, Yes
from svyazka.cli.output import confirm, lines, note, say, table
from svyazka.cli.session import Session, run
from svyazka.cli.together import together
from svyazka.cli.waiting import somebody_works, verdict
from svyazka.engine.journal import documents as journal
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.ids import connection_id
from svyazka.model.outages import Outage
from svyazka.model.tenants import Tenant
from svyazka.tenantfile.reader import read_tenant_file

SUFFIXES = (".yaml", ".yml")
PATIENCE = 10.0
"""Seconds for which `apply` waits to see whether what was blocked works now."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A file and what applying it would do."""

    file: Path
    plan: ApplyPlan


def apply(
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help=N_("A tenant file, or a folder of them."))],
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Show what tenant files would change, and do it.

    A tenant without a file stays as it is; connections and flows that left their file are removed.
    """

    async def body(session: Session) -> None:
        planned = await plans(session, tenant_files(path))
        tell_changes(planned, as_json)
        tell_missing(planned)
        for one in planned:
            for warning in one.plan.warnings:
                note(told(warning))
            for misfit in one.plan.misfits:
                note(
                    _(
                        "{tenant}/{misfit}; until it is set anew all that needs it waits",
                        tenant=one.plan.tenant.id,
                        misfit=told(misfit),
                    )
                )
        await tell_unheard(session, planned)
        if dry_run:
            return
        if any(one.plan.changes for one in planned):
            confirm(_("Apply?"), yes)
        blocked = await blocked_outages(session, planned)
        await carry_out(session, planned)
        if blocked and somebody_works(session):
            await tell_verdicts(session, blocked)

    run(body, creates=True)


async def blocked_outages(session: Session, planned: Sequence[Planned]) -> list[Outage]:
    """Connections of these files that wait for a setting: applying lets each try again."""
    tenants = [one.plan.tenant for one in planned]
    keys = [("outages", connection_id(tenant.id, name)) for tenant in tenants for name in tenant.connections]
    found = [document for document in await session.store.get_many(keys) if document is not None]
    return [held.model for held in journal.known(Outage, found) if held.model.is_open and held.model.kind == "blocked"]


async def tell_verdicts(session: Session, blocked: Sequence[Outage]) -> None:
    """What became of them, as far as it is known within some seconds."""
    found = await together([partial(verdict, session, outage, PATIENCE) for outage in blocked])
    for outage, became in zip(blocked, found, strict=True):
        whole = f"{outage.tenant}/{outage.connection}"
        if became is None:
            note(_("{whole} is tried again; svyazka doctor {tenant} says more", whole=whole, tenant=outage.tenant))
        elif became.outcome == "works":
            say(_("{whole} works: what waited for it goes out now", whole=whole), "green")
        else:
            why = " ".join(told(part) for part in (became.message, became.remedy) if part)
            note(_("{whole} is still {state}: {why}", whole=whole, state=became.outcome, why=why))


def tenant_files(path: Path) -> list[Path]:
    """The files that a path means. Raises ConfigError when there are none."""
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and not file.name.startswith("."))
    if not files:
        raise ConfigError(_("{path}: expected tenant files (*.yaml), found none", path=path))
    return files


async def plans(session: Session, files: Sequence[Path]) -> list[Planned]:
    """Read every file, then plan. Raises ConfigError with the mistakes of all files at once."""
    planned, mistakes = await plans_of_whole(session, files)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return planned


async def plans_of_whole(session: Session, files: Sequence[Path]) -> tuple[list[Planned], list[str]]:
    """Plans of the files that are in order, and what is wrong with the others: one tenant's mistake is his own."""
    tenants: dict[str, tuple[Path, Tenant]] = {}
    twice: set[str] = set()
    mistakes: list[str] = []
    for file in files:
        try:
            tenant = read_tenant_file(file)
        except ConfigError as error:
            mistakes.append(str(error))
            continue
        if tenant.id in tenants:
            mistakes.append(
                _(
                    "{file}: id: {tenant!r} stands in {other} too",
                    file=file.name,
                    tenant=tenant.id,
                    other=tenants[tenant.id][0].name,
                )
            )
            twice.add(tenant.id)
        else:
            tenants[tenant.id] = (file, tenant)
    planned, hub, abroad = [], session.hub, session.settings.backend == "google"
    for file, tenant in tenants.values():
        if tenant.id in twice:
            continue  # which of the two is meant?
        try:
            planned.append(
                Planned(file, await plan_apply(hub.store, hub.directory, hub.keyring, tenant, abroad=abroad))
            )
        except ConfigError as error:
            mistakes.append(f"{file.name}: {error}")
    return planned, mistakes


def tell_changes(planned: Sequence[Planned], as_json: bool = False) -> None:
    """The plan, one line a change."""
    rows = [
        {"tenant": one.plan.tenant.id, "sign": change.sign, "what": change.what,
         "open_deliveries": change.open_deliveries, "note": change.note or None}
        for one in planned for change in one.plan.changes
    ]  # fmt: skip
    if as_json:
        lines(rows)
    else:
        table(
            (N_("Tenant"), "", N_("What"), N_("Open deliveries"), N_("Note")),
            ((row["tenant"], row["sign"], row["what"], row["open_deliveries"] or None, row["note"]) for row in rows),
            _("nothing changes"),
        )


def tell_missing(planned: Sequence[Planned]) -> None:
    """Secrets that files refer to and nobody has set."""
    for one in planned:
        for name in one.plan.missing_secrets:
            note(
                _(
                    "secret {name} isn't there yet: svyazka secret set {tenant} {name}",
                    name=name,
                    tenant=one.plan.tenant.id,
                )
            )


async def tell_unheard(session: Session, planned: Sequence[Planned]) -> None:
    """Files by which nobody would hear of an outage, or not of every one."""
    for one in planned:
        unheard = await unheard_alerts(session.hub, one.plan.tenant)
        if unheard is not None:
            message, remedy = unheard
            note(f"{one.plan.tenant.id}: {told(message)}: {told(remedy)}")


async def carry_out(session: Session, planned: Sequence[Planned]) -> None:
    """Commit each plan with its audit line. Raises ConfigError when somebody was quicker."""
    for one in planned:
        await carry_out_one(session, one)


async def carry_out_one(session: Session, one: Planned) -> None:
    """Commit a plan with its audit line. Raises ConfigError when somebody was quicker."""
    hub = session.hub
    changes = [f"{change.sign} {change.what}" for change in one.plan.changes]
    audit = [session.audit_write("apply", one.plan.tenant.id, changes=", ".join(changes))] if changes else []
    try:
        await commit_apply(hub.store, hub.directory, one.plan, audit)
    except Conflict:
        raise ConfigError(
            _("{tenant} was changed meanwhile: run apply again to see the plan", tenant=one.plan.tenant.id)
        ) from None
