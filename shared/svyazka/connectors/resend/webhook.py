"""The way in from Resend: what became of our letters, letters that came, and readers who want no more. Pure.

Every event is signed by Svix under the endpoint's own secret. They come at least once and in any order; what isn't
answered with 2xx within 15 s comes again, eight times within a day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import parseaddr
from typing import Any

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.connectors.resend import unsubscribe
from svyazka.connectors.resend.schema import DOMAIN_LOST, EVENTS, OUT_OF_QUOTA, PREVIOUS_COMPLAINT, said
from svyazka.engine.contracts.untrusted import Section, json_of, section, text, zoned_time
from svyazka.engine.contracts.webhook import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.engine.security import standardwebhooks
from svyazka.model.consent import Consent, consent_in
from svyazka.model.contacts import Contact, is_automatic, normalize_email
from svyazka.model.errors import ConfigError
from svyazka.model.events import EVENT_OF_RECEIPT, Entity, EventType, Fact, Receipt, Unreadable

TAG = "delivery"
"""The tag by which a letter names its delivery; it comes back in every event about it."""

HTML = "text/html; charset=utf-8"

OUT_OF_QUOTA_NOTICE = N_(
    "Resend не отправил письмо: объём по тарифу исчерпан. Повысьте тариф на resend.com или подождите"
)
COMPLAINT_NOTICE = N_(
    "получатель отметил письмо как спам; больше ему не пишем. За частые жалобы почтовые службы "
    "перестают принимать письма с вашего домена: посмотрите, кому и что отправляется"
)


class ResendWebhook(Webhook):
    """Events of Resend, and the answers of those who follow the link to unsubscribe."""

    vendor = "resend"
    content_types = ("application/json", *unsubscribe.FORMS)
    secret_settings = ("signing_secret",)
    # Refusing what is authentic would bring it back for a day, and in the end switch the endpoint off.
    tolerates_400 = False
    # Readers are told that they are unsubscribed only once it is written down. Resend repeats its events by itself.
    salvage = False
    reads_empty = True  # a link to unsubscribe says all by itself

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """Svix's signature over these very bytes; or a link to unsubscribe that we made ourselves."""
        secret = inbound.secrets.get("signing_secret")
        if not secret:
            return N_("this connection has no signing_secret yet, and nothing else can prove an event of Resend's")
        if unsubscribe.is_link(request.path):
            ours = unsubscribe.reader_of(request.path, secret) is not None
            return None if ours else N_("this link to unsubscribe isn't ours")
        secrets = standardwebhooks.secrets_of(secret)
        try:
            return standardwebhooks.refusal(secrets, request.headers, request.body, inbound.now)
        except ConfigError as error:
            return N_("signing_secret can't be used: {why}").format(why=error)

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one event of a request, and what follows from it for the whole account."""
        if unsubscribe.is_link(request.path):
            return [_unsubscribed(request, inbound)]
        content = json_of(request.body, request.header("content-type"))
        if not isinstance(content, dict):
            raise NotTheFormat(N_("expected an event object, got {found}").format(found=type(content).__name__))
        type_, data = text(content.get("type"), 60), section(content.get("data"))
        if type_ is None:
            return [Unreadable(reason=N_("expected `type`, such as email.delivered"))]
        family = type_.partition(".")[0]
        read = _READERS.get(type_) or _READERS.get(family, _other)
        return read(type_, content, data, standardwebhooks.message_id(request.headers))

    def answer(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Answer | None:
        return Answer(200, unsubscribe.DONE, HTML) if unsubscribe.is_link(request.path) else None

    def refusal(self, request: RawRequest, reason: str) -> Answer | None:
        return Answer(401, unsubscribe.WRONG, HTML) if unsubscribe.is_link(request.path) else None

    def handshake(self, request: RawRequest, inbound: Inbound) -> Answer | None:
        """Whoever opens the link in a browser is asked first."""
        if not unsubscribe.is_link(request.path):
            return None
        ours = unsubscribe.reader_of(request.path, inbound.secrets.get("signing_secret", "")) is not None
        return Answer(200, unsubscribe.ASK, HTML) if ours else Answer(401, unsubscribe.WRONG, HTML)


def letter_fact(event: str, data: Section, occurred_at: object = None) -> Fact | None:
    """What is told of one letter of ours, the same from a webhook and from reading it; None for an unknown word."""
    told, id_ = EVENTS.get(event), text(data.get("email_id") or data.get("id"), 100)
    if told is None or id_ is None:
        return None
    code, why = _reason(event, data)
    opted_out = told.opt_out or said(data, "suppressed", "reason") == PREVIOUS_COMPLAINT
    details: dict[str, JsonValue] = {"event": event, **({"reason": code} if code else {})}
    return Fact(
        type=EVENT_OF_RECEIPT[told.state],
        key=("email", id_, event),
        subject=f"message:{id_}",
        occurred_at=zoned_time(occurred_at),
        contact=_reader(data),
        entity=Entity(kind="email", id=id_),
        data=details,
        receipt=Receipt(
            state=told.state, external_id=id_, key=_delivery(data), code=code or event,
            message=f"{told.what}: {why}" if why else told.what, opt_out=opted_out, last_word=told.last_word,
        ),
    )  # fmt: skip


def received_fact(data: Section, body: str | None = None, occurred_at: object = None) -> Fact | None:
    """A letter that came. Without its body it is told in part: the webhook has none.

    Whoever writes nothing but "unsubscribe" withdraws his consent; nobody gives it so, for a sender's address can
    be anybody's.
    """
    id_ = text(data.get("email_id") or data.get("id"), 100)
    if id_ is None:
        return None
    name, address = parseaddr(text(data.get("from")) or "")
    subject = text(data.get("subject"), 200)
    words = {consent_in(subject), consent_in(body)}
    automatic = is_automatic(address)
    who = Contact(name=name or None, email=normalize_email(address) or address or None)
    attachments = data.get("attachments")
    return Fact(
        type=EventType.MESSAGE_RECEIVED,
        key=("received", id_) if body is not None else ("received", id_, "announced"),
        subject=f"message:{id_}",
        occurred_at=zoned_time(occurred_at),
        contact=None if automatic or who == Contact() else who,
        entity=Entity(kind="received", id=id_),
        data={
            "subject": subject, "text": text(body, 2000),
            "attachments": len(attachments) if isinstance(attachments, list) else 0,
        },
        consent=Consent.WITHDRAWN if Consent.WITHDRAWN in words and not automatic else None,
        ignored="a mail server or a robot writes: no client does" if automatic else None,
        partial=body is None,
    )  # fmt: skip


def _unsubscribed(request: RawRequest, inbound: Inbound) -> Fact | Unreadable:
    """A reader's own word: it holds however long ago the letter was, and for his phone too."""
    reader = unsubscribe.reader_of(request.path, inbound.secrets.get("signing_secret", ""))
    if reader is None:
        return Unreadable(reason=N_("expected a link to unsubscribe as our letters have it"))
    return Fact(
        type=EventType.CONTACT_CHANGED, key=("unsubscribed", reader.delivery, reader.email),
        contact=Contact(email=reader.email, phone=reader.phone), data={"event": "unsubscribed"},
        consent=Consent.WITHDRAWN,
    )  # fmt: skip


