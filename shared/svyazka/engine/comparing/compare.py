"""Comparing what several systems hold of one thing, field by field: what is written to whom, and what is asked.

Pure. Each field stands alone: one in dispute never holds up the others. Values go in and leave as writes only;
what is kept of them are prints.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace

from svyazka.engine.comparing.case import Case
from svyazka.engine.comparing.fields import Compared, FieldRule, Reason, Seen, Window
from svyazka.engine.comparing.normalising import SET_TYPES, FieldType, field_type
from svyazka.engine.comparing.prints import Printer
from svyazka.engine.comparing.sets import compare_sets
from svyazka.engine.comparing.settling import NO_PROOF, Answer, settle
from svyazka.engine.comparing.values import compare_values
from svyazka.model.bases import Accepted, Decided, FieldBase, Prints
from svyazka.model.records import CLEARED, UNREAD, Blank, Shown, Value, Wanted


@dataclass(frozen=True, slots=True)
class Side:
    """One system's part of a record as it was read, and what is known of it."""

    fields: Mapping[str, Shown]
    """By canonical name; what isn't here is UNREAD."""
    bases: Mapping[str, FieldBase] = field(default_factory=dict)
    keeps: Callable[[str, Value], Value] = lambda name, value: value
    """What the system makes of a value; of a set's, element by element."""
    one_value: Container[str] = ()
    """Fields that are sets elsewhere, and of which this system holds one value."""
    read_only: bool = False
    windows: Mapping[str, Window] = field(default_factory=dict)
    saved: bool = False
    """Somebody has saved it since we last wrote or read it."""
    gone: bool = False
    """It was deleted there."""

    def seen(self, name: str) -> Seen:
        """One field of it."""
        return Seen(
            shown=self.fields.get(name, UNREAD),
            base=self.bases.get(name),
            keeps=lambda value: self.keeps(name, value),
            one_value=name in self.one_value,
            writable=not self.read_only,
            window=self.windows.get(name),
            saved=self.saved,
            gone=self.gone,
        )


def compare_field(
    name: str,
    sides: Mapping[str, Seen],
    rule: FieldRule,
    printer: Printer,
    accepted: Accepted | None = None,
    decided: Decided | None = None,
) -> Compared:
    """What follows for one field."""
    type = rule.type or field_type(name)
    if type not in SET_TYPES and any(isinstance(seen.shown, tuple) for seen in sides.values()):
        type = FieldType.TAG
    plain = {side: replace(seen, shown=_plain(printer, type, seen.shown)) for side, seen in sides.items()}
    case = Case(name, type, plain, rule, printer, accepted, decided)
    return compare_sets(case) if type in SET_TYPES else compare_values(case)


def _plain(printer: Printer, type: FieldType, shown: Shown) -> Shown:
    """A value in whose one spelling nothing is left says that there is nothing."""
    if isinstance(shown, tuple):
        return tuple(one for one in shown if printer.normaliser(type, one)) or CLEARED
    if isinstance(shown, Blank) or printer.normaliser(type, shown):
        return shown
    return CLEARED


@dataclass(frozen=True)
class ComparedRecord:
    """What follows for each field of a record."""

    fields: Mapping[str, Compared]
    rules: Mapping[str, FieldRule]
    sides: Mapping[str, Side]

    def writes(self, side: str) -> dict[str, Wanted]:
        """What is to be written to one side."""
        return {name: one.writes[side] for name, one in self.fields.items() if side in one.writes}

    def intent(self, side: str) -> dict[str, Prints]:
        """Its prints: what is about to stand there."""
        known = {**self.sides[side].bases, **self.bases(side)}  # of what was owed before nothing is new
        return {name: known[name].prints for name in self.writes(side)}

    def bases(self, side: str) -> dict[str, FieldBase]:
        """What is new of one side's bases."""
        return {name: one.bases[side] for name, one in self.fields.items() if side in one.bases}

    @property
    def accepted(self) -> dict[str, Accepted]:
        """All differences that stand: they take the place of the record's."""
        return {name: one.accepted for name, one in self.fields.items() if one.accepted is not None}

    @property
    def open(self) -> dict[str, Mapping[str, Reason]]:
        """By field the sides that stay apart, and why."""
        return {name: one.open for name, one in self.fields.items() if one.open}

    @property
    def restamped(self) -> bool:
        """Whether the bases tell nothing new but who made their prints."""
        return all(one.restamped for one in self.fields.values() if one.bases)

    def settled(
        self, side: str, answers: Mapping[str, Answer], printer: Printer, held: Container[str] = (), *,
        made: bool = False,
    ) -> SettledRecord:  # fmt: skip
        """What is known after one side was written: `answers` by field; one that isn't in it proved nothing.

        `held`: fields that were not written after all, a brake held them: that side is owed them. `made`: the side's
        object was made by this write.
        """
        bases = {name: dict(one.bases) | self.bases(name) for name, one in self.sides.items()}
        accepted = self.accepted
        for field_name, compared in self.fields.items():
            if side not in compared.writes or field_name in held:
                continue
            now = {name: there[field_name] for name, there in bases.items() if field_name in there}
            answer = answers.get(field_name, NO_PROOF)
            rule, known = self.rules[field_name], accepted.get(field_name)
            found = settle(field_name, rule, side, now, answer, printer, known, made=made)
            bases[side][field_name] = found.bases[side]
            accepted |= {field_name: found.accepted} if found.accepted else {}
        return SettledRecord(bases, accepted)


@dataclass(frozen=True, slots=True)
class SettledRecord:
    """What is to be stored of a record."""

    bases: Mapping[str, Mapping[str, FieldBase]]
    """By side, all of its fields."""
    accepted: Mapping[str, Accepted]


def compare_record(
    sides: Mapping[str, Side],
    rules: Mapping[str, FieldRule],
    printer: Printer,
    accepted: Mapping[str, Accepted] | None = None,
    decided: Mapping[str, Decided] | None = None,
) -> ComparedRecord:
    """What follows for each field that has a rule."""
    fields = {
        name: compare_field(
            name,
            {side: one.seen(name) for side, one in sides.items()},
            rule,
            printer,
            (accepted or {}).get(name),
            (decided or {}).get(name),
        )
        for name, rule in rules.items()
    }
    return ComparedRecord(fields, rules, sides)
