"""The worker's side of MAX: messages, the watchdog over our subscription, and `doctor`."""

from __future__ import annotations

import re

from svyazka.connectors.max import checks, client, poll
from svyazka.connectors.max.authority import RUSSIAN_TRUSTED_ROOT_CA
from svyazka.connectors.max.client import MaxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits, Polled
from svyazka.model.commands import Command, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType
from svyazka.model.outcomes import Outcome, Refused

_ID = re.compile(r"-?\d{1,18}", re.ASCII)


class MaxConnector(Connector[MaxSettings]):
    """A bot. A message is UNSAFE to repeat: there is no client id, and nothing to ask for by text and user."""

    vendor = "max"
    default_base_url = "https://platform-api2.max.ru"
    ca_pem = RUSSIAN_TRUSTED_ROOT_CA
    tells = frozenset({EventType.MESSAGE_RECEIVED, EventType.CONNECTION_DISABLED})
    reaches = "max"
    # 30 calls a second.
    limits = Limits(per_second=25.0, concurrency=4)
    credentials = ("bot_token",)
    secret_fields = ("bot_token", "webhook_secret")
    poll_every = 900.0

    def settings_model(self) -> type[MaxSettings]:
        return MaxSettings

    def supports(self, command_kind: str) -> bool:
        return command_kind == "SendMessage"

    def address(self, contact: Contact) -> str | None:
        """The id of a user, or, below zero, of a group's chat. A bot can't write by a phone number."""
        found = (contact.chats.get("max") or "").strip()
        return found if _ID.fullmatch(found) else None

    async def perform(self, command: Command, call: Call[MaxSettings]) -> Outcome:
        """Send one message."""
        if not isinstance(command, SendMessage):
            return Refused(code="unsupported", message=f"MAX carries out no {command.kind}")
        address = self.address(command.to)
        if address is None:
            return Refused(code="no_address", message="no user and no chat of MAX's")
        return await client.send(call, address, command.text)

    def can_poll(self, settings: MaxSettings) -> bool:
        return settings.bot_token is not None

    async def poll(self, cursor: str | None, call: Call[MaxSettings]) -> Polled:
        return await poll.poll(cursor, call)

    def can_check(self, settings: MaxSettings) -> bool:
        return settings.bot_token is not None

    async def check(self, call: Call[MaxSettings]) -> list[Finding]:
        return await checks.check(call)

    async def fix(self, call: Call[MaxSettings], hook_url: str) -> list[Finding]:
        """Subscribe our webhook with its secret; others get the bot's updates too."""
        return [await checks.register(call, hook_url)]


CONNECTOR = MaxConnector()
