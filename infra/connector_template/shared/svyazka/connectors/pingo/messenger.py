"""Messages to people."""

from __future__ import annotations

from svyazka.connectors.pingo import client
from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.model.commands import Safety, SendMessage
from svyazka.model.contacts import Contact, can_take_messages, normalize_phone
from svyazka.model.outcomes import Outcome


class PingoMessenger(Messenger[PingoSettings]):
    """Pingo."""

    reaches = "phone"

    def address(self, contact: Contact) -> str | None:
        """E.164 of a phone that a message can reach: no land line, no 8-800, no aggregator's one-time number."""
        phone = None if contact.proxy else normalize_phone(contact.phone)
        return phone if phone and can_take_messages(phone) else None

    def safety(self, message: SendMessage) -> Safety:
        """Nothing is known of how Pingo takes a repeat: an unknown message is a nuisance, a doubled one worse."""
        return Safety.unsafe()

    async def send(self, message: SendMessage, to: str, call: Call[PingoSettings]) -> Outcome:
        return await client.send(call, to, message.text)
