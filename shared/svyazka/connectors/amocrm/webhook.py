"""The way in from amoCRM: account webhooks, Digital Pipeline, the OAuth redirect and the notice of disabling.

Nothing is signed and nothing is numbered: our key in the address is what proves a webhook, and `account[id]`
that it isn't another account's. amoCRM wants its answer within 2 seconds and switches an address off after
100 bad ones, so nothing is asked of anybody here, and no body is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from svyazka.catalogue import N_
from svyazka.connectors.amocrm.facts import (
    Stages,
    contact_fact,
    lead_fact,
    message_fact,
    of_account,
    unsorted_fact,
    unused_fact,
)
from svyazka.connectors.amocrm.schema import Lead, NotUnderstood, linked_leads, person
from svyazka.engine.contracts.bracketed import items, members, parsed
from svyazka.engine.contracts.forms import urlencoded
from svyazka.engine.contracts.untrusted import Section, json_of, section, text
from svyazka.engine.contracts.webhook import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.contacts import Contact
from svyazka.model.events import Fact, Unreadable

REDIRECT = ("code", "state", "referer", "client_id", "from_widget")
"""What the redirect after a person's consent brings; installing from the widget list sends it without `state`."""

DISABLED = ("client_uuid", "account_id", "signature")
"""What the notice of a disabled integration brings. Only the worker holds the secret that it is signed with."""

ENVELOPE = frozenset({"account"})

PAGE = """<!doctype html><html lang="ru"><meta charset="utf-8"><title>{title}</title>
<body style="font-family:sans-serif;max-width:36em;margin:4em auto"><h1>{title}</h1><p>{text}</p></body></html>"""
AGREED = ("Разрешение получено", "Связка завершает подключение к amoCRM. Это окно можно закрыть.")
DECLINED = ("Доступ не выдан", "Чтобы подключить amoCRM, запустите svyazka auth ещё раз и нажмите «Разрешить».")


class AmocrmWebhook(Webhook):
    """Webhooks of amoCRM and Kommo."""

    vendor = "amocrm"
    content_types = ("application/x-www-form-urlencoded", "application/json")
    tolerates_400 = False
    public_settings = ("account_id", "won_statuses")

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """Each item in our words; one that can't be read doesn't take the others with it."""
        reading = _Reading(_content(request), inbound)
        return [fact for entity, action, item in reading.items() for fact in [reading.fact(entity, action, item)]]

    def for_the_worker(self, request: RawRequest) -> Mapping[str, str] | None:
        given = request.params()
        if "code" in given:
            return {name: given[name] for name in REDIRECT if name in given}
        if all(name in given for name in DISABLED):
            return {name: given[name] for name in DISABLED}
        return None

    def handshake(self, request: RawRequest, inbound: Inbound) -> Answer | None:
        """What the person who has just agreed sees; the exchange itself is the worker's."""
        given = request.params()
        if "code" not in given and "error" not in given:
            return None
        title, words = AGREED if "code" in given else DECLINED
        page = PAGE.format(title=title, text=words).encode()
        headers = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
        return Answer(200, page, "text/html; charset=utf-8", headers)


def _content(request: RawRequest) -> Section:
    """The body as nested maps, whichever of the two forms it has: some senders name the wrong one."""
    body, content_type = request.body.strip(), request.header("content-type")
    if not body.startswith((b"{", b"[")):
        return parsed(urlencoded(body, content_type))
    content = json_of(body, content_type)
    if isinstance(content, Mapping):
        return content
    raise NotTheFormat(N_("expected entities by name, such as leads, got {found}").format(found=type(content).__name__))


class _Reading:
    """One request being read."""

    def __init__(self, content: Section, inbound: Inbound) -> None:
        self._content = content
        self._stages = Stages.of(inbound.public.get("won_statuses"))
        self._ours = text(inbound.public.get("account_id"))
        self._account = section(content, "account").get("id")
        contacts = section(content, "contacts")
        self._contacts = [
            contact
            for action in ("update", "add")
            for contact in members(contacts.get(action))
            if isinstance(contact, Mapping) and contact.get("type") != "company"
        ]
        leads = section(content, "leads")
        self._alone = sum(len(members(group)) for group in leads.values()) == 1 and len(self._contacts) == 1

    def items(self) -> Iterator[tuple[str, str, object]]:
        """Every item with its entity and action. Raises NotTheFormat when there is none at all."""
        found = False
        for entity, actions in self._content.items():
            if entity in ENVELOPE or not isinstance(actions, Mapping):
                continue
            for action, group in actions.items():
                for item in members(group):
                    found = True
                    yield entity, str(action), _unwrapped(item)
        if not found:
            raise NotTheFormat(N_("expected entities with actions, such as leads[status][0][id], found none"))

    def fact(self, entity: str, action: str, item: object) -> Fact | Unreadable:
        if not isinstance(item, Mapping):
            return Unreadable(reason=N_("expected an object, got {found}").format(found=type(item).__name__))
        try:
            fact = self._fact(entity, action, item)
        except NotUnderstood as error:
            return Unreadable(reason=str(error))
        return of_account(fact, self._ours, self._account, item.get("account_id"))

    def _fact(self, entity: str, action: str, item: Section) -> Fact:
        if action == "note" or entity not in _READERS:
            return unused_fact(entity, item, action)
        return _READERS[entity](self, item, action)

    def lead(self, item: Section, action: str) -> Fact:
        lead = Lead.of(item)
        return lead_fact(lead, self._stages, action, self._client(lead))

    def _client(self, lead: Lead) -> Contact | None:
        """Who the deal is about, as far as the request tells: amoCRM's own deals never do, the deal is read again.

        A contact in the same request is the deal's only when the deal names it, when it says so itself, or when the
        two are all there is.
        """
        main = section(lead.body, "main_contact")
        named, wanted = person(main), text(main.get("id"))
        if named.phone:
            return named
        if wanted is not None:
            linked = [contact for contact in self._contacts if text(contact.get("id")) == wanted]
        else:
            linked = [contact for contact in self._contacts if lead.id in linked_leads(contact)]
            if not linked and self._alone and not linked_leads(self._contacts[0]):
                linked = self._contacts
        return person(linked[0]) if linked else named if named.email else None


def _unwrapped(item: object) -> object:
    """A bare id is an object with that id; some senders wrap an item twice (`task[update][0][0][id]`)."""
    if isinstance(item, str | int) and not isinstance(item, bool):
        return {"id": item}
    inner = items(item) if isinstance(item, Mapping) and all(str(key).isdigit() for key in item) else ()
    return inner[0] if len(inner) == 1 else item


_READERS: dict[str, Callable[[_Reading, Section, str], Fact]] = {
    "leads": _Reading.lead,
    "contacts": lambda reading, item, action: contact_fact(item, action),
    "companies": lambda reading, item, action: contact_fact(item, action, "company"),
    "unsorted": lambda reading, item, action: unsorted_fact(item, action),
    "message": lambda reading, item, action: message_fact(item, action),
}
"""What we act on. Tasks, notes, talks, customers, lists: known, and nobody's business yet."""

WEBHOOK = AmocrmWebhook()
