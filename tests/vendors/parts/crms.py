"""A vendor that keeps people, companies and deals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.serve import Running
from svyazka.engine.contracts.failures import Case
from svyazka.model.records import RecordKind, Value
from vendors.parts.base import Part


@dataclass(frozen=True, kw_only=True)
class Crm(Part):
    """A vendor that keeps people, companies and deals."""

    open: Callable[[Running], None]
    """Opens the stand-in to these credentials, makes the fields that the settings name, and takes its rate away."""
    person: Callable[[Running, Mapping[str, Any]], str]
    """A person's card as somebody at the business has made it (`name`, `phones`, `emails`, the chat, and a `comment`
    that no search may take for a phone); its id."""
    done: Callable[[Running], Counter[str]]
    """What was written so far: `create contact`, `update deal`, `link deal`, `note deal`, `task deal` -> how often."""
    lag: Callable[[Running, float], None]
    """Lets its search be behind by so many seconds."""
    hide: Callable[[Running, RecordKind, str], None]
    """Takes away the right to see a field, by our name."""
    remove: Callable[[Running, RecordKind, str], None]
    """Somebody at the business removes a card."""
    writes: Mapping[str, tuple[str, str]]
    """What is written -> method and path of the call, for faults: `contact`, `company`, `deal`, `note`, `task`."""
    reads: tuple[str, str]
    """The same of the call by which a contact is searched."""
    fields: Mapping[RecordKind, Mapping[str, Value]]
    """A value for every kind of field that a card has, as we write it and read it again."""
    optional: Mapping[RecordKind, str]
    """A field that may be emptied and hidden."""
    save: Callable[[Running, RecordKind, str, Mapping[str, Any]], None]
    """Somebody at the business changes a card: `name`, `title` or `phone`, by our names."""
    between: Callable[[Running, RecordKind, Mapping[str, Any]], None]
    """Somebody changes the card of that kind that is written next, right after it was."""
    deaf: Callable[[Running, RecordKind, str], None]
    """A field takes nothing from now on, without a word."""
    cut: Callable[[Running, RecordKind, str, int], None]
    """A field keeps so many characters from now on."""
    tell: Callable[[Running, str], None]
    """Has it tell an address of whatever happens to its cards."""
    unsee: Callable[[Running, RecordKind, str], None] | None = None
    """Takes away the right to see a card."""
    chat: str | None = None
    """The vendor of the chats by which a contact is found."""
    marks: bool = True
    """A card keeps our mark."""
    one_of_a_phone: bool = False
    """It makes no second card with a phone."""
    batch: int = 1
    """Cards that one call reads by their ids."""
    page: int = 50
    """Cards that one page of its list has at most."""
    says: Callable[[Case], Iterable[tuple[int, object]]] = lambda case: ()
    """The answers, status and body, by which it says a case of its failure map."""
    changed: Mapping[Case, Mapping[str, object]] = field(default_factory=dict)
    """What is made of a row by what the table can't know: changes of the outcome."""
