"""Stand-ins of the vendors, and what the cloud is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backends.google.fixtures import firestore
from chaos.google import Cloud, stand_in_cloud
from chaos.rehearsal import KeptClock
from infra.unpacked import Bundles
from simulators.cloudtasks import Clock
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from vendors.parts.base import Part

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
    with stand_in_cloud(bundles, firestore, Clock()) as made:
        yield made


@pytest.fixture
def stepped_cloud(firestore: str, bundles: Bundles, tmp_path: Path) -> Iterator[Cloud]:
    """The same, whose time is stepped."""
    with stand_in_cloud(bundles, firestore, KeptClock(tmp_path / "now")) as made:
        yield made
