"""Bundles as they would be deployed, each with a Python that has nothing but what its requirements.txt names."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.google.fixtures import firestore
from bundling import Function, functions
from infra.offline import Plan, Workspace, needs_the_tool
from infra.turns import shared_folder
from infra.unpacked import Bundles

__all__ = ["firestore"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first pays for the plans, and a busy machine needs minutes for them."""
    for item in items:
        if "terraform" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One for all processes of this run."""
    needs_the_tool("what infra/terraform would make: grants, keys, queues, alerts, dashboard, what the state holds")
    return Workspace(shared_folder(tmp_path_factory, "terraform"))


@pytest.fixture(scope="session")
def plan(terraform: Workspace) -> Plan:
    """For an empty project, nothing asked for beyond the example's variables."""
    return terraform.plan("default")


@pytest.fixture(scope="session")
def plan_with_options(terraform: Workspace) -> Plan:
    """The same with all that is off unless asked for."""
    return terraform.plan("options", "options.tfvars")


@pytest.fixture(params=functions(), ids=lambda function: function.name)
def function(request: pytest.FixtureRequest) -> Function:
    """Each folder of functions/ in turn."""
    found: Function = request.param
    return found


@pytest.fixture
def unpacked(function: Function, bundles: Bundles, tmp_path: Path) -> Path:
    """The function's bundle, unpacked for this test alone."""
    return bundles.unpacked(function, tmp_path)


@pytest.fixture
def clean(unpacked: Path, bundles: Bundles) -> Path:
    """A Python in which the bundle's requirements are installed, and nothing else."""
    return bundles.rooms.python(unpacked / "requirements.txt")
