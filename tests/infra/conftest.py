"""Bundles as they would be deployed, each with a Python that has nothing but what its requirements.txt names."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.google.fixtures import firestore
from bundling import Function, functions
from infra.unpacked import Bundles, unpack

__all__ = ["firestore"]


@pytest.fixture(params=functions(), ids=lambda function: function.name)
def function(request: pytest.FixtureRequest) -> Function:
    """Each folder of functions/ in turn."""
    found: Function = request.param
    return found


@pytest.fixture
def unpacked(function: Function, tmp_path: Path) -> Path:
    """The function's bundle, unpacked for this test alone."""
    return unpack(function, tmp_path)


@pytest.fixture
def clean(unpacked: Path, bundles: Bundles) -> Path:
    """A Python in which the bundle's requirements are installed, and nothing else."""
    return bundles.rooms.python(unpacked / "requirements.txt")
