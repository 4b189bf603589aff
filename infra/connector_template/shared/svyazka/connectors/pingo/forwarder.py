"""Events handed on."""

from __future__ import annotations

from svyazka.connectors.pingo import client
from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.forwarder import Forwarder
from svyazka.model.commands import Forward, Safety
from svyazka.model.outcomes import Outcome


class PingoForwarder(Forwarder[PingoSettings]):
    """Pingo."""

    def safety(self, command: Forward) -> Safety:
        """Nothing is known of how Pingo takes a repeat: an unknown event is a nuisance, a doubled one worse."""
        return Safety.unsafe()

    async def forward(self, command: Forward, call: Call[PingoSettings]) -> Outcome:
        return await client.hand_on(call, command)
