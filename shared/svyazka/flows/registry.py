"""Which flows there are: names only, imported on use."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from svyazka.catalogue import _
from svyazka.engine.contracts.flow import Flow
from svyazka.model.errors import ConfigError

FLOWS: dict[str, str] = {
    "forward": "svyazka.flows.forward",
    "notify": "svyazka.flows.notify",
    "one_time_code": "svyazka.flows.one_time_code",
    "review_request": "svyazka.flows.review_request",
}


@cache
def load_flow(name: str) -> Flow[Any]:
    """A flow by its name. Raises ConfigError for one that we don't have."""
    try:
        module = FLOWS[name]
    except KeyError:
        raise ConfigError(
            _("flow: expected one of {names}, got {name!r}", names=", ".join(sorted(FLOWS)), name=name)
        ) from None
    flow: Flow[Any] = import_module(module).FLOW
    return flow
