"""The way in from MAX: who may knock, and what each update means in our words. Pure, and light to import.

One POST holds one update, and doesn't say for which bot: one address and one secret for each. Anything but 200
comes again up to 10 times, and after 8 hours without a success MAX unsubscribes the bot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hmac import compare_digest

from svyazka.catalogue import N_
from svyazka.connectors.max.schema import full_name, identifier, moment, phone_of, webhook_secret
from svyazka.engine.contracts.untrusted import NOTHING, Section, filled, json_of, section, sections, text, whole
from svyazka.engine.contracts.webhook import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.consent import Consent, consent_in
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact, Unreadable

LONGEST = 4000
"""Characters of a message."""

UNUSED = {
    "message_removed": N_("a message was removed"),
    "bot_stopped": N_("the user stopped the bot"),
    "dialog_removed": N_("the user removed the dialog"),
    "dialog_cleared": N_("the user cleared the dialog"),
    "dialog_muted": N_("the user muted the bot"),
    "dialog_unmuted": N_("the user unmuted the bot"),
    "bot_added": N_("the bot was added to a chat"),
    "bot_removed": N_("the bot was removed from a chat"),
    "user_added": N_("a user was added to a chat"),
    "user_removed": N_("a user was removed from a chat"),
    "chat_title_changed": N_("a chat has another title"),
}
"""Known, and nothing follows. A stopped bot is answered 403 to every message, so nothing is marked: who stops a
bot may still be written to elsewhere."""


CHATS = {"dialog": "private"}
"""What MAX calls a chat -> our word, where it differs."""


class MaxWebhook(Webhook):
    """Updates of one bot."""

    vendor = "max"
    secret_settings = ("webhook_secret", "bot_token")
    # Refusals count towards the 8 hours after which the bot is unsubscribed.
    tolerates_400 = False

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """The secret of the subscription must come back in its header; an old subscription may send none."""
        expected = webhook_secret(inbound.secrets.get("webhook_secret"), inbound.secrets.get("bot_token"))
        if expected is None:
            return N_("this connection has no bot_token yet, and nothing else can prove an update of MAX's")
        given = request.header("x-max-bot-api-secret") or ""
        if compare_digest(given.encode("latin-1", "replace"), expected.encode()):
            return None
        return N_("the X-Max-Bot-Api-Secret header isn't the secret of this connection: `svyazka doctor --fix`")

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one update of a request."""
        update = json_of(request.body, request.header("content-type"))
        if not isinstance(update, dict):
            raise NotTheFormat(N_("expected an update, got {found}").format(found=type(update).__name__))
        return [fact_of(update)]

    def answer(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Answer | None:
        """200, and nothing else is read."""
        return Answer(200, b"", "text/plain")


def fact_of(update: Section) -> Fact | Unreadable:
    """An update as a fact, the same from a webhook and from the list of what was missed."""
    kind = text(update.get("update_type"))
    if kind is None:
        return Unreadable(reason=N_("expected an update with its update_type"))
    reader = READERS.get(kind)
    if reader is not None:
        return reader(update)
    return _fact(
        update,
        type=EventType.OTHER,
        contact=_contact(section(update.get("user"))),
        data=filled({"chat": identifier(update.get("chat_id"))}),
        ignored=UNUSED.get(kind, f"MAX sent {kind[:60]}: nothing here acts on it"),
    )


def _fact(update: Section, *id_: str | None, **content: object) -> Fact:
    """A fact known by its update type and an id of MAX's, else by chat, user and time. No update has a number."""
    kind, stamp = text(update.get("update_type")) or "", identifier(update.get("timestamp"))
    user = identifier(section(update.get("user")).get("user_id")) or identifier(update.get("user_id"))
    place = (identifier(update.get("chat_id")), user, identifier(update.get("message_id")))
    named = id_ if id_ and id_[0] else (*place, stamp) if any(place) else ()
    key = (kind, *(part or "" for part in named)) if named else None
    return Fact.model_validate(
        {
            "key": key,
            "occurred_at": moment(update.get("timestamp")),
            "position": whole(update.get("timestamp")),
            **content,
        }
    )


def _message(update: Section) -> Fact:
    """What somebody wrote or shared. Edited, it is the same message in other words: it was news once, but a word on
    consent counts whenever it is said."""
    message = section(update.get("message"))
    sender, body = section(message.get("sender")), section(message.get("body"))
    edited = update.get("update_type") == "message_edited"
    mid = text(body.get("mid"))
    id_ = (mid, identifier(update.get("timestamp"))) if edited else (mid,)
    if not sender or sender.get("is_bot") is True:
        return _fact(update, *id_, type=EventType.OTHER, ignored=N_("a message that no person wrote"))
    where = section(message.get("recipient"))
    words = text(body.get("text"), LONGEST)
    # In a group a word is said to the group.
    consent = consent_in(words) if where.get("chat_type") == "dialog" else None
    times = (moment(update.get("timestamp")), moment(message.get("timestamp")))
    return _fact(
        update,
        *id_,
        type=EventType.OTHER if edited else EventType.MESSAGE_RECEIVED,
        # An edit is never older than what it edits.
        occurred_at=max((at for at in times if at is not None), default=None) if edited else times[0],
        subject=f"message:{mid}" if mid and not edited else None,
        contact=_contact(sender, _own_phone(sender, body)),
        consent=consent,
        ignored=N_("a message was edited") if edited and consent is None else None,
        data=filled(
            {
                "text": words,
                "attachment": text(next(iter(sections(body.get("attachments"))), NOTHING).get("type"), 40),
                "chat": identifier(where.get("chat_id")),
                "chat_type": CHATS.get(text(where.get("chat_type")) or "", text(where.get("chat_type"))),
                "edited": f"message:{mid}" if edited and mid else None,
            }
        ),
    )


def _button(update: Section) -> Fact:
    """A button under a message of ours; the message itself may be gone. Without a payload it says nothing."""
    callback = section(update.get("callback"))
    id_, pressed = text(callback.get("callback_id")), text(callback.get("payload"))
    if pressed is None:
        return _fact(update, id_, type=EventType.OTHER, ignored=N_("a button without a payload: it says nothing"))
    return _fact(
        update,
        id_,
        type=EventType.MESSAGE_RECEIVED,
        subject=f"button:{id_}" if id_ else None,
        contact=_contact(section(callback.get("user"))),
        data=filled(
            {
                "button": pressed,
                "callback": id_,
                "chat": identifier(section(update, "message", "recipient").get("chat_id")),
            }
        ),
    )


def _started(update: Section) -> Fact:
    """A person came by a link or pressed a dialog's button: from now on the bot may write to them."""
    user = section(update.get("user"))
    return _fact(
        update,
        type=EventType.MESSAGE_RECEIVED,
        contact=_contact(user),
        consent=Consent.GIVEN,
        data=filled({"start": text(update.get("payload")) or "", "chat": identifier(update.get("chat_id"))}),
    )


def _own_phone(sender: Section, body: Section) -> str | None:
    """The phone that the sender shared, if it is his own."""
    own = identifier(sender.get("user_id"))
    for attachment in sections(body.get("attachments")):
        payload = section(attachment.get("payload"))
        if attachment.get("type") == "contact" and identifier(section(payload, "max_info").get("user_id")) == own:
            return phone_of(payload.get("vcf_info"))
    return None


def _contact(user: Section = NOTHING, phone: str | None = None) -> Contact | None:
    own = identifier(user.get("user_id"))
    return Contact(name=full_name(user), phone=phone, chats={"max": own}) if own else None


READERS: dict[str, Callable[[Section], Fact]] = {
    "message_created": _message,
    "message_edited": _message,
    "message_callback": _button,
    "bot_started": _started,
}

WEBHOOK = MaxWebhook()
