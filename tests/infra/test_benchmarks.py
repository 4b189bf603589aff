"""What measures is run by hand, and seldom: it follows the product's names all the same."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import walk_packages

import benchmarks
import pytest

APART = {"benchmarks.peers.dbos_app", "benchmarks.bare_function"}
"""Begin to work as soon as they are imported: where DBOS is installed, and beside emulators."""
NAMES = {one.name for one in walk_packages(benchmarks.__path__, "benchmarks.")} - APART


def test_every_measurement_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks"])
    for name in sorted(NAMES):
        import_module(name)
    assert len(NAMES) > 15
