"""Bitrix24's stand-in: one portal's REST API, its limits, its ways of letting in, and the server that gives access."""

from simulators.bitrix24.simulator import Bitrix24

SIMULATOR = Bitrix24

__all__ = ["SIMULATOR", "Bitrix24"]
