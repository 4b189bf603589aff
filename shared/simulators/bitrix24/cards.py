"""A portal's leads, deals, contacts and companies as `crm.item.*` keeps and shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from simulators.bitrix24.parameters import items

LEAD, DEAL, CONTACT, COMPANY = 1, 2, 3, 4
KINDS = {LEAD: "LEAD", DEAL: "DEAL", CONTACT: "CONTACT", COMPANY: "COMPANY"}
LETTERS = {LEAD: "L", DEAL: "D", CONTACT: "C", COMPANY: "CO"}
ZONE = timezone(timedelta(hours=3))
HUMAN, INTEGRATION = 6, 77

STAGES: dict[int | None, dict[str, tuple[str, str]]] = {
    0: {
        "NEW": ("Новая", "P"), "PREPARATION": ("Подготовка документов", "P"), "EXECUTING": ("В работе", "P"),
        "WON": ("Сделка успешна", "S"), "LOSE": ("Сделка провалена", "F"), "APOLOGY": ("Анализ причины провала", "F"),
    },
    1: {"C1:NEW": ("Новая", "P"), "C1:UC_1": ("Едет", "P"), "C1:WON": ("Доставлено", "S"), "C1:LOSE": ("Отказ", "F")},
    None: {
        "NEW": ("Не обработан", "P"), "IN_PROCESS": ("В работе", "P"), "CONVERTED": ("Качественный лид", "S"),
        "JUNK": ("Некачественный лид", "F"),
    },
}  # fmt: skip
"""Pipeline of deals (None: leads) -> its stages with name and what they mean."""

SOURCES = {
    "CALL": "Звонок", "EMAIL": "Электронная почта", "WEB": "Веб-сайт", "ADVERTISING": "Реклама",
    "WEBFORM": "CRM-форма", "OTHER": "Другое",
}  # fmt: skip

_UTM = ("utmSource", "utmMedium", "utmCampaign", "utmContent", "utmTerm")
_COMMON = (
    "assignedById", "opened", "comments", "sourceId", "sourceDescription", "originatorId", "originId", *_UTM,
    "observers",
)  # fmt: skip
_PERSON = ("name", "secondName", "lastName", "honorific", "birthdate", "post")
TAKES = {
    LEAD: (
        *_COMMON, *_PERSON, "title", "companyTitle", "stageId", "opportunity", "currencyId", "isManualOpportunity",
        "companyId", "contactIds", "statusDescription",
    ),
    DEAL: (
        *_COMMON, "title", "typeId", "categoryId", "stageId", "opportunity", "currencyId", "isManualOpportunity",
        "companyId", "contactIds", "begindate", "closedate", "additionalInfo", "leadId", "probability",
    ),
    CONTACT: (*_COMMON, *_PERSON, "typeId", "companyIds", "originVersion", "leadId", "export"),
    COMPANY: (*_COMMON, "title", "typeId", "industry", "revenue", "currencyId", "contactIds", "originVersion"),
}  # fmt: skip
"""What may be written; anything else in `fields` is passed over in silence, as at Bitrix24."""

LONGEST = {"name": 50, "lastName": 50, "secondName": 50, "title": 255}
"""Characters of a line; what is longer is refused (from memory)."""

DATES = frozenset({"birthdate", "begindate", "closedate"})
MANY = frozenset({"contactIds", "companyIds", "observers"})
WITH_FM = frozenset({LEAD, CONTACT, COMPANY})
NUMBERS = frozenset({"assignedById", "companyId", "leadId", "categoryId"})

Card = dict[str, Any]


class Refusal(Exception):
    """Bitrix24 says no."""

    def __init__(self, status: int, code: object, text: str = "") -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


def not_found(what: str = "Элемент не найден") -> Refusal:
    return Refusal(400, "NOT_FOUND", what)


def stamp(now: float) -> str:
    """A moment in the portal's zone."""
    return datetime.fromtimestamp(int(now), UTC).astimezone(ZONE).isoformat()


def midnight(value: object) -> str | None:
    """A date as the portal shows it: a moment of its own zone."""
    found = re.match(r"(\d{4}-\d{2}-\d{2})", str(value or ""))
    return f"{found[1]}T03:00:00+03:00" if found else None


def _zoned(moment: datetime) -> datetime:
    return moment.replace(tzinfo=ZONE) if moment.tzinfo is None else moment.astimezone(ZONE)


def _moment(value: str) -> str | None:
    """A time as the portal shows it, in its own zone; one without an offset is of that zone."""
    try:
        return _zoned(datetime.fromisoformat(value)).isoformat()
    except ValueError:
        return None


def camel(name: str) -> str:
    """`UF_CRM_1720697698689` -> `ufCrm_1720697698689`."""
    found = re.fullmatch(r"UF_CRM_(\w+)", name)
    return f"ufCrm_{found[1]}" if found and found[1].isdigit() else name


