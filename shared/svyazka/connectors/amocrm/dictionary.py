"""The account's own fields: which of ours is which of theirs, and what type of value each takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from svyazka.connectors.amocrm import client
from svyazka.connectors.amocrm.schema import EMAIL, PHONE, sections
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, text, whole
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.outcomes import Blocked
from svyazka.model.records import RecordKind

ENTITY = {RecordKind.CONTACT: "contacts", RecordKind.COMPANY: "companies", RecordKind.DEAL: "leads"}
"""What amoCRM calls them in its paths."""

KNOWN_FOR = 600.0
"""Seconds for which an account's list of fields is believed."""

_PEOPLE = {"phone": PHONE, "email": EMAIL}
_TRACKING = {f"utm_{name}": f"UTM_{name.upper()}" for name in ("source", "medium", "campaign", "content", "term")}
OWN: Mapping[RecordKind, Mapping[str, str]] = {
    RecordKind.CONTACT: _PEOPLE, RecordKind.COMPANY: _PEOPLE, RecordKind.DEAL: _TRACKING,
}  # fmt: skip
"""Fields that every account has, by their codes."""

UNTYPED = "unknown"
"""A field of which the list of fields told nothing: this user may not see the list."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """One field of an account's cards."""

    id: int | None
    code: str | None
    type: str
    enums: Mapping[str, int] = field(default_factory=dict)
    """What may be chosen, in lower case -> its id."""

    def named(self) -> dict[str, int | str]:
        """As a write names it."""
        return {"field_id": self.id} if self.id is not None else {"field_code": self.code or ""}

    def is_it(self, entry: Section) -> bool:
        """Whether a card's field is this one."""
        if self.id is not None and whole(entry.get("field_id")) is not None:
            return whole(entry.get("field_id")) == self.id
        return self.code is not None and (text(entry.get("field_code")) or "").upper() == self.code


@dataclass(frozen=True, slots=True)
class Fields:
    """How our names are mapped at one kind of card."""

    by_name: Mapping[str, CustomField]
    mark: CustomField | None
    seen: bool
    """The account's own list was read: what isn't among it doesn't exist."""


async def fields_of(call: Call[AmocrmSettings], kind: RecordKind) -> Fields:
    """Our names -> the account's fields, as far as these exist. Raises VendorFailure, NotSent, MaybeSent."""
    known = await _known(call, kind)
    settings = call.settings
    wanted = dict(OWN[kind])
    for name, theirs in settings.fields.items():
        owner, dot, plain = name.rpartition(".")
        # Where the list can't be seen, nobody knows whose a field is that is given by its number alone: a deal's,
        # as in all examples. A wrong guess is refused by amoCRM, field by field.
        if owner == kind.value or (not dot and (known is not None or kind is RecordKind.DEAL)):
            wanted[plain] = theirs
    found = {name: one for name, theirs in wanted.items() if (one := _found(theirs, known)) is not None}
    mark = settings.mark_field.get(kind) if isinstance(settings.mark_field, dict) else settings.mark_field
    return Fields(found, _found(mark, known) if mark is not None else None, seen=known is not None)


def _found(theirs: str, known: Mapping[str, CustomField] | None) -> CustomField | None:
    if known is not None:
        return known.get(theirs)
    if theirs in (PHONE, EMAIL):
        return CustomField(None, theirs, "multitext")
    return CustomField(int(theirs), None, UNTYPED) if theirs.isdigit() else CustomField(None, theirs, UNTYPED)


async def _known(call: Call[AmocrmSettings], kind: RecordKind) -> Mapping[str, CustomField] | None:
    """The account's fields by id and by code; None where this user may not see them."""
    place = f"amocrm.fields.{kind.value}"
    held: tuple[float, Mapping[str, CustomField] | None] | None = call.memo.get(place)
    if held is not None and held[0] > time.monotonic():
        return held[1]
    known: dict[str, CustomField] | None = {}
    try:
        async for one in client.every(call, f"{ENTITY[kind]}/custom_fields", "custom_fields"):
            found = _custom_field(one)
            if found is not None and known is not None:
                known[str(found.id)] = found
                if found.code:
                    known[found.code] = found
    except VendorFailure as error:
        if error.code != "403" or not isinstance(error.outcome, Blocked):
            raise
        known = None  # only an administrator may see them
    call.memo[place] = (time.monotonic() + KNOWN_FOR, known)
    return known


async def every_field(call: Call[AmocrmSettings], kind: RecordKind) -> set[str] | None:
    """Ids and codes of a kind's fields; None where this user may not see them."""
    known = await _known(call, kind)
    return set(known) if known is not None else None


def forget_fields(call: Call[AmocrmSettings], kind: RecordKind) -> None:
    """What we know of them was wrong: look anew at the next call."""
    call.memo.pop(f"amocrm.fields.{kind.value}", None)


def _custom_field(body: Section) -> CustomField | None:
    id_, code = whole(body.get("id")), text(body.get("code"))
    if id_ is None:
        return None
    choices = ((text(one.get("value")), whole(one.get("id"))) for one in sections(body.get("enums")))
    enums = {value.casefold(): number for value, number in choices if value is not None and number is not None}
    return CustomField(id_, code.upper() if code else None, text(body.get("type")) or UNTYPED, enums)
