"""The way in from WhatsApp: statuses of our messages, what people write, and news of the account. Pure.

Every request is signed with the application's secret over its very bytes: Meta writes `\\uXXXX` and `\\/`, so that
no JSON of our own making would match. What isn't answered with 200 comes again for up to 7 days; the same message
may come twice at once, and statuses in any order.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Set
from dataclasses import replace

from svyazka.catalogue import N_
from svyazka.connectors.whatsapp.account import account_update, preference, template_update
from svyazka.connectors.whatsapp.messages import message_facts
from svyazka.connectors.whatsapp.schema import Change, changes, number_of
from svyazka.connectors.whatsapp.statuses import status_facts
from svyazka.engine.contracts.untrusted import Section, json_of, section, sections, text
from svyazka.engine.contracts.webhook import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import EventType, Fact, Unreadable

SIGNATURE = "x-hub-signature-256"


class WhatsappWebhook(Webhook):
    """Webhooks of one application; one address hears of all its numbers, each of which has a connection of its own."""

    vendor = "whatsapp"
    secret_settings = ("app_secret", "verify_token")
    public_settings = ("phone_number_id",)
    shared_by = "phone_number_id"
    # Refusing what is authentic would bring it back for a week.
    tolerates_400 = False

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """HMAC-SHA256 of the body under the app secret, in hex."""
        secret = inbound.secrets.get("app_secret")
        if not secret:
            return N_("this connection has no app_secret yet, and nothing else can prove a webhook of WhatsApp's")
        given = request.header(SIGNATURE)
        if given is None:
            return N_("expected the header {SIGNATURE}").format(SIGNATURE=SIGNATURE)
        wanted = f"sha256={hmac.digest(secret.encode(), request.body, 'sha256').hex()}"
        if hmac.compare_digest(given.strip().encode("latin-1", "replace"), wanted.encode()):
            return None
        return N_("the signature isn't the one that this application's secret makes")

    def refusal(self, request: RawRequest, reason: str) -> Answer | None:
        """403 for a wrong signature; none at all is 401."""
        return Answer(403, b"", "text/plain") if request.header(SIGNATURE) is not None else None

    def handshake(self, request: RawRequest, inbound: Inbound) -> Answer | None:
        """Registration: the challenge comes back to whoever knows the verify token."""
        params = request.params()
        if not any(name.startswith("hub.") for name in params):
            return None
        token, given = inbound.secrets.get("verify_token"), params.get("hub.verify_token", "")
        known = bool(token) and hmac.compare_digest(given.encode(), (token or "").encode())
        challenge = params.get("hub.challenge", "")
        if params.get("hub.mode") != "subscribe" or not known or not challenge.isascii():
            return Answer(403, b"", "text/plain")
        return Answer(200, challenge[:200].encode(), "text/plain")

    def told_of(self, request: RawRequest) -> frozenset[str]:
        """The numbers of a request; none where it can't be read."""
        try:
            found = changes(_content(request))
        except NotTheFormat:
            return frozenset()
        return frozenset(number for change in found if (number := number_of(change.value)) is not None)

    def part(self, request: RawRequest, values: Set[str | None]) -> RawRequest:
        """The same entries with the changes of these numbers only: nobody keeps what another's clients wrote."""
        content = _content(request)
        entries = []
        for entry in sections(content.get("entry")):
            theirs = [
                change for change in sections(entry.get("changes")) if number_of(section(change.get("value"))) in values
            ]
            if theirs:
                entries.append({**entry, "changes": theirs})
        return replace(request, body=json.dumps({**content, "entry": entries}).encode())

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """All that a request tells; one item that can't be read doesn't take the others with it."""
        content = _content(request)
        ours = text(inbound.public.get("phone_number_id"))
        facts = [fact for change in changes(content) for fact in _facts(change, ours)]
        return facts or [Fact(type=EventType.OTHER, ignored=N_("WhatsApp sent a webhook without a change in it"))]


def _content(request: RawRequest) -> Section:
    content = json_of(request.body, request.header("content-type"))
    if not isinstance(content, dict) or content.get("object") != "whatsapp_business_account":
        raise NotTheFormat(N_("expected an object whatsapp_business_account"))
    return content


def _facts(change: Change, ours: str | None) -> Iterator[Fact | Unreadable]:
    number = number_of(change.value)
    if ours is not None and number is not None and number != ours:
        yield Fact(type=EventType.OTHER).of_another(
            N_("of another number of this application's: {number}").format(number=number[:40])
        )
        return
    read = READERS.get(change.field)
    if read is None:
        yield Fact(
            type=EventType.OTHER,
            ignored=N_("WhatsApp tells of {field}: nothing here acts on it").format(field=change.field),
        )
        return
    yield from read(change)


def _talk(change: Change) -> Iterator[Fact | Unreadable]:
    """Messages, statuses or errors of one number: any of them may be missing."""
    value = change.value
    for message in sections(value.get("messages")):
        yield from message_facts(message, _sender(message, value))
    for status in sections(value.get("statuses")):
        yield from status_facts(status)
    if not value.get("messages") and not value.get("statuses"):
        yield Fact(
            type=EventType.OTHER, ignored=N_("WhatsApp tells of an error of the application's, and of no message")
        )


def _sender(message: Section, value: Section) -> Section:
    """The card of a message's sender, among those that came with it."""
    cards = sections(value.get("contacts"))
    for name, field in (("from", "wa_id"), ("from_user_id", "user_id")):
        wanted = text(message.get(name))
        found = next((card for card in cards if wanted is not None and text(card.get(field)) == wanted), None)
        if found is not None:
            return found
    return section(None)


READERS: dict[str, Callable[[Change], Iterator[Fact | Unreadable]]] = {
    "messages": _talk,
    "user_preferences": preference,
    "message_template_status_update": template_update,
    "account_update": account_update,
}

WEBHOOK = WhatsappWebhook()
