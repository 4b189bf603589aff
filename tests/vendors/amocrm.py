"""amoCRM, as the tests know it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from matrix.hub import Machine
from simulators.amocrm import AmocrmSimulator, saving
from simulators.amocrm.cards import ACCOUNT_ID, PIPELINE, TALKS, TOKEN_USER, WON, form, lead_hook
from simulators.amocrm.fields import custom_field, put
from simulators.amocrm.grants import CLIENT_ID, REDIRECT_URI, SECRET
from simulators.amocrm.simulator import FORM as FORM_HEADERS
from simulators.amocrm.simulator import SUBDOMAIN, Pace
from simulators.serve import Running
from svyazka.connectors.amocrm import client
from svyazka.connectors.amocrm.doctor import EVENTS
from svyazka.connectors.amocrm.failures import BODILESS
from svyazka.engine.calling.oauth.authorise import exchange
from svyazka.engine.contracts.failures import Case
from svyazka.engine.contracts.oauth import AuthorisationCode
from svyazka.engine.hub import Hub
from svyazka.engine.tenants.directory import Account
from svyazka.model.events import Entity
from svyazka.model.records import RecordKind
from vendors.parts.asking import Asked, OAuth, Question
from vendors.parts.base import AT_ONCE, FORM, NAME, UNHURRIED, Guest, Webhook, told
from vendors.parts.crms import Crm
from vendors.parts.done import Body, Done, Person, body, sample
from vendors.parts.hooks import Hooks, Source
from vendors.parts.vendor import Vendor

_CONTACTS = {
    "update": [
        {
            "id": 111,
            "custom_fields_values": [
                {"field_name": "Телефон", "field_code": "PHONE", "values": [{"value": "79991234567"}]}
            ],
        }
    ]
}
_LEAD = {"id": 12345, "status_id": 142, "pipeline_id": 789}
_MAIN = {**_LEAD, "main_contact": {"id": 111, "phone": "+79991234567"}}
SHOWN_FORM = """\
leads[status][0][id]=12345
leads[status][0][status_id]=142
leads[status][0][pipeline_id]=789
leads[status][0][old_status_id]=456
contacts[update][0][id]=111
contacts[update][0][custom_fields][0][id]=66192
contacts[update][0][custom_fields][0][name]=Телефон
contacts[update][0][custom_fields][0][values][0][value]=79991234567"""

HOOKS = Hooks(
    samples="amocrm",
    told={
        "wh-company-add.form": ["contact.created company:17612521 -> company 17612521 created"],
        "wh-contacts-add.form": ["contact.created contact:17611273 -> contact 17611273 created"],
        "wh-contacts-delete.form": ["contact.deleted contact:17611273 (no key) (no time) -> contact 17611273 deleted"],
        "wh-contacts-note.form": ["other: amoCRM sent contacts note: nothing here acts on it"],
        "wh-contacts-restore.form": ["contact.changed contact:17611273 -> contact 17611273 restored"],
        "wh-contacts-update-company-real-shape.form": ["contact.changed company:7793457 -> company 7793457 updated"],
        "wh-contacts-update.form": ["contact.changed contact:17611273 -> contact 17611273 updated"],
        "wh-digital-pipeline-status.form": [
            "deal.won deal:15318175:won (in part) (no key) (no time) -> deal 15318175 updated"
        ],
        "wh-leads-add.form": ["deal.created deal:15318175 -> deal 15318175 created"],
        "wh-leads-delete.form": ["deal.changed deal:15318175 (no key) (no time) -> deal 15318175 deleted"],
        "wh-leads-note.form": ["other: amoCRM sent leads note: nothing here acts on it"],
        "wh-leads-responsible.form": ["deal.changed deal:15318175 -> deal 15318175 updated"],
        "wh-leads-restore.form": ["deal.changed deal:15318175 -> deal 15318175 restored"],
        "wh-leads-status-won.form": ["deal.won deal:15318175:won -> deal 15318175 updated"],
        "wh-leads-update.form": ["deal.changed deal:15318175 -> deal 15318175 updated"],
        "wh-message-add.form": ["message.received message:660b5b93-0000-4ead-ac38-3797c062146c"],
        "wh-talk-add.form": ["other: amoCRM sent talk add: nothing here acts on it"],
        "wh-task-add.form": ["other: amoCRM sent task add: nothing here acts on it"],
        "wh-task-delete.form": ["other (no key) (no time): amoCRM sent task delete: nothing here acts on it"],
        "wh-task-update-completed.form": ["other: amoCRM sent task update: nothing here acts on it"],
        "wh-unsorted-add-form.form": ["lead.created lead:15318519 -> deal 15318519 created"],
        "wh-unsorted-delete-accept.form": [
            "other lead:f575b754b0d1eb1c380e53d6821ffd2820a6dfbe3822de0cfddaf266980f: "
            "amoCRM sent unsorted accept: nothing here acts on it",
        ],
    },
    others=("api-*", "oauth-*", "wh-integration-disabled.http"),
    bodies=({"leads": {"status": [_MAIN]}, "contacts": _CONTACTS, "unsorted": {"add": [{"message": "?", "data": 0}]}},),
    public=({"account_id": "31500000"}, {}),
    content_type=FORM,
    modules=frozenset({"facts"}),
)  # fmt: skip


def _deal_won(running: Running, guest: Guest) -> Webhook:
    """No webhook of amoCRM's tells whose deal it is: the deal and its contact are always read."""
    account: AmocrmSimulator = running.of("amocrm")

    def happen() -> bytes:
        contact = account.add("contacts", {"name": NAME, "phone": guest.phone, "email": guest.email})
        lead = account.add("leads", {"status_id": WON, "contacts": [contact["id"]]})
        hook = lead_hook(lead, old_status_id=TALKS)
        return form({"leads": {"status": [hook]}, "account": {"subdomain": SUBDOMAIN, "id": ACCOUNT_ID}})

    return Webhook(told(running, happen), FORM_HEADERS)


