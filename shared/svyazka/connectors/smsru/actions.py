"""The worker's side of sms.ru: messages, their status, and `doctor`."""

from __future__ import annotations

from datetime import timedelta

from svyazka.connectors.smsru import checks, client
from svyazka.connectors.smsru.client import SmsruSettings
from svyazka.connectors.smsru.webhook import receipt_fact
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits, Silence
from svyazka.model.commands import Command, SendMessage
from svyazka.model.contacts import Contact, can_take_messages, normalize_phone
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.outcomes import Outcome, Refused

CODE_TTL_MINUTES = 10
"""A one-time code that comes later than this had better not come at all."""


class SmsruConnector(Connector[SmsruSettings]):
    """sms.ru. A message is UNSAFE to repeat: there is no client id, and nothing to ask for by text and number."""

    vendor = "smsru"
    default_base_url = "https://sms.ru"
    tells = frozenset(
        {EventType.MESSAGE_SENT, EventType.MESSAGE_DELIVERED, EventType.MESSAGE_READ, EventType.MESSAGE_FAILED}
    )
    reaches = "phone"
    # No figure is published; about 10 a second is what integrators keep below.
    limits = Limits(per_second=8.0, concurrency=4)
    credentials = ("api_id",)
    secret_fields = ("api_id",)
    optional_settings = {"sender": "messages go out under the account's default name, if it has an approved one"}
    environment = {"api_id": "SMSRU_API_KEY", "sender": "SMSRU_SENDER"}

    def settings_model(self) -> type[SmsruSettings]:
        return SmsruSettings

    def supports(self, command_kind: str) -> bool:
        return command_kind == "SendMessage"

    def address(self, contact: Contact) -> str | None:
        """E.164 of a phone that an SMS can reach: no land line, no 8-800, no aggregator's one-time number."""
        phone = None if contact.proxy else normalize_phone(contact.phone)
        return phone if phone and can_take_messages(phone) else None

    async def perform(self, command: Command, call: Call[SmsruSettings]) -> Outcome:
        """Send one message. Whatever has no clear answer stays unknown: its receipt may still tell."""
        if not isinstance(command, SendMessage):
            return Refused(code="unsupported", message=f"sms.ru carries out no {command.kind}")
        phone = self.address(command.to)
        if phone is None:
            return Refused(code="no_address", message="no phone that an SMS reaches")
        ttl = CODE_TTL_MINUTES if command.code else None
        return await client.send(call, phone.removeprefix("+"), command.text, ttl)

    def can_reread(self, settings: SmsruSettings) -> bool:
        return settings.api_id is not None

    async def reread(self, entity: Entity, call: Call[SmsruSettings]) -> Fact | None:
        """A message's status as it is now. Raises SmsruFailure, NotSent, MaybeSent."""
        found = await client.status(call, entity.id) if entity.kind == "message" else None
        return receipt_fact(entity.id, found[0], None, found[1]) if found else None

    def silence(self, settings: SmsruSettings) -> Silence | None:
        """Heartbeats come even when nothing is sent, so that a quiet day is news."""
        return Silence(
            after=timedelta(days=1),
            why="sms.ru sends a heartbeat to every callback that is registered",
            remedy="`svyazka doctor --live` says whether ours is, `svyazka doctor --fix` registers it",
        )

    def can_check(self, settings: SmsruSettings) -> bool:
        return settings.api_id is not None

    async def check(self, call: Call[SmsruSettings]) -> list[Finding]:
        return await checks.check(call)

    async def fix(self, call: Call[SmsruSettings], hook_url: str) -> list[Finding]:
        """Register our address. Others are left alone: sms.ru sends everything to each of them."""
        return [await checks.register(call, hook_url)]


CONNECTOR = SmsruConnector()
