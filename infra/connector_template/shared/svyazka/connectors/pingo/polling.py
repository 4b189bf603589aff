"""What no webhook told of."""

from __future__ import annotations

from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Polled, Polling


class PingoPolling(Polling[PingoSettings]):
    """Asks Pingo what has changed."""

    every = 300.0

    def ready(self, settings: PingoSettings) -> bool:
        return settings.api_key is not None  # [keyed]
        return settings.api_key is not None or settings.client_secret is not None  # [access]

    async def poll(self, cursor: str | None, call: Call[PingoSettings]) -> Polled:
        """What changed since the cursor, overlapping; the first look begins from now."""
        return Polled(facts=(), cursor=cursor or call.now.isoformat())
