"""The steps of one event's way once more, as deployed: killed and frozen functions (short form)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.google import Cloud, GoogleInstallation
from chaos.routes import ROUTES, SPINE, Route, channels, named
from chaos.scenario import failpoints, survive
from simulators.serve import Running

EVENTS = 10
STEPS = (
    ("kill receive.before_verify", "kill plan.before"), ("kill receive.before_parse", "kill plan.before_commit"),
    ("kill accept.before", "kill plan.after_commit"), ("kill accept.after", "kill perform.before_call"),
    ("kill answer.before", "kill perform.after_call"), ("kill settle.before",),
    ("stop accept.before", "stop perform.before_call"), ("stop perform.after_call",),
)  # fmt: skip
"""What is left of the places is passed in the long form."""

TELLING = ("kill accept.before", "kill perform.after_call")
"""Every other route once, both functions lost: what differs by vendor is seen on one machine (test_short_chaos.py)."""

Vendors = Callable[..., Running]


@pytest.mark.parametrize(
    ("route", "strikes"), [*((SPINE, strikes) for strikes in STEPS), *((route, TELLING) for route in ROUTES[::2])],
    ids=lambda part: ", ".join(part) if isinstance(part[0], str) else named(part),
)  # fmt: skip
async def test_instances_are_lost_at(
    route: Route, strikes: tuple[str, ...], tmp_path: Path, vendors: Vendors, cloud: Cloud
) -> None:
    source, via = route[0], channels(route[1])
    installation = GoogleInstallation(tmp_path, vendors(source, *via), source, *via, cloud=cloud)
    await survive(installation, failpoints(*strikes, accept=2, work=1), events=EVENTS, patience=90)
