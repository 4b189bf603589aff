"""`doctor`: whether Pingo lets us in."""

from __future__ import annotations

from svyazka.connectors.pingo import client
from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, let_in


class PingoDoctor(Doctor[PingoSettings]):
    """Asks Pingo."""

    def ready(self, settings: PingoSettings) -> bool:
        return settings.api_key is not None  # [keyed]
        return settings.api_key is not None or settings.client_secret is not None  # [access]

    async def check(self, call: Call[PingoSettings]) -> list[Finding]:
        """Whether we are let in; what else has to be right at Pingo would be looked at here."""
        return [await let_in("Pingo", client.account(call))]
