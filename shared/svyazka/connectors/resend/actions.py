"""The worker's side of Resend: letters, what became of them, and `doctor`."""

from __future__ import annotations

import re
from typing import Any

from svyazka.connectors.resend import checks, client, unsubscribe
from svyazka.connectors.resend.client import ResendSettings
from svyazka.connectors.resend.webhook import TAG, letter_fact, received_fact
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits
from svyazka.engine.contracts.untrusted import text
from svyazka.model.commands import Command, Repeat, SendMessage
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.events import Entity, Fact
from svyazka.model.outcomes import Outcome, Refused

SUBJECT_LIMIT = 70
"""Characters of a subject that is made of the text, where the flow has none of its own."""

_SENTENCE = re.compile(r"(?<=[.!?])\s|\n")


class ResendConnector(Connector[ResendSettings]):
    """Resend. A letter bears our key, which Resend remembers for a day: repeating it sends nothing twice."""

    vendor = "resend"
    default_base_url = "https://api.resend.com"
    reaches = "email"
    # The figure is disputed (2, 5 or 10 a second for the whole team); 429 says when to go on.
    limits = Limits(per_second=2.0, concurrency=2)
    credentials = ("api_key", "sender")
    secret_fields = ("api_key", "signing_secret")
    optional_settings = {
        "signing_secret": "what became of letters isn't heard, and they have no link to unsubscribe",
    }
    environment = {"api_key": "RESEND_API_KEY", "sender": "RESEND_FROM"}

    def settings_model(self) -> type[ResendSettings]:
        return ResendSettings

    def supports(self, command_kind: str) -> bool:
        return command_kind == "SendMessage"

    def repeat(self, command: Command) -> Repeat:
        return Repeat.IDEMPOTENT

    def address(self, contact: Contact) -> str | None:
        return None if contact.proxy else normalize_email(contact.email)

    async def perform(self, command: Command, call: Call[ResendSettings]) -> Outcome:
        """Send one letter to one reader: events about a letter to several don't say whose they are."""
        if not isinstance(command, SendMessage):
            return Refused(code="unsupported", message=f"Resend carries out no {command.kind}")
        address = self.address(command.to)
        if address is None:
            return Refused(code="no_address", message="no e-mail address")
        return await client.send(call, letter_of(command, address, call))

    def can_reread(self, settings: ResendSettings) -> bool:
        return settings.api_key is not None

    async def reread(self, entity: Entity, call: Call[ResendSettings]) -> Fact | None:
        """A letter of ours with its latest event, or one that came, with its body."""
        if entity.kind == "received":
            came = await client.received_letter(call, entity.id)
            return received_fact(came, text(came.get("text"), 2000) or "", came.get("created_at")) if came else None
        sent = await client.letter(call, entity.id) if entity.kind == "email" else None
        return letter_fact(text(sent.get("last_event"), 60) or "", sent) if sent else None

    def can_check(self, settings: ResendSettings) -> bool:
        return settings.api_key is not None

    async def check(self, call: Call[ResendSettings]) -> list[Finding]:
        return await checks.check(call)


def letter_of(command: SendMessage, address: str, call: Call[ResendSettings]) -> dict[str, Any]:
    """A letter as Resend takes it: made of nothing that differs from one try to the next."""
    delivery = call.key.partition(".")[0]
    letter: dict[str, Any] = {
        "from": call.settings.sender, "to": [address], "subject": command.subject or subject_of(command.text),
        "text": command.text, "tags": [{"name": TAG, "value": delivery}],
    }  # fmt: skip
    if command.html:
        letter["html"] = command.html
    secret, hook = call.settings.signing_secret, call.hook_url
    if secret and hook and hook.startswith("https://") and not command.code:
        reader = unsubscribe.Reader(delivery, address, normalize_phone(command.to.phone))
        link = unsubscribe.link(hook, secret, reader)
        call.http.hide(link)  # it holds our webhook's key
        letter["headers"] = {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": unsubscribe.ONE_CLICK}
    return letter


def subject_of(words: str) -> str:
    """The first sentence of a text, cut where it is long."""
    first = _SENTENCE.split(words.strip(), maxsplit=1)[0].strip()
    if len(first) <= SUBJECT_LIMIT:
        return first or "Сообщение"
    return first[:SUBJECT_LIMIT].rsplit(" ", 1)[0].rstrip(" ,;:—-") + "…"


CONNECTOR = ResendConnector()
