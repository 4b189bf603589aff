"""What a set should hold, from what each side holds and held: the elements, and what that means for each side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from svyazka.engine.comparing.case import Case, State
from svyazka.engine.comparing.fields import Clear
from svyazka.engine.comparing.normalising import elements
from svyazka.model.bases import FieldBase, Prints
from svyazka.model.records import CLEARED, Blank, Wanted


def elements_of(case: Case, name: str) -> Mapping[str, str]:
    """What a side holds: each element's one spelling, and its own."""
    shown = case.shown(name)
    if isinstance(shown, Blank):
        return {}
    own = elements(shown)[:1] if case.sides[name].one_value else elements(shown)
    return {normal: element for element in own if (normal := case.normal(element)) is not None}


def merge(case: Case) -> Merged:
    """The set that the sides make together; where the field has an owner with a value, the owner's."""
    sides = {name: SideOfSet(case, name) for name in case.taking}
    owner = sides.get(case.rule.owner or "")
    held = dict.fromkeys(
        element
        for side in _in_order(sides)
        for element in side.holds
        if side.says(element) or any(other.awaits(element) for other in sides.values())
    )
    candidates = [element for element in held if not _is_cut(element, held, sides)]
    if owner is not None and owner.holds and not owner.view and owner.leads:
        led = [element for element in candidates if owner.keeps(element) in owner.holds]
        return Merged(case, sides, tuple(led))
    stays = [element for element in candidates if _stays(element, sides)]
    if owner is not None and owner.view and owner.leads and not set(owner.holds) & set(map(owner.keeps, stays)):
        stays += owner.holds
    return Merged(case, sides, tuple(stays))


def decided_by(case: Case, winner: str) -> Merged:
    """The set that a person has chosen: what one side holds, beside what the sets hold where that one is a view."""
    sides = {name: SideOfSet(case, name) for name in case.taking}
    hold = [side for side in _in_order(sides) if side.name == winner or (sides[winner].view and not side.view)]
    return Merged(case, sides, tuple(dict.fromkeys(element for side in hold for element in side.holds)))


def _in_order(sides: Mapping[str, SideOfSet]) -> Iterator[SideOfSet]:
    """Sets before views: the order of a set is what people see first."""
    return iter(sorted(sides.values(), key=lambda side: (side.view, side.name)))


def _is_cut(element: str, held: Mapping[str, object], sides: Mapping[str, SideOfSet]) -> bool:
    """Whether it is only what a side that cuts made of a longer one."""
    short = [side for side in sides.values() if element in side.holds]
    return any(
        longer != element and all(side.keeps(longer) == element for side in short)
        for longer in held
        if len(longer) > len(element)
    )


def _stays(element: str, sides: Mapping[str, SideOfSet]) -> bool:
    """What somebody added stays; else what nobody removed."""
    return any(side.added(element) for side in sides.values()) or not any(
        side.removed(element) for side in sides.values()
    )


@dataclass(frozen=True)
class SideOfSet:
    """What one side holds of a set, and what it did to it since it last agreed."""

    case: Case
    name: str

    @property
    def view(self) -> bool:
        """Whether it holds one value."""
        return self.case.sides[self.name].one_value

    @property
    def state(self) -> State:
        """What it did as a whole."""
        return self.case.states[self.name]

    @cached_property
    def holds(self) -> Mapping[str, str]:
        """Its elements."""
        return elements_of(self.case, self.name)

    @property
    def tells(self) -> bool:
        """Whether its elements say something about the set: a view that shows what it did says nothing new, unless no
        set that ever agreed is read: what is made anew is filled from the views."""
        return not self.view or self.state in (State.FRESH, State.CHANGED) or self._no_set_has_agreed

    @property
    def _no_set_has_agreed(self) -> bool:
        sides, states = self.case.sides, self.case.states
        return all(sides[name].one_value or states[name] is State.FRESH for name in self.case.taking)

    def says(self, element: str) -> bool:
        """Whether it says that an element of its belongs to the set. A file can't show that others removed one: what it
        holds unchanged says nothing."""
        if self.case.sides[self.name].writable or self.state is State.FRESH:
            return self.tells
        return self.added(element)

    @property
    def leads(self) -> bool:
        """Whether its rule as the owner holds: not before it has agreed, unless the flow says so."""
        return self.state is not State.FRESH or self.case.leads_at_first

    @property
    def ignored(self) -> bool:
        """Whether it was emptied where that means nothing."""
        return not self.holds and self.case.clear is not Clear.MIRROR

    def keeps(self, element: str) -> str | None:
        """What it would make of an element."""
        kept = self.case.kept(self.name, element)
        return self.case.normal(kept)

    def added(self, element: str) -> bool:
        """Whether it holds an element that it didn't have."""
        if not self.tells or self.keeps(element) not in self.holds:
            return False
        return self.state is State.FRESH or not any(self._among(prints, element) for prints in self._known)

    def removed(self, element: str) -> bool:
        """Whether it had an element and shows no longer that it has; or was still to remove it."""
        if self.state is State.FRESH or self.ignored:
            return False
        base = self._base
        if self.view:
            seen = base.owed.before if base.owed else (base.prints,)
            return self.state is State.CHANGED and any(self._among(prints, element) for prints in seen)
        if self.keeps(element) in self.holds:
            debts = base.owed.before if base.owed else ()
            return any(self._among(prints, element) for prints in debts) and not self._among(base.prints, element)
        return all(self._among(prints, element) for prints in self._known)

    @cached_property
    def gone(self) -> Prints:
        """The prints of what it held and holds no longer: all that is known of it."""
        if self.state is State.FRESH or self.ignored or (self.view and self.state is not State.CHANGED):
            return ()
        base = self._base
        if self.view:
            return base.owed.before[-1] if base.owed else base.prints
        stamp = self.case.printer.stamp_of(base.prints, self.case.field, self.case.type)
        now = stamp.of(tuple(self.holds)) if stamp else base.prints
        return tuple(text for text in base.prints if text not in now and all(text in known for known in self._known))

    @property
    def new(self) -> list[str]:
        """The elements that it added."""
        return [element for element in self.holds if self.added(element)]

    def awaits(self, element: str) -> bool:
        """Whether it is still to be given this element, whatever else a person did to it meanwhile."""
        owed = self._base.owed if self.state in (State.OWED, State.CHANGED) else None
        if owed is None or self.keeps(element) in self.holds:
            return False
        if owed.made and (self.holds or self.case.emptied(self.name)):
            return False
        return self.due(element) and not any(self._among(one, element) for one in owed.before)

    def due(self, element: str) -> bool:
        """Whether it was to show this element."""
        return self._among(self._base.prints, element)

    @property
    def _base(self) -> FieldBase:
        base = self.case.sides[self.name].base
        assert base is not None, "a side that has agreed has a base"
        return base

    @property
    def _known(self) -> tuple[Prints, ...]:
        """Each set that it may have shown before somebody changed it."""
        base = self._base
        return (base.prints, *(base.owed.before if base.owed else ()))

    def _among(self, prints: Prints, element: str) -> bool:
        kept = self.case.kept(self.name, element)
        stamp = self.case.printer.stamp_of(prints, self.case.field, self.case.type)
        return stamp is not None and isinstance(kept, str) and stamp(kept) in prints


