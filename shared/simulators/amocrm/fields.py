"""An account's own fields, and what they make of values that they are given: by id or code, by type, whole lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from simulators.amocrm.cards import ACCOUNT_ID, CODES, Card

UTM = ("UTM_CONTENT", "UTM_MEDIUM", "UTM_CAMPAIGN", "UTM_SOURCE", "UTM_TERM")
LABELS = {
    "PHONE": {"WORK": 400001, "WORKDD": 400003, "MOB": 400005, "FAX": 400007, "HOME": 400009, "OTHER": 400011},
    "EMAIL": {"WORK": 400013, "PRIV": 400015, "OTHER": 400017},
}  # fmt: skip
MOST = 40
"""Custom fields that one card takes in one call."""

NOT_A_CHOICE = ("NotSupportedChoice", "The value you selected is not a valid choice.")


def custom_field(id_: int, name: str, type_: str = "text", code: str | None = None, enums: Iterable[str] = ()) -> Card:
    """A field as the API shows it."""
    labels = LABELS.get(code or "", {})
    choices = [{"id": number, "value": label, "sort": number, "code": label} for label, number in labels.items()]
    choices += [
        {"id": id_ * 100 + place, "value": value, "sort": place, "code": None} for place, value in enumerate(enums)
    ]
    return {
        "id": id_, "name": name, "type": type_, "code": code, "sort": 500, "account_id": ACCOUNT_ID,
        "is_api_only": False, "enums": choices or None,
    }  # fmt: skip


def every_accounts() -> dict[str, dict[int, Card]]:
    """The fields that every account has."""
    people = [custom_field(id_, name, "multitext", code) for code, (id_, name, _, _) in CODES.items()]
    tracking = [custom_field(300200 + place, code.lower(), "tracking_data", code) for place, code in enumerate(UTM)]
    return {
        "leads": {one["id"]: one for one in tracking},
        "contacts": {one["id"]: one for one in people},
        "companies": {one["id"]: dict(one) for one in people},
    }  # fmt: skip


def named(fields: Mapping[int, Card], entry: Mapping[str, Any]) -> Card | None:
    """The field that an entry of `custom_fields_values` names."""
    if entry.get("field_id") is not None:
        found = entry["field_id"]
        return fields.get(found) if isinstance(found, int) else None
    return next((one for one in fields.values() if one["code"] and one["code"] == entry.get("field_code")), None)


def complaints(fields: Mapping[int, Card], given: Any) -> list[tuple[str, str, str]]:
    """What is wrong with `custom_fields_values`: code, place and words of each mistake."""
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > MOST:
        return [("InvalidType", "custom_fields_values", "This value should be of type array.")]
    found = []
    for place, entry in enumerate(given):
        at = f"custom_fields_values.{place}"
        one = named(fields, entry)
        if one is None:
            found.append((NOT_A_CHOICE[0], f"{at}.field_id", NOT_A_CHOICE[1]))
            continue
        for number, value in enumerate(entry.get("values") or ()):
            problem = _wrong(one, value)
            if problem is not None:
                found.append((problem[0], f"{at}.values.{number}.value", problem[1]))
    return found


def _wrong(one: Card, value: Mapping[str, Any]) -> tuple[str, str] | None:
    if one["type"] in ("select", "multiselect", "radiobutton"):
        ids, words = [e["id"] for e in one["enums"] or ()], [e["value"] for e in one["enums"] or ()]
        return None if value.get("enum_id") in ids or value.get("value") in words else NOT_A_CHOICE
    plain = value.get("value")
    try:
        match one["type"]:
            case "checkbox":
                assert isinstance(plain, bool)
            case "numeric" | "price" | "monetary":
                float(str(plain))
            case "date" | "birthday" | "date_time":
                _seconds(plain)
            case _:
                assert isinstance(plain, str)
    except (AssertionError, ValueError):
        return "InvalidType", f"This value should be of another type than {type(plain).__name__}."
    return None


def _seconds(value: Any) -> int:
    return value if isinstance(value, int) else int(datetime.fromisoformat(str(value)).timestamp())


def put(fields: Mapping[int, Card], card: Card, given: Any) -> None:
    """Each field that is mentioned gets these values and loses what it had; null takes away all, or one."""
    if given is None:
        card["custom_fields_values"] = None
        return
    kept = {one["field_id"]: one for one in card["custom_fields_values"] or ()}
    for entry in given:
        one = named(fields, entry)
        assert one is not None, "complained of before"
        kept.pop(one["id"], None)
        if entry.get("values"):
            kept[one["id"]] = {
                "field_id": one["id"], "field_name": one["name"], "field_code": one["code"],
                "field_type": one["type"], "values": [_stored(one, value) for value in entry["values"]],
            }  # fmt: skip
    card["custom_fields_values"] = list(kept.values()) or None


def _stored(one: Card, value: Mapping[str, Any]) -> Card:
    enums = one["enums"] or ()
    if one["type"] in ("select", "multiselect", "radiobutton"):
        chosen = next(e for e in enums if value.get("enum_id") == e["id"] or value.get("value") == e["value"])
        return {"value": chosen["value"], "enum_id": chosen["id"], "enum_code": chosen["code"]}
    if one["type"] == "multitext":
        label = value.get("enum_code") or next((e["code"] for e in enums if e["id"] == value.get("enum_id")), "WORK")
        return {"value": value["value"], "enum_id": LABELS[one["code"]][label], "enum_code": label}
    if one["type"] in ("date", "birthday", "date_time"):
        return {"value": _seconds(value["value"])}
    return {"value": str(value["value"]) if one["type"] == "numeric" else value["value"]}
