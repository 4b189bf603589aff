"""Stand-ins of the vendors, and what the cloud is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from backends.google.fixtures import firestore
from simulators.registry import load_simulator
from simulators.serve import Running, serve

__all__ = ["firestore"]


@pytest.fixture
def vendors() -> Iterator[Callable[..., Running]]:
    """Serves the stand-ins of these vendors."""
    with ExitStack() as stack:
        yield lambda *names: stack.enter_context(serve([load_simulator(name) for name in dict.fromkeys(names)]))