def _open(running: Running) -> None:
    account: AmocrmSimulator = running.of("amocrm")
    account.pace.per_second = AT_ONCE
    # A worker that dies between the vendor's answer and the store has only the old refresh token.
    account.grants.rotation = "lenient"


LONG_LIVED = "amo-token-for-tests"


def _begin(running: Running, now: datetime) -> None:
    _open(running)
    account: AmocrmSimulator = running.of("amocrm")
    account.grants.long_lived.add(LONG_LIVED)
    account.ahead = now.timestamp() - time.time()


def _won(running: Running, now: datetime) -> Sequence[Webhook]:
    """A deal is won; the contact's card was made with it."""
    account: AmocrmSimulator = running.of("amocrm")
    account.ahead = now.timestamp() - time.time()
    contact = account.add("contacts", {"name": NAME, "phone": "+79990000007", "email": "guest7@example.test"})
    (_, entity, action, item), *_ = account._outbox
    deal = account.add("leads", {"status_id": WON, "contacts": [contact["id"]]})
    hook = lead_hook(deal, old_status_id=TALKS)
    whose = {"account": {"subdomain": SUBDOMAIN, "id": ACCOUNT_ID}}
    bodies = ({"leads": {"status": [hook]}, **whose}, {entity: {action: [item]}, **whose})
    return [Webhook(form(body), FORM_HEADERS) for body in bodies]


def _says(case: Case) -> Iterator[tuple[int, object]]:
    yield case.status or 400, {"status": case.status, "detail": "as amoCRM puts it"}


async def _agree(running: Running, hub: Hub, account: Account) -> None:
    """The owner lets us in, and what was given is over at once: the first call needs other access."""
    grants = running.of("amocrm").grants
    code = told(running, partial(grants.code, CLIENT_ID, running.of("amocrm").now()))
    await exchange(hub, account, AuthorisationCode(code))
    told(running, grants.expire_access)


