"""What message flows share: texts with safe placeholders, the usual guards, a chain of channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from string import Formatter

from pydantic import JsonValue, field_validator, model_validator

from svyazka.engine.flow import Channel, FlowSettings
from svyazka.model.commands import Guards, OncePer, QuietHours, SendMessage, Step, StillTrue
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.events import Event
from svyazka.model.tenants import Duration, Hours

KNOWN_PLACEHOLDERS = frozenset({"name", "business", "review_url", "number", "sum", "service", "date", "time", "code"})
_TIDY = ((re.compile(r"\s+([,.!?:;])"), r"\1"), (re.compile(r"^[\s,.!?:;–—-]+"), ""), (re.compile(r" {2,}"), " "))
_LONGEST_VALUE = 80
_LINK_LIKE = re.compile(r"(?:https?://|www\.|\w\.(?:ru|com|рф|org|net)\b)", re.I)


def check_template(text: str) -> str:
    """A text whose placeholders we know. Raises ValueError that names the one we don't."""
    try:
        fields = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise ValueError(f"expected placeholders such as {{name}}; {error}") from None
    for name in fields:
        if name not in KNOWN_PLACEHOLDERS:
            known = ", ".join(f"{{{k}}}" for k in sorted(KNOWN_PLACEHOLDERS))
            raise ValueError(f"unknown placeholder {{{name}}}: expected one of {known}")
    return text


def safe_value(value: object) -> str:
    """What came from outside as it may stand in our message: one short line, no link of a stranger's."""
    text = re.sub(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+", " ", str(value)).strip()
    return "" if _LINK_LIKE.search(text) else text[:_LONGEST_VALUE]


def fill(template: str, values: Mapping[str, object], trusted: Mapping[str, str]) -> str:
    """The text with its placeholders filled, and tidy where one was empty: `, спасибо` -> `Спасибо`."""
    safe = {name: safe_value(values.get(name) or "") for name in KNOWN_PLACEHOLDERS}
    text = "".join(
        literal + ("" if name is None else trusted.get(name) or safe[name])
        for literal, name, _, _ in Formatter().parse(template)
    )
    tidy = text
    for pattern, replacement in _TIDY:
        tidy = pattern.sub(replacement, tidy)
    if tidy != text or (template.startswith("{") and tidy[:1].islower()):
        tidy = tidy[:1].upper() + tidy[1:]
    return tidy.strip()


class MessageSettings(FlowSettings):
    """Settings of every flow that sends messages. All guards are off when left out."""

    text: str
    texts: dict[str, str] = {}
    """Another text for a channel, by connection name."""
    subject: str | None = None
    """Of an e-mail."""
    html: str | None = None
    template: dict[str, JsonValue] | None = None
    """A WhatsApp template: {name, language, parameters: [..]}; parameters may hold placeholders."""
    delay: Duration = timedelta()
    quiet_hours: Hours | None = None
    at_most_once_per: Duration | None = None
    expires_after: Duration = timedelta(hours=24)
    fallback_after: Duration | None = None

    @field_validator("text", "subject", "html")
    @classmethod
    def _known_placeholders(cls, value: str | None) -> str | None:
        return check_template(value) if value is not None else None

    @field_validator("texts")
    @classmethod
    def _known_in_texts(cls, value: dict[str, str]) -> dict[str, str]:
        return {name: check_template(text) for name, text in value.items()}

    @model_validator(mode="after")
    def _time_to_send(self) -> MessageSettings:
        if self.delay >= self.expires_after:
            raise ValueError("delay: expected less than expires_after, or nothing would ever be sent")
        return self


def values_of(event: Event, contact: Contact, business: str) -> dict[str, object]:
    """What placeholders stand for, from an event."""
    first_name = (contact.name or "").split()
    return {
        "business": business,
        **{key: value for key, value in event.data.items() if key in KNOWN_PLACEHOLDERS},
        "name": first_name[0] if first_name else "",
    }


def person_key(contact: Contact) -> str | None:
    """Who a person is across all sources: his phone, else his e-mail, else a chat."""
    phone = normalize_phone(contact.phone)
    if phone:
        return f"phone:{phone}"
    email = normalize_email(contact.email)
    if email:
        return f"email:{email}"
    for vendor, chat in sorted(contact.chats.items()):
        return f"{vendor}:{chat}"
    return None


def message_steps(
    flow: str,
    channels: Sequence[Channel],
    contact: Contact,
    compose: Callable[[Channel], SendMessage],
) -> tuple[Step, ...]:
    """One step for each channel that can reach the contact, in order of preference."""
    return tuple(
        channel.step(flow, compose(channel))
        for channel in channels
        if channel.supports("SendMessage") and channel.address(contact)
    )


def composer(
    settings: MessageSettings, values: Mapping[str, object], trusted: Mapping[str, str], contact: Contact
) -> Callable[[Channel], SendMessage]:
    """Writes the message for a channel: its own text, HTML for mail, a template for WhatsApp."""

    def compose(channel: Channel) -> SendMessage:
        mail = channel.reaches == "email"
        return SendMessage(
            to=contact,
            text=fill(settings.texts.get(channel.connection, settings.text), values, trusted),
            subject=fill(settings.subject, values, trusted) if settings.subject and mail else None,
            html=fill_html(settings.html, values, trusted) if settings.html and mail else None,
            template=_template(settings.template, values, trusted) if settings.template else None,
        )

    return compose


def fill_html(template: str, values: Mapping[str, object], trusted: Mapping[str, str]) -> str:
    """An HTML text: what came from outside is escaped."""
    from html import escape

    safe = {name: escape(safe_value(values.get(name) or "")) for name in KNOWN_PLACEHOLDERS}
    return "".join(
        literal + ("" if name is None else escape(trusted[name]) if name in trusted else safe[name])
        for literal, name, _, _ in Formatter().parse(template)
    )


def _template(
    template: Mapping[str, JsonValue], values: Mapping[str, object], trusted: Mapping[str, str]
) -> dict[str, JsonValue]:
    def filled(value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return fill(value, values, trusted)
        if isinstance(value, list):
            return [filled(item) for item in value]
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        return value

    return {key: filled(value) for key, value in template.items()}


def usual_guards(
    settings: MessageSettings, event: Event, contact: Contact, flow: str, zone: str, base: datetime
) -> Guards:
    """The guards that the settings ask for."""
    person = person_key(contact)
    hours = settings.quiet_hours
    once = None
    if settings.at_most_once_per and person:
        once = OncePer(key=f"{flow}:{person}", period=settings.at_most_once_per)
    return Guards(
        not_before=event.received_at + settings.delay if settings.delay else None,
        expires_at=base + settings.expires_after,
        quiet_hours=QuietHours(zone=zone, start=hours[0], end=hours[1]) if hours else None,
        opt_out=True,
        once_per=once,
        still_true=StillTrue(subject=event.subject, types=(event.type,)),
    )