Reader = Callable[[str, Section, Section, str | None], list[Fact | Unreadable]]


def _letter(type_: str, content: Section, data: Section, message: str | None) -> list[Fact | Unreadable]:
    event, at = type_.partition(".")[2], content.get("created_at")
    if event not in EVENTS:
        return _other(type_, content, data, message)
    fact = letter_fact(event, data, at)
    if fact is None:
        return [Unreadable(reason=N_("expected `email_id` of the letter"), key=_known_again(message))]
    reason = said(data, "failed", "reason")
    if reason in OUT_OF_QUOTA:
        return [fact, _notice("quota", OUT_OF_QUOTA_NOTICE, fact, reason or "")]
    return [fact, _notice("complaint", COMPLAINT_NOTICE, fact)] if event == "complained" else [fact]


def _received(type_: str, content: Section, data: Section, message: str | None) -> list[Fact | Unreadable]:
    fact = received_fact(data, occurred_at=content.get("created_at"))
    return [fact or Unreadable(reason=N_("expected `email_id` of the letter"), key=_known_again(message))]


def _domain(type_: str, content: Section, data: Section, message: str | None) -> list[Fact | Unreadable]:
    name, status = text(data.get("name"), 100) or "?", text(data.get("status"), 40) or ""
    if type_ != "domain.deleted" and status not in DOMAIN_LOST:
        return _other(type_, content, data, message)
    at = content.get("created_at")
    notice = N_(
        "домен {name} на Resend больше не подтверждён ({value}): письма с него не уйдут. Проверьте "
        "записи DNS на resend.com («Domains»)"
    ).format(name=name, value=status or "удалён")
    return [
        Fact(
            type=EventType.CONNECTION_DISABLED, key=("domain", name, type_, status, text(at) or ""),
            occurred_at=zoned_time(at), data={"what": "domain", "domain": name, "notice": notice},
        )
    ]  # fmt: skip