async def _deal(machine: Machine, status: int = 142, lead: int = 15318175) -> None:
    account = machine.vendors.of("amocrm")
    account.grants.long_lived.add("amo-token-for-tests")
    account._ids["leads"] = lead - 1
    person = {"name": "Иван Петров", "phone": "+7 (999) 123-45-67", "email": "ivan.petrov@example.test"}
    (contact,) = (await machine.tell("amocrm", "contacts", [person]))["ids"]
    await machine.tell("amocrm", "leads", [{"status_id": status, "contacts": [contact]}])


def _brief(status: int) -> dict[str, object]:
    return {"leads": {"status": [{"id": 12345, "status_id": status, "main_contact": {"phone": "+79991234567"}}]}}


# What it keeps

TOKEN = "amo-token-for-tests"
CONTACTS_FIELDS = [
    {"id": 500001, "name": "Telegram"}, {"id": 500003, "name": "День рождения", "type": "birthday"},
    {"id": 500005, "name": "Согласие", "type": "checkbox"}, {"id": 500007, "name": "Svyazka", "code": "SVYAZKA"},
    {"id": 500009, "name": "Комментарий", "type": "textarea"},
    {"id": 500011, "name": "Интересы", "type": "multiselect", "enums": ["Кофе", "Чай"]},
]  # fmt: skip
LEADS_FIELDS = [
    {"id": 712629, "name": "Серийный номер"}, {"id": 712631, "name": "Модель"}, {"id": 712633, "name": "Telegram ID"},
    {"id": 600001, "name": "Источник", "type": "select", "enums": ["Сайт", "Telegram Mini App"]},
    {"id": 600003, "name": "Дата визита", "type": "date"}, {"id": 600005, "name": "Svyazka", "code": "SVYAZKA"},
    {"id": 600007, "name": "Скидка", "type": "numeric"}, {"id": 600009, "name": "Визит", "type": "date_time"},
    {"id": 600011, "name": "Страница", "type": "url"}, {"id": 600013, "name": "Оплата", "type": "radiobutton",
                                                        "enums": ["наличные", "карта"]},
]  # fmt: skip
COMPANIES_FIELDS = [{"id": 400001, "name": "ИНН"}, {"id": 400003, "name": "Svyazka", "code": "SVYAZKA"}]
ENTITIES = {RecordKind.CONTACT: "contacts", RecordKind.COMPANY: "companies", RecordKind.DEAL: "leads"}
KINDS = {entity: kind.value for kind, entity in ENTITIES.items()}
MAPPED = {
    "contact.telegram": "500001", "birthday": "500003", "consent": "500005", "interests": "500011",
    "deal.telegram": "712633", "serial": "712629", "model": "712631", "source": "600001", "visit_day": "600003",
    "discount": "600007", "visit_at": "600009", "page": "600011", "paid_by": "600013", "inn": "400001",
}  # fmt: skip


def _open_crm(running: Running) -> None:
    account: AmocrmSimulator = running.of("amocrm")
    account.grants.long_lived.add(TOKEN)
    account.pace.per_second = AT_ONCE
    made = {"contacts": CONTACTS_FIELDS, "leads": LEADS_FIELDS, "companies": COMPANIES_FIELDS}
    for entity, fields in made.items():
        for one in fields:
            account.fields[entity][one["id"]] = custom_field(
                one["id"], one["name"], one.get("type", "text"), one.get("code"), one.get("enums", ())
            )


def _person_card(running: Running, given: Mapping[str, Any]) -> str:
    account: AmocrmSimulator = running.of("amocrm")
    values = {500001: given.get("telegram"), 500009: given.get("comment")}

    def made() -> str:
        card = account.add("contacts", {"name": given["name"], "phone": given["phones"], "email": given["emails"]})
        present = card["custom_fields_values"] or []
        more = [{"field_id": id_, "values": [{"value": value}]} for id_, value in values.items() if value]
        put(account.fields["contacts"], card, [*present, *more])
        account.send_soon()
        return str(card["id"])

    return told(running, made)


