"""The way in from any system: who may knock, and what each item means in our words, by the connection's settings."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.connectors.http.facts import MOST_ITEMS, tells_of_cards, told_facts
from svyazka.connectors.http.schema import TYPE_NAMES, Unanswered, expressions, look
from svyazka.engine.contracts.forms import urlencoded
from svyazka.engine.contracts.untrusted import decoded, json_of, storable, text, zoned_time
from svyazka.engine.contracts.webhook import FORM, MULTIPART, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.engine.security import standardwebhooks
from svyazka.model.base import plausible
from svyazka.model.contacts import Contact
from svyazka.model.errors import ConfigError
from svyazka.model.events import EventType, Fact, Unreadable

MILLISECONDS_FROM = 1e11
"""Unix times above this are in milliseconds: in seconds it would be the year 5138."""


class HttpWebhook(Webhook):
    """JSON or a form, from anybody."""

    vendor = "http"
    content_types = ("application/json", FORM, "text/json", "text/plain", "application/cloudevents+json",
                     "application/vnd.api+json")  # fmt: skip
    secret_settings = ("inbound_secret",)
    public_settings = (
        "auth", "items", "type", "types", "subject", "key", "occurred_at", "contact", "fields",
    )  # fmt: skip

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """By the way that `auth` names; the key in our address alone, where there is none."""
        auth = inbound.public.get("auth")
        by = auth.get("by") if isinstance(auth, Mapping) else "key"
        if not isinstance(auth, Mapping) or by == "key":
            return None
        secret = inbound.secrets.get("inbound_secret")
        if not secret:
            return N_("inbound_secret isn't there: `svyazka secret set` puts it in")
        match by:
            case "token":
                genuine = _same(request.header(_header(auth)) or "", secret)
            case "basic":
                genuine = _same(_basic(request.header("authorization") or ""), secret)
            case "hmac":
                given = request.header(_header(auth)) or ""
                genuine = _same(
                    given if auth.get("encoding") == "base64" else given.lower(), _hmac(auth, secret, request)
                )
            case "standard_webhooks":
                return _standard(request, secret, inbound.now)
            case _:
                return N_("auth.by names no way that we know")
        return None if genuine else N_("the request isn't proved by {by}").format(by=by)

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """Each item in our words; one that can't be read doesn't take the others with it."""
        reading = Reading.of(inbound.public)
        signed_id = standardwebhooks.message_id(request.headers) if reading.by_message else None
        content = _content(request)
        if tells_of_cards(content, reading.types):
            return list(told_facts(content, signed_id))
        try:
            items = reading.items_of(content)
        except Unanswered as error:
            return [Unreadable(reason=N_("items: {why}").format(why=error))]
        return [reading.fact(item, index, signed_id) for index, item in enumerate(items)]


def _header(auth: Mapping[str, object]) -> str:
    return str(auth.get("header") or "").lower()


def _same(given: str, wanted: str) -> bool:
    # Headers were decoded as latin-1: back to the bytes that came.
    return hmac.compare_digest(given.strip().encode("latin-1", "replace"), wanted.encode())


def _basic(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value.strip(), validate=True).decode("latin-1")
    except ValueError:
        return ""


def _hmac(auth: Mapping[str, object], secret: str, request: RawRequest) -> str:
    made = hmac.digest(secret.encode(), request.body, str(auth.get("algorithm") or "sha256"))
    prefix = str(auth.get("prefix") or "")
    return prefix + base64.b64encode(made).decode() if auth.get("encoding") == "base64" else prefix.lower() + made.hex()


def _standard(request: RawRequest, secret: str, now: float) -> str | None:
    secrets = standardwebhooks.secrets_of(secret)
    try:
        return standardwebhooks.refusal(secrets, request.headers, request.body, now)
    except ConfigError as error:
        return N_("inbound_secret can't be used: {why}").format(why=error)


def _content(request: RawRequest) -> object:
    content_type = request.header("content-type") or ""
    is_form = content_type.split(";")[0].strip().lower() in (FORM, MULTIPART)
    if is_form and request.body.lstrip()[:1] not in (b"{", b"["):  # curl calls JSON a form, unless told
        return form(urlencoded(request.body, content_type), content_type)
    return json_of(request.body, content_type)


def form(body: bytes, content_type: str | None) -> dict[str, str | list[str]]:
    """A form's fields; a name that comes several times is a list. Raises NotTheFormat."""
    try:
        # As latin-1 first, so that %D1%8F and %FF alike come back as the bytes that they stand for.
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=1000)
    except ValueError:
        raise NotTheFormat(N_("expected a form of at most 1000 fields")) from None
    found: dict[str, str | list[str]] = {}
    for raw_name, raw_value in pairs:
        name, value = (decoded(part.encode("latin-1"), content_type) for part in (raw_name, raw_value))
        held = found.get(name)
        found[name] = value if held is None else [*(held if isinstance(held, list) else [held]), value]
    return found


