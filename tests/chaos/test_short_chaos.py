"""Every numbered step of one event's way, killed and frozen: nothing lost, nothing doubled (short form)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.installation import LocalInstallation
from chaos.parts import MESSENGERS, SOURCES
from chaos.scenario import ACCEPTING, audit, run
from simulators.serve import Running
from svyazka.engine.failpoints import POINTS

EVENTS = 12
REACHED = tuple(point for point in POINTS if point != "fallback.before")
"""A fallback's own step is passed only with a second channel: tests/chaos/test_fallback."""


@pytest.mark.parametrize("action", ["kill", "stop"])
@pytest.mark.parametrize("point", REACHED)
async def test_one_process_is_lost_at(point: str, action: str, tmp_path: Path, vendors: Callable[..., Running]) -> None:
    # What goes out at once is claimed in the commit that plans it; only what waits is claimed by itself.
    flow = {"delay": "4m"} if point.startswith("claim.") else {}
    installation = LocalInstallation(
        tmp_path, vendors("iiko", "smsru"), SOURCES["iiko"], MESSENGERS["smsru"], flow=flow
    )
    process = "accept" if point in ACCEPTING else "work"
    outcome = await run(installation, events=EVENTS, failpoints={process: f"{action}:{point}:3"})
    audit(installation, outcome, EVENTS)
    happened = "killed" if action == "kill" else "froze"
    assert outcome.seen[f"{happened} {process}"] == 1, "the failpoint was reached"
