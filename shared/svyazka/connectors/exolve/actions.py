"""The worker's side of Exolve: text messages, whether they went out, and `doctor`."""

from __future__ import annotations

from svyazka.connectors.exolve import client
from svyazka.connectors.exolve.client import ExolveFailure, ExolveSettings
from svyazka.connectors.exolve.failures import ASK_SUPPORT, UNTAKEN_AGAIN
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.connector import Connector, Finding, Limits
from svyazka.model.commands import Command, Repeat, SendMessage
from svyazka.model.contacts import Contact, can_take_messages, normalize_phone
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.events import EventType
from svyazka.model.outcomes import Blocked, Outcome, Refused, Succeeded, Unclear, Unknown

NO_WHATSAPP = Refused(
    code="whatsapp_unsupported",
    message="WhatsApp через Exolve не поддерживается: у его API нет открытой документации",
    remedy="Укажите `sender` для СМС или подключите WhatsApp напрямую (vendor: whatsapp)",
)


class ExolveConnector(Connector[ExolveSettings]):
    """Exolve. It takes no id of ours, but lists what it took: asked by number, text and time before a repeat.

    A one-time code is never repeated: the list may lag behind, and a second code is worse than none.
    """

    vendor = "exolve"
    default_base_url = "https://api.exolve.ru"
    tells = frozenset(
        {
            EventType.MESSAGE_SENT,
            EventType.MESSAGE_DELIVERED,
            EventType.MESSAGE_FAILED,
            EventType.MESSAGE_RECEIVED,
            EventType.CONNECTION_DISABLED,
        }
    )
    reaches = "phone"
    # No figure is published; 429 says when it is too much.
    limits = Limits(per_second=5.0, concurrency=4)
    credentials = ("api_key",)
    secret_fields = ("api_key",)
    optional_settings = {"sender": "messages go out from the application's own number, if Exolve lets them"}
    environment = {"api_key": "EXOLVE_WHATSAPP_API_KEY", "whatsapp_sender": "EXOLVE_WHATSAPP_SENDER_ID"}
    not_proposed = (
        "its WhatsApp API, of which these variables speak, has no public documentation and isn't used; for SMS set "
        "`sender`, the application's number or name"
    )

    def settings_model(self) -> type[ExolveSettings]:
        return ExolveSettings

    def supports(self, command_kind: str) -> bool:
        return command_kind == "SendMessage"

    def repeat(self, command: Command) -> Repeat:
        return Repeat.UNSAFE if isinstance(command, SendMessage) and command.code else Repeat.CHECKABLE

    def address(self, contact: Contact) -> str | None:
        """E.164 of a Russian mobile phone: Exolve sends nowhere else."""
        phone = None if contact.proxy else normalize_phone(contact.phone)
        return phone if phone and phone.startswith("+7") and can_take_messages(phone) else None

    async def perform(self, command: Command, call: Call[ExolveSettings]) -> Outcome:
        """Send one message."""
        if not isinstance(command, SendMessage):
            return Refused(code="unsupported", message=f"Exolve carries out no {command.kind}")
        phone = self.address(command.to)
        if phone is None:
            return Refused(code="no_address", message="no Russian mobile phone")
        if call.settings.sender is None and call.settings.whatsapp_sender is not None:
            return NO_WHATSAPP
        outcome = await client.send(call, phone.removeprefix("+"), command.text)
        again = call.doubt_since is not None and not command.code
        if isinstance(outcome, Unclear) and outcome.code == "no_message_id" and again:
            # It was asked before this repeat, and had not taken it: a third time would be no different.
            return Refused(code=outcome.code, message=UNTAKEN_AGAIN, remedy=ASK_SUPPORT)
        return outcome

    async def check_sent(self, command: Command, call: Call[ExolveSettings]) -> Outcome | None:
        """Whether a message of this text went to this number since the first try."""
        phone = self.address(command.to) if isinstance(command, SendMessage) else None
        if not isinstance(command, SendMessage) or phone is None or call.doubt_since is None:
            return None
        try:
            id_ = await client.sent_since(call, phone.removeprefix("+"), command.text, call.doubt_since)
        except ExolveFailure as error:
            if isinstance(error.outcome, Refused):
                return Unknown(code=error.outcome.code, message=f"Exolve doesn't say what it has sent: {error}")
            return error.outcome
        return Succeeded(external_id=id_, already=True) if id_ else None

    def can_check(self, settings: ExolveSettings) -> bool:
        return settings.api_key is not None

    async def check(self, call: Call[ExolveSettings]) -> list[Finding]:
        """Whether the key is good. Balance, sender names and webhook addresses are shown by the cabinet only."""
        settings = call.settings
        findings = [await _credentials(call)]
        if settings.sender is None:
            what = "sender isn't set: Exolve's documentation demands one"
            findings.append(Finding("sender", "warn", what, "set the application's number (79...) or name"))
        if settings.whatsapp_sender is not None:
            what = "whatsapp_sender is not used: Exolve's WhatsApp API has no public documentation"
            findings.append(Finding("whatsapp", "warn", what, "docs/vendors/exolve.md says what there is instead"))
        return findings


async def _credentials(call: Call[ExolveSettings]) -> Finding:
    try:
        number = await client.count(call)
    except ExolveFailure as error:
        remedy = error.outcome.remedy if isinstance(error.outcome, Blocked) else "try again later"
        return Finding("credentials", "fail", f"Exolve doesn't let us in: {error}", remedy)
    except (NotSent, MaybeSent) as error:
        return Finding("credentials", "fail", f"Exolve doesn't answer: {error}", "try again later")
    return Finding("credentials", "ok", f"Exolve knows the key; {number} message(s) in its list")


CONNECTOR = ExolveConnector()
