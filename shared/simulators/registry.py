"""Which vendors have a stand-in: names only, imported on use."""

from __future__ import annotations

from importlib import import_module

from simulators.chassis import Simulator

SIMULATORS: dict[str, str] = {
    "amocrm": "simulators.amocrm",
    "exolve": "simulators.exolve",
    "http": "simulators.http",
    "iiko": "simulators.iiko",
    "max": "simulators.max",
    "resend": "simulators.resend",
    "rkeeper": "simulators.rkeeper",
    "smsru": "simulators.smsru",
    "telegram": "simulators.telegram",
    "whatsapp": "simulators.whatsapp",
    "yclients": "simulators.yclients",
}


def load_simulator(vendor: str) -> Simulator:
    """A fresh stand-in of a vendor; its module provides `SIMULATOR`, the class."""
    simulator: Simulator = import_module(SIMULATORS[vendor]).SIMULATOR()
    return simulator


def every_simulator() -> list[Simulator]:
    """A fresh stand-in of every vendor."""
    return [load_simulator(vendor) for vendor in SIMULATORS]
