"""Stand-ins of the vendors, and what the cloud is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from backends.google.fixtures import cloud_tasks, firestore, google
from chaos.parts import Part
from simulators.cloudtasks import Clock
from simulators.cloudtasks.testing import Running as CloudTasks
from simulators.cloudtasks.testing import serve as serve_tasks
from simulators.registry import load_simulator
from simulators.serve import Running, serve

__all__ = ["cloud_tasks", "firestore", "google"]


@pytest.fixture
def vendors() -> Iterator[Callable[..., Running]]:
    """Serves the stand-ins of these parts."""
    with ExitStack() as stack:

        def served(*parts: Part) -> Running:
            names = dict.fromkeys(part.vendor for part in parts)
            return stack.enter_context(serve([load_simulator(name) for name in names]))

        yield served


@pytest.fixture
def tasks() -> Iterator[CloudTasks]:
    """A Cloud Tasks of its own, in real time."""
    with serve_tasks(clock=Clock(), grpc=True, require_auth=True) as running:
        yield running