@dataclass(frozen=True, slots=True)
class Reading:
    """How a connection reads its bodies."""

    items: str | None
    type: str
    types: Mapping[str, str]
    subject: str | None
    key: Sequence[str]
    occurred_at: str
    contact: Mapping[str, str]
    chats: Mapping[str, str]
    fields: Mapping[str, str]
    by_message: bool
    """Messages have an id of their own, the same on every repeat."""

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Reading:
        """From the plain settings of a connection."""
        contact, auth, key = settings.get("contact"), settings.get("auth"), settings.get("key")
        who = contact if isinstance(contact, Mapping) else {}
        return cls(
            items=_one(settings.get("items")),
            type=_one(settings.get("type")) or "type",
            types=expressions(settings.get("types")),
            subject=_one(settings.get("subject")),
            key=(key,) if isinstance(key, str) else tuple(map(str, key)) if isinstance(key, list | tuple) else (),
            occurred_at=_one(settings.get("occurred_at")) or "timestamp",
            contact={name: str(who[name]) for name in ("name", "phone", "email") if who.get(name)},
            chats=expressions(who.get("chats")),
            fields=expressions(settings.get("fields")),
            by_message=isinstance(auth, Mapping) and auth.get("by") == "standard_webhooks",
        )

    def items_of(self, content: object) -> list[object]:
        """The items that a body holds. Raises Unanswered."""
        found = look(self.items, content) if self.items else content
        if found is None:
            raise Unanswered(N_("{items} finds nothing in this body").format(items=self.items))
        items = found if isinstance(found, list) else [found]
        if len(items) > MOST_ITEMS:
            raise Unanswered(
                N_("{count} of them; expected at most {MOST_ITEMS} in one request").format(
                    count=len(items), MOST_ITEMS=MOST_ITEMS
                )
            )
        return items

    def fact(self, item: object, index: int, message: str | None) -> Fact | Unreadable:
        """One item in our words."""
        try:
            return self._fact(item, index, message)
        except Unanswered as error:
            return Unreadable(reason=str(error), key=("message", message, str(index)) if message else None)

    def _fact(self, item: object, index: int, message: str | None) -> Fact:
        word = self.type if self.type in TYPE_NAMES else text(look(self.type, item))
        if word is None:
            raise Unanswered(N_("type: {type} finds no text; set `type` of this connection").format(type=self.type))
        key = self._key(word, item) or (("message", message, str(index)) if message else None)
        known = self.types.get(word, word)
        if known not in TYPE_NAMES:
            return _unexplained(word, key)
        type_ = EventType(known)
        subject = text(look(self.subject, item)) if self.subject else None
        return Fact(
            type=type_,
            key=key,
            subject=f"{type_.value.partition('.')[0]}:{subject}" if subject else None,
            occurred_at=moment(look(self.occurred_at, item)),
            contact=self._contact(item),
            data={name: value for name, value in self._fields(item).items() if value is not None},
        )

    def _key(self, word: str, item: object) -> tuple[str, ...] | None:
        """The sender's word and what `key` finds: two words about one object are two facts."""
        found = [text(look(expression, item)) for expression in self.key]
        return ("item", word, *(part or "" for part in found)) if any(found) else None

    def _contact(self, item: object) -> Contact | None:
        who = {name: text(look(expression, item)) for name, expression in self.contact.items()}
        chats = {vendor: chat for vendor, at in self.chats.items() if (chat := text(look(at, item)))}
        if not (any(who.values()) or chats):
            return None
        return Contact(name=who.get("name"), phone=who.get("phone"), email=who.get("email"), chats=chats)

    def _fields(self, item: object) -> dict[str, JsonValue]:
        return {name: storable(look(expression, item)) for name, expression in self.fields.items()}


def _one(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _unexplained(word: str, key: tuple[str, ...] | None) -> Fact:
    return Fact(
        type=EventType.OTHER,
        key=("unexplained", *key) if key else None,
        ignored=N_(
            'type {word!r} is none of ours: add types: {{"{word}": TYPE}} to this connection, TYPE being '
            "such as order.completed or lead.created, then `svyazka apply` and `svyazka replay` of this event"
        ).format(word=word),
        data={"unexplained": word},
    )


def moment(value: object) -> datetime | None:
    """ISO 8601 with a zone, or Unix seconds or milliseconds as a number or its digits; None for anything else."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return zoned_time(value)
    try:
        return plausible(datetime.fromtimestamp(value / 1000 if abs(value) > MILLISECONDS_FROM else value, UTC))
    except (ValueError, OverflowError, OSError):
        return None


WEBHOOK = HttpWebhook()
