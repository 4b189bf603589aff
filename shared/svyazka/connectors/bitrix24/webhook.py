"""The way in from Bitrix24: events of an outgoing webhook or of an application, and robots that call us.

An event names a card by its id and says nothing of it; each is sent once, and one without an answer is lost, so that
looking for what changed saves it. An event proves itself by `application_token`; a robot's call bears none, and our key
in the address is all its proof. `ts` is when an event was sent, not when something happened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from hmac import compare_digest

from svyazka.catalogue import N_
from svyazka.engine.contracts.bracketed import parsed
from svyazka.engine.contracts.forms import urlencoded
from svyazka.engine.contracts.untrusted import Section, filled, json_of, section, text
from svyazka.engine.contracts.webhook import FORM, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import Change, Entity, EventType, Fact, Hint, Unreadable

CHANGES: Mapping[str, Change] = {
    "ADD": Change.CREATED, "UPDATE": Change.UPDATED, "DELETE": Change.DELETED, "MOVETOCATEGORY": Change.UPDATED,
}  # fmt: skip
"""The end of an event's name -> what has become of the card. Of a merge no more is told than that one card was changed
and the others were deleted (nobody says in which order)."""

TYPES: Mapping[str, tuple[EventType, EventType, EventType]] = {
    "deal": (EventType.DEAL_CREATED, EventType.DEAL_CHANGED, EventType.DEAL_CHANGED),
    "contact": (EventType.CONTACT_CREATED, EventType.CONTACT_CHANGED, EventType.CONTACT_DELETED),
    "company": (EventType.CONTACT_CREATED, EventType.CONTACT_CHANGED, EventType.CONTACT_DELETED),
}
"""Kind of card -> what its being made, changed and deleted is."""

SECRETS = ("access_token", "refresh_token", "application_token", "event_token")
UNINSTALLED = "ONAPPUNINSTALL"
GONE = N_("приложение удалили с портала, события больше не приходят. Подключите его снова: svyazka auth")

_EVENT = re.compile(r"ONCRM(LEAD|DEAL|CONTACT|COMPANY)(ADD|UPDATE|DELETE|MOVETOCATEGORY)")
_DOCUMENT = re.compile(r"(LEAD|DEAL|CONTACT|COMPANY)_(\d{1,18})", re.ASCII)
_ID = re.compile(r"\d{1,18}", re.ASCII)
_TOKEN = re.compile(rb"((?:^|&)(?:auth(?:\[|%5B))?(?:access|refresh|application|event)_token(?:\]|%5D)?=)[^&]*", re.I)
_JSON_TOKEN = re.compile(rb'("(?:access|refresh|application|event)_token"\s*:\s*")[^"]*')


class Bitrix24Webhook(Webhook):
    """Events of a portal. It repeats nothing and switches nothing off."""

    vendor = "bitrix24"
    content_types = (FORM, "application/json")
    secret_settings = ("application_token",)
    public_settings = ("member_id",)

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        expected = inbound.secrets.get("application_token")
        if expected is None:
            return None
        try:
            body = _content(request)
        except NotTheFormat:
            return N_("it bears no application_token")
        if _is_robots(body):
            return None
        given = text(section(body.get("auth")).get("application_token")) or ""
        if compare_digest(given.encode(), expected.encode()):
            return None
        return N_("the application_token isn't the one of this connection")

    def kept(self, request: RawRequest) -> RawRequest:
        body = _TOKEN.sub(rb"\1-", request.body)
        return replace(request, body=_JSON_TOKEN.sub(rb"\1-", body))

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        body = _content(request)
        fact = _robots(body) if _is_robots(body) else _fact(body)
        named = text(section(body.get("auth")).get("member_id"))
        ours = text(inbound.public.get("member_id"))
        if isinstance(fact, Fact) and ours and named and ours != named:
            return [fact.of_another(N_("it belongs to another portal than this connection's"))]
        return [fact]


def _content(request: RawRequest) -> Section:
    body, content_type = request.body.strip(), request.header("content-type")
    if not body.startswith(b"{"):
        return parsed(urlencoded(body, content_type))
    content = json_of(body, content_type)
    return content if isinstance(content, dict) else {}


def _is_robots(body: Section) -> bool:
    """A robot's call names the document that it stands on, and no event; one of an application's bears its token."""
    return "document_id" in body and "event" not in body and "event_token" not in body


def _fact(body: Section) -> Fact | Unreadable:
    name = (text(body.get("event"), 80) or "").upper()
    if "event_token" in body:
        return _robots(body)
    if not name:
        return Unreadable(reason=N_("expected `event` and data[FIELDS][ID]"))
    if name == UNINSTALLED:
        return Fact(type=EventType.CONNECTION_DISABLED, data={"event": name, "notice": GONE})
    found = _EVENT.fullmatch(name)
    if found is None:
        return _unused(name)
    id_ = text(section(body, "data", "FIELDS").get("ID"), 20)
    if id_ is None or not _ID.fullmatch(id_):
        return Unreadable(reason=N_("expected the id of a card in data[FIELDS][ID]"))
    return _card(found[1].lower(), id_, CHANGES[found[2]], name)


def _robots(body: Section) -> Fact | Unreadable:
    named = section(body.get("document_id"))
    document = text(named.get("2"), 80) or ""
    found = _DOCUMENT.fullmatch(document)
    if found is None:
        return _unused(document or "robot") if named else Unreadable(reason=N_("expected the document of a robot"))
    return _card(found[1].lower(), found[2], Change.UPDATED, "robot")


def _card(kind: str, id_: str, change: Change, name: str) -> Fact:
    """A card that is to be read. It has no identity beside what was sent: two changes of it are told alike."""
    entity = Entity(kind=kind, id=id_)
    if kind == "lead":
        if change is not Change.CREATED:
            return _unused(name)
        return Fact(type=EventType.LEAD_CREATED, subject=f"lead:{id_}", entity=entity, partial=True)
    made, changed, deleted = TYPES[kind]
    is_gone = change is Change.DELETED
    return Fact(
        type=made if change is Change.CREATED else deleted if is_gone else changed,
        subject=f"{kind}:{id_}",
        entity=entity,
        about=(Hint(kind=kind, id=id_, change=change),),
        partial=not is_gone,
        data=filled({"kind": None if kind == "deal" else kind, "deleted": True if is_gone else None}),
    )


def _unused(name: str) -> Fact:
    reason = N_("Bitrix24 sent {name}: nothing here acts on it").format(name=name[:60])
    return Fact(type=EventType.OTHER, ignored=reason)


WEBHOOK = Bitrix24Webhook()
