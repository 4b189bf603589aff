"""One front and one set of stand-ins for the whole folder; a hub of its own for every test."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from matrix import channels, sources
from matrix.hub import Connection, Front, Machine, blank, listening, machine
from simulators.registry import every_simulator
from simulators.serve import Running, serve
from vendors.parts.done import Done
from vendors.parts.messengers import Messenger


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with serve(every_simulator()) as up:
        yield up


@pytest.fixture
def vendors(running: Running) -> Running:
    """The stand-ins, as new; what becomes of a message they say when they are told to."""
    for simulator in running.simulators.values():
        simulator.clear()
        if hasattr(simulator, "final"):
            simulator.final = None
    return running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def front() -> AsyncIterator[Front]:
    async with listening() as up:
        yield up


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await blank(tmp_path_factory.mktemp("matrix") / "data")


Hub = Callable[..., AbstractAsyncContextManager[Machine]]


@pytest.fixture
def hub(tmp_path: Path, empty: Path, front: Front, vendors: Running) -> Hub:
    """`hub(source, flow, *via, **more)`: a hub whose tenant has these, and more connections by name."""

    def opened(
        source: Done, flow: dict[str, object], *via: Messenger, **more: Connection
    ) -> AbstractAsyncContextManager[Machine]:
        connections = {
            "source": sources.connection(source), **{one.vendor: channels.connection(one) for one in via}, **more,
        }  # fmt: skip
        data = shutil.copytree(empty, tmp_path / "data")
        return machine(data, front, vendors, source.start, connections, [flow])

    return opened