def _written(running: Running) -> Counter[str]:
    return Counter(
        f"{one['kind']} {KINDS[one['entity']]}" for one in running.of("amocrm").effects if one.get("entity") in KINDS
    )


def _removed(running: Running, kind: RecordKind, id_: str) -> None:
    account: AmocrmSimulator = running.of("amocrm")
    entity = ENTITIES[kind]

    def remove() -> None:
        account.delete(entity, account.cards[entity][int(id_)])
        account.send_soon()

    told(running, remove)


def _hidden(running: Running, kind: RecordKind, name: str) -> None:
    theirs = MAPPED.get(name) or MAPPED[f"{kind.value}.{name}"]
    running.of("amocrm").hidden.add(int(theirs))


def _hurried(running: Running) -> None:
    running.of("amocrm").pace = Pace()


def _behind(running: Running, seconds: float) -> None:
    running.of("amocrm").seen_after = seconds


def _theirs(ours: Mapping[str, Any]) -> dict[str, Any]:
    """A card's fields as somebody saves them."""
    title = ours.get("name") or ours.get("title")
    fields: dict[str, Any] = {"name": title} if title else {}
    if "phone" in ours:
        fields["custom_fields_values"] = [{"field_code": "PHONE", "values": [{"value": ours["phone"]}]}]
    return fields


def _saved(running: Running, kind: RecordKind, id_: str, ours: Mapping[str, Any]) -> None:
    account: AmocrmSimulator = running.of("amocrm")
    entity = ENTITIES[kind]
    card = account.cards[entity][int(id_)]

    def save() -> None:
        saving.saved(account, entity, card, _theirs(ours))
        account.send_soon()

    told(running, save)


def _between(running: Running, kind: RecordKind, ours: Mapping[str, Any]) -> None:
    account: AmocrmSimulator = running.of("amocrm")
    account.between.append((ENTITIES[kind], _theirs(ours)))


def _native(kind: RecordKind, name: str) -> str:
    return "name" if name in ("name", "title") else MAPPED.get(name) or MAPPED[f"{kind.value}.{name}"]


def _deaf(running: Running, kind: RecordKind, name: str) -> None:
    running.of("amocrm").deaf.add(_native(kind, name))


def _short(running: Running, kind: RecordKind, name: str, most: int) -> None:
    running.of("amocrm").cuts[_native(kind, name)] = most


def _unseen(running: Running, kind: RecordKind, id_: str) -> None:
    running.of("amocrm").unseen.add(int(id_))


CRM = Crm(
    "amocrm",
    {"subdomain": SUBDOMAIN, "account_id": str(ACCOUNT_ID), "mark_field": "SVYAZKA", "fields": MAPPED},
    {"token": TOKEN},
    open=_open_crm,
    person=_person_card,
    done=_written,
    lag=_behind,
    hide=_hidden,
    remove=_removed,
    save=_saved,
    between=_between,
    deaf=_deaf,
    cut=_short,
    unsee=_unseen,
    tell=lambda running, url: told(running, lambda: running.of("amocrm").subscribe(url, list(EVENTS))) and None,
    writes={
        "contact": ("POST", "/api/v4/contacts"), "company": ("POST", "/api/v4/companies"),
        "deal": ("POST", "/api/v4/leads"), "note": ("POST", "/api/v4/contacts/*/notes"),
        "task": ("POST", "/api/v4/tasks"),
    },
    reads=("GET", "/api/v4/contacts"),
    fields={
        RecordKind.CONTACT: {
            "name": "Анна Петрова", "phone": ("+79991234567", "+74951234567"), "email": ("anna@example.test",),
            "telegram": "5550077", "birthday": "1990-02-28", "consent": True, "interests": ("Кофе", "Чай"),
            "responsible": str(TOKEN_USER), "tags": ("Постоянный", "VIP"),
        },
        RecordKind.COMPANY: {"name": "ООО Ромашка", "phone": ("+74951234567",), "inn": "7701234567"},
        RecordKind.DEAL: {
            "title": "Заказ 1042", "price": "1500.50", "stage": str(TALKS), "pipeline": str(PIPELINE),
            "responsible": str(TOKEN_USER), "serial": "SN-1", "model": "X", "telegram": "77",
            "source": "Telegram Mini App",
            "visit_day": "2026-03-29", "visit_at": "2026-03-29T02:30:00+03:00", "discount": "12.5",
            "page": "https://example.test/?a=1&b=2", "paid_by": "карта", "utm_source": "yandex",
        },
    },
    optional={RecordKind.CONTACT: "telegram", RecordKind.COMPANY: "inn", RecordKind.DEAL: "serial"},
    chat="telegram",
    batch=250,
    page=250,
    says=_says,
)  # fmt: skip

