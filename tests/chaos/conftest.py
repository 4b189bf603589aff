"""Stand-ins of the vendors, and what the cloud is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backends.google.fixtures import firestore
from chaos.google import Cloud
from chaos.parts import Part
from chaos.rehearsal import KeptClock
from infra.unpacked import Bundles
from simulators.cloudtasks import Clock
from simulators.cloudtasks.testing import serve as serve_tasks
from simulators.registry import load_simulator
from simulators.serve import Running, serve

__all__ = ["firestore"]


@pytest.fixture
def vendors() -> Iterator[Callable[..., Running]]:
    """Serves the stand-ins of these parts."""
    with ExitStack() as stack:

        def served(*parts: Part) -> Running:
            names = dict.fromkeys(part.vendor for part in parts)
            return stack.enter_context(serve([load_simulator(name) for name in names]))

        yield served


@pytest.fixture
def cloud(firestore: str, bundles: Bundles) -> Iterator[Cloud]:
    """What an installation stands on, in real time."""
    with serve_tasks(clock=Clock(), grpc=True, require_auth=True) as tasks:
        yield Cloud(bundles, firestore, tasks)


@pytest.fixture
def stepped_cloud(firestore: str, bundles: Bundles, tmp_path: Path) -> Iterator[Cloud]:
    """The same, whose time is stepped."""
    with serve_tasks(clock=KeptClock(tmp_path / "now"), grpc=True, require_auth=True) as tasks:
        yield Cloud(bundles, firestore, tasks)
