"""Messages: the worker's side of Exolve: text messages, whether they went out, and `doctor`."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.exolve import client
from svyazka.connectors.exolve.failures import ASK_SUPPORT, UNTAKEN_AGAIN
from svyazka.connectors.exolve.settings import ExolveSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.model.commands import Safety, SendMessage
from svyazka.model.contacts import Contact, can_take_messages, normalize_phone
from svyazka.model.outcomes import Outcome, Refused, Succeeded, Unclear

NO_WHATSAPP = Refused(
    code="whatsapp_unsupported",
    message=N_("WhatsApp через Exolve не поддерживается: у его API нет открытой документации"),
    remedy=N_("Укажите `sender` для СМС или подключите WhatsApp напрямую (vendor: whatsapp)"),
)


class ExolveMessenger(Messenger[ExolveSettings]):
    """Exolve. It takes no id of ours, but lists what it took: asked by number, text and time before a repeat.

    A one-time code is never repeated: the list may lag behind, and a second code is worse than none.
    """

    reaches = "phone"
    no_address = N_("no Russian mobile phone")

    def address(self, contact: Contact) -> str | None:
        """E.164 of a Russian mobile phone: Exolve sends nowhere else."""
        phone = None if contact.proxy else normalize_phone(contact.phone)
        return phone if phone and phone.startswith("+7") and can_take_messages(phone) else None

    def safety(self, message: SendMessage) -> Safety:
        return Safety.unsafe() if message.code else Safety.checkable()

    async def send(self, message: SendMessage, to: str, call: Call[ExolveSettings]) -> Outcome:
        """Send one message."""
        if call.settings.sender is None and call.settings.whatsapp_sender is not None:
            return NO_WHATSAPP
        outcome = await client.send(call, to.removeprefix("+"), message.text)
        again = call.doubt_since is not None and not message.code
        if isinstance(outcome, Unclear) and outcome.code == "no_message_id" and again:
            # It was asked before this repeat, and had not taken it: a third time would be no different.
            return Refused(code=outcome.code, message=UNTAKEN_AGAIN, remedy=ASK_SUPPORT)
        return outcome

    async def find_sent(self, message: SendMessage, to: str, call: Call[ExolveSettings]) -> Outcome | None:
        """Whether a message of this text went to this number since the first try."""
        if call.doubt_since is None:
            return None
        since = call.vendor_time(call.doubt_since)
        id_ = await client.sent_since(call, to.removeprefix("+"), message.text, since)
        return Succeeded(external_id=id_, already=True) if id_ else None
