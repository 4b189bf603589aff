"""`pause` and `resume`: a tenant, one connection, or one flow. Events are still taken in; deliveries wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from svyazka.apply import commit_apply, plan_pause
from svyazka.catalogue import N_, _
from svyazka.cli.options import OfTenant
from svyazka.cli.output import say
from svyazka.cli.session import APPLY_ADDS, Session, nearest, run
from svyazka.engine.journal import documents as journal
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.tenants import Tenant

Target = Annotated[str, typer.Argument(metavar="TENANT|CONNECTION|FLOW", help=N_("NAME or TENANT/NAME."))]


@dataclass(frozen=True, slots=True)
class Place:
    """What is paused: a whole tenant, or one part of it."""

    tenant: str
    connection: str | None = None
    flow: str | None = None

    @property
    def name(self) -> str:
        part = self.connection or self.flow
        return f"{self.tenant}/{part}" if part else self.tenant


def pause(target: Target, tenant: OfTenant = None) -> None:
    """Let deliveries wait; events are still taken in, and nothing is lost."""
    _set(target, tenant, paused=True)


def resume(target: Target, tenant: OfTenant = None) -> None:
    """Go on; what waited goes out at the connection's rate, unless it expired."""
    _set(target, tenant, paused=False)


def _set(target: str, tenant: str | None, *, paused: bool) -> None:
    async def body(session: Session) -> None:
        place = await find(session, target, tenant)
        hub = session.hub
        held = await journal.load(hub.store, Tenant, place.tenant)
        if held is None:
            raise ConfigError(_("{tenant} is gone", tenant=place.tenant))
        plan = await plan_pause(
            hub.store, hub.directory, hub.keyring, held,
            connection=place.connection, flow=place.flow, paused=paused,
        )  # fmt: skip
        if plan.tenant == held.model:
            say(
                _("{name} is paused already", name=place.name) if paused else _("{name} is not paused", name=place.name)
            )
            return
        audit = session.audit_write("pause" if paused else "resume", place.name)
        try:
            await commit_apply(hub.store, hub.directory, plan, [audit])
        except Conflict:
            raise ConfigError(_("{tenant} was changed meanwhile: run it again", tenant=place.tenant)) from None
        if paused:
            say(_("{name} is paused, its deliveries wait; it goes on with: svyazka resume {name}", name=place.name))
        else:
            say(_("{name} goes on", name=place.name))

    run(body)


async def find(session: Session, target: str, tenant: str | None) -> Place:
    """What a name means. Raises ConfigError when it means nothing, or several things."""
    owner, _slash, part = target.rpartition("/")
    tenants = await session.tenants()
    if not (owner or tenant) and target in tenants:
        return Place(target)
    owners = [await session.tenant(owner or tenant or "")] if owner or tenant else list(tenants.values())
    found = [place for one in owners for place in _places(one, part)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            _(
                "{target!r} means {names}: say TENANT/NAME",
                target=target,
                names=" and ".join(sorted(place.name for place in found)),
            )
        )
    names = {*tenants, *(name for one in owners for name in (*one.connections, *(flow.id for flow in one.flows)))}
    raise ConfigError(
        _(
            "no tenant, connection or flow {target!r}{hint}",
            target=target,
            hint=nearest(part, names, APPLY_ADDS),
        )
    )


def _places(tenant: Tenant, part: str) -> list[Place]:
    found = [Place(tenant.id, connection=name) for name in tenant.connections if name == part]
    return [*found, *(Place(tenant.id, flow=flow.id) for flow in tenant.flows if flow.id == part)]
