"""What message flows share: texts with safe placeholders, the usual guards, a chain of channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from html import escape
from string import Formatter
from typing import ClassVar
from unicodedata import category

from pydantic import JsonValue, field_validator, model_validator

from svyazka.catalogue import _
from svyazka.engine.contracts.flow import Channel, Facts, FlowSettings
from svyazka.model.commands import Guards, OncePer, QuietHours, SendMessage, Step, StillTrue
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.events import Event
from svyazka.model.names import parts_of
from svyazka.model.tenants import Duration, Hours

OF_EVENTS = frozenset({"number", "sum", "service", "date", "time"})
"""Placeholders that stand for what an event brings in its data."""

PLACEHOLDERS = OF_EVENTS | {"name", "business"}

OF_CARD = "card.FIELD"
"""Stands for every field of the person's card: `{card.discount|no}`."""

_OF_CARD = re.compile(r"card\.[a-z][a-z0-9_]*")

UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of signs that nobody sees, and that turn a text around or break it."""

LINK_LIKE = re.compile(
    r"https?:|www\.|\w\.\w{2,}/"
    r"|\w\.(?:ru|su|рф|com|org|net|info|biz|me|ly|cc|io|link|site|online|shop|xyz|top|club|store|app|pro|click|live"
    r"|by|kz|ua|uz|tk|ga|gq|ml|cf)\b",
    re.I,
)
_LONGEST_VALUE = 80
_GAPS = (
    (re.compile(r"(?<!\s)\s+([,.!?:;])"), r"\1"),
    (re.compile(r"[,;:]+(?=[,.!?;:])"), ""),
    (re.compile(r"^[\s,.!?:;–—-]+"), ""),
    (re.compile(r" {2,}"), " "),
)
_HTML_GAPS = (
    (re.compile(r"(?<!\s)\s+([,.!?;:])(?=[\s<]|$)"), r"\1"),
    (re.compile(r"[,;:]+(?=[,.!?;:])"), ""),
)
_HTML_START = re.compile(r"(^|>)\s*[,.!?:;–—-]+\s*(\w)")


def check_template(text: str, known: Iterable[str] = PLACEHOLDERS) -> str:
    """A text whose placeholders we know. Raises ValueError that names the one we don't."""
    try:
        names = [name for _, name, _ in _parts(text) if name is not None]
    except ValueError as error:
        raise ValueError(_("expected placeholders such as {{name}}; {why}", why=error)) from None
    for name in names:
        if name not in known and not (OF_CARD in known and _OF_CARD.fullmatch(name)):
            listed = ", ".join(f"{{{one}}}" for one in sorted(known))
            raise ValueError(_("unknown placeholder {{{name}}}: expected one of {listed}", name=name, listed=listed))
    return text


def _parts(template: str) -> Iterator[tuple[str, str | None, str]]:
    """Literal text, the placeholder after it, and what stands in its place where it is empty: `{name|друзья}`."""
    for literal, field, _spec, _conversion in Formatter().parse(template):
        name, _bar, instead = (field or "").partition("|")
        yield literal, None if field is None else name, instead


