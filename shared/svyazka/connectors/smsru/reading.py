"""A message's status, asked of sms.ru."""

from __future__ import annotations

from svyazka.connectors.smsru import client
from svyazka.connectors.smsru.settings import SmsruSettings
from svyazka.connectors.smsru.webhook import receipt_fact
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.model.events import Entity, Fact


class SmsruReading(Reading[SmsruSettings]):
    """Messages."""

    def ready(self, settings: SmsruSettings) -> bool:
        return settings.api_id is not None

    async def read(self, entity: Entity, call: Call[SmsruSettings]) -> Fact | None:
        """A message's status as it is now. Raises VendorFailure, NotSent, MaybeSent."""
        found = await client.status(call, entity.id) if entity.kind == "message" else None
        return receipt_fact(entity.id, found[0], None, found[1]) if found else None
