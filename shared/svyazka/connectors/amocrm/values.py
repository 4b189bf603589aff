"""One field's values as amoCRM takes and shows them, by the field's type. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from svyazka.connectors.amocrm.dictionary import UNTYPED, CustomField
from svyazka.connectors.amocrm.schema import sections
from svyazka.engine.contracts.untrusted import Section, number, text
from svyazka.model.base import plausible
from svyazka.model.money import plain_amount
from svyazka.model.records import CLEARED, UNREAD, Shown, Value

Entry = dict[str, object]
"""One of a field's values as it is sent."""

TEXTS = frozenset({"text", "textarea", "url", "streetaddress", "tracking_data", UNTYPED})
NUMBERS = frozenset({"numeric", "price", "monetary"})
CHOICES = frozenset({"select", "radiobutton", "category"})
DAYS = frozenset({"date", "birthday"})

YES = frozenset({"1", "true", "yes", "да", "on", "+"})
NO = frozenset({"0", "false", "no", "нет", "off", "-"})

PHONE_LABEL, EMAIL_LABEL = "MOB", "WORK"
"""How a value of ours is labelled; what people labelled keeps its label."""


def shown(field: CustomField, entry: Section, zone: str) -> Shown:
    """What a card's field holds; UNREAD for a type that we don't know how to write back."""
    entries = _entries(entry.get("values"))
    values = [one.get("value") for one in entries]
    if not values:
        return CLEARED
    texts = [plain for one in values if (plain := text(one, 10_000)) is not None]
    if field.type in ("multitext", "multiselect"):
        return tuple(texts) or CLEARED
    if field.type in TEXTS or field.type in CHOICES:
        return texts[0] if texts else CLEARED
    if field.type == "checkbox":
        return values[0] is True or (texts[0].casefold() in YES if texts else False)
    if field.type in NUMBERS:
        return (plain_amount(texts[0]) or texts[0]) if texts else CLEARED
    if field.type in DAYS:
        moment = _moment(values[0], zone)
        return moment.date().isoformat() if moment is not None else texts[0] if texts else CLEARED
    if field.type == "date_time":
        moment = _moment(values[0], zone)
        return moment.isoformat() if moment is not None else CLEARED
    return UNREAD


def sent(field: CustomField, value: Value, zone: str) -> list[Entry] | None:
    """The values to send; None for one that the field can't take."""
    many = value if isinstance(value, tuple) else (value,)
    if field.type in CHOICES or field.type == "multiselect":
        found = [number for one in many if (number := _choice(field, one)) is not None]
        return [{"enum_id": number} for number in found] if len(found) == len(many) else None
    if field.type == "multitext":
        label = {"PHONE": PHONE_LABEL, "EMAIL": EMAIL_LABEL}.get(field.code or "")
        return [{"value": str(one), **({"enum_code": label} if label else {})} for one in many]
    plain = ", ".join(value) if isinstance(value, tuple) else value
    if field.type == "checkbox":
        said = plain if isinstance(plain, bool) else _yes_or_no(plain)
        return None if said is None else [{"value": said}]
    words = ("да" if plain else "нет") if isinstance(plain, bool) else plain
    if field.type in TEXTS:
        return [{"value": words}]
    if field.type in NUMBERS:
        amount = plain_amount(words)
        return [{"value": amount}] if amount is not None else None
    if field.type in DAYS or field.type == "date_time":
        moment = _written_moment(words, zone)
        return [{"value": moment.isoformat()}] if moment is not None else None
    return None


def _entries(values: object) -> Sequence[Section]:
    """A radio button's is one object in place of a list; a date's list may hold bare numbers."""
    if isinstance(values, dict):
        return [values] if "value" in values else list(sections(values))
    if not isinstance(values, list):
        return ()
    return [one if isinstance(one, dict) else {"value": one} for one in values]


def _choice(field: CustomField, value: object) -> int | None:
    words = str(value).strip()
    if words.isdigit() and int(words) in field.enums.values():
        return int(words)
    return field.enums.get(words.casefold())


def _yes_or_no(words: str) -> bool | None:
    plain = words.strip().casefold()
    return True if plain in YES else False if plain in NO else None


def _moment(value: object, zone: str) -> datetime | None:
    """Unix seconds or RFC 3339, as the account's zone sees it. A day is its midnight there, in old accounts that of
    UTC: both are the same date east of Greenwich, where all these accounts are."""
    seconds = number(value)
    if isinstance(value, str) and value.lstrip("-").isdigit():
        seconds = int(value)
    try:
        if seconds is not None:
            found = datetime.fromtimestamp(seconds, UTC)
        else:
            found = datetime.fromisoformat(str(value))
            found = found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, OverflowError, OSError):
        return None
    return found.astimezone(ZoneInfo(zone)) if plausible(found) is not None or seconds is not None else None


def _written_moment(words: str, zone: str) -> datetime | None:
    """A date (its midnight in the account's zone) or a moment, with the offset written out."""
    try:
        if len(words) <= len("2026-03-14"):
            return datetime.combine(date.fromisoformat(words), datetime.min.time(), ZoneInfo(zone))
        found = datetime.fromisoformat(words)
    except ValueError:
        return None
    return found.astimezone(ZoneInfo(zone)) if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(zone))