def safe_value(value: object) -> str:
    """What came from outside as it may stand in our message: one short line, no link of a stranger's."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = visible(str(value)[: 10 * _LONGEST_VALUE]).strip()
    return "" if LINK_LIKE.search(text) else text[:_LONGEST_VALUE]


def visible(text: str) -> str:
    """A text without what nobody sees in it."""
    return "".join(" " if category(sign) in UNSEEN else sign for sign in text)


def fill(template: str, values: Mapping[str, object], trusted: Mapping[str, str]) -> str:
    """The text with its placeholders filled, and tidy where one was empty: `, спасибо` -> `Спасибо`."""
    text, gaps = _filled(template, values, trusted, begun=_begun)
    text = _tidy(text) if gaps else text
    # A code or a link stays as it is, wherever it comes to stand.
    return _begun(text) if gaps and not _is_own(text, trusted) else text.strip()


def fill_part(template: str, values: Mapping[str, object], trusted: Mapping[str, str]) -> str:
    """A part of a text that is written elsewhere (a template's parameter): it may stand in the middle of a sentence."""
    text, gaps = _filled(template, values, trusted)
    return _tidy(text) if gaps else text.strip()


def _tidy(text: str) -> str:
    for pattern, replacement in _GAPS:
        text = pattern.sub(replacement, text)
    return text.strip()


def fill_html(template: str, values: Mapping[str, object], trusted: Mapping[str, str]) -> str:
    """An HTML text: what stands for a placeholder is escaped, and what follows an empty one is tidy."""
    text, gaps = _filled(template, values, trusted, begun=_begun, written=escape)
    if gaps:
        for pattern, replacement in _HTML_GAPS:
            text = pattern.sub(replacement, text)
        own = {name: escape(value) for name, value in trusted.items()}
        text = _HTML_START.sub(
            lambda found: found[1] + (found[2] if _is_own(found.string[found.start(2) :], own) else found[2].upper()),
            text,
        )
    return text


def _is_own(text: str, trusted: Mapping[str, str]) -> bool:
    """Whether a text begins with a value of our own."""
    return text.startswith(tuple(value for value in trusted.values() if value))


def _filled(
    template: str, values: Mapping[str, object], trusted: Mapping[str, str], *,
    begun: Callable[[str], str] = str, written: Callable[[str], str] = str,
) -> tuple[str, bool]:  # fmt: skip
    """The text, and whether one of its placeholders stood for nothing.

    `begun`: how a stranger's word is written that the text begins with; `written`: how every value is.
    """
    text, gaps = "", False
    for literal, name, instead in _parts(template):
        text += literal
        if name is not None:
            strange = safe_value(values.get(name))
            value = trusted.get(name) or (strange if text else begun(strange)) or instead
            gaps = gaps or not value
            text += written(value)
    return text, gaps


def _begun(text: str) -> str:
    """With a capital, as a sentence begins."""
    return text[:1].upper() + text[1:]


class TextSettings(FlowSettings):
    """What a message says, on each channel."""

    placeholders: ClassVar[frozenset[str]] = PLACEHOLDERS
    """What may stand in the texts."""

    text: str
    texts: dict[str, str] = {}
    """Another text for a channel, by connection name."""
    subject: str | None = None
    """Of an e-mail."""
    html: str | None = None
    template: dict[str, JsonValue] | None = None
    """A WhatsApp template: {name, language, parameters: [..]}; parameters may hold placeholders."""
    card: str | None = None
    """The connection whose card of the person `{card.FIELD}` reads."""
    expires_after: Duration = timedelta(hours=24)
    fallback_after: Duration | None = None

    @field_validator("text", "subject", "html")
    @classmethod
    def _known_placeholders(cls, value: str | None) -> str | None:
        return check_template(value, cls.placeholders) if value is not None else None

    @field_validator("texts")
    @classmethod
    def _known_in_texts(cls, value: dict[str, str]) -> dict[str, str]:
        return {name: check_template(text, cls.placeholders) for name, text in value.items()}

    @field_validator("template")
    @classmethod
    def _known_in_template(cls, value: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if value is not None:
            walked(value, lambda text: check_template(text, cls.placeholders))
        return value

    @model_validator(mode="after")
    def _a_card_to_read(self) -> TextSettings:
        if self.card is None and any(_OF_CARD.search(name) for name in self._placeholders_used()):
            raise ValueError(_("card: expected the connection that keeps the card which the text reads"))
        return self

    def _placeholders_used(self) -> Iterator[str]:
        texts = [self.text, self.subject or "", self.html or "", *self.texts.values()]

        def noted(text: str) -> str:
            texts.append(text)
            return text

        walked(dict(self.template or {}), noted)
        for text in texts:
            yield from (name for _literal, name, _instead in _parts(text) if name is not None)

    @property
    def cards(self) -> frozenset[str]:
        """For `Needs`: whose cards the texts read."""
        return frozenset({self.card} if self.card else ())

    def of_card(self, facts: Facts) -> dict[str, object]:
        """Values of `{card.FIELD}`."""
        shown = facts.cards.get(self.card or "", {})
        return {f"card.{name}": value for name, value in shown.items()}

    @model_validator(mode="after")
    def _time_for_the_next(self) -> TextSettings:
        if self.fallback_after is not None and self.fallback_after >= self.expires_after:
            raise ValueError(
                _("fallback_after: expected less than expires_after, or the next channel has no time left")
            )
        return self


class MessageSettings(TextSettings):
    """Settings of flows that write to clients. All guards are off when left out."""

    delay: Duration = timedelta()
    quiet_hours: Hours | None = None
    at_most_once_per: Duration | None = None

    @model_validator(mode="after")
    def _time_to_send(self) -> MessageSettings:
        if self.delay >= self.expires_after:
            raise ValueError(_("delay: expected less than expires_after, or nothing would ever be sent"))
        return self


def values_of(event: Event, contact: Contact) -> dict[str, object]:
    """What placeholders stand for, from an event: all of it a stranger's word."""
    first_name = parts_of(contact.name or "").first.split()
    brought = {key: value for key, value in event.data.items() if key in OF_EVENTS}
    return {**brought, "name": first_name[0] if first_name else ""}


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
        if channel.carries("SendMessage") and channel.address(contact)
    )


def composer(
    settings: TextSettings, values: Mapping[str, object], trusted: Mapping[str, str], contact: Contact
) -> Callable[[Channel], SendMessage]:
    """Writes the message for a channel: its own text, HTML for mail, a template for WhatsApp."""

    def filled(text: str) -> str:
        return fill(text, values, trusted)

    def part(text: str) -> str:
        return fill_part(text, values, trusted)

    def compose(channel: Channel) -> SendMessage:
        mail = channel.reaches == "email"
        template = settings.template
        return SendMessage(
            to=contact,
            text=filled(settings.texts.get(channel.connection, settings.text)),
            subject=filled(settings.subject) if settings.subject and mail else None,
            html=fill_html(settings.html, values, trusted) if settings.html and mail else None,
            template={name: walked(value, part) for name, value in template.items()} if template else None,
        )

    return compose


def walked(value: JsonValue, text: Callable[[str], str]) -> JsonValue:
    """The same value with every text in it made anew by `text`."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [walked(item, text) for item in value]
    if isinstance(value, dict):
        return {key: walked(item, text) for key, item in value.items()}
    return value


def base_of(event: Event) -> datetime:
    """What ages count from: received for what was pushed, occurred for what was found later."""
    return event.received_at if event.origin == "webhook" else (event.occurred_at or event.received_at)


def after(moment: datetime, wait: timedelta) -> datetime:
    """The moment so much later; the end of all time where a vendor's clock is beyond reason."""
    try:
        return moment + wait
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def quiet(hours: tuple[time, time] | None, zone: str) -> QuietHours | None:
    """The guard of quiet hours, if there are any."""
    return QuietHours(zone=zone, start=hours[0], end=hours[1]) if hours else None


def usual_guards(settings: MessageSettings, event: Event, contact: Contact, flow: str, zone: str) -> Guards:
    """The guards that the settings ask for."""
    person = person_key(contact)
    once = None
    if settings.at_most_once_per and person:
        once = OncePer(key=f"{flow}:{person}", period=settings.at_most_once_per)
    return Guards(
        not_before=after(event.received_at, settings.delay) if settings.delay else None,
        expires_at=after(base_of(event), settings.expires_after),
        quiet_hours=quiet(settings.quiet_hours, zone),
        opt_out=True,
        once_per=once,
        still_true=StillTrue(subject=event.subject, types=(event.type,)),
    )
