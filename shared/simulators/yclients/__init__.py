"""A loopback stand-in for YCLIENTS' REST API v1: one salon, its journal and clients, its webhooks."""

from simulators.yclients.simulator import SIMULATOR, Yclients

__all__ = ["SIMULATOR", "Yclients"]
