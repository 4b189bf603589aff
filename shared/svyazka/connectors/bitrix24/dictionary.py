"""A portal's fields that the settings name: of which type they are, and values in their form."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from svyazka.connectors.bitrix24 import client
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.model.money import plain_amount
from svyazka.model.records import CLEARED, UNREAD, RecordKind, Shown, Wanted

ENTITY = {RecordKind.DEAL: client.DEAL, RecordKind.CONTACT: client.CONTACT, RecordKind.COMPANY: client.COMPANY}

KNOWN_FOR = 600.0
"""Seconds for which the list of fields is taken for true."""

YES = frozenset({"1", "y", "yes", "true", "да"})
CURRENCY = "RUB"
_FILES = frozenset({"file", "address", "resourcebooking"})
"""Types whose values no text makes."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field as the portal describes it."""

    code: str
    type: str
    is_many: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    """Of a list: id -> what people read."""

    def sent(self, value: Wanted) -> object:
        """A value in its form; None where it takes no such value."""
        if value is CLEARED:
            return [] if self.is_many else ""
        if self.type in _FILES:
            return None
        given = value if isinstance(value, tuple) else (value,)
        found = [one for one in map(self._one, given) if one is not None]
        if len(found) < len(given) or not found:
            return None
        return found if self.is_many else found[0]

    def _one(self, value: str | bool) -> object:
        plain = str(value).strip()
        match self.type:
            case "boolean":
                return "Y" if value is True or plain.casefold() in YES else "N"
            case "enumeration":
                alike = (id_ for id_, label in self.options.items() if label.casefold() == plain.casefold())
                return next(alike, plain if plain in self.options else None)
            case "date":
                return plain[:10] if re.match(r"\d{4}-\d{2}-\d{2}", plain) else None
            case "integer" | "user" | "employee":
                return int(plain) if re.fullmatch(r"-?\d{1,18}", plain, re.ASCII) else None
            case "double":
                amount = plain_amount(plain)
                return float(amount) if amount is not None else None
            case "money":
                amount = plain_amount(plain)
                return f"{amount}|{CURRENCY}" if amount is not None else None
        return plain

    def shown(self, raw: object) -> Shown:
        """What stands in it."""
        if self.type in _FILES:
            return UNREAD
        values = tuple(one for one in map(self._read, raw if isinstance(raw, list) else [raw]) if one is not None)
        if self.type == "boolean" and not self.is_many:
            return values[0].casefold() in YES if values else CLEARED
        return CLEARED if not values else values if self.is_many else values[0]

    def _read(self, raw: object) -> str | None:
        plain = ("1" if raw else "0") if isinstance(raw, bool) and self.type == "boolean" else text(raw)
        if plain is None or (self.type in ("user", "employee", "enumeration") and plain == "0"):
            return None
        match self.type:
            case "enumeration":
                return self.options.get(plain, plain)
            case "date":
                # A date comes as a moment of the portal's own zone.
                return plain[:10]
            case "double" | "money":
                return plain_amount(plain.partition("|")[0])
        return plain


async def fields_of(call: Call[Bitrix24Settings], kind: RecordKind) -> Mapping[str, Field]:
    """Our name -> the field that the settings give it; those alone that this kind of card has. Raises as `ask`."""
    wanted = call.settings.fields
    if not wanted:
        return {}
    known: dict[RecordKind, tuple[float, Section]] = call.memo.setdefault("bitrix24.fields", {})
    until, told = known.get(kind, (0.0, {}))
    if until <= time.monotonic():
        params = {"entityTypeId": ENTITY[kind], **client.ORIGINAL}
        told = section(await client.ask(call, "crm.item.fields", params), "fields")
        known[kind] = time.monotonic() + KNOWN_FOR, told
    # `deal.telegram` is a deal's alone, and goes before `telegram`, which is any card's that has such a field.
    owned = {name.removeprefix(f"{kind.value}."): code for name, code in wanted.items() if f"{kind.value}." in name}
    plain = {name: code for name, code in wanted.items() if "." not in name}
    return {name: _field(code, section(told[code])) for name, code in {**plain, **owned}.items() if code in told}


def _field(code: str, shape: Section) -> Field:
    options = {text(one.get("ID")) or "": text(one.get("VALUE")) or "" for one in sections(shape.get("items"))}
    return Field(code, text(shape.get("type")) or "string", shape.get("isMultiple") is True, options)
