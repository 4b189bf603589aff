"""Letters, asked of Resend: what became of ours, and those that came."""

from __future__ import annotations

from svyazka.connectors.resend import client
from svyazka.connectors.resend.settings import ResendSettings
from svyazka.connectors.resend.webhook import letter_fact, received_fact
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.engine.contracts.untrusted import text
from svyazka.model.events import Entity, Fact


class ResendReading(Reading[ResendSettings]):
    """Letters."""

    def ready(self, settings: ResendSettings) -> bool:
        return settings.api_key is not None

    async def read(self, entity: Entity, call: Call[ResendSettings]) -> Fact | None:
        """A letter of ours with its latest event, or one that came, with its body."""
        if entity.kind == "received":
            came = await client.received_letter(call, entity.id)
            return received_fact(came, text(came.get("text"), 2000) or "", came.get("created_at")) if came else None
        sent = await client.letter(call, entity.id) if entity.kind == "email" else None
        return letter_fact(text(sent.get("last_event"), 60) or "", sent) if sent else None
