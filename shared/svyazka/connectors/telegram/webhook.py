"""The way in from Telegram: who may knock, and what each update means in our words. Pure, and light to import.

One POST holds one update, and doesn't say for which bot: one address and one secret for each. An update that
isn't answered with 2xx comes again for 24 hours and holds up all later ones of its chat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from hmac import compare_digest

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.connectors.telegram.schema import full_name, identifier, moment, webhook_secret
from svyazka.engine.contracts.untrusted import NOTHING, Section, filled, json_of, section, text, whole
from svyazka.engine.contracts.webhook import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.consent import consent_in
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact, Unreadable

LONGEST = 4096
"""Characters of a message, and of what a Mini App sends by it."""

ATTACHMENTS = ("photo", "video", "voice", "document", "audio", "video_note", "sticker", "location", "contact")
"""What a message may bring beside words, or without any."""

STATES = {
    "kicked": N_("the user blocked the bot, or took it out of the group"),
    "left": N_("the bot left the group"),
    "member": N_("the user lets the bot write again, or took it into a group"),
}
"""`my_chat_member`: what became of the bot. A blocked chat answers 403 to every message, so nothing is marked:
who blocks a bot may still be written to elsewhere."""


class TelegramWebhook(Webhook):
    """Updates of one bot."""

    vendor = "telegram"
    secret_settings = ("webhook_secret", "bot_token")
    # What is refused comes again for a day, and its chat waits behind it.
    tolerates_400 = False

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """The secret that Telegram was given at `setWebhook` must come back in its header."""
        expected = webhook_secret(inbound.secrets.get("webhook_secret"), inbound.secrets.get("bot_token"))
        if expected is None:
            return N_("this connection has no bot_token yet, and nothing else can prove an update of Telegram's")
        given = request.header("x-telegram-bot-api-secret-token") or ""
        if compare_digest(given.encode("latin-1", "replace"), expected.encode()):
            return None
        return N_(
            "the X-Telegram-Bot-Api-Secret-Token header isn't the secret of this connection: `svyazka doctor --fix`"
        )

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one update of a request."""
        update = json_of(request.body, request.header("content-type"))
        if not isinstance(update, dict):
            raise NotTheFormat(N_("expected an update, got {found}").format(found=type(update).__name__))
        number = whole(update.get("update_id"))
        if number is None:
            return [Unreadable(reason=N_("expected an update with its update_id"))]
        key = ("update", str(number))
        for kind, reader in READERS.items():
            if kind in update:
                return [reader(section(update.get(kind))).model_copy(update={"key": key, "position": number})]
        kind = next((name for name in update if name != "update_id"), "nothing")
        return [
            Fact(
                type=EventType.OTHER,
                key=key,
                ignored=N_("Telegram sent {kind}: nothing here acts on it").format(kind=kind[:60]),
            )
        ]

    def answer(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Answer | None:
        """What stands in the body of a 2xx is run as a call of the bot's: a pressed button stops turning. For all else
        nothing."""
        pressed = next(
            (fact.data["callback"] for fact in facts if isinstance(fact, Fact) and "callback" in fact.data), None
        )
        if pressed is None:
            return Answer(200, b"", "text/plain")
        return Answer(200, json.dumps({"method": "answerCallbackQuery", "callback_query_id": pressed}).encode())


def _message(message: Section) -> Fact:
    """What somebody wrote, pressed or shared. `/start payload` is how a deep link arrives."""
    return _written(message, moment(message.get("date")))


def _edited(message: Section) -> Fact:
    """The same message in other words. It was news once; a word on consent counts whenever it is said."""
    times = (moment(message.get("date")), moment(message.get("edit_date")))
    fact = _written(message, max((at for at in times if at is not None), default=None))
    if fact.ignored is not None:
        return fact
    ignored = N_("a message was edited") if fact.consent is None else None
    data = {**fact.data, "edited": fact.subject}
    return fact.model_copy(update={"type": EventType.OTHER, "subject": None, "data": data, "ignored": ignored})


def _written(message: Section, at: datetime | None) -> Fact:
    sender, chat = section(message.get("from")), section(message.get("chat"))
    moved_to = identifier(message.get("migrate_to_chat_id"))
    if moved_to is not None:
        data: dict[str, JsonValue] = {"chat": identifier(chat.get("id")), "moved_to": moved_to}
        return Fact(type=EventType.OTHER, data=data, ignored=N_("the group became a supergroup and has another id now"))
    if not sender or sender.get("is_bot") is True:
        return Fact(type=EventType.OTHER, ignored=N_("a message that no person wrote"))
    words = text(message.get("text"), LONGEST) or text(message.get("caption"), LONGEST)
    where, number = identifier(chat.get("id")), identifier(message.get("message_id"))
    private = chat.get("type") == "private"
    return Fact(
        type=EventType.MESSAGE_RECEIVED,
        subject=f"message:{where}/{number}" if where and number else None,
        occurred_at=at,
        contact=_contact(sender, section(message.get("contact"))),
        # In a group a word is said to the group.
        consent=consent_in(words) if private else None,
        data=filled(
            {
                "text": words,
                "attachment": next((kind for kind in ATTACHMENTS if message.get(kind)), None),
                "start": _payload(words),
                "chat": where,
                "chat_type": text(chat.get("type")),
                "web_app_data": text(section(message.get("web_app_data")).get("data"), LONGEST),
            }
        ),
    )


def _button(query: Section) -> Fact:
    """A button under a message of ours; the message itself may be shown no more. A button of a game has no data."""
    callback, pressed = text(query.get("id")), text(query.get("data"))
    if pressed is None:
        return Fact(type=EventType.OTHER, ignored=N_("a button without data: it says nothing"))
    return Fact(
        type=EventType.MESSAGE_RECEIVED,
        subject=f"button:{callback}" if callback else None,
        contact=_contact(section(query.get("from")), NOTHING),
        data=filled(
            {
                "button": pressed,
                "callback": callback,
                "chat": identifier(section(query, "message", "chat").get("id")),
            }
        ),
    )


def _membership(change: Section) -> Fact:
    state = text(section(change.get("new_chat_member")).get("status")) or "unknown"
    return Fact(
        type=EventType.OTHER,
        occurred_at=moment(change.get("date")),
        contact=_contact(section(change.get("from")), NOTHING),
        data=filled({"state": state, "chat": identifier(section(change.get("chat")).get("id"))}),
        ignored=STATES.get(state, f"the bot's state in a chat is {state[:40]} now"),
    )


def _contact(user: Section, shared: Section) -> Contact | None:
    """The person, by the id that is also that of their chat with the bot; the phone if they shared their own."""
    own = identifier(user.get("id"))
    if own is None:
        return None
    phone = text(shared.get("phone_number")) if identifier(shared.get("user_id")) == own else None
    return Contact(name=full_name(user), phone=phone, chats={"telegram": own})


def _payload(words: str | None) -> str | None:
    command, _, payload = (words or "").partition(" ")
    return payload.strip() or None if command.partition("@")[0] == "/start" else None


READERS: dict[str, Callable[[Section], Fact]] = {
    "message": _message,
    "edited_message": _edited,
    "callback_query": _button,
    "my_chat_member": _membership,
}

WEBHOOK = TelegramWebhook()
