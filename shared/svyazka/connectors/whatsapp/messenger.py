"""Messages by WhatsApp."""

from __future__ import annotations

import re
from typing import Any

from svyazka.catalogue import N_
from svyazka.connectors.whatsapp import client
from svyazka.connectors.whatsapp.settings import WhatsappSettings
from svyazka.connectors.whatsapp.templates import WrongTemplate, content_of
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.model.commands import Safety, SendMessage
from svyazka.model.contacts import Contact, can_take_messages, normalize_phone
from svyazka.model.outcomes import Outcome, Refused

_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)
"""A person who hides his number: `RU.1349...`."""


class WhatsappMessenger(Messenger[WhatsappSettings]):
    """One number. A message is UNSAFE to repeat: Meta takes no key, but tells of every message under the key that
    we gave it. That Meta took it proves little: it is delivered, or fails, later."""

    reaches = "phone"
    needs_receipt = True
    no_address = N_("no phone and no id that WhatsApp could reach")

    def address(self, contact: Contact) -> str | None:
        """E.164 of a mobile phone, else the id of a person who hides his."""
        if contact.proxy:
            return None
        phone = normalize_phone(contact.phone)
        if phone and can_take_messages(phone):
            return phone
        user = (contact.chats.get("whatsapp") or "").strip()
        return user if _USER_ID.fullmatch(user) else None

    def safety(self, message: SendMessage) -> Safety:
        return Safety.unsafe()

    async def send(self, message: SendMessage, to: str, call: Call[WhatsappSettings]) -> Outcome:
        """Send one message: a template where the flow has one, else a text."""
        try:
            content = content_of(message)
        except WrongTemplate as error:
            return Refused(code="template", message=N_("template: {why}").format(why=error))
        return await client.send(call, {**_recipient(to), **content})


def _recipient(address: str) -> dict[str, Any]:
    if address.startswith("+"):
        return {"recipient_type": "individual", "to": address.removeprefix("+")}
    return {"recipient_type": "individual", "recipient": address}
