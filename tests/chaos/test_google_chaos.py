"""The steps of one event's way once more, as deployed: killed and frozen functions (short form)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.google import GoogleInstallation
from chaos.parts import MESSENGERS, SOURCES
from chaos.scenario import ACCEPTING, audit, run
from simulators.cloudtasks import Clock
from simulators.cloudtasks.testing import Running as CloudTasks
from simulators.cloudtasks.testing import serve as serve_tasks
from simulators.serve import Running

EVENTS = 10
POINTS = [
    ("kill", "accept.before"),
    ("kill", "answer.before"),
    ("kill", "plan.before_commit"),
    ("kill", "plan.after_commit"),
    ("kill", "perform.after_call"),
    ("kill", "settle.before"),
    ("stop", "accept.before"),
    ("stop", "perform.before_call"),
    ("stop", "perform.after_call"),
]


@pytest.fixture
def tasks() -> Iterator[CloudTasks]:
    with serve_tasks(clock=Clock(), grpc=True, require_auth=True) as running:
        yield running


@pytest.mark.parametrize(("action", "point"), POINTS, ids=lambda part: part)
async def test_one_instance_is_lost_at(
    action: str, point: str, tmp_path: Path, vendors: Callable[..., Running], firestore: str, tasks: CloudTasks
) -> None:
    source, messenger = SOURCES["iiko"], MESSENGERS["smsru"]
    installation = GoogleInstallation(
        tmp_path, vendors("iiko", "smsru"), source, messenger, firestore=firestore, tasks=tasks
    )
    process = "accept" if point in ACCEPTING else "work"
    outcome = await run(installation, events=EVENTS, failpoints={process: f"{action}:{point}:2"}, patience=90)
    audit(installation, outcome, EVENTS)
    happened = "killed" if action == "kill" else "froze"
    assert outcome.seen[f"{happened} {process}"] == 1, "the failpoint was reached"
