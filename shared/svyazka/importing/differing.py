"""What a row changes in a card, by three: what the file says, what it said last, what the card shows now. Pure.

What the file has changed since is written; what people have changed in the card since isn't overwritten; without a last
time only what is empty is filled.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from svyazka.model.contacts import normalize_email, normalize_phone
from svyazka.model.records import CLEARED, UNREAD, Object, Value, Wanted

Prints = Callable[[str, str], str]
"""The keyed hash of one value of a field."""
Keeps = Callable[[str, Value], Value]


@dataclass(frozen=True, slots=True)
class Difference:
    """What comes of a row and its card."""

    changes: Mapping[str, Wanted]
    left: tuple[str, ...] = ()
    """Fields that differ and stay as they are: people's own word counts, or nobody can tell whose is newer."""


def differences(
    fields: Mapping[str, Value], card: Object, said: Mapping[str, tuple[str, ...]] | None, keeps: Keeps, prints: Prints,
    singles: Container[str] = (),
) -> Difference:  # fmt: skip
    """`said`: prints of what the file said last; None: it is new to us. `singles`: sets of which the card holds one."""
    changes: dict[str, Wanted] = {}
    left = []
    for name, value in fields.items():
        shown = card.shows(name)
        if shown is UNREAD:
            continue
        if isinstance(value, tuple):
            new = _new_elements(name, value, card.elements(name), (said or {}).get(name, ()), prints)
            if new and name in singles:
                changes |= {} if card.elements(name) else {name: (new[0],)}
            elif new:
                changes[name] = (*card.elements(name), *new)
            continue
        kept = keeps(name, value)
        if shown == kept:
            continue
        last = (said or {}).get(name)
        ours = (prints(name, str(kept)),)
        if shown is CLEARED:
            if last != ours:
                changes[name] = value
        elif last is None or last == ours or last != (prints(name, str(shown)),):
            left.append(name)
        else:
            changes[name] = value
    return Difference(changes, tuple(left))


def said_now(fields: Mapping[str, Value], keeps: Keeps, prints: Prints) -> dict[str, tuple[str, ...]]:
    """Prints of what the file says, for the next time."""
    return {
        name: tuple(prints(name, plain(name, one)) for one in value)
        if isinstance(value, tuple)
        else (prints(name, str(keeps(name, value))),)
        for name, value in fields.items()
    }


def _new_elements(
    name: str, value: tuple[str, ...], there: tuple[str, ...], last: tuple[str, ...], prints: Prints
) -> list[str]:
    """Elements that the card lacks, but for those that the file had before: people have taken these away."""
    known = {plain(name, one) for one in there}
    return [one for one in value if plain(name, one) not in known and prints(name, plain(name, one)) not in last]


def plain(name: str, value: str) -> str:
    """The one spelling of an element of a set."""
    if name == "phone":
        return normalize_phone(value) or value
    return (normalize_email(value) or value) if name == "email" else value.casefold()