COMMON = {
    "now": "2025-10-09T10:53:25+00:00", "done": sample("amocrm/wh-leads-status-won.form"), "brief": _brief(142),
}  # fmt: skip

VENDOR = Vendor(
    name="amocrm",
    hooks=HOOKS,
    crm=CRM,
    hurry=_hurried,
    oauth=OAuth(
        "amocrm",
        {
            "subdomain": SUBDOMAIN, "account_id": str(ACCOUNT_ID), "client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI,
        },
        {"client_secret": SECRET},
        others=(
            {"referer": "another.amocrm.ru"}, {"referer": f"{SUBDOMAIN}.amocrm.ru.example.org"}, {"referer": ""},
            {"client_id": "another"},
        ),
        says=lambda row: (row.status or 400, {"hint": row.says, "title": "Некорректный запрос"}),
    ),
    source=Source(
        "amocrm",
        {
            "subdomain": SUBDOMAIN, "account_id": str(ACCOUNT_ID), "client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI,
            **UNHURRIED,
        },
        {"client_secret": SECRET},
        webhook=_deal_won,
        tells=frozenset({"phone", "email"}),
        must_ask=True,
        begin=_open,
        authorise=_agree,
    ),
    asked=Asked(
        "amocrm", {"subdomain": SUBDOMAIN, "account_id": str(ACCOUNT_ID)}, {"token": LONG_LIVED},
        entity=Entity(kind="lead", id="7"),
        questions=(Question(path="/api/v4/account", ask=client.account, says=_says, bodiless=frozenset(BODILESS)),),
        begin=_begin,
        happens=_won,
        polling="/api/v4/*",
    ),
    done=(
        Done(
            "amocrm", **COMMON, name="amocrm", person=None,
            not_done={
                "talks": sample("amocrm/wh-leads-update.form"), "brief-lost": body(_brief(143)),
                "brief-stage": body(_brief(456)),
            },
            shown={
                "documented form": (
                    Body("&".join(quote(line, safe="=") for line in SHOWN_FORM.splitlines()).encode(), FORM), Person(),
                ),
                "documented json": (body({"leads": {"status": [_MAIN]}, "contacts": _CONTACTS}), Person()),
                "contact only": (body({"leads": {"status": [_LEAD]}, "contacts": _CONTACTS}), Person()),
            },
        ),
        Done(
            "amocrm", {"subdomain": "kofeinya-test", "account_id": "31500000"}, {"token": "amo-token-for-tests"},
            **COMMON, name="amocrm+api", person=Person("Иван", "ivan.petrov@example.test"), put=_deal,
            unsaid=partial(_deal, status=143),
            # The brief's deal has an id, so with access it is read like any other, and its contact has a name there.
            brief_put=partial(_deal, lead=12345),
        ),
    ),
)  # fmt: skip
