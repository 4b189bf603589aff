"""Which of a tenant's flows keeps a kind of object in step, and by what rules."""

from __future__ import annotations

from dataclasses import dataclass

from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.model.in_step import Rules, Switch, switch_id
from svyazka.model.records import RecordKind
from svyazka.model.tenants import Tenant


@dataclass(frozen=True, slots=True)
class InStep:
    """A sync flow of a tenant."""

    id: str
    rules: Rules


async def in_step_flows(hub: Hub, tenant: Tenant) -> list[InStep]:
    """All of a tenant's."""
    bound = await hub.directory.flows_of(tenant)
    return [InStep(one.spec.id, one.flow.rules(one.settings)) for one in bound if one.flow.in_step]


async def flow_for(hub: Hub, tenant: Tenant, kind: RecordKind, connection: str) -> InStep | None:
    """The one that keeps this connection's objects of a kind in step: `apply` sees to it that there aren't two."""
    for flow in await in_step_flows(hub, tenant):
        if flow.rules.kind is kind and connection in flow.rules.between:
            return flow
    return None


async def switch_of(hub: Hub, tenant: str, flow: str) -> Switch:
    """What operators said of a flow."""
    id_ = switch_id(tenant, flow)
    held = await journal.load(hub.store, Switch, id_)
    return held.model if held is not None else Switch(id=id_, tenant=tenant, flow=flow)


def writes_toward(flow: InStep, switch: Switch, connection: str) -> bool:
    """Whether it writes there, or only says what it would write."""
    return flow.rules.writes or connection in switch.on
