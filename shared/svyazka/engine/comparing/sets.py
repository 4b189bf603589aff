"""Fields that hold several values: merged element by element, so that nobody's number is lost.

What a side added is added everywhere; what a side removed is removed everywhere; what one added while another removed
it stays. A side that holds one value is a *view* of the set: it agrees with every set that has its value. If a person
puts another value there, that one takes the place of the one that was shown, and the rest of the set is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from svyazka.engine.comparing.case import Case, State
from svyazka.engine.comparing.fields import Clear, Compared, Reason, Seen, Verdict
from svyazka.engine.comparing.merging import Merged, decided_by, elements_of, merge
from svyazka.engine.comparing.values import asked, compare_values, concluded, fewer_than_two
from svyazka.model.bases import AcceptedFor, FieldBase
from svyazka.model.records import CLEARED, UNREAD, Wanted

MOST = 20
"""Elements of a set that are kept in step; a longer one is left alone, and shown."""


def compare_sets(case: Case) -> Compared:
    """What follows for a field that is a set on at least one side."""
    there = case.without(case.gone)
    if all(seen.one_value for seen in there.sides.values()):
        return _as_tuples(compare_values(_as_texts(there)))
    crowded = [name for name in case.taking if len(elements_of(case, name)) > MOST]
    if crowded:
        return _beside(case, crowded)
    return next(compared for row in ROWS if (compared := row(case)) is not None)


# The rows


def _no_set_is_read(case: Case) -> Compared | None:
    """Views of a set that can't be read now may well show different elements of it."""
    if all(case.sides[name].one_value for name in case.taking):
        return Compared(Verdict.UNSEEN, accepted=case.accepted)
    return None


def _unchanged_and_equal(case: Case) -> Compared | None:
    """The usual case, without making a set of it."""
    if any(state is not State.UNCHANGED for state in case.states.values()):
        return None
    held = [(case.sides[name].one_value, set(elements_of(case, name))) for name in case.taking]
    whole = next(holds for view, holds in held if not view)
    if not all(holds <= whole if view and holds else holds == whole for view, holds in held):
        return None
    bases, restamped = case.news({name: case.as_read(name) for name in case.taking})
    return Compared(Verdict.EQUAL, bases=bases, accepted=case.still_accepted(), restamped=restamped)


def _an_accepted_difference(case: Case) -> Compared | None:
    """These very sets may differ."""
    if case.accepted is None or case.those(State.OWED) or not all(map(case.as_accepted, case.taking)):
        return None
    bases, restamped = case.news({name: case.as_read(name) for name in case.taking})
    why = Reason(case.accepted.why)
    return Compared(Verdict.ACCEPTED, why, bases=bases, accepted=case.accepted, restamped=restamped)


def _a_person_decided(case: Case) -> Compared | None:
    """Somebody saw these very sets and said whose holds. A view's value holds by being among the set's: the numbers
    that it has no place for are nobody's mistake."""
    if case.winner is None:
        return None
    merged = decided_by(case, case.winner)
    return None if len(merged.elements) > MOST else _carried(case, merged, Reason.DECIDED)


def _its_owner_is_unread(case: Case) -> Compared | None:
    """Nobody knows what the owner would say."""
    owner = case.rule.owner
    if owner in case.unread:
        return Compared(Verdict.HELD, Reason.OWNER_UNREAD, open={owner: Reason.OWNER_UNREAD}, accepted=case.accepted)
    return None


def _empty_everywhere(case: Case) -> Compared | None:
    if case.valued(case.taking):
        return None
    bases = {name: case.as_read(name) for name in case.taking}
    difference = case.accept(AcceptedFor.KEPT, bases) if case.hidden else case.still_accepted()
    return concluded(case, None, {}, bases, {}, {}, difference)


