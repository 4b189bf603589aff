"""A loopback stand-in for one amoCRM account: OAuth with rotation, deals and contacts, webhooks and their end."""

from simulators.amocrm.simulator import AmocrmSimulator

SIMULATOR = AmocrmSimulator

__all__ = ["SIMULATOR", "AmocrmSimulator"]
