"""Bundles as they would be deployed, each with a Python that has nothing but what its requirements.txt names."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

from bundling import Function, build, functions  # noqa: E402
from infra.cleanroom import CleanRooms  # noqa: E402


@pytest.fixture(params=functions(), ids=lambda function: function.name)
def function(request: pytest.FixtureRequest) -> Function:
    """Each folder of functions/ in turn."""
    found: Function = request.param
    return found


@pytest.fixture
def unpacked(function: Function, tmp_path: Path) -> Path:
    """The function's bundle, unpacked."""
    folder = tmp_path / "workspace"
    with zipfile.ZipFile(build(function, tmp_path)) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> CleanRooms:
    """Environments by what is installed in them."""
    return CleanRooms(tmp_path_factory.mktemp("rooms"))


@pytest.fixture
def clean(unpacked: Path, rooms: CleanRooms) -> Path:
    """A Python in which the bundle's requirements are installed, and nothing else."""
    return rooms.python(unpacked / "requirements.txt")
