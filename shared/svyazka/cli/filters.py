"""What a list or a replay is limited to, as it is typed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta, tzinfo

import typer

from svyazka.catalogue import N_, _
from svyazka.cli.session import APPLY_ADDS, FILES_NAME, nearest
from svyazka.model.tenants import Tenant, parse_duration
from svyazka.reading.lists import Filter


def parse_since(text: str, now: datetime) -> datetime:
    """`2h`, `3d`, `2026-03-14`, `2026-03-14T10:00+03:00`; without an offset it is this machine's zone.

    Raises BadParameter.
    """
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            _("expected an age such as 2h or 3d, or a time such as 2026-03-14T10:00+03:00, got {text!r}", text=text),
            param_hint="--since",
        ) from None
    return moment if moment.tzinfo else moment.astimezone()


def parse_month(text: str | None, now: datetime, zone: tzinfo) -> date:
    """`2026-10`, by its first day; without one the last whole month, as whoever asks has it on the calendar. Raises
    BadParameter."""
    if text is None:
        return (now.astimezone(zone).date().replace(day=1) - timedelta(days=1)).replace(day=1)
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise typer.BadParameter(_("expected a month such as 2026-10"), param_hint="--month") from None


def owner_of(tenant: str | None, connection: str | None) -> tuple[str | None, str | None]:
    """`--tenant` and `--connection`; that may be TENANT/NAME, as the lists print it. Raises BadParameter."""
    if connection is None or "/" not in connection:
        return tenant, connection
    owner, _slash, name = connection.partition("/")
    if tenant not in (None, owner):
        raise typer.BadParameter(
            _(
                "{connection} is {owner}'s, and --tenant says {tenant}",
                connection=connection,
                owner=owner,
                tenant=tenant,
            ),
            param_hint="--connection",
        )
    return owner, name


def mistyped(wanted: Filter, tenants: Collection[Tenant]) -> str | None:
    """Why nothing may have been found: a name that nobody has. What was removed is still in the journal, so that
    this is asked only when a list is empty."""
    if wanted.tenant is not None and wanted.tenant not in {tenant.id for tenant in tenants}:
        names = [tenant.id for tenant in tenants]
        return _(
            "no tenant {tenant!r}{hint}",
            tenant=wanted.tenant,
            hint=nearest(wanted.tenant, names, APPLY_ADDS),
        )
    chosen = [tenant for tenant in tenants if wanted.tenant in (None, tenant.id)]
    connections = {name for tenant in chosen for name in tenant.connections}
    flows = {flow.id for tenant in chosen for flow in tenant.flows}
    for said, name, known in (
        (N_("no connection {name!r}{hint}"), wanted.connection, connections),
        (N_("no flow {name!r}{hint}"), wanted.flow, flows),
    ):
        if name is not None and name not in known:
            return _(said, name=name, hint=nearest(name, known, FILES_NAME))
    return None
