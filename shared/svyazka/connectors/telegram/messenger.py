"""Messages of a bot of Telegram's."""

from __future__ import annotations

import re

from svyazka.catalogue import N_
from svyazka.connectors.telegram import client
from svyazka.connectors.telegram.settings import TelegramSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.model.commands import Safety, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.outcomes import Outcome

_CHAT = re.compile(r"-?\d{1,16}|@\w{4,32}", re.ASCII)


class TelegramMessenger(Messenger[TelegramSettings]):
    """A bot. A message is UNSAFE to repeat: there is no client id, and nothing to ask for by text and chat."""

    reaches = "telegram"
    no_address = N_("no Telegram chat")
    shows_buttons = True

    def address(self, contact: Contact) -> str | None:
        """The id of a chat, or the name of a public channel. A bot can't write by a phone number."""
        chat = (contact.chats.get("telegram") or "").strip()
        return chat if _CHAT.fullmatch(chat) else None

    def safety(self, message: SendMessage) -> Safety:
        return Safety.unsafe()

    async def send(self, message: SendMessage, to: str, call: Call[TelegramSettings]) -> Outcome:
        """Send one message."""
        return await client.send(call, to, message.text, message.buttons)
