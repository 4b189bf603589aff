"""The worker's side of Telegram: messages, and `doctor`."""

from __future__ import annotations

import re

from svyazka.connectors.telegram import checks, client
from svyazka.connectors.telegram.client import TelegramSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits
from svyazka.model.commands import Command, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType
from svyazka.model.outcomes import Outcome, Refused

_CHAT = re.compile(r"-?\d{1,16}|@\w{4,32}", re.ASCII)


class TelegramConnector(Connector[TelegramSettings]):
    """A bot. A message is UNSAFE to repeat: there is no client id, and nothing to ask for by text and chat."""

    vendor = "telegram"
    default_base_url = "https://api.telegram.org"
    tells = frozenset({EventType.MESSAGE_RECEIVED})
    reaches = "telegram"
    # About 30 a second over all chats; one a second in a chat, where short bursts pass.
    limits = Limits(per_second=25.0, concurrency=4)
    credentials = ("bot_token",)
    secret_fields = ("bot_token", "webhook_secret")

    def settings_model(self) -> type[TelegramSettings]:
        return TelegramSettings

    def supports(self, command_kind: str) -> bool:
        return command_kind == "SendMessage"

    def address(self, contact: Contact) -> str | None:
        """The id of a chat, or the name of a public channel. A bot can't write by a phone number."""
        chat = (contact.chats.get("telegram") or "").strip()
        return chat if _CHAT.fullmatch(chat) else None

    async def perform(self, command: Command, call: Call[TelegramSettings]) -> Outcome:
        """Send one message."""
        if not isinstance(command, SendMessage):
            return Refused(code="unsupported", message=f"Telegram carries out no {command.kind}")
        chat = self.address(command.to)
        if chat is None:
            return Refused(code="no_address", message="no Telegram chat")
        return await client.send(call, chat, command.text)

    def can_check(self, settings: TelegramSettings) -> bool:
        return settings.bot_token is not None

    async def check(self, call: Call[TelegramSettings]) -> list[Finding]:
        return await checks.check(call)

    async def fix(self, call: Call[TelegramSettings], hook_url: str) -> list[Finding]:
        """Register our webhook with its secret."""
        return [await checks.register(call, hook_url)]


CONNECTOR = TelegramConnector()
