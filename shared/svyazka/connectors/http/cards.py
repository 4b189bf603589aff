"""Cards of a business's own system as our objects, and what of ours goes into one. Pure.

A field that isn't in a card isn't shown; null, an empty text or list says that nothing stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from svyazka.connectors.http.facts import VERSION_LIMIT, id_of
from svyazka.connectors.http.settings import OwnSystem
from svyazka.engine.contracts.untrusted import Section, section, sections, text, zoned_time
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.records import CLEARED, SETS, UNREAD, Blank, Object, ObjectId, RecordKind, Shown, Value, Wanted

VALUE_LIMIT = 10_000


class Sent(NamedTuple):
    """Fields to be sent, and our names of what couldn't be put into them."""

    fields: dict[str, object]
    left_out: tuple[str, ...]


def object_of(kind: RecordKind, card: Section, system: OwnSystem) -> Object | None:
    """A card; None for what has no id, or is deleted."""
    return None if is_deleted(card) else _object_of(kind, card, system)


def is_deleted(card: Section) -> bool:
    """Whether it says that it is in the bin."""
    return card.get("deleted") is True


def deleted_of(kind: RecordKind, card: Section, system: OwnSystem) -> Object | None:
    """A card that says that it was deleted; None for what has no id, or isn't."""
    return _object_of(kind, card, system) if is_deleted(card) else None


def _object_of(kind: RecordKind, card: Section, system: OwnSystem) -> Object | None:
    id_ = id_of(card.get("id"))
    if id_ is None:
        return None
    ours = {theirs: name for name, theirs in system.fields.items()}
    told = section(card.get("fields")).items()
    # What it calls as we call another of its fields is none of ours.
    shown = {ours.get(name, name): value for name, value in told if name in ours or name not in system.fields}
    links = (_link(one) for one in sections(card.get("links")))
    return Object(
        kind=kind, id=id_, fields={name: _shown(name, value) for name, value in shown.items()},
        links=frozenset(one for one in links if one is not None), version=text(card.get("version"), VERSION_LIMIT),
        created_at=zoned_time(card.get("created_at")), changed_at=zoned_time(card.get("changed_at")), original=card,
    )  # fmt: skip


def mark_of(card: Section) -> str | None:
    """Our mark on a card."""
    return text(card.get("mark"))


def _shown(name: str, value: object) -> Shown:
    if isinstance(value, bool):
        return value
    if value is None or (isinstance(value, str | list) and not value):
        return CLEARED
    if isinstance(value, list):
        each = [_plain(one) for one in value]
        return UNREAD if UNREAD in each else tuple(one for one in each if isinstance(one, str)) or CLEARED
    plain = _plain(value)
    return (plain,) if name in SETS and isinstance(plain, str) else plain


def _plain(value: object) -> str | Blank:
    """A text; UNREAD for what is none, or would have to be cut."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return CLEARED
    plain = text(value, VALUE_LIMIT + 1)
    return plain if plain is not None and len(plain) <= VALUE_LIMIT else UNREAD


def _link(told: Section) -> ObjectId | None:
    kind, id_ = text(told.get("kind")), id_of(told.get("id"))
    return ObjectId(RecordKind(kind), id_) if kind in set(RecordKind) and id_ is not None else None


def keeps(field: str, value: Value, system: OwnSystem | None) -> Value:
    """What it makes of a value: no more characters than it has room for."""
    most = system.longest.get(field) if system is not None else None
    return value[:most].strip() if isinstance(value, str) and most is not None else value


def sent(values: Mapping[str, Wanted], system: OwnSystem, there: Object | None = None) -> Sent:
    """Fields by its names. `there`: the card that they are to be written to."""
    fields: dict[str, object] = {}
    left_out: list[str] = []
    others = set(system.fields.values()).difference(system.fields)  # its names that stand for another field of ours
    for name, value in values.items():
        taken = UNREAD if name in others or name in system.read_only else _taken(name, value, system, there)
        if taken is UNREAD:
            left_out.append(name)
        else:
            fields[system.fields.get(name, name)] = taken
    return Sent(fields, tuple(sorted(left_out)))


def _taken(name: str, value: Wanted, system: OwnSystem, there: Object | None) -> object:
    """A value as it is sent; UNREAD where the card can't hold it."""
    if value is CLEARED:
        return None
    if not isinstance(value, tuple):
        return keeps(name, value, system)
    shown = {normal_element(name, one): one for one in there.elements(name)} if there is not None else {}
    if name not in system.one:
        return [shown.get(normal_element(name, one), one) for one in value]
    # Of several the one that it holds already, which leaves the new one out.
    held = len(value) > 1 and any(normal_element(name, one) in shown for one in value)
    return UNREAD if held or not value else value[0]


def not_taken(written: Mapping[str, object], shown: Object | None, system: OwnSystem) -> tuple[str, ...]:
    """Our names of what was sent and isn't among the fields that the answer shows: it has none such."""
    if shown is None:
        return ()
    ours = {theirs: name for name, theirs in system.fields.items()}
    return tuple(sorted(name for name in (ours.get(one, one) for one in written) if name not in shown.fields))