@dataclass(frozen=True)
class Merged:
    """The set as it should be, and what that means for each side."""

    case: Case
    sides: Mapping[str, SideOfSet]
    elements: tuple[str, ...]

    def kept(self, name: str) -> tuple[str, ...]:
        """What one side keeps of the elements."""
        side = self.sides[name]
        return tuple(dict.fromkeys(kept for element in self.elements if (kept := side.keeps(element)) is not None))

    def wanted(self, name: str) -> Wanted | None:
        """What is to be written to a side; None where it holds what it should. What stands there keeps its place and
        its spelling."""
        holds, kept = self.sides[name].holds, self.kept(name)
        if self.sides[name].view:
            return None if holds and next(iter(holds)) in kept else self._shown_next(name, kept)
        if set(holds) == set(kept):
            return None
        stays = [own for element, own in holds.items() if element in kept]
        new = [element for element in kept if element not in holds]
        return (*stays, *new) or CLEARED

    def kept_apart(self, name: str) -> bool:
        """Whether a view goes on showing an element that was removed elsewhere: that reaches it as a clearing only.
        An element that took the removed one's place is shown instead."""
        side = self.sides[name]
        if not side.view or not side.holds or side.state is not State.UNCHANGED or self.wanted(name) is None:
            return False
        return self.case.clear is not Clear.MIRROR and not self._in_place_of(name) and not self._led(name)

    @property
    def begins_against_its_owner(self) -> bool:
        """Whether the owner, which has never agreed and doesn't lead at first, would be added to."""
        owner = self.sides.get(self.case.rule.owner or "")
        return bool(owner and not owner.leads and owner.holds and self.wanted(owner.name) is not None)

    def loses(self, name: str) -> bool:
        """Whether a side would lose an element."""
        kept = self.kept(name)
        return any(element not in kept for element in self.sides[name].holds)

    def debts(self) -> dict[str, FieldBase]:
        """What sides that can't be read now are owed: what was added, without what was removed."""
        found: dict[str, FieldBase] = {}
        for name in self.case.away:
            base = self.case.sides[name].base
            wanted = self._due(name, base) if base is not None else None
            if base is not None and wanted is not None and set(wanted) != set(base.prints):
                found[name] = self.case.owing(name, wanted)
        return found

    def _led(self, name: str) -> bool:
        owner = self.sides.get(self.case.rule.owner or "")
        return owner is not None and owner.name != name and owner.leads and bool(owner.holds)

    def _shown_next(self, name: str, kept: tuple[str, ...]) -> Wanted | None:
        instead = [element for element in self._in_place_of(name) if element in kept]
        shown = next(iter((*self._owed_to(name, kept), *instead, *kept)), None)
        return (shown,) if shown is not None else CLEARED

    def _owed_to(self, name: str, kept: tuple[str, ...]) -> list[str]:
        """The element that it was to show, where that is still one."""
        side = self.sides[name]
        if side.state is not State.OWED:
            return []
        return [element for element in kept if side.due(element)]

    def _in_place_of(self, name: str) -> list[str]:
        """What was put in the place of the element that a view shows, by whoever removed it."""
        shown = next(iter(self.sides[name].holds), None)
        if shown is None:
            return []
        return [
            kept
            for side in _in_order(self.sides)
            if side.name != name and side.removed(shown)
            for element in side.new
            if (kept := self.sides[name].keeps(element)) is not None
        ]

    def _due(self, name: str, base: FieldBase) -> Prints | None:
        """The prints of what a side that can't be read should come to hold; None where nobody can say."""
        stamp = self.case.printer.stamp_of(base.prints, self.case.field, self.case.type)
        if stamp is None:
            return None
        gone = [side for side in _in_order(self.sides) if set(side.gone) & set(base.prints)]
        new = [element for side in gone for element in side.new] if self.case.sides[name].one_value else self.elements
        kept = [value for element in new if isinstance(value := self.case.kept(name, element), str)]
        if self.case.sides[name].one_value:
            return (stamp(kept[0]),) if kept else None
        removed = {text for side in gone for text in side.gone}
        stays = (text for text in base.prints if text not in removed)
        return tuple(dict.fromkeys((*stays, *(stamp(element) for element in kept))))
