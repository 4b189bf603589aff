"""Letters by Resend."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from svyazka.catalogue import N_
from svyazka.connectors.resend import client, unsubscribe
from svyazka.connectors.resend.settings import ResendSettings
from svyazka.connectors.resend.webhook import TAG
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.model.commands import Safety, SendMessage
from svyazka.model.contacts import Contact, is_automatic, normalize_email, normalize_phone
from svyazka.model.outcomes import Outcome

KEY_REMEMBERED = timedelta(hours=24)
"""How long Resend knows an idempotency key (its page on them); then it sends anew."""

SUBJECT_LIMIT = 70
"""Characters of a subject that is made of the text, where the flow has none of its own."""

_SENTENCE = re.compile(r"(?<=[.!?])\s|\n")


class ResendMessenger(Messenger[ResendSettings]):
    """Resend. A letter bears our key, which Resend remembers for a day: repeating it sends nothing twice."""

    reaches = "email"
    no_address = N_("no e-mail address")

    def address(self, contact: Contact) -> str | None:
        return None if contact.proxy or is_automatic(contact.email) else normalize_email(contact.email)

    def safety(self, message: SendMessage) -> Safety:
        return Safety.idempotent(key_life=KEY_REMEMBERED)

    async def send(self, message: SendMessage, to: str, call: Call[ResendSettings]) -> Outcome:
        """Send one letter to one reader: events about a letter to several don't say whose they are."""
        return await client.send(call, letter_of(message, to, call))


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
