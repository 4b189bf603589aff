"""News of the account: templates, restrictions, and people who want no marketing. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from svyazka.catalogue import N_
from svyazka.connectors.whatsapp.schema import Change, moment
from svyazka.connectors.whatsapp.statuses import person
from svyazka.engine.contracts.untrusted import section, sections, text
from svyazka.model.consent import Consent
from svyazka.model.events import EventType, Fact, Unreadable

TEMPLATE_NEWS = {
    "PAUSED": N_("Meta приостановила шаблон: на сообщения жалуются. Пока он стоит, сообщения по нему ждут"),
    "DISABLED": N_("Meta отключила шаблон насовсем. Сделайте новый и укажите его в сценарии"),
    "REJECTED": N_("Meta не одобрила шаблон. Исправьте его в WhatsApp Manager"),
    "FLAGGED": N_("Meta предупреждает: на шаблон жалуются, его могут приостановить"),
    "PENDING_DELETION": N_("шаблон удаляется. Укажите в сценарии другой"),
}
"""`event` of a template -> what its owner is told; others are no trouble."""

ACCOUNT_NEWS = {
    "ACCOUNT_RESTRICTION": N_("Meta ограничила аккаунт WhatsApp"),
    "ACCOUNT_VIOLATION": N_("Meta считает, что аккаунт WhatsApp нарушил правила"),
    "ACCOUNT_DELETED": N_("аккаунт WhatsApp удалён"),
    "DISABLED_UPDATE": N_("Meta отключила аккаунт WhatsApp"),
}
WHERE = N_("Подробности в WhatsApp Manager")

CONSENTS = {"stop": Consent.WITHDRAWN, "resume": Consent.GIVEN}


def preference(change: Change) -> Iterator[Fact | Unreadable]:
    """A person who stops marketing messages is put on the do-not-contact list; codes don't ask it and still arrive."""
    names = {
        text(card.get("wa_id")): text(section(card.get("profile")).get("name"), 200)
        for card in sections(change.value.get("contacts"))
    }
    for one in sections(change.value.get("user_preferences")):
        phone, user, word = text(one.get("wa_id"), 40), text(one.get("user_id"), 150), text(one.get("value"), 40)
        at, contact = moment(one.get("timestamp")), person(phone, user, names.get(phone))
        if contact is None or word not in CONSENTS:
            yield Unreadable(reason=N_("expected a preference with wa_id and the value stop or resume"))
            continue
        yield Fact(
            type=EventType.CONTACT_CHANGED,
            key=("preference", phone or user or "", word, f"{at}"),
            occurred_at=at,
            contact=contact,
            data={"preference": word, "category": text(one.get("category"), 60)},
            consent=CONSENTS[word],
        )


def template_update(change: Change) -> Iterator[Fact | Unreadable]:
    """A template that can't be used any more, or soon can't."""
    value = change.value
    event, name = text(value.get("event"), 40) or "?", text(value.get("message_template_name"), 100) or "?"
    key = ("template", text(value.get("message_template_id"), 40) or name, event, f"{change.at}")
    news = TEMPLATE_NEWS.get(event)
    if news is None:
        ignored = N_("the template {name} is {event}").format(name=name, event=event)
        yield Fact(type=EventType.OTHER, key=key, occurred_at=change.at, ignored=ignored)
        return
    notice = N_("шаблон WhatsApp «{name}»: {news}").format(name=name, news=news)
    yield Fact(
        type=EventType.CONNECTION_DISABLED, key=key, occurred_at=change.at,
        data={"what": "template", "template": name, "event": event, "notice": notice},
    )  # fmt: skip


def account_update(change: Change) -> Iterator[Fact | Unreadable]:
    """What becomes of the account."""
    event = text(change.value.get("event"), 40) or "?"
    key = ("account", event, f"{change.at}")
    news = ACCOUNT_NEWS.get(event)
    if news is None:
        yield Fact(
            type=EventType.OTHER, key=key, occurred_at=change.at, ignored=N_("the account: {event}").format(event=event)
        )
        return
    yield Fact(
        type=EventType.CONNECTION_DISABLED, key=key, occurred_at=change.at,
        data={"what": "account", "event": event, "notice": f"{news}. {WHERE}"},
    )  # fmt: skip
