"""Messages of a bot of MAX's."""

from __future__ import annotations

import re

from svyazka.catalogue import N_
from svyazka.connectors.max import client
from svyazka.connectors.max.settings import MaxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.model.commands import Safety, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.outcomes import Outcome

_ID = re.compile(r"-?\d{1,18}", re.ASCII)


class MaxMessenger(Messenger[MaxSettings]):
    """A bot. A message is UNSAFE to repeat: there is no client id, and nothing to ask for by text and user."""

    reaches = "max"
    no_address = N_("no user and no chat of MAX's")
    shows_buttons = True

    def address(self, contact: Contact) -> str | None:
        """The id of a user, or, below zero, of a group's chat. A bot can't write by a phone number."""
        found = (contact.chats.get("max") or "").strip()
        return found if _ID.fullmatch(found) else None

    def safety(self, message: SendMessage) -> Safety:
        return Safety.unsafe()

    async def send(self, message: SendMessage, to: str, call: Call[MaxSettings]) -> Outcome:
        """Send one message."""
        return await client.send(call, to, message.text, message.buttons)
