"""One field of one record while it is compared: what each side did since they agreed, and what is written to whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from itertools import combinations

from svyazka.engine.comparing.fields import Clear, FieldRule, First, Seen
from svyazka.engine.comparing.normalising import FieldType, loosely, may_be_cleared
from svyazka.engine.comparing.prints import Printer
from svyazka.model.bases import Accepted, AcceptedFor, Decided, FieldBase, Owed, Prints
from svyazka.model.records import CLEARED, UNREAD, Blank, Shown, Value, Wanted

TRIES = 2
"""Writes after which a side that still shows its old value is said not to take the field."""

ALTERNATIVES = 4
"""Of what a side may show unchanged so many are remembered, the latest."""


class State(Enum):
    """What a side did since it last agreed."""

    FRESH = "fresh"
    """It never has, or nobody can read any more what it was."""
    UNCHANGED = "unchanged"
    OWED = "owed"
    """It shows what it did before: what was agreed hasn't come there yet."""
    CHANGED = "changed"


@dataclass(frozen=True)
class Case:
    """Sides in the order of their names, so that the order in which they are given can't matter."""

    field: str
    type: FieldType
    sides: Mapping[str, Seen]
    rule: FieldRule
    printer: Printer
    accepted: Accepted | None = None
    decided: Decided | None = None

    # Who takes part

    @cached_property
    def taking(self) -> tuple[str, ...]:
        """The sides that show the field."""
        return tuple(name for name in sorted(self.sides) if self.sides[name].shown is not UNREAD)

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """The sides that don't just now."""
        return tuple(name for name in self.away if not self.sides[name].gone)

    @cached_property
    def away(self) -> tuple[str, ...]:
        """The sides that don't, and those that are deleted: what is agreed without them, they are owed."""
        return tuple(name for name in sorted(self.sides) if self.sides[name].shown is UNREAD)

    @property
    def gone(self) -> tuple[str, ...]:
        """The sides that are deleted."""
        return tuple(name for name in self.away if self.sides[name].gone)

    def without(self, names: Iterable[str]) -> Case:
        """The same among the other sides."""
        left = {name: seen for name, seen in self.sides.items() if name not in set(names)}
        return replace(self, sides=left)

    # What they did

    @cached_property
    def states(self) -> Mapping[str, State]:
        """Of the sides that take part."""
        return {name: self._state(name) for name in self.taking}

    def those(self, *states: State) -> tuple[str, ...]:
        """The sides in one of these states."""
        return tuple(name for name in self.taking if self.states[name] in states)

    def _state(self, name: str) -> State:
        base = self.sides[name].base
        if base is None:
            return State.FRESH
        if (as_agreed := self.showing(name, base.prints)) is None:
            return State.FRESH
        if as_agreed:
            return State.UNCHANGED
        for before in base.owed.before if base.owed else ():
            if (as_before := self.showing(name, before)) is None:
                return State.FRESH
            if as_before:
                return State.CHANGED if self.emptied(name) else State.OWED
        return State.CHANGED

    def emptied(self, name: str) -> bool:
        """Whether a side shows nothing of what its object was made with, and somebody has saved it since."""
        seen = self.sides[name]
        made = seen.base is not None and seen.base.owed is not None and seen.base.owed.made
        return made and seen.saved and seen.shown is CLEARED

    def showing(self, name: str, prints: Prints) -> bool | None:
        """Whether a side shows what these are prints of."""
        return self.printer.shows(prints, self.field, self.sides[name].shown, self.type)

    # What they show

    def shown(self, name: str) -> Shown:
        """A side's value."""
        return self.sides[name].shown

    def valued(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those that show a value."""
        return tuple(name for name in names if not isinstance(self.sides[name].shown, Blank))

    def normal(self, shown: Shown) -> str | None:
        """A value's one spelling; None for nothing."""
        if isinstance(shown, Blank | tuple):
            return None
        return self.printer.normaliser(self.type, shown) or None

    def kept(self, name: str, shown: Shown) -> Wanted:
        """What a side would make of a value. CLEARED where it can't hold anything of it."""
        if isinstance(shown, Blank):
            return CLEARED
        value = self.sides[name].keeps(shown)
        return CLEARED if value in ("", ()) else value

    def prints(self, shown: Shown) -> Prints:
        """Of a value, as they are made now."""
        return self.printer.prints(self.field, shown, self.type)

    def same(self, one: str, other: str) -> bool:
        """Whether two sides hold the same, as far as both can hold it."""
        ours, theirs = self.sides[one].shown, self.sides[other].shown
        if ours == theirs or self.normal(ours) == self.normal(theirs):
            return True
        return self.normal(self.kept(other, ours)) == self.normal(self.kept(one, theirs))

    def all_same(self, names: Iterable[str]) -> bool:
        """Whether each two of these do: a short side may fit two long ones that don't fit each other."""
        return all(self.same(*pair) for pair in combinations(names, 2))

    def spelled(self, one: str, other: str) -> bool:
        """Whether two values differ in spelling only."""
        ours, theirs = self.normal(self.kept(other, self.shown(one))), self.normal(self.kept(one, self.shown(other)))
        return ours is not None and theirs is not None and loosely(self.type, ours) == loosely(self.type, theirs)

    def excused(self, one: str, other: str) -> bool:
        """Whether the difference between these two is an accepted one."""
        return self.as_accepted(one) and self.as_accepted(other)

    def as_accepted(self, name: str) -> bool:
        """Whether a side shows what it shows in the accepted difference."""
        prints = self.accepted.sides.get(name) if self.accepted else None
        return prints is not None and self.showing(name, prints) is True

    def narrow(self, source: str, target: str) -> bool:
        """Whether the target holds more of a text than the source can: its end would be lost, unseen by whoever
        edited the short one."""
        ours, theirs = self.shown(source), self.shown(target)
        if self.type is not FieldType.TEXT or not isinstance(ours, str) or not isinstance(theirs, str):
            return False
        whole, seen = self.normal(theirs), self.normal(self.kept(source, theirs))
        return whole is not None and len(seen or "") < len(whole)

    # What a person said

    @cached_property
    def winner(self) -> str | None:
        """Whose value holds by the word of somebody who saw these very ones; some may show the winner's by now."""
        decided = self.decided
        if decided is None or decided.winner not in self.taking or not self._as_seen(decided, decided.winner):
            return None
        held = set(self.prints(self.shown(decided.winner)))
        for name in self.taking:
            if not self._as_seen(decided, name) and set(self.prints(self.shown(name))) != held:
                return None
        return None if self.shown(decided.winner) is CLEARED and not self.may_be_cleared else decided.winner

    def _as_seen(self, decided: Decided, name: str) -> bool:
        return name in decided.sides and self.showing(name, decided.sides[name]) is True

    # What clearing means

    @property
    def may_be_cleared(self) -> bool:
        """Whether any rule may empty it."""
        return may_be_cleared(self.field, self.type)

    @property
    def clear(self) -> Clear:
        """The flow's rule, where the field may be cleared at all."""
        return self.rule.clear if self.may_be_cleared else Clear.KEEP

    @property
    def leads_at_first(self) -> bool:
        """Whether the owner's value holds over sides that have never agreed."""
        return self.rule.first is First.OWNER

    # Bases

    def as_read(self, name: str) -> FieldBase:
        """The base of a side that agrees as it is."""
        return FieldBase(prints=self.prints(self.shown(name)))

    def owing(self, name: str, wanted: Prints) -> FieldBase:
        """The base of a side that is to hold this and shows another thing, or isn't read now."""
        base = self.sides[name].base
        before: tuple[Prints, ...]
        if name in self.states:
            before = (self.prints(self.shown(name)),)
        else:
            known = (*(base.owed.before if base.owed else ()), base.prints) if base else ()
            before = tuple(dict.fromkeys(known))[-ALTERNATIVES:]
        edited = self.states.get(name) is State.CHANGED
        if base is not None and base.owed is not None and self.states.get(name) is State.OWED:
            edited = base.owed.edited
        return FieldBase(prints=wanted, owed=Owed(before=before, times=self.tries(name, wanted), edited=edited))

    def tries(self, name: str, wanted: Prints) -> int:
        """How often this was written to a side that showed no effect."""
        base = self.sides[name].base
        if base is None or base.owed is None or set(base.prints) != set(wanted):
            return 0
        return base.owed.times if self.states.get(name, State.OWED) is State.OWED else 0

    def not_taken(self, name: str, wanted: Prints) -> bool:
        """Whether a side was given this often enough."""
        return self.tries(name, wanted) >= TRIES

    def news(self, bases: Mapping[str, FieldBase]) -> tuple[dict[str, FieldBase], bool]:
        """Those of the bases that aren't stored yet, and whether only their stamps are new."""
        new = {name: base for name, base in bases.items() if not self._stored(name, base)}
        return new, all(self._means_the_same(name, base) for name, base in new.items())

    def _stored(self, name: str, base: FieldBase) -> bool:
        there = self.sides[name].base
        return there is not None and set(there.prints) == set(base.prints) and there.owed == base.owed

    def _means_the_same(self, name: str, base: FieldBase) -> bool:
        there = self.sides[name].base
        return (
            there is not None and there.owed is None and base.owed is None and self.showing(name, there.prints) is True
        )

    # Accepted differences

    def accept(self, why: AcceptedFor, bases: Mapping[str, FieldBase]) -> Accepted:
        """What every side shows now, as a difference that stands. For one that can't be read: what it has agreed on, by
        these new bases or its old one."""
        sides = {name: self.prints(self.shown(name)) for name in self.taking}
        for name in self.unread:
            base = bases.get(name) or self.sides[name].base
            sides |= {name: base.prints} if base else {}
        return Accepted(sides=sides, why=why)

    @property
    def hidden(self) -> bool:
        """Whether a side that can't be read now holds a value, which stays when the others are empty."""
        bases = (self.sides[name].base for name in self.unread)
        return self.clear is not Clear.MIRROR and any(base is not None and base.prints for base in bases)

    def still_accepted(self) -> Accepted | None:
        """The old one, as long as somebody who is part of it can't be read."""
        if self.accepted and any(name not in self.taking for name in self.accepted.sides):
            return self.accepted
        return None


def owed_to_those_away(case: Case, source: Value | Blank) -> dict[str, FieldBase]:
    """Sides that couldn't be read are owed what the others agreed on, unless it is what they agreed on before."""
    debts: dict[str, FieldBase] = {}
    for name in case.away:
        base = case.sides[name].base
        wanted = case.kept(name, source)
        if base is None or (wanted is CLEARED and (source is not CLEARED or case.clear is not Clear.MIRROR)):
            continue
        if case.printer.shows(base.prints, case.field, wanted, case.type) is False:
            debts[name] = case.owing(name, case.prints(wanted))
    return debts
