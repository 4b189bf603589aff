"""Systems in memory that are kept in step by the comparison alone: for its properties, without store and network."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings

from svyazka.engine.comparing.compare import ComparedRecord, Side, compare_record
from svyazka.engine.comparing.fields import FieldRule, Seen
from svyazka.engine.comparing.normalising import NORMALISERS, Normaliser
from svyazka.engine.comparing.prints import Printer
from svyazka.engine.comparing.settling import NO_PROOF, Answer
from svyazka.model.bases import Accepted, Decided, FieldBase
from svyazka.model.records import CLEARED, UNREAD, Shown, Value, Wanted

LONG = int(os.environ.get("SVYAZKA_STORMS", "0"))
"""Examples of each property (`SVYAZKA_STORMS=5000`); without it, as many as every commit can wait for."""

KEY = b"k" * 32
TEXTS = ("alpha", "alphabet", "alphabetical", "beta", "Beta", "gamma")
TAGS = ("alphabet", "beta", "gamma", "delta")
"""No two are one where only five letters are kept."""
PHONES = tuple(f"+7999000010{digit}" for digit in range(6))
WORDS = (
    *TEXTS,
    *TAGS,
    *(text[:5] for text in TEXTS),
    *(text[:8] for text in TEXTS),
    "start",
    "100",
    "250.5",
    "999",
    *PHONES,
)
"""What people put into fields."""


def some(examples: int) -> Any:
    """How often hypothesis tries: the same examples at each commit, new ones in the long form."""
    return settings(max_examples=LONG or examples, deadline=None, derandomize=not LONG)


def printer(keys: Mapping[str, bytes] | None = None, normalisers: tuple[Normaliser, ...] = NORMALISERS) -> Printer:
    """One for tests."""
    return Printer(keys or {"1": KEY}, "kofe", "contact", normalisers)


def agreed(field_name: str, shown: Shown) -> FieldBase:
    """The base of a side that agreed while it showed this."""
    return FieldBase(prints=printer().prints(field_name, shown))


def seen(field_name: str, shown: Shown, base: Shown | None = None, **more: Any) -> Seen:
    """A side that shows the one and agreed on the other; None: it has never agreed."""
    return Seen(shown, None if base is None else agreed(field_name, base), **more)


def cut(length: int) -> Callable[[Value], Value]:
    """A system that keeps the first letters of a text; of a phone, all of it."""
    return lambda value: value[:length] if isinstance(value, str) and value[:1] != "+" else value


@dataclass
class System:
    """One system: what it holds, and how it takes what is written."""

    holds: dict[str, Shown]
    keeps: Callable[[Value], Value] = lambda value: value
    one_value: frozenset[str] = frozenset()
    unread: bool = False
    gone: bool = False
    proves: bool = True
    """Its answers show what it holds now."""
    ignores: frozenset[str] = frozenset()
    read_only: bool = False
    bases: dict[str, FieldBase] = field(default_factory=dict)

    def take(self, changes: Mapping[str, Wanted]) -> dict[str, Answer]:
        """A write."""
        assert not self.read_only
        for name, value in changes.items():
            if name in self.ignores:
                continue
            self.holds[name] = value if value is CLEARED else self._kept(value)
        return {name: self.holds[name] if self.proves else NO_PROOF for name in changes}

    def _kept(self, value: Value) -> Value:
        return tuple(str(self.keeps(one)) for one in value) if isinstance(value, tuple) else self.keeps(value)

    def side(self) -> Side:
        """As it is read now."""
        fields = dict.fromkeys(self.holds, UNREAD) if self.unread or self.gone else self.holds
        return Side(
            fields, self.bases, lambda _, value: self.keeps(value), self.one_value, self.read_only, gone=self.gone
        )  # fmt: skip


@dataclass(repr=False)
class World:
    """Systems and what the hub knows of one record."""

    systems: dict[str, System]
    rules: dict[str, FieldRule]
    printer: Printer = field(default_factory=printer)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    decided: dict[str, Decided] = field(default_factory=dict)

    def __repr__(self) -> str:
        """As a failing example is read."""
        sides = (
            f"{name}: {system.holds} keeps {system.keeps('Alphabetical')} "
            f"{'view ' * bool(system.one_value)}{'unread ' * system.unread}{'gone ' * system.gone}"
            f"{'file ' * system.read_only}"
            f"{ {field: self._agreed(field, base) for field, base in system.bases.items()} }"
            for name, system in self.systems.items()
        )
        return "\n  " + "\n  ".join((*sides, *(f"{name}: {rule}" for name, rule in self.rules.items()))) + "\n"

    def _agreed(self, name: str, base: FieldBase) -> str:
        known = {self.printer.prints(name, one): one for one in WORDS}

        def word(prints: tuple[str, ...]) -> str:
            return "+".join(str(known.get((text,), "?")) for text in prints) or "-"

        owed = base.owed
        return word(base.prints) + (f" owed{owed.times} {'/'.join(map(word, owed.before))}" if owed else "")

    def compared(self) -> ComparedRecord:
        """What follows now."""
        sides = {name: system.side() for name, system in self.systems.items()}
        return compare_record(sides, self.rules, self.printer, self.accepted, self.decided)

    def deliver(self, toward: str) -> int:
        """One delivery: read all, compare, write one side, store what it proved. How many fields were written."""
        compared = self.compared()
        writes = compared.writes(toward)
        if self.systems[toward].unread or self.systems[toward].gone:
            assert not writes
        answers = self.systems[toward].take(writes) if writes else {}
        settled = compared.settled(toward, answers, self.printer)
        for name, bases in settled.bases.items():
            self.systems[name].bases = dict(bases)
        self.accepted = dict(settled.accepted)
        return len(writes)

    def round(self, order: Collection[str] = ()) -> int:
        """A delivery toward each side."""
        return sum(self.deliver(toward) for toward in order or self.systems)

    def shown(self, name: str) -> dict[str, Shown]:
        """What each system holds in a field."""
        return {side: system.holds[name] for side, system in self.systems.items()}
