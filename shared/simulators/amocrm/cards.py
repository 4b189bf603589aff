"""An account's deals and contacts, in the two shapes that amoCRM shows them: the API's and the webhook's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

ACCOUNT_ID = 31500000
KINDS = ("leads", "contacts", "companies")
PIPELINE = 7000001
UNSORTED, FIRST, TALKS, WON, LOST = 60000010, 60000011, 60000012, 142, 143
STAGES = {
    UNSORTED: "Неразобранное", FIRST: "Первичный контакт", TALKS: "Переговоры", WON: "Успешно реализовано",
    LOST: "Закрыто и не реализовано",
}  # fmt: skip
HUMAN, TOKEN_USER = 9100002, 9100009
CODES = {"PHONE": (300001, "Телефон", 400005, "MOB"), "EMAIL": (300003, "Email", 400013, "WORK")}

Card = dict[str, Any]


def new_lead(lead_id: int, now: int, given: Mapping[str, Any]) -> Card:
    """A deal as the API shows it."""
    contacts = [int(one) for one in given.get("contacts", ())]
    return {
        "id": lead_id, "name": given.get("name", f"Сделка {lead_id}"), "price": given.get("price", 0),
        "responsible_user_id": given.get("responsible_user_id", HUMAN), "group_id": 0,
        "status_id": given.get("status_id", FIRST),
        "pipeline_id": given.get("pipeline_id", PIPELINE), "loss_reason_id": None, "created_by": HUMAN,
        "updated_by": HUMAN, "created_at": now, "updated_at": now, "closed_at": None, "closest_task_at": None,
        "is_deleted": False, "custom_fields_values": None, "score": None, "account_id": ACCOUNT_ID,
        "_embedded": {
            "tags": [],
            "contacts": [{"id": one, "is_main": place == 0} for place, one in enumerate(contacts)],
            "companies": [],
        },
    }  # fmt: skip


def new_contact(contact_id: int, now: int, given: Mapping[str, Any]) -> Card:
    """A contact as the API shows it; `phone` and `email` go into amoCRM's own fields."""
    values = []
    for code, name in (("PHONE", "phone"), ("EMAIL", "email")):
        if given.get(name):
            field_id, field_name, enum_id, enum_code = CODES[code]
            many = given[name] if isinstance(given[name], list) else [given[name]]
            values.append(
                {
                    "field_id": field_id, "field_name": field_name, "field_code": code, "field_type": "multitext",
                    "values": [{"value": one, "enum_id": enum_id, "enum_code": enum_code} for one in many],
                }
            )  # fmt: skip
    parts = (given.get("first_name"), given.get("last_name"))
    name = str(given.get("name") or " ".join(filter(None, parts)) or f"Контакт {contact_id}")
    return {
        "id": contact_id, "name": name, "first_name": name.split()[0], "last_name": " ".join(name.split()[1:]),
        "responsible_user_id": given.get("responsible_user_id", HUMAN), "group_id": 0, "created_by": HUMAN,
        "updated_by": HUMAN, "created_at": now,
        "updated_at": now, "closest_task_at": None, "is_deleted": False, "is_unsorted": False,
        "custom_fields_values": values or None, "account_id": ACCOUNT_ID,
        "_embedded": {"tags": [], "leads": [], "companies": []},
    }  # fmt: skip


def lead_hook(lead: Card, **old: Any) -> Card:
    """A deal as a webhook tells it: never with anything of its contacts."""
    return {
        "id": lead["id"], "name": lead["name"], "status_id": lead["status_id"], "price": lead["price"],
        "responsible_user_id": lead["responsible_user_id"], "last_modified": lead["updated_at"],
        "modified_user_id": lead["updated_by"], "created_user_id": lead["created_by"],
        "date_create": lead["created_at"], "pipeline_id": lead["pipeline_id"], "account_id": ACCOUNT_ID,
        "custom_fields": _legacy_fields(lead), "created_at": lead["created_at"], "updated_at": lead["updated_at"],
        **old,
    }  # fmt: skip


def contact_hook(contact: Card, type_: str = "contact") -> Card:
    """A contact as a webhook tells it, or a company."""
    linked = {str(one["id"]): {"ID": one["id"]} for one in contact["_embedded"]["leads"]}
    return {
        "id": contact["id"], "name": contact["name"], "responsible_user_id": contact["responsible_user_id"],
        "date_create": contact["created_at"], "last_modified": contact["updated_at"],
        "created_user_id": contact["created_by"], "modified_user_id": contact["updated_by"],
        "account_id": ACCOUNT_ID, "custom_fields": _legacy_fields(contact), "created_at": contact["created_at"],
        "updated_at": contact["updated_at"], "type": type_, "linked_leads_id": linked,
    }  # fmt: skip


def _legacy_fields(card: Card) -> list[Card]:
    return [
        {
            "id": one["field_id"], "name": one["field_name"],
            "values": [{"value": value["value"], "enum": value.get("enum_id")} for value in one["values"]],
            "code": one["field_code"],
        }
        for one in card["custom_fields_values"] or ()
    ]  # fmt: skip


def form(content: Mapping[str, Any]) -> bytes:
    """PHP's http_build_query: brackets percent-encoded, every value a text, empty lists left out."""
    return urlencode(list(_pairs(content, ""))).encode()


def _pairs(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _pairs(inner, f"{name}[{key}]" if name else str(key))
    elif value is not None:
        yield name, str(int(value)) if isinstance(value, bool) else str(value)
