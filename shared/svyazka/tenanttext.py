"""A tenant as the file that describes it: for whoever keeps no file of his own, and to propose a change to."""

from __future__ import annotations

from typing import Any

import yaml

from svyazka.model.tenants import FlowSpec, Tenant

OPERATORS = {"paused", "paused_connections"}
"""What operators set; a file doesn't say."""


def text_of(tenant: Tenant) -> str:
    """Reading it gives the same tenant. Comments of the file that it once came from are not in it."""
    plain = tenant.model_dump(mode="json", exclude_defaults=True, exclude={"connections", "flows", *OPERATORS})
    for name in ("retention", "dedupe_window"):
        if name in plain:
            plain[name] = f"{int(getattr(tenant, name).total_seconds())}s"
    whole = {
        **plain,
        "connections": {name: {"vendor": one.vendor, **one.settings} for name, one in tenant.connections.items()},
        "flows": [_flow(one) for one in tenant.flows],
    }
    return yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, width=110)


def _flow(flow: FlowSpec) -> dict[str, Any]:
    named = {} if flow.id == flow.flow else {"id": flow.id}
    ways = {} if "between" in flow.settings else {"from": list(flow.sources), "via": list(flow.via)}
    return {"flow": flow.flow, **named, **{key: value for key, value in ways.items() if value}, **flow.settings}
