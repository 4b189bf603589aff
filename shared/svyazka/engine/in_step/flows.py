"""Which of a tenant's flows keeps a kind of object in step, and by what rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.contracts.flow import Flow, FlowSettings
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.kinds import Kind
from svyazka.engine.in_step.visits import Titled, VisitKind
from svyazka.engine.journal import documents as journal
from svyazka.model.in_step import Record, Rules, Side, Switch, switch_id
from svyazka.model.records import RecordKind
from svyazka.model.tenants import ConnectionSpec, Tenant


@dataclass(frozen=True, slots=True)
class InStep:
    """A sync flow of a tenant."""

    id: str
    rules: Rules
    kind: Kind
    connections: Mapping[str, ConnectionSpec]

    def systems(self, record: Record) -> dict[str, Side]:
        """A record's objects in its systems. One that was taken out of the flow takes no part: what is known of it
        stays, should it come back."""
        return {name: side for name, side in record.systems.items() if name in self.rules.between}

    def records(self, connection: str, manifest: Manifest[Any]) -> Records[Any]:
        """The way to its objects there: `apply` sees to it that there is one."""
        found = self.records_if_any(connection, manifest)
        assert found is not None
        return found

    def records_if_any(self, connection: str, manifest: Manifest[Any]) -> Records[Any] | None:
        """The same of a connection that may have been changed since `apply` looked."""
        spec = self.connections.get(connection)
        return self.kind.records(connection, manifest, spec.settings if spec is not None else {})


async def in_step_flows(hub: Hub, tenant: Tenant) -> list[InStep]:
    """All of a tenant's."""
    bound = await hub.directory.flows_of(tenant)
    return [kept_by(one.spec.id, one.flow, one.settings, tenant) for one in bound if one.flow.in_step]


def kept_by(id: str, flow: Flow[Any], settings: FlowSettings, tenant: Tenant) -> InStep:
    """A flow of a tenant, with its settings read."""
    rules = flow.rules(settings)
    return InStep(id, rules, kind_of(rules, tenant, partial(flow.titled, settings)), tenant.connections)


def kind_of(rules: Rules, tenant: Tenant, titled: Titled) -> Kind:
    """What there is to know of the things that a flow keeps in step."""
    if rules.kind is not RecordKind.VISIT:
        return Kind(rules)
    place = next(name for name in rules.between if name not in rules.shows_as)
    spec = tenant.connections.get(place)
    zone = spec.settings.get("timezone") if spec is not None else None
    return VisitKind(rules, zone if isinstance(zone, str) else tenant.timezone, titled)


async def flow_for(hub: Hub, tenant: Tenant, kind: RecordKind, connection: str) -> InStep | None:
    """The one that keeps things of a kind in step at this connection: `apply` sees to it that there aren't two."""
    for flow in await in_step_flows(hub, tenant):
        if flow.rules.kind is kind and connection in flow.rules.between:
            return flow
    return None


async def flow_told(hub: Hub, tenant: Tenant, kind: RecordKind, connection: str) -> InStep | None:
    """The one that an object of a connection concerns; `kind`: what it is there."""
    for flow in await in_step_flows(hub, tenant):
        if flow.kind.takes(connection, kind):
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
