"""An object as it is now: a webhook's body is a hint."""

from __future__ import annotations

from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.model.errors import SourceUnavailable
from svyazka.model.events import Entity, Fact


class PingoReading(Reading[PingoSettings]):
    """Asks Pingo."""

    def ready(self, settings: PingoSettings) -> bool:
        return settings.api_key is not None  # [keyed]
        return settings.api_key is not None or settings.client_secret is not None  # [access]

    async def read(self, entity: Entity, call: Call[PingoSettings]) -> Fact | None:
        """The object in the same canonical form as the webhook's; None if it is gone."""
        raise SourceUnavailable(N_("reading from Pingo isn't written yet"))
