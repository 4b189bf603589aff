"""Business things as other systems hold them: kinds, what tells one by, references, values of fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, Literal, NamedTuple

from pydantic import JsonValue

from svyazka.model.base import Stored, Time
from svyazka.model.contacts import Contact
from svyazka.model.references import Ref


class RecordKind(StrEnum):
    """What kind of thing it is, whatever a system calls it."""

    CONTACT = "contact"
    """A person."""
    COMPANY = "company"
    DEAL = "deal"
    """A sale on its way: a lead, an order, an enquiry."""
    VISIT = "visit"
    """An appointment. Calendars have them; a CRM shows one as a deal."""


# Which one


class Target(Stored):
    """One object that a command is about, or is to be linked with."""

    kind: RecordKind
    to: Ref


class Link(Target):
    """An object to be linked with; `main`: the first among those of its kind, where a system has such a one."""

    main: bool = False


class ObjectId(NamedTuple):
    """An object at one connection."""

    kind: RecordKind
    id: str


class Match(Stored):
    """What an object is told by: the first of these that finds one decides. A name alone finds nobody; of several who
    share a phone it tells which one is meant."""

    mark: str | None = None
    """Our own mark on the object: an id that is ours and that no other object bears."""
    phone: str | None = None
    email: str | None = None
    chats: dict[str, str] = {}
    name: str | None = None

    @classmethod
    def of(cls, person: Contact, mark: str | None = None) -> Match:
        """What tells a person; an aggregator's one-time number doesn't."""
        phone = None if person.proxy else person.phone
        return cls(mark=mark, phone=phone, email=person.email, chats=person.chats, name=person.name)


class KeyType(StrEnum):
    """By what kind of value an object is told."""

    MARK = "mark"
    PHONE = "phone"
    EMAIL = "email"
    CHAT = "chat"
    NAME = "name"
    """Companies only: of people many bear the same."""


@dataclass(frozen=True, slots=True)
class Key:
    """One value that an object is told by, in its one spelling: E.164, an address or a company's name in lower case,
    `telegram:12345`."""

    by: KeyType
    value: str


# What stands in its fields


class Blank(Enum):
    """What a field shows where it shows no value."""

    CLEARED = "cleared"
    """The system says that there is nothing."""
    UNREAD = "unread"
    """Not in this answer, no right to see it, masked, or not mapped: it says nothing and is never written."""


CLEARED: Final = Blank.CLEARED
UNREAD: Final = Blank.UNREAD

Value = str | bool | tuple[str, ...]
"""A field's value: a text (amounts, dates and numbers too), yes or no, or a set of texts."""

Shown = Value | Blank
"""What a system shows of a field."""

Wanted = Value | Literal[Blank.CLEARED]
"""What a field is to hold."""

TELLING = frozenset({"phone", "email"})
"""Fields that a person is told by; each holds several values."""

SETS = TELLING | {"tags"}
"""Fields that hold several values: a command adds to them and replaces none."""


def wanted_value(value: JsonValue) -> Wanted:
    """A command's value as a field takes it; null, and what is empty, means that nothing shall stand there."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list):
        return tuple(str(one).strip() for one in value if one is not None and str(one).strip()) or CLEARED
    plain = "" if value is None else str(value).strip()
    return plain or CLEARED


@dataclass(frozen=True, slots=True)
class Object:
    """A thing as one system holds it now."""

    kind: RecordKind
    id: str
    fields: Mapping[str, Shown]
    """By canonical name; a name that isn't here is UNREAD."""
    links: frozenset[ObjectId] = frozenset()
    """Objects that it is linked with, of those kinds that the reading shows."""
    version: str | None = None
    """What its system says of its version, to be compared for being equal only."""
    created_at: datetime | None = None
    changed_at: datetime | None = None
    is_open: bool | None = None
    """For a deal: neither won nor lost. None: its system doesn't say."""
    called: str | None = None
    """What a list calls a person where it doesn't show the whole name: it may tell people apart, and is never compared
    or written."""
    original: Any = field(default=None, repr=False, compare=False)
    """As its system told it, for its connector alone: what must be sent back as it was read."""

    @property
    def itself(self) -> ObjectId:
        """Its kind and id."""
        return ObjectId(self.kind, self.id)

    def shows(self, name: str) -> Shown:
        """What stands in a field."""
        return self.fields.get(name, UNREAD)

    def elements(self, name: str) -> tuple[str, ...]:
        """The texts in a field, be it one or several."""
        shown = self.shows(name)
        return shown if isinstance(shown, tuple) else (shown,) if isinstance(shown, str) else ()


KNOWN_MOST = 5
"""Objects that are noted under one key: so many people may share a phone."""


class KnownObjects(Stored):
    """Which objects of one connection we found or made under one key: what its own search may not show yet.

    The key is kept as a keyed hash only.
    """

    id: str
    tenant: str
    connection: str
    kind: RecordKind
    by: KeyType
    objects: tuple[str, ...]
    """Ids, the latest last."""
    people: tuple[str, ...] = ()
    """The keyed hash of the person's address that it is, for `forget`."""
    expire_at: Time
