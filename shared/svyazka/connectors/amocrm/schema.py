"""amoCRM's objects as they are read, from a webhook's form, from its JSON or from the API: one reading for all.

A form's values are all texts, the API's are numbers; a form's lists are maps with numbers for keys. Plain
dicts, not pydantic models: the webhook function starts cold and reads a dozen fields of a hundred.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.bracketed import items
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.model.contacts import Contact
from svyazka.model.phones import candidates

ID_LIMIT = 40
PHONE, EMAIL = "PHONE", "EMAIL"
"""Codes of amoCRM's own fields; they are the same in every account."""

PHONE_NAMES = frozenset({"телефон", "phone", "тел", "тел."})
EMAIL_NAMES = frozenset({"email", "e-mail", "почта", "эл. почта"})
_NUMBERS = re.compile(r"[,;\n]|\s/\s")


Field = tuple[str | None, str | None, str]
"""Code, name and one value of a custom field."""


class NotUnderstood(ValueError):
    """One item of a request that can't be read; the others can."""


def sections(value: object) -> Iterator[Section]:
    """The objects of a list or of a form's map, whatever else stands in it."""
    return (item for item in items(value) if isinstance(item, Mapping))


def identifier(value: object) -> str | None:
    """An id as text, never shortened: two long ones must not become one. Raises NotUnderstood."""
    found = text(value)
    if found is not None and len(found) > ID_LIMIT * 2:
        raise NotUnderstood(
            N_("expected an id of at most {value} characters, got a longer one").format(value=ID_LIMIT * 2)
        )
    return found


def moment(value: object) -> datetime | None:
    """Unix seconds. Text dates are never read: tasks have them in UTC, notes three hours off."""
    seconds = text(value, 20)
    if seconds is None or not seconds.isascii() or not seconds.isdigit() or not 0 < int(seconds) < 2**33:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def seconds_of(value: object) -> int | None:
    """The same as a number."""
    found = moment(value)
    return int(found.timestamp()) if found else None


@dataclass(frozen=True, slots=True)
class Lead:
    """A deal in any of its forms."""

    id: str
    status: str | None
    pipeline: str | None
    old_status: str | None
    old_pipeline: str | None
    updated_at: int | None
    created_at: int | None
    closed_at: int | None
    account: str | None
    body: Section

    @classmethod
    def of(cls, body: Section) -> Lead:
        """Raises NotUnderstood when there is no id."""
        identity = identifier(body.get("id"))
        if identity is None:
            raise NotUnderstood(N_("expected the id of a deal, found none"))
        return cls(
            id=identity, status=text(body.get("status_id")), pipeline=text(body.get("pipeline_id")),
            old_status=text(body.get("old_status_id")), old_pipeline=text(body.get("old_pipeline_id")),
            updated_at=seconds_of(body.get("updated_at")) or seconds_of(body.get("last_modified")),
            created_at=seconds_of(body.get("created_at")) or seconds_of(body.get("date_create")),
            closed_at=seconds_of(body.get("closed_at")), account=text(body.get("account_id")), body=body,
        )  # fmt: skip


def person(body: Section) -> Contact:
    """Whom a contact's card is about: phone by the brief's order (v4 fields, legacy fields, a bare `phone`)."""
    v4, legacy = list(_fields(body.get("custom_fields_values"))), list(_fields(body.get("custom_fields")))
    phones = (_phone(v4), _phone(legacy), _best(split_values(text(body.get("phone")) or "")))
    emails = (value for code, name, value in [*v4, *legacy] if _is(code, name, EMAIL, EMAIL_NAMES) and "@" in value)
    return Contact(
        name=text(body.get("first_name")) or text(body.get("name")),
        phone=next(filter(None, phones), None),
        email=next(emails, None),
    )


def _phone(fields: list[Field]) -> str | None:
    return _best(
        [part for code, name, value in fields if _is(code, name, PHONE, PHONE_NAMES) for part in split_values(value)]
    )


def _is(code: str | None, name: str | None, wanted: str, names: frozenset[str]) -> bool:
    return code == wanted if code else (name or "").casefold() in names


def _fields(value: object) -> Iterator[Field]:
    """Each value of the custom fields; amoCRM's own, which have a code, before those that people named."""
    found = list(sections(value))
    found.sort(key=lambda field: not (field.get("field_code") or field.get("code")))
    for field in found:
        code = text(field.get("field_code")) or text(field.get("code"))
        name = text(field.get("field_name")) or text(field.get("name"))
        values = field.get("values")
        # A radio button's is one object in place of a list; a date's list holds bare numbers.
        alone = isinstance(values, Mapping) and "value" in values
        for entry in [values] if alone else items(values):
            plain = text(entry.get("value") if isinstance(entry, Mapping) else entry)
            if plain is not None:
                yield code.upper() if code else None, name, plain


def split_values(value: str) -> list[str]:
    """People write several numbers into one value."""
    return [part.strip() for part in _NUMBERS.split(value)]


def _best(phones: list[str]) -> str | None:
    """The first that can be a phone; before it the first mobile one, for a land line takes no messages."""
    possible = [(phone, found[0]) for phone in phones if (found := next(candidates(phone), None)) is not None]
    mobile = (phone for phone, digits in possible if digits[-10:].startswith("9"))
    return next(mobile, possible[0][0] if possible else None)


def linked_leads(contact: Section) -> frozenset[str]:
    """Deals that a contact's hook says it is linked to: a map by the deal's id."""
    return frozenset(str(key) for key in section(contact.get("linked_leads_id")))
