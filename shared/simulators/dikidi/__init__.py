"""A loopback stand-in for DIKIDI's public booking widget: one salon, its free times, holds and bookings."""

from simulators.dikidi.simulator import SIMULATOR, Dikidi

__all__ = ["SIMULATOR", "Dikidi"]
