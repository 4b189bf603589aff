"""Bitrix24, as the tests know it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from simulators.bitrix24 import Bitrix24
from simulators.bitrix24.access import CLIENT_ID, CLIENT_SECRET, HOOK_CODE, HOOK_USER, MEMBER
from simulators.bitrix24.cards import COMPANY, CONTACT, DEAL, INTEGRATION
from simulators.bitrix24.limits import Bucket
from simulators.bitrix24.simulator import EVENTS, HOOK_TOKEN
from simulators.serve import Running
from svyazka.connectors.bitrix24 import client
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import Case
from svyazka.model.events import Entity
from svyazka.model.records import RecordKind
from vendors.parts.asking import Asked, OAuth, Question
from vendors.parts.base import AT_ONCE, FORM, UNHURRIED, told
from vendors.parts.crms import Crm
from vendors.parts.hooks import Hooks, Proof
from vendors.parts.vendor import Vendor

TYPES = {RecordKind.CONTACT: CONTACT, RecordKind.COMPANY: COMPANY, RecordKind.DEAL: DEAL}
KINDS = {type_: kind.value for kind, type_ in TYPES.items()}
LETTERS = {"C": "contact", "CO": "company", "D": "deal"}
LINKS = frozenset({"contactIds", "companyIds", "companyId"})


def _list(*labels: str) -> list[dict[str, str]]:
    return [{"ID": str(50 + place), "VALUE": label} for place, label in enumerate(labels)]


CONTACTS_OWN = {
    "UF_CRM_1001": {"type": "string"}, "UF_CRM_1002": {"type": "boolean"},
    "UF_CRM_1003": {"type": "enumeration", "isMultiple": True, "items": _list("Кофе", "Чай")},
}  # fmt: skip
DEALS_OWN = {
    "UF_CRM_2001": {"type": "string"}, "UF_CRM_2002": {"type": "string"}, "UF_CRM_2003": {"type": "date"},
    "UF_CRM_2004": {"type": "double"}, "UF_CRM_2005": {"type": "enumeration", "items": _list("наличные", "карта")},
}  # fmt: skip
MAPPED = {
    "contact.telegram": "UF_CRM_1001", "consent": "UF_CRM_1002", "interests": "UF_CRM_1003",
    "deal.telegram": "ufCrm_2001", "serial": "UF_CRM_2002", "visit_day": "UF_CRM_2003", "discount": "UF_CRM_2004",
    "paid_by": "UF_CRM_2005", "inn": "UF_CRM_3001",
}  # fmt: skip


def _open(running: Running) -> None:
    sim: Bitrix24 = running.of("bitrix24")
    sim.bucket.holds = AT_ONCE
    sim.operating.most = AT_ONCE
    sim.portal.own_fields = {
        str(CONTACT): dict(CONTACTS_OWN), str(DEAL): dict(DEALS_OWN), str(COMPANY): {"UF_CRM_3001": {"type": "string"}},
    }  # fmt: skip


def _person(running: Running, given: Mapping[str, Any]) -> str:
    sim: Bitrix24 = running.of("bitrix24")
    values = [{"typeId": "PHONE", "valueType": "WORK", "value": one} for one in given["phones"]]
    values += [{"typeId": "EMAIL", "valueType": "HOME", "value": one} for one in given["emails"]]
    card = {"name": given["name"], "fm": values, "comments": given.get("comment"), "UF_CRM_1001": given.get("telegram")}
    return str(told(running, lambda: sim.portal.add(CONTACT, card)["id"]))


def _done(running: Running) -> Counter[str]:
    found: Counter[str] = Counter()
    for effect in running.of("bitrix24").effects:
        if effect["kind"] == "comment":
            found[f"note {effect['on'].split()[0]}"] += 1
        elif effect["kind"] == "task":
            found[f"task {LETTERS[effect['on'][0].split('_')[0]]}"] += 1
        elif effect.get("by") == INTEGRATION:
            what = (
                "create" if effect["kind"] == "item_added" else "link" if set(effect["fields"]) <= LINKS else "update"
            )
            found[f"{what} {KINDS[effect['type']]}"] += 1
    return found


def _hide(running: Running, kind: RecordKind, name: str) -> None:
    """The owner takes a field away."""
    sim: Bitrix24 = running.of("bitrix24")
    code = MAPPED.get(name) or MAPPED[f"{kind.value}.{name}"]

    def gone() -> None:
        sim.portal.own_fields[str(TYPES[kind])].pop(code)
        for card in sim.portal.cards[TYPES[kind]].values():
            card.pop(code, None)

    told(running, gone)


def _remove(running: Running, kind: RecordKind, id_: str) -> None:
    told(running, lambda: running.of("bitrix24").portal.delete(TYPES[kind], int(id_)))


def _hurry(running: Running) -> None:
    running.of("bitrix24").bucket = Bucket()


def _lag(running: Running, seconds: float) -> None:
    running.of("bitrix24").portal.index_lag = seconds


def _says(case: Case) -> Iterable[tuple[int, object]]:
    if case.code is not None:
        return [(status, {"error": case.code, "error_description": "так"}) for status in (400, 200)]
    return [(case.status or 400, {"error": "" if case.phrase else "NEW_ONE", "error_description": case.phrase})]


# The way in

HOOKS = Hooks(
    samples="bitrix24",
    told={
        "wh-app-install.form": ["other (no key) (no time): Bitrix24 sent ONAPPINSTALL: nothing here acts on it"],
        "wh-app-uninstall.form": ["connection.disabled (no key) (no time)"],
        "wh-company-update.form": ["contact.changed company:12 (in part) (no key) (no time) -> company 12 updated"],
        "wh-contact-add-app.form": [
            "contact.created contact:134806 (in part) (no key) (no time) -> contact 134806 created"
        ],
        "wh-contact-update-outgoing.form": [
            "contact.changed contact:134806 (in part) (no key) (no time) -> contact 134806 updated"
        ],
        "wh-deal-add-outgoing.form": ["deal.created deal:6675 (in part) (no key) (no time) -> deal 6675 created"],
        "wh-deal-delete-outgoing.form": ["deal.changed deal:6675 (no key) (no time) -> deal 6675 deleted"],
        "wh-deal-move-category.form": ["deal.changed deal:6675 (in part) (no key) (no time) -> deal 6675 updated"],
        "wh-deal-update-app.form": ["deal.changed deal:6675 (in part) (no key) (no time) -> deal 6675 updated"],
        "wh-dynamic-item-update.form": [
            "other (no key) (no time): Bitrix24 sent ONCRMDYNAMICITEMUPDATE: nothing here acts on it"
        ],
        "wh-lead-add.form": ["lead.created lead:250 (in part) (no key) (no time)"],
        "wh-offline-event.form": ["other (no key) (no time): Bitrix24 sent ONOFFLINEEVENT: nothing here acts on it"],
        "wh-robot-app-deal.form": ["deal.changed deal:6675 (in part) (no key) (no time) -> deal 6675 updated"],
        "wh-robot-deal.form": ["deal.changed deal:6675 (in part) (no key) (no time) -> deal 6675 updated"],
        "wh-task-add.form": ["other (no key) (no time): Bitrix24 sent ONTASKADD: nothing here acts on it"],
        "wh-task-update.form": ["other (no key) (no time): Bitrix24 sent ONTASKUPDATE: nothing here acts on it"],
        "wh-timeline-comment-add.form": [
            "other (no key) (no time): Bitrix24 sent ONCRMTIMELINECOMMENTADD: nothing here acts on it"
        ],
    },
    others=("api-*", "oauth-*"),
    bodies=({"event": "ONCRMDEALADD", "data": {"FIELDS": {"ID": "7"}}, "auth": {"member_id": "x"}},),
    public=({"member_id": "0123456789abcdef0123456789abcdef"}, {}),
    proof=Proof(secrets={"application_token": HOOK_TOKEN}, demanded=False),
    content_type=FORM,
)


# What it tells when it is asked


async def _ask(call: Call[Bitrix24Settings]) -> object:
    return await client.ask(call, "profile")


def _begin(running: Running, now: datetime) -> None:
    sim: Bitrix24 = running.of("bitrix24")
    sim.bucket.holds = AT_ONCE
    sim.ahead = now.timestamp() - time.time()


def _won(running: Running, now: datetime) -> Sequence[Entity]:
    """A deal is won; nothing tells of it."""
    sim: Bitrix24 = running.of("bitrix24")
    sim.ahead = now.timestamp() - time.time()
    card = {"name": "Иван", "fm": [{"typeId": "PHONE", "valueType": "WORK", "value": "+79990000007"}]}
    contact = sim.portal.add(CONTACT, card)
    deal = sim.portal.add(DEAL, {"stageId": "WON", "contactIds": [contact["id"]]})
    return [Entity(kind="deal", id=str(deal["id"])), Entity(kind="contact", id=str(contact["id"]))]


def _theirs(kind: RecordKind, ours: Mapping[str, Any], card: Mapping[str, Any] | None = None) -> dict[str, Any]:
    fields: dict[str, Any] = {name: ours[name] for name in ours if name != "phone"}
    if "name" in fields and kind is RecordKind.COMPANY:
        fields["title"] = fields.pop("name")
    elif "name" in fields:
        fields["lastName"] = ""
    if "phone" in ours:
        gone = {str(one["id"]): {"typeId": "PHONE", "value": ""} for one in (card or {}).get("fm", ())}
        fields["fm"] = {**gone, "n0": {"typeId": "PHONE", "value": ours["phone"]}}
    return fields


def _save(running: Running, kind: RecordKind, id_: str, ours: Mapping[str, Any]) -> None:
    portal = running.of("bitrix24").portal
    card = portal.cards[TYPES[kind]][int(id_)]
    told(running, lambda: portal.change(TYPES[kind], card, _theirs(kind, ours, card)))


def _between(running: Running, kind: RecordKind, ours: Mapping[str, Any]) -> None:
    running.of("bitrix24").portal.between.append((TYPES[kind], _theirs(kind, ours)))


def _theirs_of(kind: RecordKind, name: str) -> str:
    code = MAPPED.get(name) or MAPPED.get(f"{kind.value}.{name}") or name
    return code.replace("ufCrm_", "UF_CRM_")


def _deaf(running: Running, kind: RecordKind, name: str) -> None:
    running.of("bitrix24").portal.deaf.append(_theirs_of(kind, name))


def _cut(running: Running, kind: RecordKind, name: str, most: int) -> None:
    running.of("bitrix24").portal.cuts[_theirs_of(kind, name)] = most


def _unsee(running: Running, kind: RecordKind, id_: str) -> None:
    running.of("bitrix24").portal.hidden.append(int(id_))


_REST = f"/rest/{HOOK_USER}/{HOOK_CODE}"
CRM = Crm(
    "bitrix24",
    {"fields": MAPPED, "sources": {"site": "WEB", "bot": "OTHER"}, **UNHURRIED},
    {"webhook_url": f"https://b24-demo0000.bitrix24.ru{_REST}/"},
    open=_open,
    person=_person,
    done=_done,
    lag=_lag,
    hide=_hide,
    remove=_remove,
    save=_save,
    between=_between,
    deaf=_deaf,
    cut=_cut,
    unsee=_unsee,
    tell=lambda running, url: running.of("bitrix24").hooks.append({"url": url, "events": EVENTS}),
    writes={
        **dict.fromkeys(("contact", "company", "deal"), ("POST", f"{_REST}/crm.item.add")),
        "note": ("POST", f"{_REST}/crm.timeline.comment.add"), "task": ("POST", f"{_REST}/tasks.task.add"),
    },
    reads=("POST", f"{_REST}/crm.duplicate.findbycomm"),
    fields={
        RecordKind.CONTACT: {
            "name": "Анна Петрова", "phone": ("+79991234567", "+74951234567"), "email": ("anna@example.test",),
            "telegram": "5550077", "birthday": "1990-02-28", "consent": True, "interests": ("Кофе", "Чай"),
            "responsible": str(INTEGRATION), "source": "bot", "utm_source": "yandex",
        },
        RecordKind.COMPANY: {"name": "ООО Ромашка", "phone": ("+74951234567",), "inn": "7701234567"},
        RecordKind.DEAL: {
            "title": "Заказ 1042", "price": "1500.50", "stage": "C1:UC_1", "pipeline": "1",
            "responsible": str(INTEGRATION), "serial": "SN-1", "telegram": "77", "source": "site",
            "visit_day": "2026-03-29", "discount": "12.5", "page": "https://example.test/?a=1&b=2", "paid_by": "карта",
            "utm_source": "yandex", "utm_campaign": "осень",
        },
    },
    optional={RecordKind.CONTACT: "telegram", RecordKind.COMPANY: "inn", RecordKind.DEAL: "serial"},
    chat="telegram",
    batch=50,
    says=_says,
)  # fmt: skip

VENDOR = Vendor(
    name="bitrix24",
    hooks=HOOKS,
    crm=CRM,
    hurry=_hurry,
    oauth=OAuth(
        "bitrix24",
        {"domain": "b24-demo0000.bitrix24.ru", "client_id": CLIENT_ID, "member_id": MEMBER},
        {"client_secret": CLIENT_SECRET},
        others=({"member_id": "another"}, {"member_id": ""}),
        says=lambda row: (400, {"error": row.says}),
    ),
    asked=Asked(
        "bitrix24", {}, Bitrix24.credentials,
        entity=Entity(kind="deal", id="7"),
        questions=(Question(path="/rest/*", ask=_ask, says=_says),),
        begin=_begin,
        happens=_won,
        wrong={"webhook_url": "https://b24-demo0000.bitrix24.ru/rest/1/nosuchcode0000/"},
    ),
)  # fmt: skip
