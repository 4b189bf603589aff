"""Which vendors have a stand-in: every one that is called; imported on use, by its name."""

from __future__ import annotations

from importlib import import_module

from simulators.chassis import Simulator
from svyazka.connectors.registry import CALLED


def load_simulator(vendor: str) -> Simulator:
    """A fresh stand-in of a vendor; the module of its name provides `SIMULATOR`, the class."""
    simulator: Simulator = import_module(f"{__package__}.{vendor}").SIMULATOR()
    return simulator


def every_simulator() -> list[Simulator]:
    """A fresh stand-in of every vendor."""
    return [load_simulator(vendor) for vendor in CALLED]
