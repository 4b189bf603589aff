"""The worker's side of WhatsApp: messages, and `doctor`."""

from __future__ import annotations

import re
from typing import Any

from svyazka.connectors.whatsapp import checks, client
from svyazka.connectors.whatsapp.client import WhatsappSettings
from svyazka.connectors.whatsapp.templates import WrongTemplate, content_of
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits
from svyazka.model.commands import Command, SendMessage
from svyazka.model.contacts import Contact, can_take_messages, normalize_phone
from svyazka.model.outcomes import Outcome, Refused

_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)
"""A person who hides his number: `RU.1349...`."""


class WhatsappConnector(Connector[WhatsappSettings]):
    """One number. A message is UNSAFE to repeat: Meta takes no key, but tells of every message under the key that
    we gave it. That Meta took it proves little: it is delivered, or fails, later."""

    vendor = "whatsapp"
    default_base_url = "https://graph.facebook.com"
    reaches = "phone"
    needs_receipt = True
    # 80 a second for a number, 20 for one that is shared with the WhatsApp Business application.
    limits = Limits(per_second=15.0, concurrency=4)
    credentials = ("phone_number_id", "access_token")
    secret_fields = ("access_token", "app_secret", "verify_token")
    optional_settings = {
        "app_secret": "no receipt is believed, so that the next channel of a flow sends as well",
        "verify_token": "WhatsApp's webhook can't be registered",
    }
    environment = {
        "phone_number_id": "META_WHATSAPP_PHONE_NUMBER_ID", "access_token": "META_WHATSAPP_ACCESS_TOKEN",
    }  # fmt: skip
    not_proposed = (
        "it needs an approved `template` in its flow (a plain text arrives only within 24 hours of the client's own "
        "message), a deadline and another channel after it"
    )

    def settings_model(self) -> type[WhatsappSettings]:
        return WhatsappSettings

    def supports(self, command_kind: str) -> bool:
        return command_kind == "SendMessage"

    def address(self, contact: Contact) -> str | None:
        """E.164 of a mobile phone, else the id of a person who hides his."""
        if contact.proxy:
            return None
        phone = normalize_phone(contact.phone)
        if phone and can_take_messages(phone):
            return phone
        user = (contact.chats.get("whatsapp") or "").strip()
        return user if _USER_ID.fullmatch(user) else None

    async def perform(self, command: Command, call: Call[WhatsappSettings]) -> Outcome:
        """Send one message: a template where the flow has one, else a text."""
        if not isinstance(command, SendMessage):
            return Refused(code="unsupported", message=f"WhatsApp carries out no {command.kind}")
        address = self.address(command.to)
        if address is None:
            return Refused(code="no_address", message="no phone and no id that WhatsApp could reach")
        try:
            content = content_of(command)
        except WrongTemplate as error:
            return Refused(code="template", message=f"template: {error}")
        return await client.send(call, {**_recipient(address), **content})

    def can_check(self, settings: WhatsappSettings) -> bool:
        return settings.phone_number_id is not None and settings.access_token is not None

    async def check(self, call: Call[WhatsappSettings]) -> list[Finding]:
        return await checks.check(call)


def _recipient(address: str) -> dict[str, Any]:
    if address.startswith("+"):
        return {"recipient_type": "individual", "to": address.removeprefix("+")}
    return {"recipient_type": "individual", "recipient": address}


CONNECTOR = WhatsappConnector()
