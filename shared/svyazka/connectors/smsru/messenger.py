"""Messages by sms.ru."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.smsru import client
from svyazka.connectors.smsru.settings import SmsruSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.model.commands import Safety, SendMessage
from svyazka.model.contacts import Contact, can_take_messages, normalize_phone
from svyazka.model.outcomes import Outcome

CODE_TTL_MINUTES = 10
"""A one-time code that comes later than this had better not come at all."""


class SmsruMessenger(Messenger[SmsruSettings]):
    """sms.ru. A message is UNSAFE to repeat: there is no client id, and nothing to ask for by text and number."""

    reaches = "phone"
    no_address = N_("no phone that an SMS reaches")

    def address(self, contact: Contact) -> str | None:
        """E.164 of a phone that an SMS can reach: no land line, no 8-800, no aggregator's one-time number."""
        phone = None if contact.proxy else normalize_phone(contact.phone)
        return phone if phone and can_take_messages(phone) else None

    def safety(self, message: SendMessage) -> Safety:
        return Safety.unsafe()

    async def send(self, message: SendMessage, to: str, call: Call[SmsruSettings]) -> Outcome:
        """Send one message. Whatever has no clear answer stays unknown: its receipt may still tell."""
        ttl = CODE_TTL_MINUTES if message.code else None
        return await client.send(call, to.removeprefix("+"), message.text, ttl)