def blank(kind: int, id_: int, now: float, by: int) -> Card:
    """A card as it is before anything is written on it."""
    made: Card = {
        "id": id_, "createdTime": stamp(now), "updatedTime": stamp(now), "createdBy": by, "updatedBy": by,
        "assignedById": by, "opened": "Y", "lastActivityBy": by, "lastActivityTime": stamp(now),
        **dict.fromkeys(TAKES[kind]),
    }  # fmt: skip
    made |= {"assignedById": by, "opened": "Y", **{name: [] for name in MANY if name in made}}
    if kind in (LEAD, DEAL):
        made |= {
            "opportunity": 0, "isManualOpportunity": "N", "currencyId": "RUB", "movedTime": stamp(now), "movedBy": by,
            "companyId": 0,
        }  # fmt: skip
    if kind == DEAL:
        made |= {"categoryId": 0, "typeId": "SALE"}
    if kind == CONTACT:
        made |= {"typeId": "CLIENT", "export": "Y"}
    if kind in WITH_FM:
        made["fm"] = []
    return made


def semantics(kind: int, card: Mapping[str, Any]) -> str:
    """What its stage means: P in work, S won, F lost."""
    stages = STAGES.get(card["categoryId"] if kind == DEAL else None, {})
    return stages[card["stageId"]][1]


@dataclass
class Numbers:
    """Ids of values of multi-fields."""

    last: int = 155

    def next(self) -> int:
        self.last += 1
        return self.last


def with_fm(old: list[Card], given: object, numbers: Numbers) -> list[Card]:
    """Multi-fields after a write: what has no id of its own is added, whether it is there already or not.

    Raises Refusal for what isn't a list or a map of values.
    """
    if isinstance(given, list):
        given = {str(one.get("id") or f"n{place}"): one for place, one in enumerate(given) if isinstance(one, dict)}
    if not isinstance(given, dict):
        raise Refusal(400, "100", f"Expected iterable value for multiple field, but got {type(given).__name__} instead")
    kept = [dict(one) for one in old]
    for key, one in given.items():
        if not isinstance(one, dict) or one.get("typeId") not in ("PHONE", "EMAIL", "WEB", "IM"):
            continue
        present = next((value for value in kept if str(value["id"]) == str(key)), None)
        value = str(one.get("value") or "").strip()
        if present is not None and not value:
            kept.remove(present)
        elif present is not None:
            present.update({"value": value, "valueType": one.get("valueType") or present["valueType"]})
        elif value and not str(key).isdigit():
            kept.append({
                "id": numbers.next(), "valueType": one.get("valueType") or "WORK", "value": value,
                "typeId": one["typeId"],
            })  # fmt: skip
    return kept


def shown(kind: int, card: Card, *, original: bool, select: Iterable[str] = ("*",)) -> Card:
    """A card as an answer has it."""
    wanted = set(select) or {"*"}
    whole: Card = {name: value for name, value in card.items() if name != "fm"}
    if kind in (LEAD, DEAL):
        meaning = semantics(kind, card)
        whole |= {"stageSemanticId": meaning, "closed": "N" if meaning == "P" else "Y"}
    if "contactIds" in whole:
        whole["contactId"] = next(iter(whole["contactIds"]), 0)
    if "companyIds" in whole:
        whole["companyId"] = next(iter(whole["companyIds"]), 0)
    if not original:
        whole = {camel(name): value for name, value in whole.items()}
    if "*" not in wanted:
        return {name: value for name, value in whole.items() if name in wanted or name == "id"}
    if "fm" in card:
        whole |= _aliases(card["fm"]) | {"fm": [dict(one) for one in card["fm"]]}
    return {**whole, "entityTypeId": kind}


def _aliases(fm: list[Card]) -> Card:
    """The first values, flat: for reading only."""

    def first(type_: str, sort: str | None = None) -> str:
        return next((one["value"] for one in fm if one["typeId"] == type_ and sort in (None, one["valueType"])), "")

    return {
        "hasPhone": "Y" if first("PHONE") else "N", "hasEmail": "Y" if first("EMAIL") else "N", "hasImol": "N",
        "phoneMobile": first("PHONE", "MOBILE"), "phoneWork": first("PHONE", "WORK"), "phoneMailing": "",
        "emailHome": first("EMAIL", "HOME"), "emailWork": first("EMAIL", "WORK"), "emailMailing": "", "imol": "",
        "email": first("EMAIL"), "phone": first("PHONE"),
    }  # fmt: skip


def plain_phone(value: str) -> str:
    """By what duplicates are found: digits without an extension, 8 and 7 for one; no country is guessed."""
    digits = re.sub(r"\D", "", re.split(r"(?i)доб|ext|[,;#]", value)[0])
    return "7" + digits[1:] if len(digits) == 11 and digits[0] == "8" else digits


def own_value(shape: Card, value: Any) -> Any:
    """What a field that the owner has made keeps of a value, by its type; nothing of what it can't keep."""
    if shape.get("isMultiple"):
        kept = (own_value({**shape, "isMultiple": False}, one) for one in items(value))
        return [one for one in kept if one is not None]
    if isinstance(value, list | dict):
        return None
    text = str("" if value is None else value).strip()
    match shape.get("type"):
        case "enumeration":
            return int(text) if text in {str(one["ID"]) for one in shape["items"]} else None
        case "boolean":
            return "Y" if text in ("Y", "1", "True") else "N"
        case "date":
            return midnight(text)
        case "datetime":
            return _moment(text)
        case "integer" | "double":
            return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
    return text or None


def ids(given: object) -> list[int]:
    """Ids as numbers."""
    return [int(one) for one in items(given) if str(one).isdigit()]