def _other(type_: str, content: Section, data: Section, message: str | None) -> list[Fact | Unreadable]:
    reason = N_("Resend tells of {type}: nothing here acts on it").format(type=type_)
    at = zoned_time(content.get("created_at"))
    return [Fact(type=EventType.OTHER, key=_known_again(message), occurred_at=at, ignored=reason)]


_READERS: dict[str, Reader] = {"email": _letter, "email.received": _received, "domain": _domain}
"""By an event's type, else by its family."""


def _notice(what: str, words: str, fact: Fact, *which: str) -> Fact:
    """A word to the business beside what is told of a letter; once a day, however many letters meet the same."""
    day = f"{fact.occurred_at:%Y-%m-%d}" if fact.occurred_at else ""
    return Fact(
        type=EventType.CONNECTION_DISABLED, key=(what, *which, day), occurred_at=fact.occurred_at,
        data={"what": what, "notice": words},
    )  # fmt: skip


def _reason(event: str, data: Section) -> tuple[str | None, str | None]:
    """Code and words of why a letter didn't come: `Permanent/NoEmail`, `previous_bounce`, `reached_daily_quota`."""
    if event == "bounced":
        parts = (said(data, "bounce", "type", 40), said(data, "bounce", "subType", 40))
        return "/".join(part for part in parts if part) or None, said(data, "bounce", "message")
    if event == "suppressed":
        return said(data, "suppressed", "reason", 60), said(data, "suppressed", "message")
    return (said(data, "failed", "reason", 60), None) if event == "failed" else (None, None)


def _reader(data: Section) -> Contact | None:
    """Whom the letter was for; of several nobody can be told by it."""
    to: Any = data.get("to")
    addresses = [to] if isinstance(to, str) else to if isinstance(to, list) else []
    found = parseaddr(text(addresses[0]) or "")[1] if len(addresses) == 1 else ""
    return Contact(email=found) if found else None


def _delivery(data: Section) -> str | None:
    """Our delivery's id: tags are an object in events, and a list where a letter is read."""
    tags = data.get("tags")
    if isinstance(tags, list):
        found = (section(tag) for tag in tags)
        return next((text(tag.get("value"), 100) for tag in found if tag.get("name") == TAG), None)
    return text(section(tags).get(TAG), 100)


def _known_again(message: str | None) -> tuple[str, ...] | None:
    return ("message", message) if message else None


WEBHOOK = ResendWebhook()