def _cleared_somewhere(case: Case) -> Compared | None:
    """A side that is empty now and wasn't: to keep it means that the others go on among themselves. Where a field has
    an owner, only the owner's clearing means anything."""
    meant = {case.rule.owner} if case.rule.owner in case.taking else set(case.taking)
    emptied = [name for name in case.those(State.CHANGED) if name in meant and case.shown(name) is CLEARED]
    if not emptied or case.clear is Clear.MIRROR:
        return None
    if case.clear is Clear.ASK:
        return asked(Reason.CLEARED, emptied)
    others = compare_sets(case.without(emptied))
    if others.verdict.standing.is_open:
        return others
    bases, _ = case.news(dict(others.bases) | {name: case.as_read(name) for name in case.taking})
    return Compared(Verdict.ACCEPTED, Reason.KEPT, bases=bases, accepted=case.accept(AcceptedFor.KEPT, others.bases))


def _merged(case: Case) -> Compared:
    """What was added anywhere without what was removed anywhere; where it has an owner, what that one holds."""
    merged = merge(case)
    if not merged.elements and case.clear is not Clear.MIRROR:
        return asked(Reason.CLEARED, case.taking)
    if merged.begins_against_its_owner:
        return asked(Reason.FIRST, case.taking)
    if len(merged.elements) > MOST:
        return Compared(Verdict.HELD, Reason.TOO_MANY, open=dict.fromkeys(case.taking, Reason.TOO_MANY))
    return _carried(case, merged, Reason.OWNER if case.rule.owner in case.taking else Reason.MERGED)


def _carried(case: Case, merged: Merged, reason: Reason) -> Compared:
    """What is written so that each side holds what it should."""
    writes: dict[str, Wanted] = {}
    bases: dict[str, FieldBase] = {}
    stay: dict[str, Reason] = {}
    accepted: dict[str, Reason] = {}
    for name in case.taking:
        wanted = merged.wanted(name)
        apart = _apart(case, merged, name, wanted, reason)
        if apart is not None:
            (accepted if apart in (Reason.KEPT, Reason.READ_ONLY) else stay)[name] = apart
            bases |= {name: case.as_read(name)} if name in accepted else {}
        elif wanted is None:
            bases[name] = case.as_read(name)
        else:
            writes[name] = wanted
            bases[name] = case.owing(name, case.prints(wanted))
    bases |= merged.debts()
    return concluded(case, reason, writes, bases, stay, accepted, case.still_accepted())


ROWS: tuple[Callable[[Case], Compared | None], ...] = (
    fewer_than_two,
    _no_set_is_read,
    _unchanged_and_equal,
    _an_accepted_difference,
    _a_person_decided,
    _its_owner_is_unread,
    _empty_everywhere,
    _cleared_somewhere,
    _merged,
)


# What they share


def _apart(case: Case, merged: Merged, name: str, wanted: Wanted | None, reason: Reason) -> Reason | None:
    """Why one side isn't made as the set is; None where it is, or already was."""
    decided = reason is Reason.DECIDED
    if not decided and merged.kept_apart(name):
        return Reason.KEPT
    if wanted is None:
        return None
    if not case.sides[name].writable:
        return Reason.READ_ONLY
    if case.states[name] is State.FRESH and not (decided or case.leads_at_first) and merged.loses(name):
        return Reason.FIRST
    return Reason.NOT_TAKEN if case.not_taken(name, case.prints(wanted)) else None


def _beside(case: Case, crowded: Iterable[str]) -> Compared:
    """The others among themselves: a set that is too long counts as unread."""
    names = set(crowded)
    sides = {name: replace(seen, shown=UNREAD) if name in names else seen for name, seen in case.sides.items()}
    others = compare_sets(replace(case, sides=sides))
    stay = dict(others.open) | dict.fromkeys(sorted(names), Reason.TOO_MANY)
    verdict = others.verdict if others.verdict is Verdict.ASKED else Verdict.HELD
    return replace(others, verdict=verdict, reason=others.reason or Reason.TOO_MANY, open=stay)


# Where each side holds one value, it is a plain field


def _as_texts(case: Case) -> Case:
    return replace(case, sides={name: _text(seen) for name, seen in case.sides.items()})


def _text(seen: Seen) -> Seen:
    shown = seen.shown
    return replace(seen, shown=shown[0] if isinstance(shown, tuple) and shown else shown)


def _as_tuples(compared: Compared) -> Compared:
    return replace(compared, writes={name: _tuple(value) for name, value in compared.writes.items()})


def _tuple(value: Wanted) -> Wanted:
    return (str(value),) if isinstance(value, str) else value
