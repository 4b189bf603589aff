"""One object, as a list shows it, against what was last agreed of it. Pure.

No other system is asked: who is unchanged since the two were equal is equal. What differs is looked at again by the
ordinary way, which reads all sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from svyazka.engine.comparing.matching import hides_phone, is_nameless
from svyazka.engine.comparing.prints import Printer
from svyazka.model.in_step import UNSHOWN, Record, Rules, Side, SideState
from svyazka.model.records import CLEARED, UNREAD, Object

OFF = "off"


@dataclass
class Tally:
    """What a comparison found, in fields and in records."""

    records: int = 0
    fields: int = 0
    agree: int = 0
    accepted: int = 0
    """Differences that stand for good reason."""
    on_their_way: int = 0
    asked: int = 0
    mended: int = 0
    """Fields that differ from what was agreed: looked at again."""
    unlinked: int = 0
    """Objects that no other system has."""

    def __iadd__(self, other: Tally) -> Tally:
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


DRIFT_FEW = 20
"""Fewer fields that differ are no drift."""


def has_drifted(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> bool:
    """Whether a whole comparison found more than twice the share of fields that differ that the one before it did."""
    return unlike(after) >= DRIFT_FEW and unlike(after) * fields_of(before) > 2 * unlike(before) * fields_of(after)


def unlike(tally: Mapping[str, JsonValue]) -> int:
    return sum(number for name in ("mended", "asked") if isinstance(number := tally.get(name), int))


def fields_of(tally: Mapping[str, JsonValue]) -> int:
    return number if isinstance(number := tally.get("fields"), int) else 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How one object stands."""

    tally: Tally
    differs: dict[str, str] = field(default_factory=dict)
    """Field -> why it is to be looked at."""
    alone: bool = False
    """No other system has it."""
    never_looked: bool = False
    """And nobody has looked for it there yet."""

    @property
    def is_to_be_looked_at(self) -> bool:
        return bool(self.differs)


def standing_of(one: Object, record: Record, connection: str, rules: Rules, prints: Printer) -> Standing:
    """How an object stands to what its record remembers of it."""
    side = record.sides.get(connection)
    if side is None or side.object != one.id:
        return Standing(Tally(records=1), {"": "another_object"})
    if side.state is not SideState.LIVE:
        return Standing(Tally(records=1, mended=1), {"": "back"})
    if UNSHOWN in record.refused.values() and not (is_nameless(one) or hides_phone(one)):
        return Standing(Tally(records=1, mended=1), {"": UNSHOWN})
    others = [name for name in rules.between if name != connection and name in record.live]
    if not others:
        looked = bool(record.refused) or record.has_gone or bool(record.would)
        return Standing(Tally(records=1, unlinked=1), alone=True, never_looked=not looked)
    tally, differs = Tally(records=1), {}
    for name in compared_fields(rules):
        shown = one.fields.get(name, UNREAD)
        base = side.bases.get(name)
        if shown is UNREAD or (base is None and shown is CLEARED and name not in record.asked):
            continue
        tally.fields += 1
        same = base is not None and base.owed is None and prints.shows(base.prints, name, shown) is True
        if base is not None and base.owed is not None:
            tally.on_their_way += 1
            differs[name] = "on_its_way"
        elif name in record.asked:
            tally.asked += 1
            if not same and changed_since(one, side):
                differs[name] = "changed"
        elif same and name in record.accepted:
            tally.accepted += 1
        elif same:
            tally.agree += 1
        else:
            tally.mended += 1
            differs[name] = "changed" if base is not None else "new"
    return Standing(tally, differs)


def changed_since(one: Object, side: Side) -> bool:
    """Whether it may have changed since it was last looked at: what a person is asked isn't looked at each night."""
    return one.changed_at is None or side.seen_at is None or one.changed_at > side.seen_at


def compared_fields(rules: Rules) -> Iterable[str]:
    """The fields that a flow keeps in step."""
    return (name for name, owner in rules.fields.items() if owner != OFF)
