"""`doctor`: whether Pingo knows the key."""

from __future__ import annotations

from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding


class PingoDoctor(Doctor[PingoSettings]):
    """Asks Pingo."""

    def ready(self, settings: PingoSettings) -> bool:
        return settings.api_key is not None

    async def check(self, call: Call[PingoSettings]) -> list[Finding]:
        """A call that costs nothing and changes nothing."""
        return [Finding("credentials", "warn", N_("whether Pingo knows the key isn't asked yet"))]
