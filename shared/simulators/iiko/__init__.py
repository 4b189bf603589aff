"""A loopback stand-in for iikoCloud API (contracts 9.7.5.2): one restaurant, its orders, its webhooks."""

from simulators.iiko.simulator import IikoSimulator

SIMULATOR = IikoSimulator

__all__ = ["SIMULATOR", "IikoSimulator"]
